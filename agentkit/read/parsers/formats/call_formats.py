"""Every tool-call format by the names of vLLM's parsers, as data. Source of each: vLLM 0.32 and
0.33, `vllm/tool_parsers`, `vllm/parser`.
"""

from __future__ import annotations

import re
from string import whitespace
from typing import Any

from agentkit.read.parsers.call_parser import Format
from agentkit.read.parsers.formats.tag_formats import TAGGED, muse
from agentkit.read.parsers.literals.coercion import (
    as_json,
)
from agentkit.read.parsers.syntax.brace_calls import BraceCalls
from agentkit.read.parsers.syntax.channel_calls import Harmony
from agentkit.read.parsers.syntax.element_calls import ElementCalls
from agentkit.read.parsers.syntax.json_calls import JsonCalls
from agentkit.read.parsers.syntax.named_calls import MistralCalls, NamedCalls
from agentkit.read.parsers.syntax.python_calls import PythonCalls


def _hermes(tag: str) -> JsonCalls:
    return JsonCalls(calls=(f"<{tag}>",), ends=(f"</{tag}>",))


_JSON: dict[str, Format] = {
    "hermes": _hermes("tool_call"),
    "granite4": _hermes("tool_call"),
    "ernie45": _hermes("tool_call"),
    "longcat": _hermes("longcat_tool_call"),
    "llama3_json": JsonCalls(
        calls=("{",),
        opens=("<|python_tag|>",),
        arguments=("parameters", "arguments"),
        bare=True,
        strict=False,
    ),
    "granite": JsonCalls(calls=("<|tool_call|>", "<tool_call>"), coerce=True, strict=False),
    "granite-20b-fc": JsonCalls(calls=("<function_call>",), strict=False),
    "internlm": JsonCalls(
        calls=("<|action_start|><|plugin|>",),
        ends=("<|action_end|>",),
        arguments=("parameters", "arguments"),
        strict=False,
    ),
    "jamba": JsonCalls(calls=("<tool_calls>",), ends=("</tool_calls>",)),
    "hunyuan_a13b": JsonCalls(calls=("<tool_calls>",), ends=("</tool_calls>",), objects_only=True),
    "phi4_mini_json": JsonCalls(
        calls=("functools",), arguments=("arguments", "parameters"), list_only=True
    ),
    "xlam": JsonCalls(
        calls=("```json", "```", "[TOOL_CALLS]", "<tool_call>", "["),
        pairs={"```json": "```", "```": "```", "<tool_call>": "</tool_call>"},
        at_start=("[", "```"),
        behind=("</think>",),
        bare=True,
        list_only=True,
        objects_only=True,
    ),
    "cohere_command3": JsonCalls(
        calls=("<|START_ACTION|>",),
        ends=("<|END_ACTION|>",),
        name="tool_name",
        arguments=("parameters",),
        id="tool_call_id",
        strict=False,
    ),
    "apertus": JsonCalls(calls=("<|tools_prefix|>",), ends=("<|tools_suffix|>",), name=""),
    "gigachat3": JsonCalls(
        calls=("<|function_call|>", "<|message_sep|>\n\nfunction call<|role_sep|>\n"),
        drops=("</s>",),
    ),
    "inkling": JsonCalls(
        calls=("<|content_invoke_tool_json|>",),
        ends=("<|end_message|>",),
        arguments=("args",),
        strict=False,
        coerce=True,
        drops=(
            "<|message_model|>",
            "<|content_text|>",
            "<|end_message|>",
            "<|content_model_end_sampling|>",
        ),
    ),
    "mistral": MistralCalls(calls=("[TOOL_CALLS]",), id="id"),
}


_DEEPSEEK: dict[str, Any] = {
    "opens": ("<｜tool▁calls▁begin｜>",),
    "closes": ("<｜tool▁calls▁end｜>",),
    "calls": ("<｜tool▁call▁begin｜>",),
    "ends": ("<｜tool▁call▁end｜>",),
}
_NAMED: dict[str, Format] = {
    "deepseek_v3": NamedCalls(
        **_DEEPSEEK,
        head=re.compile(
            r"<｜tool▁call▁begin｜>\s*+function<｜tool▁sep｜>(?P<name>[^\n<]*+)\n(?:```(?:json)?+\n)?+"
        ),
        tail="```",
        cut_head=re.compile(
            r"<｜tool▁call▁begin｜>\s*+function<｜tool▁sep｜>(?P<name>[^\n<]++)[\n<]"
        ),
    ),
    "deepseek_v31": NamedCalls(
        **_DEEPSEEK,
        head=re.compile(r"<｜tool▁call▁begin｜>(?P<name>[^<]++)<｜tool▁sep｜>"),
        cut_head=re.compile(r"<｜tool▁call▁begin｜>(?P<name>[^<]++)<"),
    ),
    "kimi_k2": NamedCalls(
        opens=("<|tool_calls_section_begin|>", "<|tool_call_section_begin|>"),
        closes=("<|tool_calls_section_end|>", "<|tool_call_section_end|>"),
        calls=("<|tool_call_begin|>",),
        ends=("<|tool_call_end|>",),
        coerce=True,
        cut_head=re.compile(r"<\|tool_call_begin\|>\s*+(?:functions\.)?+(?P<name>[^:<\s]++)[:<\s]"),
        head=re.compile(
            r"<\|tool_call_begin\|>\s*+(?P<id>(?:functions\.)?+(?P<name>[^:<\s]++)(?::\d++)?+)"
            r"\s*+<\|tool_call_argument_begin\|>"
        ),
    ),
    "plamo3": NamedCalls(
        opens=("<|plamo:begin_tool_requests:plamo|>",),
        closes=("<|plamo:end_tool_requests:plamo|>",),
        calls=("<|plamo:begin_tool_request:plamo|>",),
        ends=("<|plamo:end_tool_request:plamo|>",),
        coerce=True,
        cut_head=re.compile(
            r"<\|plamo:begin_tool_request:plamo\|>\s*+<\|plamo:begin_tool_name:plamo\|>"
            r"(?P<name>[^<]++)<"
        ),
        head=re.compile(
            r"<\|plamo:begin_tool_request:plamo\|>\s*+<\|plamo:begin_tool_name:plamo\|>"
            r"(?P<name>[^<]++)<\|plamo:end_tool_name:plamo\|>\s*+"
            r"<\|plamo:begin_tool_arguments:plamo\|>(?:<\|plamo:constrain\|>json<\|plamo:msg\|>)?+"
        ),
        tail="<|plamo:end_tool_arguments:plamo|>",
    ),
}


_OTHER: dict[str, Format] = {
    "pythonic": PythonCalls(calls=("[",), at_start=("[",)),
    "llama4_pythonic": PythonCalls(
        calls=("<|python_start|>", "["), ends=("<|python_end|>",), at_start=("[",)
    ),
    "olmo3": PythonCalls(calls=("<function_calls>",), ends=("</function_calls>",)),
    "lfm2": PythonCalls(calls=("<|tool_call_start|>",), ends=("<|tool_call_end|>",), loose=True),
    "gemma4": BraceCalls(
        calls=("<|tool_call>",), ends=("<tool_call|>",), quote='<|"|>', drops=("<tool_call|>",)
    ),
    "functiongemma": BraceCalls(
        calls=("<start_function_call>",),
        ends=("<end_function_call>",),
        quote="<escape>",
        strings=as_json,
    ),
    "minimax_m3": ElementCalls(),
    "openai": Harmony(),
    "muse": muse(),
    "muse_glimmer": muse(as_json),
}


CANONICAL: dict[str, Format] = {**_JSON, **_NAMED, **TAGGED, **_OTHER}
"""By the names of vLLM's parsers."""

_TRIMMING = (
    "apertus",
    "cohere_command3",
    "dots",
    "functiongemma",
    "gemma4",
    "glm45",
    "granite",
    "lfm2",
    "ling3",
    "mimo",
    "minimax_m2",
    "mistral",
    "qwen3_coder",
    "seed_oss",
    "step3",
    "step3p5",
    "xlam",
)
"""Whose parsers give the text beside calls without the white space at its ends; the others give it
as it is.
"""
for _name in _TRIMMING:
    CANONICAL[_name].trims = whitespace
CANONICAL["ernie45"].trims = "\n"

_ALIASES = {
    "hermes": ("qwen3_json", "qwen", "qwen25", "qwen2_5", "qwq", "trinity"),
    "longcat": ("longcat_flash",),
    "llama3_json": ("llama4_json", "llama3", "llama"),
    "granite-20b-fc": ("granite_20b_fc",),
    "internlm": ("internlm2", "interns1"),
    "phi4_mini_json": ("phi4_mini",),
    "cohere_command3": ("cohere_command4",),
    "openai": ("gpt-oss", "gpt_oss", "harmony"),
    "deepseek_v3": ("deepseekv3", "deepseek-v3"),
    "deepseek_v31": ("deepseek_v3_1", "deepseekv31", "deepseek-v31"),
    "deepseek_v32": ("deepseek_v3_2", "deepseekv32", "deepseek-v32"),
    "deepseek_v4": ("deepseekv4", "deepseek-v4"),
    "deepseek_v41": ("deepseek_v4_1", "deepseekv41", "deepseek-v41"),
    "qwen3_coder": ("qwen3_xml",),
    "glm45": ("glm47", "glm", "glm4_moe"),
    "minimax_m2": ("minimax", "minimax-m2"),
    "minimax_m3": ("minimax-m3",),
    "hunyuan_a13b": ("hunyuan",),
    "muse": ("musespark1x",),
}
FORMATS: dict[str, Format] = {
    **CANONICAL,
    **{alias: CANONICAL[name] for name, aliases in _ALIASES.items() for alias in aliases},
}
"""By every name."""

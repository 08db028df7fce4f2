"""Every tool-call format by the names of vLLM's parsers, as data. Source of each: vLLM 0.32 and
0.33, `vllm/tool_parsers`, `vllm/parser`.
"""

from __future__ import annotations

import re
from string import whitespace
from typing import Any

from agentkit.read.parsers.call_parser import Either, Format
from agentkit.read.parsers.literals.coercion import (
    Coercion,
    as_json,
    as_json_or_text,
    as_literal,
    by_schema_or_python,
    plain_type,
    scalars,
    stripped_unless_string,
)
from agentkit.read.parsers.syntax.brace_calls import BraceCalls
from agentkit.read.parsers.syntax.channel_calls import Harmony, Muse
from agentkit.read.parsers.syntax.element_calls import ElementCalls
from agentkit.read.parsers.syntax.json_calls import JsonCalls
from agentkit.read.parsers.syntax.named_calls import MistralCalls, NamedCalls
from agentkit.read.parsers.syntax.python_calls import PythonCalls
from agentkit.read.parsers.syntax.tag_calls import TagCalls, XmlCalls

_ATTRIBUTE = r"""\s++name\s*+=\s*+(?P<{}>"[^"<>]*+"|'[^'<>]*+'|[^\s"'<>]++)\s*+>"""

_RUN_TOGETHER = _ATTRIBUTE.replace(r"\s++name", "[\\s\u0120]*+name")
"""MiniCPM5 writes `<functionname="f">`, and a tokenizer's mark for a space, as well."""


def _hermes(tag: str) -> JsonCalls:
    return JsonCalls(calls=(f"<{tag}>",), ends=(f"</{tag}>",))


def _json() -> dict[str, Format]:
    return {
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
        "hunyuan_a13b": JsonCalls(
            calls=("<tool_calls>",), ends=("</tool_calls>",), objects_only=True
        ),
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


def _named() -> dict[str, Format]:
    deepseek: dict[str, Any] = {
        "opens": ("<｜tool▁calls▁begin｜>",),
        "closes": ("<｜tool▁calls▁end｜>",),
        "calls": ("<｜tool▁call▁begin｜>",),
        "ends": ("<｜tool▁call▁end｜>",),
    }
    return {
        "deepseek_v3": NamedCalls(
            **deepseek,
            head=re.compile(
                r"<｜tool▁call▁begin｜>\s*+function<｜tool▁sep｜>(?P<name>[^\n<]*+)\n(?:```(?:json)?+\n)?+"
            ),
            tail="```",
            cut_head=re.compile(
                r"<｜tool▁call▁begin｜>\s*+function<｜tool▁sep｜>(?P<name>[^\n<]++)[\n<]"
            ),
        ),
        "deepseek_v31": NamedCalls(
            **deepseek,
            head=re.compile(r"<｜tool▁call▁begin｜>(?P<name>[^<]++)<｜tool▁sep｜>"),
            cut_head=re.compile(r"<｜tool▁call▁begin｜>(?P<name>[^<]++)<"),
        ),
        "kimi_k2": NamedCalls(
            opens=("<|tool_calls_section_begin|>",),
            closes=("<|tool_calls_section_end|>",),
            calls=("<|tool_call_begin|>",),
            ends=("<|tool_call_end|>",),
            coerce=True,
            cut_head=re.compile(
                r"<\|tool_call_begin\|>\s*+(?:functions\.)?+(?P<name>[^:<\s]++)[:<\s]"
            ),
            head=re.compile(
                r"<\|tool_call_begin\|>\s*+(?P<id>(?:functions\.)?+(?P<name>[^:<\s]++)(?::\d++)?+)\s*+<\|tool_call_argument_begin\|>"
            ),
        ),
        "plamo3": NamedCalls(
            opens=("<|plamo:begin_tool_requests:plamo|>",),
            closes=("<|plamo:end_tool_requests:plamo|>",),
            calls=("<|plamo:begin_tool_request:plamo|>",),
            ends=("<|plamo:end_tool_request:plamo|>",),
            coerce=True,
            cut_head=re.compile(
                r"<\|plamo:begin_tool_request:plamo\|>\s*+<\|plamo:begin_tool_name:plamo\|>(?P<name>[^<]++)<"
            ),
            head=re.compile(
                r"<\|plamo:begin_tool_request:plamo\|>\s*+<\|plamo:begin_tool_name:plamo\|>(?P<name>[^<]++)<\|plamo:end_tool_name:plamo\|>\s*+"
                r"<\|plamo:begin_tool_arguments:plamo\|>(?:<\|plamo:constrain\|>json<\|plamo:msg\|>)?+"
            ),
            tail="<|plamo:end_tool_arguments:plamo|>",
        ),
    }


def _tagged() -> dict[str, Format]:
    return {
        "qwen3_coder": function_tags("tool_call"),
        "step3p5": function_tags("tool_call"),
        "step5": function_tags("tool_call"),
        "mimo": function_tags("tool_call", trim_newline=False),
        "seed_oss": function_tags("seed:tool_call"),
        "deepseek_v32": dsml("", "function_calls"),
        "deepseek_v4": dsml("", "tool_calls", "toolcalls", "tool"),
        "deepseek_v41": dsml(" ", "calls"),
        "minimax_m2": invoke_tags("", ("<minimax:tool_call>",), ("</minimax:tool_call>",)),
        "dots": Either(
            invoke_tags(
                "",
                ("<dots_function_call>",),
                ("</dots_function_call>",),
                coercion=plain_type,
                references=True,
            ),
            JsonCalls(calls=("{",), closes=("</dots_function_call>",), objects_only=True),
        ),
        "step3": invoke_tags(
            "steptml:",
            ("<｜tool_call_begin｜>function<｜tool_sep｜>",),
            ("<｜tool_call_end｜>", "<｜tool_calls_end｜>"),
            wraps=("<｜tool_calls_begin｜>",),
            only_inside=True,
            coercion=scalars,
        ),
        "minicpm5": XmlCalls(
            calls=("<function",),
            head=re.compile("<function" + _RUN_TOGETHER.format("name")),
            ends=("</function>",),
            coercion=as_literal,
            parameter="<param",
            opening=re.compile("<param" + _RUN_TOGETHER.format("key")),
            closing="</param>",
            wrappers=("properties", "arguments"),
        ),
        "glm45": key_tags("tool_call"),
        "ling3": key_tags("tool_call"),
        "poolside_v1": key_tags("tool_call", coercion=as_literal),
        "hy_v3": key_tags(
            "tool_call", "tool_calls", separator="<tool_sep>", coercion=by_schema_or_python
        ),
        "hy_v4": key_tags(
            "tool_call", "tool_calls", optional="<tool_sep>", coercion=by_schema_or_python
        ),
        "k2_horizon": key_tags(
            "ifm|tool_call", "ifm|tool_calls", prefix="ifm|", coercion=stripped_unless_string
        ),
        "kimi_k3": TagCalls(
            opens=("<|open|>tools<|sep|>",),
            closes=("<|close|>tools<|sep|>",),
            only_inside=True,
            drops=(
                "<|open|>response<|sep|>",
                "<|close|>response<|sep|>",
                "<|close|>message<|sep|>",
            ),
            calls=("<|open|>call",),
            head=re.compile(r'<\|open\|>call\s++tool=(?P<name>"[^"]*+")[^|]*?<\|sep\|>'),
            ends=("<|close|>call<|sep|>",),
            parameter="<|open|>argument",
            closing="<|close|>argument<|sep|>",
            typed="json",
            entities=(("&quot;", '"'), ("&amp;", "&")),
            opening=re.compile(
                r'<\|open\|>argument\s++key=(?P<key>"[^"]*+")(?:\s++type="(?P<type>[^"]*+)")?+[^|]*?<\|sep\|>'
            ),
        ),
    }


def _other() -> dict[str, Format]:
    return {
        "pythonic": PythonCalls(calls=("[",), at_start=("[",)),
        "llama4_pythonic": PythonCalls(
            calls=("<|python_start|>", "["), ends=("<|python_end|>",), at_start=("[",)
        ),
        "olmo3": PythonCalls(calls=("<function_calls>",), ends=("</function_calls>",)),
        "lfm2": PythonCalls(
            calls=("<|tool_call_start|>",), ends=("<|tool_call_end|>",), loose=True
        ),
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
        "muse": _muse(),
        "muse_glimmer": _muse(as_json),
    }


def _muse(coercion: Coercion = as_json_or_text) -> Muse:
    return Muse(
        opens=("<atem:function_calls>",),
        closes=("</atem:function_calls>",),
        calls=("<atem:invoke",),
        head=re.compile("<atem:invoke" + _ATTRIBUTE.format("name")),
        ends=("</atem:invoke>",),
        parameter="<atem:parameter",
        opening=re.compile("<atem:parameter" + _ATTRIBUTE.format("key")),
        closing="</atem:parameter>",
        drops=Muse.frame,
        coercion=coercion,
    )


def function_tags(block: str, trim_newline: bool = True, **more: Any) -> TagCalls:
    """`<function=N><parameter=k>v</parameter></function>` in a block."""
    return TagCalls(
        opens=(f"<{block}>",),
        closes=(f"</{block}>",),
        calls=("<function=",),
        head=re.compile(r"<function=(?P<name>[^<>]++)>"),
        ends=("</function>",),
        parameter="<parameter=",
        opening=re.compile(r"<parameter=(?P<key>[^>]*+)>"),
        closing="</parameter>",
        trim_newline=trim_newline,
        **more,
    )


def invoke_tags(
    space: str, opens: tuple[str, ...], closes: tuple[str, ...], **more: Any
) -> TagCalls:
    """`<invoke name="N"><parameter name="k">v</parameter></invoke>` between markers."""
    return TagCalls(
        opens=opens,
        closes=closes,
        calls=(f"<{space}invoke",),
        head=re.compile(f"<{space}invoke" + _ATTRIBUTE.format("name")),
        ends=(f"</{space}invoke>",),
        parameter=f"<{space}parameter",
        opening=re.compile(f"<{space}parameter" + _ATTRIBUTE.format("key")),
        closing=f"</{space}parameter>",
        **more,
    )


def dsml(space: str, *sections: str) -> TagCalls:
    """DeepSeek's markup from V3.2 on."""
    tag = f"｜DSML｜{space}"
    return TagCalls(
        opens=tuple(f"<{tag}{section}>" for section in sections),
        closes=tuple(f"</{tag}{section}>" for section in sections),
        calls=(f"<{tag}invoke",),
        head=re.compile(f'<{tag}invoke name="(?P<name>[^"]++)">'),
        ends=(f"</{tag}invoke>",),
        parameter=f"<{tag}parameter",
        closing=f"</{tag}parameter>",
        typed="dsml",
        wrappers=("arguments", "input"),
        opening=re.compile(
            rf'<{tag}parameter\s++name="(?P<key>[^"]++)"(?:\s++string="(?P<type>[^"]*+)")?+\s*+>'
        ),
    )


def key_tags(
    call: str,
    section: str = "",
    prefix: str = "",
    separator: str = "",
    optional: str = "",
    **more: Any,
) -> TagCalls:
    """`<tool_call>N<arg_key>k</arg_key><arg_value>v</arg_value></tool_call>`."""
    behind = (
        re.escape(separator)
        if separator
        else f"(?:{optional})?+\\s*+(?=<{re.escape(prefix)}arg_key>|</{re.escape(call)}>)"
    )
    key, value = (re.escape(f"{prefix}arg_{part}") for part in ("key", "value"))
    return TagCalls(
        opens=(f"<{section}>",) if section else (),
        closes=(f"</{section}>",) if section else (),
        only_inside=bool(section),
        calls=(f"<{call}>",),
        head=re.compile(rf"<{re.escape(call)}>\s*+(?P<name>[^\s<>{{}}\"']++)\s*+{behind}"),
        ends=(f"</{call}>",),
        parameter=f"<{prefix}arg_key>",
        closing=f"</{prefix}arg_value>",
        opening=re.compile(
            rf"<{key}>(?P<key>[^<]*+)</{key}>\s*+(?:<{re.escape(prefix)}arg_type>(?P<type>[^<]*+)</{re.escape(prefix)}arg_type>\s*+)?+<{value}>"
        ),
        **more,
    )


CANONICAL: dict[str, Format] = {**_json(), **_named(), **_tagged(), **_other()}
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

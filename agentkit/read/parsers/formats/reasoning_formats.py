"""The reasoning parsers by name: vLLM's (0.33) under their own names, SGLang's (0.5) as
`sglang/NAME` where they read texts differently.
"""

from __future__ import annotations

import re
from typing import Any

from agentkit.read.parsers.reasoning_parser import Blocks, Marked, Messages, Once, Pairs, Reading

_HYBRID = Once(begins="behind", either=True)
"""Models that think or not, as they were asked: vLLM reads them by the request, which no text
tells, so text without markers is content.
"""
_THINKING = Once(begins="behind")
_OPTIONAL = Once(forced=False)
_TOOL = ("<tool_call>",)
_MM: dict[str, Any] = {"start": ("<mm:think>",), "end": ("</mm:think>",)}
_IFM: dict[str, Any] = {"start": ("<ifm|think>",), "end": ("</ifm|think>",)}
_COHERE = ("<|START_THINKING|>", "<|END_THINKING|>")
_RESPONSE = ("<|open|>response<|sep|>", "<|close|>response<|sep|>", "<|close|>message<|sep|>")
_INKLING = (
    "<|message_model|>",
    "<|content_text|>",
    "<|content_model_end_sampling|>",
    "<|content_tool_text|>",
    "<|content_tool_error|>",
)
_K3: dict[str, Any] = {
    "start": ("<|open|>think<|sep|>",),
    "end": ("<|close|>think<|sep|>",),
    "begins": "behind",
    "drops": _RESPONSE,
}
_HARMONY_HEADER = (
    r"<\|channel\|>\s*+(?P<channel>\w*+)(?:\s*+to=(?P<to>[^\s<]++))?+[^<]*+"
    r"(?:<\|constrain\|>[^<]*+)?+<\|message\|>"
)
_HARMONY = re.compile(rf"(?:\A\s*+|<\|start\|>\w*+){_HARMONY_HEADER}")
_HARMONY_ANYWHERE = re.compile(rf"(?:<\|start\|>\w*+)?+{_HARMONY_HEADER}")
_HARMONY_END = re.compile(r"<\|(?:end|return|call)\|>|(?=<\|start\|>)")
_MUSE_HEADER = (
    r"(?:<\|start\|>\s*+assistant[^\S\n]*+)?+"
    r"(?:to=(?P<to>[A-Za-z0-9_.\-]{1,200}+))?+<\|message\|>(?P<channel>)"
)
_MUSE = re.compile(_MUSE_HEADER)
_MUSE_SPACED = re.compile(rf"(?:(?<![^\S\n])[^\S\n]++)?+{_MUSE_HEADER}")
_MUSE_END = re.compile(r"<\|eom\|>|<\|eot\|>|(?=<\|start\|>)")


_QWEN = Blocks(tools=_TOOL, strips=False)

_VLLM: dict[str, Reading] = {
    "deepseek_r1": _THINKING,
    "holo2": _THINKING,
    "hy_v4": _THINKING,
    "deepseek_v3": _HYBRID,
    "hy_v3": _HYBRID,
    "poolside_v1": _HYBRID,
    "ernie45": Once(begins="behind", wrapped=("<response>", "</response>")),
    "step3": Once(begins="whole"),
    "olmo3": Once(begins="first", unclosed="text"),
    "minimax_m3": Once(forced=False, begins="behind", before=True, stray=True, **_MM),
    "k2_horizon": Once(begins="first", unclosed="content", tools=("<ifm|tool_calls>",), **_IFM),
    "kimi_k3": Once(**_K3),
    "granite": Once(
        start=("Here's my thought process:", "Here is my thought process:"),
        end=("Here's my response:", "Here is my response:"),
        forced=False,
        begins="behind",
        unclosed="text",
    ),
    "hunyuan_a13b": Once(
        start=("<think>\n",),
        end=("\n</think>\n<answer>\n",),
        forced=False,
        begins="behind",
        unclosed="text",
        drops=("\n</answer>",),
    ),
    "minimax_m2_append_think": Marked(),
    "qwen3": _QWEN,
    "mimo": _QWEN,
    "minicpmv": _QWEN,
    "step3p5": Blocks(tools=_TOOL),
    "nemotron_v3": Blocks(tools=_TOOL),
    "glm45": Blocks(tools=_TOOL, reopens=True),
    "ling3": Blocks(tools=_TOOL, reopens=True),
    "granite_thinking_parser": Blocks(tools=_TOOL, trims="\n"),
    "seed_oss": Blocks(
        start="<seed:think>", end="</seed:think>", tools=("<seed:tool_call>",), strips=False
    ),
    "kimi_k2": Blocks(tools=("<|tool_calls_section_begin|>",)),
    "minimax_m2": Blocks(tools=("<minimax:tool_call>",)),
    "deepseek_v4": Blocks(
        reopens=True,
        tools=(
            "<｜DSML｜tool_calls>",
            "<｜DSML｜toolcalls>",
            "<｜DSML｜tool>",
            '<｜DSML｜invoke name="',
        ),
    ),
    "deepseek_v41": Blocks(reopens=True, tools=("<｜DSML｜ calls>", '<｜DSML｜ invoke name="')),
    "gemma4": Blocks(
        start="<|channel>",
        end="<channel|>",
        thinking=False,
        reopens=True,
        tools=("<|tool_call>",),
        orphan=True,
        label="thought\n",
    ),
    "mistral": Blocks(
        start="[THINK]", end="[/THINK]", thinking=False, reopens=True, tools=("[TOOL_CALLS]",)
    ),
    "inkling": Blocks(
        start="<|content_thinking|>",
        end="<|end_message|>",
        thinking=False,
        reopens=True,
        drops=_INKLING,
        tools=("<|content_invoke_tool_json|>",),
        shared=True,
    ),
    "plamo3": Blocks(
        start="<|plamo:begin_think:plamo|>",
        end="<|plamo:end_think:plamo|>",
        reopens=True,
        strips=False,
        tools=("<|plamo:begin_tool_requests:plamo|>",),
        drops=("<|plamo:tag|>",),
    ),
    "cohere_command3": Blocks(
        start=_COHERE[0],
        end=_COHERE[1],
        thinking=False,
        reopens=True,
        strips=False,
        tools=("<|START_ACTION|>",),
        final=True,
        drops=("<|START_RESPONSE|>", "<|END_RESPONSE|>", "<|START_TEXT|>", "<|END_TEXT|>"),
    ),
    "openai_gptoss": Messages(
        header=_HARMONY,
        ends=_HARMONY_END,
        reasoning=frozenset({"analysis"}),
        content=frozenset({"final", "commentary"}),
    ),
    "muse": Messages(
        header=_MUSE,
        ends=_MUSE_END,
        reasoning=frozenset({"self", ""}),
        content=frozenset({"user"}),
        joined="",
        nested=False,
    ),
    "muse_glimmer": Messages(
        header=_MUSE_SPACED,
        ends=_MUSE_END,
        reasoning=frozenset({"self", ""}),
        content=frozenset({"user"}),
    ),
}

_SGLANG: dict[str, Reading] = {
    "deepseek-r1": Once(),
    "iquest_q1": Once(),
    "k2_horizon": Once(tools=("<ifm|tool_call",), **_IFM),
    "minimax": Once(tools=_TOOL),
    "qwen3": Once(forced=False, tools=_TOOL),
    "granite_thinking_parser": Once(forced=False, tools=_TOOL, trims="\n"),
    "ling3": Once(forced=False, tools=_TOOL, swaps=True),
    "deepseek-v4": _OPTIONAL,
    "hunyuan": Once(forced=False, tools=("<tool_calls>",)),
    "kimi_k2": Once(forced=False, tools=("<|tool_calls_section_begin|>",)),
    "kimi": Once(start=("◁think▷",), end=("◁/think▷",), forced=False),
    "mistral": Once(start=("[THINK]",), end=("[/THINK]",), forced=False),
    "gemma4": Once(start=("<|channel>thought\n",), end=("<channel|>",), forced=False),
    "minimax-m3": Once(forced=False, stray=True, **_MM),
    "minimax-append-think": Marked(),
    "apertus2509": Pairs(start="<|inner_prefix|>", end="<|inner_suffix|>"),
    "cohere_command4": Once(
        start=_COHERE[:1],
        end=_COHERE[1:],
        begins="first",
        tools=("<|START_ACTION|>", "<|START_TEXT|>"),
        drops=("<|START_TEXT|>", "<|END_TEXT|>"),
    ),
    "kimi_k3": Once(tools=("<|open|>tools<|sep|>",), tools_first=True, **_K3),
    "inkling": Blocks(
        start="<|content_thinking|>",
        end="<|end_message|>",
        thinking=False,
        reopens=True,
        strips=False,
        drops=_INKLING,
        tools=("<|content_invoke_tool_json|>",),
        shared=True,
    ),
    "gpt-oss": Messages(
        header=_HARMONY_ANYWHERE,
        ends=_HARMONY_END,
        reasoning=frozenset({"analysis"}),
        content=frozenset({"final", "commentary"}),
        outside=True,
        joined="",
    ),
    "muse": Messages(
        header=_MUSE_SPACED,
        ends=_MUSE_END,
        reasoning=frozenset({"self"}),
        content=frozenset({"user", "commentary", ""}),
        outside=True,
    ),
}

_VLLM_ALIASES = {
    "step5": "deepseek_r1",
    "glm47": "glm45",
    "cohere_command4": "cohere_command3",
    "musespark1x": "muse",
    "openai": "openai_gptoss",
}
_SGLANG_ALIASES = {
    **dict.fromkeys(("gigachat35", "step3", "step3p5"), "deepseek-r1"),
    **dict.fromkeys(
        (
            "dots",
            "interns1",
            "nanbeige",
            "glm45",
            "deepseek-v3",
            "mimo",
            "poolside_v1",
            "nemotron_3",
        ),
        "qwen3",
    ),
    "qwen3-thinking": "minimax",
    "deepseek-v41": "deepseek-v4",
}

_ALL_VLLM = {**_VLLM, **{alias: _VLLM[name] for alias, name in _VLLM_ALIASES.items()}}
_ALL_SGLANG = {**_SGLANG, **{alias: _SGLANG[name] for alias, name in _SGLANG_ALIASES.items()}}

REASONING: dict[str, Reading] = {
    **_ALL_SGLANG,
    **_ALL_VLLM,
    **{f"sglang/{name}": reading for name, reading in _ALL_SGLANG.items()},
}
"""By name; a bare name that only SGLang knows is SGLang's reading."""

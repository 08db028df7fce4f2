"""The formats whose calls are written in tags, by the names of vLLM's parsers, and the shapes they
share. Source of each: vLLM 0.32 and 0.33, `vllm/tool_parsers`, `vllm/parser`.
"""

from __future__ import annotations

import re
from typing import Any

from agentkit.read.parsers.call_parser import Either, Format
from agentkit.read.parsers.literals.coercion import (
    Coercion,
    as_json_or_text,
    as_literal,
    by_schema_or_python,
    plain_type,
    scalars,
    stripped_unless_string,
)
from agentkit.read.parsers.syntax.channel_calls import Muse
from agentkit.read.parsers.syntax.json_calls import JsonCalls
from agentkit.read.parsers.syntax.tag_calls import TagCalls, XmlCalls

_ATTRIBUTE = r"""\s++name\s*+=\s*+(?P<{}>"[^"<>]*+"|'[^'<>]*+'|[^\s"'<>]++)\s*+>"""


_RUN_TOGETHER = _ATTRIBUTE.replace(r"\s++name", "[\\s\u0120]*+name")
"""MiniCPM5 writes `<functionname="f">`, and a tokenizer's mark for a space, as well."""


def function_tags(block: str, trim_newline: bool = True, **more: Any) -> TagCalls:
    """Describe `<function=N><parameter=k>v</parameter></function>` in a block."""
    return TagCalls(
        opens=(f"<{block}>",),
        closes=(f"</{block}>",),
        calls=("<function=",),
        head=re.compile(r"<function=(?P<name>[^<>]++)>"),
        ends=("</function>",),
        parameters=("<parameter=",),
        opening=re.compile(r"<parameter=(?P<key>[^>]*+)>"),
        closings=("</parameter>",),
        trim_newline=trim_newline,
        **more,
    )


def invoke_tags(
    space: str, opens: tuple[str, ...], closes: tuple[str, ...], **more: Any
) -> TagCalls:
    """Describe `<invoke name="N"><parameter name="k">v</parameter></invoke>` between markers.

    Args:
        space: what is before each tag's name.
        opens: markers before the calls.
        closes: markers behind them.
        more: further fields of `TagCalls`.
    """
    return TagCalls(
        opens=opens,
        closes=closes,
        calls=(f"<{space}invoke",),
        head=re.compile(f"<{space}invoke" + _ATTRIBUTE.format("name")),
        ends=(f"</{space}invoke>",),
        parameters=(f"<{space}parameter",),
        opening=re.compile(f"<{space}parameter" + _ATTRIBUTE.format("key")),
        closings=(f"</{space}parameter>",),
        **more,
    )


_BARS = tuple(
    form.replace("|", bar)
    for form in ("|DSML|", "| DSML |", " | DSML | ", "||DSML||")
    for bar in ("｜", "|")
)
"""How the bars of DeepSeek's markup are written: as the model was taught, in ASCII, with spaces,
doubled; tokenizers, front ends and the model itself change them.
"""
_ANY_BAR = r" ?[｜|][｜|]? ?DSML ?[｜|][｜|]? ?"


def dsml(space: str, *sections: str) -> TagCalls:
    """Describe DeepSeek's markup from V3.2 on, with whatever bars."""
    tags = [bar + ("" if bar[-1] == " " else space) for bar in _BARS]
    head = f"<{_ANY_BAR}{{}}"
    return TagCalls(
        opens=tuple(f"<{tag}{section}>" for section in sections for tag in tags),
        closes=tuple(f"</{tag}{section}>" for section in sections for tag in tags),
        calls=tuple(f"<{tag}invoke" for tag in tags),
        head=re.compile(head.format(r'invoke\s++name="(?P<name>[^"]++)"\s*+>')),
        ends=tuple(f"</{tag}invoke>" for tag in tags),
        parameters=tuple(f"<{tag}parameter" for tag in tags),
        closings=tuple(f"</{tag}parameter>" for tag in tags),
        typed="dsml",
        wrappers=("arguments", "input"),
        opening=re.compile(
            head.format(r'parameter\s++name="(?P<key>[^"]++)"')
            + r'(?:\s++string="(?P<type>[^"]*+)")?+\s*+>'
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
    """Describe `<tool_call>N<arg_key>k</arg_key><arg_value>v</arg_value></tool_call>`.

    Args:
        call: the name of the tag around a call.
        section: the name of the tag around all calls; "" where there is none.
        prefix: what is before the names of the tags of arguments.
        separator: what must be between the tool's name and its arguments.
        optional: what may be there.
        more: further fields of `TagCalls`.
    """
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
        parameters=(f"<{prefix}arg_key>",),
        closings=(f"</{prefix}arg_value>",),
        loose_opening=re.compile(
            rf"<{key}>(?P<key>[^<]*+)(?:</{key}>)?+\s*+(?P<type>(?!))?+(?:<{value}>)?+\s*+"
        ),
        opening=re.compile(
            rf"<{key}>(?P<key>[^<]*+)</{key}>\s*+(?:<{re.escape(prefix)}arg_type>(?P<type>[^<]*+)"
            rf"</{re.escape(prefix)}arg_type>\s*+)?+<{value}>"
        ),
        **more,
    )


def muse(coercion: Coercion = as_json_or_text) -> Muse:
    return Muse(
        opens=("<atem:function_calls>",),
        closes=("</atem:function_calls>",),
        calls=("<atem:invoke",),
        head=re.compile("<atem:invoke" + _ATTRIBUTE.format("name")),
        ends=("</atem:invoke>",),
        parameters=("<atem:parameter",),
        opening=re.compile("<atem:parameter" + _ATTRIBUTE.format("key")),
        closings=("</atem:parameter>",),
        drops=Muse.frame,
        coercion=coercion,
    )


TAGGED: dict[str, Format] = {
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
        parameters=("<param",),
        opening=re.compile("<param" + _RUN_TOGETHER.format("key")),
        closings=("</param>",),
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
        parameters=("<|open|>argument",),
        closings=("<|close|>argument<|sep|>",),
        typed="json",
        entities=(("&quot;", '"'), ("&amp;", "&")),
        opening=re.compile(
            r'<\|open\|>argument\s++key=(?P<key>"[^"]*+")(?:\s++type="(?P<type>[^"]*+)")?+[^|]*?'
            r"<\|sep\|>"
        ),
    ),
}

"""SGLang's reading of tool calls where it differs from vLLM's, as data. Source of each: SGLang
0.5.23, `sglang/srt/function_call`.

What SGLang's detectors lose or garble is not matched: calls beside a broken one, calls of unknown
tools, markers inside values.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from string import whitespace
from typing import Any

from agentkit.read.parsers.call_parser import Format
from agentkit.read.parsers.formats.call_formats import CANONICAL
from agentkit.read.parsers.formats.tag_formats import function_tags, key_tags
from agentkit.read.parsers.literals.coercion import (
    Schema,
    as_json_or_text,
    as_literal,
    by_schema_or_python,
    types_of,
)
from agentkit.read.parsers.syntax.json_calls import JsonCalls
from agentkit.read.parsers.syntax.named_calls import MistralCalls
from agentkit.read.parsers.syntax.python_calls import PythonCalls

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def _given(name: str, **changes: Any) -> Any:
    return replace(CANONICAL[name], **changes)


def _text(text: str, schema: Schema) -> Any:
    return text


def _number_or_text(text: str, schema: Schema) -> Any:
    """Read a plain number, a boolean, or the text; null is text."""
    return json.loads(text) if _NUMBER.fullmatch(text) or text in ("true", "false") else text


def _literal_by_type(text: str, schema: Schema) -> Any:
    """Read the JSON or Python value, except where the schema names no type, or a string."""
    return text if (schema or {}).get("type") in (None, "string") else as_literal(text, schema)


def _null_first(text: str, schema: Schema) -> Any:
    """Read null whatever the schema; else by the schema, Python's literals among what is read."""
    value = None if text.lower() == "null" else by_schema_or_python(text, schema)
    return text if isinstance(value, float) and types_of(schema) == {"integer"} else value


class _Mistral(MistralCalls):
    named_by_schema = False


SGLANG: dict[str, Format] = {
    "kimi_k2": _given("kimi_k2", coerce=False),
    "inkling": _given("inkling", coerce=False),
    "mistral": _Mistral(calls=("[TOOL_CALLS]",), id="id"),
    "gemma4": _given("gemma4", strings=_text, bare=_number_or_text),
    "pythonic": PythonCalls(calls=("[",)),
    "interns1": JsonCalls(
        calls=("<|action_start|> <|plugin|>",),
        ends=("<|action_end|>",),
        arguments=("parameters", "arguments"),
        strict=False,
    ),
    "qwen3_coder": function_tags("tool_call", coercion=_null_first),
    "mimo": function_tags("tool_call", trim_newline=False, coercion=_null_first),
    "minicpm5": _given("minicpm5", trim=whitespace),
    "poolside_v1": _given("poolside_v1", trim="\n"),
    "minimax_m2": _given("minimax_m2", trim="\n", coercion=_null_first),
    "glm45": _given("glm45", coercion=as_literal),
    "ling3": _given("ling3", coercion=as_literal),
    "iquest_q1": key_tags("iquest_tool_call", coercion=as_literal),
    "step3": _given("step3", trim=whitespace, coercion=_literal_by_type),
    "k2_horizon": _given("k2_horizon", coercion=as_json_or_text),
    "muse": CANONICAL["muse_glimmer"],
    **{
        name: _given(name, coerce=False, trim=whitespace)
        for name in ("deepseek_v32", "deepseek_v4", "deepseek_v41")
    },
}
"""By SGLang's names."""
for _name in ("glm45", "ling3", "mistral"):
    SGLANG[_name].trims = whitespace

_ALIASES = {
    "qwen3_coder": ("step3p5", "nanbeige"),
    "glm45": ("glm", "glm47"),
    "minimax_m2": ("minimax-m2",),
    "deepseek_v32": ("deepseekv32",),
    "deepseek_v4": ("deepseekv4",),
    "deepseek_v41": ("deepseekv41",),
    "interns1": ("internlm",),
}
SGLANG |= {alias: SGLANG[name] for name, aliases in _ALIASES.items() for alias in aliases}
SGLANG["apertus2509"] = CANONICAL["apertus"]

"""Raw model text to tool calls, and to reasoning and content, by the names of vLLM's and SGLang's
parsers.
"""

from __future__ import annotations

from typing import Any

from agentkit.errors import NoParser, checked_keywords, suggest
from agentkit.read.parsers.call_parser import Parser
from agentkit.read.parsers.formats.call_formats import FORMATS
from agentkit.read.parsers.formats.reasoning_formats import REASONING
from agentkit.read.parsers.formats.sglang_formats import SGLANG
from agentkit.read.parsers.reasoning_parser import ReasoningParser


@checked_keywords
def names() -> tuple[str, ...]:
    """List the names of the tool-call parsers: vLLM's, and the aliases of other projects; each with
    `sglang/` before it is SGLang's reading.
    """
    return tuple(sorted(FORMATS))


@checked_keywords
def reasoning_names() -> tuple[str, ...]:
    """List the names of the reasoning parsers: vLLM's as they are, SGLang's as `sglang/NAME`, and
    bare where vLLM has none of that name.
    """
    return tuple(sorted(REASONING))


@checked_keywords
def get_parser(name: str) -> Parser:
    """Find the tool-call parser of this name. `sglang/NAME` is SGLang's reading, which differs for
    some.

    >>> text = '<tool_call>{"name": "add", "arguments": {"a": 1}}</tool_call>'
    >>> get_parser("hermes").parse(text).tool_calls[0].arguments
    {'a': 1}

    Raises:
        NoParser: there is none; the hint names the closest ones. It is a `NotFound` and a
            `KeyError`.
    """
    if not isinstance(name, str):
        raise _not_found("tool-call", name, names())
    bare = name.removeprefix("sglang/")
    first, second = (FORMATS, SGLANG) if bare == name else (SGLANG, FORMATS)
    form = first.get(bare, second.get(bare))
    if form is None:
        raise _not_found("tool-call", name, names())
    return Parser(name, form)


@checked_keywords
def get_reasoning_parser(name: str) -> ReasoningParser:
    """Find the reasoning parser of this name.

    >>> get_reasoning_parser("qwen3").parse("<think>2 + 2</think>4")
    ('2 + 2', '4')

    Raises:
        NoParser: there is none; the hint names the closest ones. It is a `NotFound` and a
            `KeyError`.
    """
    reading = REASONING.get(name) if isinstance(name, str) else None
    if reading is None:
        raise _not_found("reasoning", name, reasoning_names())
    return ReasoningParser(name, reading)


def _not_found(kind: str, name: Any, known: tuple[str, ...]) -> NoParser:
    hint = suggest(name, known, f"there are: {', '.join(known)}")
    return NoParser(f"no {kind} parser is named {name!r}", hint=hint)

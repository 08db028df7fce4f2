"""Calls in the text instead of in `tool_calls`: found, never guessed, and run only where
a parser was chosen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from agentkit.read.body.reasoning import ThinkText, cut, mask, split_think
from agentkit.read.calls.known_tools import KnownTools
from agentkit.read.parsers.detection import detect, has_call_markup
from agentkit.read.parsers.output import Parsed
from agentkit.read.parsers.registry import get_parser
from agentkit.types.answer import Policy, ToolCall

_CALL_MARKUP = re.compile(
    r"</?(?:\w+:)?(?:longcat_)?tool_calls?>|<function=\w+|</?function_calls?>"
    r"|<[|｜][^<>|｜\s]{0,20}tool[^<>|｜\s]{0,30}[|｜]>"
    r"|\[TOOL_CALLS\]|<\|python_tag\|>|<\|(?:call|START_ACTION)\|>|<｜DSML｜"
)
_TEMPLATE_MARKUP = re.compile(r"<\|(?:im_start|im_end|eot_id|eom_id|endoftext|channel)\|>")
_NAME = re.compile(r"[\w.:/-]{1,128}")


@dataclass(slots=True)
class TextCalls:
    """What a text holds besides text."""

    content: str | None
    """The text without reasoning and without the calls that are run."""
    think: ThinkText
    calls: tuple[ToolCall, ...] = ()
    recoverable: tuple[ToolCall, ...] = ()
    markup: str | None = None
    """The first piece of markup outside think blocks and code, where no call was found."""


def call_markup_in(text: str | None) -> str | None:
    """Find the first piece of tool-call markup in a text."""
    found = _CALL_MARKUP.search(text or "")
    return found.group() if found else None


def _markup_in(text: str) -> str | None:
    template = _TEMPLATE_MARKUP.search(text)
    return call_markup_in(text) or (template.group() if template else None)


def find_text_calls(
    text: str | None,
    tools: KnownTools,
    policy: Policy,
    parser: str | None,
    *,
    cut_off: bool = False,
) -> TextCalls:
    """Find the calls of a text outside think blocks and code; spans are those of the text given.

    Args:
        parser: run what this parser finds; None lists what the markup suggests.
        cut_off: the answer was cut at the token limit: a broken call is then no attempt to answer.
    """
    if not text:
        return TextCalls(content=text, think=ThinkText([], [], [], []))
    given = tools if tools else None
    think = split_think(text)
    chosen, think = (
        _read(parser, text, think, given, policy) if parser else (Parsed(content=text), think)
    )
    run = tuple(call for call in chosen.tool_calls if _is_run(call, cut_off))
    left = tuple(call for call in chosen.tool_calls if not _is_run(call, cut_off))
    if not chosen.tool_calls:
        left, think = _listed(text, think, tools, policy)
    kept = (
        [*chosen.kept, *think.code, *(call.span for call in left if call.span)]
        if run
        else [(0, len(text))]
    )
    return TextCalls(
        content=cut(text, [*think.cuts, *_gaps(kept, len(text))]),
        think=think,
        calls=run,
        recoverable=left,
        markup=None if run or left else _markup_in(_masked(text, think)),
    )


def _masked(text: str, think: ThinkText) -> str:
    return mask(text, [*think.cuts, *think.code])


def _read(
    name: str, text: str, think: ThinkText, tools: KnownTools | None, policy: Policy
) -> tuple[Parsed, ThinkText]:
    """Read with a parser outside think blocks and code, and find those: tags and backticks in a
    call's own text are a part of the call.
    """
    parser = get_parser(name)
    fenced = "```" in parser.format.calls
    think = replace(think, code=[]) if fenced else think
    searched = _masked(text, think)
    parsed = parser.parse(searched, tools, policy)
    spans = [call.span for call in parsed.tool_calls if call.span]
    if not spans or searched == text:
        return parsed, think
    think = split_think(mask(text, spans))
    think = replace(think, code=[]) if fenced else think
    return parser.parse(_masked(text, think), tools, policy), think


def _gaps(kept: list[tuple[int, int]], end: int) -> Iterator[tuple[int, int]]:
    """Find what lies between these regions of a text."""
    at = 0
    for start, stop in [*sorted(kept), (end, end)]:
        if start > at:
            yield at, start
        at = max(at, stop)


def _is_run(call: ToolCall, cut_off: bool) -> bool:
    return bool(call.name) and (call.status != "invalid" or not cut_off)


def _listed(
    text: str, think: ThinkText, tools: KnownTools, policy: Policy
) -> tuple[tuple[ToolCall, ...], ThinkText]:
    """Find the calls by the first of the formats the text may be in that finds usable ones; in
    marked text, else, by the first of them.

    Bare JSON or Python is a call only where nothing is before it and it names a known tool.
    """
    searched = _masked(text, think)
    marked = call_markup_in(searched) is not None or has_call_markup(searched)
    if not marked and not (tools and searched.lstrip()[:1] in ("{", "[")):
        return (), think
    readings = [
        _read(name, text, think, tools if tools else None, policy) for name in detect(searched)
    ]
    usable = (
        reading
        for reading in readings
        if any(_is_usable(call, tools) for call in reading[0].tool_calls)
    )
    best, think = next(
        usable, readings[0] if marked and readings else (Parsed(content=text), think)
    )
    return best.tool_calls, think


def _is_usable(call: ToolCall, tools: KnownTools) -> bool:
    return call.status != "invalid" and (
        call.name in tools if tools else bool(_NAME.fullmatch(call.name))
    )

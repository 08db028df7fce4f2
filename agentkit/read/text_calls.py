"""Calls that stand in the text instead of in `tool_calls`: found, never guessed, and run only where a parser was chosen."""

from __future__ import annotations

import re
from dataclasses import dataclass

from agentkit.parsers import detect, get_parser, has_call_markup
from agentkit.read.known_tools import KnownTools
from agentkit.read.reasoning import ThinkText, cut, mask, split_think
from agentkit.types import Policy, ToolCall

_CALL_MARKUP = re.compile(
    r"</?(?:\w+:)?(?:longcat_)?tool_calls?>|<function=\w+|</?function_calls?>|<[|｜][^<>|｜\s]{0,20}tool[^<>|｜\s]{0,30}[|｜]>"
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
    """The first piece of tool-call markup in a text."""
    found = _CALL_MARKUP.search(text or "")
    return found.group() if found else None


def _markup_in(text: str) -> str | None:
    template = _TEMPLATE_MARKUP.search(text)
    return call_markup_in(text) or (template.group() if template else None)


def find_text_calls(text: str | None, tools: KnownTools, policy: Policy, parser: str | None, *, cut_off: bool = False) -> TextCalls:
    """The calls of a text, searched outside think blocks and code; spans are those of the text given.

    Args:
        parser: run what this parser finds; None lists what the markup suggests.
        cut_off: the answer was cut at the token limit: a broken call is then no attempt to answer.
    """
    if not text:
        return TextCalls(content=text, think=ThinkText([], [], [], []))
    think = split_think(text)
    searched = mask(text, [*think.cuts, *think.code])
    chosen = get_parser(parser).parse(searched, tools if tools else None, policy).tool_calls if parser else ()
    run = tuple(call for call in chosen if _is_run(call, cut_off))
    left = tuple(call for call in chosen if not _is_run(call, cut_off)) if chosen else _listed(searched, tools, policy)
    spans = [call.span for call in run if call.span and call.status != "invalid"]
    return TextCalls(
        content=cut(text, [*think.cuts, *spans]), think=think, calls=run, recoverable=left,
        markup=None if run or left else _markup_in(searched),
    )  # fmt: skip


def _is_run(call: ToolCall, cut_off: bool) -> bool:
    return bool(call.name) and (call.status != "invalid" or not cut_off)


def _listed(text: str, tools: KnownTools, policy: Policy) -> tuple[ToolCall, ...]:
    """The calls by the first of the formats the text may be in that finds usable ones; in marked text, else, by the first of them.

    Bare JSON or Python is a call only where nothing stands before it and it names a known tool.
    """
    marked = call_markup_in(text) is not None or has_call_markup(text)
    if not marked and not (tools and text.lstrip()[:1] in ("{", "[")):
        return ()
    readings = [get_parser(name).parse(text, tools if tools else None, policy).tool_calls for name in detect(text)]
    usable = (calls for calls in readings if any(_is_usable(call, tools) for call in calls))
    return next(usable, readings[0] if marked and readings else ())


def _is_usable(call: ToolCall, tools: KnownTools) -> bool:
    return call.status != "invalid" and (call.name in tools if tools else bool(_NAME.fullmatch(call.name)))

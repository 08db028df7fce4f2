"""Calls that stand in the text instead of in `tool_calls`: found, never guessed, and run only where a parser was chosen."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from agentkit.parsers import get_parser
from agentkit.read.known_tools import KnownTools
from agentkit.read.reasoning import ThinkText, cut, mask, split_think
from agentkit.types import Policy, ToolCall

_MARKUP = re.compile(
    r"</?(?:\w+:)?(?:longcat_)?tool_calls?>|<function=\w+|</?function_calls?>|<[|｜][^<>|｜\s]{0,20}tool[^<>|｜\s]{0,30}[|｜]>"
    r"|\[TOOL_CALLS\]|<\|python_tag\|>|<\|(?:im_start|im_end|eot_id|eom_id|endoftext|channel|call|START_ACTION)\|>|<｜DSML｜"
)


@dataclass(slots=True)
class TextCalls:
    """What a text holds besides text."""

    content: str | None
    """The text without reasoning and without the calls that are run."""
    think: ThinkText
    calls: tuple[ToolCall, ...] = ()
    recoverable: tuple[ToolCall, ...] = ()
    markup: str | None = field(default=None)
    """The first piece of markup outside think blocks and code, where no call was found."""


def markup_in(text: str | None) -> str | None:
    """The first piece of tool-call or template markup in a text."""
    found = _MARKUP.search(text or "")
    return found.group() if found else None


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
    markup = _MARKUP.search(searched)
    if not markup and not parser:
        return TextCalls(content=cut(text, think.cuts), think=think)
    found = get_parser(parser or "hermes").parse(searched, tools if tools else None, policy).tool_calls
    run = [call for call in found if parser and call.name and (call.status != "invalid" or not cut_off)]
    spans = [call.span for call in run if call.span and call.status != "invalid"]
    return TextCalls(
        content=cut(text, [*think.cuts, *spans]), think=think, calls=tuple(run),
        recoverable=tuple(call for call in found if call not in run), markup=markup.group() if markup and not found else None,
    )  # fmt: skip

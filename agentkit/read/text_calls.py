"""Calls that stand in the text instead of in `tool_calls`: found, never guessed, and run only where a parser was chosen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from agentkit.parsers import get_parser
from agentkit.parsers.formats import FORMATS
from agentkit.read.known_tools import KnownTools
from agentkit.read.reasoning import ThinkText, cut, mask, split_think
from agentkit.types import Policy, ToolCall

_CALL_MARKUP = (
    r"</?(?:\w+:)?(?:longcat_)?tool_calls?>|<function=\w+|</?function_calls?>|<[|｜][^<>|｜\s]{0,20}tool[^<>|｜\s]{0,30}[|｜]>"
    r"|\[TOOL_CALLS\]|<\|python_tag\|>|<\|(?:call|START_ACTION)\|>|<｜DSML｜"
)
_TEMPLATE_MARKUP = r"<\|(?:im_start|im_end|eot_id|eom_id|endoftext|channel)\|>"
_NAME = re.compile(r"[\w.:/-]{1,128}")
_BARE = ("llama3_json", "xlam", "pythonic")
"""Formats that write calls as nothing but JSON or Python."""
_TWINS = frozenset("granite4 ernie45 step3p5 step5 mimo ling3 poolside_v1 xlam hunyuan_a13b hy_v4 muse_glimmer cohere_command4".split())
"""Formats that write what another one writes, or nearly: when calls are only listed, one of each kind is tried."""


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


@cache
def _markers() -> dict[str, list[str]]:
    """The markers that tell a format in a text, and the formats each of them tells; those that ordinary text holds are left out."""
    found: dict[str, list[str]] = {}
    for name, form in FORMATS.items():
        for marker in form.markers if name not in _TWINS else ():
            if len(marker) > 3 and marker[0] in "<[]" and marker[-1] in ">]":
                found.setdefault(marker, []).append(name)
    return found


@cache
def _markup(templates: bool = True) -> re.Pattern[str]:
    known = "|".join(re.escape(marker) for marker in sorted(_markers(), key=len, reverse=True) if templates or marker != "<|channel|>")
    return re.compile("|".join([_CALL_MARKUP, known, *([_TEMPLATE_MARKUP] if templates else [])]))


def call_markup_in(text: str | None) -> str | None:
    """The first piece of tool-call markup in a text."""
    found = _markup(templates=False).search(text or "")
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
    markup = _markup().search(searched)
    chosen = get_parser(parser).parse(searched, tools if tools else None, policy).tool_calls if parser else ()
    run = tuple(call for call in chosen if _is_run(call, cut_off))
    left = tuple(call for call in chosen if not _is_run(call, cut_off)) if chosen else _listed(searched, bool(markup), tools, policy)
    spans = [call.span for call in run if call.span and call.status != "invalid"]
    return TextCalls(
        content=cut(text, [*think.cuts, *spans]), think=think, calls=run, recoverable=left,
        markup=markup.group() if markup and not (run or left) else None,
    )  # fmt: skip


def _is_run(call: ToolCall, cut_off: bool) -> bool:
    return bool(call.name) and (call.status != "invalid" or not cut_off)


def _listed(text: str, marked: bool, tools: KnownTools, policy: Policy) -> tuple[ToolCall, ...]:
    """The calls by the first of the formats the text may be written in that finds usable ones; else by the first that finds any."""
    broken: tuple[ToolCall, ...] = ()
    for name in _formats(text, marked, tools):
        calls = get_parser(name).parse(text, tools if tools else None, policy).tool_calls
        if any(_is_usable(call, tools) for call in calls):
            return calls
        broken = broken or (calls if marked else ())
    return broken


def _formats(text: str, marked: bool, tools: KnownTools) -> Iterator[str]:
    if marked:
        yield from dict.fromkeys(name for marker, names in _markers().items() if marker in text for name in names)
    elif tools and text.lstrip()[:1] in ("{", "["):
        yield from _BARE


def _is_usable(call: ToolCall, tools: KnownTools) -> bool:
    return call.status != "invalid" and (call.name in tools if tools else bool(_NAME.fullmatch(call.name)))

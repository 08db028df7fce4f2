"""Calls in the text instead of in `tool_calls`: found, never guessed, and run only where
a parser was chosen.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from agentkit.read.body.reasoning import ThinkText, cut, mask, split_think, think_problems
from agentkit.read.calls.known_tools import KnownTools
from agentkit.read.calls.tool_call import make_call
from agentkit.read.parsers.detection import BARE, MOST, candidates, has_call_markup
from agentkit.read.parsers.output import Parsed
from agentkit.read.parsers.registry import get_parser
from agentkit.read.parsers.unmarked_calls import unmarked_calls
from agentkit.types.answer import Policy, ReasoningBlock, Response, ToolCall
from agentkit.types.problem import Problem, problem
from agentkit.types.words import count

_CALL_MARKUP = re.compile(
    r"</?(?:\w+:)?(?:longcat_)?tool_calls?>|<function=\w+|</?function_calls?>"
    r"|<[|｜][^<>|｜\s]{0,20}tool[^<>|｜\s]{0,30}[|｜]>"
    r"|\[TOOL_CALLS\]|<\|python_tag\|>|<\|(?:call|START_ACTION)\|>"
    r"|</? ?[|｜]{1,2} ?DSML ?[|｜]{1,2}"
    r"|<\|\"\|>|</?arg_(?:key|value)>|<\|(?:constrain|message)\|>"
)
_TEMPLATE_MARKUP = re.compile(
    r"<\|(?:im_start|im_end|eot_id|eom_id|endoftext|end_of_text|channel|end|return|close|sep)\|>"
    r"|<end_of_turn>"
)
_NAME = re.compile(r"[\w.:/-]{1,128}")
_BEGINNING = 20_000
_ENOUGH = 64
"""Of a text of more than twice as many characters, the beginning that the formats are judged by,
and the calls in it that settle which one the text is in: reading all of it in each costs too much.
"""


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
    if not text or not ("<" in text or "[TOOL_CALLS]" in text):
        return None
    found = _CALL_MARKUP.search(text)
    return found.group() if found else None


def _markup_in(text: str) -> str | None:
    template = _TEMPLATE_MARKUP.search(text) if "<|" in text else None
    return call_markup_in(text) or (template.group() if template else None)


def find_text_calls(
    text: str | None,
    tools: KnownTools,
    policy: Policy,
    parser: str | None,
    *,
    cut_off: bool = False,
    beside: bool = False,
    apart: str | None = None,
) -> TextCalls:
    """Find the calls of a text outside think blocks and code; spans are those of the text given.

    Args:
        parser: run what this parser finds; None lists what the markup suggests.
        cut_off: the answer was cut at the token limit: a broken call is then no attempt to answer.
        beside: the answer has calls of its own: what the text writes without markup is no call.
        apart: the reasoning that came in a field of its own; None where none did.
    """
    if not text:
        return TextCalls(content=text, think=ThinkText([], [], [], []))
    given = tools if tools else None
    think = split_think(text, apart)
    chosen, think = (
        _read(parser, text, think, given, policy) if parser else (Parsed(content=text), think)
    )
    run = tuple(call for call in chosen.tool_calls if _is_run(call, cut_off))
    left = tuple(call for call in chosen.tool_calls if not _is_run(call, cut_off))
    unmarked: tuple[ToolCall, ...] = ()
    if not chosen.tool_calls:
        left, think = _listed(text, think, tools, policy)
        if not beside and not any(_is_usable(call, tools) for call in left):
            unmarked = _unmarked(text, think, tools, policy)
    kept = (
        [*chosen.kept, *think.code, *(call.span for call in left if call.span)]
        if run
        else [(0, len(text))]
    )
    return TextCalls(
        content=cut(text, [*think.cuts, *_gaps(kept, len(text))]),
        think=think,
        calls=run,
        recoverable=unmarked or left,
        markup=None if run or left else _markup_in(_masked(text, think)),
    )


def reasoning_calls(
    blocks: Iterable[ReasoningBlock],
    tools: KnownTools,
    policy: Policy,
    others: tuple[ToolCall, ...],
    content: tuple[str | None, str | None],
) -> list[ToolCall]:
    """Find the usable calls in reasoning, to be listed and never run; one that the answer makes
    itself is left out.

    Args:
        blocks: the answer's reasoning.
        tools: the tools that are known.
        policy: which calls may run.
        others: the calls outside the reasoning.
        content: the answer's text as it came and without its reasoning; beside one, a call without
            markup is only a thought.
    """
    found: list[ToolCall] = []
    whole, left = content
    taken = {_what(call) for call in others}
    for text, source in {b.text: b.source for b in blocks if b.text}.items():
        at = max(0, (whole or "").find(text)) if source == "content:think_tags" else 0
        think = split_think(text)
        calls, think = _listed(text, think, tools, policy)
        usable = [call for call in calls if _is_usable(call, tools)]
        if not usable and not others and not (left or "").strip():
            usable = list(_unmarked(text, think, tools, policy))
        for call in usable:
            if _what(call) not in taken:
                taken.add(_what(call))
                origin = f"reasoning:{call.origin.removeprefix('content:')}"
                start, end = call.span or (0, len(text))
                found.append(replace(call, origin=origin, span=(at + start, at + end)))
    return found


def _what(call: ToolCall) -> tuple[str, str]:
    given = call.arguments if call.arguments is not None else call.raw_arguments
    return call.name, json.dumps(given, sort_keys=True, ensure_ascii=False)


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
    think = split_think(mask(text, spans), think.apart)
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
    """Find the calls by that of the formats the text may be in which reads most calls of tools that
    are known, else most that have a name.

    Bare JSON or Python is a call only where nothing is before it and it names a known tool.
    """
    searched = _masked(text, think)
    marked = call_markup_in(searched) is not None or has_call_markup(searched)
    if not marked and not (tools and searched.lstrip()[:1] in ("{", "[")):
        return (), think
    given = tools if tools else None
    begun = _begun(text, think, tools, policy)
    readings = begun or _readings(text, searched, think, given, policy)
    if not readings:
        return (), think
    name, best = max(readings, key=lambda reading: _merit(reading[0], reading[1], tools))
    found = think
    if searched != text or len(text) > MOST or begun:
        best, found = _read(name, text, think, given, policy)
    if not marked and not any(_is_usable(call, tools) for call in best.tool_calls):
        return (), think
    return best.tool_calls, found


def _readings(
    text: str, searched: str, think: ThinkText, tools: KnownTools | None, policy: Policy
) -> list[tuple[str, Parsed]]:
    """Read a text in each of the formats it may be in."""
    readings = candidates(searched, tools, policy, distinct=True)
    if think.code:  # what some formats write in fences shows only where these are not blanked
        readings = [(name, _read(name, text, think, tools, policy)[0]) for name, _ in readings]
    return readings


def _begun(
    text: str, think: ThinkText, tools: KnownTools, policy: Policy
) -> list[tuple[str, Parsed]]:
    """Read the beginning of a long text in each format; nothing where that does not settle which
    one it is.
    """
    if len(text) <= 2 * _BEGINNING:
        return []
    part = text[:_BEGINNING]
    inner = split_think(part, think.apart)
    readings = _readings(part, _masked(part, inner), inner, tools if tools else None, policy)
    settled = any(
        len(reading.tool_calls) >= _ENOUGH
        or any(_is_usable(call, tools) for call in reading.tool_calls)
        for _, reading in readings
    )
    return readings if settled else []


def _merit(name: str, parsed: Parsed, tools: KnownTools) -> tuple[int, int, bool, int, int]:
    """Rank a reading: usable calls, calls of known tools, markers of its own (a format without any
    reads the first call and not the one that was cut), calls with a name, few broken ones.
    """
    calls = parsed.tool_calls
    usable = sum(_is_usable(call, tools) for call in calls)
    known = sum(call.name in tools for call in calls)
    named = sum(bool(_NAME.fullmatch(call.name)) for call in calls)
    return usable, known, name not in BARE, named, usable - len(calls)


def _unmarked(
    text: str, think: ThinkText, tools: KnownTools, policy: Policy
) -> tuple[ToolCall, ...]:
    """Find calls of known tools that no format's markers tell."""
    searched = mask(text, think.cuts) if think.cuts else text
    return tuple(
        make_call(
            position,
            call.name,
            call.arguments,
            tools,
            policy,
            origin=f"content:{call.syntax}",
            span=(call.start, call.end),
        )
        for position, call in enumerate(unmarked_calls(searched, think.code, tools))
    )


def _is_usable(call: ToolCall, tools: KnownTools) -> bool:
    return call.status != "invalid" and (
        call.name in tools if tools else bool(_NAME.fullmatch(call.name))
    )


def is_thought(call: ToolCall) -> bool:
    """Return whether the call was found in reasoning."""
    return call.origin.startswith("reasoning:")


def text_problems(
    text: TextCalls, recoverable: tuple[ToolCall, ...], pointer: str
) -> Iterator[Problem]:
    """Report what a content holds besides text.

    Args:
        text: the content, read.
        recoverable: all calls that are listed.
        pointer: JSON pointer of the content in the raw answer.
    """
    yield from think_problems(text.think, pointer)
    found = (*text.calls, *(call for call in recoverable if not is_thought(call)))
    if found:
        what = "run" if text.calls else "not run, but listed in `recoverable`"
        yield problem(
            "tool_call_in_content",
            f"{count(len(found), 'call')} as text in the content ({found[0].origin}): {what}",
            pointer=pointer,
        )
    if text.markup:
        yield problem(
            "markup_leak",
            f"tool-call or template markup is left in the content: {text.markup!r}",
            pointer=pointer,
            before=text.markup,
        )


def reasoning_problems(response: Response, pointer: str) -> Iterator[Problem]:
    """Report calls, or their markup, in the reasoning.

    Args:
        response: the answer as it is read.
        pointer: JSON pointer of its message.
    """
    thoughts = [call for call in response.recoverable if is_thought(call)]
    markup = call_markup_in(response.reasoning)
    if not thoughts and not markup:
        return
    source = response.reasoning_blocks[0].source
    what = f"tool-call markup stands in the reasoning: {markup!r}; it is never run"
    if thoughts:
        what = (
            f"{count(len(thoughts), 'call')} in the reasoning ({thoughts[0].origin}): never run,"
            " but listed in `recoverable`"
        )
    at = f"{pointer}/{source}" if source.startswith("reasoning") else pointer
    yield problem("tool_call_in_reasoning", what, pointer=at)

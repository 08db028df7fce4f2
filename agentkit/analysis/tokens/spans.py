"""What each token of a turn belongs to: the prompt, the template, a tool's result, reasoning, a
call, the answer. Pure, from texts alone.

The texts of the tokens are put together and searched as an answer's text is read: think tags by
`read.reasoning`, calls by the parsers. A token belongs to the region it begins in. What cannot be
told (a token whose text is not known) stays `prompt` or `answer`; nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any, Literal, TypeAlias

from agentkit.read.calls.known_tools import known_tools
from agentkit.read.calls.text_calls import find_text_calls
from agentkit.types.answer import Response
from agentkit.types.trajectory import Message

Kind: TypeAlias = Literal["prompt", "template", "result", "reasoning", "call", "answer"]
KINDS: tuple[Kind, ...] = ("prompt", "template", "result", "reasoning", "call", "answer")

_SPECIAL = re.compile(
    r"<[|｜][^<>\s]{1,60}[|｜]>|</?s>|<(?:bos|eos|pad|unk|start_of_turn|end_of_turn|endoftext)>|\[/?(?:INST|AVAILABLE_TOOLS|TOOL_RESULTS)\]"
)
_UNKNOWN = "\0"
"""Stands for a token whose text is not known; no message holds it."""
Region: TypeAlias = tuple[int, int, Kind]


def output_kinds(texts: Sequence[str | None], response: Response | None = None) -> list[Kind]:
    """The kind of each sampled token.

    Args:
        texts: of the tokens in order; None where it is not known.
        response: what was read; helps where the text itself does not mark reasoning or calls.
    """
    text = "".join(t if t is not None else _UNKNOWN for t in texts)
    kinds = _kinds(texts, [*_thought(text, response), *_called(text, response)], "answer")
    kinds = [
        "template" if t is not None and _SPECIAL.fullmatch(t) else kind
        for t, kind in zip(texts, kinds, strict=True)
    ]
    return _without_gaps(texts, kinds)


def _without_gaps(texts: Sequence[str | None], kinds: list[Kind]) -> list[Kind]:
    """White space that stands between other spans is no answer: it goes with what comes before
    it.
    """
    found: list[Kind] = []
    for start, end, kind in runs(kinds):
        blank = (
            kind == "answer"
            and start > 0
            and all(t is not None and not t.strip() for t in texts[start:end])
        )
        found += [found[-1] if blank else kind] * (end - start)
    return found


def prompt_kinds(
    texts: Sequence[str | None], messages: Iterable[Message] = (), *, answers: bool = False
) -> list[Kind]:
    """The kind of each token of a prompt, or of what a prompt adds to the turn before.

    Where every message is found, the rest is what the template puts around them; else what is not
    found stays `prompt`.

    Args:
        answers: it holds earlier answers again, whose calls and reasoning are looked for.
    """
    text = "".join(t if t is not None else _UNKNOWN for t in texts)
    regions, whole = _said(text, messages)
    again = [*_thought(text, None), *_called(text, None)] if answers else []
    regions += [
        r for r in again if not any(r[0] < end and start < r[1] for start, end, _ in regions)
    ]
    kinds = _kinds(texts, regions, "template" if whole else "prompt")
    return [_of_prompt(t, kind) for t, kind in zip(texts, kinds, strict=True)]


def _of_prompt(text: str | None, kind: Kind) -> Kind:
    if text is None:
        return "prompt" if kind == "template" else kind
    return "template" if _SPECIAL.fullmatch(text) else kind


def _thought(text: str, response: Response | None) -> Iterator[Region]:
    found = find_text_calls(text, known_tools(None), "normalize", None).think.cuts
    yield from ((start, end, "reasoning") for start, end in found)
    reasoning = response.reasoning if response is not None else None
    if not found and reasoning and (at := text.find(reasoning)) >= 0:
        yield at, at + len(reasoning), "reasoning"


def _called(text: str, response: Response | None) -> Iterator[Region]:
    calls = find_text_calls(text, known_tools(None), "normalize", None).recoverable
    spans = [call.span for call in calls if call.span is not None]
    yield from ((start, end, "call") for start, end in spans)
    at = 0
    for call in response.tool_calls if response is not None and not spans else ():
        if call.raw_arguments and (start := text.find(call.raw_arguments, at)) >= 0:
            at = start + len(call.raw_arguments)
            yield start, at, "call"


def _said(text: str, messages: Iterable[Message]) -> tuple[list[Region], bool]:
    """Where the messages stand, and whether all of them were found; each is searched behind the one
    before.
    """
    regions: list[Region] = []
    at, whole = 0, True
    for message in messages:
        said = message.content.strip()
        place = _place(text, said, at) if said else None
        if place is not None:
            at = place[1]
            regions.append((*place, _kind_of(message)))
        whole = whole and (place is not None or not said)
    return regions, whole and bool(regions)


def _place(text: str, said: str, at: int) -> tuple[int, int] | None:
    """Where the text stands behind `at`; tokens whose text is not known may be a part of it, but
    for its first characters.
    """
    start = text.find(said, at)
    if start >= 0:
        return start, start + len(said)
    for _ in range(_TRIES if _UNKNOWN in text else 0):
        start = text.find(said[:_ANCHOR], at)
        if start < 0:
            return None
        if (end := _extent(text, start, said)) is not None:
            return start, end
        at = start + 1
    return None


_ANCHOR = 4
"""Characters at the start of a message that must be known."""
_TRIES = 50
_TOKEN = 32
"""Characters a token has at most, here."""


def _extent(text: str, start: int, said: str) -> int | None:
    """Where a message ends that begins here, tokens of unknown text standing for some of its
    characters; None where it is another text.
    """
    i, j = 0, start
    while i < len(said) and j < len(text):
        if text[j] != _UNKNOWN:
            if text[j] != said[i]:
                return None
            i, j = i + 1, j + 1
            continue
        behind = next((k for k in range(j, len(text)) if text[k] != _UNKNOWN), len(text))
        piece = text[behind : behind + 6].partition(_UNKNOWN)[0]
        found = said.find(piece, i + 1, i + len(piece) + _TOKEN * (behind - j)) if piece else -1
        if found < 0:
            return behind if len(said) - i <= _TOKEN * (behind - j) else None
        i, j = found, behind
    return j if i == len(said) else None


def _kind_of(message: Message) -> Kind:
    kinds: Mapping[str, Kind] = {"tool": "result", "function": "result", "assistant": "answer"}
    return kinds.get(message.role, "prompt")


def _kinds(texts: Sequence[str | None], regions: Iterable[Region], rest: Kind) -> list[Kind]:
    """The region each token begins in; an empty token is where the next begins."""
    ordered = sorted(regions)
    found: list[Kind] = []
    lengths = (len(t) if t is not None else 1 for t in texts)
    i = 0
    for at in list(accumulate(lengths, initial=0))[: len(texts)]:
        while i < len(ordered) and ordered[i][1] <= at:
            i += 1
        found.append(ordered[i][2] if i < len(ordered) and ordered[i][0] <= at else rest)
    return found


def runs(kinds: Sequence[Any]) -> Iterator[tuple[int, int, Any]]:
    """Neighbours of one kind as (start, end, kind)."""
    start = 0
    for i in range(1, len(kinds) + 1):
        if i == len(kinds) or kinds[i] != kinds[start]:
            yield start, i, kinds[start]
            start = i

"""What each token of a turn belongs to: the prompt, the template, a tool's result, reasoning, a
call, the answer. Pure, from texts alone.

The texts of the tokens are put together and searched as an answer's text is read: think tags by
`read.reasoning`, calls by the parsers. A token belongs to the region it begins in. A token whose
text is not known stays `prompt` or `answer`; nothing is guessed.
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
    r"<[|｜][^<>\s]{1,60}[|｜]>|</?s>|<(?:bos|eos|pad|unk|start_of_turn|end_of_turn|endoftext)>"
    r"|\[/?(?:INST|AVAILABLE_TOOLS|TOOL_RESULTS)\]"
)
_UNKNOWN = "\0"
"""Takes the place of a token whose text is not known; no message contains it."""
Region: TypeAlias = tuple[int, int, Kind]


def output_kinds(texts: Sequence[str | None], response: Response | None = None) -> list[Kind]:
    """Find the kind of each sampled token.

    Args:
        texts: the texts of the tokens in order; None for one that is not known.
        response: the answer as it was read; it helps if the text itself does not mark reasoning or
            calls.
    """
    text = _joined(texts)
    kinds = _kinds(texts, [*_thought(text, response), *_called(text, response)], "answer")
    for i, t in enumerate(texts):
        if t is not None and _SPECIAL.fullmatch(t):
            kinds[i] = "template"
    return _without_gaps(texts, kinds)


def _joined(texts: Sequence[str | None]) -> str:
    return "".join(_UNKNOWN if text is None else text for text in texts)


def _without_gaps(texts: Sequence[str | None], kinds: list[Kind]) -> list[Kind]:
    """Give white space between other spans the kind of what comes before it; it is no answer."""
    found: list[Kind] = []
    for start, end, kind in runs(kinds):
        blank = all(t is not None and not t.strip() for t in texts[start:end])
        between = kind == "answer" and start > 0 and blank
        found += [found[-1] if between else kind] * (end - start)
    return found


def prompt_kinds(
    texts: Sequence[str | None], messages: Iterable[Message] = (), *, answers: bool = False
) -> list[Kind]:
    """Find the kind of each token of a prompt, or of what a prompt adds to the turn before.

    If every message is found, the rest is what the template puts around them; else what is not
    found stays `prompt`.

    Args:
        texts: the texts of the tokens in order; None for one that is not known.
        messages: the messages that are in it.
        answers: whether it contains earlier answers again, whose calls and reasoning are searched.
    """
    text = _joined(texts)
    regions, whole = _message_regions(text, messages)
    again = [*_thought(text, None), *_called(text, None)] if answers else []
    regions += [region for region in again if not _overlaps(region, regions)]
    kinds = _kinds(texts, regions, "template" if whole else "prompt")
    return [_of_prompt(t, kind) for t, kind in zip(texts, kinds, strict=True)]


def _overlaps(region: Region, others: Iterable[Region]) -> bool:
    return any(region[0] < end and start < region[1] for start, end, _ in others)


def _of_prompt(text: str | None, kind: Kind) -> Kind:
    if text is None:
        return "prompt" if kind == "template" else kind
    return "template" if _SPECIAL.fullmatch(text) else kind


def _thought(text: str, response: Response | None) -> Iterator[Region]:
    """Find reasoning by its tags, else by the text that was read as reasoning."""
    found = find_text_calls(text, known_tools(None), "normalize", None).think.cuts
    yield from ((start, end, "reasoning") for start, end in found)
    reasoning = response.reasoning if response is not None else None
    if not found and reasoning and (at := text.find(reasoning)) >= 0:
        yield at, at + len(reasoning), "reasoning"


def _called(text: str, response: Response | None) -> Iterator[Region]:
    """Find calls by their markup, else by the arguments that were read."""
    calls = find_text_calls(text, known_tools(None), "normalize", None).recoverable
    spans = [call.span for call in calls if call.span is not None]
    yield from ((start, end, "call") for start, end in spans)
    at = 0
    for call in response.tool_calls if response is not None and not spans else ():
        if call.raw_arguments and (start := text.find(call.raw_arguments, at)) >= 0:
            at = start + len(call.raw_arguments)
            yield start, at, "call"


def _message_regions(text: str, messages: Iterable[Message]) -> tuple[list[Region], bool]:
    """Find the messages, each behind the one before.

    Returns:
        Their regions, and whether all of them were found.
    """
    regions: list[Region] = []
    at, whole = 0, True
    for message in messages:
        content = message.content.strip()
        place = _place(text, content, at) if content else None
        if place is not None:
            at = place[1]
            regions.append((*place, _kind_of(message)))
        whole = whole and (place is not None or not content)
    return regions, whole and bool(regions)


def _place(text: str, content: str, at: int) -> tuple[int, int] | None:
    """Find a content behind `at`; tokens whose text is not known may be a part of it, but not of
    its first characters.
    """
    start = text.find(content, at)
    if start >= 0:
        return start, start + len(content)
    for _ in range(_TRIES if _UNKNOWN in text else 0):
        start = text.find(content[:_ANCHOR], at)
        if start < 0:
            return None
        if (end := _extent(text, start, content)) is not None:
            return start, end
        at = start + 1
    return None


_ANCHOR = 4
"""Characters at the start of a message that must be known."""
_TRIES = 50
"""Places at which a message with tokens of unknown text is looked for."""
_TOKEN = 32
"""The most characters that a token of unknown text is taken to have."""


def _extent(text: str, start: int, content: str) -> int | None:
    """Find the end of a content that begins here, where tokens of unknown text may be some of its
    characters; None if it is another text.
    """
    i, j = 0, start
    while i < len(content) and j < len(text):
        if text[j] != _UNKNOWN:
            if text[j] != content[i]:
                return None
            i, j = i + 1, j + 1
            continue
        behind = next((k for k in range(j, len(text)) if text[k] != _UNKNOWN), len(text))
        piece = text[behind : behind + 6].partition(_UNKNOWN)[0]
        found = content.find(piece, i + 1, i + len(piece) + _TOKEN * (behind - j)) if piece else -1
        if found < 0:
            return behind if len(content) - i <= _TOKEN * (behind - j) else None
        i, j = found, behind
    return j if i == len(content) else None


def _kind_of(message: Message) -> Kind:
    kinds: Mapping[str, Kind] = {"tool": "result", "function": "result", "assistant": "answer"}
    return kinds.get(message.role, "prompt")


def _kinds(texts: Sequence[str | None], regions: Iterable[Region], rest: Kind) -> list[Kind]:
    """Find the kind of the region each token begins in; an empty one begins where the next does."""
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
    """Group neighbours of one kind, as (start, end, kind)."""
    start = 0
    for i in range(1, len(kinds) + 1):
        if i == len(kinds) or kinds[i] != kinds[start]:
            yield start, i, kinds[start]
            start = i

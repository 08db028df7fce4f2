"""Secrets in an answer's raw text: also those that only come together when it is read, as one that
a model wrote in pieces, each in an event of its own.

Raw text stays what it is around them: of a piece of JSON only the letters of a secret are replaced,
and no escape is cut in half.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from agentkit.servers.redaction.redactor import REDACTED, Redactor, mark
from agentkit.types.answer import Response
from agentkit.types.wire import Exchange

Edit = tuple[int, int, str]
"""Start and end in a text, and what stands there instead."""

LEVELS = 4
"""How many ways there are to say which pieces of JSON belong together: by their path and the
numbers on it, by the names on their path, by their own name, or all of them.
"""

ALMOST = 6
"""Characters of a secret that are not shown where nothing follows."""

_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_UNIT = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|.", re.DOTALL
)
_LINE = re.compile(r"(?:data: ?)?([\[{].*)")
_DELTA = re.compile(r'"delta"\s*:\s*"((?:[^"\\]|\\.)*)"')
_DELTA_OF = re.compile(r'"output_index"\s*:\s*(\d+)')
_WORDS = frozenset(
    (name,) for name in ("type", "status", "role", "object", "finish_reason", "stop_reason")
)
"""The fields that hold a word of the protocol, which is whole and no text of the model's."""
_PLACES = ("index", "output_index", "content_index", "summary_index")


@dataclass(frozen=True, slots=True)
class RawText:
    """A text in JSON: where it stands in the raw text, without its quotes, and what it says."""

    start: int
    end: int
    text: str


def raw_edits(text: str, redact: Redactor) -> list[Edit]:
    """Find the secrets that stand in the text as it is."""
    return [(start, end, mark(text, start, end)) for start, end in redact.spans(text)]


def joined_edits(text: str, redact: Redactor, level: int = 0) -> list[Edit]:
    """Find the secrets that come together from pieces of JSON, or are written with escapes.

    Args:
        text: the raw text: JSON, lines of it, or server-sent events.
        redact: what knows them.
        level: which pieces belong together, below `LEVELS`; each joins more of them.
    """
    channels = channels_of(text, level).values()
    return sorted(edit for pieces in channels for edit in channel_edits(text, pieces, redact))


def channels_of(text: str, level: int = 0) -> dict[Any, list[RawText]]:
    """Find the texts in JSON, or in lines or events of it, by what they belong to."""
    channels: defaultdict[Any, list[RawText]] = defaultdict(list)
    for at, document in _documents(text):
        for channel, piece in _pieces(document, at, level):
            channels[channel].append(piece)
    return channels


def may_go_on(channel: Any) -> bool:
    """Tell whether the end of a text may be the middle of one: not of a word of the protocol."""
    return channel[-1:] not in _WORDS


def broken_edits(text: str, redact: Redactor) -> list[Edit]:
    """Find the beginnings of secrets that a text which breaks off ends with, and each of the texts
    in it.
    """
    found: list[Edit] = []
    count = redact.unfinished(text)
    if count >= ALMOST:
        found.append((len(text) - count, len(text), REDACTED))
    for channel, pieces in channels_of(text).items():
        said = "".join(piece.text for piece in pieces)
        count = redact.unfinished(said) if may_go_on(channel) else 0
        if count >= ALMOST:
            found += cuts_of(text, pieces, [(len(said) - count, len(said))], 0)
    return found


def edited(texts: Sequence[str], edits: Iterable[Edit]) -> list[str]:
    """Make the edits, which count in the texts joined, in each of the texts. What stands in the
    place of a span goes to the text that it begins in.
    """
    done: list[str] = []
    waiting = iter(sorted(edits))
    edit = next(waiting, None)
    base = 0
    for text in texts:
        parts: list[str] = []
        at, end = base, base + len(text)
        while edit is not None and edit[0] < end:
            start, stop, new = edit
            if start >= base:
                parts += [text[max(at, base) - base : start - base], new]
            at = max(at, stop)
            if stop > end:
                break
            edit = next(waiting, None)
        parts.append(text[max(0, at - base) :] if at < end else "")
        done.append("".join(parts))
        base = end
    return done


def _documents(text: str) -> Iterator[tuple[int, str]]:
    """Give each JSON document with its place: the whole text, or the lines of it that are one."""
    if text.lstrip()[:1] in ("{", "["):
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            pass
        else:
            yield 0, text
            return
    at = 0
    for line in text.splitlines(keepends=True):
        found = _LINE.match(line)
        if found:
            yield at + found.start(1), found[1]
        at += len(line)


def _pieces(document: str, at: int, level: int) -> Iterator[tuple[Any, RawText]]:
    try:
        leaves = list(_leaves(json.loads(document), (), level))
    except (ValueError, RecursionError):
        return
    literals = list(_STRING.finditer(document))
    if len(literals) != len(leaves):  # a name that is there twice
        return
    for (channel, text), literal in zip(leaves, literals, strict=True):
        if channel is not None and text:
            yield channel, RawText(at + literal.start(1), at + literal.end(1), text)


def _leaves(value: Any, path: tuple[Any, ...], level: int) -> Iterator[tuple[Any, str]]:
    """Give each text in the order it is written in, with what it belongs to; a name belongs to
    nothing.
    """
    if isinstance(value, str):
        yield (path if level < 2 else path[-1:] if level == 2 else ()), value
    elif isinstance(value, dict):
        here = (*path, *_numbers(value, not path)) if level == 0 else path
        for name, item in value.items():
            yield None, name
            yield from _leaves(item, (*here, name), level)
    elif isinstance(value, list):
        for place, item in enumerate(value):
            numbered = level > 0 or (isinstance(item, dict) and "index" in item)
            yield from _leaves(item, path if numbered else (*path, place), level)


def _numbers(value: dict[str, Any], outermost: bool) -> tuple[Any, ...]:
    numbers = tuple(value[name] for name in _PLACES if type(value.get(name)) is int)
    return (*numbers, str(value.get("type"))) if outermost else numbers


def channel_edits(
    text: str, pieces: list[RawText], redact: Redactor, before: str = ""
) -> Iterator[Edit]:
    """Find the secrets in pieces that belong together, and cut each piece by its part of them.

    Args:
        text: the raw text.
        pieces: the pieces of it.
        redact: what knows the secrets.
        before: what was said in front of the first piece, and is not in the text.
    """
    joined = before + "".join(piece.text for piece in pieces)
    spans = deep_spans(joined, redact)
    if not spans:
        return
    yield from cuts_of(text, pieces, [span for span in spans if span[1] > len(before)], len(before))


def cuts_of(
    text: str, pieces: list[RawText], spans: list[tuple[int, int]], at: int
) -> Iterator[Edit]:
    """Cut each piece by its part of the spans, which count from `at` on."""
    open_spans = list(reversed(spans))
    first_at = at
    for piece in pieces:
        end = at + len(piece.text)
        offsets: list[int] | None = None
        while open_spans and open_spans[-1][0] < end:
            start, stop = open_spans[-1]
            if offsets is None:
                offsets = _offsets(text, piece)
            if len(offsets) == len(piece.text) + 1:
                first, last = offsets[max(start, at) - at], offsets[min(stop, end) - at]
                yield first, last, REDACTED if start >= at or at == first_at else ""
            else:
                yield piece.start, piece.end, REDACTED
            if stop > end:
                break
            open_spans.pop()
        at = end


def _offsets(text: str, piece: RawText) -> list[int]:
    """Find where each character of a piece is written, and where it ends."""
    units = _UNIT.finditer(text, piece.start, piece.end)
    return [*(unit.start() for unit in units), piece.end]


def deep_spans(text: str, redact: Redactor) -> list[tuple[int, int]]:
    r"""Find the secrets in a text, and those that JSON within it writes as `\u0073k-…`."""
    spans = redact.spans(text)
    if "\\u00" not in text:
        return spans
    for literal in _STRING.finditer(text):
        if "\\u00" in literal[1]:
            spans += _escaped_spans(text, literal, redact)
    return sorted(spans)


def _escaped_spans(
    text: str, literal: re.Match[str], redact: Redactor
) -> Iterator[tuple[int, int]]:
    try:
        piece = RawText(literal.start(1), literal.end(1), json.loads(literal[0], strict=False))
    except ValueError:
        return
    offsets = _offsets(text, piece)
    if len(offsets) == len(piece.text) + 1:
        for start, end in redact.spans(piece.text):
            yield offsets[start], offsets[end]


def with_tokens(text: str, edits: Sequence[Edit]) -> list[Edit]:
    """Let what else spells a token go with its text: its bytes as numbers, and the alternatives to
    it, the first of which is the token itself. A document with such a token is written anew.

    Args:
        text: the raw text.
        edits: in it, in order.
    """
    if '"bytes"' not in text and '"top_logprobs"' not in text:
        return list(edits)
    found: list[Edit] = []
    waiting = deque(sorted(edits))
    for at, document in _documents(text):
        end = at + len(document)
        while waiting and waiting[0][0] < at:
            found.append(waiting.popleft())
        inside: list[Edit] = []
        while waiting and waiting[0][1] <= end:
            inside.append(waiting.popleft())
        new = _without_tokens(document, [(a - at, b - at, new) for a, b, new in inside])
        found += inside if new is None else [(at, end, new)]
    return [*found, *waiting]


def _without_tokens(document: str, edits: list[Edit]) -> str | None:
    """Make the edits in a document and in its tokens; None where they reach none."""
    if not edits or '"token"' not in document:
        return None
    try:
        was, now = json.loads(document), json.loads(edited([document], edits)[0])
    except (ValueError, RecursionError):
        return None
    return json.dumps(now, ensure_ascii=False) if _strip_tokens(was, now) else None


def _strip_tokens(was: Any, now: Any) -> bool:
    """Empty what spells a token that is another than before; tell whether there was one."""
    if isinstance(was, dict) and isinstance(now, dict):
        changed = isinstance(was.get("token"), str) and was["token"] != now.get("token")
        if changed:
            now.update({"bytes": None} if "bytes" in now else {})
            now.update({"top_logprobs": []} if "top_logprobs" in now else {})
        found = [_strip_tokens(was[name], now[name]) for name in was if name in now]
        return changed or any(found)
    if isinstance(was, list) and isinstance(now, list):
        return sum(_strip_tokens(*pair) for pair in zip(was, now, strict=False)) > 0
    return False


def shows_in_deltas(text: str, redact: Redactor) -> bool:
    """Tell, quickly, whether a stream's deltas may come together to a secret. In Responses, what
    they say is there again as a whole, and the answer is read from that.
    """
    if '"delta"' not in text:
        return False
    channels: defaultdict[str, list[str]] = defaultdict(list)
    for line in text.splitlines():
        found = _DELTA.search(line) if line.startswith("data:") else None
        if found:
            place = _DELTA_OF.search(line)
            channels[place[1] if place else ""].append(found[1])
    said = ("".join(pieces) for pieces in channels.values())
    return any(redact.finds(one) or "\\u00" in one for one in said)


def raw_texts(exchange: Exchange) -> list[str]:
    """List the texts that an answer came in, in order."""
    return [exchange.body, *(chunk.text for chunk in exchange.chunks)]


def shown_texts(response: Response) -> Iterator[str]:
    """Give each text of an answer that is put together from pieces."""
    for text in (response.content, response.wire_content, response.reasoning, response.refusal):
        if text:
            yield text
    for block in response.reasoning_blocks:
        yield block.text
    for call in (*response.tool_calls, *response.recoverable):
        yield call.raw_arguments
        yield call.name
        yield call.id
    if response.logprobs:
        yield "".join(entry.token for entry in response.logprobs)

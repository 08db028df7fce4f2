"""The next event of a stream that is like the last one but for its text: nearly all of a long
stream's are, and none of them needs to be parsed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from json import decoder
from typing import Any

from agentkit.dialects.delta import TextPiece

_scan: Callable[[str, int], tuple[str, int]] = decoder.scanstring  # type: ignore[attr-defined]
_DIGITS = re.compile(r"0|[1-9][0-9]{0,14}(?![0-9.eE])")
_OTHER = "~"
"""What is put in the place of a text to see that it is the one."""
_ODD = re.compile("error|base_resp")
"""Words by which an event may be more than a piece of a text."""
_VAIN = 8
"""After so many events in a row with none like them behind them, none is looked for any more."""


class Alike:
    """An event that adds to a text, and does nothing else that a second one would not do too.

    Args:
        gaps: what stands before each value that may differ in another one, and its name.
        tail: what stands behind the last of them.
        piece: what the event adds to.
    """

    __slots__ = ("_gaps", "_tail", "piece")

    def __init__(self, gaps: Sequence[tuple[str, str]], tail: str, piece: TextPiece) -> None:
        self._gaps = [
            (before, len(before), before[-1] == '"', name == piece.name) for before, name in gaps
        ]
        self._tail, self.piece = tail, piece

    def text_of(self, event: str) -> tuple[str, int | None] | None:
        """Read the text of an event, and its number where it has one; None where the event is not
        like this one, or has no text.
        """
        at, text, number = 0, "", None
        for before, size, is_text, is_own in self._gaps:
            if not event.startswith(before, at):
                return None
            begin = at + size
            if is_text:
                try:
                    found, at = _scan(event, begin)
                except ValueError:
                    return None
                if is_own:
                    text = found
                    if _ODD.search(event, begin, at) is not None:
                        return None
            else:
                digits = _DIGITS.match(event, begin)
                if digits is None:
                    return None
                number, at = int(digits[0]), digits.end()
        return (text, number) if text and event[at:] == self._tail else None


class Run:
    """The events of a stream as long as each is like the one before."""

    def __init__(self) -> None:
        self._last: Alike | None = None
        self._vain = 0
        """How many events in a row had none like them behind them."""

    def next(self, event: str) -> tuple[TextPiece, str] | None:
        """Add to the text that the last event added to, where this one is like it; tell to which,
        and what. None where the event has to be read.
        """
        last = self._last
        found = None if last is None else last.text_of(event)
        if last is None or found is None:
            return None
        (text, number), piece, self._vain = found, last.piece, 0
        if number is not None and piece.take_number is not None:
            piece.take_number(number)
        piece.add(text)
        return piece, text

    def end(self) -> None:
        """Tell nothing of the next event."""
        self._last = None

    def begin(
        self, event: str, data: Any, text: str, piece_of: Callable[[Any], TextPiece | None]
    ) -> None:
        """Begin with an event that was read.

        Args:
            event: its lines.
            data: what it holds.
            text: what it added to the answer.
            piece_of: tells which text such data adds to.
        """
        if self._vain >= _VAIN or not isinstance(data, dict) or _ODD.search(event):
            return
        piece = piece_of(data)
        if piece is not None and piece.text == text:
            self._vain += 1
            self._last = _alike(event, data, piece, piece_of)


def _alike(
    event: str, data: dict[str, Any], piece: TextPiece, piece_of: Callable[[Any], TextPiece | None]
) -> Alike | None:
    """Make what tells the events that are like this one; None where none can be told."""
    names = (piece.name, *(name for name in _BESIDE if name in data))
    values: dict[str, Any] = {name: data.get(name) for name in names} | {piece.name: piece.text}
    places = {name: _place(event, name, value) for name, value in values.items()}
    at, gaps, other = 0, [], ""
    for name, place in sorted(places.items(), key=lambda item: item[1] or (0, 0)):
        if place is None:
            return None
        before = event[at : place[0]]
        gaps.append((before, name))
        other += before + (f'{_OTHER}"' if before[-1] == '"' else str(values[name] + 1))
        at = place[1]
    try:
        found = json.loads((other + event[at:]).partition("data:")[2])
    except ValueError:
        return None
    # whatever is between the quotes is the text, where another in its place is
    changed = piece_of(found)
    if changed is None or (changed.name, changed.text) != (piece.name, _OTHER):
        return None
    if piece.text == _OTHER or any(found.get(name) == values[name] for name in names[1:]):
        return None
    return Alike(gaps, event[at:], piece)


_BESIDE = ("sequence_number", "obfuscation")
"""Fields that are another in each event, and say nothing of the answer: its number, and what OpenAI
puts in so that the length of the text is not seen.
"""


def _place(event: str, name: str, value: Any) -> tuple[int, int] | None:
    """Find where the value of a field begins and ends; None where that is not plain to see."""
    text = type(value) is str
    if not text and type(value) is not int:
        return None
    for key in (f'"{name}":', f'"{name}": '):
        key += '"' * text
        if event.count(key) != 1:
            continue
        begin = event.index(key) + len(key)
        try:
            found, end = _scan(event, begin) if text else _digits(event, begin)
        except ValueError:
            return None
        return (begin, end) if found == value else None
    return None


def _digits(event: str, begin: int) -> tuple[int, int]:
    found = _DIGITS.match(event, begin)
    if found is None:
        raise ValueError
    return int(found[0]), found.end()

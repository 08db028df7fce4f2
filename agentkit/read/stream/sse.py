"""Server-sent events from text in pieces cut anywhere (WHATWG HTML, section 9.2)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agentkit.types.record import Record, record

_LINES = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


@record
class Event(Record):
    """One event of a stream."""

    data: str
    """The data lines, joined by line breaks."""
    kind: str = ""
    """The `event:` field, "" where there is none."""
    complete: bool = True
    """False where the text ended before the blank line that ends an event."""


class SSE:
    """Feeds on pieces and gives the events that have become whole; linear in the text, however it
    is cut.
    """

    def __init__(self) -> None:
        self._line: list[str] = []
        self._data: list[str] = []
        self._kind = ""
        self._after_cr = False
        self._first = True
        self._strays: list[str] = []
        self.other: list[str] = []
        """Lines that belong to no field of an event stream, those that follow one another as one
        text.
        """

    def feed(self, piece: str) -> Iterator[Event]:
        """Add a piece, and return the events it completes."""
        if self._first and piece:
            piece, self._first = piece.removeprefix("\ufeff"), False
        if not piece.endswith("\n\n") or "\r" in piece or not self.is_between():
            yield from self._lines(piece)
            return
        for block in piece[:-2].split("\n\n"):  # whole events, as nearly every piece is
            first, _, rest = (
                block.partition("\n") if block.startswith("event:") else ("", "", block)
            )
            if "\n" in rest or not rest.startswith("data:") or not self.is_between():
                yield from self._lines(block + "\n\n")
            elif data := rest[5:].removeprefix(" "):
                yield Event(data=data, kind=first[6:].removeprefix(" "))

    def is_between(self) -> bool:
        """Tell whether the next line begins an event."""
        return not (self._line or self._data or self._kind or self._strays or self._after_cr)

    def _lines(self, piece: str) -> Iterator[Event]:
        for part in _LINES.findall(piece):
            yield from self._take(part)

    def _take(self, part: str) -> Iterator[Event]:
        """Take one line, or the part of one in this piece. Only CR, LF and CRLF end a line."""
        if self._after_cr:
            self._after_cr = False
            if part == "\n":
                return
        if part.endswith("\r\n"):
            body = part[:-2]
        elif part.endswith(("\n", "\r")):
            body, self._after_cr = part[:-1], part.endswith("\r")
        else:
            self._line.append(part)
            return
        line = "".join([*self._line, body])
        self._line.clear()
        if line:
            self._field(line)
            return
        self._end_strays()
        if event := self._event():
            yield event

    def finish(self) -> Iterator[Event]:
        """Return what is left: an event the text ended inside of, marked as such."""
        rest = "".join(self._line)
        self._line.clear()
        if rest:
            self._field(rest)
        self._end_strays()
        if event := self._event(complete=False):
            yield event

    def _field(self, line: str) -> None:
        name, colon, value = line.partition(":")
        value = value.removeprefix(" ")
        if self._strays and name in ("data", "event"):
            self._end_strays()
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._kind = value
        elif name not in ("", "id", "retry") or not colon:
            self._strays.append(line)

    def _end_strays(self) -> None:
        if self._strays:
            self.other.append("\n".join(self._strays))
            self._strays.clear()

    def _event(self, complete: bool = True) -> Event | None:
        data, kind = "\n".join(self._data), self._kind
        self._data, self._kind = [], ""
        return Event(data=data, kind=kind, complete=complete) if data else None

"""The loop all formats share: text beside the calls, the markers around them, and calls."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any, Literal

from agentkit.errors import UsageError, checked_keywords
from agentkit.read.calls.known_tools import KnownTools, known_tools
from agentkit.read.parsers.output import Drafts, Output, Parsed, Piece
from agentkit.read.parsers.scanner import Markers, Scanner, Unfinished
from agentkit.types.answer import Policy
from agentkit.types.words import type_in_words

Ending = Literal["end", "next", "cut"]
"""How a region ends: with its own marker or value, before something else, or where the text
ends.
"""


@dataclass(eq=False, kw_only=True)
class Format(ABC):
    """How the calls of one family of models are written in text. Holds no state of a reading."""

    calls: tuple[str, ...] = ()
    """Markers that a call starts with."""
    ends: tuple[str, ...] = ()
    """Markers that a call ends with."""
    opens: tuple[str, ...] = ()
    """Markers before calls."""
    closes: tuple[str, ...] = ()
    """Markers behind calls."""
    wraps: tuple[str, ...] = ()
    """Markers before `opens`."""
    drops: tuple[str, ...] = ()
    """Markers that are never content."""
    only_inside: bool = False
    """Calls count only between `opens` and `closes`."""
    at_start: tuple[str, ...] = ()
    """Those of `calls` that count only at the start of the text, or behind one of `behind`."""
    behind: tuple[str, ...] = ()
    trims = ""
    """White space that does not count at the ends of the text beside calls."""

    def __post_init__(self) -> None:
        groups = {
            "drop": self.drops,
            "wrap": self.wraps,
            "close": self.closes,
            "open": self.opens,
            "call": self.calls,
        }
        self.roles = {marker: role for role, markers in groups.items() for marker in markers}
        self.everywhere = self.outside = Markers(self.roles)
        if self.only_inside:
            self.outside = Markers((*self.drops, *self.wraps, *self.opens, *self.closes))
        self.closers, self.end_markers = Markers(self.closes), Markers(self.ends)
        around = (*self.ends, *self.calls, *self.opens, *self.closes)
        self.stops = Markers(marker for marker in around if marker not in "{[")
        """Markers that are no part of a call's JSON or Python, except inside its strings."""
        self.leaks = tuple(m for m in self.roles if len(m) > 3 and not m.startswith("`"))
        """Markers that nothing but a call of this format explains."""

    @property
    def markers(self) -> tuple[str, ...]:
        """What tells this format in a text."""
        return self.opens or self.calls

    @property
    def marked_calls(self) -> tuple[str, ...]:
        """What tells a call whose markers around it are missing."""
        return tuple(marker for marker in self.calls if len(marker) > 3 and marker[0] != "`")

    @abstractmethod
    def region(self, s: Scanner) -> Ending:
        """Read from a call's marker to the call's end."""

    @abstractmethod
    def read(self, raw: str, start: int, ending: Ending, tools: KnownTools) -> Drafts | None:
        """Read the calls in a region.

        Args:
            raw: the text of the region.
            start: where it starts in the whole text.
            ending: how it ends.
            tools: the tools that may be called.

        Returns:
            The calls; None where it is plain text after all.
        """

    def run(self, s: Scanner, out: Output) -> None:
        """Read the whole text."""
        inside = False
        while found := read_text(s, out, self.everywhere if inside else self.outside, self.closers):
            role = self.roles[found]
            if found in self.at_start and not out.ends_with(self.behind):
                out.text(s.at, found)
                s.at += len(found)
            elif role == "call":
                self.read_region(s, out)
            else:
                if role in ("open", "wrap"):
                    out.opened(s.at, found)
                elif role == "close":
                    out.closed(s.at, found)
                s.at += len(found)
                inside = role == "open" or (inside and role == "drop")

    def read_region(self, s: Scanner, out: Output) -> None:
        """Read one region, and add what it holds to the output."""
        raw, start, ending = take_region(self, s, out)
        out.region(self.read(raw, start, ending, out.tools), raw, start)


def read_text(s: Scanner, out: Output, markers: Markers, closing: Markers) -> str | None:
    """Read up to the next marker; the text before it goes to the output.

    Args:
        s: where the reading is.
        out: collects the text.
        markers: what to look for.
        closing: markers of which a part at the end of the text, right behind a call, is dropped.

    Returns:
        The marker, which is not read; None at the end of the text.
    """
    found = markers.regex.search(s.text, s.at)
    if found is None and s.final:
        out.last(s.at, s.text[s.at :], closing)
        s.at = len(s.text)
        return None
    end = found.start() if found else len(s.text) - markers.partial(s.text, s.at)
    out.text(s.at, s.text[s.at : end])
    s.at = end
    if found is None or (not s.final and markers.may_grow(found, s.text)):
        raise Unfinished
    return found.group()


def take_region(form: Format, s: Scanner, out: Output) -> tuple[str, int, Ending]:
    """Read past one region, and return its text, its place, and how it ends.

    Args:
        form: the format.
        s: where the reading is: at a call's marker.
        out: collects the pieces to show.
    """
    s.start = start = s.at
    out.pieces.append(Piece("begin"))
    ending = form.region(s)
    raw = s.text[start : s.at]
    out.pieces.append(Piece("arguments", raw))
    return raw, start, ending


def nested_or_flat(
    s: Scanner, ends: Markers, search: Callable[[Scanner, bool], Ending | None]
) -> Ending:
    """Search for a call's end, first with the family's own markup inside values as a part of them,
    then without.

    Where both fail, the call ends at the first of its end markers.

    Args:
        s: where the reading is.
        ends: the end markers.
        search: reads on from here, nested or flat; None where the text ends inside a value.
    """
    opened = s.at
    for nested in (True, False) if s.patience else (False,):
        s.at = opened
        ending = search(s, nested)
        if ending is not None:
            return ending
        s.patience -= nested
    found = ends.regex.search(s.text, opened)
    if found is None:
        return "cut"
    s.at = found.end()
    return "end"


class Either(Format):
    """The calls of two formats between the markers of the first."""

    only_inside: bool = True

    def __init__(self, first: Format, second: Format) -> None:
        self.first, self.second = first, second
        self.opens, self.closes = first.opens, first.closes
        self.calls = (*first.calls, *second.calls)
        self.__post_init__()

    def _of(self, text: str, at: int) -> Format:
        return self.first if text.startswith(self.first.calls, at) else self.second

    def region(self, s: Scanner) -> Ending:
        return self._of(s.text, s.at).region(s)

    def read(self, raw: str, start: int, ending: Ending, tools: KnownTools) -> Drafts | None:
        return self._of(raw, 0).read(raw, start, ending, tools)


@checked_keywords
class Incremental:
    """A reading of text that arrives in pieces. Any way of cutting the text gives the same result.

    What there is is parsed again from its beginning whenever it has grown by a quarter, so that
    all of it costs at most six times what parsing the whole text once does.
    """

    def __init__(
        self, form: Format, origin: str, tools: Any = None, policy: Policy = "normalize"
    ) -> None:
        self._form, self._origin = form, origin
        self._tools, self._policy = known_tools(tools), policy
        self._text, self._arrived = "", [""]
        self._length = 0
        self._given: list[Piece] = []
        self._result: Parsed | None = None

    def feed(self, piece: str) -> tuple[Piece, ...]:
        """Add a piece of text, and return what became certain, in order; nothing, until the text
        has grown by a quarter.

        Raises:
            UsageError: the reading is finished.
        """
        if self._result is not None:
            raise UsageError(
                "the text was finished before this piece came",
                hint="start a new reading with parser.incremental()",
            )
        self._arrived.append(piece)
        self._length += len(piece)
        if not piece or 4 * self._length < 5 * len(self._text):
            return ()
        given, self._given = self._given, _joined(self._certain())
        if not given:
            return tuple(self._given)
        last, now = given[-1], self._given[len(given) - 1]
        grown = now.text[len(last.text) :]
        return (*([now._replace(text=grown)] if grown else ()), *self._given[len(given) :])

    def finish(self) -> Parsed:
        """Return the result; the same at each call."""
        if self._result is None:
            out = self._output()
            self._form.run(Scanner(self._join()), out)
            self._result = out.parsed(self._form.leaks)
        return self._result

    def _output(self) -> Output:
        return Output(self._tools, self._policy, self._origin, self._form.trims)

    def _join(self) -> str:
        self._text = "".join(self._arrived)
        self._arrived = [self._text]
        return self._text

    def _certain(self) -> list[Piece]:
        """Read what no further text can change; of a region that is not over, its text so far."""
        out, scanner = self._output(), Scanner(self._join(), final=False)
        try:
            self._form.run(scanner, out)
        except Unfinished:
            if out.pieces and out.pieces[-1].kind == "begin":
                out.pieces.append(Piece("arguments", scanner.text[scanner.start :]))
        return out.pieces


def _joined(pieces: list[Piece]) -> list[Piece]:
    """Join neighbouring pieces of content, which depend on how the text was cut."""
    joined: list[Piece] = []
    for kind, group in groupby(pieces, attrgetter("kind")):
        if kind == "content":
            joined.append(Piece("content", "".join(piece.text for piece in group)))
        else:
            joined.extend(group)
    return joined


@checked_keywords
class Parser:
    """A tool-call parser: raw text of a model to calls. Pure; never raises on any text."""

    def __init__(self, name: str, form: Format) -> None:
        self.name = name
        """The name it was asked for by."""
        self.format = form

    def parse(self, text: str, tools: Any = None, policy: Policy = "normalize") -> Parsed:
        """Read the calls of a whole text and the text beside them, as it is given, think blocks
        included.

        Args:
            text: what the model wrote.
            tools: the tools it may call, in any form `KnownTools` takes; formats without types of
                their own read values by their schemas.
            policy: `strict`, `normalize` or `repair`: which calls may run.

        Raises:
            UsageError: it is no text, as the content of an answer that only calls.
        """
        check_text(text)
        out = Output(known_tools(tools), policy, f"content:{self.name}", self.format.trims)
        self.format.run(Scanner(text), out)
        return out.parsed(self.format.leaks)

    def incremental(self, tools: Any = None, policy: Policy = "normalize") -> Incremental:
        """Start a reading of a text that arrives in pieces: `feed(piece)` gives what became
        certain, `finish()` what `parse` would.
        """
        return Incremental(self.format, f"content:{self.name}", tools, policy)

    def __repr__(self) -> str:
        return f"<Parser {self.name}>"


def check_text(text: Any) -> None:
    """Check that a whole text was given.

    Raises:
        UsageError: it is something else.
    """
    if not isinstance(text, str):
        hint = (
            "pass what the model wrote; an answer that only calls has no content: parse(content"
            " or '')"
        )
        raise UsageError(f"the text is {type_in_words(text)}", hint=hint)

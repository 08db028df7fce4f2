"""The loop all formats share: text beside the calls, the markers around them, and calls, read from
pieces cut anywhere.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, Literal

from agentkit.errors import UsageError
from agentkit.read.calls.known_tools import KnownTools, known_tools
from agentkit.read.parsers.output import Found, Output
from agentkit.read.parsers.parsed import Parsed, Piece, check_text
from agentkit.read.parsers.scanner import Reading, Scanner, Tokens
from agentkit.types.answer import Policy
from agentkit.types.keywords import checked_keywords

Ending = Literal["end", "next", "cut"]
"""How a region ends: with its own marker or value, before something else, or where the text
ends.
"""


class Format(ABC):
    """How the calls of one family of models stand in text. Holds no state of a reading."""

    opens: tuple[str, ...] = ()
    """Markers before calls."""
    wraps: tuple[str, ...] = ()
    """Markers before those."""
    drops: tuple[str, ...] = ()
    """Markers that are never content."""
    closes: tuple[str, ...] = ()
    """Markers behind calls."""
    calls: tuple[str, ...] = ()
    """Markers that a call starts with."""
    only_inside = False
    """Calls count only between `opens` and `closes`."""
    at_start: tuple[str, ...] = ()
    """Those of `calls` that count only at the start of the text, or behind one of `behind`."""
    behind: tuple[str, ...] = ()
    trims = ""
    """White space that does not count at the ends of the text beside calls."""

    def prepare(self) -> None:
        """Compiles the markers; called once, at the end of construction."""
        groups = {
            "drop": self.drops,
            "wrap": self.wraps,
            "close": self.closes,
            "open": self.opens,
            "call": self.calls,
        }
        self.roles = {marker: role for role, markers in groups.items() for marker in markers}
        self.everywhere = Tokens(self.roles)
        self.outside = (
            Tokens((*self.drops, *self.wraps, *self.opens, *self.closes))
            if self.only_inside
            else self.everywhere
        )
        self.closers = Tokens(self.closes)

    @property
    def markers(self) -> tuple[str, ...]:
        """What tells this format in a text."""
        return self.opens or self.calls

    @abstractmethod
    def region(self, s: Scanner) -> Reading[Ending]:
        """Reads from a call's marker to the call's end."""

    @abstractmethod
    def read(self, raw: str, start: int, ending: Ending, tools: KnownTools) -> Found | None:
        """The calls in a region, which starts at this place of the text; None where it is plain
        text after all.
        """

    def run(self, s: Scanner, out: Output) -> Reading[None]:
        """Reads the whole text."""
        inside = False
        while True:
            found = yield from read_text(
                s, out, self.everywhere if inside else self.outside, self.closers
            )
            if found is None:
                return
            role = self.roles[found]
            if found in self.at_start and not out.stands_behind(self.behind):
                out.text(s.position, found)
                s.at += len(found)
            elif role == "call":
                raw, start, ending = yield from read_region(self, s, out)
                out.region(self.read(raw, start, ending, out.tools), raw, start)
            else:
                if role in ("open", "wrap"):
                    out.opened(s.position, found)
                elif role == "close":
                    out.closed(s.position, found)
                s.at += len(found)
                inside = role == "open" or (inside and role == "drop")


def read_text(s: Scanner, out: Output, tokens: Tokens, closing: Tokens) -> Reading[str | None]:
    """The next marker; the text before it goes to the output as far as it is certain. None at the
    end of the text.

    Args:
        closing: markers of which a part at the end of the text, right behind a call, is dropped.
    """
    while True:
        found = tokens.regex.search(s.text, s.at)
        sure = found is not None and (s.final or not tokens.may_grow(found, s.text))
        end = (
            found.start()
            if found
            else len(s.text) - (0 if s.final else tokens.partial(s.text, s.at))
        )
        if s.final and not found:
            out.last(s.position, s.text[s.at :], closing)
        else:
            out.text(s.position, s.text[s.at : end])
        s.at = end
        if sure and found:
            return found.group()
        more = s.more(None if out.after_call or out.held or out.silent else tokens.first)
        if not (yield from more) and s.at == len(s.text):
            return None


def read_region(form: Format, s: Scanner, out: Output) -> Reading[tuple[str, int, Ending]]:
    """One region's text, its place, and how it ends."""
    s.mark()
    out.pieces.append(Piece("begin"))
    ending = yield from form.region(s)
    raw, start = s.marked(), s.start
    out.pieces.append(Piece("arguments", s.unmark()))
    return raw, start, ending


def nested_or_flat(
    s: Scanner, ends: Tokens, search: Callable[[Scanner, bool], Reading[Ending | None]]
) -> Reading[Ending]:
    """How a search for a call's end comes out that first takes the family's own markup inside
    values as a part of them, and then does not.

    Where both fail, the call ends at the first of its end markers.

    Args:
        search: reads on from here, nested or flat; None where the text ends inside a value.
    """
    opened = len(s.marked())
    for nested in (True, False) if s.patience else (False,):
        ending = yield from search(s, nested)
        if ending is not None:
            return ending
        if nested:
            s.patience -= 1
            s.rewind(opened)
    found = ends.regex.search(s.marked(), opened)
    if found is None:
        return "cut"
    s.rewind(found.end())
    return "end"


@checked_keywords
class Incremental:
    """A reading of text that arrives in pieces. Any way of cutting the text gives the same result,
    in time linear in its length.
    """

    def __init__(
        self, form: Format, origin: str, tools: Any = None, policy: Policy = "normalize"
    ) -> None:
        self._scanner = Scanner()
        self._out = Output(known_tools(tools), policy, origin, form.trims)
        self._markers = tuple(
            marker for marker in form.roles if len(marker) > 3 and not marker.startswith("`")
        )
        self._run: Iterator[None] | None = form.run(self._scanner, self._out)
        self._result: Parsed | None = None

    def feed(self, piece: str) -> tuple[Piece, ...]:
        """What became certain with this piece of text, in order.

        Raises:
            UsageError: the reading is finished.
        """
        scanner = self._scanner
        idle = scanner.idle
        if idle is not None and idle.isdisjoint(piece):
            marked = scanner.take_idle(piece, self._out.content)
            return (Piece("arguments" if marked else "content", piece),) if piece else ()
        if self._result is not None:
            raise UsageError(
                "the text was finished before this piece came",
                hint="start a new reading with parser.incremental()",
            )
        scanner.arrive(piece)
        self._advance()
        pieces, self._out.pieces[:] = tuple(self._out.pieces), ()
        unseen = scanner.unseen()
        return (*pieces, Piece("arguments", unseen)) if unseen else pieces

    def finish(self) -> Parsed:
        """The result; the same at each call."""
        if self._result is None:
            self._scanner.ended = True
            while self._run is not None:
                self._advance()
            self._scanner.idle = None
            self._result = self._out.parsed(self._markers)
        return self._result

    def _advance(self) -> None:
        if self._run is not None:
            try:
                next(self._run)
            except StopIteration:
                self._run = None


@checked_keywords
class Parser:
    """A tool-call parser: raw text of a model to calls. Pure; never raises on any text."""

    def __init__(self, name: str, form: Format) -> None:
        self.name = name
        """The name it was asked for by."""
        self.format = form

    def parse(self, text: str, tools: Any = None, policy: Policy = "normalize") -> Parsed:
        """The text beside the calls and the calls in a whole text, which is read as it is given,
        think blocks included.

        Args:
            text: what the model wrote.
            tools: the tools it may call, in any form `KnownTools` takes; formats without types of
                their own read values by their schemas.
            policy: `strict`, `normalize` or `repair`: which calls may run.

        Raises:
            UsageError: it is no text, as the content of an answer that only calls.
        """
        check_text(text)
        reading = self.incremental(tools, policy)
        reading._scanner.arrive(text)
        return reading.finish()

    def incremental(self, tools: Any = None, policy: Policy = "normalize") -> Incremental:
        """A reading of a text that arrives in pieces: `feed(piece)` says what became certain,
        `finish()` gives what `parse` would.
        """
        return Incremental(self.format, f"content:{self.name}", tools, policy)

    def __repr__(self) -> str:
        return f"<Parser {self.name}>"

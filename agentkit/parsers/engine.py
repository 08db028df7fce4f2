"""The loop all formats share: text beside the calls, the markers around them, and calls, read from pieces cut anywhere."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

from agentkit.errors import UsageError
from agentkit.parsers.draft import Draft, to_call
from agentkit.parsers.parsed import Parsed, Piece
from agentkit.parsers.scanner import Reading, Scanner, Tokens
from agentkit.read.call import settle_ids
from agentkit.read.known_tools import KnownTools, known_tools
from agentkit.types import Policy, ToolCall

_SEPARATORS = re.compile(r"[\s;]*+\Z")


class Output:
    """Collects what a format reads: content, calls, and the pieces to show."""

    def __init__(self, tools: KnownTools, policy: Policy, origin: str) -> None:
        self.tools, self.policy, self.origin = tools, policy, origin
        self.content: list[str] = []
        self.calls: list[ToolCall] = []
        self.pieces: list[Piece] = []
        self.held: list[str] = []
        """Markers and white space that are dropped where a call stands beside them, and are content where none does."""
        self.after_call = False
        """Nothing but separators stands between the last call and here."""

    def text(self, text: str) -> None:
        if not text:
            return
        if self.after_call or self.held:
            if _SEPARATORS.match(text):
                self.held.append(text)
                return
            self.release()
        self.content.append(text)
        self.pieces.append(Piece("content", text))

    def opened(self, marker: str) -> None:
        """A marker that belongs to the calls that follow it."""
        self.held.append(marker)

    def closed(self, marker: str) -> None:
        """A marker that belongs to the calls before it."""
        if self.after_call:
            self.held.clear()
        else:
            self.release(marker)

    def release(self, more: str = "") -> None:
        """Turns what is held into content."""
        text = "".join(self.held) + more
        self.held.clear()
        self.after_call = False
        if text:
            self.content.append(text)
            self.pieces.append(Piece("content", text))

    def drafts(self, drafts: list[Draft], raw: str, start: int) -> None:
        """The calls of one region of the text; what it holds of broken ones stays in the content."""
        left = []
        for draft in drafts:
            call = to_call(draft, len(self.calls), self.tools, self.policy, self.origin)
            self.calls.append(call)
            self.pieces.append(Piece("call", call.raw_arguments, call))
            if not (draft.whole or call.valid):
                left.append(raw[draft.start - start : draft.end - start])
        if len(left) < len(drafts):
            self.held.clear()
            self.after_call = True
        if left or not drafts:
            self.release("".join(left) if drafts else raw)

    def parsed(self) -> Parsed:
        if not self.after_call:
            self.release()
        content = "".join(self.content)
        return Parsed(content=content if content.strip() else None, tool_calls=settle_ids(self.calls))


class Format(ABC):
    """How the calls of one family of models stand in text. Holds no state of a reading."""

    opens: tuple[str, ...] = ()
    """Markers before calls."""
    closes: tuple[str, ...] = ()
    """Markers behind calls."""
    calls: tuple[str, ...] = ()
    """Markers that a call starts with."""
    only_inside = False
    """Calls count only between `opens` and `closes`."""

    def prepare(self) -> None:
        """Compiles the markers; called once, at the end of construction."""
        self.roles = {**dict.fromkeys(self.closes, "close"), **dict.fromkeys(self.opens, "open"), **dict.fromkeys(self.calls, "call")}
        self.everywhere = Tokens(self.roles)
        self.outside = Tokens(self.opens) if self.only_inside else self.everywhere

    @property
    def markers(self) -> tuple[str, ...]:
        """What tells this format in a text."""
        return self.opens or self.calls

    @abstractmethod
    def region(self, s: Scanner) -> Reading[bool]:
        """Reads from a call's marker to the call's end; whether the end was marked."""

    @abstractmethod
    def read(self, raw: str, start: int, closed: bool, tools: KnownTools) -> list[Draft]:
        """The calls in a region, which starts at this place of the text; none where it is plain text after all."""

    def run(self, s: Scanner, out: Output) -> Reading[None]:
        """Reads the whole text."""
        inside = False
        while True:
            found = yield from read_text(s, out, self.everywhere if inside else self.outside)
            if found is None:
                return
            role = self.roles[found]
            if role == "call":
                raw, start, closed = yield from read_region(self, s, out)
                out.drafts(self.read(raw, start, closed, out.tools), raw, start)
                continue
            s.at += len(found)
            inside = role == "open"
            (out.opened if inside else out.closed)(found)


def read_text(s: Scanner, out: Output, tokens: Tokens) -> Reading[str | None]:
    """The next marker; the text before it goes to the output as far as it is certain. None at the end of the text."""
    while True:
        found = tokens.regex.search(s.text, s.at)
        sure = found is not None and (s.final or not tokens.may_grow(found, s.text))
        if found:
            end = found.start()
        else:
            end = len(s.text) - (0 if s.final else tokens.partial(s.text, s.at))
        out.text(s.text[s.at : end])
        s.at = end
        if sure and found:
            return found.group()
        more = s.more(None if out.after_call or out.held else tokens.first)
        if not (yield from more) and s.at == len(s.text):
            return None


def read_region(form: Format, s: Scanner, out: Output) -> Reading[tuple[str, int, bool]]:
    """One region's text, its place, and whether its end was marked."""
    s.mark()
    out.pieces.append(Piece("begin"))
    closed = yield from form.region(s)
    raw, start = s.marked(), s.start
    out.pieces.append(Piece("arguments", s.unmark()))
    return raw, start, closed


class Incremental:
    """A reading of text that arrives in pieces. Any way of cutting the text gives the same result, in time linear in its length."""

    def __init__(self, form: Format, origin: str, tools: Any = None, policy: Policy = "normalize") -> None:
        self._scanner = Scanner()
        self._out = Output(known_tools(tools), policy, origin)
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
            raise UsageError("the text was finished before this piece came", mend="start a new reading with parser.incremental()")
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
            self._result = self._out.parsed()
        return self._result

    def _advance(self) -> None:
        if self._run is not None:
            try:
                next(self._run)
            except StopIteration:
                self._run = None


class Parser:
    """A tool-call parser: raw text of a model to calls. Pure; never raises on any text."""

    def __init__(self, name: str, form: Format) -> None:
        self.name = name
        """The name it was asked for by."""
        self.format = form

    def parse(self, text: str, tools: Any = None, policy: Policy = "normalize") -> Parsed:
        """The text beside the calls and the calls in a whole text, which is read as it is given, think blocks included.

        Args:
            text: what the model wrote.
            tools: the tools it may call, in any form `KnownTools` takes; formats without types of their own read values by their schemas.
            policy: `strict`, `normalize` or `repair`: which calls may run.
        """
        reading = self.incremental(tools, policy)
        reading._scanner.arrive(text)
        return reading.finish()

    def incremental(self, tools: Any = None, policy: Policy = "normalize") -> Incremental:
        """A reading of a text that arrives in pieces: `feed(piece)` says what became certain, `finish()` gives what `parse` would."""
        return Incremental(self.format, f"content:{self.name}", tools, policy)

    def __repr__(self) -> str:
        return f"<Parser {self.name}>"

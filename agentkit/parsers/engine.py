"""The loop all formats share: text beside the calls, the markers around them, and calls, read from pieces cut anywhere."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from agentkit.errors import UsageError
from agentkit.parsers.draft import Draft, to_call
from agentkit.parsers.parsed import Parsed, Piece
from agentkit.parsers.scanner import Reading, Scanner, Tokens
from agentkit.read.call import settle_ids
from agentkit.read.known_tools import KnownTools, known_tools
from agentkit.types import Policy, ToolCall, problem

Ending = Literal["end", "next", "cut"]
"""How a region ends: with its own marker or value, before something else, or where the text ends."""
_SPACES = re.compile(r"\s++")
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
        self.silent = False
        """What is read is not content: a message that is not to the user."""
        self.after_call = False
        """Nothing but separators stands between the last call and here."""
        self._tail, self._tailed = "", 0

    def text(self, text: str) -> None:
        if not text or self.silent:
            return
        if self.after_call or self.held:
            if _SEPARATORS.match(text):
                self.held.append(text)
                return
            self.release()
        self.content.append(text)
        self.pieces.append(Piece("content", text))

    def last(self, text: str, closing: Tokens) -> None:
        """The end of the text; a part of a closing marker, right behind a call, is dropped."""
        end = len(text) - closing.partial(text)
        self.text(text[:end])
        if not self.after_call:
            self.text(text[end:])

    def stands_behind(self, texts: tuple[str, ...]) -> bool:
        """Whether one of these texts, or nothing, stands before the place that is read, white space left out."""
        new = "".join((*self.content[self._tailed :], *self.held))
        self._tailed = len(self.content)
        self._tail = _SPACES.sub(" ", self._tail + new)[-64:]
        return not self._tail.strip() or self._tail.rstrip().endswith(texts)

    def opened(self, marker: str) -> None:
        """A marker that belongs to the calls that follow it."""
        self.held.append(marker)

    def closed(self, marker: str) -> None:
        """A marker that belongs to the calls before it; with nothing but white space between the two markers both are dropped."""
        if self.after_call or self.held:
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

    def region(self, found: Found | None, raw: str, start: int) -> None:
        """What one region of the text holds; text of calls that are broken stays in the content."""
        left = list(found.left) if found else []
        taken = False
        for draft in found.drafts if found else ():
            call = to_call(draft, len(self.calls), self.tools, self.policy, self.origin)
            self.calls.append(call)
            self.pieces.append(Piece("call", call.raw_arguments, call))
            if draft.whole or call.valid:
                taken = True
            else:
                left.append((draft.start, draft.end))
        if taken:
            self.held.clear()
            self.after_call = True
            self.text("".join(raw[a - start : b - start] for a, b in sorted(left)))
        else:
            self.release(raw)

    def parsed(self, markers: tuple[str, ...]) -> Parsed:
        """The result; a problem says where a marker of the format is left in the content and no broken call explains it."""
        if not self.after_call:
            self.release()
        content = "".join(self.content)
        leaked = next((m for m in markers if m in content), None) if all(call.status != "invalid" for call in self.calls) else None
        problems = (problem("markup_leak", f"the content holds {leaked!r}, which belongs to no call", before=content),) if leaked else ()
        return Parsed(content=content if content.strip() else None, tool_calls=settle_ids(self.calls), problems=problems)


class Found(NamedTuple):
    """What a region of the text holds."""

    drafts: list[Draft]
    left: tuple[tuple[int, int], ...] = ()
    """The spans of other text in it, which is content."""


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

    def prepare(self) -> None:
        """Compiles the markers; called once, at the end of construction."""
        groups = {"drop": self.drops, "wrap": self.wraps, "close": self.closes, "open": self.opens, "call": self.calls}
        self.roles = {marker: role for role, markers in groups.items() for marker in markers}
        self.everywhere = Tokens(self.roles)
        self.outside = Tokens((*self.drops, *self.wraps, *self.opens, *self.closes)) if self.only_inside else self.everywhere
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
        """The calls in a region, which starts at this place of the text; None where it is plain text after all."""

    def run(self, s: Scanner, out: Output) -> Reading[None]:
        """Reads the whole text."""
        inside = False
        while True:
            found = yield from read_text(s, out, self.everywhere if inside else self.outside, self.closers)
            if found is None:
                return
            role = self.roles[found]
            if found in self.at_start and not out.stands_behind(self.behind):
                out.text(found)
                s.at += len(found)
            elif role == "call":
                raw, start, ending = yield from read_region(self, s, out)
                out.region(self.read(raw, start, ending, out.tools), raw, start)
            else:
                s.at += len(found)
                inside = self._beside(role, found, out, inside)

    def _beside(self, role: str, marker: str, out: Output, inside: bool) -> bool:
        """Takes a marker that starts no call; whether calls count behind it."""
        if role in ("open", "wrap"):
            out.opened(marker)
        elif role == "close":
            out.closed(marker)
        return role == "open" or (inside and role == "drop")


def read_text(s: Scanner, out: Output, tokens: Tokens, closing: Tokens) -> Reading[str | None]:
    """The next marker; the text before it goes to the output as far as it is certain. None at the end of the text.

    Args:
        closing: markers of which a part at the end of the text, right behind a call, is dropped.
    """
    while True:
        found = tokens.regex.search(s.text, s.at)
        sure = found is not None and (s.final or not tokens.may_grow(found, s.text))
        end = found.start() if found else len(s.text) - (0 if s.final else tokens.partial(s.text, s.at))
        if s.final and not found:
            out.last(s.text[s.at :], closing)
        else:
            out.text(s.text[s.at : end])
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


class Incremental:
    """A reading of text that arrives in pieces. Any way of cutting the text gives the same result, in time linear in its length."""

    def __init__(self, form: Format, origin: str, tools: Any = None, policy: Policy = "normalize") -> None:
        self._scanner = Scanner()
        self._out = Output(known_tools(tools), policy, origin)
        self._markers = tuple(marker for marker in form.roles if len(marker) > 3 and not marker.startswith("`"))
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
            self._result = self._out.parsed(self._markers)
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

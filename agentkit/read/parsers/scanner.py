"""Text that arrives in pieces, read by generators that pause where more is needed: every decision
depends on the text alone and never on where it was cut, so a stream and a whole text give the same
result. Each character is looked at a bounded number of times.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable
from functools import cached_property
from typing import TypeVar

Slice = tuple[int, str]
"""A piece of the text, and where it starts."""
T = TypeVar("T")
Reading = Generator[None, None, T]
"""A computation that yields while it waits for text."""


class Tokens:
    """Literal markers, searched for together; the longest one wins."""

    def __init__(self, literals: Iterable[str]) -> None:
        self.literals = tuple(sorted(dict.fromkeys(literals), key=len, reverse=True))
        self._either = "|".join(re.escape(literal) for literal in self.literals) or r"(?!)"
        self.first = frozenset(literal[0] for literal in self.literals)
        self.plain = self.first | frozenset("\"'\\")

    @cached_property
    def regex(self) -> re.Pattern[str]:
        return re.compile(self._either)

    @cached_property
    def quoted(self) -> dict[str, re.Pattern[str]]:
        """The same beside the characters that matter outside a string, by the quotes in use."""
        return {quotes: re.compile(rf"[{quotes}\\]|{self._either}") for quotes in ('"', "\"'")}

    @cached_property
    def structure(self) -> re.Pattern[str]:
        """The same beside everything but the words, numbers and separators of JSON."""
        return re.compile(rf"{self._either}|[^\w\s:,.+\-=]")

    @cached_property
    def comments(self) -> dict[str, Tokens]:
        """The same beside what ends a comment, by what begins one."""
        line = Tokens((*self.literals, "\n"))
        return {"/*": Tokens((*self.literals, "*/")), "//": line, "#": line}

    @cached_property
    def _first(self) -> re.Pattern[str]:
        return re.compile("[" + re.escape("".join(self.first)) + "]" if self.first else r"(?!)")

    @cached_property
    def _prefixes(self) -> frozenset[str]:
        return frozenset(literal[:n] for literal in self.literals for n in range(1, len(literal)))

    @cached_property
    def _longest(self) -> int:
        return max(map(len, self.literals), default=1)

    def partial(self, text: str, at: int = 0) -> int:
        """How many characters at the end of the text may be the beginning of a marker."""
        at = max(at, len(text) - self._longest + 1)
        while found := self._first.search(text, at):
            if text[found.start() :] in self._prefixes:
                return len(text) - found.start()
            at = found.start() + 1
        return 0

    def may_grow(self, found: re.Match[str], text: str) -> bool:
        """Whether what was found near the end of the text may be the beginning of a longer
        marker.
        """
        start = found.start()
        return len(text) - start < self._longest and text[start:] in self._prefixes


class Scanner:
    """A window on the arriving text. `at` is where reading stands in it, `base` the window's place
    in the whole text.
    """

    __slots__ = (
        "_arrived",
        "_mark",
        "_parts",
        "_seen",
        "at",
        "base",
        "ended",
        "idle",
        "patience",
        "start",
        "text",
    )

    def __init__(self) -> None:
        self.text, self.at, self.base, self.ended = "", 0, 0, False
        self.idle: frozenset[str] | None = None
        """While waiting: text without any of these characters can be taken as it comes (see
        `take_idle`).
        """
        self.patience = 3
        """How often nested markup may turn out to be unbalanced before it is read flat at once (so
        that reading stays linear).
        """
        self.start = 0
        """Where the marked text starts in the whole text."""
        self._arrived: list[str] = []
        self._parts: list[str] | None = None
        self._mark = self._seen = 0

    @property
    def position(self) -> int:
        return self.base + self.at

    @property
    def finished(self) -> bool:
        """Whether everything is read and nothing more will come."""
        return self.final and self.at == len(self.text)

    @property
    def final(self) -> bool:
        """Whether the window reaches the end of the whole text."""
        return self.ended and not self._arrived

    def arrive(self, piece: str) -> None:
        self._arrived.append(piece)

    def take_idle(self, piece: str, content: list[Slice]) -> bool:
        """Takes a piece that changes nothing without waking the reader; whether it belongs to a
        marked text.
        """
        marked = self._parts is not None
        if self._parts is None:
            content.append((self.base, piece))
        else:
            self._parts.append(piece)
            self._seen += 1
        self.base += len(piece)
        return marked

    def more(self, idle: frozenset[str] | None = None) -> Reading[bool]:
        """Lets go of what was read and waits for text; False when there is none left."""
        if self._parts is not None:
            self._parts.append(self.text[self._mark : self.at])
        self.base += self.at
        self.text = self.text[self.at :]
        self.at = self._mark = 0
        while not self._arrived:
            if self.ended:
                return False
            self.idle = idle if not self.text else None
            yield
            self.idle = None
        self.text += "".join(self._arrived)
        self._arrived.clear()
        return True

    def mark(self) -> None:
        """Starts to keep the text that is read from here on."""
        self._parts, self._mark, self._seen, self.start = [], self.at, 0, self.position

    def marked(self) -> str:
        """What was read since `mark`."""
        return "".join(self._parts or ()) + self.text[self._mark : self.at]

    def unseen(self) -> str:
        """What was read since the mark and not asked for before, to be shown."""
        parts = (self._parts or [])[self._seen :]
        self._seen += len(parts)
        return "".join(parts)

    def unmark(self) -> str:
        """Stops to keep text; what was not seen of it yet."""
        unseen = self.unseen() + self.text[self._mark : self.at]
        self._parts = None
        return unseen

    def rewind(self, keep: int) -> None:
        """Takes reading back to `keep` characters behind the mark."""
        if not self._parts:
            self.at = self._mark + keep
            return
        marked = self.marked()
        self.text = marked[keep:] + self.text[self.at :]
        self._parts, self._seen = [marked[:keep]], 1
        self.base, self.at, self._mark = self.start + keep, 0, 0

    def seek(self, tokens: Tokens, idle: bool = True) -> Reading[re.Match[str] | None]:
        """The next marker, reading up to its start; None at the end of the text."""
        while True:
            found = tokens.regex.search(self.text, self.at)
            if found and (self.final or not tokens.may_grow(found, self.text)):
                self.at = found.start()
                return found
            keep = (
                len(self.text) - found.start()
                if found
                else 0
                if self.final
                else tokens.partial(self.text, self.at)
            )
            self.at = len(self.text) - keep
            if not (yield from self.more(tokens.first if idle else None)) and not keep:
                return None


def end_of(pattern: re.Pattern[str], text: str, at: int) -> int:
    """Where the pattern's match at this place ends; the place itself where there is none."""
    found = pattern.match(text, at)
    return found.end() if found else at

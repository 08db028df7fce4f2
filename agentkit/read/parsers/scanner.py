"""A text read from front to back: markers, and past strings, values and comments of JSON and of
what models write for it.

No decision depends on anything but the text that it looked at, so where the text is only the
beginning of a longer one, reading stops (`Unfinished`) before the first decision that more of it
could change. Each character is looked at a bounded number of times.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property

_IN_STRING = {
    quote: re.compile(rf"[^{quote}\\]*+(?:\\.[^{quote}\\]*+)*+", re.DOTALL) for quote in "\"'"
}
_SCALAR = re.compile(r"[\w.+\-]*+")
_SPACE = re.compile(r"\s*+")
_BRACKETS = re.compile(r"[}\]]*+")
_CLOSES = {"{": "}", "[": "]", "(": ")"}


class Unfinished(Exception):
    """More text is needed to go on."""


class Markers:
    """Literal markers, searched for together; the longest one wins."""

    def __init__(self, literals: Iterable[str]) -> None:
        self.literals = tuple(sorted(dict.fromkeys(literals), key=len, reverse=True))
        self._either = "|".join(re.escape(literal) for literal in self.literals) or r"(?!)"

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
    def comments(self) -> dict[str, Markers]:
        """The same beside what ends a comment, by what begins one."""
        line = Markers((*self.literals, "\n"))
        return {"/*": Markers((*self.literals, "*/")), "//": line, "#": line}

    @cached_property
    def _first(self) -> re.Pattern[str]:
        first = {literal[0] for literal in self.literals}
        return re.compile("[" + re.escape("".join(sorted(first))) + "]" if first else r"(?!)")

    @cached_property
    def _prefixes(self) -> frozenset[str]:
        return frozenset(literal[:n] for literal in self.literals for n in range(1, len(literal)))

    @cached_property
    def _longest(self) -> int:
        return max(map(len, self.literals), default=1)

    def partial(self, text: str, at: int = 0) -> int:
        """Count the characters at the end of the text that may be the beginning of a marker."""
        at = max(at, len(text) - self._longest + 1)
        while found := self._first.search(text, at):
            if text[found.start() :] in self._prefixes:
                return len(text) - found.start()
            at = found.start() + 1
        return 0

    def may_grow(self, found: re.Match[str], text: str) -> bool:
        """Return whether what was found near the end of the text may be the beginning of a longer
        marker.
        """
        start = found.start()
        return len(text) - start < self._longest and text[start:] in self._prefixes


class Scanner:
    """A place in a text, moved on by reading.

    In a text that is not final, every method raises `Unfinished` where the text ends too early.
    """

    __slots__ = ("at", "final", "patience", "start", "text")

    def __init__(self, text: str, final: bool = True) -> None:
        self.text, self.at = text, 0
        self.final = final
        """Whether this is the whole text."""
        self.patience = 3
        """How often nested markup may turn out to be unbalanced before it is read flat at once (so
        that reading stays linear).
        """
        self.start = 0
        """Where the region that is read starts."""

    @property
    def finished(self) -> bool:
        """Whether everything is read."""
        return self.at == len(self.text)

    def seek(self, tokens: Markers) -> re.Match[str] | None:
        """Read up to the next marker; None where there is none, and everything is read."""
        return self._find(tokens.regex, tokens)

    def _find(self, pattern: re.Pattern[str], tokens: Markers) -> re.Match[str] | None:
        found = pattern.search(self.text, self.at)
        if not self.final and (found is None or tokens.may_grow(found, self.text)):
            raise Unfinished
        self.at = found.start() if found else len(self.text)
        return found

    def seek_outside_strings(self, stops: Markers, quotes: str = '"') -> re.Match[str] | None:
        """Read up to the next marker that is not inside a string; None where the text ends, or is
        no JSON.

        A backslash outside a string ends it: with that, no two readings from different markers can
        both run past a third one (the strings of one are the gaps of the other), so that starting
        over after a broken call costs a constant factor.
        """
        pattern = stops.quoted[quotes]
        while (found := self._find(pattern, stops)) and found.group() in quotes:
            self.at = found.end()
            if not self.skip_string(found.group()):
                return None
        return found if found and found.group() != "\\" else None

    def _skip(self, pattern: re.Pattern[str]) -> str:
        """Read past a match, and return the next character, "" at the end of the text."""
        self.at = end_of(pattern, self.text, self.at)
        if self.at == len(self.text) and not self.final:
            raise Unfinished
        return self.text[self.at : self.at + 1]

    def skip_space(self) -> str:
        """Read past white space, and return the next character, "" at the end of the text."""
        return self._skip(_SPACE)

    def skip_brackets(self) -> None:
        """Read past closing brackets."""
        self._skip(_BRACKETS)

    def skip_string(self, quote: str = '"') -> bool:
        """Read past a string's closing quote; False where the text ends before it."""
        close = self.text.find(quote, self.at)
        if close < 0 or (close > self.at and self.text[close - 1] == "\\"):
            close = end_of(_IN_STRING[quote], self.text, self.at)
        self.at = min(close + 1, len(self.text))
        if self.text[close : close + 1] == quote:
            return True
        if not self.final:
            raise Unfinished
        self.at = len(self.text)
        return False

    def skip_literal(self, literal: str) -> None:
        """Read past white space and this text, where it is the next."""
        before = self.at
        self.skip_space()
        if self.text.startswith(literal, self.at):
            self.at += len(literal)
        elif not self.final and literal.startswith(self.text[self.at :]):
            raise Unfinished
        else:
            self.at = before

    def skip_value(self, stops: Markers, more: str = "") -> bool:
        """Read past one value of JSON; False where it is broken off, or has a marker in it, which
        is not read.

        Args:
            stops: markers that are no part of a value, except inside its strings.
            more: further characters to accept: `'` for single-quoted strings, `(` for calls.
        """
        if not self.skip_space():
            return False
        begin = self.at
        self._skip(_SCALAR)
        if self.at > begin:
            return True
        expected: list[str] = []
        while found := self._find(stops.structure, stops):
            char = found.group()
            if expected and char in "/#":
                if not self._skip_comment(stops):
                    return False
                continue
            if char in _CLOSES and (char != "(" or char in more):
                expected.append(_CLOSES[char])
            elif expected and char == expected[-1]:
                expected.pop()
            elif not (char == '"' or (char == "'" and char in more)):
                return False
            self.at += 1
            if char in "\"'" and not self.skip_string(char):
                return False
            if not expected:
                return True
        return False

    def _skip_comment(self, stops: Markers) -> bool:
        """Read past a comment; False where none begins here, or it is broken off, or has a marker
        in it.
        """
        if not self.final and len(self.text) - self.at < 2:
            raise Unfinished
        begin = "#" if self.text[self.at] == "#" else self.text[self.at : self.at + 2]
        if begin not in stops.comments:
            return False
        self.at += len(begin)
        found = self.seek(stops.comments[begin])
        if found is None or found.group() not in ("\n", "*/"):
            return False
        self.at = found.end()
        return True


def end_of(pattern: re.Pattern[str], text: str, at: int) -> int:
    """Find the end of the pattern's match at this place; the place itself where there is none.

    Args:
        pattern: what to match.
        text: the text.
        at: the place.
    """
    found = pattern.match(text, at)
    return found.end() if found else at

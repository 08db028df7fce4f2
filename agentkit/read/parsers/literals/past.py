"""Reading past what arrives: strings, values and comments of JSON, and of what models write for
it.
"""

from __future__ import annotations

import re

from agentkit.read.parsers.scanner import Reading, Scanner, Tokens, end_of

_IN_STRING = {
    quote: re.compile(rf"[^{quote}\\]*+(?:\\.[^{quote}\\]*+)*+", re.DOTALL) for quote in "\"'"
}
_ENDS_STRING = {quote: frozenset(quote + "\\") for quote in "\"'"}
_SCALAR = re.compile(r"[\w.+\-]*+")
_SPACE = re.compile(r"\s*+")
_BRACKETS = re.compile(r"[}\]]*+")
_CLOSES = {"{": "}", "[": "]", "(": ")"}


def past_string(s: Scanner, quote: str = '"') -> Reading[bool]:
    """Reads past a string's closing quote; False where the text ends before it."""
    while True:
        close = s.text.find(quote, s.at)
        if close == s.at or (close > 0 and s.text[close - 1] != "\\"):
            s.at = close + 1
            return True
        s.at = end_of(_IN_STRING[quote], s.text, s.at)
        if s.text[s.at : s.at + 1] == quote:
            s.at += 1
            return True
        if not (yield from s.more(_ENDS_STRING[quote])):
            s.at = len(s.text)
            return False


def past_space(s: Scanner) -> Reading[str]:
    """The next character that is not white space, which is not read; "" at the end of the text."""
    while True:
        s.at = end_of(_SPACE, s.text, s.at)
        if s.at < len(s.text) or not (yield from s.more()):
            return s.text[s.at : s.at + 1]


def past_json(s: Scanner, stops: Tokens, quotes: str = '"') -> Reading[re.Match[str] | None]:
    """The next marker that does not stand inside a string, reading up to its start; None where the
    text ends, or is no JSON.

    A backslash outside a string ends it: with that, no two readings from different markers can both
        run past a third one (the strings of one are the gaps of the other), so that starting over
        after a broken call costs a constant factor.
    """
    while True:
        found = stops.quoted[quotes].search(s.text, s.at)
        if found is None or (not s.final and stops.may_grow(found, s.text)):
            keep = (
                len(s.text) - found.start()
                if found
                else 0
                if s.final
                else stops.partial(s.text, s.at)
            )
            s.at = len(s.text) - keep
            if not (yield from s.more(stops.plain)) and not keep:
                return None
        elif found.group() in quotes:
            s.at = found.end()
            if not (yield from past_string(s, found.group())):
                return None
        else:
            s.at = found.start()
            return found if found.group() != "\\" else None


def past_literal(s: Scanner, literal: str) -> Reading[bool]:
    """Reads past white space and this text, where it stands here."""
    before = len(s.marked())
    if (yield from past_space(s)) == literal[:1]:
        while (
            not s.final and len(s.text) - s.at < len(literal) and literal.startswith(s.text[s.at :])
        ):
            yield from s.more()
        if s.text.startswith(literal, s.at):
            s.at += len(literal)
            return True
    s.rewind(before)
    return False


def past_brackets(s: Scanner) -> Reading[None]:
    """Reads past closing brackets."""
    while True:
        s.at = end_of(_BRACKETS, s.text, s.at)
        if s.at < len(s.text) or not (yield from s.more()):
            return


def past_value(s: Scanner, stops: Tokens, more: str = "") -> Reading[bool]:
    """Reads past one value of JSON; False where it is broken off, or a marker stands in it, which
    is not read.

    Args:
        stops: markers that do not stand in a value, except inside its strings.
        more: further characters to accept: `'` for single-quoted strings, `(` for calls.
    """
    if not (yield from past_space(s)):
        return False
    expected: list[str] = []
    while expected or not (yield from past_scalar(s)):
        found = stops.structure.search(s.text, s.at)
        if found is None or (not s.final and stops.may_grow(found, s.text)):
            keep = (
                len(s.text) - found.start()
                if found
                else 0
                if s.final
                else stops.partial(s.text, s.at)
            )
            s.at = len(s.text) - keep
            if not (yield from s.more()) and not keep:
                return False
            continue
        s.at = found.start()
        char = found.group()
        if char in _CLOSES and (char != "(" or char in more):
            expected.append(_CLOSES[char])
        elif expected and char == expected[-1]:
            expected.pop()
        elif expected and char in "/#":
            if not (yield from past_comment(s, stops)):
                return False
            continue
        elif not (char == '"' or (char == "'" and char in more)):
            return False
        s.at += 1
        if char in "\"'" and not (yield from past_string(s, char)):
            return False
        if not expected:
            return True
    return True


def past_comment(s: Scanner, stops: Tokens) -> Reading[bool]:
    """Reads past the comment that begins here; False where it is none, is broken off, or a marker
    stands in it.
    """
    while not s.final and len(s.text) - s.at < 2:
        yield from s.more()
    begin = "#" if s.text[s.at] == "#" else s.text[s.at : s.at + 2]
    if begin not in stops.comments:
        return False
    s.at += len(begin)
    found = yield from s.seek(stops.comments[begin])
    if found is None or found.group() not in ("\n", "*/"):
        return False
    s.at = found.end()
    return True


def past_scalar(s: Scanner) -> Reading[bool]:
    """Reads past a number or a word, where one stands here; whether one does."""
    began = False
    while True:
        end = end_of(_SCALAR, s.text, s.at)
        began |= end > s.at
        s.at = end
        if end < len(s.text) or not (yield from s.more()):
            return began

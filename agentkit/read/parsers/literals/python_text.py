"""Python's literals and calls of them, as models write them: read in one linear pass, nothing is
evaluated.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from agentkit.read.parsers.literals.json_text import read_value
from agentkit.read.parsers.scanner import end_of
from agentkit.read.plain import MOST_BITS

_STRING = r"""(?P<string> [rRuU]?+ (?: \'{3} (?: [^'\\]++ | \\. | '(?!'') )*+ \'{3}
                               | "{3} (?: [^"\\]++ | \\. | "(?!"") )*+ "{3}
                               | ' [^'\\]*+ (?: \\. [^'\\]*+ )*+ '
                               | " [^"\\]*+ (?: \\. [^"\\]*+ )*+ " ) )"""
_NUMBER = r"""(?P<number> [+-]?+ \ *+
    (?: 0[xX][0-9a-fA-F_]++ | 0[oO][0-7_]++ | 0[bB][01_]++
      | (?: \d[\d_]*+ (?:\.\d*+)?+ | \.\d++ ) (?:[eE][+-]?+\d++)?+ ) (?![\w.]) )"""
_TOKEN = re.compile(
    rf"""(?: [\ \t\r\n\f]++ | \#[^\n]*+ | \\\n )*+
    (?: {_STRING}
      | {_NUMBER}
      | (?P<word> [^\W\d] [\w.\-]*+ )
      | (?P<mark> [\[\](){{}}:,=] ) )""",
    re.DOTALL | re.VERBOSE,
)
_KEYWORD = re.compile(
    rf"""[\ \t\r\n\f]*+ (?P<key> [^\W\d] [\w.\-]*+ ) \ *+ = \ *+
    (?: {_NUMBER} \ *+ (?=[,)]) | (?P<quote> ["'] ) )""",
    re.VERBOSE,
)
"""A keyword argument that is one number, or the beginning of one that is a text."""
_BEHIND = re.compile(r" *+(?=[,)])")
_PLAIN = re.compile(
    r"""[\[{] (?: [\[\]{}:,\ \t\r\n]++ | '[^'"\\\x00-\x1f]*+' | "[^'"\\\x00-\x1f]*+"
        | -?+[0-9]{1,300}+(?:\.[0-9]++)?+(?:[eE][+-]?+[0-9]++)?+
        | (?:True|False|None|true|false|null)\b )*+""",
    re.VERBOSE,
)
"""What a container goes on with as long as it holds nothing that JSON does not write too, in the
same number of characters.
"""
_JSON_WORDS = {"True": "true", "False": "false", "None": "null"}
_WORD = re.compile(r'"[^"]*+"|True|False|None')
_WORDS = {"True": True, "False": False, "None": None, "true": True, "false": False, "null": None}
_ESCAPE = re.compile(
    r"\\(?:[0-7]{1,3}|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.DOTALL
)
_ESCAPES = {
    r"\n": "\n",
    r"\t": "\t",
    r"\r": "\r",
    r"\a": "\a",
    r"\b": "\b",
    r"\f": "\f",
    r"\v": "\v",
    r"\\": "\\",
    r"\'": "'",
    r"\"": '"',
    "\\\n": "",
}
_DEEPEST = 100


class Literal(NamedTuple):
    value: Any
    end: int


class PythonCall(NamedTuple):
    name: str
    arguments: dict[str, Any] | None
    """None where they are not keywords with literals."""
    start: int
    open: int
    """Where the `(` is."""
    end: int
    fault: str = ""


class Unreadable(Exception):
    """Why a text cannot be read as values, and where."""

    def __init__(self, why: str, at: int) -> None:
        super().__init__(why)
        self.why, self.at = why, at


class PythonReader:
    """A cursor over the tokens of one text."""

    def __init__(self, text: str, at: int, loose: bool) -> None:
        self.text, self.at, self.loose = text, at, loose
        self.depth = 0
        self.start = at
        """Where the last token starts."""
        self._ahead: re.Match[str] | None = None

    def _look(self) -> re.Match[str] | None:
        """Find the next token, which is not read."""
        if self._ahead is None:
            self._ahead = _TOKEN.match(self.text, self.at)
        return self._ahead

    def next(self) -> tuple[str, str]:
        """Read the next token: its kind and text."""
        found = self._look()
        if found is None or found.lastgroup is None:
            ends = not self.text[self.at : self.at + 40].strip()
            raise Unreadable(
                "it ends here" if ends else "something that is no literal stands here", self.at
            )
        kind = found.lastgroup
        piece = found.group(kind)
        self._ahead = None
        self.at = found.end()
        self.start = self.at - len(piece)
        return kind, piece

    def peek(self) -> str:
        """Return the next token's text, "" where there is none."""
        found = self._look()
        return found.group(found.lastgroup) if found and found.lastgroup else ""

    def value(self) -> Any:
        kind, piece = self.next()
        if kind == "string":
            return self._string(piece)
        if kind == "number":
            return _number(piece, self.loose)
        if kind == "word" and piece in _WORDS:
            return _WORDS[piece]
        if kind == "mark" and piece in _CONTAINERS and self.depth < _DEEPEST:
            if not self.depth and (plain := _plain_container(self.text, self.start)):
                self.at = plain[1]
                return plain[0]
            self.depth += 1
            value = _CONTAINERS[piece](self)
            self.depth -= 1
            return value
        raise Unreadable("an argument is not a literal", self.start)

    def _string(self, piece: str) -> str:
        parts = [self._unquoted(piece)]
        while (found := self._look()) and found.lastgroup == "string":
            parts.append(self._unquoted(self.next()[1]))
        return "".join(parts)

    def _unquoted(self, piece: str) -> str:
        raw = piece[0] in "rR"
        piece = piece.lstrip("rRuU")
        width = 3 if piece[:3] in ("'''", '"""') else 1
        if width == 1 and "\n" in piece and not self.loose:
            raise Unreadable("a line ends inside a string", self.start)
        body = piece[width:-width]
        return body if raw else _unescaped(body)

    def items(self, closing: str, item: Callable[[], None]) -> bool:
        """Read items to the closing bracket; whether a comma was behind the last one."""
        comma = False
        while self.peek() != closing:
            item()
            comma = self.peek() == ","
            if comma:
                self.next()
            elif self.peek() != closing:
                raise Unreadable("a comma or a closing bracket is missing", self.at)
        self.next()
        return comma

    def mark(self, wanted: str) -> None:
        if self.next()[1] != wanted:
            raise Unreadable(f"{wanted!r} is missing", self.start)

    def _plain_keyword(self, found: dict[str, Any]) -> bool:
        """Read a keyword argument that is one number, or one text between plain quotes, in few
        steps; whether there is one here.
        """
        begun = _KEYWORD.match(self.text, self.at)
        if begun is None:
            return False
        key, number, quote = begun.group("key", "number", "quote")
        begin = end = begun.end()
        if quote:
            close = self.text.find(quote, begin)
            behind = _BEHIND.match(self.text, close + 1) if close >= 0 else None
            if (
                behind is None
                or self.text[close - 1] == "\\"
                or (not self.loose and "\n" in self.text[begin:close])
            ):
                return False
            end = behind.end()
        self._ahead, self.start, self.at = None, begun.start("quote" if quote else "number"), end
        found[key] = _unescaped(self.text[begin:close]) if quote else _number(number, self.loose)
        return True

    def keywords(self) -> dict[str, Any]:
        """Read the keyword arguments behind an opening bracket."""
        found: dict[str, Any] = {}

        def keyword() -> None:
            if self._plain_keyword(found):
                return
            kind, key = self.next()
            if kind != "word" or self.peek() != "=":
                raise Unreadable("an argument has no name", self.start)
            self.next()
            found[key] = self.value()

        self.items(")", keyword)
        return found


def _list(reader: PythonReader) -> list[Any]:
    values: list[Any] = []
    reader.items("]", lambda: values.append(reader.value()))
    return values


def _tuple(reader: PythonReader) -> Any:
    values: list[Any] = []
    comma = reader.items(")", lambda: values.append(reader.value()))
    return values[0] if len(values) == 1 and not comma else values


def _dict(reader: PythonReader) -> Any:
    """Read a dictionary; a set, as a list, where the reader is loose."""
    values: dict[str, Any] = {}
    members: list[Any] = []

    def pair() -> None:
        key = reader.value()
        if reader.loose and not values and reader.peek() in (",", "}"):
            members.append(key)
            return
        if members:
            raise Unreadable("a set holds a pair", reader.start)
        reader.mark(":")
        values[key if isinstance(key, str) else _key(key)] = reader.value()

    reader.items("}", pair)
    return members or values


def _key(value: Any) -> str:
    return (
        {True: "true", False: "false", None: "null"}[value]
        if value is None or isinstance(value, bool)
        else str(value)
    )


_CONTAINERS: dict[str, Callable[[PythonReader], Any]] = {"[": _list, "(": _tuple, "{": _dict}


def _number(piece: str, loose: bool) -> int | float:
    text = "".join(piece.split()).replace("_", "")
    digits = text.lstrip("+-")
    if digits.isdigit() and (
        len(digits) > 4000
        or (len(digits) > 1 and digits[0] == "0" and digits.strip("0") and not loose)
    ):
        raise Unreadable("a number cannot be read", 0)
    if digits.isdigit():
        return int(text)
    if digits[:2].lower() not in ("0x", "0o", "0b"):
        return float(text)
    value = int(text, 0)
    if value.bit_length() > MOST_BITS:
        raise Unreadable("a number cannot be read", 0)
    return value


def _plain_container(text: str, at: int) -> tuple[Any, int] | None:
    """Read the container at this place and where it ends, where JSON's own reader can tell once
    quotes and words are written as JSON's.
    """
    run = end_of(_PLAIN, text, at)
    written = text[at:run].replace("'", '"')
    if written.count("[") + written.count("{") > _DEEPEST:
        return None
    if "True" in written or "False" in written or "None" in written:
        written = _WORD.sub(lambda word: _JSON_WORDS.get(word.group(), word.group()), written)
    found = read_value(written, 0)
    return (found[0], at + found[1]) if found else None


def _unescaped(body: str) -> str:
    """Read what is between quotes; the commonest escapes are not looked at one by one."""
    if "\\" not in body:
        return body
    parts = body.split(r"\\")
    for escape in (r"\n", r"\'", r"\"", r"\t", r"\r"):
        parts = [part.replace(escape, _ESCAPES[escape]) for part in parts]
        if not any("\\" in part for part in parts):
            return "\\".join(parts)
    return _ESCAPE.sub(_character, body)


def _character(found: re.Match[str]) -> str:
    escape = found.group()
    simple = _ESCAPES.get(escape)
    if (
        simple is not None
        or len(escape) < 2
        or escape[1] not in "01234567xuU"
        or (escape[1] in "xuU" and len(escape) == 2)
    ):
        return escape if simple is None else simple
    code = int(escape[1:], 8) if escape[1].isdigit() else int(escape[2:], 16)
    return chr(code) if code < 0x110000 else escape


def read_literal(text: str) -> Literal | None:
    """Read the Python literal a whole text is; None where it is none."""
    reader = PythonReader(text, 0, False)
    try:
        value = reader.value()
    except Unreadable:
        return None
    return Literal(value, reader.at) if not text[reader.at :].strip() else None


def read_call(text: str, at: int, loose: bool = False) -> PythonCall | None:
    """Read the call `name(key=literal, …)` that starts at this place; None where there is no name
    with a bracket.

    Args:
        loose: line ends inside strings and leading zeros are read too.
    """
    reader = PythonReader(text, at, loose)
    try:
        kind, name = reader.next()
    except Unreadable:
        return None
    start, opening = reader.start, reader.at
    if kind != "word" or text[opening : opening + 1] != "(":
        return None
    reader.next()
    try:
        return PythonCall(name, reader.keywords(), start, opening, reader.at)
    except Unreadable as exc:
        return PythonCall(name, None, start, opening, exc.at or reader.at, exc.why)

"""JSON that is nearly JSON: one linear pass that rewrites what can be rewritten without changing a
value, and names each rule it used.

Rules: raw control characters in strings, escapes JSON does not know, comments, a comma before a
    closing bracket, Python's quotes, escapes and `True`/`False`/`None`. Nothing is completed: a
    text that ends inside a value is reported as open.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from agentkit.read.plain import finite
from agentkit.types.words import shared

COMMENT = r"//[^\n]*+|\#[^\n]*+|/\*(?:[^*]|\*(?!/))*+\*/"

_TOKEN = re.compile(
    rf"""(?P<space>[ \t\r\n]++)
      | (?P<string>"(?:[^"\\]|\\.)*+")
      | (?P<quoted>[uU]?+'(?:[^'\\]|\\.)*+')
      | (?P<comment>{COMMENT})
      | (?P<open>[{{\[]) | (?P<close>[}}\]]) | (?P<comma>,) | (?P<colon>:)
      | (?P<word>[A-Za-z]++)
      | (?P<number>[-+.0-9][-+.0-9eE]*+)""",
    re.VERBOSE | re.DOTALL,
)
_UNFINISHED = re.compile(r"[uU]?'|\"|/\*|/\Z")
_ODD_CHARACTER = re.compile(
    r"""[\x00-\x1f"]
      | \\(?: (?P<json>["\\/bfnrt]|u[0-9a-fA-F]{4})
            | (?P<hex>x[0-9a-fA-F]{2}|U[0-9a-fA-F]{8})
            | (?P<octal>[0-7]{1,3})
            | (?P<other>.))""",
    re.VERBOSE | re.DOTALL,
)
_PYTHON_ESCAPES = {"'": "'", "a": "\\u0007", "v": "\\u000b", "\n": ""}
_PYTHON_WORDS = {"True": "true", "False": "false", "None": "null", "nan": "NaN", "inf": "Infinity"}
_CLOSES = {"{": "}", "[": "]"}
_VALUES = frozenset(("string", "quoted", "word", "number", "close"))


@dataclass(slots=True)
class Loaded:
    """A JSON text's value, and what the parser would have passed over."""

    value: Any = None
    duplicates: list[str] = field(default_factory=list)
    """Keys that were in one object more than once; the last one is read."""
    nonfinite: bool = False
    """It holds NaN or Infinity."""


def loads(text: str) -> Loaded:
    """Parse a JSON text.

    Raises:
        ValueError: it is not JSON, or holds an integer too long to be read.
        RecursionError: it is nested too deeply.
    """
    loaded = Loaded()

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found = {shared(key): value for key, value in items}
        if len(found) != len(items):
            loaded.duplicates += [
                key for key, count in Counter(key for key, _ in items).items() if count > 1
            ]
        return found

    def constant(_: str) -> float:
        loaded.nonfinite = True
        return math.nan

    loaded.value = json.loads(text, object_pairs_hook=pairs, parse_constant=constant)
    return loaded


@dataclass(slots=True)
class Relaxed:
    """One value found at the start of a text."""

    loaded: Loaded | None = None
    """The value; None where none was found."""
    end: int = 0
    """Where the value ends."""
    open: bool = False
    """The text ended inside the value."""
    codes: dict[str, None] = field(default_factory=dict)
    """Problem codes of the rules used, in order of first use."""

    @property
    def found(self) -> bool:
        return self.loaded is not None

    @property
    def value(self) -> Any:
        return self.loaded.value if self.loaded else None


def relax(text: str, start: int = 0) -> Relaxed:
    """Read the first value from `start` on with the rules above; never raises."""
    pieces: list[tuple[str, str]] = []
    stack: list[str] = []
    at = start
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            return Relaxed(open=bool(_UNFINISHED.match(text, at)))
        kind, piece = str(token.lastgroup), token.group()
        at = token.end()
        pieces.append((kind, piece))
        if kind == "open":
            stack.append(piece)
        elif kind == "close" and (not stack or _CLOSES[stack.pop()] != piece):
            return Relaxed()
        if not stack and kind not in ("space", "comment"):
            return _finish(pieces, at)
    return Relaxed(open=bool(stack))


def _finish(pieces: list[tuple[str, str]], end: int) -> Relaxed:
    codes: dict[str, None] = {}
    try:
        return Relaxed(loaded=loads(_strict(pieces, codes)), end=end, codes=codes)
    except (ValueError, RecursionError):
        return Relaxed()


def _strict(pieces: list[tuple[str, str]], codes: dict[str, None]) -> str:
    python = any(kind == "quoted" or piece in _PYTHON_WORDS for kind, piece in pieces)
    out: list[str] = []
    last, comma = "", -1
    for kind, piece in pieces:
        if kind == "close" and comma >= 0:
            codes["arguments_trailing_comma"] = None
            out[comma] = ""
        if kind not in ("space", "comment"):
            comma = len(out) if kind == "comma" and last in _VALUES else -1
            last = kind
        out.append(_json(kind, piece, python, codes))
    return "".join(out)


def _json(kind: str, piece: str, python: bool, codes: dict[str, None]) -> str:
    match kind:
        case "string":
            return _quoted(piece[1:-1], python, codes)
        case "quoted":
            codes["arguments_python_literal"] = None
            return _quoted(piece.lstrip("uU")[1:-1], python, codes)
        case "word" if piece in _PYTHON_WORDS:
            codes["arguments_python_literal"] = None
            return _PYTHON_WORDS[piece]
        case "comment":
            codes["arguments_comments"] = None
            return " "
    return piece


def _quoted(inside: str, python: bool, codes: dict[str, None]) -> str:
    """Write a string as JSON does, from what is between its quotes."""
    return f'"{_ODD_CHARACTER.sub(lambda odd: _escaped(odd, python, codes), inside)}"'


def _escaped(odd: re.Match[str], python: bool, codes: dict[str, None]) -> str:
    """Write one character of a string as JSON does; Python's escapes count only in a Python
    literal.
    """
    text = odd.group()
    if text == '"':
        return '\\"'
    if len(text) == 1:
        codes["arguments_control_chars"] = None
        return f"\\u{ord(text):04x}"
    if odd["json"]:
        return text
    number = (
        int(odd["octal"], 8) if odd["octal"] else int(odd["hex"][1:], 16) if odd["hex"] else None
    )
    if python and number is not None and number <= 0x10FFFF:
        return json.dumps(chr(number))[1:-1]
    if python and odd["other"] in _PYTHON_ESCAPES:
        return _PYTHON_ESCAPES[odd["other"]]
    codes["arguments_bad_escape"] = None
    return "'" if text == "\\'" else "\\\\" + json.dumps(text[1:], ensure_ascii=False)[1:-1]


_LONGEST = 8_000
"""Characters; json_repair's time grows with the length and, for brackets that are never closed,
faster.
"""
_MOST_BRACKETS = 300


def guessed_object(text: str) -> dict[str, Any] | None:
    """Let json_repair, where it is installed, make an object of a text; None where it makes none,
    or the text is long.
    """
    start = text.find("{")
    if start < 0 or len(text) > _LONGEST or text.count("{") + text.count("[") > _MOST_BRACKETS:
        return None
    repair = _repair()
    try:
        value = repair(text[start:], return_objects=True) if repair else None
    except Exception:
        return None
    return value if isinstance(value, dict) and value and finite(value) else None


@cache
def _repair() -> Callable[..., Any] | None:
    try:
        from json_repair import repair_json
    except ImportError:
        return None
    return repair_json


_MOST_STARTS = 8


def restarted(text: str) -> dict[str, Any] | None:
    """Find the whole object at the end of a text that consists of it and, before it, of one or
    more of its beginnings; None where the text is anything else. White space does not count.
    """
    text = text.strip()
    if not (text.startswith("{") and text.endswith("}")):
        return None
    for start in _last_objects(text):
        whole, before = text[start:], text[:start]
        try:
            value = json.loads(whole)
        except (ValueError, RecursionError):
            continue
        begins = _compact(whole).startswith(_compact(before)) or _beginnings(before, whole)
        return value if isinstance(value, dict) and begins and finite(value) else None
    return None


def _last_objects(text: str) -> Iterator[int]:
    """Find where the object that ends the text may start, by its brackets, from the end on."""
    depth, given = 0, 0
    for found in reversed(list(_BRACE.finditer(text))):
        depth += 1 if found.group() == "}" else -1
        if depth <= 0 and found.group() == "{" and found.start():
            yield found.start()
            depth, given = 0, given + 1
            if given == _MOST_STARTS:
                return


_BRACE = re.compile(r"[{}]")
_BLANK = re.compile(r"\s++")


def _compact(text: str) -> str:
    return _BLANK.sub("", text)


def _beginnings(text: str, whole: str) -> bool:
    """Return whether a text is nothing but beginnings of another one."""
    at = 0
    while at < len(text):
        length = _common(text, at, whole)
        if at + length == len(text):
            return True
        following = text.rfind("{", at + 1, at + length + 1)
        if following < 0:
            return False
        at = following
    return True


def _common(text: str, at: int, whole: str) -> int:
    """Count the characters from a place on that a text has in common with another one."""
    low, high = 0, min(len(text) - at, len(whole))
    while low < high:
        middle = (low + high + 1) // 2
        if text[at + low : at + middle] == whole[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low

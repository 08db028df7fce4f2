"""JSON that is nearly JSON: one linear pass that rewrites what can be rewritten without changing a value, and names each rule it used.

Rules: raw control characters in strings, escapes JSON does not know, comments, a comma before a closing bracket, Python's quotes and
`True`/`False`/`None`. Nothing is completed: a text that ends inside a value is reported as open.
"""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass, field
from typing import Any

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+)
      | (?P<string>"[^"\\]*(?:\\.[^"\\]*)*")
      | (?P<quoted>'[^'\\]*(?:\\.[^'\\]*)*')
      | (?P<comment>//[^\n]*|/\*[^*]*\*+(?:[^/*][^*]*\*+)*/)
      | (?P<open>[{\[]) | (?P<close>[}\]]) | (?P<comma>,) | (?P<colon>:)
      | (?P<word>[A-Za-z]+)
      | (?P<number>[-+.0-9][-+.0-9eE]*)""",
    re.VERBOSE | re.DOTALL,
)
_CONTROL = re.compile(r"[\x00-\x1f]")
_BAD_ESCAPE = re.compile(r"\\(?:([\"\\/bfnrt]|u[0-9a-fA-F]{4})|(.))", re.DOTALL)
_PYTHON_WORDS = {"True": "true", "False": "false", "None": "null"}
_CLOSES = {"{": "}", "[": "]"}


@dataclass(slots=True)
class Relaxed:
    """One value found at the start of a text."""

    value: Any = None
    end: int = 0
    """Where the value ends."""
    found: bool = False
    open: bool = False
    """The text ended inside the value."""
    nonfinite: bool = False
    codes: dict[str, None] = field(default_factory=dict)
    """Problem codes of the rules used, in order of first use."""


def relax(text: str, start: int = 0) -> Relaxed:
    """The first value from `start` on, read with the rules above; never raises."""
    result = Relaxed()
    out: list[str] = []
    stack: list[str] = []
    comma = -1
    at = start
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            result.open = text[at] in "\"'" or (text[at] == "/" and text[at : at + 2] in ("/", "/*"))
            return result
        kind, piece = str(token.lastgroup), token.group()
        at = token.end()
        if kind == "close":
            if not stack or _CLOSES[stack.pop()] != piece:
                return result
            if comma >= 0:
                out[comma] = ""
                result.codes["arguments_trailing_comma"] = None
        if kind not in ("space", "comment"):
            comma = len(out) if kind == "comma" else -1
        if kind == "open":
            stack.append(piece)
        out.append(_rewrite(kind, piece, result.codes))
        if not stack and kind not in ("space", "comment"):
            return _finish(result, "".join(out), at)
    result.open = bool(stack)
    return result


def _rewrite(kind: str, piece: str, codes: dict[str, None]) -> str:
    match kind:
        case "string":
            return _string(piece, codes)
        case "quoted":
            codes["arguments_python_literal"] = None
            return _python_string(piece, codes)
        case "comment":
            codes["arguments_comments"] = None
            return " "
        case "word" if piece in _PYTHON_WORDS:
            codes["arguments_python_literal"] = None
            return _PYTHON_WORDS[piece]
    return piece


def _string(piece: str, codes: dict[str, None]) -> str:
    if "\\" in piece:
        piece = _BAD_ESCAPE.sub(lambda m: m.group() if m.group(1) else _literal_escape(m.group(2), codes), piece)
    if _CONTROL.search(piece):
        codes["arguments_control_chars"] = None
        piece = _CONTROL.sub(lambda m: f"\\u{ord(m.group()):04x}", piece)
    return piece


def _literal_escape(char: str, codes: dict[str, None]) -> str:
    codes["arguments_bad_escape"] = None
    return char if char == "'" else "\\\\" + json.dumps(char, ensure_ascii=False)[1:-1]


def _python_string(piece: str, codes: dict[str, None]) -> str:
    if "\\" not in piece:
        return json.dumps(piece[1:-1], ensure_ascii=False)
    try:
        value = ast.literal_eval(piece.replace("\n", "\\n").replace("\r", "\\r"))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return "?"
    return json.dumps(value, ensure_ascii=False)


def _finish(result: Relaxed, strict: str, end: int) -> Relaxed:
    def constant(_: str) -> None:
        result.nonfinite = True

    try:
        result.value = json.loads(strict, parse_constant=constant)
    except (ValueError, RecursionError):
        return result
    result.end, result.found = end, True
    return result

"""Data as source text that people read: JSON for a shell, literals for Python.

Invisible characters are written as escapes.
"""

from __future__ import annotations

import json
from typing import Any

from agentkit.show.render.parts.pretty import pretty
from agentkit.types.words import visible

_WIDTH = 100
_DEPTH = 40
"""Steps of indentation at most."""
_LINE = 72
"""Characters from which a text of several lines is written a line each."""


def json_text(value: Any) -> str:
    r"""Write a value as JSON in which bidi marks, invisible characters and lone surrogates are
    escaped.

    >>> json_text({"city": "Köln\u202e"})
    '{"city": "Köln\\u202e"}'
    """
    text = pretty(value)
    if visible(text) == text:
        return text
    return "".join(
        ch
        if ch == "\n" or visible(ch) == ch
        else json.dumps(ch)[1:-1]
        if ch > "\x7f"
        else f"\\u{ord(ch):04x}"
        for ch in text
    )


def literal(value: Any, depth: int = 0, taken: int = 0) -> str:
    """Write a JSON value as a Python literal, on one line where it fits.

    Args:
        value: what is written.
        depth: how far it is indented, in steps of four.
        taken: characters before it on its line.

    >>> print(literal({"city": "Oslo", "days": [1, None]}))
    {"city": "Oslo", "days": [1, None]}
    """
    if isinstance(value, str):
        return _text(value, depth, taken)
    if not isinstance(value, (dict, list, tuple)):
        return repr(value)
    line = _line(value)
    if 4 * depth + taken + len(line) + 1 <= _WIDTH or not value or depth > _DEPTH:
        return line
    items = (
        [(f"{_quoted(key)}: ", item) for key, item in value.items()]
        if isinstance(value, dict)
        else [("", item) for item in value]
    )
    pad = "    " * (depth + 1)
    rows = [f"{pad}{name}{literal(item, depth + 1, len(name))},\n" for name, item in items]
    return f"{line[0]}\n{''.join(rows)}{'    ' * depth}{line[-1]}"


def _line(value: Any) -> str:
    """Write a value on one line, however long."""
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, dict):
        return (
            "{" + ", ".join([f"{_quoted(key)}: {_line(item)}" for key, item in value.items()]) + "}"
        )
    if isinstance(value, tuple):
        return "(" + ", ".join(map(_line, value)) + (",)" if len(value) == 1 else ")")
    return "[" + ", ".join(map(_line, value)) + "]" if isinstance(value, list) else repr(value)


def _text(value: str, depth: int, taken: int) -> str:
    """Write a text on one line, or each of its lines on one."""
    parts = value.splitlines(keepends=True) if "\n" in value else [value]
    if len(parts) == 1 or 4 * depth + taken + len(value) <= _LINE:
        return _quoted(value)
    pad = "    " * (depth + 1)
    return "(\n" + "".join(f"{pad}{_quoted(part)}\n" for part in parts) + "    " * depth + ")"


def _quoted(text: str) -> str:
    """Quote a text, with double quotes where that needs no escape, as formatters do."""
    text = str(text)
    plain = repr(text)
    return f'"{plain[1:-1]}"' if plain[0] == "'" and '"' not in text else plain


def lines_of(text: str, depth: int) -> str:
    """Write a long text as a Python literal of many lines, cut anywhere."""
    room = _WIDTH - 4 * depth - 10
    pieces = [text[i : i + room] for i in range(0, len(text), room)]
    if len(pieces) < 2:
        return _quoted(text)
    pad = "    " * (depth + 1)
    return "(\n" + "".join(f"{pad}{_quoted(piece)}\n" for piece in pieces) + "    " * depth + ")"

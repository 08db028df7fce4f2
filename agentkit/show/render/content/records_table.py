"""A list of records as a table: the first three rows, the others behind a fold."""

from __future__ import annotations

import re
from typing import Any

from agentkit.show.html import Child, Html, el, element, fragment
from agentkit.show.render.content.colours import LITERAL
from agentkit.show.render.content.json_text import Digits, Members, leaf_text, line, size
from agentkit.show.render.content.markdown import running_text
from agentkit.types.words import count

_COLUMNS = 12
_FIRST = 3
_MOST = 200
"""Rows behind the fold."""
_CELL = 80
"""Characters of a cell."""
_WIDE = 42
_DEEP = 400
"""Characters of a cell that is an object or a list."""
_LIKE_JSON = re.compile(r'-?\d[\d.eE+-]*|true|false|null|["{\[].*|\s.*|.*\s|', re.DOTALL)
"""Texts that are written with their quotes, so that they pass for nothing else."""
_ROW, _NAME, _TEXT, _COUNT = (
    element("tr"),
    element("th", scope="col"),
    element("td"),
    element("td", class_="ak-number"),
)


def columns_of(value: Any) -> list[str] | None:
    """Return the names of the columns; None where the value is no list of records of one form."""
    if not isinstance(value, list) or isinstance(value, Members) or len(value) < 2:
        return None
    if not all(isinstance(item, Members) and 0 < len(item) <= _COLUMNS for item in value):
        return None
    names = list(dict.fromkeys(name for item in value for name, _ in item))
    cells = sum(map(len, value))
    deep = sum(isinstance(cell, list) for item in value for _, cell in item)
    same = all(len(dict(item)) == len(item) for item in value)
    fits = len(names) <= _COLUMNS and 3 * cells >= 2 * len(names) * len(value)
    return names if same and fits and 2 * deep <= cells and len(names) > 1 else None


def records_table(value: list[Members], names: list[str]) -> Html:
    """Draw the records; all columns are as wide as their widest cell, behind the fold too."""
    rows = [dict(item) for item in value[: _FIRST + _MOST]]
    numeric = {n: all(isinstance(r.get(n, Digits()), Digits) for r in rows) for n in names}
    texts = [[_cell(row, name) for name in names] for row in rows]
    widths = [
        min(max(len(name), *(length for length, _ in column)), _WIDE)
        for name, column in zip(names, zip(*texts, strict=True), strict=True)
    ]
    # a short cell is often an id, whose capitals are wide, and has no place to break
    pixels = [round(6.7 * width + 1.5 * min(width, 12)) + 18 for width in widths]
    sizes = el("colgroup", [el("col", width=width) for width in pixels])
    makes = [_COUNT if numeric[name] else _TEXT for name in names]
    drawn = [
        _ROW([make(cell) for make, (_, cell) in zip(makes, row, strict=True)]) for row in texts
    ]
    head = el("thead", _ROW([_name(name, numeric[name]) for name in names]))
    first = el("table", sizes, head, el("tbody", drawn[:_FIRST]))
    rest, more = drawn[_FIRST:], len(value) - len(rows)
    behind = el(
        "details",
        el("summary", count(len(value) - _FIRST, "more row")),
        el("table", sizes, el("tbody", rest)),
        el("small", "… ", count(more, "more row")) if more else None,
    )
    return el("div", first, behind if rest else None, class_="ak-records")


def _name(name: str, numeric: bool) -> Html:
    shown = running_text(name if len(name) <= _WIDE else f"{name[:_WIDE]}…")
    return el("th", shown, scope="col", class_="ak-number") if numeric else _NAME(shown)


def _cell(row: dict[str, Any], name: str) -> tuple[int, Child]:
    """Draw a cell, with its length in characters; an absent value is an empty one."""
    if name not in row:
        return 0, None
    value = row[name]
    if isinstance(value, list):
        if size(value, _CELL) <= _CELL:
            return size(value, _CELL), el("code", line(value))
        words = f"{{ {count(len(value), 'field')} }}" if isinstance(value, Members) else ""
        words = words or f"[ {count(len(value), 'item')} ]"
        if size(value, _DEEP) > _DEEP:
            return len(words), el("small", words)
        return len(words), el("details", el("summary", words), el("code", line(value)))
    text = leaf_text(value)
    if isinstance(value, Digits):
        return len(text), text if len(text) <= _CELL else f"{text[:_CELL]}…"
    if not isinstance(value, str):
        return len(text), LITERAL(text)
    if not _LIKE_JSON.fullmatch(value):
        text = value
    if len(text) > _CELL:
        rest = count(len(text) - _CELL, "more character")
        more = el("details", el("summary", rest), running_text(text[_CELL:]))
        return _CELL, fragment(running_text(text[:_CELL]), more)
    return len(text), running_text(text)

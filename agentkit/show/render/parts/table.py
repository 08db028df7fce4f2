"""Many rollouts as a table, small whatever the rollouts hold: its first rows, and how many there
are more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from agentkit.show.html import Html, el
from agentkit.show.render.parts.block import code, note, status
from agentkit.types.record import clip
from agentkit.types.words import count

_NAMES = {
    "rollout": "#",
    "input_tokens": "in",
    "output_tokens": "out",
    "stop_reason": "ended",
    "label": "labels",
}
_WIDE = 60
"""Characters of a cell."""


def column_name(name: str) -> str:
    """A column's heading."""
    return _NAMES.get(name, name.replace("_", " "))


def cell_text(value: Any) -> str:
    """A value as it stands in a table; "" where it is not known."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}"
    return clip(value, _WIDE)


def table_fragments(
    names: Sequence[str], rows: Iterable[Sequence[Any]], total: int
) -> dict[str, Html]:
    """The rows under the names of their columns, and how many of the total are left out."""
    shown = list(rows)
    numbers = [
        all(isinstance(values[i], (int, float)) or values[i] is None for values in shown)
        for i in range(len(names))
    ]
    kinds = ("ak-number" if number else None for number in numbers)
    headings = [
        el("th", clip(column_name(name), _WIDE), scope="col", class_=kind)
        for name, kind in zip(names, kinds, strict=True)
    ]
    drawn = [
        el("tr", [_cell(name, value) for name, value in zip(names, values, strict=True)])
        for values in shown
    ]
    table = el(
        "table", el("thead", el("tr", headings)), el("tbody", drawn), class_="ak-table ak-many"
    )
    more = total - len(drawn)
    rest = note("… ", count(more, "more rollout"), " not shown here") if more > 0 else None
    return {"table": el("div", table, rest, class_="ak-part", data_key="table")}


def _cell(name: str, value: Any) -> Html:
    """A cell: a number is bare, which the style sheet knows it by, and a text in a `code`."""
    if name == "stop_reason":
        return el("td", status(str(value)))
    text = cell_text(value)
    return el("td", text if isinstance(value, (int, float)) else code(text) if text else None)


def table_lines(names: Sequence[str], rows: Iterable[Sequence[Any]], total: int) -> Iterator[str]:
    """The same as plain text, a line per rollout."""
    shown = list(rows)
    for values in shown:
        cells = dict(zip(names, map(cell_text, values), strict=True))
        number, prompt = cells.pop("rollout"), cells.pop("prompt")
        told = ", ".join(f"{column_name(name)} {text}" for name, text in cells.items() if text)
        yield f"{number:>5}  {prompt:<{_WIDE}}  {told}"
    if (more := total - len(shown)) > 0:
        yield f"… {count(more, 'more rollout')} not shown here"

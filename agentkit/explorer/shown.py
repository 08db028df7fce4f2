"""Many rollouts as a table: its first rows, small whatever the rollouts hold."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from agentkit.html import Html, el
from agentkit.render.block import bar, code, note, row, status
from agentkit.render.outline import Limits
from agentkit.render.words import count
from agentkit.types import clip

if TYPE_CHECKING:
    from agentkit.explorer.explorer import Explorer

ROWS = 50
"""Rows that are kept in a notebook."""
_NAMES = {
    "rollout": "#", "input_tokens": "in", "output_tokens": "out", "stop_reason": "ended", "problems": "problems", "label": "labels",
}  # fmt: skip
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


def table_fragments(table: Explorer, limits: Limits) -> dict[str, Html]:
    """The heading, and the first rows."""
    head = el("header", bar(el("strong", "Rollouts"), el("small", table.heading())), class_="ak-head", data_key="head")
    names = ("rollout", *table.source.shown, "label")
    shown = list(islice(table.places, min(ROWS, limits.items)))
    used = [name for name in names if name != "label" or any(table.labels_of(place) for place in shown)]
    top = el("thead", el("tr", [el("th", column_name(name), scope="col") for name in used]))
    rows = [el("tr", [_cell(name, table.value(name, place)) for name in used]) for place in shown]
    parts = {"head": head, "table": el("div", el("table", top, el("tbody", rows), class_="ak-table"), class_="ak-scroll", data_key="table")}
    more = len(table) - len(shown)
    if more > 0:
        parts["gap"] = row("gap", "aside", (None, note("… ", count(more, "more rollout"), " not shown here")))
    return parts


def _cell(name: str, value: Any) -> Html:
    if name == "stop_reason":
        return el("td", status(str(value)))
    text = cell_text(value)
    return el("td", text, class_="ak-number") if isinstance(value, (int, float)) else el("td", code(text) if text else None)


def table_lines(table: Explorer, limits: Limits) -> Iterator[str]:
    """The same as plain text, a line per rollout."""
    yield f"Rollouts: {table.heading()}"
    names = ("turns", "calls", "problems", "stop_reason")
    shown = list(islice(table.places, min(ROWS, limits.items)))
    for place in shown:
        told = ", ".join(f"{column_name(name)} {cell_text(table.value(name, place))}" for name in names)
        yield f"{place:>5}  {cell_text(table.value('prompt', place)):<60}  {told}"
    if (more := len(table) - len(shown)) > 0:
        yield f"… {count(more, 'more rollout')} not shown here"

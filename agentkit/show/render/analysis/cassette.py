"""Files of rollouts: what they hold, and what the doctor found in them."""

from __future__ import annotations

from typing import Any

from agentkit.files.cassette.checkup import Checkup, Finding
from agentkit.files.cassette.index import Cassette, Index
from agentkit.files.columns import UNREAD, columns_of, kinds_of
from agentkit.show.html import Html, el
from agentkit.show.render import shown
from agentkit.show.render.limits import Limits
from agentkit.show.render.parts.block import code, note, row, status
from agentkit.show.render.rollout.table import table_fragments
from agentkit.types.words import count


@shown.register(Index)
def index_fragments(index: Index, limits: Limits) -> dict[str, Html]:
    """Draw the first rollouts as a table."""
    head = el("p", el("strong", "Index"), " ", index.heading(), class_="ak-title")
    return {"head": head, **table_fragments(*_first(index, limits), len(index))}


def _first(index: Index, limits: Limits) -> tuple[list[str], list[list[Any]]]:
    """Return the names of the columns and the cells of the first rows."""
    first = index.entries[: limits.rows]
    columns, names = columns_of(kinds_of([e.meta for e in first]), [e.dialect for e in first])
    values = [column.indexed for name in names if (column := columns[name])]
    found = [[of(entry) if of else None for of in values] for entry in first]
    known = [[None if value is UNREAD else value for value in row] for row in found]
    rows = [[e.sample, *row, e.size] for e, row in zip(first, known, strict=True)]
    return ["rollout", *names, "bytes"], rows


@shown.register(Cassette)
def cassette_fragments(cassette: Cassette, limits: Limits) -> dict[str, Html]:
    """Draw its index."""
    return index_fragments(cassette.entries, limits)


@shown.register(Checkup)
def checkup_fragments(checkup: Checkup, limits: Limits) -> dict[str, Html]:
    """Draw the findings as a list."""
    title = el("p", el("strong", "Checkup"), " ", checkup.heading(), class_="ak-title")
    rows = [_row(number, finding) for number, finding in enumerate(checkup[: limits.items])]
    more = len(checkup) - len(rows)
    gap = [note("… ", count(more, "more finding"))] if more > 0 else []
    return {"checkup": el("div", title, rows, gap)}


def _row(number: int, finding: Finding) -> Html:
    line = el(
        "div",
        status(finding.severity),
        " ",
        el("strong", finding.code),
        " at ",
        finding.place,
        _times(finding),
        ": ",
        code(finding.message),
    )
    return row(f"finding-{number}", "aside", (None, (line, note(finding.hint))))


def _times(finding: Finding) -> str:
    return f" and {finding.count - 1} more" if finding.count > 1 else ""

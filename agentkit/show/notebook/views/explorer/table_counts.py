"""What the page shows beside a table: facets with their counts, and what the rollouts come to."""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import itemgetter

from agentkit.analysis.explore.aggregates import Aggregates
from agentkit.analysis.explore.explorer import Explorer
from agentkit.analysis.explore.facets import FACETS
from agentkit.analysis.explore.over_values import Axis
from agentkit.analysis.explore.query import Query
from agentkit.analysis.explore.table_columns import LABEL
from agentkit.show.notebook.live import sendable
from agentkit.show.notebook.page_parts import Part
from agentkit.show.notebook.views.explorer.axis_parts import axis_parts
from agentkit.show.notebook.views.explorer.table_parts import facet_parts, figure_parts
from agentkit.show.render.rollouts import aggregate_texts

_OFFERED = 20
"""Values of a column that are offered to the filter."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TableCounts:
    """What was counted of a table, as the page makes it."""

    facets: list[Part] = field(default_factory=list)
    asked: int = 0
    """How many columns the filter asks something of."""
    offers: dict[str, list[str]] = field(default_factory=dict)
    """Values of columns, for the filter."""
    figures: list[Part] = field(default_factory=list)
    axis: Axis | None = None
    """What the rollouts come to along a column."""
    along: list[Part] = field(default_factory=list)
    """The same as the page makes it."""


def counts_of(
    table: Explorer, all_of: Aggregates, opened: frozenset[str], total: int, column: str = ""
) -> TableCounts:
    """Describe the facets and aggregates of a table.

    Args:
        table: how it is filtered now.
        all_of: what all its rollouts come to.
        opened: the columns all of whose values are shown.
        total: how many rollouts there are.
        column: what the rollouts are looked at over; "" for the first that half of them have, or
            that which most have.
    """
    axis = table.axis(column) if column else _usual_axis(table)
    unread = [name for name in FACETS if name != LABEL and table.source.reads(name)]
    facets, histogram = table.facets(), table.histogram()
    asked = sum(any(choice.chosen for choice in facet.choices) for facet in facets)
    return TableCounts(
        facets=facet_parts(facets, histogram, unread, opened, total),
        asked=asked + bool(histogram and histogram.chosen),
        offers={
            facet.column: [sendable(c.value or "none") for c in facet.choices[:_OFFERED]]
            for facet in facets
        },
        figures=figure_parts(aggregate_texts(table.aggregates(), all_of)),
        axis=axis,
        along=axis_parts(axis, table.axes) if axis else [],
    )


def _usual_axis(table: Explorer) -> Axis | None:
    found = []
    for name in table.axes:
        if axis := table.axis(name):
            found.append((covered := sum(point.rollouts for point in axis.points), axis))
            if 2 * covered >= len(table):
                return axis
    return max(found, key=itemgetter(0), default=(0, None))[1]


class TableQuestions:
    """What is asked of a table by what was counted of it: facets, steps, points along a column."""

    _all: Explorer
    _base: Explorer
    _table: Explorer
    _counts: TableCounts | None
    _axis: str

    def do_ask(self, query: str | None = None) -> None:
        """Filter."""
        raise NotImplementedError

    def _begin(self) -> None:
        raise NotImplementedError

    @property
    def _query(self) -> Query:
        """The filter that holds now; one that could not be read changed nothing."""
        return self._table.query

    def _filter(self, query: Query) -> None:
        self.do_ask(query=query.summary())

    def do_choose(self, column: str, value: str, on: bool) -> None:
        """Ask for a value of a column too, or no longer."""
        others = [chosen for chosen in self._query.chosen(column) if chosen != value]
        self._filter(self._query.choosing(column, [*others, value] if on else others))

    def do_range(self, column: str, first: int, last: int) -> None:
        """Ask for the steps of a histogram from the first to the last."""
        found = self._base.histogram(column)
        if found is None:
            return
        first, last = sorted((int(first), int(last)))
        least = found.edge(first) if first > 0 else None
        end = len(found.counts) - 1
        below = found.edge(last + 1) if last < end else None
        self._filter(self._query.between(column, least, below, upto=last >= end))

    def do_along(self, column: str, first: int, last: int) -> None:
        """Ask for the points of the column that is looked at over, from the first to the last."""
        axis = self._counts.axis if self._counts else None
        if axis is not None and axis.column == column:
            first, last = sorted((int(first), int(last)))
            self._filter(axis.asked(self._query, first, last))

    def do_axis(self, column: str) -> None:
        """Look at the rollouts over another column."""
        if column in self._all.axes:
            self._axis = column
            self._begin()

    def do_any(self, column: str = "") -> None:
        """Ask nothing of a column any more; of none, where it has no name."""
        self._filter(self._query.without(column) if column else Query())

"""What the page shows beside a table: facets with their counts, and what the rollouts come to."""

from __future__ import annotations

from dataclasses import dataclass, field

from agentkit.analysis.explore.aggregates import Aggregates
from agentkit.analysis.explore.explorer import Explorer
from agentkit.analysis.explore.facets import FACETS
from agentkit.analysis.explore.table_columns import LABEL
from agentkit.show.notebook.live import sendable
from agentkit.show.notebook.page_parts import Part
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


def counts_of(
    table: Explorer, all_of: Aggregates, opened: frozenset[str], total: int
) -> TableCounts:
    """Describe the facets and aggregates of a table.

    Args:
        table: how it is filtered now.
        all_of: what all its rollouts come to.
        opened: the columns all of whose values are shown.
        total: how many rollouts there are.
    """
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
    )

"""What the page shows beside a table: facets with their counts, and what the rollouts come to."""

from __future__ import annotations

from typing import Any

from agentkit.analysis.explore.aggregates import Aggregates
from agentkit.analysis.explore.explorer import Explorer
from agentkit.analysis.explore.facets import FACETS, Choice, Facet, Histogram
from agentkit.analysis.explore.table_columns import LABEL
from agentkit.show.notebook.live import sendable
from agentkit.show.render.rollout.table import code_words, column_name, tone_of
from agentkit.show.render.rollouts import aggregate_texts
from agentkit.types.record import clip

_CHOICES = 6
"""Values of a column that are shown at first."""
_MOST = 60


def counts_of(table: Explorer, all_of: Aggregates, opened: frozenset[str]) -> dict[str, Any]:
    """Describe the facets and aggregates of a table.

    Args:
        table: how it is filtered now.
        all_of: what all its rollouts come to.
        opened: the columns all of whose values are shown.
    """
    unread = [
        [name, column_name(name)] for name in FACETS if name != LABEL and table.source.reads(name)
    ]
    return {
        "facets": [_facet(facet, opened) for facet in table.facets()],
        "unread": unread,
        "histogram": _histogram(table.histogram()),
        "aggregates": aggregate_texts(table.aggregates(), all_of),
    }


def _facet(facet: Facet, opened: frozenset[str]) -> dict[str, Any]:
    most = _MOST if facet.column in opened else _CHOICES
    shown = [c for i, c in enumerate(facet.choices) if i < most or c.chosen]
    return {
        "column": facet.column,
        "heading": column_name(facet.column),
        "choices": [_choice(facet.column, choice) for choice in shown],
        "more": len(facet.choices) - len(shown),
    }


def _choice(column: str, choice: Choice) -> list[Any]:
    """Write a value of a facet: value, words, tone, count, whether it is chosen."""
    value = choice.value
    tone = tone_of(value) if column == "ended" and value else ""
    words = value or ("no label" if column == LABEL else "none")
    if column == "codes":
        words = code_words(words)
    return [sendable(value or "none"), sendable(clip(words)), tone, choice.count, choice.chosen]


def _histogram(histogram: Histogram | None) -> dict[str, Any] | None:
    if histogram is None:
        return None
    return {
        "column": histogram.column,
        "heading": column_name(histogram.column),
        "edges": [f"{histogram.edge(step):.4g}" for step in range(len(histogram.counts) + 1)],
        "counts": histogram.counts,
        "chosen": histogram.chosen,
    }

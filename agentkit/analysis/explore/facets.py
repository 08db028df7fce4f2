"""What the rollouts of a table have in common, counted: for each value of a column how many there
are of what all other conditions leave.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from agentkit.analysis.explore.columns.index_column import sort_key
from agentkit.analysis.explore.columns.place_array import as_array, as_places
from agentkit.analysis.explore.query import Condition, Query
from agentkit.analysis.explore.table_columns import LABEL, TableColumns
from agentkit.types.record import Record, record

FACETS = ("ended", "codes", "tools", "model", "server", "dialect", LABEL)
"""The columns whose values are counted, in the order in which they are shown."""
STEPS = 10
"""Steps of a histogram."""


@record
class Choice(Record):
    """One value of a column."""

    value: str | None
    """None: not known, or no label."""
    count: int
    chosen: bool = False

    def summary(self) -> str:
        return f"{self.value or 'none'} {self.count:,}"


@record
class Facet(Record):
    """The values of a column, the most frequent of all rollouts first, however it is filtered."""

    column: str
    choices: tuple[Choice, ...]

    def summary(self) -> str:
        return f"{self.column}: {', '.join(choice.summary() for choice in self.choices)}"


@record
class Histogram(Record):
    """How the numbers of a column lie, in ten steps of equal width."""

    column: str
    least: float
    greatest: float
    counts: tuple[int, ...]
    chosen: tuple[bool, ...] = ()
    """Which steps the filter keeps; empty where it says nothing about this column."""

    def summary(self) -> str:
        steps = ", ".join(f"{number:,}" for number in self.counts)
        return f"{self.column} from {self.least:.6g} to {self.greatest:.6g}: {steps}"

    def edge(self, step: int) -> float:
        """Compute where a step begins."""
        return self.least + (self.greatest - self.least) * step / STEPS


class KeptRollouts:
    """Which rollouts the conditions of a query keep, and which they would if one of them were not
    there. Each condition is worked out once.
    """

    def __init__(self, columns: TableColumns, base: Sequence[int], query: Query) -> None:
        """Work out each condition. Texts are searched of what fulfils all others but one at least.

        Args:
            columns: those of the table.
            base: the places of the rollouts that are filtered.
            query: the conditions.
        """
        import numpy as np

        self.columns = columns
        searched = [c for c in query.conditions if columns.is_search(c)]
        of_columns = [c for c in query.conditions if c not in searched]
        self._missed = [(c.column, ~columns.holding(c)) for c in of_columns]
        places = base
        if searched or query.words:
            chosen = as_array(base)
            misses = sum(missed[chosen].astype(np.int8) for _, missed in self._missed)
            places = as_places(chosen[misses <= 1] if self._missed else chosen)
        for condition in searched:
            places = columns.source.matching(condition, places)
        if query.words:
            places = columns.source.holding(query.words, places)
        self._all = np.zeros(len(columns.source), bool)
        self._all[as_array(places)] = True

    def others(self, column: str) -> Any:
        """Make an array of the rollouts that the conditions on all other columns keep."""
        kept = self._all.copy()
        for name, missed in self._missed:
            if name != column:
                kept &= ~missed
        return kept


def facets_of(columns: TableColumns, kept: KeptRollouts, query: Query) -> tuple[Facet, ...]:
    """Count the values of those columns that do not have to be read from a file and have more than
    one value; linear.
    """
    return tuple(
        facet
        for name in FACETS
        if (name == LABEL or not columns.source.reads(name))
        and (facet := facet_of(columns, kept, query, name)) is not None
    )


def facet_of(columns: TableColumns, kept: KeptRollouts, query: Query, name: str) -> Facet | None:
    """Count the values of one column; None where it has but one."""
    distinct, chosen = columns.distinct(name), query.chosen(name)
    all_of, now = distinct.counted(slice(None)), distinct.counted(kept.others(name))
    totals: dict[str | None, list[int]] = {}
    for value, total, number in zip(distinct.values, all_of, now, strict=True):
        for item in columns.items(name, value):
            sums = totals.setdefault(item, [0, 0])
            sums[0], sums[1] = sums[0] + total, sums[1] + number
    if name in ("codes", "tools"):
        totals.pop(None, None)
    if len(totals) < 2 and not chosen and name not in ("codes", "tools"):
        return None
    order = sorted(totals, key=lambda item: (item is None, -totals[item][0], sort_key(item)))
    choices = (
        Choice(value=item, count=totals[item][1], chosen=(item or "none") in chosen)
        for item in order
    )
    found = Facet(column=name, choices=tuple(choices))
    return found if found.choices else None


def histogram_of(
    columns: TableColumns, kept: KeptRollouts, query: Query, name: str
) -> Histogram | None:
    """Count the numbers of a column in ten steps; None where there are none, or all are equal."""
    if name != "reward":  # which a table need not have
        columns.check(name)
    if name not in columns.names or columns.kind(name) != "number":
        return None
    import numpy as np

    every = columns.numbers(name)
    known = ~np.isnan(every)
    if not known.any():
        return None
    least, greatest = float(every[known].min()), float(every[known].max())
    if least == greatest:
        return None
    if least >= 0 and greatest <= 1:
        least, greatest = 0.0, 1.0
    numbers = every[known & kept.others(name)]
    steps = ((numbers - least) / (greatest - least) * STEPS + 1e-9).astype(np.int64)
    counts = np.bincount(np.minimum(steps, STEPS - 1), minlength=STEPS).tolist()
    found = Histogram(column=name, least=least, greatest=greatest, counts=tuple(counts))
    conditions = [c for c in query.conditions if c.column == name]
    if not conditions:
        return found
    return replace(found, chosen=tuple(_chosen_steps(found, conditions)))


def _chosen_steps(histogram: Histogram, conditions: list[Condition]) -> Iterator[bool]:
    """Tell of each step whether its middle fulfils the conditions."""
    for step in range(STEPS):
        middle = (histogram.edge(step) + histogram.edge(step + 1)) / 2
        yield all(condition.holds(middle) for condition in conditions)

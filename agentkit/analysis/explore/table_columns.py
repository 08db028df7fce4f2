"""Every column of a table: those of the rollouts, their number, and the labels a person gave."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agentkit.analysis.explore.columns.distinct import Distinct, items_of
from agentkit.analysis.explore.columns.source import Source
from agentkit.analysis.explore.labels import Labels
from agentkit.analysis.explore.query import Condition
from agentkit.files.columns import Kind

LABEL = "label"
"""The column of a rollout's labels."""
NUMBER = "rollout"
"""The column of a rollout's number."""


class TableColumns:
    """The columns of the rollouts, and what is asked of them."""

    def __init__(self, source: Source, labels: Labels) -> None:
        self.source = source
        self.labels = labels
        self._labelled: tuple[int, Distinct] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The names by which a table can be filtered and sorted."""
        return (NUMBER, *self.source.columns, LABEL)

    def kind(self, name: str) -> Kind:
        """Tell what a column holds."""
        if name == NUMBER:
            return "number"
        return "text" if name == LABEL else self.source.columns[name].kind

    def value(self, name: str, place: int) -> Any:
        """Return the value of a column for the rollout at this place of the source."""
        if name == NUMBER:
            return place
        if name == LABEL:
            return ", ".join(self.labels_of(place)) or None
        return self.source.value(name, place)

    def labels_of(self, place: int) -> tuple[str, ...]:
        """List the labels of the rollout at this place of the source."""
        noted = (remark.text for remark in self.source.remarks(place) if remark.is_label)
        return tuple(dict.fromkeys([*self.labels.of(self.source.sample(place)), *noted]))

    @property
    def label_names(self) -> list[str]:
        """Every label of any rollout, in alphabetical order."""
        noted = {label for place in self.source.remarked for label in self.labels_of(place)}
        return sorted(noted.union(self.labels.names), key=str.casefold)

    def distinct(self, name: str) -> Distinct:
        """Return a column by its distinct values; those of the labels are tuples."""
        if name != LABEL:
            return self.source.distinct(name)
        if self._labelled is None or self._labelled[0] != self.labels.changes:
            self._labelled = (self.labels.changes, self._distinct_labels())
        return self._labelled[1]

    def _distinct_labels(self) -> Distinct:
        import numpy as np

        rows = np.zeros(len(self.source), np.int64)
        values: dict[tuple[str, ...], int] = {(): 0}
        if self.label_names:
            for place in range(len(self.source)):
                rows[place] = values.setdefault(self.labels_of(place), len(values))
        return Distinct(list(values), rows)

    def holding(self, condition: Condition) -> Any:
        """Make an array that tells which rollouts fulfil a condition."""
        import numpy as np

        if condition.column == NUMBER:
            return np.fromiter(map(condition.holds, range(len(self.source))), bool)
        column = self.distinct(condition.column)
        several = condition.column == LABEL or self.kind(condition.column) == "names"
        return column.where(_any_of(condition) if several else condition.holds)

    def items(self, name: str, value: Any) -> Sequence[str | None]:
        """List what a value of a column counts for: a name each, where it holds several."""
        if name == LABEL:
            return value or (None,)
        return items_of(value) if self.kind(name) == "names" else (value,)


def _any_of(condition: Condition) -> Any:
    """Hold where one of several does, and `!=` where all do."""

    def holds(value: Any) -> bool:
        items = items_of(value) if not isinstance(value, tuple) else value or (None,)
        fulfilled = [condition.holds(item) for item in items]
        whole = isinstance(value, str) and condition.holds(value)
        return all(fulfilled) if condition.sign == "!=" else any(fulfilled) or whole

    return holds

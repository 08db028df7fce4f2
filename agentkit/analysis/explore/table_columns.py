"""Every column of a table: those of the rollouts, their number, and the labels a person gave."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from agentkit.analysis.explore.columns.distinct import Distinct, items_of
from agentkit.analysis.explore.columns.index_column import Numbers, sort_key
from agentkit.analysis.explore.columns.source import Source
from agentkit.analysis.explore.labels import Labels
from agentkit.analysis.explore.query import Condition
from agentkit.errors import UsageError, suggest
from agentkit.files.columns import Kind
from agentkit.types.record import clip
from agentkit.types.words import in_line

log = logging.getLogger("agentkit")

LABEL = "label"
"""The column of a rollout's labels."""
NUMBER = "rollout"
"""The column of a rollout's number."""
TRIED = {
    **dict.fromkeys(("rollouts", "samples", "runs"), "table.trajectories are the rollouts"),
    **dict.fromkeys(("open", "show", "view", "rollout", "get"), "table[0] is a rollout"),
    **dict.fromkeys(("head", "tail", "iloc", "loc"), "table[:5] is a table of five rollouts"),
    **dict.fromkeys(("df", "to_df", "to_pandas", "data"), "table.frame is a DataFrame"),
    **dict.fromkeys(("save", "export", "to_json", "to_jsonl", "write"), "ak.save(table, path)"),
    **dict.fromkeys(("where", "search", "select"), 'table.filter("reward<0.5")'),
    **dict.fromkeys(("plot", "chart", "charts", "mean"), 'table.over("step") has the means'),
    **dict.fromkeys(("debug", "fork"), "table[0].fork(0, server=…) is a debugger"),
    "sample_tree": "table.tree(0) is the tree of one prompt",
}
"""What to write for names that are looked for in a table and are elsewhere."""
_NAMED = 12
"""Names that a line of the log has room for."""


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

    def check(self, name: str) -> None:
        """Refuse a name that no column has.

        Raises:
            UsageError: there is no such column.
        """
        if name not in self.names:
            listed = f"the columns are {', '.join(self.names)}"
            hint = suggest(name, self.names, listed)
            raise UsageError(f"no column is named {name!r}", hint=hint)

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
    def labelled(self) -> list[int]:
        """The places of the rollouts that have a label, or a note."""
        return sorted({*self.source.remarked, *self.source.places_of(self.labels.keys)})

    @property
    def label_names(self) -> list[str]:
        """Every label of any rollout, in order."""
        noted = {label for place in self.source.remarked for label in self.labels_of(place)}
        return sorted(noted.union(self.labels.names), key=sort_key)

    def distinct(self, name: str) -> Distinct:
        """Return a column by its distinct values; those of the labels are tuples."""
        if name == NUMBER:
            return self._numbered.distinct()
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
            for place in self.labelled:
                rows[place] = values.setdefault(self.labels_of(place), len(values))
        return Distinct(list(values), rows)

    @property
    def _numbered(self) -> Numbers:
        """The numbers of the rollouts as a column."""
        import numpy as np

        numbers = np.arange(len(self.source), dtype=np.int64)
        return Numbers(numbers, np.ones(len(numbers), bool))

    def holding(self, condition: Condition) -> Any:
        """Make an array that tells which rollouts fulfil a condition."""
        if condition.column == NUMBER:
            return self._numbered.where(condition)
        if condition.column == LABEL or self.kind(condition.column) == "names":
            return self.distinct(condition.column).where(_any_of(condition))
        return self.source.where(condition)

    def tell_absent(self, condition: Condition) -> None:
        """Tell in the log which names are asked for that no rollout has."""
        name = condition.column
        if condition.sign != "=" or name == NUMBER or self.kind(name) != "names":
            return
        held = self.distinct(name).values
        known = {item for value in held for item in items_of(value) if item}
        for asked in condition.values:
            if any(map(_any_of(replace(condition, values=(asked,))), held)):
                continue
            hint = suggest(asked, known, f"there are {', '.join(sorted(known)[:_NAMED]) or 'none'}")
            if name == "codes" and asked.casefold().startswith("tool"):
                hint += " (tool_errors>0 finds every rollout in which a tool failed)"
            log.warning("no rollout has %s=%s; %s", name, in_line(clip(asked)), in_line(hint))

    def is_search(self, condition: Condition) -> bool:
        """Tell whether a condition is one on texts, which are not in the table."""
        return condition.column not in self.names

    def order(self, name: str, places: Sequence[int], descending: bool) -> Sequence[int]:
        """Sort rollouts by a column; what is not known comes last."""
        if name == NUMBER:
            return sorted(places, reverse=descending)
        if name != LABEL:
            return self.source.order(name, places, descending)
        known = [place for place in places if self.labels_of(place)]
        written = {place: sort_key(self.value(LABEL, place)) for place in known}
        known.sort(key=written.__getitem__, reverse=descending)
        return [*known, *(place for place in places if place not in written)]

    def numbers(self, name: str) -> Any:
        """Return a column as numbers, NaN for what is none."""
        import numpy as np

        if name == NUMBER:
            return np.arange(len(self.source), dtype=np.float64)
        return self.source.numbers(name)

    def objects(self, name: str, places: Sequence[int]) -> list[Any]:
        """List the values of a column for some rollouts."""
        if name in (NUMBER, LABEL):
            return [self.value(name, place) for place in places]
        return self.source.objects(name, places)

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

"""What rollouts come to at each value of a column: a training's steps, a time, a version."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from agentkit.analysis.explore.columns.index_column import is_known, sort_key
from agentkit.analysis.explore.columns.place_array import as_array
from agentkit.analysis.explore.facets import KeptRollouts
from agentkit.analysis.explore.query import Condition, Query
from agentkit.analysis.explore.table_columns import TableColumns
from agentkit.analysis.frames.safe_frame import inferred_frame
from agentkit.errors import UsageError, nearest
from agentkit.files.columns import tool_failed
from agentkit.types.record import Record, record
from agentkit.types.words import with_article

if TYPE_CHECKING:
    import pandas as pd

AXES = (
    *("training_step", "global_step", "step", "iteration", "epoch", "started", "time"),
    *("timestamp", "date", "version", "policy_version", "model_version", "checkpoint"),
)
"""Columns that rollouts are looked at over, the first that is there before the others."""
_TIMES = ("started", "time", "timestamp", "date")
MEASURES = ("reward", "output_tokens", "length", "tool_errors", "problems")
"""What is drawn over them: means, and the share of the rollouts in which a tool failed."""
_LENGTHS = ("response_length", "completion_length", "output_length")
"""Columns in which trainers note how long what was written is, which is drawn where no tokens were
counted.
"""
_MEANS = ("reward", "turns", "calls", "problems", "output_tokens")
_POINTS = 40
"""Points of an axis at most: of more values, neighbours share one."""
_NAMED = 2_000
"""Texts of an axis at most: of more, as of times that are texts, each is a rollout's own."""


@record
class AxisPoint(Record):
    """The rollouts of one value of a column, or of several that follow each other."""

    first: Any
    last: Any
    """The values from the first to the last; mostly they are one."""
    values: tuple[Any, ...] = ()
    """Each of them, where they are texts."""
    rollouts: int = 0
    reward: float | None = None
    """The mean, as of the others; None where nothing is known."""
    output_tokens: float | None = None
    length: float | None = None
    """As a trainer noted it, where no tokens were counted."""
    tool_errors: float | None = None
    """The share of the rollouts in which a tool failed."""
    problems: float | None = None
    chosen: bool = False
    """Whether the filter keeps one of these values, where it says something of the column."""

    @property
    def name(self) -> str:
        """Its values in words."""
        first, last = _written(self.first), _written(self.last)
        return first if first == last else f"{first} to {last}"

    def summary(self) -> str:
        known = ((name, getattr(self, name)) for name in MEASURES)
        parts = [f"{name} {value:.4g}" for name, value in known if value is not None]
        return f"{self.name}: {', '.join([f'{self.rollouts:,} rollouts', *parts])}"


@record
class Axis(Record):
    """What rollouts come to along a column."""

    column: str
    points: tuple[AxisPoint, ...] = ()

    def summary(self) -> str:
        return f"{self.column}: {len(self.points)} points"

    def asked(self, query: Query, first: int, last: int) -> Query:
        """Ask for the rollouts from one point to another."""
        points = self.points[first : last + 1]
        if points[0].values:
            return query.without(self.column).choosing(
                self.column, [value for point in points for value in point.values]
            )
        ends = (("=", points[0].first),)
        if points[0].first != points[-1].last:
            ends = ((">=", points[0].first), ("<=", points[-1].last))  # type: ignore[assignment]
        return query.asking(
            self.column,
            [
                Condition(column=self.column, sign=sign, values=(_written(end),))
                for sign, end in ends
            ],
        )


def axes_of(columns: TableColumns) -> tuple[str, ...]:
    """List the columns that the rollouts can be looked at over, without reading any: their files
    only where nothing else is noted, as of a folder for each step.
    """
    names = (name for name in AXES if name in columns.source.columns)
    found = tuple(name for name in names if not columns.source.reads(name))
    named = found or "file" not in columns.names or columns.source.reads("file")
    return found if named else ("file",)


def check_axis(columns: TableColumns, name: str) -> None:
    """Refuse a column that is not there: what steps, times and versions are looked at over is what
    was noted of each rollout.

    Raises:
        UsageError: there is no such column.
    """
    if name in columns.names:
        return
    axes = axes_of(columns)
    if name and name not in AXES and (axes or nearest(name, columns.names)):
        columns.check(name)
    told = f"they can be looked at over {' or '.join(axes)}" if axes else ""
    if not told:
        told = f"table.over takes any column: {', '.join(columns.names[1:])}"
    noted = (
        f"note it of each: ak.rollouts(…, meta={{{name or 'version'!r}: …}}), or a field of its row"
    )
    when = "; ak.turns_df(table)['started'] is when each turn began" if name in _TIMES else ""
    raise UsageError(
        f"no rollout has {with_article(name) if name else 'a step, a time or a version'} noted",
        hint=f"{noted}; {told}{when}",
    )


def axis_of(columns: TableColumns, kept: KeptRollouts, query: Query, column: str) -> Axis | None:
    """Compute the points along a column, of what is asked of other columns; None where it has but
    one value.
    """
    import numpy as np

    chosen, is_text = np.flatnonzero(kept.others(column)), columns.kind(column) != "number"
    values, numbers = _numbered(columns, column)
    if len(values) < 2 or (is_text and len(values) > _NAMED):
        return None
    of_value = np.arange(len(values)) // -(-len(values) // _POINTS)  # each of as many, but the last
    size = int(of_value[-1]) + 1
    edges = np.searchsorted(of_value, np.arange(size + 1))
    rows = numbers[chosen]
    chosen, rows = chosen[rows >= 0], of_value[rows[rows >= 0]]
    counts = np.bincount(rows, minlength=size).tolist()
    means = {
        name: _means(each[chosen], rows, size)
        for name in MEASURES
        if (each := _measure(columns, name)) is not None
    }
    if any(mean is not None for mean in means.get("output_tokens", ())):
        means.pop("length", None)
    asked = [condition for condition in query.conditions if condition.column == column]
    points = []
    for at in range(size):
        own = values[edges[at] : edges[at + 1]]
        points.append(
            AxisPoint(
                first=own[0],
                last=own[-1],
                values=tuple(map(str, own)) if is_text else (),
                rollouts=counts[at],
                chosen=bool(asked) and any(all(c.holds(one) for c in asked) for one in own),
                **{name: each[at] for name, each in means.items()},
            )
        )
    return Axis(column=column, points=tuple(points))


def _numbered(columns: TableColumns, column: str) -> tuple[list[Any], Any]:
    """List the values of a column in order, and for each rollout which it has; -1 for none."""
    import numpy as np

    if columns.kind(column) == "number":
        every = columns.numbers(column)
        known = ~np.isnan(every)
        found, places = np.unique(every[known], return_inverse=True)
        numbers = np.full(len(every), -1, np.int64)
        numbers[known] = places
        return found.tolist(), numbers
    distinct = columns.distinct(column)
    known_values = [at for at, value in enumerate(distinct.values) if value not in (None, ())]
    if len(known_values) > _NAMED:
        return known_values, distinct.rows
    order = sorted(known_values, key=lambda at: sort_key(distinct.values[at]))
    ranks = np.full(len(distinct.values), -1, np.int64)
    ranks[order] = np.arange(len(order))
    return [distinct.values[at] for at in order], ranks[distinct.rows]


def _measure(columns: TableColumns, name: str) -> Any:
    """Make an array of what is drawn of each rollout; None where it would have to be read."""
    import numpy as np

    column = {"tool_errors": "codes", "length": _length(columns)}.get(name, name)
    if column not in columns.names or columns.source.reads(column):
        return None
    if name == "tool_errors":
        return _failed_tools(columns).astype(np.float64)
    return columns.numbers(column) if columns.kind(column) == "number" else None


def _length(columns: TableColumns) -> str:
    """Name the column that says how long what was written is; "" where none does."""
    return next((name for name in _LENGTHS if name in columns.names), "")


def _failed_tools(columns: TableColumns) -> Any:
    """Tell in which rollouts a tool failed."""
    return columns.distinct("codes").where(tool_failed)


def _means(values: Any, rows: Any, size: int) -> list[float | None]:
    import numpy as np

    known = ~np.isnan(values)
    counts = np.bincount(rows[known], minlength=size)
    sums = np.bincount(rows[known], weights=values[known], minlength=size)
    pairs = zip(sums.tolist(), counts.tolist(), strict=True)
    return [total / number if number else None for total, number in pairs]


def _written(value: Any) -> str:
    """Write a value so that a filter finds it again."""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1 << 53 else repr(value)
    return str(value)


def over(columns: TableColumns, places: Sequence[int], column: str) -> pd.DataFrame:
    """Compute the means at each value of a column; linear. What has no value is left out."""
    import numpy as np

    chosen = as_array(places)
    distinct = columns.distinct(column)
    named = [value if value != () else None for value in distinct.values]
    order = sorted(range(len(named)), key=lambda at: sort_key(named[at]))
    rows = distinct.rows[chosen]

    def added(weights: Any = None) -> Any:
        return np.bincount(rows, weights=weights, minlength=len(named))

    number = added()
    failed = columns.source.distinct("stop_reason").where(lambda reason: reason == "error")
    found: dict[str, Any] = {"rollouts": number}
    for name, which in (("failed", failed), ("tool_errors", _failed_tools(columns))):
        found[name] = np.bincount(rows[np.flatnonzero(which[chosen])], minlength=len(named))
    for name in filter(None, (*_MEANS, _length(columns))):
        if name in columns.names:
            values = columns.numbers(name)[chosen]
            unknown = np.isnan(values)
            counts = number
            if unknown.any():
                values[unknown], counts = 0.0, added(~unknown)
            with np.errstate(invalid="ignore"):
                found[name] = added(values) / counts
    kept = [at for at in order if is_known(named[at]) and number[at]]
    texts = [", ".join(v) if isinstance(v := named[at], tuple) else v for at in kept]
    return inferred_frame({column: texts, **{name: each[kept] for name, each in found.items()}})

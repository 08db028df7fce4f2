"""What the rollouts of a table come to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agentkit.analysis.explore.columns.place_array import as_array
from agentkit.analysis.explore.columns.source import Source
from agentkit.analysis.explore.groups import Spread, spread_of
from agentkit.types.record import Record, record

_ENOUGH = 10
"""Rollouts from which on a percentile says something."""


@record
class Aggregates(Record):
    """Means and sums of some rollouts; None where nothing is known."""

    count: int
    reward: Spread | None = None
    failed: int = 0
    """How many ended with an error."""
    turns: float | None = None
    """The median."""
    elapsed: float | None = None
    """The median, in seconds."""
    slow: float | None = None
    """What nine of ten rollouts took less than, in seconds; None for less than ten."""
    input_tokens: int | None = None
    cost: float | None = None

    def summary(self) -> str:
        reward = f", mean reward {self.reward.mean:.3g}" if self.reward else ""
        return f"{self.count:,} rollouts{reward}, {self.failed:,} failed"


def aggregates_of(source: Source, places: Sequence[int]) -> Aggregates:
    """Add up the rollouts at these places; linear. Of a file, times are not read for it."""
    import numpy as np

    chosen = as_array(places)
    turns, elapsed, costs = (_known(source, name, chosen) for name in ("turns", "elapsed", "cost"))
    elapsed, read = np.sort(elapsed), _known(source, "input_tokens", chosen)
    failed = source.distinct("stop_reason").where(lambda reason: reason == "error")
    return Aggregates(
        count=len(places),
        reward=spread_of(_known(source, "reward", chosen)),
        failed=int(failed[chosen].sum()),
        turns=float(np.median(turns)) if len(turns) else None,
        elapsed=float(np.median(elapsed)) if len(elapsed) else None,
        slow=float(elapsed[int(len(elapsed) * 0.9)]) if len(elapsed) >= _ENOUGH else None,
        input_tokens=int(sum(read.tolist())) if len(read) else None,
        cost=sum(costs.tolist()) if len(costs) else None,
    )


def _known(source: Source, name: str, chosen: Any) -> Any:
    """Make an array of those values of a column that are numbers."""
    import numpy as np

    column = source.columns.get(name)
    if column is None or column.kind != "number" or source.reads(name):
        return np.zeros(0)
    values = source.numbers(name)[chosen]
    return values[~np.isnan(values)]

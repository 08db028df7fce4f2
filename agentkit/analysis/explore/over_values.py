"""What rollouts come to at each value of a column: a training's steps, a time, a version."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from agentkit.analysis.explore.columns.index_column import sort_key
from agentkit.analysis.explore.columns.place_array import as_array
from agentkit.analysis.explore.table_columns import TableColumns
from agentkit.analysis.frames.safe_frame import inferred_frame

if TYPE_CHECKING:
    import pandas as pd

_MEANS = ("reward", "turns", "calls", "problems", "output_tokens")


def over(columns: TableColumns, places: Sequence[int], column: str) -> pd.DataFrame:
    """Compute the means at each value of a column; linear. What has no value is left out."""
    import numpy as np

    chosen = as_array(places)
    distinct = columns.distinct(column)
    named = [value if value != () else None for value in distinct.values]
    order = sorted(range(len(named)), key=lambda at: sort_key(named[at]))
    rows = distinct.rows[chosen]

    def counted(kept: Any, weights: Any = None) -> Any:
        return np.bincount(rows[kept], weights=weights, minlength=len(named))

    number = counted(slice(None))
    failed = columns.source.distinct("stop_reason").where(lambda reason: reason == "error")
    found: dict[str, Any] = {"rollouts": number, "failed": counted(failed[chosen])}
    for name in _MEANS:
        if name in columns.names:
            values = columns.numbers(name)[chosen]
            known = ~np.isnan(values)
            with np.errstate(invalid="ignore"):
                found[name] = counted(known, values[known]) / counted(known)
    kept = [at for at in order if named[at] is not None and number[at]]
    texts = [", ".join(v) if isinstance(v := named[at], tuple) else v for at in kept]
    return inferred_frame({column: texts, **{name: each[kept] for name, each in found.items()}})

"""The frames of an index, read by column from its tables: no rollout is read for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from agentkit.analysis.frames.frame import (
    COUNT,
    FLAG,
    MAYBE_COUNT,
    NUMBER,
    TEXT,
)
from agentkit.analysis.frames.safe_frame import safe_frame
from agentkit.errors import UsageError, suggest
from agentkit.files.index.rollout_index import RolloutIndex

if TYPE_CHECKING:
    import pandas as pd

_SAMPLE, _REWARD = '"meta.sample"', '"meta.reward"'
_REST = "(t.elapsed - t.time_to_first_token)"
TURNS = {
    "rollout": "t.row",
    "sample": f"r.{_SAMPLE}",
    "turn": "t.turn",
    "model": "coalesce(t.model, r.model)",
    "server": "t.server",
    "started": "t.started",
    "model_elapsed": "t.elapsed",
    "time_to_first_token": "t.time_to_first_token",
    "generation": f"case when {_REST} is not null then greatest(0.0, round({_REST}, 6)) end",
    **{
        name: f"t.{name}"
        for name in ("input_tokens", "output_tokens", "reasoning_tokens", "cached_tokens")
    },
    "content_length": "length(t.content)",
    "reasoning_length": "length(t.reasoning)",
    "calls": "t.calls",
    "finish_reason": "t.finish_reason",
    "last": "t.turn = max(t.turn) over (partition by t.row)",
    "stop_reason": "nullif(r.stop_reason, 'open')",
    "reward": f"r.{_REWARD}",
}
"""Columns of `ak.turns_df` that an index holds, in its words."""
_RESULT = "case when t.status is not null then {} end"
CALLS = {
    "rollout": "t.row",
    "sample": f"r.{_SAMPLE}",
    "turn": "t.turn",
    "call": "t.position",
    "name": "t.name",
    "arguments": "t.arguments",
    "result_status": "t.status",
    "result": _RESULT.format("t.result"),
    "result_length": _RESULT.format("length(t.result)"),
    "error": "t.error",
    "elapsed": "t.elapsed",
}
"""Columns of `ak.tool_calls_df` that it holds."""


def chosen(known: Mapping[str, str], columns: Iterable[str] | None) -> dict[str, str]:
    """Choose columns of a frame by their names; None for all.

    Raises:
        UsageError: there is no such column.
    """
    if columns is None:
        return dict(known)
    names = [columns] if isinstance(columns, str) else list(columns)
    for name in names:
        if name not in known:
            hint = suggest(str(name), list(known), f"the columns are {', '.join(known)}")
            raise UsageError(f"no column is named {name!r}", hint=hint)
    return {name: known[name] for name in names}


def index_frame(
    x: Any, table: str, held: Mapping[str, str], wanted: Mapping[str, str]
) -> pd.DataFrame | None:
    """Make a frame of the tables of an index.

    Args:
        x: what the frame is of.
        table: `turns` or `calls`.
        held: what an index holds of the frame, by column.
        wanted: the columns that are asked for, with their dtypes.

    Returns:
        The frame; None where the rollouts have to be read for it: it is no index, or holds not all
        that is wanted.
    """
    whole, places = index_in(x)
    if whole is None or not wanted.keys() <= held.keys() or not _are_kept(whole, wanted):
        return None
    asked = {name: f"{held[name]}" for name in wanted}
    for name, key in (("sample", "meta.sample"), ("reward", "meta.reward")):
        if name in asked and key not in whole.columns:
            asked[name] = "null"
    order = "t.position" if table == "calls" else "t.turn"
    listed = ", ".join(f'{expression} as "{name}"' for name, expression in asked.items())
    joined = " join rollouts r using (row)" if "r." in listed else ""
    read = f"{listed} from {table} t{joined}"
    query = f"select t.row as row_, {read} order by t.row, t.turn, {order}"
    return _framed(whole, places, whole.arrow(query), wanted)


def index_in(x: Any) -> tuple[RolloutIndex | None, Any]:
    """Find the index in a value, and the positions of the rollouts that are meant: an index is all
    of its own, and a table says which of its source.
    """
    if isinstance(x, RolloutIndex):
        return x, range(len(x))
    inside = getattr(getattr(x, "source", None), "rollouts", None)
    return (inside, x.places) if isinstance(inside, RolloutIndex) else (None, ())


def troubled(x: Any) -> Sequence[int] | None:
    """List the positions of the rollouts that have a problem, by their index; None where it is no
    index, or does not say of each.
    """
    import numpy as np

    whole, places = index_in(x)
    if whole is None or not len(places) or any(stored.odd for stored in whole.stored("codes")):
        return None
    codes = np.array(whole.column("codes").to_pylist(), object)[np.asarray(places, np.int64)]
    found: list[int] = np.flatnonzero(codes != "").tolist()
    return found


def _are_kept(x: RolloutIndex, wanted: Mapping[str, str]) -> bool:
    """Tell whether the caller's own columns are of numbers in all parts, and no other value."""
    import pyarrow as pa

    kinds = {"sample": (pa.int64(), pa.null()), "reward": (pa.int64(), pa.float64(), pa.null())}
    lowered = [name.lower() for name in x.columns]
    if any(lowered.count(f"meta.{name}") > 1 for name in kinds):
        return False  # SQL does not tell `reward` and `Reward` apart
    return all(
        not stored.odd and stored.values.type in allowed
        for name, allowed in kinds.items()
        if name in wanted
        for stored in x.stored(f"meta.{name}")
    )


def _framed(x: RolloutIndex, chosen: Any, found: Any, wanted: Mapping[str, str]) -> pd.DataFrame:
    import numpy as np
    import pandas as pd

    rows = found.column("row_").to_numpy()
    places = np.full(len(x), -1, np.int64)
    places[np.asarray(chosen, np.int64)] = np.arange(len(chosen))
    positions = places[rows]
    order = np.argsort(positions, kind="stable")
    order = order[np.count_nonzero(positions < 0) :]  # what the table leaves out
    made = {
        name: pd.Series(positions, dtype=COUNT)
        if name == "rollout"
        else _series(found.column(name), dtype)
        for name, dtype in wanted.items()
    }
    return safe_frame(pd.DataFrame(made).iloc[order].reset_index(drop=True))


def _series(column: Any, dtype: str) -> pd.Series[Any]:
    """Make a column of the dtype that the frame of the rollouts has."""
    import pandas as pd
    import pyarrow as pa

    kinds: dict[str, Any] = {
        COUNT: pa.int64(),
        MAYBE_COUNT: pa.int64(),
        NUMBER: pa.float64(),
        FLAG: pa.bool_(),
        TEXT: pa.string(),
    }
    nullable = {MAYBE_COUNT: pd.Int64Dtype(), NUMBER: pd.Float64Dtype()}
    plain = column.cast(kinds[dtype])
    made: pd.Series[Any] = plain.to_pandas(types_mapper=lambda _: nullable.get(dtype))
    return made.astype(dtype)

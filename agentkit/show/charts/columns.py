"""The columns of a frame that a chart is made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from agentkit.analysis.frames.tool_calls import tool_calls_df
from agentkit.analysis.frames.turns import turns_df
from agentkit.errors import UsageError
from agentkit.files.reader import LOG_COLUMNS, rollouts_in
from agentkit.types.words import type_in_words


def columns(frame: Any, names: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Return the rows of a frame, of these columns alone; None where a value is not known.

    Raises:
        UsageError: the frame has no such column.
    """
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise UsageError(
            f"the frame has no column {missing[0]!r}",
            hint="pass a frame of ak.turns_df and its kin, or rollouts",
        )
    values = [
        frame[name].astype(object).where(frame[name].notna(), None).tolist() for name in names
    ]
    return zip(*values, strict=True)


def is_frame(x: Any) -> bool:
    """Return whether this is a frame of our columns, and not one that holds rollouts as a log
    does; pandas is not loaded for it.
    """
    return (
        type(x).__name__ == "DataFrame"
        and hasattr(x, "columns")
        and not any(name in x.columns for name in LOG_COLUMNS)
    )


def turns_and_calls(x: Any, calls: Any) -> tuple[Any, Any]:
    """Return the frames of turns and of tool calls; of calls None where they were not given.

    Args:
        x: rollouts, or a frame of `ak.turns_df`.
        calls: the frame of `ak.tool_calls_df`, where `x` is a frame.

    Raises:
        UsageError: it holds no rollout, or `calls` is no frame.
    """
    if not is_frame(x):
        found = rollouts_in(x)
        return turns_df(found), tool_calls_df(found)
    if calls is not None and not is_frame(calls):
        raise UsageError(
            f"calls is {type_in_words(calls)}, not a frame",
            hint="pass ak.tool_calls_df(rollouts)",
        )
    return x, calls

"""The columns of a frame that a chart is made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from agentkit.errors import UsageError


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
    """Return whether this is a `pandas.DataFrame`, without loading pandas."""
    return type(x).__name__ == "DataFrame" and hasattr(x, "columns")


def problems_of(x: Any) -> Any:
    """Return the frame of problems of rollouts, or the frame that was given."""
    from agentkit.analysis.frames.problems import problems_df

    return x if is_frame(x) else problems_df(x)


def turns_of(x: Any) -> Any:
    """Return the frame of turns of rollouts, or the frame that was given."""
    from agentkit.analysis.frames.turns import turns_df

    return x if is_frame(x) else turns_df(x)


def turns_and_calls(x: Any, calls: Any) -> tuple[Any, Any]:
    """Return the frames of turns and of tool calls; of calls None where they were not given.

    Args:
        x: rollouts, or a frame of `ak.turns_df`.
        calls: the frame of `ak.tool_calls_df`, where `x` is a frame.

    Raises:
        UsageError: it holds no rollout, or `calls` is no frame.
    """
    from agentkit.analysis.frames.calls import tool_calls_df
    from agentkit.files.reader import rollouts_in

    if not is_frame(x):
        found = rollouts_in(x)
        return turns_of(found), tool_calls_df(found)
    if calls is not None and not is_frame(calls):
        raise UsageError(
            f"calls is a {type(calls).__name__}, not a frame",
            hint="pass ak.tool_calls_df(rollouts)",
        )
    return x, calls

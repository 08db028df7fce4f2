"""The columns of a frame that a chart is made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from agentkit.analysis.frames.frame import numbered
from agentkit.analysis.frames.index_frames import CALLS, TURNS, chosen, index_frame
from agentkit.analysis.frames.tool_calls import COLUMNS as CALL_COLUMNS
from agentkit.analysis.frames.tool_calls import call_rows
from agentkit.analysis.frames.turns import COLUMNS as TURN_COLUMNS
from agentkit.analysis.frames.turns import turn_rows
from agentkit.errors import UsageError
from agentkit.files.reader import LOG_COLUMNS
from agentkit.types.words import type_in_words

Rows = Iterator[tuple[Any, ...]]
Names = tuple[Sequence[str], Sequence[str]]


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


def turns_and_calls(x: Any, calls: Any, named: Names) -> tuple[Rows, Rows]:
    """Return rows of turns and of tool calls. Those of an index are read by column, those of a file
    rollout by rollout, and none is kept.

    Args:
        x: rollouts, or a frame of `ak.turns_df`.
        calls: the frame of `ak.tool_calls_df`, where `x` is a frame; None for none.
        named: the columns of turns, and those of calls.

    Raises:
        UsageError: it holds no rollout, or `calls` is no frame.
    """
    if not is_frame(x):
        return _of_rollouts(x, named)
    if calls is not None and not is_frame(calls):
        raise UsageError(
            f"calls is {type_in_words(calls)}, not a frame",
            hint="pass ak.tool_calls_df(rollouts)",
        )
    return columns(x, named[0]), iter(()) if calls is None else columns(calls, named[1])


def _of_rollouts(x: Any, named: Names) -> tuple[Rows, Rows]:
    wanted = [chosen(*each) for each in zip((TURN_COLUMNS, CALL_COLUMNS), named, strict=True)]
    held = index_frame(x, "turns", TURNS, wanted[0]), index_frame(x, "calls", CALLS, wanted[1])
    if held[0] is not None and held[1] is not None:
        return columns(held[0], named[0]), columns(held[1], named[1])
    turns: list[tuple[Any, ...]] = []
    calls: list[tuple[Any, ...]] = []
    pick_turn, pick_call = (
        [list(known).index(name) for name in names]
        for known, names in zip((TURN_COLUMNS, CALL_COLUMNS), named, strict=True)
    )
    for place, trajectory in numbered(x):
        turns += [tuple(row[at] for at in pick_turn) for row in turn_rows(place, trajectory)]
        calls += [tuple(row[at] for at in pick_call) for row in call_rows(place, trajectory)]
    return iter(turns), iter(calls)

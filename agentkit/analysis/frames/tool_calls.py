"""`ak.tool_calls_df`: a row per tool call."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from agentkit.analysis.frames.frame import (
    COUNT,
    FLAG,
    IDENTITY,
    MAYBE_COUNT,
    NUMBER,
    TEXT,
    identity,
    rollout_frame,
)
from agentkit.analysis.frames.index_frames import CALLS, chosen, index_frame
from agentkit.errors import checked_keywords
from agentkit.trajectory.trouble.points import ProblemPoint, number_of, server, turn_points
from agentkit.types.answer import ToolCall
from agentkit.types.trajectory import ToolResult, Trajectory, Turn

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = {
    **IDENTITY,
    "turn": COUNT,
    "server": TEXT,
    "dialect": TEXT,
    "call": COUNT,
    "id": TEXT,
    "name": TEXT,
    "arguments": TEXT,
    "status": TEXT,
    "origin": TEXT,
    "valid": FLAG,
    "recoverable": FLAG,
    "problems": COUNT,
    "problem_codes": TEXT,
    "result_status": TEXT,
    "result": TEXT,
    "result_length": MAYBE_COUNT,
    "error": TEXT,
    "started": NUMBER,
    "queued": NUMBER,
    "elapsed": NUMBER,
}


@checked_keywords
def tool_calls_df(x: Any, *, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """List the tool calls of rollouts in a `pandas.DataFrame`, a row each, in order; calls that
    were only found in the text follow a turn's own.

    Columns; times are in seconds, lengths in characters:
        rollout, side, sample, prompt, turn, server, dialect: as in `turns_df`. call: position
            within its turn, from 0. id: as the history sends it.
        name: the tool. arguments: as they were sent. status: of the call: ok, normalized, repaired,
            invalid, custom. origin: where it was found.
        valid: whether it may run. recoverable: found in the text and not run. problems: how many
            rows `ak.problems_df` has for it that are not `info`, a failed result among them.
            problem_codes: which codes all of them have, separated by spaces.
        result_status: of its result: ok, error, timeout, cancelled, invalid_call, unknown_tool,
            skipped, edited; `<NA>` without a result.
        result: what the model sees. result_length: its length. error: type and message of what
            went wrong.
        started: Unix time when the tool began. queued: wait for a thread before that. elapsed: how
            long it ran.

    Args:
        x: one rollout or many, as for `turns_df`.
        columns: the names of those that are wanted; by default all. Of an index, rollout, sample,
            turn, call, name, arguments, result_status, result, result_length, error and elapsed
            are read without reading a rollout, where no other is wanted; then without the calls
            that were only found in the text.

    Raises:
        UsageError: it contains no rollout, or there is no such column.
    """
    wanted = chosen(COLUMNS, columns)
    found = index_frame(x, "calls", CALLS, wanted)
    if found is not None:
        return found
    made = rollout_frame(COLUMNS, call_rows, x)
    return made if columns is None else made[list(wanted)]


def call_rows(index: int, trajectory: Trajectory) -> Iterator[tuple[Any, ...]]:
    """List the rows of a rollout that has this place."""
    who = identity(index, trajectory)
    for turn in trajectory.all_turns:
        where = (*who, turn.index, server(turn), turn.response.dialect)
        found = _points(turn)
        for position, call in enumerate(turn.tool_calls):
            wrong = found.get((False, position), [])
            yield (*where, *_call(call, False, wrong), *_outcome(_result(turn, position)))
        for call in turn.response.recoverable:
            wrong = found.get((True, call.position), [])
            yield (*where, *_call(call, True, wrong), *_outcome(None))


def _points(turn: Turn) -> dict[tuple[bool, int | None], list[ProblemPoint]]:
    """Sort the problems of a turn by whether the call was only found in its text, and its
    position.
    """
    by_call: defaultdict[tuple[bool, int | None], list[ProblemPoint]] = defaultdict(list)
    for point in turn_points(turn):
        by_call[point.source == "found", point.call].append(point)
    return by_call


def _result(turn: Turn, position: int) -> ToolResult | None:
    return turn.results[position] if position < len(turn.results) else None


def _call(call: ToolCall, recoverable: bool, found: list[ProblemPoint]) -> tuple[Any, ...]:
    codes = " ".join(dict.fromkeys(point.code for point in found))
    values = (
        call.position,
        call.id,
        call.name,
        call.raw_arguments,
        call.status,
        call.origin,
        call.valid,
    )
    return (*values, recoverable, number_of(found), codes)


def _outcome(result: ToolResult | None) -> tuple[Any, ...]:
    if result is None:
        return (None,) * 7
    return (
        result.status,
        result.content,
        len(result.content),
        result.error,
        result.started,
        result.queued,
        result.elapsed,
    )

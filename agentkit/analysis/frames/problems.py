"""`ak.problems_df`: a row per thing that went wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from agentkit.analysis.frames.frame import (
    COUNT,
    IDENTITY,
    MAYBE_COUNT,
    TEXT,
    frame,
    identity,
    server,
)
from agentkit.files.reader import rollouts_in
from agentkit.types.keywords import checked_keywords
from agentkit.types.problem import Problem, excerpt
from agentkit.types.trajectory import ToolResult, Trajectory, Turn
from agentkit.types.wire import ApiError

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = {
    **IDENTITY,
    "turn": COUNT,
    "server": TEXT,
    "source": TEXT,
    "call": MAYBE_COUNT,
    "tool": TEXT,
    "severity": TEXT,
    "code": TEXT,
    "message": TEXT,
    "pointer": TEXT,
    "before": TEXT,
    "after": TEXT,
}


@checked_keywords
def problems_df(x: Any) -> pd.DataFrame:
    """A `pandas.DataFrame` with a row per problem, failed request and failed tool result, by turn.

    Columns:
        rollout, side, sample, prompt, turn, server: as in `turns_df`.
        source: where it went wrong: request (it failed, or was tried again), answer, call, found (a
            call found in the text), tool (its result).
        call: position of the call it concerns; `<NA>` for none. tool: the name called.
        severity: info, warning, error. A request that was tried again with success is a warning.
        code: a problem code; for a tool the status of its result (error, timeout, unknown_tool, …).
            message: what is wrong.
        pointer: JSON pointer into the raw answer, "" for none. before, after: what was sent and
            what it was read as, where it was changed.

    Args:
        x: one rollout or many, as for `turns_df`.

    Raises:
        UsageError: it holds no rollout.
    """
    return frame(COLUMNS, (row for i, t in enumerate(rollouts_in(x)) for row in _rows(i, t)), x)


def _rows(index: int, trajectory: Trajectory) -> Iterator[tuple[Any, ...]]:
    who, failed = identity(index, trajectory), list(trajectory.attempts)
    for turn in trajectory.all_turns:
        while failed and failed[0].turn <= turn.index:
            yield (*who, failed[0].turn, None, *_request(failed.pop(0).error, "error"))
        where = (*who, turn.index, server(turn))
        yield from ((*where, *found) for found in _of_turn(turn))
    yield from ((*who, attempt.turn, None, *_request(attempt.error, "error")) for attempt in failed)
    if trajectory.error is not None and all(
        attempt.error != trajectory.error for attempt in trajectory.attempts
    ):
        yield (*who, len(trajectory.turns), None, *_request(trajectory.error, "error"))


def _of_turn(turn: Turn) -> Iterator[tuple[Any, ...]]:
    response = turn.response
    yield from (_request(error, "warning") for error in response.exchange.retries)
    yield from _problems("answer", None, None, response.problems)
    for position, call in enumerate(response.tool_calls):
        yield from _problems("call", position, call.name, call.problems)
        result = turn.results[position] if position < len(turn.results) else None
        if result is not None and result.status not in ("ok", "edited"):
            yield _failed(position, result)
    for call in response.recoverable:
        yield from _problems("found", call.position, call.name, call.problems)


def _problems(
    source: str, call: int | None, tool: str | None, found: Iterable[Problem]
) -> Iterator[tuple[Any, ...]]:
    for p in found:
        yield (
            source,
            call,
            tool,
            p.severity,
            p.code,
            p.message,
            p.pointer,
            _text(p.before),
            _text(p.after),
        )


def _failed(position: int, result: ToolResult) -> tuple[Any, ...]:
    severity = "warning" if result.status in ("skipped", "cancelled") else "error"
    return (
        "tool",
        position,
        result.name,
        severity,
        result.status,
        result.error or excerpt(result.content),
        "",
        None,
        None,
    )


def _request(error: ApiError, severity: str) -> tuple[Any, ...]:
    return "request", None, None, severity, error.kind, error.message, "", None, None


def _text(value: Any) -> str | None:
    return None if value is None else value if isinstance(value, str) else str(excerpt(value))

"""What counts as a problem of a rollout: one list, for the frame of problems and the charts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from agentkit.analysis.frames.frame import server
from agentkit.types.problem import Problem
from agentkit.types.trajectory import ToolResult, Trajectory, Turn
from agentkit.types.wire import ApiError


class ProblemPoint(NamedTuple):
    """One thing that went wrong; the fields are columns of `ak.problems_df`."""

    code: str
    turn: int
    severity: str
    source: str = ""
    server: str | None = None
    call: int | None = None
    tool: str | None = None
    cause: Problem | ApiError | ToolResult | None = None
    """What the message is taken from."""


def problem_points(trajectory: Trajectory) -> Iterator[ProblemPoint]:
    """Yield what counts as a problem of a rollout, by turn.

    These are requests that failed or were tried again, problems of answers and calls, and results
    of tools that failed.
    """
    failed = list(trajectory.attempts)
    for turn in trajectory.all_turns:
        while failed and failed[0].turn <= turn.index:
            attempt = failed.pop(0)
            yield _request(attempt.error, attempt.turn, "error")
        yield from _of_turn(turn)
    for attempt in failed:
        yield _request(attempt.error, attempt.turn, "error")
    error = trajectory.error
    if error is not None and all(attempt.error != error for attempt in trajectory.attempts):
        yield _request(error, len(trajectory.turns), "error")


def _of_turn(turn: Turn) -> Iterator[ProblemPoint]:
    response, host = turn.response, server(turn)
    for error in response.exchange.retries:
        yield _request(error, turn.index, "warning", host)
    yield from _read(turn, "answer", response.problems)
    for position, call in enumerate(response.tool_calls):
        yield from _read(turn, "call", call.problems, position, call.name)
        result = turn.results[position] if position < len(turn.results) else None
        if result is not None and result.status not in ("ok", "edited"):
            severity = "warning" if result.status in ("skipped", "cancelled") else "error"
            where = turn.index, severity, "tool", host, position, result.name
            yield ProblemPoint(result.status, *where, result)
    for call in response.recoverable:
        yield from _read(turn, "found", call.problems, call.position, call.name)


def _read(
    turn: Turn,
    source: str,
    found: Iterable[Problem],
    call: int | None = None,
    tool: str | None = None,
) -> Iterator[ProblemPoint]:
    for p in found:
        yield ProblemPoint(p.code, turn.index, p.severity, source, server(turn), call, tool, p)


def _request(error: ApiError, turn: int, severity: str, host: str | None = None) -> ProblemPoint:
    return ProblemPoint(error.kind, turn, severity, "request", host, cause=error)

"""What counts as a problem of a rollout: one list, which everything that counts or shows problems
is made of.

Heads, tables, filters, charts, saved totals and `ak.problems_df` give the same numbers, because
they count these points and nothing else.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

from agentkit.trajectory.trouble.sent_problems import sent_problems
from agentkit.types.problem import Problem
from agentkit.types.trajectory import ToolResult, Trajectory, Turn
from agentkit.types.wire import ApiError
from agentkit.types.words import count

_WELL = ("ok", "edited")
_BESIDE = ("sent", "request", "tool")
"""Sources of what counts and is no problem of an answer, of its calls or of a file."""
_KINDS = 3
"""Kinds of those that are named on one line."""
_HARMLESS = ("skipped", "cancelled")
"""A person or a limit kept these tools from running."""


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

    These are what a server would refuse of what the caller sent, requests that failed or were tried
    again, problems of answers and calls, results of tools that failed, and what its file has lost.
    """
    failed = list(reversed(trajectory.attempts))
    turns = trajectory.all_turns
    for turn in turns:
        yield from _sent(trajectory, turn.index)
        while failed and failed[-1].turn <= turn.index:
            attempt = failed.pop()
            yield _request(
                attempt.error, attempt.turn, "info" if attempt.error.stopped else "error"
            )
        yield from turn_points(turn)
    if trajectory.open is None or trajectory.open.response is None:
        yield from _sent(trajectory, len(turns))
    for attempt in reversed(failed):
        yield _request(attempt.error, attempt.turn, "info" if attempt.error.stopped else "error")
    yield from _end(trajectory)
    for lost in trajectory.damage:
        yield ProblemPoint(lost.code, len(turns), lost.severity, "file", cause=lost)


def points_by_turn(trajectory: Trajectory) -> dict[int, list[ProblemPoint]]:
    """Sort the problems of a rollout by turn; those behind the last answer are under its number of
    turns.
    """
    by_turn: defaultdict[int, list[ProblemPoint]] = defaultdict(list)
    for point in problem_points(trajectory):
        by_turn[point.turn].append(point)
    return by_turn


def number_of(points: Iterable[ProblemPoint | Problem]) -> int:
    """Count problems; what is only information never counts as one."""
    return sum([point.severity != "info" for point in points])


def problem_count(trajectory: Trajectory) -> int:
    """Count the problems of a rollout."""
    return number_of(problem_points(trajectory))


def problem_words(trajectory: Trajectory) -> str:
    """Write the number of problems; those that are not in `trajectory.problems` are named: `3
    problems (2 tool error, request timeout)`. "" for none.
    """
    points = [point for point in problem_points(trajectory) if point.severity != "info"]
    if not points:
        return ""
    beside = Counter(f"{p.source} {p.code}" for p in points if p.source in _BESIDE)
    kinds = [f"{n:,} {kind}" if n > 1 else kind for kind, n in beside.most_common(_KINDS)]
    kinds += ["…"] if len(beside) > _KINDS else []
    named = f" ({', '.join(kinds)})" if kinds else ""
    return f"{count(len(points), 'problem')}{named}"


def tool_error_count(trajectory: Trajectory) -> int:
    """Count the results of tools that failed, timeouts and calls that could not be run included."""
    return sum(
        result is not None and result.status not in (*_WELL, *_HARMLESS)
        for turn in trajectory.all_turns
        for result in turn.results
    )


def trouble_count(trajectory: Trajectory) -> int:
    """Count what went wrong beside the answers: failed tools and requests, and what was sent."""
    return problem_count(trajectory) - number_of(trajectory.problems)


def turn_points(turn: Turn) -> Iterator[ProblemPoint]:
    """Yield the problems of one turn: of its answer, its calls and their results."""
    response = turn.response
    for error in response.exchange.retries:
        yield _request(error, turn.index, "warning", server(turn))
    if response.problems:
        yield from _read(turn, "answer", response.problems)
    results = turn.results
    for position, call in enumerate(response.tool_calls):
        if call.problems:
            yield from _read(turn, "call", call.problems, position, call.name)
        result = results[position] if position < len(results) else None
        if result is not None and result.status not in _WELL:
            severity = "warning" if result.status in _HARMLESS else "error"
            where = turn.index, severity, "tool", server(turn), position, result.name
            yield ProblemPoint(result.status, *where, result)
    for call in response.recoverable:
        yield from _read(turn, "found", call.problems, call.position, call.name)


def turn_count(trajectory: Trajectory, turn: Turn) -> int:
    """Count the problems of one turn and of what was sent for it, failed requests left out."""
    return number_of(turn_points(turn)) + number_of(_sent(trajectory, turn.index))


def loose_count(trajectory: Trajectory) -> int:
    """Count the problems that belong to no answer: failed requests, what is to be sent next, and
    what its file has lost.
    """
    waits = trajectory.open is None or trajectory.open.response is None
    found = number_of(_sent(trajectory, len(trajectory.turns))) if waits else 0
    lost = number_of(trajectory.damage)
    failed = sum(not attempt.error.stopped for attempt in trajectory.attempts)
    return found + failed + number_of(_end(trajectory)) + lost


def server(turn: Turn) -> str | None:
    """Read the server's host and port; the rest of its address can contain a key."""
    return address_of(turn.response.exchange.url)


def address_of(url: str | None) -> str | None:
    """Read host and port of a URL; None where it has none."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2] or None if url else None
    except ValueError:  # no address at all
        return None


def _sent(trajectory: Trajectory, turn: int) -> Iterator[ProblemPoint]:
    """Yield what a server would refuse of what the caller gave for the request of a turn."""
    for found in sent_problems(trajectory, turn):
        yield ProblemPoint(found.code, turn, found.severity, "sent", cause=found)


def _end(trajectory: Trajectory) -> Iterator[ProblemPoint]:
    """Yield the error that ended the rollout, where no attempt has it."""
    error = trajectory.error
    if error is not None and all(attempt.error != error for attempt in trajectory.attempts):
        yield _request(error, len(trajectory.turns), "error")


def _read(
    turn: Turn,
    source: str,
    found: Iterable[Problem],
    call: int | None = None,
    tool: str | None = None,
) -> Iterator[ProblemPoint]:
    host = server(turn)
    for p in found:
        yield ProblemPoint(p.code, turn.index, p.severity, source, host, call, tool, p)


def _request(error: ApiError, turn: int, severity: str, host: str | None = None) -> ProblemPoint:
    return ProblemPoint(error.kind, turn, severity, "request", host, cause=error)

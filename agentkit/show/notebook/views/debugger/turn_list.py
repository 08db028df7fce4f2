"""The outline of a rollout as numbers and short texts: the page draws rows, bars and marks of it.

An entry is one turn: its first words, the seconds of the model, its errors, its warnings, and its
calls, each with name, state, start and seconds. What is not known is None.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from agentkit.analysis.frames.timings import segments, turn_time
from agentkit.show.render.content.markdown import headline
from agentkit.show.render.parts.words import added
from agentkit.trajectory.trouble.points import ProblemPoint, turn_points
from agentkit.trajectory.trouble.sent_problems import sent_problems
from agentkit.types.record import clip
from agentkit.types.trajectory import Attempt, Trajectory, Turn
from agentkit.types.words import in_line

Entry = list[Any]
_WORDS = 60
"""Letters of an answer that an outline shows at most."""
_WAITS, _FINE, _WARNED, _FAILED = range(4)
"""What became of a call."""


class TurnSums(NamedTuple):
    """What turns come to, added up turn by turn; a number is None as long as no server told it."""

    read: int | None = None
    cached: int | None = None
    written: int | None = None
    writing: float = 0.0
    """Seconds in which the tokens came whose number is known."""
    elapsed: float | None = None
    cost: float | None = 0.0
    """None as soon as one answer's is not known."""
    errors: int = 0
    warnings: int = 0

    def plus(self, turn: Turn, entry: Entry) -> TurnSums:
        """Add a turn, and what its entry counts."""
        usage = turn.response.usage
        wrote = usage.output_tokens if usage else None
        return TurnSums(
            added(self.read, usage.input_tokens if usage else None),
            added(self.cached, usage.cached_tokens if usage else None),
            added(self.written, wrote),
            self.writing + (turn.response.exchange.elapsed or 0.0 if wrote else 0.0),
            added(self.elapsed, turn.elapsed),
            None if self.cost is None or turn.cost is None else self.cost + turn.cost,
            self.errors + entry[2],
            self.warnings + entry[3],
        )


class TurnList:
    """The outline of a rollout that grows: a turn that is known already is not looked at again."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.sums = [TurnSums()]
        """The sums before each turn, and after the last."""
        self._known: list[tuple[Any, ...]] = []

    def upto(self, turns: int) -> TurnSums:
        """Add up the turns before this one, as far as they were taken in."""
        return self.sums[min(turns, len(self.sums) - 1)]

    def reach(self, trajectory: Trajectory, turns: Sequence[Turn]) -> list[Any] | None:
        """Take in the turns of a rollout.

        Args:
            trajectory: the rollout.
            turns: its turns, and those that lie ahead of it where it has gone back.

        Returns:
            The first turn that is new or another, and the entries from there on; None where all
            are as they were.
        """
        tried = _by_turn(trajectory.attempts)
        keys = [(turn.response, *turn.results, *tried.get(turn.index, ())) for turn in turns]
        pairs = zip(self._known, keys, strict=False)
        start = next(
            (i for i, (old, new) in enumerate(pairs) if not _same(old, new)),
            min(len(self._known), len(keys)),
        )
        if start == len(keys) == len(self._known):
            return None
        del self.entries[start:], self.sums[start + 1 :]
        for turn in turns[start:]:
            entry = _entry(trajectory, turn, tried.get(turn.index, ()))
            self.entries.append(entry)
            self.sums.append(self.sums[-1].plus(turn, entry))
        self._known = keys
        return [start, self.entries[start:]]


def _same(old: tuple[Any, ...], new: tuple[Any, ...]) -> bool:
    return len(old) == len(new) and all(a is b for a, b in zip(old, new, strict=True))


def _by_turn(attempts: Iterable[Attempt]) -> dict[int, tuple[Attempt, ...]]:
    found: dict[int, tuple[Attempt, ...]] = {}
    for attempt in attempts:
        found[attempt.turn] = (*found.get(attempt.turn, ()), attempt)
    return found


def _entry(trajectory: Trajectory, turn: Turn, tried: Sequence[Attempt]) -> Entry:
    points = list(turn_points(turn))
    errors, warnings = severities(points)
    sent_errors, sent_warnings = severities(sent_problems(trajectory, turn.index))
    time = turn_time(turn)
    response = turn.response
    words = response.content or response.reasoning or response.refusal or ""
    return [
        headline(words, _WORDS),
        _rounded(time.model),
        errors + sent_errors + sum(not attempt.error.stopped for attempt in tried),
        warnings + sent_warnings,
        _calls(turn, points),
    ]


def _calls(turn: Turn, points: Sequence[ProblemPoint]) -> list[Entry]:
    ran = [s for s in segments(turn_time(turn)) if s.kind in ("tool", "failed")]
    timed = [r.started for r in turn.results if r is not None and r.elapsed is not None]
    order = sorted(range(len(timed)), key=lambda i: (timed[i] is not None, timed[i] or 0.0))
    places = dict(zip(order, ran, strict=False))
    entries, at = [], 0
    for position, call in enumerate(turn.tool_calls):
        result = turn.results[position] if position < len(turn.results) else None
        entry: Entry = [clip(in_line(call.name or "?"), 40), _state(result, position, points)]
        if result is not None and result.elapsed is not None:
            if at in places:
                entry += [_rounded(places[at].start), _rounded(result.elapsed)]
            at += 1
        entries.append(entry)
    return entries


def _state(result: Any, position: int, points: Sequence[ProblemPoint]) -> int:
    errors, warnings = severities(point for point in points if point.call == position)
    if errors:
        return _FAILED
    return _WARNED if warnings else _WAITS if result is None else _FINE


def severities(points: Iterable[Any]) -> tuple[int, int]:
    """Count errors and warnings."""
    found = [point.severity for point in points]
    return found.count("error"), found.count("warning")


def loose(trajectory: Trajectory) -> tuple[int, int]:
    """Count the errors and warnings that belong to no answer: failed requests behind the last one,
    what is to be sent next, and what a file has lost.
    """
    turns = len(trajectory.all_turns)
    errors = sum(a.turn >= turns and not a.error.stopped for a in trajectory.attempts)
    error = trajectory.error
    errors += error is not None and all(a.error != error for a in trajectory.attempts)
    waits = trajectory.open is None or trajectory.open.response is None
    to_send = sent_problems(trajectory, turns) if waits else ()
    more = severities([*to_send, *trajectory.damage])
    return errors + more[0], more[1]


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)

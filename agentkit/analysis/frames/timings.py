"""Where the time and the tokens of a rollout go: per turn, on one timeline, and as percentiles over
many rollouts.

All times are in seconds. Time in which nothing ran, as while a person looked at a pending call, is
left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from heapq import nlargest
from itertools import pairwise
from statistics import quantiles
from typing import NamedTuple

from agentkit.read.body.usage import queue_of
from agentkit.types.record import clip
from agentkit.types.trajectory import ToolResult, Turn

LANES = 12
"""Calls of one turn that get a lane of their own; of more, calls that do not overlap share one."""


class CallTime(NamedTuple):
    """When a tool ran."""

    name: str
    status: str
    elapsed: float
    started: float | None = None
    queued: float | None = None
    """How long the call waited for a thread before it started."""


class TurnTime(NamedTuple):
    """The times of one turn; None where one is not known."""

    turn: int
    model: float | None
    first: float | None = None
    """Time to the first token of a streamed answer."""
    queue: float | None = None
    """Time in the server's queue, where the server reports it."""
    calls: tuple[CallTime, ...] = ()


class TurnTokens(NamedTuple):
    """The tokens of one turn; None where the server did not report them."""

    turn: int
    input: int | None
    output: int | None
    cached: int | None = None
    reasoning: int | None = None


class Percentiles(NamedTuple):
    """How long something takes: half, nine of ten and 99 of 100 take at most this."""

    name: str
    number: int
    p50: float
    p90: float
    p99: float
    few: tuple[float, ...] = ()
    """The times themselves, where there are too few for percentiles to say anything."""


ENOUGH = 10
"""Times from which on percentiles say something."""


class Segment(NamedTuple):
    """A stretch of a turn in which one thing ran. Times count from the start of the turn."""

    turn: int
    lane: int
    """0 is the model's; calls that overlap have lanes of their own, from 1."""
    kind: str
    """`queue`, `first` (until the first token), `generation`, `model` (not streamed), `wait` (for a
    thread), `tool` or `failed` (a tool that failed)."""
    name: str
    start: float
    end: float


def turn_tokens(turn: Turn) -> TurnTokens:
    """Return the tokens of a turn as the server counted them."""
    usage = turn.response.usage
    if usage is None:
        return TurnTokens(turn.index, None, None)
    counts = usage.input_tokens, usage.output_tokens, usage.cached_tokens, usage.reasoning_tokens
    return TurnTokens(turn.index, *counts)


def turn_time(turn: Turn) -> TurnTime:
    """Return the times that a turn recorded."""
    exchange, first = turn.response.exchange, turn.response.time_to_first_token
    return TurnTime(turn.index, exchange.elapsed, first, queue_of(exchange), _call_times(turn))


def _call_times(turn: Turn) -> tuple[CallTime, ...]:
    calls = turn.response.tool_calls
    timed = [
        (i, result)
        for i, result in enumerate(turn.results)
        if result is not None and result.elapsed is not None
    ]
    return tuple(
        [_call_time(calls[i].name if i < len(calls) else "", result) for i, result in timed]
    )


def _call_time(name: str, result: ToolResult) -> CallTime:
    return CallTime(
        name or result.name, result.status, result.elapsed or 0.0, result.started, result.queued
    )


def segments(time: TurnTime, *, packed: bool = False) -> list[Segment]:
    """Lay out what ran in one turn: the model, then the calls.

    Args:
        time: the times of the turn.
        packed: whether calls that do not overlap share a lane; else only where there are more than
            `LANES`.
    """
    packed = packed or len(time.calls) > LANES
    found = _model_segments(time)
    begin = time.model or 0.0
    ends: list[float] = []
    for call, start in _placed(time.calls):
        at = begin + start
        free = [i for i, end in enumerate(ends) if end <= at + 1e-9] if packed else []
        lane = free[0] if free else len(ends)
        ends[lane : lane + 1] = [at + call.elapsed]
        name, failed = _short(call.name), call.status != "ok"
        if call.queued and call.queued > 0.001:
            waits = max(begin, at - call.queued)
            found.append(Segment(time.turn, lane + 1, "wait", f"{name} waits", waits, at))
        name = f"{name} ({clip(call.status, 20)})" if failed else name
        kind = "failed" if failed else "tool"
        found.append(Segment(time.turn, lane + 1, kind, name, at, at + call.elapsed))
    return found


def _short(name: str) -> str:
    """Cut a name to what a chart shows of it; those of tools come again and again."""
    return _usual(name) if len(name) <= _LONG else clip(name, 40)


_LONG = 100
"""Characters of a name that is not kept."""


@lru_cache(512)
def _usual(name: str) -> str:
    return clip(name, 40) or "?"


def _model_segments(time: TurnTime) -> list[Segment]:
    whole, first = time.model, time.first
    if whole is None:
        return []
    queue = min(time.queue or 0.0, whole)
    if first is None and not queue:
        return [Segment(time.turn, 0, "model", "model", queue, whole)]
    parts = [("queue", "queue", 0.0, queue)] if queue else []
    if first is None:
        parts.append(("model", "model", queue, whole))
    else:
        first = min(max(first, queue), whole)
        parts.append(("first", "first token", queue, first))
        parts.append(("generation", "generation", first, whole))
    return [Segment(time.turn, 0, *part) for part in parts]


def _placed(calls: Sequence[CallTime]) -> list[tuple[CallTime, float]]:
    """Pair each call with its start, counted from the first and without the gaps between them.

    Calls whose start is unknown come first, at 0.
    """
    if len(calls) < 2:
        return [(call, 0.0) for call in calls]
    placed = [(call, 0.0) for call in calls if call.started is None]
    known = [(call.started, call) for call in calls if call.started is not None]
    covered, shift, latest = None, 0.0, 0.0
    for started, call in sorted(known, key=lambda pair: pair[0]):
        if covered is None:
            shift = covered = started
        shift += max(0.0, started - covered)
        # What the subtraction rounds off must not put a call before one that began earlier.
        latest = max(latest, started - shift)
        placed.append((call, latest))
        covered = max(covered, started + call.elapsed)
    return placed


def length(found: Iterable[Segment]) -> float:
    """Return the time at which the last segment ends."""
    return max([segment.end for segment in found], default=0.0)


def percentiles_of(times: Mapping[str, Sequence[float]]) -> list[Percentiles]:
    """Return the percentiles of each name's times, the slowest first."""
    found = []
    for name, values in times.items():
        if values:
            # `quantiles` refuses a single value before Python 3.13.
            cuts = quantiles(
                [*values, *values[:1]] if len(values) == 1 else values, n=100, method="inclusive"
            )
            few = tuple(sorted(values)) if len(values) < ENOUGH else ()
            found.append(Percentiles(name, len(values), cuts[49], cuts[89], cuts[98], few))
    return sorted(found, key=lambda p: (-p.p50, p.name))


_DETAILED = 48
"""Segments up to which a timeline keeps each; of more, neighbouring turns are put together."""
_COLUMNS = 40
"""Turns, or neighbouring turns put together, of a long timeline."""


class Sums(NamedTuple):
    """What the turns before one come to."""

    model: float = 0.0
    """Seconds of the model."""
    whole: float = 0.0
    """Seconds of the model and the tools."""
    timed: int = 0
    """Turns whose times are known."""


class Timeline:
    """The times of a rollout's turns one after the other, kept while the rollout grows."""

    def __init__(self) -> None:
        self._first: list[list[Segment]] = []
        """The segments of as many turns from the start as may be shown one by one."""
        self._sums = [Sums()]
        """The sums before each turn, and after the last."""

    def reach(self, turns: Sequence[Turn], start: int = 0) -> Timeline:
        """Take in the turns from `start` on, in place of what was known of them.

        Args:
            turns: all turns of the rollout.
            start: the first turn that is new or changed.

        Returns:
            The timeline itself.
        """
        del self._first[start:], self._sums[start + 1 :]
        self._first += [
            segments(turn_time(turn), packed=True) for turn in turns[len(self._first) : _DETAILED]
        ]
        for turn in turns[start:]:
            self._sums.append(_plus(self._sums[-1], turn))
        return self

    @property
    def turns(self) -> int:
        """The number of turns."""
        return len(self._sums) - 1

    @property
    def total(self) -> Sums:
        """The sums over all turns."""
        return self._sums[-1]

    def spent(self, start: int = 0) -> list[list[float]]:
        """Return the seconds of the model and of the tools in each turn from `start` on."""
        spent = []
        for before, after in pairwise(self._sums[start:]):
            model, whole = after.model - before.model, after.whole - before.whole
            spent.append([round(model, 4), round(max(0.0, whole - model), 4)])
        return spent

    def slowest(self, number: int) -> list[int]:
        """Return which turns took longest, in order; turns without times are left out."""
        lengths = [
            (after.whole - before.whole, -i)
            for i, (before, after) in enumerate(pairwise(self._sums))
            if after.whole > before.whole
        ]
        return sorted(-i for _, i in nlargest(number, lengths))

    def segments(self) -> list[tuple[float, Segment]]:
        """Return the segments, each with the time at which its turn began.

        Of many turns neighbours are put together: one segment for the model, one for the tools.
        """
        if self.turns <= _DETAILED and sum(map(len, self._first)) <= _DETAILED:
            starts = zip(self._sums, self._first, strict=False)
            return [(sums.whole, segment) for sums, found in starts for segment in found]
        step = -(-self.turns // _COLUMNS)
        merged = []
        for i in range(0, self.turns, step):
            before, after = self._sums[i], self._sums[min(i + step, self.turns)]
            model, whole = after.model - before.model, after.whole - before.whole
            merged.append((before.whole, Segment(i, 0, "model", "model", 0.0, model)))
            if whole > model + 1e-9:
                merged.append((before.whole, Segment(i, 1, "tool", "tools", model, whole)))
        return merged


def _plus(sums: Sums, turn: Turn) -> Sums:
    """Add a turn: what its segments would come to, at less cost."""
    elapsed = turn.response.exchange.elapsed
    model = whole = elapsed or 0.0
    timed = [r.elapsed for r in turn.results if r is not None and r.elapsed is not None]
    if len(timed) == 1:
        whole = max(model, model + timed[0])
    elif timed:
        ends = [model + start + call.elapsed for call, start in _placed(_call_times(turn))]
        whole = max(model, *ends)
    known = bool(timed) or elapsed is not None
    return Sums(sums.model + model, sums.whole + whole, sums.timed + known)

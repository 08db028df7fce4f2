"""Where the time of a rollout goes: queue, first token, generation, each tool; calls that ran side
by side stand under each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import nlargest
from itertools import accumulate, pairwise
from typing import NamedTuple

from agentkit.read.body.finish import queue_of
from agentkit.show.charts.drawing import (
    FORMS,
    WIDTH,
    bar,
    drawing,
    legend,
    stroke,
    tick,
    ticks,
    words,
)
from agentkit.show.html import Html
from agentkit.types.record import clip
from agentkit.types.trajectory import ToolResult, Turn
from agentkit.types.words import count, seconds

LANES = 12
"""Calls side by side that are drawn at most."""
SHOWN = 60
"""Turns whose latency is drawn at most."""


class CallTime(NamedTuple):
    """When a tool ran, in seconds."""

    name: str
    status: str
    elapsed: float
    started: float | None = None
    queued: float | None = None


class Timing(NamedTuple):
    """The times of one turn, in seconds; None where they are not known."""

    turn: int
    model: float | None
    first: float | None = None
    queue: float | None = None
    retries: int = 0
    calls: tuple[CallTime, ...] = ()


class Segment(NamedTuple):
    """One bar of a timeline. Times are seconds from the start of its turn."""

    turn: int
    lane: int
    """0 is the model's; calls side by side have lanes of their own."""
    kind: str
    name: str
    start: float
    end: float

    @property
    def told(self) -> str:
        """What a person is told of it."""
        return f"turn {self.turn}: {self.name} {seconds(self.end - self.start)}"


def timing(turn: Turn) -> Timing:
    """The times that a turn recorded."""
    exchange = turn.response.exchange
    return Timing(
        turn.index,
        exchange.elapsed,
        turn.response.time_to_first_token,
        queue_of(exchange),
        len(exchange.retries),
        _ran(turn),
    )


def _ran(turn: Turn) -> tuple[CallTime, ...]:
    calls = turn.response.tool_calls
    timed = [
        (i, result)
        for i, result in enumerate(turn.results)
        if result is not None and result.elapsed is not None
    ]
    return tuple([_call(calls[i].name if i < len(calls) else "", result) for i, result in timed])


def _call(name: str, result: ToolResult) -> CallTime:
    return CallTime(
        name or result.name, result.status, result.elapsed or 0.0, result.started, result.queued
    )


def segments(turn: Timing, *, packed: bool = False) -> list[Segment]:
    """The bars of one turn. Time in which nothing ran, as while a person looked, is left out.

    Each call has a lane of its own, as far as there are enough; `packed`: calls one after the other
    share one.
    """
    packed = packed or len(turn.calls) > LANES
    found = _model(turn)
    begin = turn.model or 0.0
    ends: list[float] = []
    for call, start in _placed(turn.calls):
        at = begin + start
        lane = (
            next((i for i, end in enumerate(ends) if end <= at + 1e-9), len(ends))
            if packed and ends
            else len(ends)
        )
        ends[lane : lane + 1] = [at + call.elapsed]
        name = clip(call.name, 40) or "?"
        if call.queued and call.queued > 0.001:
            found.append(
                Segment(
                    turn.turn, lane + 1, "wait", f"{name} waits", max(begin, at - call.queued), at
                )
            )
        kind = "tool" if call.status == "ok" else "failed"
        found.append(
            Segment(
                turn.turn,
                lane + 1,
                kind,
                name if kind == "tool" else f"{name} ({clip(call.status, 20)})",
                at,
                at + call.elapsed,
            )
        )
    return found


def _model(turn: Timing) -> list[Segment]:
    whole, first, queue = turn.model, turn.first, turn.queue
    if whole is None:
        return []
    queue = min(queue or 0.0, whole)
    parts = [("queue", "queue", 0.0, queue)] if queue else []
    if first is None:
        parts.append(("model", "model", queue, whole))
    else:
        first = min(max(first, queue), whole)
        parts += [
            ("first", "first token", queue, first),
            ("generation", "generation", first, whole),
        ]
    return [Segment(turn.turn, 0, kind, name, start, end) for kind, name, start, end in parts]


def _placed(calls: Sequence[CallTime]) -> list[tuple[CallTime, float]]:
    """The calls with when they began, counted from the first and without the gaps between them;
    those whose start is unknown at 0.
    """
    if len(calls) < 2:
        return [(call, 0.0) for call in calls]
    known = sorted(
        (call for call in calls if call.started is not None), key=lambda call: call.started or 0.0
    )
    placed = [(call, 0.0) for call in calls if call.started is None]
    covered, shift = None, 0.0
    for call in known:
        started = call.started or 0.0
        if covered is None:
            shift = covered = started
        shift += max(0.0, started - covered)
        placed.append((call, max(0.0, started - shift)))
        covered = max(covered, started + call.elapsed)
    return placed


def length(found: Iterable[Segment]) -> float:
    """Seconds from the start to the last end."""
    return max([segment.end for segment in found], default=0.0)


def _lengths(turn: Turn) -> tuple[float, float, bool]:
    """Seconds of the model, seconds of all, and whether any time is known: what the bars of the
    turn would come to.
    """
    elapsed, ran = turn.response.exchange.elapsed, _ran(turn)
    model = elapsed or 0.0
    return (
        model,
        max([model, *[model + start + call.elapsed for call, start in _placed(ran)]]),
        bool(ran) or elapsed is not None,
    )


_DETAILED = 48
"""Bars up to which a strip shows each; of more, neighbouring turns are put together, so that it
stays about a kilobyte.
"""
_COLUMNS = 40
_STRIP_LANES = 6


class Course:
    """The times of a rollout's turns, kept while it grows, and drawn on one line: the model above,
    the tools under it.
    """

    def __init__(self) -> None:
        self._first: list[list[Segment]] = []
        """The bars of as many turns from the start as a strip may show one by one."""
        self._sums = [(0.0, 0.0, 0)]
        """Seconds of the model, seconds of all, and turns whose times are known, before each
        turn.
        """

    def reach(self, turns: Sequence[Turn], start: int = 0) -> Course:
        """This, with the turns from `start` on; those before are known."""
        del self._first[start:], self._sums[start + 1 :]
        self._first += [
            segments(timing(turn), packed=True) for turn in turns[len(self._first) : _DETAILED]
        ]
        model, whole, timed = self._sums[-1]
        for own, all_of_it, known in map(_lengths, turns[start:]):
            model, whole, timed = model + own, whole + all_of_it, timed + known
            self._sums.append((model, whole, timed))
        return self

    def spent(self, start: int = 0) -> list[list[float]]:
        """Seconds of the model and of the tools in each turn from `start` on."""
        sums = self._sums[start:]
        return [
            [round(m1 - m0, 4), round(max(0.0, (w1 - w0) - (m1 - m0)), 4)]
            for (m0, w0, _), (m1, w1, _) in pairwise(sums)
        ]

    def slowest(self, number: int = SHOWN) -> list[int]:
        """Which turns took longest, in order; without those whose times are not known."""
        lengths = [
            (w1 - w0, -i)
            for i, (w0, w1) in enumerate(pairwise(whole for _, whole, _ in self._sums))
            if w1 > w0
        ]
        return sorted(-i for _, i in nlargest(number, lengths))

    def timed(self) -> int:
        """How many turns have times."""
        return self._sums[-1][2]

    def svg(self) -> Html | None:
        """The line, about a kilobyte whatever its length; None where no time was recorded."""
        model, total, _ = self._sums[-1]
        if total <= 0:
            return None
        marks: dict[tuple[str, int], list[str]] = {}
        for begin, s in self._bars():
            start, end = (round((begin + t) * WIDTH / total) for t in (s.start, s.end))
            mark = f"M{start} {_strip_y(s.lane)}h{max(1, end - start - 1)}"
            marks.setdefault((s.kind, min(s.lane, _STRIP_LANES)), []).append(mark)
        share = round(100 * model / total)
        told = (
            f"timeline of {count(len(self._sums) - 1, 'turn')}, {seconds(total)}: the model {share}"
            f" %, tools {100 - share} %"
        )
        lines = [
            stroke(kind, "".join(path), 9 if lane == 0 else 4)
            for (kind, lane), path in marks.items()
        ]
        return drawing(told, 14 + 6 * max(lane for _, lane in marks), *lines)

    def _bars(self) -> list[tuple[float, Segment]]:
        """The bars with when their turn began; of many turns neighbours are put together, one bar
        for the model and one for the tools.
        """
        turns = len(self._sums) - 1
        if turns <= _DETAILED and sum(map(len, self._first)) <= _DETAILED:
            return [
                (whole, s)
                for (_, whole, _), bars in zip(self._sums, self._first, strict=False)
                for s in bars
            ]
        step = -(-turns // _COLUMNS)
        found = []
        for i in range(0, turns, step):
            (m0, w0, _), (m1, w1, _) = self._sums[i], self._sums[min(i + step, turns)]
            found.append((w0, Segment(i, 0, "model", "model", 0.0, m1 - m0)))
            if w1 - w0 > m1 - m0 + 1e-9:
                found.append((w0, Segment(i, 1, "tool", "tools", m1 - m0, w1 - w0)))
        return found


def _strip_y(lane: int) -> int:
    return 6 if lane == 0 else 8 + 6 * min(lane, _STRIP_LANES)


_LEFT, _ROW = 64, 16


def latency_svg(
    turns: Sequence[Timing], *, bars: int = 1 << 30, among: int = 0, alone: bool = False
) -> Html:
    """Each turn as a line of bars on one scale of seconds; of very many turns, or more than so many
    bars, the slowest.

    `among`: the number of all turns, where these are the slowest of them.
    """
    drawn = [(turn, found) for turn in turns if (found := segments(turn))]
    slow = sorted(drawn, key=lambda pair: -length(pair[1]))[:SHOWN]
    reached = accumulate(sum(s.lane <= LANES for s in found) for _, found in slow)
    kept = {
        turn.turn
        for i, ((turn, _), number) in enumerate(zip(slow, reached, strict=True))
        if not i or number <= bars
    }
    shown = [(turn, found) for turn, found in drawn if turn.turn in kept][:SHOWN]
    most = max((length(found) for _, found in shown), default=0.0)
    if not most:
        return drawing(
            "latency: no times were recorded",
            24,
            words("no times were recorded", 0, 16),
            alone=alone,
        )
    scale = (WIDTH - _LEFT - 60) / most
    kinds = [kind for kind in FORMS if any(s.kind == kind for _, found in shown for s in found)]
    parts, y = legend(kinds, 12)
    top = y - 4
    for turn, found in shown:
        parts.append(words(f"turn {turn.turn}", _LEFT - 8, y + 11, "end"))
        parts += [
            bar(
                s.kind,
                _LEFT + s.start * scale,
                y + _ROW * s.lane,
                (s.end - s.start) * scale,
                13,
                s.told,
            )
            for s in found
            if s.lane <= LANES
        ]
        parts += [_name(s, y, scale) for s in found if 0 < s.lane <= LANES and s.kind != "wait"]
        lanes = min(LANES, max(s.lane for s in found))
        parts.append(words(seconds(length(found)), WIDTH, y + 11, "end"))
        y += _ROW * (lanes + 1) + 4
    axis = [tick(_LEFT + t * scale, top, y, f"{t:g} s") for t in ticks(most)]
    number = max(among, len(drawn))
    left_out = number - len(shown)
    told = (
        "latency of"
        f" {count(number, 'turn')}{f', the {len(shown)} slowest shown' if left_out else ''}"
    )
    return drawing(told, y + 22, *axis, *parts, alone=alone)


def _name(segment: Segment, y: float, scale: float) -> Html:
    end = _LEFT + segment.end * scale
    room = WIDTH - 60 - end
    inside = room < 6 * len(segment.name)
    x = _LEFT + segment.start * scale - 4 if inside else end + 4
    return words(segment.name, x, y + _ROW * segment.lane + 11, "end" if inside else None, 10)

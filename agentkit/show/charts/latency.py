"""`ak.charts.latency`: where the time of each turn goes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from agentkit.analysis.frames.frame import numbered
from agentkit.analysis.frames.index_frames import index_in
from agentkit.analysis.frames.timings import LANES, CallTime, Segment, TurnTime, length, segments
from agentkit.errors import UsageError, checked_keywords
from agentkit.show.charts.bars import Bar, BarChart, BarRow
from agentkit.show.charts.columns import is_frame, turns_and_calls
from agentkit.show.charts.figure import figure
from agentkit.types.trajectory import Trajectory
from agentkit.types.words import count, seconds

if TYPE_CHECKING:
    import plotly.graph_objects as go

SHOWN = 60
"""Turns of an SVG at most."""
_ONE_SCALE = 40
"""Turns that lie one after the other on one scale; of more, each begins at its start."""
_BARS = 600
"""Bars of the SVG beside a figure at most."""
_TURNS = ("rollout", "turn", "model_elapsed", "time_to_first_token", "queue")
_CALLS = ("rollout", "turn", "name", "result_status", "elapsed", "started", "queued")


@checked_keywords
def latency(x: Any, calls: Any = None, *, rollout: int = 0) -> go.Figure:
    """Draw when each turn waited in a queue, generated and ran its tools, calls under each other.

    Args:
        x: a rollout, or several; or a frame of `ak.turns_df`.
        calls: the frame of `ak.tool_calls_df` that belongs to `x`, where that is a frame.
        rollout: which of several.

    Returns:
        A `plotly.graph_objects.Figure`; time runs in seconds from the start of each turn.

    Raises:
        UsageError: it holds no such rollout.
    """
    times = _times(x, calls, rollout)
    return figure(latency_chart(times), latency_chart(times, most=_BARS))


def latency_chart(
    times: Sequence[TurnTime], *, most: int | None = None, among: int = 0
) -> BarChart:
    """Describe the chart.

    Args:
        times: the times of the turns.
        most: how many bars are drawn at most, those of the slowest turns; at most `SHOWN` turns
            and `LANES` calls of each. None: all.
        among: the number of all turns, where `times` are the slowest of them.
    """
    turns = [found for time in times if (found := [s for s in segments(time) if _is_seen(s)])]
    shown = turns if most is None else _slowest(turns, most)
    number = max(among, len(turns))
    one_scale = len(shown) == number <= _ONE_SCALE
    rows: list[BarRow] = []
    bars: list[Bar] = []
    begin = 0.0
    for found in shown:
        lanes = sorted({s.lane for s in found})
        places = {lane: len(rows) + i for i, lane in enumerate(lanes)}
        rows += [_row(lane, [s for s in found if s.lane == lane]) for lane in lanes]
        bars += [_bar(segment, places[segment.lane], begin) for segment in found]
        begin += length(found) if one_scale else 0.0
    slowest = f", the {len(shown)} slowest shown" if len(shown) < number else ""
    return BarChart(
        title="Latency by turn",
        summary=f"latency of {count(number, 'turn')}{slowest}",
        empty="no times were recorded",
        rows=tuple(rows),
        bars=tuple(bars),
        mode="overlay",
        axis="seconds" if one_scale else "seconds from the start of the turn",
        mark="{:g} s",
    )


def _is_seen(s: Segment) -> bool:
    """Tell whether it is more than a wait that came to nothing."""
    return s.kind != "wait" or s.end - s.start >= 0.001


def _slowest(turns: list[list[Segment]], most: int) -> list[list[Segment]]:
    """Return the slowest turns in their order, as many as have room; one always has."""
    turns = [[s for s in found if s.lane <= LANES] for found in turns]
    order = sorted(range(len(turns)), key=lambda i: -length(turns[i]))[:SHOWN]
    reached = accumulate(len(turns[i]) for i in order)
    kept = [i for i, bars in zip(order, reached, strict=True) if bars <= most or i == order[0]]
    return [turns[i] for i in sorted(kept)]


def _row(lane: int, found: Sequence[Segment]) -> BarRow:
    """Describe a row: a turn, or the calls of one of its lanes."""
    turn = found[0].turn
    spent = sum(s.end - s.start for s in found if s.kind != "wait")
    calls = dict.fromkeys(s.name for s in found if s.kind != "wait")
    failed = " ✕" if any(s.kind == "failed" for s in found) else ""
    name = next(iter(calls), "") if len(calls) == 1 else f"{len(calls)} calls"
    group, part = f"turn {turn}", f"call {lane - 1}" if lane else "model"
    return BarRow(group, part, f"{seconds(spent)}{failed}", name if lane else "", turn)


def _bar(s: Segment, row: int, begin: float) -> Bar:
    took = seconds(s.end - s.start)
    hover = f"turn {s.turn}: {s.name} {took}, {seconds(s.start)} to {seconds(s.end)}"
    named = s.lane and s.kind != "wait"
    label = s.name if named else ""
    return Bar(row, s.kind, begin + s.start, begin + s.end, hover, label, s.turn)


def _one_of(x: Any, rollout: int) -> list[Trajectory]:
    """Find one rollout of several, and read as few of the others as can be.

    Raises:
        UsageError: there is no such rollout.
    """
    number = 0
    if index_in(x)[0] is not None:
        number = len(x)
        if 0 <= rollout < number:
            return [x[rollout]]
    else:
        for place, trajectory in numbered(x):
            number += 1
            if place == rollout:
                return [trajectory]
    if rollout == number == 0:
        return []
    raise UsageError(f"there is no rollout {rollout}", hint=f"{number} were given, counted from 0")


def _times(x: Any, calls: Any, rollout: int) -> list[TurnTime]:
    if not is_frame(x):
        x, rollout = _one_of(x, rollout), 0
    turns, rows = turns_and_calls(x, calls, (_TURNS, _CALLS))
    ran: defaultdict[int, list[CallTime]] = defaultdict(list)
    for of, turn, name, status, elapsed, *rest in rows:
        if of == rollout and elapsed is not None:
            ran[turn].append(CallTime(name or "", status or "", elapsed, *rest))
    return [
        TurnTime(turn, model, first, queue, tuple(ran[turn]))
        for of, turn, model, first, queue in turns
        if of == rollout
    ]

"""`ak.charts.latency`: where the time of each turn goes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from agentkit.analysis.timings import LANES, CallTime, Segment, TurnTime, length, segments
from agentkit.errors import UsageError
from agentkit.files.reader import rollouts_in
from agentkit.show.charts.bars import Bar, BarChart, BarRow
from agentkit.show.charts.columns import columns, is_frame, turns_and_calls
from agentkit.show.charts.figure import figure
from agentkit.types.words import count, seconds

if TYPE_CHECKING:
    import plotly.graph_objects as go

SHOWN = 60
"""Turns of an SVG at most."""
_BARS = 600
"""Bars of the SVG beside a figure at most."""
_TURNS = ("rollout", "turn", "model_elapsed", "time_to_first_token", "queue")
_CALLS = ("rollout", "turn", "name", "result_status", "elapsed", "started", "queued")


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
    turns = [found for time in times if (found := segments(time))]
    shown = turns if most is None else _slowest(turns, most)
    rows: list[BarRow] = []
    bars: list[Bar] = []
    for found in shown:
        lanes = sorted({s.lane for s in found})
        places = {lane: len(rows) + i for i, lane in enumerate(lanes)}
        whole = seconds(length(found))
        rows += [
            BarRow(f"turn {found[0].turn}", f"call {lane - 1}" if lane else "model", whole)
            for lane in lanes
        ]
        bars += [_bar(segment, places[segment.lane]) for segment in found]
    number = max(among, len(turns))
    slowest = f", the {len(shown)} slowest shown" if len(shown) < number else ""
    return BarChart(
        title="Latency by turn",
        summary=f"latency of {count(number, 'turn')}{slowest}",
        empty="no times were recorded",
        rows=tuple(rows),
        bars=tuple(bars),
        mode="overlay",
        axis="seconds from the start of the turn",
        mark="{:g} s",
    )


def _slowest(turns: list[list[Segment]], most: int) -> list[list[Segment]]:
    """Return the slowest turns in their order, as many as have room; one always has."""
    turns = [[s for s in found if s.lane <= LANES] for found in turns]
    order = sorted(range(len(turns)), key=lambda i: -length(turns[i]))[:SHOWN]
    reached = accumulate(len(turns[i]) for i in order)
    kept = [i for i, bars in zip(order, reached, strict=True) if bars <= most or i == order[0]]
    return [turns[i] for i in sorted(kept)]


def _bar(s: Segment, row: int) -> Bar:
    took = seconds(s.end - s.start)
    hover = f"turn {s.turn}: {s.name} {took}, {seconds(s.start)} to {seconds(s.end)}"
    named = s.lane and s.kind != "wait"
    return Bar(row, s.kind, s.start, s.end, hover, s.name if named else "")


def _times(x: Any, calls: Any, rollout: int) -> list[TurnTime]:
    if not is_frame(x):
        found = rollouts_in(x)
        if not 0 <= rollout < max(len(found), 1):
            raise UsageError(
                f"there is no rollout {rollout}", hint=f"{len(found)} were given, counted from 0"
            )
        x, rollout = found[rollout : rollout + 1], 0
    turns, calls = turns_and_calls(x, calls)
    ran: defaultdict[int, list[CallTime]] = defaultdict(list)
    for of, turn, name, status, elapsed, *rest in (
        columns(calls, _CALLS) if calls is not None else ()
    ):
        if of == rollout and elapsed is not None:
            ran[turn].append(CallTime(name or "", status or "", elapsed, *rest))
    return [
        TurnTime(turn, model, first, queue, tuple(ran[turn]))
        for of, turn, model, first, queue in columns(turns, _TURNS)
        if of == rollout
    ]

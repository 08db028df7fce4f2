"""`ak.charts.latency`: where the time of each turn goes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from agentkit.analysis.frames.calls import tool_calls_df
from agentkit.analysis.frames.turns import turns_df
from agentkit.errors import UsageError
from agentkit.files.reader import rollouts_in
from agentkit.show.charts.drawing import FORMS
from agentkit.show.charts.figure import bars, figure, is_frame, plain_text, records
from agentkit.show.charts.timeline import CallTime, Segment, Timing, latency_svg, length, segments
from agentkit.types.words import seconds

_TURNS = ("rollout", "turn", "model_elapsed", "time_to_first_token", "queue", "retries")
_CALLS = ("rollout", "turn", "name", "result_status", "started", "elapsed", "queued")


def latency(x: Any, calls: Any = None, *, rollout: int = 0) -> Any:
    """A `plotly.graph_objects.Figure`: a line per turn with its queue, time to first token,
    generation and tools, calls under each other.

    Args:
        x: a rollout, or several; or a frame of `ak.turns_df`.
        calls: the frame of `ak.tool_calls_df` that belongs to `x`, where that is a frame.
        rollout: which of several.

    Raises:
        UsageError: it holds no such rollout.
    """
    timings = _timings(x, calls, rollout)
    drawn = [segment for timing in timings for segment in segments(timing)]
    found = {kind: [s for s in drawn if s.kind == kind] for kind in FORMS}
    traces = (
        [_order(drawn), *(_trace(kind, listed) for kind, listed in found.items() if listed)]
        if drawn
        else []
    )
    return figure(
        traces,
        "Latency by turn",
        latency_svg(timings, alone=True),
        barmode="overlay",
        bargap=0.15,
        height=_height(drawn),
        xaxis={
            "title": "seconds from the start of the turn",
            "range": [0, 1.2 * length(drawn) or 1.0],
        },
        yaxis={"autorange": "reversed", "showgrid": False, "type": "multicategory"},
    )


def _height(drawn: list[Segment]) -> int:
    return min(4000, 230 + 22 * len({(s.turn, s.lane) for s in drawn}))


def _order(drawn: list[Segment]) -> Any:
    """Every line in its place: plotly takes their order from the first trace that names them."""
    places = sorted({(s.turn, s.lane) for s in drawn})
    return bars(
        "model",
        showlegend=False,
        orientation="h",
        y=_lanes(places),
        x=[0] * len(places),
        hoverinfo="skip",
    )


def _lanes(places: Iterable[tuple[int, int]]) -> list[list[str]]:
    listed = list(places)
    return [
        [f"turn {turn}" for turn, _ in listed],
        ["model" if lane == 0 else f"call {lane - 1}" for _, lane in listed],
    ]


def _trace(kind: str, found: Iterable[Segment]) -> Any:
    listed = list(found)
    named = [plain_text(s.name) if s.lane and kind != "wait" else "" for s in listed]
    told = [f"{plain_text(s.told)}<br>from {seconds(s.start)} to {seconds(s.end)}" for s in listed]
    times: dict[str, Any] = {
        "base": [round(s.start, 6) for s in listed],
        "x": [round(s.end - s.start, 6) for s in listed],
    }
    return bars(
        kind,
        orientation="h",
        y=_lanes((s.turn, s.lane) for s in listed),
        **times,
        text=named,
        textposition="outside",
        cliponaxis=False,
        hovertext=told,
        hoverinfo="text",
    )


def _timings(x: Any, calls: Any, rollout: int) -> list[Timing]:
    if not is_frame(x):
        found = rollouts_in(x)
        if not 0 <= rollout < max(len(found), 1):
            raise UsageError(
                f"there is no rollout {rollout}", hint=f"{len(found)} were given, counted from 0"
            )
        x, calls, rollout = (
            turns_df(found[rollout : rollout + 1]),
            tool_calls_df(found[rollout : rollout + 1]),
            0,
        )
    ran: defaultdict[int, list[CallTime]] = defaultdict(list)
    for row in records(calls, _CALLS) if calls is not None else ():
        if row["rollout"] == rollout and row["elapsed"] is not None:
            ran[row["turn"]].append(
                CallTime(
                    row["name"] or "",
                    row["result_status"] or "",
                    row["elapsed"],
                    row["started"],
                    row["queued"],
                )
            )
    rows = (row for row in records(x, _TURNS) if row["rollout"] == rollout)
    return [
        Timing(
            row["turn"],
            row["model_elapsed"],
            row["time_to_first_token"],
            row["queue"],
            row["retries"],
            tuple(ran[row["turn"]]),
        )
        for row in rows
    ]

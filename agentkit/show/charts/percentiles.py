"""`ak.charts.percentiles`: how long tools and servers take, over many rollouts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from agentkit.analysis.frames.timings import Percentiles, percentiles_of
from agentkit.errors import checked_keywords
from agentkit.show.charts.bars import Bar, BarChart, BarRow
from agentkit.show.charts.columns import Rows, turns_and_calls
from agentkit.show.charts.figure import figure
from agentkit.types.words import count, seconds

if TYPE_CHECKING:
    import plotly.graph_objects as go

_MOST = 40
"""Rows of the SVG beside a figure at most."""
_TURNS = ("model", "server", "model_elapsed", "time_to_first_token")


@checked_keywords
def percentiles(x: Any, calls: Any = None) -> go.Figure:
    """Draw what half, nine of ten and 99 of 100 take at most, in seconds, per tool and per server;
    under ten times, the times themselves.

    A server is named by its model and address; its times are the answer's, and to the first token
    where it was streamed.

    Args:
        x: rollouts; or a frame of `ak.turns_df`.
        calls: the frame of `ak.tool_calls_df` that belongs to `x`, where that is a frame.

    Returns:
        A `plotly.graph_objects.Figure`.

    Raises:
        UsageError: it holds no rollout.
    """
    found = percentiles_of(_times(*turns_and_calls(x, calls, (_TURNS, ("name", "elapsed")))))
    return figure(percentiles_chart(found), percentiles_chart(found, most=_MOST))


def percentiles_chart(found: Sequence[Percentiles], *, most: int | None = None) -> BarChart:
    """Describe the chart: for each of the first `most` names a bar from p50 to p90 and a line to
    p99, or a dot for each time where these are few.
    """
    rows, bars = [], []
    for row, p in enumerate(found[:most]):
        rows.append(BarRow(f"{p.name} ({p.number:,})", total=_numbers(p)))
        hover = f"{p.name}: {count(p.number, 'time')}, {_numbers(p, named=True)}"
        if p.few:
            bars += [Bar(row, "sample", value, value, hover) for value in p.few]
        else:
            bars += [Bar(row, "p90", p.p50, p.p90, hover), Bar(row, "p99", p.p90, p.p99, hover)]
    hidden = f", {len(found) - len(rows)} not shown" if len(rows) < len(found) else ""
    return BarChart(
        title="How long tools and servers take",
        summary=f"percentiles of {count(len(found), 'kind')}{hidden}",
        empty="no times were recorded",
        rows=tuple(rows),
        bars=tuple(bars),
        mode="overlay",
        axis="seconds",
        mark="{:g} s",
    )


def _numbers(p: Percentiles, *, named: bool = False) -> str:
    """Write the percentiles, or that there are too few times."""
    if p.few:
        return f"{count(p.number, 'time')}: too few for percentiles"
    values = {"p50": p.p50, "p90": p.p90, "p99": p.p99}
    if named:
        return ", ".join(f"{kind} {seconds(value)}" for kind, value in values.items())
    return " · ".join(map(seconds, values.values()))


def _times(turns: Rows, calls: Rows) -> dict[str, list[float]]:
    found: defaultdict[str, list[float]] = defaultdict(list)
    for model, server, elapsed, first in turns:
        name = " at ".join(filter(None, (model, server))) or "the model"
        for label, value in ((name, elapsed), (f"{name}, first token", first)):
            if value is not None:
                found[label].append(value)
    for name, elapsed in calls:
        if elapsed is not None:
            found[f"tool {name or '?'}"].append(elapsed)
    return found

"""The charts of one rollout in a page: its times, its problems and its tokens, of a size that does
not grow with the turns.
"""

from __future__ import annotations

from agentkit.analysis.frames.points import problem_points
from agentkit.analysis.timings import Timeline, turn_time, turn_tokens
from agentkit.show.charts.context import context_chart
from agentkit.show.charts.errors import errors_chart
from agentkit.show.charts.latency import SHOWN, latency_chart
from agentkit.show.charts.svg import svg
from agentkit.show.html import Html, el
from agentkit.types.trajectory import Trajectory

_BARS, _COLUMNS, _CODES = 24, 12, 4
"""Bars of the latency, turns side by side, and codes, so that the three come to about ten
kilobytes, to thirty at the worst.
"""


def figures(trajectory: Trajectory, timeline: Timeline) -> dict[str, Html]:
    """Draw the charts, each under its heading.

    Args:
        trajectory: the rollout.
        timeline: its times.

    Returns:
        The drawings by name: `latency`, `problems`, `tokens`.
    """
    turns = trajectory.all_turns
    slowest = [turn_time(turns[i]) for i in timeline.slowest(SHOWN)]
    charts = {
        "latency": latency_chart(slowest, most=_BARS, among=timeline.total.timed),
        "problems": errors_chart(problem_points(trajectory), codes=_CODES, columns=_COLUMNS),
        "tokens": context_chart([turn_tokens(turn) for turn in turns], most=_COLUMNS),
    }
    return {
        name: el(
            "section",
            el("p", el("strong", chart.title)),
            # A drawing holds names that a model chose: the mathematics of a notebook leaves what
            # is within `code` alone.
            el("code", svg(chart), class_="ak-said"),
            class_="ak-figure",
            data_key=f"figure-{name}",
        )
        for name, chart in charts.items()
    }

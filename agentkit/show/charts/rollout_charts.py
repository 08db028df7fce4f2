"""The charts of one rollout in a page: its timeline on one line, and its times, its problems and
its tokens, of a size that does not grow with the turns.
"""

from __future__ import annotations

from agentkit.analysis.timings import Timeline, turn_time, turn_tokens
from agentkit.show.charts.bars import FORMS
from agentkit.show.charts.context import context_chart
from agentkit.show.charts.drawing import WIDTH
from agentkit.show.charts.errors import errors_chart
from agentkit.show.charts.latency import SHOWN, latency_chart
from agentkit.show.charts.svg import svg
from agentkit.show.html import Html, el
from agentkit.trajectory.trouble.points import problem_points
from agentkit.types.trajectory import Trajectory
from agentkit.types.words import count, seconds

_LANES = 6
"""Lines of tools at most, under the line of the model."""
_BARS, _COLUMNS, _CODES = 28, 10, 4
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


def timeline_svg(timeline: Timeline) -> Html | None:
    """Draw the line, about a kilobyte whatever its length; None where no time was recorded."""
    total = timeline.total.whole
    if total <= 0:
        return None
    marks: dict[tuple[str, int], list[str]] = {}
    for begin, s in timeline.segments():
        start, end = (round((begin + t) * WIDTH / total) for t in (s.start, s.end))
        lane = min(s.lane, _LANES)
        mark = f"M{start} {8 + 6 * lane if lane else 6}h{max(1, end - start - 1)}"
        marks.setdefault((s.kind, lane), []).append(mark)
    share = round(100 * timeline.total.model / total)
    title = (
        f"timeline of {count(timeline.turns, 'turn')}, {seconds(total)}: the model {share} %,"
        f" tools {100 - share} %"
    )
    lines = [_stroke(kind, "".join(path), 4 if lane else 9) for (kind, lane), path in marks.items()]
    height = 14 + 6 * max(lane for _, lane in marks)
    frame = {"viewBox": f"0 0 {WIDTH} {height}", "preserveAspectRatio": "none"}
    name = {"role": "img", "aria_label": title, "class_": "ak-chart"}
    return el("svg", el("title", title), *lines, width="100%", height=height, **frame, **name)


def _stroke(kind: str, path: str, width: int) -> Html:
    """Draw many bars of a kind as one thick line, where each costs only its coordinates."""
    ink = FORMS[kind].ink
    colour = ink["stroke"] if ink["fill"] == "none" else ink["fill"]
    dashes = ink["stroke_dasharray"] if ink["fill"] == "none" else None
    return el(
        "path", d=path, fill="none", stroke=colour, stroke_width=width, stroke_dasharray=dashes
    )

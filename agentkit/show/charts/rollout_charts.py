"""The charts of one rollout in a page: its timeline on one line, and its times, its problems and
its tokens, of a size that does not grow with the turns.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from agentkit.analysis.frames.timings import Timeline, turn_time, turn_tokens
from agentkit.show.charts.bars import FORMS, Bar, BarChart, BarRow
from agentkit.show.charts.context import context_chart
from agentkit.show.charts.drawing import WIDTH
from agentkit.show.charts.errors import errors_chart
from agentkit.show.charts.latency import SHOWN, latency_chart
from agentkit.show.charts.svg import svg
from agentkit.show.html import Html, el, element
from agentkit.trajectory.trouble.points import ProblemPoint, problem_points
from agentkit.types.record import clip
from agentkit.types.trajectory import Trajectory
from agentkit.types.words import count, seconds

_LANES = 6
"""Lines of tools at most, under the line of the model."""
_BARS, _COLUMNS, _CODES = 28, 12, 4
"""Bars of the latency, turns side by side, and codes, so that the three come to about ten
kilobytes, to thirty at the worst.
"""


def figures(
    trajectory: Trajectory, timeline: Timeline, points: Iterable[ProblemPoint] | None = None
) -> dict[str, Html]:
    """Draw the charts, each under its heading.

    Args:
        trajectory: the rollout.
        timeline: its times.
        points: its problems, where they are known already.

    Returns:
        The drawings by name: `latency`, `problems`, `tokens`.
    """
    turns, found = trajectory.all_turns, problem_points(trajectory) if points is None else points
    slowest = [turn_time(turns[i]) for i in timeline.slowest(SHOWN)]
    counted = [turn_tokens(turn) for turn in turns if turn.response.usage is not None]
    charts = {
        "latency": latency_chart(slowest, most=_BARS, among=timeline.total.timed),
        "problems": errors_chart(map(_named, found), codes=_CODES, columns=_COLUMNS),
        "tokens": context_chart(counted, most=_COLUMNS, limit=_limit(trajectory)),
    }
    return {name: _figure(name, chart) for name, chart in charts.items()}


def _limit(trajectory: Trajectory) -> int | None:
    """Find what the server takes at most, which it says when it refuses a request as too long."""
    errors = [attempt.error for attempt in trajectory.attempts] + [trajectory.error]
    for error in errors:
        too_long = error and error.kind == "context_length_exceeded"
        if error and too_long and (found := _TAKES.search(error.message)):
            return int(found[1].replace(",", ""))
    return None


_TAKES = re.compile(r"(?:context|model) length\D{1,20}(\d[\d,]{2,9})")


def _named(point: ProblemPoint) -> ProblemPoint:
    """Name a tool that raised by its exception."""
    if point.code != "error":
        return point
    kind, parted, _ = (getattr(point.cause, "error", None) or "").partition(": ")
    return point._replace(code=f"tool: {kind}") if parted else point


def _figure(name: str, chart: BarChart) -> Html:
    """Draw a chart under its heading, and its numbers as a table behind a click."""
    title = [el("strong", chart.title), " ", el("small", chart.summary)]
    # A drawing holds names that a model chose: the mathematics of a notebook leaves what is within
    # `code` alone.
    drawn = el("code", svg(chart), class_="ak-said")
    opener = el("summary", "as a table")
    table = el("details", opener, _table(chart)) if chart.bars else None
    return el(
        "section", el("p", title), drawn, table, class_="ak-figure", data_key=f"figure-{name}"
    )


def _table(chart: BarChart) -> Html:
    """Write what the bars say, a row each."""
    bars = [[bar for bar in chart.bars if bar.row == i] for i in range(len(chart.rows))]
    if chart.mode == "stack" and not chart.upright:
        names = ["problem", "turns", "in all"]
        cells = [[", ".join(bar.hover.partition(" × ")[0] for bar in row)] for row in bars]
    else:
        names = [
            "turn" if chart.upright else "",
            *(FORMS[k].meaning for k in chart.kinds),
            "in all",
        ]
        write = "{:,.0f}".format if chart.upright else seconds
        cells = [[_sum(row, kind, write) for kind in chart.kinds] for row in bars]
    rows = [
        _TR(_TH(_row_name(row)), [_TD(c) for c in (*cell, row.total)])
        for row, cell in zip(chart.rows, cells, strict=True)
    ]
    head = _TR([_TH(name) for name in names])
    return el("table", el("thead", head), el("tbody", rows), class_="ak-table ak-many")


_TR, _TH, _TD = map(element, ("tr", "th", "td"))


def _row_name(row: BarRow) -> Html:
    return el("code", clip(row.call) or row.group)


def _sum(bars: list[Bar], kind: str, write: Callable[[float], str]) -> str:
    found = [bar.end - bar.start for bar in bars if bar.kind == kind]
    return write(sum(found)) if found else ""


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


def timeline_key(timeline: Timeline) -> Html | None:
    """Say what the line's colours mean; None where there is no line."""
    found = {s.kind for _, s in timeline.segments()} if timeline.total.whole > 0 else set()
    # of a long rollout, what streamed is put together with what did not
    meanings = {kind: look.meaning for kind, look in FORMS.items()} | {"model": "the model"}
    keys = [
        el("span", _key(kind), f" {means} ") for kind, means in meanings.items() if kind in found
    ]
    return el("small", keys, class_="ak-note ak-bar") if keys else None


def _key(kind: str) -> Html:
    line = _stroke(kind, "M0 5h14", 9)
    return el("svg", line, viewBox="0 0 16 10", width=16, height=10, aria_hidden="true")


def _stroke(kind: str, path: str, width: int) -> Html:
    """Draw many bars of a kind as one thick line, where each costs only its coordinates."""
    ink = FORMS[kind].ink
    colour = ink["stroke"] if ink["fill"] == "none" else ink["fill"]
    dashes = ink["stroke_dasharray"] if ink["fill"] == "none" else None
    return el(
        "path", d=path, fill="none", stroke=colour, stroke_width=width, stroke_dasharray=dashes
    )

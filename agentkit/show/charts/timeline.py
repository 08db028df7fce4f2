"""The timeline of a rollout on one line: the model above, the tools under it."""

from __future__ import annotations

from agentkit.analysis.timings import Timeline
from agentkit.show.charts.bars import FORMS
from agentkit.show.charts.drawing import WIDTH, drawing
from agentkit.show.html import Html, el
from agentkit.types.words import count, seconds

_LANES = 6


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
    return drawing(title, 14 + 6 * max(lane for _, lane in marks), *lines)


def _stroke(kind: str, path: str, width: int) -> Html:
    """Draw many bars of a kind as one thick line, where each costs only its coordinates."""
    form = FORMS[kind]
    ink = form.stroke if form.fill == "none" else form.fill
    return el(
        "path", d=path, fill="none", stroke=ink, stroke_width=width, stroke_dasharray=form.dashes
    )

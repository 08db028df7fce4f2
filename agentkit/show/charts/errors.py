"""`ak.charts.errors`: what went wrong, by code and turn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from agentkit.analysis.frames.points import ProblemPoint
from agentkit.show.charts.bars import Bar, BarChart, BarRow
from agentkit.show.charts.columns import columns, problems_of
from agentkit.show.charts.figure import figure
from agentkit.types.words import count
from agentkit.types.record import clip

if TYPE_CHECKING:
    import plotly.graph_objects as go

_SEVERITIES = ("error", "warning", "info")
_CODES, _PIECES = 40, 120
"""Codes, and pieces of each, of the SVG beside a figure at most."""


def errors(x: Any) -> go.Figure:
    """Draw how often each code occurs; each piece of a bar is a turn, of the look of its severity.

    Args:
        x: one rollout or many; or a frame of `ak.problems_df`.

    Returns:
        A `plotly.graph_objects.Figure`.

    Raises:
        UsageError: it holds no rollout.
    """
    points = [
        ProblemPoint(code=code or "", turn=turn, severity=severity or "info")
        for code, turn, severity in columns(problems_of(x), ("code", "turn", "severity"))
    ]
    return figure(errors_chart(points), errors_chart(points, codes=_CODES, pieces=_PIECES))


def errors_chart(
    points: Iterable[ProblemPoint], *, codes: int | None = None, pieces: int | None = None
) -> BarChart:
    """Describe the chart: the most severe codes first, of these the most frequent.

    Args:
        points: the problems.
        codes: how many codes are drawn at most.
        pieces: into how many turns a bar is split at most; of more, neighbours are put together.
    """
    listed = [(p.code, p.turn, _rank(p.severity)) for p in points]
    counts = Counter(code for code, _, _ in listed)
    worst: dict[str, int] = {}
    for code, _, rank in listed:
        worst[code] = min(rank, worst.get(code, rank))
    ordered = sorted(counts, key=lambda code: (worst[code], -counts[code], code))[:codes]
    step = _step({turn for _, turn, _ in listed}, pieces)
    cells = Counter((code, rank, turn // step) for code, turn, rank in listed)
    places, ends, bars = {code: i for i, code in enumerate(ordered)}, Counter[str](), []
    for (code, rank, column), number in sorted(cells.items()):
        if code in places:
            start, severity = ends[code], _SEVERITIES[rank]
            ends[code] += number
            label, turns = _turns(column * step, step)
            hover = f"{turns}: {number} × {clip(code)} ({severity})"
            bars.append(Bar(places[code], severity, start, ends[code], hover, label))
    cut = len(ordered) < len(counts)
    more = f"; the {len(ordered)} most severe and frequent shown" if cut else ""
    return BarChart(
        title="Problems by code and turn",
        summary=f"{count(len(listed), 'problem')} of {count(len(counts), 'code')}{more}",
        empty="nothing went wrong",
        rows=tuple(BarRow(code, total=f"{counts[code]:,}") for code in ordered),
        bars=tuple(bars),
        mode="stack",
        axis="problems; each piece is a turn",
        whole=True,
    )


def _rank(severity: str) -> int:
    return _SEVERITIES.index(severity) if severity in _SEVERITIES else len(_SEVERITIES) - 1


def _step(turns: set[int], pieces: int | None) -> int:
    """Return how many turns are put together."""
    if pieces is None or len(turns) <= pieces:
        return 1
    return -(-(max(turns) + 1) // pieces)


def _turns(first: int, step: int) -> tuple[str, str]:
    """Name some turns, short and in words."""
    last = first + step - 1
    if first == last:
        return f"t{first}", f"turn {first}"
    return f"t{first}–{last}", f"turns {first} to {last}"

"""`ak.charts.errors`: what went wrong, by code and turn."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from agentkit.analysis.frames.problems import problems_df
from agentkit.errors import checked_keywords
from agentkit.show.charts.bars import Bar, BarChart, BarRow
from agentkit.show.charts.columns import columns, is_frame
from agentkit.show.charts.figure import figure
from agentkit.trajectory.trouble.points import ProblemPoint, number_of
from agentkit.types.record import clip
from agentkit.types.words import count

if TYPE_CHECKING:
    import plotly.graph_objects as go

_SEVERITIES = ("error", "warning", "info")
_Found = tuple[str, int, int]
"""A code, a turn and the place of the severity."""
_CODES, _COLUMNS = 40, 120
"""Codes and turns of the SVG beside a figure at most."""


@checked_keywords
def errors(x: Any) -> go.Figure:
    """Draw how often each code occurs; each piece of a bar is a turn, of the look of its severity.

    Args:
        x: one rollout or many; or a frame of `ak.problems_df`.

    Returns:
        A `plotly.graph_objects.Figure`.

    Raises:
        UsageError: it holds no rollout.
    """
    frame = x if is_frame(x) else problems_df(x)
    points = [
        ProblemPoint(code=code or "", turn=turn, severity=severity or "info")
        for code, turn, severity in columns(frame, ("code", "turn", "severity"))
    ]
    return figure(errors_chart(points), errors_chart(points, codes=_CODES, columns=_COLUMNS))


def errors_chart(
    points: Iterable[ProblemPoint], *, codes: int | None = None, columns: int | None = None
) -> BarChart:
    """Describe the chart: the most severe codes first, of these the most frequent.

    Args:
        points: the problems.
        codes: how many codes are drawn at most.
        columns: how many turns are drawn at most, each where it lies in the rollout; of more,
            neighbours are put together. None: every turn is a piece of its code's bar.
    """
    points = list(points)
    listed = [(p.code, p.turn, _rank(p.severity)) for p in points]
    notes = len(points) - (number := number_of(points))
    beside = f" and {count(notes, 'note')}" if notes else ""
    counts, worst = Counter(code for code, _, _ in listed), dict[str, int]()
    for code, _, rank in listed:
        worst[code] = min(rank, worst.get(code, rank))
    ordered = sorted(counts, key=lambda code: (worst[code], -counts[code], code))[:codes]
    shown = [problem for problem in listed if problem[0] in ordered]
    bars = _pieces(ordered, shown) if columns is None else _cells(ordered, shown, columns)
    cut = len(ordered) < len(counts)
    more = f"; the {len(ordered)} most severe and frequent shown" if cut else ""
    return BarChart(
        title="Problems by code and turn",
        summary=f"{count(number, 'problem')}{beside} of {count(len(counts), 'code')}{more}",
        empty="nothing went wrong",
        rows=tuple(BarRow(code, total=f"{counts[code]:,}") for code in ordered),
        bars=tuple(bars),
        mode="stack",
        axis="problems; each piece is a turn",
        mark="turn {:g}",
        begin=-0.5,
        whole=True,
    )


def _rank(severity: str) -> int:
    return _SEVERITIES.index(severity) if severity in _SEVERITIES else len(_SEVERITIES) - 1


def _pieces(codes: Sequence[str], found: Iterable[_Found]) -> Iterator[Bar]:
    """Lay the turns of each code and severity one after the other, as long as their numbers."""
    ends = Counter[str]()
    for (code, turn, rank), number in sorted(Counter(found).items(), key=_by_severity):
        start, severity = ends[code], _SEVERITIES[rank]
        ends[code] += number
        hover = f"turn {turn}: {number} × {clip(code)} ({severity})"
        yield Bar(codes.index(code), severity, start, ends[code], hover, f"t{turn}", turn)


def _by_severity(cell: tuple[_Found, int]) -> tuple[int, str, int]:
    (code, turn, rank), _ = cell
    return rank, code, turn


def _cells(codes: Sequence[str], found: Sequence[_Found], columns: int) -> Iterator[Bar]:
    """Lay each number of problems where its turns lie, of the look of the most severe."""
    last = max([turn for _, turn, _ in found], default=0)
    step = -(-(last + 1) // columns)
    ranks = defaultdict[tuple[str, int], list[int]](list)
    for code, turn, rank in found:
        ranks[code, turn // step].append(rank)
    for (code, column), listed in sorted(ranks.items()):
        first, number = column * step, len(listed)
        place = f"turn {first}" if step == 1 else f"turns {first}–{first + step - 1}"
        start, end, hover = first - 0.45, first + step - 0.55, f"{place}: {number} × {clip(code)}"
        severity = _SEVERITIES[min(listed)]
        yield Bar(codes.index(code), severity, start, end, hover, str(number), first)

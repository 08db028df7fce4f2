"""A chart as an SVG that needs no script and no style sheet."""

from __future__ import annotations

from agentkit.show.charts.bars import Bar, BarChart
from agentkit.show.charts.drawing import WIDTH, drawing, legend, line, rect, tick, ticks, words
from agentkit.show.html import Html
from agentkit.types.record import clip

_ROW, _GAP, _THICK = 16, 4, 13
_HEIGHT = 150.0
"""Of the columns of an upright chart."""
_LONGEST = 44
"""Characters of a row's name at most."""


def svg(chart: BarChart, *, alone: bool = False) -> Html:
    """Draw a chart.

    Args:
        chart: what to draw.
        alone: whether as a document of its own, on white ground.
    """
    if not chart.bars:
        return drawing(chart.heading, 24, words(chart.empty, 0, 16), alone=alone)
    keys, top = legend(chart.kinds, 12)
    parts, height = (_columns if chart.upright else _rows)(chart, top)
    return drawing(chart.summary, height, *keys, *parts, alone=alone)


def _marks(chart: BarChart) -> list[float]:
    return [mark for mark in ticks(chart.length) if not chart.whole or mark == int(mark)]


def _rows(chart: BarChart, top: float) -> tuple[list[Html], float]:
    """Draw bars from left to right, and return the height as well."""
    left = 14 + 6 * max(min(len(row.group), _LONGEST) for row in chart.rows)
    right = 14 + 6 * max(len(row.total) for row in chart.rows)
    scale = _Scale(chart, left, WIDTH - right)
    parts: list[Html] = []
    places, y, group = [], top - _GAP, None
    for row in chart.rows:
        if row.group != group:
            y += _GAP
            parts.append(words(clip(row.group, _LONGEST), left - 8, y + 11, "end"))
            if row.total:
                parts.append(words(row.total, WIDTH, y + 11, "end"))
        group = row.group
        places.append(y)
        y += _ROW
    y += _GAP
    bars = chart.bars
    if chart.mode == "group":
        # They lie on each other: the shortest in front, of equal ones p50.
        bars = tuple(sorted(bars, key=lambda bar: (bar.end, bar.kind), reverse=True))
    labels: list[Html] = []
    for bar in bars:
        x, at = scale.at(bar.start), places[bar.row]
        parts.append(rect(bar.kind, x, at, scale.at(bar.end) - x, _THICK, bar.hover))
        if chart.mode != "group":
            labels += _label(bar, scale, at + 11, beside=chart.mode == "overlay")
    axis = [tick(scale.at(t), top - 4, y, chart.mark.format(t)) for t in _marks(chart)]
    return [*(part for mark in axis for part in mark), *parts, *labels], y + 22


class _Scale:
    """Where a number lies on a line of the drawing."""

    def __init__(self, chart: BarChart, left: float, right: float) -> None:
        self._begin, self._left, self.right = chart.begin, left, right
        self._length = chart.length - chart.begin or 1.0

    def at(self, number: float) -> float:
        return self._left + (number - self._begin) / self._length * (self.right - self._left)


def _label(bar: Bar, scale: _Scale, y: float, *, beside: bool) -> list[Html]:
    """Write the label of a bar: beside it, or on it, where it has room."""
    start, end, width = scale.at(bar.start), scale.at(bar.end), 6 * len(bar.label)
    if not bar.label:
        return []
    if not beside:
        fits = width <= end - start
        return [words(bar.label, (start + end) / 2, y, "middle", 10, "#222222")] if fits else []
    if width > scale.right - end:
        return [words(bar.label, start - 4, y, "end", 10)]
    return [words(bar.label, end + 4, y, None, 10)]


def _columns(chart: BarChart, top: float) -> tuple[list[Html], float]:
    """Draw bars from the bottom up, and return the height as well."""
    left, bottom = 60.0, top + _HEIGHT + 8
    pitch = (WIDTH - left) / len(chart.rows)
    width, scale = min(pitch - 1, 48), _HEIGHT / chart.length
    parts = []
    for mark in _marks(chart):
        level = bottom - mark * scale
        parts.append(line([(left, level), (WIDTH, level)], "#80808055"))
        parts.append(words(chart.mark.format(mark), left - 6, level + 4, "end", 10))
    for bar in chart.bars:
        x, wide = left + bar.row * pitch, width / 2 if bar.part else width
        high = (bar.end - bar.start) * scale
        parts.append(rect(bar.kind, x, bottom - bar.end * scale, wide, high, bar.hover))
    for i in range(0, len(chart.rows), max(1, len(chart.rows) // 12)):
        x = left + i * pitch + width / 2
        parts.append(words(chart.rows[i].group, x, bottom + 14, "middle", 10))
    parts.append(words("turn", left - 6, bottom + 14, "end", 10))
    return parts, bottom + 20

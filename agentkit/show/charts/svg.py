"""A chart as an SVG that needs no script and no style sheet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from agentkit.show.charts.bars import (
    ERROR_INK,
    LIMIT,
    QUIET_INK,
    RULE,
    TOOL_INK,
    Bar,
    BarChart,
    BarRow,
)
from agentkit.show.charts.drawing import (
    WIDTH,
    bars_of,
    cell,
    drawing,
    hit,
    legend,
    plane,
    rect,
    share,
    size,
    tick,
    ticks,
    unseen,
    words,
)
from agentkit.show.html import Html, el
from agentkit.types.record import clip

_ROW, _THICK, _THIN = 20, 12, 8
_HEIGHT = 150.0
"""Of the columns of an upright chart."""
_LONGEST = 34
"""Characters of a row's name at most."""
_TURN = "turn"
"""What the columns of an upright chart are."""
_LETTER = 6.6
"""Pixels of a letter."""


def svg(chart: BarChart, *, alone: bool = False) -> Html:
    """Draw a chart.

    Args:
        chart: what to draw.
        alone: whether as a document of its own, on white ground.
    """
    if not chart.bars:
        return drawing(chart.heading, 24, words(chart.empty, "0", 16), alone=alone)
    keys, top = legend(chart.kinds, 12)
    parts, height = (_columns if chart.upright else _rows)(chart, top + 16)
    return drawing(chart.summary, height, *keys, *parts, alone=alone)


def _marks(chart: BarChart) -> list[float]:
    return [
        mark
        for mark in ticks(max(chart.length, chart.limit or 0))
        if not chart.whole or mark == int(mark)
    ]


def _rows(chart: BarChart, top: float) -> tuple[list[Html], float]:
    """Draw bars from left to right, a row each, and return the height as well."""
    names = [_name(row) for row in chart.rows]
    left = 100 * (16 + _LETTER * max(map(len, names))) / WIDTH
    scale = _Scale(chart, left)
    bottom = top + 2 + _ROW * len(chart.rows)
    places = [top + 2 + _ROW * i for i in range(len(chart.rows))]
    axis = [tick(scale.at(mark), top, bottom, chart.mark.format(mark)) for mark in _marks(chart)]
    inside = [part for mark in axis for part in mark]
    for kind in chart.kinds:
        drawn = [
            _drawn(bar, scale, places[bar.row], chart) for bar in chart.bars if bar.kind == kind
        ]
        inside.append(bars_of(kind, drawn))
    inside += _values(chart, scale, places)
    labels = [_label(row, name, y) for row, name, y in zip(chart.rows, names, places, strict=True)]
    over = _row_hits(chart, places) if chart.mode == "overlay" else []
    return [*labels, plane(left, bottom + 4, *inside), unseen(over)], bottom + 4


def _name(row: BarRow) -> str:
    return clip(row.call or row.group, _LONGEST) + ("  " if row.call else "")


def _label(row: BarRow, name: str, y: float) -> Html:
    if row.call:
        return words(name.strip(), "12", y + 14, ink=TOOL_INK)
    return words(name, "0", y + 14)


class _Scale:
    """Where a number lies, in hundredths of what is right of the names."""

    def __init__(self, chart: BarChart, left: float) -> None:
        self._begin = chart.begin
        longest = max([len(row.total) for row in chart.rows], default=0)
        self.letter = 100 * 100 * _LETTER / ((100 - left) * WIDTH)
        """The width of a letter."""
        self._room = max(100 - self.letter * longest - 2, 30)
        self._length = chart.length - chart.begin or 1.0

    def at(self, number: float) -> float:
        return (number - self._begin) / self._length * self._room


def _drawn(bar: Bar, scale: _Scale, y: float, chart: BarChart) -> Html:
    start, end = scale.at(bar.start), scale.at(bar.end)
    if bar.kind == "sample":
        return el("circle", cx=share(start), cy=f"{y + 10:g}", r="3")
    width = share(max(end - start, 0.15))
    if bar.kind == "p99":
        return rect(bar.kind, share(start), y + 9.5, width, 1)
    if chart.mode == "stack":
        return cell(bar.kind, share(start), y + 1, width, _ROW - 2, bar)
    thick = _THIN if chart.rows[bar.row].call else _THICK
    return rect(bar.kind, share(start), y + (_ROW - thick) / 2, width, thick)


def _values(chart: BarChart, scale: _Scale, places: list[float]) -> list[Html]:
    """Write what each row comes to at the end of its last bar, and the numbers of cells in them."""
    ends: dict[int, float] = {}
    failed = {bar.row for bar in chart.bars if bar.kind == "failed"}
    parts = []
    for bar in chart.bars:
        ends[bar.row] = max(ends.get(bar.row, 0.0), scale.at(bar.end))
        wide = scale.letter * len(bar.label) <= scale.at(bar.end) - scale.at(bar.start)
        if chart.mode == "stack" and bar.label and wide:
            middle = share((scale.at(bar.start) + scale.at(bar.end)) / 2)
            parts.append(words(bar.label, middle, places[bar.row] + 14, "middle"))
    for row, end in ends.items():
        end = scale.at(chart.length) if chart.mode == "stack" else end
        ink = ERROR_INK if row in failed else QUIET_INK
        total = chart.rows[row].total
        if total:
            parts.append(words(total, share(end), places[row] + 14, ink=ink, beside=6))
    return parts


def _row_hits(chart: BarChart, places: list[float]) -> Iterable[Html]:
    """Lay over each row all that its bars say."""
    said: dict[int, list[Bar]] = {}
    for bar in chart.bars:
        said.setdefault(bar.row, []).append(bar)
    return [
        hit("0", places[row], "100%", _ROW, _hover_of(bars), chart.rows[row].turn)
        for row, bars in said.items()
    ]


def _hover_of(bars: Sequence[Bar]) -> str:
    """Write what bars of one turn say, its number once."""
    first, *rest = dict.fromkeys(bar.hover for bar in bars)
    start = first.partition(": ")[0]
    return "\n".join([first, *(text.removeprefix(f"{start}: ") for text in rest)])


def _columns(chart: BarChart, top: float) -> tuple[list[Html], float]:
    """Draw bars from the bottom up, and return the height as well."""
    marks = [(mark, chart.mark.format(mark)) for mark in _marks(chart)]
    widest = max([len(number) for _, number in marks] + [len(_TURN)])
    bottom, left = top + _HEIGHT, 1 + 100 * (_LETTER * widest + 2) / WIDTH
    pitch = 100 / len(chart.rows)
    # a server may count no token anywhere
    width, scale = pitch * 0.62, (_HEIGHT - 16) / (max(chart.length, chart.limit or 0) or 1)
    axis: list[Html] = []
    for mark, number in marks:
        level = bottom - mark * scale
        axis.append(el("rect", x=share(left), y=f"{level:.0f}", width="100%", height=1, fill=RULE))
        axis.append(words(number, share(left - 1), level + 4, "end", QUIET_INK))
    if chart.limit:
        level = bottom - chart.limit * scale
        axis.append(el("rect", x=share(left), y=size(level), width="100%", height=2, fill=LIMIT))
        told = f"the server takes {chart.limit:,}"
        axis.append(words(told, share(left), level - 5, ink=QUIET_INK))
    columns = [share(pitch * i + (pitch - width) / 2) for i in range(len(chart.rows))]
    inside = [
        bars_of(
            kind,
            [
                rect(
                    kind,
                    columns[bar.row],
                    bottom - bar.end * scale,
                    share(width),
                    (bar.end - bar.start) * scale,
                )
                for bar in chart.bars
                if bar.kind == kind
            ],
        )
        for kind in chart.kinds
    ]
    said: dict[int, list[Bar]] = {}
    for bar in chart.bars:
        said.setdefault(bar.row, []).append(bar)
    every = -(-len(chart.rows) // 12)
    hits = []
    for i, row in enumerate(chart.rows):
        middle = share(pitch * (i + 0.5))
        if i % every == 0:
            inside.append(words(row.group, middle, bottom + 16, "middle"))
            high = max([bar.end for bar in said.get(i, ())], default=0.0)
            inside.append(words(row.total, middle, bottom - high * scale - 5, "middle"))
        hover = _hover_of(said[i]) if i in said else f"turn {row.group}: none"
        hits.append(hit(share(pitch * i), top, share(pitch), _HEIGHT + 20, hover, row.turn))
    turn = words(_TURN, share(left - 1), bottom + 16, "end", QUIET_INK)
    return [*axis, turn, plane(left, bottom + 22, *inside, unseen(hits))], bottom + 22

"""What a chart is before it is drawn: bars in rows, of kinds that differ in more than colour.

Every chart is described once, as a `BarChart`. `figure` draws it for analysis with plotly, and
`svg` for views and for pages that run no script.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple


class Look(NamedTuple):
    """How a kind of bar looks."""

    fill: str
    stroke: str
    pattern: str = ""
    """Plotly's pattern; an SVG has `dashes` and `rounded` in its place."""
    dashes: str | None = None
    rounded: int = 0
    meaning: str = ""


FORMS = {
    "queue": Look("none", "#808080", ".", "2 2", meaning="waiting in the server's queue"),
    "first": Look("#b9d3f0", "#2f74c0", meaning="until the first token"),
    "generation": Look("#2f74c0", "#2f74c0", "/", meaning="generating"),
    "model": Look("#6a9bd3", "#2f74c0", meaning="the model (not streamed)"),
    "wait": Look("none", "#808080", ".", "1 3", 4, meaning="waiting for a thread"),
    "tool": Look("#d99a2b", "#8a5a00", "\\", None, 4, meaning="a tool"),
    "failed": Look("#f3c3bd", "#c0392b", "x", "3 2", 4, meaning="a tool that failed"),
    "input": Look("#b9d3f0", "#2f74c0", meaning="input tokens"),
    "output": Look("#d99a2b", "#8a5a00", "\\", meaning="output tokens"),
    "cached": Look("#e3e8ee", "#2f74c0", ".", "2 2", meaning="of these, from the cache"),
    "reasoning": Look("#f2ddb4", "#8a5a00", "/", "2 2", meaning="of these, reasoning"),
    "error": Look("#f3c3bd", "#c0392b", "x", meaning="errors"),
    "warning": Look("#f6e2bd", "#8a5a00", "/", "2 2", meaning="warnings"),
    "info": Look("none", "#808080", ".", "1 3", meaning="notes"),
    "p50": Look("#6a9bd3", "#2f74c0", meaning="half take no longer (p50)"),
    "p90": Look("#b9d3f0", "#2f74c0", "/", meaning="nine of ten (p90)"),
    "p99": Look("none", "#2f74c0", ".", "2 2", meaning="99 of 100 (p99)"),
}
"""Kinds of bars, in the order of a legend. The tones are seen on light and on dark ground."""


class Bar(NamedTuple):
    """One bar of a chart."""

    row: int
    """Its row, by its place in the rows of the chart."""
    kind: str
    """A name of `FORMS`."""
    start: float
    end: float
    hover: str
    """What is shown when a pointer rests on it."""
    label: str = ""
    """What is written on it, or beside it."""
    part: bool = False
    """Whether it is a part of another bar; it is drawn half as wide."""


class BarRow(NamedTuple):
    """A row of bars; a column, where the chart is upright."""

    group: str
    """What is written before it; rows of one group follow each other and share it."""
    name: str = ""
    """Which row of its group."""
    total: str = ""
    """What is written after it, in an SVG."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BarChart:
    """A chart of bars on one axis, with one legend."""

    title: str
    summary: str
    """The whole in one line, for those who do not see it."""
    empty: str
    """What is shown in place of a chart without bars."""
    rows: tuple[BarRow, ...]
    bars: tuple[Bar, ...]
    mode: Literal["overlay", "stack", "group"]
    """Plotly's `barmode`: bars anywhere on their row, one after the other, or side by side."""
    axis: str
    """What the axis counts."""
    mark: str = "{:g}"
    """How a number is written at the axis of an SVG."""
    begin: float = 0.0
    """Where the axis of an SVG begins."""
    whole: bool = False
    """Whether the axis counts in whole numbers."""
    upright: bool = False

    @property
    def heading(self) -> str:
        """Its title, and why it is empty where it is."""
        return self.title if self.bars else f"{self.title}: {self.empty}"

    @property
    def length(self) -> float:
        """Where the last bar ends."""
        return max([bar.end for bar in self.bars], default=0.0)

    @property
    def kinds(self) -> list[str]:
        """The kinds of its bars, in the order of the legend."""
        found = {bar.kind for bar in self.bars}
        return [kind for kind in FORMS if kind in found]

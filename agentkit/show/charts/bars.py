"""What a chart is before it is drawn: bars in rows, of kinds that differ in more than colour.

Every chart is described once, as a `BarChart`. `figure` draws it for analysis with plotly, and
`svg` for views and for pages that run no script.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple


class Look(NamedTuple):
    """How a kind of bar looks. Its colours have a name of the design too, which a page with the
    design's style sheet follows.
    """

    fill: str
    stroke: str
    pattern: str = ""
    """Plotly's pattern; an SVG has `dashes` and `rounded` in its place."""
    dashes: str | None = None
    rounded: int = 2
    meaning: str = ""

    @property
    def ink(self) -> dict[str, str | None]:
        """The colours, as an SVG has them."""
        names = {"fill": _named(self.fill), "stroke": _named(self.stroke)}
        return {**names, "stroke_dasharray": self.dashes}


_DESIGN = {
    "#6f7fe0": "model-fill",
    "#b3bbf2": "reasoning-fill",
    "#2a9d94": "tool-fill",
    "#d64a40": "error-fill",
    "#c98411": "warn-fill",
    "#c9ced6": "input-fill",
    "#e4e7eb": "cached-fill",
    "#ffdfdb": "del-bg",
    "#fdf1d8": "heat-1",
    "#808080": "fg-3",
    "#0a6b66": "tool",
    "#b0231b": "error",
    "#595f69": "fg-2",
    "#d0d3d8": "rule",
}
"""Colours as they are without a style sheet, and what the design calls them."""


def _named(colour: str) -> str:
    return f"var(--ak-{_DESIGN[colour]},{colour})" if colour in _DESIGN else colour


TOOL_INK, ERROR_INK, QUIET_INK, RULE = map(_named, ("#0a6b66", "#b0231b", "#595f69", "#d0d3d8"))
LIMIT = _named("#c98411")
"""Colours of words and lines."""

FORMS = {
    "queue": Look("none", "#808080", ".", "2 2", meaning="waiting in the server's queue"),
    "first": Look("#b3bbf2", "#6f7fe0", ".", "2 2", meaning="waiting for the first token"),
    "generation": Look("#6f7fe0", "#6f7fe0", "/", meaning="the model writes"),
    "model": Look("#6f7fe0", "#6f7fe0", meaning="the model (not streamed)"),
    "wait": Look("none", "#808080", ".", "1 3", meaning="waiting for a thread"),
    "tool": Look("#2a9d94", "#2a9d94", "\\", meaning="a tool"),
    "failed": Look("#d64a40", "#d64a40", "x", meaning="✕ a tool that failed"),
    "cached": Look("#e4e7eb", "#808080", ".", rounded=0, meaning="read, from the cache"),
    "input": Look("#c9ced6", "#808080", rounded=0, meaning="read, new"),
    "reasoning": Look("#b3bbf2", "#6f7fe0", "/", rounded=0, meaning="written, reasoning"),
    "output": Look("#6f7fe0", "#6f7fe0", "\\", rounded=0, meaning="written, the rest"),
    "error": Look("#ffdfdb", "#d64a40", "x", meaning="✕ errors"),
    "warning": Look("#fdf1d8", "#c98411", "/", "4 2", meaning="▲ warnings"),
    "info": Look("none", "#808080", ".", "1 3", meaning="notes"),
    "p90": Look("#6f7fe0", "#6f7fe0", meaning="from half (p50) to nine of ten (p90)"),
    "p99": Look("none", "#6f7fe0", ".", meaning="up to 99 of 100 (p99)"),
    "sample": Look("#2a9d94", "#2a9d94", "x", meaning="one time each: too few for percentiles"),
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
    turn: int | None = None
    """The turn that it is a part of."""


class BarRow(NamedTuple):
    """A row of bars; a column, where the chart is upright."""

    group: str
    """What is written before it; rows of one group follow each other and share it."""
    name: str = ""
    """Which row of its group."""
    total: str = ""
    """What is written at the end of its bars, in an SVG."""
    call: str = ""
    """The name of a tool, which is written in place of its group."""
    turn: int | None = None
    """The turn that it is, or is a part of."""


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
    mode: Literal["overlay", "stack"]
    """Plotly's `barmode`: bars anywhere on their row, or one after the other."""
    axis: str
    """What the axis counts."""
    mark: str = "{:g}"
    """How a number is written at the axis of an SVG."""
    begin: float = 0.0
    """Where the axis of an SVG begins."""
    whole: bool = False
    """Whether the axis counts in whole numbers."""
    upright: bool = False
    limit: int | None = None
    """What a server takes at most, drawn as a line across an upright SVG."""

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

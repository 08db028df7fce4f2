"""A chart as a plotly figure, with an SVG of itself for pages that run no script."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

from agentkit.show.charts.bars import FORMS, Bar, BarChart
from agentkit.show.charts.svg import svg
from agentkit.types.words import visible

if TYPE_CHECKING:
    import plotly.graph_objects as go

_GRID = "rgba(128,128,128,0.3)"


@cache
def _figure_class() -> Any:
    """Return the class of the figures; plotly is not loaded before one is made."""
    import plotly.graph_objects as go
    from plotly.utils import PlotlyJSONEncoder

    class Chart(go.Figure):  # type: ignore[misc]
        """A `plotly.graph_objects.Figure` that brings an SVG of itself for pages that run no
        script, as exported HTML and GitHub.
        """

        _svg: str = ""
        # Where these exist, plotly shows only its script, under an id that differs at every call.
        _ipython_display_ = _repr_html_ = None

        def _repr_mimebundle_(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
            data = json.dumps(self.to_plotly_json(), cls=PlotlyJSONEncoder)
            return {
                "application/vnd.plotly.v1+json": json.loads(data),
                "image/svg+xml": self._svg,
                "text/plain": repr(self),
            }

        def __repr__(self) -> str:
            return f"<Chart {self.layout.title.text}>"

    return Chart


def figure(chart: BarChart, small: BarChart) -> go.Figure:
    """Draw a chart with plotly.

    The ground is left to the page, with an ink that is read on a light one and seen on a dark one.
    Whoever chose a template of plotly (`plotly.io.templates.default = "plotly_dark"`) gets its
    ground and ink.

    Args:
        chart: what to draw.
        small: the same chart with a limit to its size, which is drawn as the SVG beside it.
    """
    grouped = any(row.name for row in chart.rows)
    of_kind = {kind: [bar for bar in chart.bars if bar.kind == kind] for kind in chart.kinds}
    traces = [_trace(chart, kind, bars) for kind, bars in of_kind.items()]
    if grouped:
        # Plotly takes the order of grouped rows from the first trace that names them.
        order = [Bar(row, "model", 0.0, 0.0, "") for row in range(len(chart.rows))]
        traces = [_trace(chart, "model", order, showlegend=False, hoverinfo="skip"), *traces]
    numbers: dict[str, Any] = {"title": chart.axis}
    if chart.mode != "stack":  # room for the labels beside the bars
        numbers["range"] = [0, 1.2 * chart.length or 1.0]
    elif chart.whole and chart.length < 6:
        numbers["dtick"] = 1
    rows: dict[str, Any] = {"autorange": "reversed", "showgrid": False, "type": "multicategory"}
    if chart.upright:
        rows = {"title": "turn", "dtick": 1 if len(chart.rows) <= 40 else None}
    elif not grouped:
        names = [_plain_text(row.group) for row in chart.rows]
        rows |= {"type": "category", "categoryorder": "array", "categoryarray": names}
    made = _figure_class()(traces)
    made.update_layout(
        title=chart.heading,
        **_ground(),
        margin={"t": 90, "b": 40},
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0.0},
        barmode=chart.mode,
        bargap=0.15,
        height=None if chart.upright else _height(chart),
        xaxis=rows if chart.upright else numbers,
        yaxis=numbers if chart.upright else rows,
    )
    made.update_xaxes(gridcolor=_GRID, zerolinecolor=_GRID)
    made.update_yaxes(gridcolor=_GRID, zerolinecolor=_GRID)
    # A figure refuses attributes that plotly does not know.
    object.__setattr__(made, "_svg", str(svg(small, alone=True)))
    return made


def _ground() -> dict[str, Any]:
    """Choose ground and ink: no colour has a contrast of 4.5 on white and on a dark page alike."""
    import plotly.io as pio

    if pio.templates.default not in (None, "plotly"):
        return {}
    clear = "rgba(0,0,0,0)"
    return {"paper_bgcolor": clear, "plot_bgcolor": clear, "font": {"color": "#767676"}}


def _height(chart: BarChart) -> int:
    """Pixels, so that every row can be read."""
    return min(4000, 230 + 24 * len(chart.rows))


def _trace(chart: BarChart, kind: str, bars: list[Bar], **more: Any) -> go.Bar | go.Scatter:
    """Draw the bars of one kind, of the colour, edge and pattern that they have in a view too."""
    import plotly.graph_objects as go

    form = FORMS[kind]
    marker = {
        "color": "rgba(128,128,128,0.15)" if form.fill == "none" else form.fill,
        "line": {"color": form.stroke, "width": 1},
        "pattern": {"shape": form.pattern, "fgcolor": form.stroke, "size": 5},
    }
    rows, sizes = _places(chart, bars), [round(bar.end - bar.start, 6) for bar in bars]
    across = {"x": rows, "y": sizes} if chart.upright else {"x": sizes, "y": rows}
    if chart.mode == "overlay":
        more["base"] = [round(bar.start, 6) for bar in bars]
    if any(bar.label for bar in bars):
        more["text"] = [_plain_text(bar.label) for bar in bars]
    if chart.mode != "stack":
        more |= {"textposition": "outside", "cliponaxis": False}
    hover = {"hovertext": [_plain_text(bar.hover) for bar in bars], "hoverinfo": "text"}
    if kind == "sample":
        return go.Scatter(
            x=[bar.end for bar in bars],
            y=rows,
            mode="markers",
            name=form.meaning,
            marker_color=form.fill,
            **hover,
        )
    orientation = None if chart.upright else "h"
    return go.Bar(
        name=form.meaning, marker=marker, orientation=orientation, **{**across, **hover, **more}
    )


def _places(chart: BarChart, bars: list[Bar]) -> list[Any]:
    """Name the rows of the bars: turns as numbers, groups and their rows as plotly's two lists."""
    rows = [chart.rows[bar.row] for bar in bars]
    groups = [_plain_text(row.group) for row in rows]
    if chart.upright:
        return [int(group) for group in groups]
    return [groups, [row.name for row in rows]] if any(row.name for row in rows) else groups


def _plain_text(text: str) -> str:
    """Escape a text, as plotly reads tags of its own, and sets what is between dollar signs as
    mathematics where a page has MathJax.
    """
    escaped = visible(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return escaped.replace("$", "&#36;")

"""The figure of every chart: plotly's own, with an SVG snapshot beside it, and forms beside the
colours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from agentkit.show.charts.drawing import FORMS
from agentkit.show.html import Html
from agentkit.types.words import visible

PATTERNS = {
    "queue": ".",
    "first": "",
    "generation": "/",
    "model": "",
    "wait": ".",
    "tool": "\\",
    "failed": "x",
    "input": "",
    "output": "\\",
    "cached": ".",
    "reasoning": "/",
    "error": "x",
    "warning": "/",
    "info": ".",
    "p50": "",
    "p90": "/",
    "p99": ".",
}


_GRID = "rgba(128,128,128,0.3)"


@cache
def _figure_class() -> Any:
    import plotly.graph_objects as go

    class Chart(go.Figure):  # type: ignore[misc]
        """A `plotly.graph_objects.Figure` that brings an SVG of itself for pages that run no
        script, as exported HTML and GitHub.
        """

        _svg: str = ""
        _ipython_display_ = _repr_html_ = (
            None  # plotly shows its own alone: a script, under an id that differs at every call
        )

        def _repr_mimebundle_(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
            data = self.to_plotly_json()
            return {
                "application/vnd.plotly.v1+json": _jsonable(data),
                "image/svg+xml": self._svg,
                "text/plain": repr(self),
            }

        def __repr__(self) -> str:
            return f"<Chart {self.layout.title.text}>"

    return Chart


def _jsonable(data: Any) -> Any:
    import json

    from plotly.utils import PlotlyJSONEncoder

    return json.loads(json.dumps(data, cls=PlotlyJSONEncoder))


def figure(traces: Iterable[Any], title: str, snapshot: Html, **layout: Any) -> Any:
    """The traces as a `plotly.graph_objects.Figure`. The ground is left to the page, so that light
    and dark themes and templates both fit.
    """
    made = _figure_class()(list(traces))
    made.update_layout(
        title=title,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#767676"},
        margin={"t": 90, "b": 40},
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0.0},
        **layout,
    )
    made.update_xaxes(gridcolor=_GRID, zerolinecolor=_GRID)
    made.update_yaxes(gridcolor=_GRID, zerolinecolor=_GRID)
    object.__setattr__(made, "_svg", str(snapshot))
    return made


def bars(kind: str, name: str | None = None, **more: Any) -> Any:
    """A trace of bars that look as this kind of bar does in a view: colour, edge and pattern."""
    import plotly.graph_objects as go

    form = FORMS[kind]
    fill = form.fill if form.fill != "none" else "rgba(128,128,128,0.15)"
    marker = {
        "color": fill,
        "line": {"color": form.stroke, "width": 1},
        "pattern": {"shape": PATTERNS[kind], "fgcolor": form.stroke, "size": 5},
    }
    return go.Bar(name=name or form.meaning, marker=marker, **more)


def plain_text(text: str) -> str:
    """A text that plotly shows as it is: it reads tags of its own."""
    return visible(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def records(frame: Any, names: Iterable[str]) -> list[dict[str, Any]]:
    """The rows of a frame as dicts of these columns, None where a value is not known.

    Raises:
        UsageError: the frame has no such column.
    """
    from agentkit.errors import UsageError

    wanted = list(names)
    missing = [name for name in wanted if name not in frame.columns]
    if missing:
        raise UsageError(
            f"the frame has no column {missing[0]!r}",
            hint="pass a frame of ak.turns_df and its kin, or rollouts",
        )
    columns: Mapping[str, list[Any]] = {
        name: frame[name].astype(object).where(frame[name].notna(), None).tolist()
        for name in wanted
    }
    return [dict(zip(wanted, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def is_frame(x: Any) -> bool:
    """Whether this is a `pandas.DataFrame`."""
    return type(x).__name__ == "DataFrame" and hasattr(x, "columns")

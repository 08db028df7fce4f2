"""What rollouts come to along a column, as the page makes it: a chart for each measure, whose
points are buttons that choose their rollouts.
"""

from __future__ import annotations

from collections.abc import Sequence

from agentkit.analysis.explore.over_values import MEASURES, Axis, AxisPoint
from agentkit.show.notebook.page_parts import Part, part
from agentkit.show.render.rollout.table import column_name
from agentkit.types.record import clip

_HEIGHT = 40
"""Of a chart, in px."""
_NAMES = {
    "reward": "reward, mean",
    "output_tokens": "tokens written, mean",
    "length": "length, mean",
    "tool_errors": "a tool failed",
    "problems": "problems, mean",
}


def axis_parts(axis: Axis, columns: Sequence[str]) -> list[Part]:
    """Describe the charts, and the columns that they can be drawn over.

    Args:
        axis: the points.
        columns: the names of the columns.
    """
    ways = [
        part(
            "button.ak-xlink",
            clip(column_name(name)),
            type="button",
            aria_pressed=name == axis.column,
            data_facet=f"over {name}",
            do="axis",
            args={"column": name},
        )
        for name in columns
    ]
    heading = part("b", "over ", *(ways if len(ways) > 1 else [clip(column_name(axis.column))]))
    charts = [_chart(axis, measure) for measure in MEASURES if _says_something(axis, measure)]
    return [part(".ak-over-head", heading), part(".ak-along", *charts)] if charts else []


def _says_something(axis: Axis, measure: str) -> bool:
    """Tell whether there is a number; of what went wrong, another than 0."""
    known = [value for point in axis.points if (value := getattr(point, measure)) is not None]
    return any(known) if measure in ("tool_errors", "problems") else bool(known)


def _chart(axis: Axis, measure: str) -> Part:
    known = [value for point in axis.points if (value := getattr(point, measure)) is not None]
    low, high = min(0.0, *known), max(known)
    first = next((i for i, point in enumerate(axis.points) if point.chosen), 0)
    steps = [
        _step(axis.column, measure, i, point, (low, high), i == first)
        for i, point in enumerate(axis.points)
    ]
    name = _NAMES[measure]
    given = {"role": "group", "data_column": axis.column, "data_asks": "along"}
    label = f"{name} over {column_name(axis.column)}: a click or a drag chooses rollouts"
    ends = [clip(axis.points[0].name, 20), clip(axis.points[-1].name, 20)]
    return part(
        "fieldset.ak-fc",
        part(".ak-xrow", part("span", name), part("span.ak-xn", _span(measure, low, high))),
        part(".ak-steps.ak-hist", *steps, aria_label=label, **given),
        part(".ak-ends", *(part("span", end) for end in ends)),
        aria_label=name,
    )


def _step(
    column: str,
    measure: str,
    place: int,
    point: AxisPoint,
    ends: tuple[float, float],
    reached: bool,
) -> Part:
    """Describe one point: a bar from the lower end, none where nothing is known."""
    value = getattr(point, measure)
    low, high = ends
    said = "not known" if value is None else _number(measure, value)
    title = f"{column_name(column)} {clip(point.name, 60)}: {said}, {point.rollouts:,} rollouts"
    height = 0
    if value is not None:
        height = max(2, round(_HEIGHT * (value - low) / ((high - low) or 1.0)))
    return part(
        "button",
        part("i", style=f"height: {height}px"),
        type="button",
        tab_index=0 if reached else -1,
        title=title,
        aria_label=title,
        aria_pressed=point.chosen,
        data_facet=f"{measure} {place}",
    )


def _number(measure: str, value: float) -> str:
    if measure == "tool_errors":
        return f"{100 * value:.3g} %"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _span(measure: str, low: float, high: float) -> str:
    return f"{_number(measure, low)} to {_number(measure, high)}"

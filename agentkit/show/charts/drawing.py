"""What the SVG of a chart is made of: bars, lines, words, a legend and the marks of an axis.

Colours are written in the elements themselves, so that a drawing looks the same where a page takes
its style sheet away, and as a file of its own. Words take the colour of the text around them.
"""

from __future__ import annotations

from collections.abc import Sequence

from agentkit.show.charts.bars import FORMS
from agentkit.show.html import Child, Html, el
from agentkit.types.words import visible

WIDTH = 720


def drawing(title: str, height: float, *parts: Child, alone: bool = False) -> Html:
    """Put the parts into one picture.

    Args:
        title: what it shows, for those who do not see it.
        height: in the units of `WIDTH`.
        parts: the elements, those behind first.
        alone: whether as a document of its own, on white ground.
    """
    own = (
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "width": size(WIDTH),
            "height": size(height),
            "color": "#222222",
        }
        if alone
        else {}
    )
    ground = (
        el("rect", x="0", y="0", width="100%", height="100%", fill="#ffffff") if alone else None
    )
    frame = {
        "viewBox": f"0 0 {size(WIDTH)} {size(height)}",
        "role": "img",
        "aria_label": title,
        "class_": "ak-chart",
    }
    return el("svg", el("title", title), ground, *parts, **frame, **own)


def rect(kind: str, x: float, y: float, width: float, height: float, hover: str = "") -> Html:
    """Draw a bar of a kind of `FORMS`.

    Args:
        kind: how it looks.
        x: its left end.
        y: its upper end.
        width: at least 0.8 are drawn, so that it is seen.
        height: its height.
        hover: what is shown when a pointer rests on it.
    """
    form = FORMS[kind]
    return el(
        "rect",
        el("title", visible(hover)) if hover else None,
        x=size(x),
        y=size(y),
        width=size(max(width, 0.8)),
        height=size(height),
        rx=form.rounded or None,
        fill=form.fill,
        stroke=form.stroke,
        stroke_dasharray=form.dashes,
    )


def words(
    text: str,
    x: float,
    y: float,
    anchor: str | None = None,
    points: int = 11,
    ink: str = "currentColor",
) -> Html:
    """Write a text.

    Args:
        text: what is written; what does not show itself is escaped.
        x: its left end, its middle or its right end, as `anchor` says.
        y: its base line.
        anchor: None, `middle` or `end`.
        points: the size of the font.
        ink: its colour; a text on a bar needs one of its own.
    """
    place = {"x": size(x), "y": size(y), "text_anchor": anchor}
    return el("text", visible(text), **place, font_size=points, fill=ink)


def line(points: Sequence[tuple[float, float]], stroke: str) -> Html:
    """Draw a line through the points."""
    path = "M" + "L".join(f"{size(x)} {size(y)}" for x, y in points)
    return el("path", d=path, fill="none", stroke=stroke)


def legend(kinds: Sequence[str], y: float) -> tuple[list[Html], float]:
    """Write what the kinds mean, on as many lines as it takes, and return the lower end as well."""
    parts, x = [], 0.0
    for kind in kinds:
        meaning = FORMS[kind].meaning
        width = 40 + 6.0 * len(meaning)
        if x + width > WIDTH:
            x, y = 0.0, y + 16
        parts += [rect(kind, x + 1, y - 9, 16, 9), words(meaning, x + 22, y)]
        x += width
    return parts, y + 12


def tick(x: float, top: float, bottom: float, text: str) -> list[Html]:
    """Draw a mark of the axis, with its number under it."""
    return [line([(x, top), (x, bottom)], "#80808055"), words(text, x, bottom + 14, "middle", 10)]


def size(number: float) -> str:
    """Write a coordinate in as few characters as possible."""
    return f"{number:.1f}".removesuffix(".0")


def ticks(most: float) -> list[float]:
    """Return three to six round numbers, from 0 up to at most `most`."""
    if not 1e-9 < most < 1e15:
        return [0.0]
    step = 1.0
    while step > most / 3:
        step /= 10
    while step * 10 <= most / 2:
        step *= 10
    step *= next(factor for factor in (10, 5, 2, 1) if step * factor <= most / 2 or factor == 1)
    # Twelve digits: without the dust that tenths leave behind.
    marks = (float(f"{step * i:.12g}") for i in range(7))
    return [mark for mark in marks if mark <= most]

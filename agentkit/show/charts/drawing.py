"""What every chart in a view is made of: bars, lines and words as SVG, told apart by form and label
and never by colour alone.

Colours stand in the elements themselves, of a tone that is seen on light and on dark ground, so
    that a drawing needs no style sheet: where a page takes the styles away, and as a file of its
    own, it looks the same. Words take the colour of the text around them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from agentkit.show.html import Child, Html, el
from agentkit.types.words import visible

WIDTH = 720


class Form(NamedTuple):
    """How a kind of bar looks."""

    fill: str
    stroke: str
    dashes: str | None = None
    rounded: int = 0
    meaning: str = ""


FORMS = {
    "queue": Form("none", "#808080", "2 2", meaning="waiting in the server's queue"),
    "first": Form("#b9d3f0", "#2f74c0", meaning="until the first token"),
    "generation": Form("#2f74c0", "#2f74c0", meaning="generating"),
    "model": Form("#6a9bd3", "#2f74c0", meaning="the model (not streamed)"),
    "wait": Form("none", "#808080", "1 3", 4, meaning="waiting for a thread"),
    "tool": Form("#d99a2b", "#8a5a00", None, 4, meaning="a tool"),
    "failed": Form("#f3c3bd", "#c0392b", "3 2", 4, meaning="a tool that failed"),
    "input": Form("#b9d3f0", "#2f74c0", meaning="input tokens"),
    "cached": Form("#e3e8ee", "#2f74c0", "2 2", meaning="of these, from the cache"),
    "output": Form("#d99a2b", "#8a5a00", meaning="output tokens"),
    "reasoning": Form("#f2ddb4", "#8a5a00", "2 2", meaning="of these, reasoning"),
    "error": Form("#f3c3bd", "#c0392b", meaning="errors"),
    "warning": Form("#f6e2bd", "#8a5a00", "2 2", meaning="warnings"),
    "info": Form("none", "#808080", meaning="notes"),
    "p50": Form("#6a9bd3", "#2f74c0", meaning="half take no longer (p50)"),
    "p90": Form("#b9d3f0", "#2f74c0", meaning="nine of ten (p90)"),
    "p99": Form("none", "#2f74c0", "2 2", meaning="99 of 100 (p99)"),
}


def drawing(
    title: str, height: float, *parts: Child, width: float = WIDTH, alone: bool = False
) -> Html:
    """The parts as one picture. `alone`: as a document of its own, on white ground."""
    own = (
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "width": size(width),
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
        "viewBox": f"0 0 {size(width)} {size(height)}",
        "role": "img",
        "aria_label": title,
        "class_": "ak-chart",
    }
    return el("svg", el("title", title), ground, *parts, **frame, **own)


def bar(kind: str, x: float, y: float, width: float, height: float, told: str = "") -> Html:
    """A bar of a kind of `FORMS`; what it is is told where it is pointed at."""
    form = FORMS[kind]
    return el(
        "rect",
        el("title", visible(told)) if told else None,
        x=size(x),
        y=size(y),
        width=size(max(width, 0.8)),
        height=size(height),
        rx=form.rounded or None,
        fill=form.fill,
        stroke=form.stroke,
        stroke_dasharray=form.dashes,
    )


def stroke(kind: str, path: str, width: int) -> Html:
    """Many bars of a kind as one thick line, where each costs only its coordinates."""
    form = FORMS[kind]
    ink = form.stroke if form.fill == "none" else form.fill
    return el(
        "path", d=path, fill="none", stroke=ink, stroke_width=width, stroke_dasharray=form.dashes
    )


def words(
    text: str | int,
    x: float,
    y: float,
    anchor: str | None = None,
    points: int = 11,
    ink: str = "currentColor",
) -> Html:
    """A text; `anchor`: `middle` or `end`; `ink`: its colour where it stands on a bar."""
    return el(
        "text",
        visible(str(text)),
        x=size(x),
        y=size(y),
        text_anchor=anchor,
        font_size=points,
        fill=ink,
    )


def line(
    points: Sequence[tuple[float, float]], stroke: str = "#808080", dashes: str | None = None
) -> Html:
    """A line through the points."""
    path = "M" + "L".join(f"{size(x)} {size(y)}" for x, y in points)
    return el("path", d=path, fill="none", stroke=stroke, stroke_dasharray=dashes)


def legend(kinds: Sequence[str], y: float) -> tuple[list[Html], float]:
    """What the forms mean, on as many lines as it takes, and where the rest may begin."""
    parts, x = [], 0.0
    for kind in kinds:
        width = 40 + 6.0 * len(FORMS[kind].meaning)
        if x + width > WIDTH:
            x, y = 0.0, y + 16
        parts += [bar(kind, x + 1, y - 9, 16, 9), words(FORMS[kind].meaning, x + 22, y)]
        x += width
    return parts, y + 12


def tick(x: float, top: float, bottom: float, text: str) -> list[Html]:
    """A mark on the axis of x, and its number under it."""
    return [line([(x, top), (x, bottom)], "#80808055"), words(text, x, bottom + 14, "middle", 10)]


def size(number: float) -> str:
    """A coordinate in as few characters as do."""
    return f"{number:.1f}".removesuffix(".0")


def ticks(most: float) -> list[float]:
    """Round numbers from 0 up to the largest that is not beyond `most`: three to six of them."""
    if not 1e-9 < most < 1e15:
        return [0.0]
    step = 1.0
    while step > most / 3:
        step /= 10
    while step * 10 <= most / 2:
        step *= 10
    step = next(
        step * factor for factor in (10, 5, 2, 1) if step * factor <= most / 2 or factor == 1
    )
    marks = (
        float(f"{step * i:.12g}") for i in range(7)
    )  # without the dust that tenths leave behind
    return [mark for mark in marks if mark <= most]

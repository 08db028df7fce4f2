"""What the SVG of a chart is made of: bars, lines, words, a legend and the marks of an axis.

What lies across is in hundredths of the width, so that a drawing is as wide as its page and its
words keep their size. Colours are written in the elements themselves, so that a drawing looks the
same where a page takes its style sheet away, and as a file of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache

from agentkit.show.charts.bars import FORMS, QUIET_INK, RULE, Bar
from agentkit.show.html import HOLE, Child, Html, el, element, shape
from agentkit.types.words import visible

WIDTH = 720
"""The least width at which nothing lies on anything else, and that of a file of its own."""


def drawing(title: str, height: float, *parts: Child, alone: bool = False) -> Html:
    """Put the parts into one picture.

    Args:
        title: what it shows, for those who do not see it.
        height: in pixels.
        parts: the elements, those behind first.
        alone: whether as a document of its own, on white ground.
    """
    own = {"xmlns": "http://www.w3.org/2000/svg", "color": "#222222"} if alone else {}
    ground = (
        el("rect", x="0", y="0", width="100%", height="100%", fill="#ffffff") if alone else None
    )
    frame = {
        "width": size(WIDTH) if alone else "100%",
        "height": size(height),
        "role": "img",
        "aria_label": title,
        "class_": "ak-chart",
        "fill": "currentColor",
    }
    return el("svg", el("title", title), ground, *parts, font_size=12, **frame, **own)


def plane(left: float, height: float, *parts: Child) -> Html:
    """Put parts into what is right of the names, where hundredths count from its left end."""
    frame = {"x": share(left), "width": share(100 - left), "y": "0", "height": size(height)}
    return el("svg", *parts, **frame)


def bars_of(kind: str, shapes: Iterable[Html]) -> Html:
    """Put bars of a kind together, whose colours they share."""
    return el("g", *shapes, **FORMS[kind].ink)


def rect(kind: str, x: str, y: float, width: str, height: float) -> Html:
    """Draw a bar, at least so wide that it is seen."""
    return _rect(FORMS[kind].rounded or None)(x, size(y), width, size(height))


_PLACE = {"x": HOLE, "y": HOLE, "width": HOLE, "height": HOLE}


@cache
def _rect(rounded: int | None) -> Callable[..., Html]:
    return shape(el("rect", **_PLACE, rx=rounded))


_TITLE = element("title")


def cell(kind: str, x: str, y: float, width: str, height: float, bar: Bar) -> Html:
    """Draw a bar that itself says more where a pointer rests on it."""
    place = {"x": x, "y": size(y), "width": width, "height": size(height)}
    text, rounded = _TITLE(visible(bar.hover)), FORMS[kind].rounded
    return el("rect", text, **place, rx=rounded, data_turn=bar.turn, class_="ak-hit")


def hit(x: str, y: float, width: str, height: float, hover: str, turn: int | None) -> Html:
    """Lay over a place what says more where a pointer rests on it, and knows its turn."""
    place = x, size(y), width, size(height)
    text = visible(hover)
    return _ANY_HIT(*place, text) if turn is None else _HIT(*place, turn, text)


_HIT, _ANY_HIT = (
    shape(el("rect", _TITLE(HOLE), **_PLACE, data_turn=turn, class_="ak-hit"))
    for turn in (HOLE, None)
)


def unseen(hits: Iterable[Html]) -> Html:
    """Put what lies over a chart together."""
    return el("g", *hits, fill="transparent")


def words(
    text: str,
    x: str,
    y: float,
    anchor: str | None = None,
    ink: str | None = None,
    beside: int | None = None,
) -> Html:
    """Write a text.

    Args:
        text: what is written; what does not show itself is escaped.
        x: its left end, its middle or its right end, as `anchor` says.
        y: its base line.
        anchor: None, `middle` or `end`.
        ink: its colour; None for that of the text around the chart.
        beside: pixels from `x`.
    """
    return _words(anchor, ink, beside)(x, size(y), visible(text))


@cache
def _words(anchor: str | None, ink: str | None, beside: int | None) -> Callable[..., Html]:
    """Prepare a text; there are few anchors, colours and distances."""
    place = {"x": HOLE, "y": HOLE, "dx": beside, "text_anchor": anchor}
    return shape(el("text", HOLE, **place, fill=ink))


def legend(kinds: Sequence[str], y: float) -> tuple[list[Html], float]:
    """Write what the kinds mean, on as many lines as it takes, and return the lower end as well."""
    parts, x = [], 0.0
    for kind in kinds:
        meaning = FORMS[kind].meaning
        width = 42 + 5.8 * len(meaning)
        if x and x + width > WIDTH:
            x, y = 0.0, y + 18
        key = rect(kind, size(x + 1), y - 9, "16", 10)
        parts += [bars_of(kind, [key]), words(meaning, size(x + 24), y, ink=QUIET_INK)]
        x += width
    return parts, y + 14


def tick(at: float, top: float, bottom: float, text: str) -> list[Html]:
    """Draw a mark of the axis, with its number above it."""
    rule = {"x": share(at), "y": size(top), "width": "1", "height": size(bottom - top)}
    anchor = "middle" if at else None
    return [el("rect", **rule, fill=RULE), words(text, share(at), top - 6, anchor, QUIET_INK)]


def share(number: float) -> str:
    """Write a share of the width in as few characters as possible."""
    return f"{f'{number:.2f}'.rstrip('0').rstrip('.')}%"


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

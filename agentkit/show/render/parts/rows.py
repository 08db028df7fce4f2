"""What a conversation is made of: who says what, a box of lines, a problem; each of them a few
columns that are the same in every turn.

A word in `away` is not seen where a style sheet says the same by a colour or a place; without one,
for a screen reader and in plain text it is there.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache

from agentkit.show.html import HOLE, Child, Html, el, element, shape
from agentkit.show.render.parts.words import mark

_AWAY = element("small", class_="ak-away")
_SUB = element("div", class_="ak-sub")


def speech(key: str, kind: str, who: Child, *what: Child) -> Html:
    """Draw one message: who, what they say, and room for what a page does with it. `kind` is a
    class and never comes from a record.
    """
    return _speech(kind)(key, who, what)


@cache
def _speech(kind: str) -> Callable[..., Html]:
    parts = el("span", HOLE, class_="ak-who"), " ", el("div", HOLE, class_="ak-what")
    return shape(el("div", *parts, class_=f"ak-msg ak-{kind}", data_key=HOLE))


def head(key: str, turn: int | None, name: Child, *known: Child, tone: str = "") -> Html:
    """Draw the head of a turn. `tone` is `bad` or `warn` where something is wrong in it."""
    make = _head(tone, turn is None)
    what = known[0] if len(known) == 1 else known
    return make(key, name, what) if turn is None else make(key, turn, name, what)


@cache
def _head(tone: str, alone: bool) -> Callable[..., Html]:
    kind = f"ak-turn-head ak-{tone}" if tone else "ak-turn-head"
    parts = el("strong", HOLE), " ", HOLE
    turn = None if alone else HOLE
    return shape(el("header", *parts, class_=kind, data_key=HOLE, data_turn=turn))


def part(key: str, kind: str, *content: Child) -> Html:
    """Draw a part of a turn that is neither its head nor a call."""
    return _part(kind)(key, content[0] if len(content) == 1 else content)


@cache
def _part(kind: str) -> Callable[..., Html]:
    return shape(el("div", HOLE, class_=f"ak-in ak-{kind}", data_key=HOLE))


def box(key: str, position: int | None, *lines: Child, tone: str = "") -> Html:
    """Draw a call: its line, that of its result, and what is folded below them."""
    make = _box(tone, position is None)
    return make(key, lines) if position is None else make(key, position, lines)


@cache
def _box(tone: str, alone: bool) -> Callable[..., Html]:
    kind = f"ak-call ak-{tone}" if tone else "ak-call"
    call = None if alone else HOLE
    return shape(el("section", HOLE, class_=kind, data_key=HOLE, data_call=call))


def line(glyph: str, what: Child, *side: Child, tone: str = "") -> Html:
    """Draw a line of a box: a mark, what it says, and at its right what is known of it."""
    known = [part for part in side if part is not None]
    return _line(glyph, tone)(what, [(part, " ") for part in known] if known else None)


@cache
def _line(glyph: str, tone: str) -> Callable[..., Html]:
    parts = (
        el("span", glyph, class_="ak-glyph"),
        " ",
        el("span", HOLE, class_="ak-bar"),
        " ",
        el("span", HOLE, class_="ak-side"),
    )
    return shape(el("div", *parts, class_=f"ak-line ak-{tone}" if tone else "ak-line"))


def sub(*content: Child) -> Html | None:
    """Draw what belongs to the lines of a box and stands below them; None where there is none."""
    shown = [part for part in content if part is not None]
    return _SUB(*shown) if shown else None


def away(words: str) -> Html:
    """Write words that a style sheet makes unnecessary."""
    return _AWAY(words)


@lru_cache(256)
def sign(word: str) -> Html:
    """Draw a status as its mark alone, with the word for those who do not see it."""
    icon, tone = mark(word)
    if word == "ok":
        return el("span", icon, class_=f"ak-status ak-{tone}", title=word)
    shown = word if len(word) <= 60 else f"{word[:60]}…"
    return el(
        "span",
        el("span", icon, aria_hidden="true"),
        " ",
        el("small", shown, class_="ak-away"),
        class_=f"ak-status ak-{tone}",
    )

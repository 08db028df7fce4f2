"""JSON as a tree: what fits stays on one line, the rest folds, and a closed fold says what it
holds.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from agentkit.show.html import Child, Html, el, element, fragment
from agentkit.show.render.content.colours import KEY
from agentkit.show.render.content.images import image_of
from agentkit.show.render.content.json_text import Digits, Members, leaf_text, line, read_json, size
from agentkit.show.render.content.records_table import columns_of, records_table
from agentkit.show.render.content.white_space import around
from agentkit.types.words import count

LINE = 90
"""Characters of a value that stays on one line."""
_ITEMS = 100
"""Items of one level."""
_LOOKS = 20
"""Folds of so many items, one in the other."""
_OPEN = 24
"""Lines that are there without a click."""
_DEPTH = 40
_TEXT = 300
"""Characters of a text that stands among the lines."""
_ROWS = 4
"""Lines of a text that is shown line by line."""
_CHARACTERS = 20
"""Characters of room that a line stands for."""
_TWICE = 4_000
"""Characters of records that are drawn as a tree too."""
_LINES = element("pre", class_="ak-data")
_WRITTEN = element("pre", class_="ak-data ak-literal", dir="auto")
_HINT = element("small")
_NAME = re.compile(r"[A-Za-z_$][\w$-]{0,80}", re.ASCII)
_MARK = element("span", class_="ak-x")


@lru_cache(1024)
def on_a_line(text: str) -> Html | None:
    """Draw a short JSON text that stays on one line, as arguments and results do again and again,
    and what white space is around it; None where it is no such text.
    """
    value = read_json(text)
    if value is None or size(value, LINE) > LINE:
        return None
    return fragment(_LINES(line(value)), around(text))


class JsonTree:
    """One drawing of a value: it knows how many lines and characters it may still show.

    Args:
        room: characters of texts.
    """

    def __init__(self, room: int) -> None:
        self._room = room
        self._lines = max(room // _CHARACTERS, _OPEN)
        self._open = _OPEN
        self.is_cut = False
        """Whether there is more of the value than it shows."""

    def drawn(self, value: Any) -> Html:
        """Draw the value: on a line, as a table, or as a tree."""
        if size(value, LINE) <= LINE:
            return _LINES(line(value))
        return el("div", self._inside(value, 0), class_="ak-json")

    def _inside(self, value: Any, depth: int) -> Child:
        names = columns_of(value)
        if names is None:
            return self._level(value, depth)
        table = records_table(value, names)
        if size(value, _TWICE) > _TWICE:
            return table
        tree = el("summary", "as a tree"), self._level(value, depth)
        return [table, el("details", *tree, class_="ak-tree")]

    def _level(self, value: Any, depth: int, start: int = 0) -> list[Child]:
        """Draw the items of a container: those of a line together, each other behind a fold."""
        parts: list[Child] = []
        lines: list[Child] = []
        room, shown = LINE - 2 * depth, start
        for item in value[start : start + _ITEMS]:
            if not self._lines or self._room <= 0:
                break
            self._lines -= 1
            self._open -= 1
            label, inner = _label(value, shown, item)
            shown += 1
            folded = self._folded(label, inner, depth, room)
            if folded is None:
                length = size(inner, room)
                self._room -= length
                self.is_cut |= isinstance(inner, list) and length > room
                lines += ["\n" if lines else None, *label, _short(inner, room)]
                continue
            parts += [_LINES(*lines)] if lines else []
            parts.append(folded)
            lines = []
        parts += [_LINES(*lines)] if lines else []
        return [*parts, self._more(value, depth, start, shown)]

    def _more(self, value: Any, depth: int, start: int, shown: int) -> Html | None:
        """Put the items that are too many for one look behind a fold."""
        left = len(value) - shown
        if shown < start + _ITEMS or not left or shown >= _ITEMS * _LOOKS:
            return self._rest(left, "item")
        title = el("summary", count(left, "more item"))
        return el("details", title, self._level(value, depth, shown))

    def _folded(self, label: list[Child], value: Any, depth: int, room: int) -> Html | None:
        """Draw what is too long for a line: a container, a text, an image."""
        length = size(value, room)
        if image := image_of(dict(value) if isinstance(value, Members) else value):
            return el("div", el("code", label), image)
        rows = value.count("\n") + 1 if isinstance(value, str) else 1
        if length <= room and rows < _ROWS:
            return None
        if isinstance(value, list) and depth < _DEPTH:
            return self._fold(label, _contents(value), self._inside(value, depth + 1), len(value))
        if isinstance(value, str) and not isinstance(value, Digits):
            if len(value) <= _TEXT and rows < _ROWS:
                return None
            shown = value[: max(self._room, 0)]
            self._room -= len(shown)
            inside = [_WRITTEN(shown), self._rest(len(value) - len(shown), "character")]
            return self._fold(label, _length(value, rows), inside, max(rows, len(value) // LINE))
        return None

    def _fold(self, label: list[Child], hint: Html, inside: Child, lines: int) -> Html:
        is_open = "" if lines <= self._open else None
        return el("details", el("summary", el("code", label), hint), inside, open=is_open)

    def _rest(self, number: int, thing: str) -> Html | None:
        if not number:
            return None
        self.is_cut = True
        return el("p", "… ", count(number, f"more {thing}"), " ", class_="ak-note")


def _length(value: str, rows: int) -> Html:
    """Say how long a text is."""
    lines = [count(rows, "line")] if rows > 1 else []
    return _HINT(", ".join([*lines, count(len(value), "character")]))


def _label(value: Any, place: int, item: Any) -> tuple[list[Child], Any]:
    if isinstance(value, Members):
        return [KEY(_bare(item[0])), ": "], item[1]
    return [_MARK(str(place)), " "], item


def _bare(name: str) -> str:
    """Write a name without quotes where nothing can be mistaken."""
    return name if _NAME.fullmatch(name) else leaf_text(name)


def _short(value: Any, room: int) -> Child:
    """Draw what stands on a line; of a container that is too deep only what it holds."""
    if isinstance(value, list) and size(value, room) > room:
        return _contents(value)
    return line(value)


def _contents(value: Any) -> Html:
    """Say what a closed container holds."""
    if not isinstance(value, Members):
        return _HINT(f"[ {count(len(value), 'item')} ]")
    names = [_bare(name if len(name) <= 24 else f"{name[:24]}…") for name, _ in value[:3]]
    rest = [f"{len(value) - 3:,} more"] if len(value) > 3 else []
    return _HINT(f"{{ {', '.join([*names, *rest])} }}")

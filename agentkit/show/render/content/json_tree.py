"""JSON as a tree: what fits stays on one line, the rest folds, and a closed fold says what it
holds.
"""

from __future__ import annotations

import re
from typing import Any

from agentkit.show.html import Child, Html, el, element
from agentkit.show.render.content.colours import KEY
from agentkit.show.render.content.json_text import Members, leaf_text, line, size
from agentkit.types.words import count

LINE = 90
"""Characters of a value that stays on one line."""
_ITEMS = 100
"""Items of one level."""
_OPEN = 24
"""Lines that are there without a click."""
_DEPTH = 40
_LINES = element("pre", class_="ak-data")
_HINT = element("small")
_NAME = re.compile(r"[A-Za-z_$][\w$-]{0,80}", re.ASCII)
_MARK = element("span", class_="ak-x")


class JsonTree:
    """One drawing of a value: it knows how many lines it may still show."""

    def __init__(self, lines: int) -> None:
        self._left = lines
        self._open = _OPEN

    def drawn(self, value: Any) -> Html:
        """Draw the value."""
        if size(value, LINE) <= LINE:
            return _LINES(line(value))
        return el("div", self._level(value, 0), class_="ak-json")

    def _level(self, value: Any, depth: int) -> list[Child]:
        """Draw the items of a container: those of a line together, each other behind a fold."""
        parts: list[Child] = []
        lines: list[Child] = []
        room, shown = LINE - 2 * depth, 0
        for item in value[:_ITEMS]:
            if not self._left:
                break
            self._left -= 1
            self._open -= 1
            label, inner = _label(value, shown, item)
            shown += 1
            if size(inner, room) <= room or not isinstance(inner, list) or depth >= _DEPTH:
                lines += ["\n" if lines else None, *label, _short(inner, room)]
                continue
            parts += [_LINES(*lines)] if lines else []
            parts.append(self._fold(label, inner, depth))
            lines = []
        parts += [_LINES(*lines)] if lines else []
        rest = len(value) - shown
        return [*parts, _HINT("… ", count(rest, "more item")) if rest else None]

    def _fold(self, label: list[Child], value: Any, depth: int) -> Html:
        is_open = "" if len(value) <= self._open else None
        title = el("summary", el("code", label), _holding(value))
        return el("details", title, self._level(value, depth + 1), open=is_open)


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
        return _holding(value)
    return line(value)


def _holding(value: Any) -> Html:
    """Say what a closed container holds."""
    if not isinstance(value, Members):
        return _HINT(f"[ {count(len(value), 'item')} ]")
    names = [_bare(name if len(name) <= 24 else f"{name[:24]}…") for name, _ in value[:3]]
    rest = [f"{len(value) - 3:,} more"] if len(value) > 3 else []
    return _HINT(f"{{ {', '.join([*names, *rest])} }}")

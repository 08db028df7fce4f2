"""What an edit changes, in short: of JSON the values that differ by their path, of a text the words
that do.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from agentkit.show.html import Child, Html, el, element, fragment
from agentkit.show.render.content.white_space import with_marks
from agentkit.show.render.content.word_diff import word_pieces
from agentkit.show.render.parts.block import note

_DEL, _INS = element("del"), element("ins")
_AROUND = 40
"""Characters of what stays that are shown beside what changes."""
_MOST = 100_000
"""Characters of both texts beyond which only their common start and end are found."""
_ROOM = 400
"""Characters of what went and what came in texts that long."""
_SHOWN = 30
"""Values of JSON that are listed at most."""


def changed_text(old: str, new: str) -> Html | None:
    """Draw what differs; None where nothing does."""
    if old == new:
        return None
    if len(old) + len(new) > _MOST:
        return _by_ends(old, new)
    was, now = _read(old), _read(new)
    if was is None or now is None:
        return _by_word(old, new)
    try:
        found = list(_differences("", was[0], now[0]))
    except RecursionError:  # as deep as JSON can be read, and no deeper
        return _by_word(old, new)
    if not found:
        return None
    parts: list[Child] = []
    for path, gone, come in found[:_SHOWN]:
        parts += [" · "] if parts else []
        parts += [f"{path}: " if path else ""]
        parts += [_DEL(gone)] if gone is not None else []
        parts += [" "] if gone is not None and come is not None else []
        parts += [_INS(come)] if come is not None else []
    more = note(f"… {len(found) - _SHOWN} more") if len(found) > _SHOWN else None
    return fragment(el("code", parts), more)


def _read(text: str) -> tuple[Any] | None:
    """Read a text as an object or a list of JSON, in a tuple of one; None where it is neither."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return (value,) if isinstance(value, (dict, list)) else None


def _differences(path: str, was: Any, now: Any) -> Iterator[tuple[str, str | None, str | None]]:
    if was == now and type(was) is type(now):
        return
    if isinstance(was, dict) and isinstance(now, dict):
        for name in [*was, *(name for name in now if name not in was)]:
            place = f"{path}.{name}" if path else name
            yield from _item(place, was.get(name, _NONE), now.get(name, _NONE))
    elif isinstance(was, list) and isinstance(now, list):
        for i in range(max(len(was), len(now))):
            one, two = (values[i] if i < len(values) else _NONE for values in (was, now))
            yield from _item(f"{path}[{i}]", one, two)
    else:
        yield path, _brief(was), _brief(now)


_NONE: Any = object()


def _item(path: str, was: Any, now: Any) -> Iterator[tuple[str, str | None, str | None]]:
    if was is _NONE or now is _NONE:
        yield path, None if was is _NONE else _brief(was), None if now is _NONE else _brief(now)
    else:
        yield from _differences(path, was, now)


def _brief(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 120 else f"{text[:119]}…"


def _by_word(old: str, new: str) -> Html:
    parts: list[Child] = []
    for piece in word_pieces(old, new):
        if not piece.differs:
            parts.append(_kept(piece.left))
            continue
        for mark, text in ((_DEL, piece.left), (_INS, piece.right)):
            parts += [mark(text if text.strip() else with_marks(text))] if text else []
    return el("code", parts, class_="ak-said")


def _by_ends(old: str, new: str) -> Html:
    """Draw what lies between the common start and the common end, in no time."""
    start = _alike(old, new)
    end = _alike(old[start:][::-1], new[start:][::-1])
    was, now = old[start : len(old) - end], new[start : len(new) - end]
    return el(
        "code",
        _kept(old[:start]),
        _DEL(with_marks(_begin(was))) if was else None,
        _INS(with_marks(_begin(now))) if now else None,
        _kept(old[len(old) - end :]),
    )


def _alike(one: str, two: str) -> int:
    """Count the characters with which both texts begin."""
    low, high = 0, min(len(one), len(two))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == two[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _begin(text: str) -> str:
    rest = len(text) - _ROOM
    return text if rest <= 0 else f"{text[:_ROOM]} … {rest:,} more characters"


def _kept(text: str) -> str:
    """Leave out the middle of what stays, between words."""
    if len(text) <= 2 * _AROUND:
        return text
    before, after = text[:_AROUND], text[-_AROUND:]
    cut, go_on = before.rfind(" "), after.find(" ")
    return f"{before[:cut] if cut > 0 else before} … {after[go_on + 1 :]}"

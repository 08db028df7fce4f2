"""Two texts with what differs marked in both: struck out on the left, underlined on the right, not
by colour alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher

from agentkit.show.html import Child, Html, el
from agentkit.types.words import count

_WORD = re.compile(r"\s+|\w+|[^\w\s]")
_MOST = 3_000
"""Words of a text that are compared one by one; of a longer one only where it begins and ends to
differ.
"""
_AROUND = 160
"""Characters of an equal stretch that stay visible at each of its ends."""


def marked(left: str, right: str, limit: int, *, wholly: bool = True) -> tuple[Html, Html]:
    """Both texts as blocks, differing words marked, long equal stretches cut down to what is around
    a difference.

    Args:
        wholly: mark texts too that have no word in common.
    """
    pieces = list(_pieces(left[:limit], right[:limit]))
    if not wholly and not any(
        not differs and text.strip(' \n"{}[]():,.') for differs, text, _ in pieces
    ):
        pieces = [(False, left[:limit], right[:limit])]
    sides = []
    for side, tag, text in ((0, "del", left), (1, "ins", right)):
        shown = [
            _piece(texts[side], tag if differs else "", i, len(pieces))
            for i, (differs, *texts) in enumerate(pieces)
        ]
        rest = len(text) - limit
        sides.append(
            el(
                "pre",
                shown,
                f" … {count(rest, 'more character')}" if rest > 0 else None,
                class_="ak-prose",
                dir="auto",
            )
        )
    return sides[0], sides[1]


def _piece(text: str, tag: str, place: int, pieces: int) -> Child:
    if tag:
        return el(tag, text) if text else None
    if len(text) <= 3 * _AROUND:
        return text
    head, tail = (text[:_AROUND] if place else ""), (text[-_AROUND:] if place < pieces - 1 else "")
    return [
        head,
        el("small", f" … {count(len(text) - len(head) - len(tail), 'equal character')} … "),
        tail,
    ]


def _pieces(left: str, right: str) -> Iterator[tuple[bool, str, str]]:
    """Stretches of both texts in order: whether they differ, and the text of each side."""
    a, b = _WORD.findall(left), _WORD.findall(right)
    start = next(
        (i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b))
    )
    room = min(len(a), len(b)) - start
    end = next((i for i in range(room) if a[-1 - i] != b[-1 - i]), room)
    yield False, "".join(a[:start]), "".join(b[:start])
    yield from _middle(a[start : len(a) - end], b[start : len(b) - end])
    yield False, "".join(a[len(a) - end :]), "".join(b[len(b) - end :])


def _middle(a: list[str], b: list[str]) -> Iterator[tuple[bool, str, str]]:
    if max(len(a), len(b)) > _MOST:
        yield True, "".join(a), "".join(b)
        return
    for word, i, j, k, m in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        yield word != "equal", "".join(a[i:j]), "".join(b[k:m])

"""Two texts compared word by word: numbers and names stay whole, and white space that differs is
seen.

    word_diff("amount: 104", "amount: 99.5")
    # amount: <del>104</del>   amount: <ins>99.5</ins>
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple, TypeAlias

from agentkit.show.html import Child, Html, el, fragment
from agentkit.show.render.content.white_space import with_marks

_WORD = re.compile(
    r"(?<![\w.])[-−+]?\d+(?:[.,:_]\d+)*(?:[eE][-+]?\d+)?\w*|\w+(?:[-.]\w+)*|\n|[^\S\n]+|[^\w\s]"
)
_APART = 200
"""Changes within a stretch beyond which the whole of it is said to differ."""
Words: TypeAlias = "list[str]"


class Stretch(NamedTuple):
    """A stretch of both texts."""

    differs: bool
    left: str
    right: str


def word_diff(left: str, right: str) -> tuple[Html, Html]:
    """Draw both texts: what only the first has is `del`, what only the second has is `ins`."""
    pieces = word_pieces(left, right)
    return (
        fragment(*[_side("del", piece.differs, piece.left) for piece in pieces]),
        fragment(*[_side("ins", piece.differs, piece.right) for piece in pieces]),
    )


def one_text_diff(left: str, right: str) -> Html:
    """Draw both texts as one: what went, and after it what came."""
    return fragment(
        *[
            [_side("del", True, piece.left), _side("ins", True, piece.right)]
            if piece.differs
            else piece.left
            for piece in word_pieces(left, right)
        ]
    )


def word_pieces(left: str, right: str) -> list[Stretch]:
    """Part both texts into stretches that are equal and stretches that differ, in time linear in
    their length.
    """
    a, b = _WORD.findall(left), _WORD.findall(right)
    return _smooth([*_anchored(a, b)])


def _side(tag: str, differs: bool, text: str) -> Child:
    if not differs:
        return text
    return el(tag, with_marks(text)) if text else None


def _anchored(a: Words, b: Words) -> Iterator[Stretch]:
    """Compare what lies between words that both texts have once, in the same order."""
    i = k = 0
    for j, m in [*_anchors(a, b), (len(a), len(b))]:
        yield from _between(a[i:j], b[k:m])
        if j < len(a):
            yield Stretch(False, a[j], b[m])
        i, k = j + 1, m + 1


def _anchors(a: Words, b: Words) -> list[tuple[int, int]]:
    """Find the longest row of words that both texts have once."""
    once_a, once_b = Counter(a), Counter(b)
    places = {word: k for k, word in enumerate(b) if once_b[word] == 1}
    pairs = [(i, places[w]) for i, w in enumerate(a) if once_a[w] == 1 and w in places]
    ends: list[int] = []
    tops: list[int] = []
    before = [-1] * len(pairs)
    for n, (_, k) in enumerate(pairs):
        at = bisect_left(ends, k)
        before[n] = tops[at - 1] if at else -1
        ends[at : at + 1] = [k]
        tops[at : at + 1] = [n]
    row: list[tuple[int, int]] = []
    n = tops[-1] if tops else -1
    while n >= 0:
        row.append(pairs[n])
        n = before[n]
    return row[::-1]


def _between(a: Words, b: Words) -> Iterator[Stretch]:
    """Compare two stretches: their common start and end, and what is left."""
    start = 0
    while start < min(len(a), len(b)) and a[start] == b[start]:
        start += 1
    end, room = 0, min(len(a), len(b)) - start
    while end < room and a[-1 - end] == b[-1 - end]:
        end += 1
    yield from _joined(False, a[:start], b[:start])
    yield from _fewest(a[start : len(a) - end], b[start : len(b) - end])
    yield from _joined(False, a[len(a) - end :], b[len(b) - end :])


def _joined(differs: bool, a: Words, b: Words) -> Iterator[Stretch]:
    if a or b:
        yield Stretch(differs, "".join(a), "".join(b))


def _fewest(a: Words, b: Words) -> Iterator[Stretch]:
    """Find the fewest changes by the algorithm of Myers, as far as they are few."""
    trace = _trace(a, b) if a and b else None
    if trace is None:
        yield from _joined(True, a, b)
        return
    x, y = len(a), len(b)
    found: list[Stretch] = []
    for changes in range(len(trace) - 1, -1, -1):
        ends, k = trace[changes], x - y
        if changes and (k == -changes or (k != changes and ends[k - 1] < ends[k + 1])):
            was_x, was_y = ends[k + 1], ends[k + 1] - k - 1
        elif changes:
            was_x, was_y = ends[k - 1], ends[k - 1] - k + 1
        else:
            was_x = was_y = 0
        while x > was_x and y > was_y:
            x, y = x - 1, y - 1
            found.append(Stretch(False, a[x], b[y]))
        if changes:
            found.append(Stretch(True, "".join(a[was_x:x]), "".join(b[was_y:y])))
        x, y = was_x, was_y
    yield from reversed(found)


def _trace(a: Words, b: Words) -> list[dict[int, int]] | None:
    """Note for each number of changes how far one gets on each diagonal; None beyond `_APART`."""
    ends = {1: 0}
    trace: list[dict[int, int]] = []
    for changes in range(min(_APART, len(a) + len(b)) + 1):
        trace.append(ends.copy())
        for k in range(-changes, changes + 1, 2):
            down = k == -changes or (k != changes and ends[k - 1] < ends[k + 1])
            x = ends[k + 1] if down else ends[k - 1] + 1
            while x < len(a) and x - k < len(b) and a[x] == b[x - k]:
                x += 1
            ends[k] = x
            if x >= len(a) and x - k >= len(b):
                return trace
    return None


def _smooth(pieces: list[Stretch]) -> list[Stretch]:
    """Join stretches of a kind; signs between two that differ belong to them."""
    found = _by_kind(pieces)
    for n, piece in enumerate(found[1:-1], 1):
        if not piece.differs and not re.search(r"[\w\n]", piece.left):
            found[n] = piece._replace(differs=True)
    return _by_kind(found)


def _by_kind(pieces: list[Stretch]) -> list[Stretch]:
    return [
        Stretch(differs, "".join([p.left for p in group]), "".join([p.right for p in group]))
        for differs, group in (
            (differs, list(of_kind)) for differs, of_kind in groupby(pieces, lambda p: p.differs)
        )
    ]

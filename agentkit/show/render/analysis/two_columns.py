"""Two sides beside each other: a table with a named column each, what differs marked by word, what
is the same said once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from agentkit.show.html import Child, Html, el, element
from agentkit.show.render.content.white_space import with_marks
from agentkit.show.render.content.word_diff import Stretch, word_pieces
from agentkit.show.render.limits import Limits
from agentkit.show.render.parts.block import fold, note
from agentkit.show.render.parts.pretty import verbatim
from agentkit.types.words import count

ABSENT = element("small", class_="ak-absent")("absent")
"""What stands for a value that a side has not."""
_AROUND = 160
"""Characters of an equal stretch that stay visible at each of its ends."""
_ALIKE = 0.3
"""Texts that share less of their words are marked as a whole."""
_SHORT = 40
"""Characters up to which a text is marked word by word, whatever it shares."""
_BRIEF = 400
"""Characters of a side in plain text."""
_SAME = 240
"""Characters of a text that both sides have which show without a click."""


class Line(NamedTuple):
    """A part of two rollouts, as a row of the table."""

    label: str
    left: Any
    right: Any
    kind: str = "prose"
    """`prose`, `data` for what is on the wire, or `thought`."""
    plain: bool = False
    """Whether the cells are drawn already, and nothing in them is marked."""


def table(names: Sequence[str], rows: Iterable[Html], key: str) -> Html:
    """Draw the rows below the names of the two columns."""
    head = el("tr", el("td"), [el("th", el("code", name), scope="col") for name in names])
    return el(
        "table",
        el("thead", head),
        el("tbody", list(rows)),
        class_="ak-beside",
        data_key=key,
    )


def line_row(line: Line, names: Sequence[str], limits: Limits) -> Html:
    """Draw a part: a cell each, or one over both where they say the same."""
    if not line.plain and line.left == line.right:
        both = el("td", _same_text(line, limits), class_="ak-both", colspan=2)
        return el("tr", el("th", line.label, scope="row"), both)
    cells = (
        (line.left, line.right)
        if line.plain
        else marked_sides(line.left, line.right, limits, line.kind)
    )
    return el(
        "tr",
        el("th", line.label, scope="row"),
        [
            el("td", el("small", name, class_="ak-who", aria_hidden="true"), cell)
            for name, cell in zip(names, cells, strict=True)
        ],
        class_=None if line.plain else "ak-apart",
    )


def same_row(title: Child, *inside: Child) -> Html:
    """Draw what both sides share as one folded row."""
    content = fold(title, *inside) if inside else note(title)
    return el("tr", el("td", content, colspan=3), class_="ak-alike")


def turn_row(title: str, *facts: Child, kind: str | None = None) -> Html:
    """Draw the row with which a turn begins."""
    cells = [el("td", el("small", fact)) for fact in facts]
    return el("tr", el("th", title, scope="row"), cells, class_=f"ak-begins {kind or ''}".strip())


def text_line(line: Line, limits: Limits) -> Html:
    """Draw a part for plain text: two lines below its name."""
    cells = (
        (line.left, line.right)
        if line.plain
        else marked_sides(line.left, line.right, limits, line.kind)
    )
    sides = [el("div", cell, class_="ak-side") for cell in cells]
    return el("div", el("small", line.label), el("div", sides, class_="ak-two"))


def _same_text(line: Line, limits: Limits) -> Child:
    text = verbatim(line.left)[: limits.text]
    whole = el("pre", text, class_=f"ak-{line.kind}", dir="auto")
    if len(text) <= _SAME:
        return whole
    return fold([text[:_SAME].partition("\n")[0], "…"], whole)


def marked_sides(before: Any, after: Any, limits: Limits, kind: str = "prose") -> list[Html]:
    """Draw two values as blocks, what differs marked; a value that is not there in a word."""
    texts = ["" if value is None else verbatim(value) for value in (before, after)]
    blocks = marked(texts[0], texts[1], room(limits), kind=kind)
    return [
        ABSENT if value is None else block
        for value, block in zip((before, after), blocks, strict=True)
    ]


def room(limits: Limits) -> int:
    """Return how many characters of a side are shown."""
    return limits.text if limits.details else min(limits.text, _BRIEF)


def marked(
    left: str, right: str, limit: int, *, wholly: bool = True, kind: str = "prose"
) -> tuple[Html, Html]:
    """Draw both texts as blocks, differing words marked, long equal stretches cut down to what is
    around a difference.

    Args:
        left: a text.
        right: the other one.
        limit: characters of each that are shown.
        wholly: mark texts too that have no word in common.
        kind: `prose`, `data` or `thought`.
    """
    pieces = pieces_of(left[:limit], right[:limit])
    if not wholly and not any(
        not differs and text.strip(' \n"{}[]():,.') for differs, text, _ in pieces
    ):
        pieces = [Stretch(False, left[:limit], right[:limit])]
    sides = []
    for side, tag, text in ((0, "del", left), (1, "ins", right)):
        shown = [
            _piece(texts[side], tag if differs else "", i, len(pieces))
            for i, (differs, *texts) in enumerate(pieces)
        ]
        rest = len(text) - limit
        more = f" … {count(rest, 'more character')}" if rest > 0 else None
        sides.append(el("pre", shown, more, class_=f"ak-{kind}", dir="auto"))
    return sides[0], sides[1]


def inline(before: Any, after: Any) -> Html:
    """Draw two short values on a line, the old one struck out."""
    texts = [None if value is None else verbatim(value) for value in (before, after)]
    tags = zip(texts, ("del", "ins"), strict=True)
    cells = [ABSENT if text is None else el(tag, text) for text, tag in tags]
    return el("span", cells[0], " → ", cells[1])


def _piece(text: str, tag: str, place: int, pieces: int) -> Child:
    if tag:
        return el(tag, with_marks(text)) if text else None
    if len(text) <= 3 * _AROUND:
        return text
    head, tail = (text[:_AROUND] if place else ""), (text[-_AROUND:] if place < pieces - 1 else "")
    return [
        head,
        el("small", f" … {count(len(text) - len(head) - len(tail), 'equal character')} … "),
        tail,
    ]


def pieces_of(left: str, right: str) -> list[Stretch]:
    """Part both texts into stretches that are equal and that differ, in order; two texts with
    little in common differ as a whole.
    """
    pieces = word_pieces(left, right)
    same = sum(len(piece.left.strip()) for piece in pieces if not piece.differs)
    shorter = min(len(left), len(right))
    if shorter > _SHORT and same < _ALIKE * shorter:
        return [Stretch(True, left, right)]
    return pieces

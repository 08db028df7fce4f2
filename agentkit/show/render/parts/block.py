"""The few shapes every view is made of: a row with a label, a text, a fold, a status, a line of
facts.

Text from a model, a tool or a server always stands in a `pre` or a `code`. There its spaces and
lines survive without any CSS, and the notebook's mathematics, which reads dollar signs everywhere
else, lets it be.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from itertools import chain

from agentkit.show.html import HOLE, Child, Html, el, element, fragment, shape
from agentkit.show.render.content.json_text import read_json
from agentkit.show.render.content.json_tree import LINE, JsonTree, on_a_line
from agentkit.show.render.content.markdown import Block, blocks
from agentkit.show.render.content.white_space import around
from agentkit.show.render.limits import Limits
from agentkit.show.render.parts.words import mark
from agentkit.types.words import count

FOLD = 1_200
"""Characters of a text that show without a click."""
FOLD_PROSE = 4_000
"""The same for what a person or the model said."""
_DOT = " · "
_LABEL, _BODY, _WIRE = (
    element("dt", class_="ak-label"),
    element("dd", class_="ak-body"),
    element("dd", class_="ak-wire"),
)
_BAR, _FACTS = (
    element("div", between=" ", class_="ak-bar"),
    element("small", between=_DOT, class_="ak-facts"),
)
_NOTE, CODE = element("p", class_="ak-note"), element("code", dir="auto")
_SAID = element("code", class_="ak-said", dir="auto")
_TEXT = {
    ("prose", False): element("pre", class_="ak-prose", dir="auto"),
    ("prose", True): element("pre", class_="ak-prose ak-wide", dir="auto"),
    ("data", False): element("pre", class_="ak-data"),
    ("data", True): element("pre", class_="ak-data ak-wide"),
}
_SHORT = 2 * LINE
"""Characters of a JSON text that may stay on a line."""
_LINE = 60
"""Characters of a line, so that many short lines take no more room than a long text."""


def row(key: str, kind: str, *cells: tuple[Child, Child], raw: Html | None = None) -> Html:
    """Draw one part of the conversation: who or what at the left, the content beside it, the raw
    record behind a click at the right.

    A description list, which a page that drops our CSS still sets apart and indents. `kind` is a
    class and never comes from a record.
    """
    make = _row(kind, len(cells), raw is not None)
    filled = chain.from_iterable(cells)
    return make(key, *filled) if raw is None else make(key, *filled, raw)


@cache
def _row(kind: str, cells: int, wire: bool) -> Callable[..., Html]:
    inside = [_LABEL(HOLE), _BODY(HOLE)] * cells
    return shape(
        el("dl", inside, _WIRE(HOLE) if wire else None, class_=f"ak-row ak-{kind}", data_key=HOLE)
    )


def bar(*children: Child) -> Html:
    """Put things on one line, as far as there is room."""
    return _BAR(*[child for child in children if child is not None])


def facts(*items: Child) -> Html | None:
    """Write small print, its items parted by dots; None for none."""
    shown = tuple(filter(None, items))
    if not shown:
        return None
    texts = [item for item in shown if type(item) is str]
    # a single text is looked through at once
    return _FACTS(_DOT.join(texts)) if len(texts) == len(shown) else _FACTS(*shown)


def code(text: str) -> Html:
    """Write a short text of a model or server within a line; the direction of its letters stays its
    own.
    """
    return CODE(short(text))


def short(text: str) -> str:
    """Cut a text to what a `CODE` holds: its start, and how much there is more."""
    return text if len(text) <= 300 else f"{text[:300]}… {count(len(text) - 300, 'more character')}"


def sentence(text: str) -> Html:
    """Write a sentence, the names in it that stand between backticks as code."""
    if "`" not in text:
        return _SAID(text)
    parts = text.split("`")
    if len(parts) % 2 == 0 or "" in parts[1::2]:
        return _SAID(text)
    return _SAID([CODE(part) if i % 2 else part for i, part in enumerate(parts)])


def status(word: str, problems: int = 0) -> Html:
    """Draw a status as icon and word; that of a rollout with problems is never green."""
    return _status(word, bool(problems))


@lru_cache(256)
def _status(word: str, troubled: bool) -> Html:
    icon, tone = mark(word, troubled)
    shown = word if len(word) <= 60 else f"{word[:60]}…"
    return el(
        "span", el("span", icon, aria_hidden="true"), " ", shown, class_=f"ak-status ak-{tone}"
    )


def fold(title: Child, *content: Child, kind: str = "fold") -> Html:
    """Put content behind one click; the browser gives it its keys."""
    return _fold(kind)(title, content[0] if len(content) == 1 else content)


@cache
def _fold(kind: str) -> Callable[..., Html]:
    return shape(el("details", el("summary", HOLE), HOLE, class_=f"ak-{kind}"))


def note(*content: Child) -> Html:
    return _NOTE(*content)


def excerpt(text: str, limit: int = 200) -> Html:
    """Write the start of a text on one line, and how much there is more."""
    rest = len(text) - limit
    more = f"… {count(rest, 'more character')}" if rest > 0 else ""
    return CODE(f"{text[:limit]}{more}")


def prose(text: str, limits: Limits, at: str) -> Html:
    """Draw a text of a person or the model: as Markdown, where it is any.

    What is drawn as Markdown says where the text as written is, for a button that copies it.
    """
    found = blocks(text[: limits.text]) if limits.details else None
    if found is None:
        return _block(text, limits, at, "prose", FOLD_PROSE)
    hidden = _hidden(len(text) - limits.text, at)
    return fragment(_marked(found, text[: limits.text], at), hidden, around(text))


def wording(text: str, limits: Limits, at: str) -> Html:
    """Draw what a server says: as it is written."""
    return _block(text, limits, at, "prose", FOLD_PROSE)


def _marked(found: list[Block], text: str, at: str) -> Html:
    """Put what Markdown came to into one box, its end behind a fold where it is long."""
    lines = text.count("\n", 0, _cut(text, FOLD_PROSE)) + 1
    first = sum(block.end <= lines for block in found) or 1
    shown, rest = ([block.html for block in part] for part in (found[:first], found[first:]))
    left = len("\n".join(text.split("\n")[found[first - 1].end :]))
    more = fold(count(left, "more character"), *rest) if rest else None
    return el("div", shown, more, class_="ak-md", dir="auto", data_source=at)


def data(text: str, limits: Limits, at: str) -> Html:
    """Draw JSON, or what a tool returned: JSON as a tree, anything else as it is."""
    short = on_a_line(text) if limits.details and len(text) <= _SHORT else None
    if short is not None:
        return short
    value = read_json(text) if limits.details else None
    if value is None:
        return _block(text, limits, at, "data", FOLD)
    tree, beside = JsonTree(limits.text), around(text)
    try:
        shown = tree.drawn(value)
    except RecursionError:
        return _block(text, limits, at, "data", FOLD)
    cut = None
    if tree.is_cut:
        cut = _hidden(len(text) - limits.text, at) or fold("as text", whole(text, limits, at))
    return fragment(shown, cut, beside) if beside or cut else shown


def whole(text: str, limits: Limits, at: str) -> Html:
    """Draw a text inside a fold: nothing of it is folded again."""
    return _block(text, limits, at, "data", limits.text)


def _block(text: str, limits: Limits, at: str, kind: str, room: int) -> Html:
    shown = text[: limits.text]
    end = _cut(shown, room) if limits.details else len(shown)
    first, rest, hidden = shown[:end], shown[end:], len(text) - len(shown)
    pre = _TEXT[kind, end > 100 or "\n" in first](first)
    beside = around(text) if limits.details else None
    if not rest and not hidden and not beside:
        return pre
    more = fold(count(len(rest), "more character"), _TEXT[kind, True](rest)) if rest else None
    return fragment(pre, more, _hidden(hidden, at), beside)


def _hidden(number: int, at: str) -> Html | None:
    """Say how much of a text is not there, and where it is."""
    if number <= 0:
        return None
    said = "… ", count(number, "more character"), " not shown; the whole is ", el("code", at)
    return el("small", said, class_="ak-note ak-more", data_more=at)


def _cut(text: str, room: int) -> int:
    """Find where to fold: after so many characters, or sooner where the lines are short; not for
    the sake of a few.
    """
    size, lines = len(text), max(12, room // _LINE)
    if size <= lines or (size <= room and "\n" not in text):
        return size
    end = room
    if text.count("\n", 0, room) > lines:
        end = 0
        for _ in range(lines):
            end = text.index("\n", end) + 1
    few = size - end <= room // 4 and text.count("\n", end) <= lines // 4
    return size if few else end

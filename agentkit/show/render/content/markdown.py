"""Markdown as fragments of ours: every word of it goes in as text.

No link leads anywhere and no image loads: their addresses are words. What is not Markdown (`None`)
is shown as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from agentkit.show.html import Child, Html, el, element, fragment
from agentkit.show.render.content.colours import coloured
from agentkit.show.render.content.syntax import parser
from agentkit.types.record import clip
from agentkit.types.words import SHOWN, in_line, is_only

MOST = 40_000
"""Characters of a text that is read as Markdown; a longer one is shown as it is."""
_SIGNS = "*_`~#>|[<"
_SIGN, _NO_SIGN = re.compile(f"[{re.escape(_SIGNS)}]"), SHOWN.translate(None, _SIGNS.encode())
_BEGINS = r"(?: {0,3}(?:(?:[-+]|\d{1,9}[.)])[ \t]|(?:-{3,}|={2,})[ \t]*$)| {4}|\t)"  # of a block
_FIRST, _LATER = (re.compile(start + _BEGINS, re.MULTILINE) for start in ("", "\n"))
"""Each of them is found at a leap; one expression for all would look at every character."""
_PLAIN = {"text", "text_special", "softbreak", "hardbreak"}
_BREAK, _DOLLAR = el("br"), el("span", "$")
_CODE, _LITERAL = element("code", dir="auto"), element("pre", class_="ak-data ak-literal")
_LINK = element("span", class_="ak-link")
_OPEN = {
    "paragraph_open": element("p"),
    "blockquote_open": element("blockquote"),
    "bullet_list_open": element("ul"),
    "list_item_open": element("li"),
    "table_open": element("table"),
    "thead_open": element("thead"),
    "tbody_open": element("tbody"),
    "tr_open": element("tr"),
    "strong_open": element("strong"),
    "em_open": element("em"),
    "s_open": element("s"),
}
_HEADINGS = {f"h{n}": element(f"h{min(n + 2, 6)}") for n in range(1, 7)}
_CELLS = {
    (tag, align): element(tag, class_=kind)
    for tag in ("th", "td")
    for align, kind in (("", None), ("right", "ak-number"), ("center", "ak-mid"), ("left", None))
}


class Block(NamedTuple):
    """A block of the outermost level: a paragraph, a list, a table, …."""

    html: Html
    end: int
    """The line after its last."""


def blocks(text: str) -> list[Block] | None:
    """Read a text as Markdown; None where there is nothing in it but paragraphs, or it is too
    long.
    """
    if len(text) > MOST or not _has_signs(text):
        return None
    try:
        tokens = parser().parse(text)
    except RecursionError:
        return None
    if all(map(_is_plain, tokens)) or [token.type for token in tokens] == ["literal"]:
        return None
    found: list[Block] = []
    for html, end in _outermost(tokens):
        found.append(Block(html, end))
    return found


def headline(text: str, limit: int = 60) -> str:
    """Write the head of a text on one line of at most `limit` characters, as a drawing of it says
    it: without the marks of Markdown, an ellipsis in place of the rest.
    """
    begun = text[: 4 * limit]
    shown = clip(_words(begun), limit)
    cut = len(text) > len(begun) and not shown.endswith("…")
    return in_line(f"{shown[: limit - 1]}…" if cut else shown)


def _words(text: str) -> str:
    """Return what a drawing of a text says, each block on lines of its own."""
    if not _has_signs(text):
        return text
    try:
        tokens = parser().parse(text)
    except RecursionError:
        return text
    return "\n".join("".join(map(_letters, token.children or [token])) for token in tokens)


def _letters(token: Any) -> str:
    if token.type in ("softbreak", "hardbreak"):
        return "\n"
    return str(token.markup if token.type == "text_special" else token.content)


def _has_signs(text: str) -> bool:
    inline = not is_only(_NO_SIGN, text) and _SIGN.search(text)
    return bool(inline or _FIRST.match(text) or _LATER.search(text))


def _is_plain(token: Any) -> bool:
    if token.type == "inline":
        return all(child.type in _PLAIN for child in token.children)
    return token.type in ("paragraph_open", "paragraph_close")


def _outermost(tokens: Iterable[Any]) -> Iterable[tuple[Html, int]]:
    group: list[Any] = []
    depth = 0
    for token in tokens:
        group.append(token)
        depth += token.nesting
        if not depth:
            yield _drawn(group, _block), group[0].map[1]
            group = []


def _drawn(tokens: Sequence[Any], leaf: Callable[[Any], Child]) -> Html:
    """Draw tokens that open, close, or stand for themselves."""
    levels: list[list[Child]] = [[]]
    opened: list[Any] = []
    for token in tokens:
        if token.nesting > 0:
            opened.append(token)
            levels.append([])
        elif token.nesting < 0:
            inner = levels.pop()
            levels[-1].append(_closed(opened.pop(), inner))
        else:
            levels[-1].append(leaf(token))
    return fragment(*levels[0])


def _closed(token: Any, inner: list[Child]) -> Html:
    """Draw an element with what is in it."""
    if token.type == "paragraph_open" and token.hidden:  # of a list without empty lines
        return fragment(*inner)
    if token.type in _OPEN:
        return _OPEN[token.type](inner)
    if token.type == "heading_open":
        return _HEADINGS[token.tag](inner)
    if token.type == "ordered_list_open":
        return el("ol", inner, start=token.attrs.get("start"))
    if token.type in ("th_open", "td_open"):
        return _CELLS[token.tag, str(token.attrs.get("style", "")).rpartition(":")[2]](inner)
    return _link(fragment(*inner), str(token.attrs.get("href", "")))


def _block(token: Any) -> Child:
    match token.type:
        case "inline":
            return _drawn(token.children, _word)
        case "fence":
            language = token.info.split(maxsplit=1)[0] if token.info.strip() else ""
            named = el("small", language, class_="ak-lang") if language else None
            return fragment(named, _code(coloured(token.content.removesuffix("\n"), language)))
        case "code_block":
            return _code(token.content.removesuffix("\n"))
        case "literal":
            return _LITERAL(token.content.removesuffix("\n"))
    return el("hr")


_code = element("pre", class_="ak-data ak-code")


def _word(token: Any) -> Child:
    match token.type:
        case "text":
            return running_text(token.content)
        case "text_special":  # an escape, as it was written
            return running_text(token.markup)
        case "code_inline":
            return _CODE(token.content)
        case "softbreak" | "hardbreak":
            return _BREAK
    image = str(token.attrs.get("src", ""))
    return _link(fragment("image ", running_text(token.content)), image)


def running_text(text: str) -> Child:
    """Write running text. Dollar signs stand apart, so that no page takes what is between two of
    them for mathematics.
    """
    if "$" not in text:
        return text
    first, *rest = text.split("$")
    return [first, *([_DOLLAR, part] for part in rest)]


def _link(words: Html, address: str) -> Html:
    shown = address if len(address) <= 300 else f"{address[:300]}…"
    return words if words == shown else _LINK(words, " ", _CODE(shown))

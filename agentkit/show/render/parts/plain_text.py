"""Fragments as plain text: what a terminal and `text/plain` show of a thing, made of the same
markup as its page.

The order and the words are those of the page. A row is its label and what belongs to it, indented,
so that no text of a model can pass for a line of ours; what is side by side in a page is on one
line; a table is aligned; of two columns one line begins with `-` and the other with `+`. What is in
the markup is in the text: a drawing leaves out what only a page has room for where
`Limits.details` is false.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import zip_longest
from typing import TypeAlias

from agentkit.show.html import Html

_TOKEN = re.compile(r"<(/?)(\w+)([^>]*)>|([^<]+)")
_CLASS = re.compile(r' class="([^"]*)"')
_VOID = frozenset({"br", "hr", "col"})
_BLOCKS = frozenset({"section", "header", "div", "p", "pre", "ul", "dl", "details", "table", "svg"})
_COLUMNS = frozenset({"section", "header", "dd", "li", "details"})
"""Elements whose children are below each other, each on a line of its own."""
_NUMBER = re.compile(r"[-−<]?[\d,.]+(?:e[-+]?\d+)?(?: ?(?:%|m?s))?")
_SET_IN = frozenset({"ak-in", "ak-sub"})
_MARKS = {"del": ("[-", "-]"), "ins": ("{+", "+}")}
"""What is struck out and what is underlined, as `wdiff` writes it."""
_MERGE = {re.compile(f"{re.escape(b)}(\\s+){re.escape(a)}"): (a, b) for a, b in _MARKS.values()}
_ARROW = 8
"""Characters of `← result`: calls and results are aligned."""
_SHORT = 100
"""Characters of an item of a list that stays on one line."""


class Node:
    """An element of a page."""

    __slots__ = ("children", "classes", "tag")

    def __init__(self, tag: str, classes: frozenset[str]) -> None:
        self.tag = tag
        self.classes = classes
        self.children: list[Child] = []

    def parts(self, tag: str) -> list[Node]:
        """Return the children of this tag."""
        return [c for c in self.children if isinstance(c, Node) and c.tag == tag]


Child: TypeAlias = "str | Node"


def plain_text(parts: Iterable[Html]) -> str:
    """Write the fragments as plain text, each on lines of its own.

    A fragment that is a text and nothing else stays as it is. Calls without the turn they are set
    in below begin at the margin.
    """
    roots = [_parsed(part) for part in parts]
    if any(_is_text(root) for root in roots):
        return "\n".join([_verbatim(root) for root in roots])
    lines = [line.rstrip() for root in roots for line in _lines(root.children)]
    margin = min((len(line) - len(line.lstrip(" ")) for line in lines if line), default=0)
    return "\n".join([line[margin:] for line in lines])


def _is_text(root: Node) -> bool:
    return len(root.children) == 1 and getattr(root.children[0], "tag", "") == "pre"


def _parsed(markup: Html) -> Node:
    """Parse the markup into a tree; what `agentkit.show.html` makes closes every element it
    opens.
    """
    root = Node("root", frozenset())
    children = root.children
    path: list[list[Child]] = []
    for closing, tag, attributes, text in _TOKEN.findall(markup):
        if text:
            children.append(html.unescape(text) if "&" in text else text)
        elif closing:
            children = path.pop()
        elif tag in _VOID:
            children.append("\n" if tag == "br" else "")
        else:
            node = Node(tag, _classes(attributes))
            children.append(node)
            path.append(children)
            children = node.children
    return root


@lru_cache(1024)
def _classes(attributes: str) -> frozenset[str]:
    found = _CLASS.search(attributes)
    return frozenset(found[1].split()) if found else frozenset()


def _is_block(child: Child) -> bool:
    return isinstance(child, Node) and (child.tag in _BLOCKS or "ak-bar" in child.classes)


def _lines(children: Iterable[Child], column: bool = False, inside: bool = False) -> list[str]:
    """Write what follows each other as lines.

    Args:
        children: texts and elements.
        column: whether each element begins a line.
        inside: whether a text of several lines is set in after its first.
    """
    lines: list[str] = []
    words = ""
    for child in children:
        if isinstance(child, Node) and (column or _is_block(child)):
            lines += [words.strip()] if words.strip() else []
            words = ""
            lines += _block(child, inside)
        else:
            words += _words(child)
    return [*lines, words.strip()] if words.strip() else lines


def _block(node: Node, inside: bool) -> list[str]:
    """Write an element as lines."""
    match node.tag:
        case "pre":
            first, *rest = _merged(_verbatim(node)).strip("\n").split("\n")
            if inside and rest and "ak-data" in node.classes:
                return _indented([first, *rest], 2)
            return [first, *_indented(rest, 2 * inside)]
        case "dl":
            return _row(node)
        case "details":
            return _fold(node)
        case "table":
            return _table(node)
        case "ul":
            bullet = "" if "ak-problems" in node.classes else "- "
            return [line for item in node.parts("li") for line in _item(item, bullet)]
        case "p" if "ak-title" in node.classes:
            return _title(node)
        case "svg":
            return []
        case "header" if "ak-turn-head" in node.classes:
            return _title(node)
        case "div" if "ak-msg" in node.classes:
            return _message(node)
        case "div" if "ak-line" in node.classes:
            return _call_line(node)
        case "div" if "ak-reasoning" in node.classes:
            first, *rest = _lines(node.children[1:], column=True)
            return [f"{_words(node.children[0])}{first}", *rest]
        case "div" if not node.classes.isdisjoint(_SET_IN):
            return _indented(_lines(node.children, column=True), 4)
        case "section" | "div" if "ak-call" in node.classes:
            set_in = 2 if node.tag == "section" else 0
            return _indented(_lines(node.children, column=True), set_in)
        case "span" if "ak-bar" in node.classes:
            return _bar(node)
        case "div" if "ak-bar" in node.classes or "ak-span" in node.classes:
            return _bar(node)
        case "div" if "ak-two" in node.classes:
            return _sides(node)
        case tag if tag in _BLOCKS:
            lines = _lines(node.children, column=tag in _COLUMNS, inside=inside)
            return [*lines[:1], *_indented(lines[1:], 4)] if _has_title(node) else lines
    words = _words(node).strip()
    return [words] if words else []


def _has_title(node: Node) -> bool:
    """Tell whether what follows the first line of a section belongs to it."""
    first = node.children[0] if node.children else ""
    return "ak-part" in node.classes and isinstance(first, Node) and "ak-bar" in first.classes


def _words(child: Child) -> str:
    """Write a text within a line; its own line feeds are written out."""
    if isinstance(child, str):
        return child.replace("\n", "\\n") if "\n" in child else child
    if child.tag in _BLOCKS:
        return "  ".join(_block(child, inside=False))
    return "".join([_words(inner) for inner in child.children])


def _verbatim(node: Node) -> str:
    """Write a text as it is, what differs in it marked."""
    text = "".join([c if isinstance(c, str) else _verbatim(c) for c in node.children])
    if node.tag not in _MARKS or not (core := text.strip()):
        return text
    before, after = _MARKS[node.tag]
    return text.replace(core, f"{before}{core}{after}", 1)


def _merged(text: str) -> str:
    """Make marks that follow each other one, and leave them out where all of the text is marked."""
    for mark, (before, after) in _MERGE.items():
        if before in text:
            text = mark.sub(r"\1", text)
            if text.startswith(before) and text.find(after) == len(text) - len(after):
                return text[len(before) : -len(after)]
    return text


def _row(node: Node) -> list[str]:
    """Write labels, each with what belongs to it; a call and its result are set in below their
    turn.
    """
    call = "ak-call" in node.classes
    lines: list[str] = []
    for label, body in zip_longest(node.parts("dt"), node.parts("dd")):
        name = _words(label).strip() if label else ""
        first, *rest = (_lines(body.children, column=True, inside=True) if body else []) or [""]
        if call and name:
            name = f"{name:<{_ARROW}}  "
        elif name and first:
            name, first = f"{name}: ", first.removeprefix("  ")
        lines += [name + first, *_indented(rest, 4)]
    return _indented(lines, 2 * call)


def _message(node: Node) -> list[str]:
    """Write who, and what they say: its first line beside the name, the others set in."""
    who, what = [part for part in node.children if isinstance(part, Node)]
    name = _words(who).strip()
    first, *rest = _lines(what.children, column=True, inside=True) or [""]
    if name:
        name, first = (f"{name}: " if first else name), first.removeprefix("  ")
    return [name + first, *_indented(rest, 4)]


def _call_line(node: Node) -> list[str]:
    """Write a line of a call: its mark, what it says, and at its end what is known of it; a text of
    several lines is below.
    """
    glyph, what, side = [part for part in node.children if isinstance(part, Node)]
    first, *rest = _bar(what)
    known = " ".join(_words(side).split())
    return [
        "  ".join(filter(None, [f"{_words(glyph)} {first}".rstrip(), known])),
        *_indented(rest, 2),
    ]


def _problem(node: Node) -> list[str]:
    """Write a problem: mark, code and sentence on a line, its place on another where it is long."""
    sign, code, what = [part for part in node.children if isinstance(part, Node)]
    parts = [part for part in what.children if isinstance(part, Node)]
    said, *known = [line.strip() for part in parts for line in _lines([part], inside=True)] or [""]
    first = "  ".join([_words(sign).strip(), _words(code), said])
    line = "  ".join([first, *known])
    return [line] if len(line) <= _SHORT else [first, *_indented(known, 4)]


def _fold(node: Node) -> list[str]:
    """Write the title of a fold, and what is in it."""
    title = " ".join(_words(part).strip() for part in node.parts("summary"))
    inner = [c for c in node.children if isinstance(c, str) or c.tag != "summary"]
    lines = _lines(inner, column=True)
    if len(lines) == 1:
        return [f"{title}: {lines[0]}"]
    return [title, *_indented(lines, 2)]


def _item(node: Node, bullet: str) -> list[str]:
    """Write one of a list, on one line where it is short."""
    if "ak-problem" in node.classes:
        return _problem(node)
    below = any(isinstance(c, Node) and c.tag in _BLOCKS for c in node.children)
    lines = _lines(node.children, column=below, inside=True)
    line = "  ".join(lines)
    if len(line) <= _SHORT:
        return [f"{bullet}{line}"]
    return [f"{bullet}{lines[0]}", *_indented(lines[1:], 4)]


def _bar(node: Node) -> list[str]:
    """Write things beside each other; a text of several lines is below the rest, as in a page."""
    line: list[str] = []
    below: list[str] = []
    for child in node.children:
        if isinstance(child, Node) and _is_block(child):
            lines = _block(child, inside=False)
            line += lines if len(lines) == 1 else []
            below += lines if len(lines) > 1 else []
        else:
            line.append(_words(child).strip())
    line = [word for word in line if word]
    if len(line) > 1 and _is_name(node.children[0]):
        line[:2] = [f"{line[0].removesuffix(':')}: {line[1]}"]
    return ["  ".join(line), *_indented(below, 2)]


def _title(node: Node) -> list[str]:
    """Write a heading: a name, and what is to be known of it."""
    first, *rest = node.children or [""]
    name, words = _words(first), "".join(map(_words, rest))
    parted = ":" if _is_name(first) and words.startswith(" ") and name[-1:] != ":" else ""
    return [f"{name}{parted}{words}".strip()]


def _is_name(child: Child) -> bool:
    return isinstance(child, Node) and child.tag == "strong"


def _sides(node: Node) -> list[str]:
    """Write two columns below each other."""
    lines: list[str] = []
    for sign, side in zip("-+", node.parts("div"), strict=False):
        first, *rest = _lines(side.children, inside=True) or [""]
        lines += [f"{sign} {first}", *_indented(rest, 2)]
    return lines


def _table(node: Node) -> list[str]:
    """Write the caption, the names of the columns and the rows; numbers end below each other."""
    caption = [_words(part).strip() for part in node.parts("caption")]
    rows = [
        [_words(cell).strip() for cell in row.children]
        for part in (*node.parts("thead"), *node.parts("tbody"))
        for row in part.parts("tr")
    ]
    columns = list(zip(*rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    names = sum(len(part.parts("tr")) for part in node.parts("thead"))
    numbers = [any(c[names:]) and all(map(_is_number, c[names:])) for c in columns]
    lines = [
        "  ".join(
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(row, widths, numbers, strict=True)
        )
        for row in rows
    ]
    return caption + lines


def _is_number(cell: str) -> bool:
    return not cell or _NUMBER.fullmatch(cell) is not None


def _indented(lines: Iterable[str], by: int) -> list[str]:
    return [f"{' ' * by}{line}" for line in lines]

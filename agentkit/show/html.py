r"""HTML that is escaped by construction: model and tool output goes in as text and comes out as
text, whatever it holds.

The rules:
    An `Html` is made only by the functions of this module. A plain string given to them is text,
    always escaped; adding an `Html` to a string gives a plain string again, which would be escaped
    if it were used. Tags and attributes come from two short lists; there is no style, no script, no
    event handler. An image is made only by `picture`, out of its own bytes. A link is made only by
    `link`, from a file name or address that the user's own code gave. Characters that do something
    instead of showing something (controls, escapes of a terminal, bidi overrides, invisible ones,
    lone surrogates) are shown as what they are, `\u202e`, in a `<span class="ak-ctl">`.
"""

from __future__ import annotations

import html
import re
from base64 import b64decode
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, Self, TypeAlias
from urllib.parse import quote

from agentkit.errors import UsageError
from agentkit.types.words import DOUBTFUL, HIDDEN, SHOWN, is_only, visible, written_out


class Html(str):
    """Markup that is safe to show; a str, so that it can be written and joined, that no string
    turns into by accident.
    """

    __slots__ = ()

    def __new__(cls, *_: object) -> Self:
        raise TypeError("html is made by el, fragment and link, never from a string")


Child: TypeAlias = "str | int | Html | Iterable[Child] | None"
"""What an element may hold: text, a number, markup, nothing, or several of these."""

_TEXT_TAGS = """
    section article header div dl dt dd p strong small span em s code pre ul ol li blockquote
    h3 h4 h5 h6 hr br details summary del ins table caption colgroup col thead tbody tr th td
"""
TAGS = frozenset(_TEXT_TAGS.split())
_VOID = frozenset({"hr", "br", "col"})
"""Elements that hold nothing and are not closed."""
ATTRIBUTES = {
    "class_": "class",
    "title": "title",
    "dir": "dir",
    "open": "open",
    "aria_hidden": "aria-hidden",
    "data_key": "data-key",
    "data_turn": "data-turn",
    "data_call": "data-call",
    "data_more": "data-more",
    "data_source": "data-source",
    "scope": "scope",
    "colspan": "colspan",
    "start": "start",
}
"""Keyword to attribute name."""

SVG_TAGS = frozenset({"svg", "g", "rect", "circle", "path", "text", "title"})
"""A drawing: shapes and words, no reference to anything else."""
SVG_ATTRIBUTES = {
    "viewBox": "viewBox",
    "preserveAspectRatio": "preserveAspectRatio",
    "xmlns": "xmlns",
    "role": "role",
    "aria_label": "aria-label",
    "x": "x",
    "y": "y",
    "width": "width",
    "height": "height",
    "rx": "rx",
    "dx": "dx",
    "cx": "cx",
    "cy": "cy",
    "r": "r",
    "d": "d",
    "color": "color",
    "fill": "fill",
    "stroke": "stroke",
    "stroke_width": "stroke-width",
    "stroke_dasharray": "stroke-dasharray",
    "text_anchor": "text-anchor",
    "font_size": "font-size",
}

_NAMES = {**SVG_ATTRIBUTES, **ATTRIBUTES}

PICTURES = {
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/gif": (b"GIF87a", b"GIF89a"),
    "image/webp": (b"RIFF",),
}
"""Formats of pixels, and what their bytes begin with."""
MOST_OF_PICTURE = 400_000
"""Characters of the base64 of an image that is shown."""
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")

_BARE = SHOWN.translate(None, b"&<>")
"""Those that markup writes as themselves, in an element."""
_BARE_QUOTED = _BARE.translate(None, b"\"'")
"""The same in an attribute."""


_KEY = re.compile(r' data-(?:key|turn|call)="[^"]*"')


def escape(text: str) -> Html:
    """Write the text as markup that shows exactly that text."""
    return _new(Html, _escaped(text))


def el(tag: str, /, *children: Child, **attributes: str | int | None) -> Html:
    """Make an element. Children are escaped unless they are `Html`; an attribute whose value is
    None is left out.

    Raises:
        ValueError: the tag or an attribute is not on the list.
    """
    start, end = _tags(tag, attributes)
    inner = _pieces(children)
    if tag == "pre" and "".join(inner).startswith("\n"):
        start += "\n"  # a parser drops the first line feed of a pre
    return _new(Html, "".join((start, *inner, end)))


def pieces(tag: str, children: Iterable[Html], **attributes: str | int | None) -> tuple[Html, ...]:
    """Make an element that is put into another one at once: what is large is not copied twice. Only
    all of them together, in their order, are markup.

    Raises:
        ValueError: the tag or an attribute is not on the list.
    """
    start, end = _tags(tag, attributes)
    return _new(Html, start), *children, _new(Html, end)


def element(
    tag: str, /, *, between: str = "", **attributes: str | int | None
) -> Callable[..., Html]:
    """Make a function of the children, for an element that is made many times; `between` is a text
    that parts its children.

    Raises:
        ValueError: the tag or an attribute is not on the list.
    """
    start, end = _tags(tag, attributes)
    parting, pre = _escaped(between), tag == "pre"

    def make(*children: Child) -> Html:
        if len(children) == 1:
            only = children[0]
            inner: str = only if type(only) is Html else _child(only)
        else:
            inner = parting.join([c if type(c) is Html else _child(c) for c in children])
        if pre and inner.startswith("\n"):
            inner = f"\n{inner}"
        return _new(Html, f"{start}{inner}{end}")

    return make


def shape(markup: Html) -> Callable[..., Html]:
    """Make a function of what goes into the holes of the markup, in their order: elements within
    elements, made in one go.

    A `HOLE` is a child or the value of an attribute; a shape filled with holes is part of a larger
    one. No text can hold the character that it is made of, as `visible` writes that out.

    Raises:
        ValueError: a hole begins a `pre`, where a line feed would be lost.
    """
    if f"<pre>{HOLE}" in markup or re.search(f"<pre [^>]*>{HOLE}", markup):
        raise UsageError(
            "a pre is no part of a shape", hint="make it with `element` and put it in a hole"
        )
    parts: list[Any] = re.split(f"({HOLE}|{_QUOTED_HOLE})", markup)
    holes, quoted = [
        [i for i in range(len(parts) - 2, 0, -2) if parts[i] == hole]
        for hole in (HOLE, _QUOTED_HOLE)
    ]

    def make(*children: Child) -> Html:
        filled = parts.copy()
        filled[1::2] = children
        for i in quoted:
            filled[i] = _quoted(filled[i])
        for i in holes:  # from the last, so that those before it stay where they are
            child = filled[i]
            kind = type(child)
            if kind is tuple or kind is list:
                filled[i : i + 1] = _pieces(child)
            elif kind is not Html:
                filled[i] = _child(child)
        return _new(Html, "".join(filled))

    return make


def fragment(*children: Child) -> Html:
    """Put the children one after the other, without an element around them."""
    return _new(Html, _markup(children))


def without_keys(markup: Html) -> Html:
    """Take the keys out of markup that is set into a fragment: those are of what the page shows."""
    return _new(Html, _KEY.sub("", markup))


def joined(separator: str, children: Iterable[Child]) -> Html:
    """Put the children one after the other with the text between them."""
    return _new(Html, _escaped(separator).join([_child(child) for child in children]))


def picture(kind: str, encoded: str, words: str) -> Html | None:
    """Show an image from its own bytes; None where these are not what they are said to be, or too
    many.

    Args:
        kind: `image/png`, `image/jpeg`, `image/gif` or `image/webp`. No other format is shown: an
            SVG could hold a script.
        encoded: the bytes, in base64.
        words: what stands in its place where it cannot be seen.
    """
    signs = PICTURES.get(kind)
    if signs is None or len(encoded) > MOST_OF_PICTURE or not _BASE64.fullmatch(encoded):
        return None
    start = b64decode(encoded[:64])
    if not any(start.startswith(sign) for sign in signs) or (b"RIFF" in signs) != (
        start[8:12] == b"WEBP"
    ):
        return None
    source = f"data:{kind};base64,{encoded}"
    return _new(
        Html, f'<img class="ak-picture" alt="{html.escape(visible(words))}" src="{source}">'
    )


def link(target: str, *children: Child) -> Html:
    """Link to a relative file name or an http(s) address which the user's own code gave; never for
    what came from a model or tool.

    Raises:
        ValueError: an absolute path.
    """
    if re.match(r"https?://[^/]", target):
        address = quote(target, safe="/:?#[]@!$&'()*+,;=%~", errors="surrogatepass")
    elif target.startswith(("/", "\\")) or not target:
        raise UsageError(
            f"not a relative file name: {target!r}", hint="give it relative to the notebook"
        )
    else:
        address = quote(target, safe="/~", errors="surrogatepass")
    return _new(Html, f'<a href="{html.escape(address)}">{_markup(children or (target,))}</a>')


_new = str.__new__
HOLE = _new(Html, "\0")
"""Where something is put into a `shape`."""
_QUOTED_HOLE = "\1"


def _tags(tag: str, attributes: Mapping[str, str | int | None]) -> tuple[str, str]:
    if tag not in TAGS and tag not in SVG_TAGS:
        raise UsageError(f"no element {tag!r} in a view")
    start = f"<{tag}"
    for name, value in attributes.items():
        written = _NAMES.get(name)
        if written is None:
            raise UsageError(f"no attribute {name!r} in a view")
        if value is not None:
            start += f' {written}="{_quoted(value)}"'
    return f"{start}>", "" if tag in _VOID else f"</{tag}>"


def _markup(children: Iterable[Child]) -> str:
    return "".join(_pieces(children))


def _pieces(children: Iterable[Child]) -> list[str]:
    return [c if type(c) is Html else _child(c) for c in children if c is not None]


def _child(child: Any) -> str:
    """Write a `Child`. An exact type is found quicker than an instance, but narrows nothing."""
    kind = type(child)
    if kind is str:
        return _short(child) if len(child) <= _SHORT else _written_as_markup(child)
    if kind is Html:
        markup: str = child
        return markup
    if kind is int:
        return str(child)
    if child is None:
        return ""
    if kind is tuple or kind is list:
        return _markup(child)
    if isinstance(child, str):
        return (
            child if isinstance(child, Html) else _escaped(str.__str__(child))
        )  # a subclass could have methods of its own
    return str(child) if isinstance(child, int) else _markup(child)


def _escaped(text: str) -> str:
    return _short(text) if len(text) <= _SHORT else _written_as_markup(text)


def _written_as_markup(text: str) -> str:
    if text.isascii() and not text.encode().translate(None, _BARE):
        return text
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text if is_only(SHOWN, text) or not DOUBTFUL.search(text) else HIDDEN.sub(_marked, text)


_SHORT = 24
"""Characters of a text that may well come again: a number with its unit, a status, a name."""
_short = lru_cache(4096)(_written_as_markup)


def _quoted(value: Any) -> str:
    if value is HOLE:
        return _QUOTED_HOLE
    if type(value) is int:
        return str(value)
    text: str = value
    if type(value) is not str:  # a subclass could have methods of its own
        text = str.__str__(value) if isinstance(value, str) else str(value)
    bare = text.isascii() and not text.encode().translate(None, _BARE_QUOTED)
    return text if bare else html.escape(visible(text))


def _marked(match: re.Match[str]) -> str:
    return f'<span class="ak-ctl">{written_out(match)}</span>'


def without_secrets(markup: Html, redact: Callable[[str], str]) -> Html:
    """Take secrets out of markup; what stands in their place is a word that needs no escape.

    Args:
        markup: what is about to be shown.
        redact: knows the secrets; gives a text without any as it is.
    """
    clean = redact(markup)
    return markup if clean is markup else _new(Html, clean)

"""JSON as a text says it: numbers digit by digit, names in their order, as often as they come."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from agentkit.show.html import Html, escape, fragment
from agentkit.show.render.content.colours import KEY, LITERAL, NUMBER, STRING

MOST = 400_000
"""Characters of a text that is read as JSON; a longer one is shown as it is."""
_text = json.encoder.encode_basestring
_WORDS = {True: "true", False: "false", None: "null"}


class Digits(str):
    """A number, as it is written."""

    __slots__ = ()


class Members(list[tuple[str, Any]]):
    """The members of an object."""

    __slots__ = ()


def read_json(text: str) -> Any:
    """Read an object or a list; None where the text is no such thing."""
    if text.lstrip()[:1] not in ("{", "[") or len(text) > MOST:
        return None
    try:
        return _read(text)
    except (ValueError, RecursionError):
        return None


_read = json.JSONDecoder(
    parse_float=Digits,
    parse_int=Digits,
    parse_constant=Digits,
    object_pairs_hook=Members,
).decode


def size(value: Any, room: int) -> int:
    """Count the characters of a value on one line, no further than `room` allows."""
    if room <= 0:
        return 1
    if not isinstance(value, list):
        return len(leaf_text(value))
    spent = 2
    for item in value:
        if isinstance(value, Members):
            spent += len(item[0]) + 6 + size(item[1], room - spent)
        else:
            spent += 2 + size(item, room - spent)
        if spent > room:
            break
    return spent


def leaf_text(value: Any) -> str:
    """Write a text, a number or a word."""
    if isinstance(value, Digits):
        return str.__str__(value)
    return _text(value) if isinstance(value, str) else _WORDS[value]


@lru_cache(2048, typed=True)
def leaf(value: Any) -> Html:
    """Draw a text, a number or a word."""
    if isinstance(value, Digits):
        return NUMBER(str.__str__(value))
    return STRING(_text(value)) if isinstance(value, str) else LITERAL(_WORDS[value])


@lru_cache(2048)
def _name(name: str) -> Html:
    return fragment(KEY(_text(name)), ": ")


_COMMA, _OBJECT, _LIST = escape(", "), tuple(map(escape, "{}")), tuple(map(escape, "[]"))


def line(value: Any) -> Html:
    """Draw a value on one line; it is not deep, as it is short."""
    return fragment(*_parts(value)) if isinstance(value, list) else leaf(value)


def _parts(value: Any) -> list[Html]:
    if not isinstance(value, list):
        return [leaf(value)]
    named = isinstance(value, Members)
    left, right = _OBJECT if named else _LIST
    parts = [left]
    for item in value:
        if len(parts) > 1:
            parts.append(_COMMA)
        parts += [_name(item[0]), *_parts(item[1])] if named else _parts(item)
    return [*parts, right]

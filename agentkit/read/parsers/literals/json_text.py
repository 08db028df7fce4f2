"""JSON as models write it: the members of an object with their places, and what can be made out of
an object that is broken.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from json.decoder import JSONDecodeError, scanstring  # type: ignore[attr-defined]
from typing import Any, NamedTuple

from agentkit.read.calls.tolerant_json import relax
from agentkit.read.parsers.scanner import end_of

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\r\n]*+")
_OUTSIDE = r"[{}\[\]]|/\*(?:[^*/]|\*(?!/)|/(?!\*))*+\*/"
_UNQUOTED = re.compile(_OUTSIDE)
_STRUCTURE = re.compile(rf'"[^"\\]*+(?:\\.[^"\\]*+)*+("?+)|{_OUTSIDE}', re.DOTALL)
_NAME = re.compile(r'"(?:name|tool_name)"\s*+:\s*+"([^"\\]*+)"')
_KEY = re.compile(r'\{\s*+"([^"\\]*+)"\s*+:\s*+')
_ARGUMENTS = re.compile(r'"(?:arguments|parameters|args)"\s*+:\s*+')


class Member(NamedTuple):
    start: int
    """Where the value starts in the text."""
    end: int
    value: Any


class Object(NamedTuple):
    members: dict[str, Member]
    """By key; of a key given twice the last one."""
    end: int


def read_value(text: str, at: int) -> tuple[Any, int] | None:
    """Read the JSON value at this place and where it ends; None where there is none."""
    try:
        return _DECODER.raw_decode(text, end_of(_SPACE, text, at))
    except (ValueError, RecursionError):
        return None


def read_object(text: str, at: int) -> Object | None:
    """Read the JSON object whose `{` is at this place; None where it is not JSON."""
    members: dict[str, Member] = {}
    try:
        at = end_of(_SPACE, text, at + 1)
        while text[at] == '"':
            key, at = scanstring(text, at + 1, True)
            at = end_of(_SPACE, text, at)
            if text[at] != ":":
                return None
            start = end_of(_SPACE, text, at + 1)
            value, at = _DECODER.raw_decode(text, start)
            members[key] = Member(start, at, value)
            at = end_of(_SPACE, text, at)
            if text[at] == "}":
                return Object(members, at + 1)
            if text[at] != ",":
                return None
            at = end_of(_SPACE, text, at + 1)
        return Object(members, at + 1) if text[at] == "}" and not members else None
    except (ValueError, RecursionError, IndexError):
        return None


def balanced_end(text: str, at: int, limit: int = sys.maxsize) -> int | None:
    """Find where the bracket that opens at this place is closed again before the limit, strings and
    comments left out; None where it is not.

    Args:
        text: the text.
        at: where the bracket is.
        limit: where the search ends.
    """
    depth = 0
    for found in _structure(text, at, limit):
        char = found.group()
        if char in "{[":
            depth += 1
        elif char in "}]":
            depth -= 1
            if depth <= 0:
                return found.end()
    return None


def _structure(text: str, at: int, limit: int) -> Iterator[re.Match[str]]:
    """Find the brackets, strings and comments from a place on. A quote that none closes is no
    string, and then none behind it is closed either.
    """
    for found in _STRUCTURE.finditer(text, at, limit):
        if found[1] == "":
            yield from _UNQUOTED.finditer(text, found.start() + 1, limit)
            return
        yield found


class Salvage(NamedTuple):
    """What is known of a call whose JSON is broken."""

    name: str | None
    arguments: str
    """The text of the arguments, as far as it goes."""
    start: int
    """Where that text starts."""
    repairable: bool
    """Whether value-preserving rules make JSON of the whole object, so that only the arguments are
    in question.
    """


def salvage(text: str, keyed: bool = False) -> Salvage:
    """Find the name and the arguments' text of a broken object.

    Args:
        keyed: the name is the key of the arguments.
    """
    name = _KEY.match(text) if keyed else _NAME.search(text)
    found = name if keyed else _ARGUMENTS.search(text)
    start = found.end() if found else len(text)
    end = balanced_end(text, start) if text[start : start + 1] in ("{", "[") else None
    repairable = (
        found is not None
        and end is not None
        and balanced_end(text, 0) is not None
        and relax(text).found
    )
    return Salvage(name.group(1) if name else None, text[start:end], start, repairable)


_WORD_BEFORE = re.compile(r"(?P<name>[A-Za-z_][\w.\-]{0,127})(?::\d+)?[\s(]*\Z")


def inner_call(text: str) -> tuple[str | None, dict[str, Any]] | None:
    """Find the name and arguments of a call in the JSON object that a text holds, whether the
    object is a wrapper around them or the arguments themselves; None where there is none.
    """
    at = text.find("{")
    found = read_value(text, at) if at >= 0 else None
    if found is None or not isinstance(found[0], dict):
        return None
    value: dict[str, Any] = found[0]
    inner = unwrapped(value)
    if inner is not None:
        return inner
    before = _WORD_BEFORE.search(text, max(0, at - 200), at)
    return (before["name"].removeprefix("functions."), value) if before else None


def unwrapped(value: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """Return the name and arguments of a call that an object wraps; None where it wraps none."""
    held = value.get("function")
    value = held if isinstance(held, dict) else value
    name = value.get("name")
    inner = next((value[k] for k in ("arguments", "parameters", "args") if k in value), None)
    return (name, inner) if isinstance(name, str) and isinstance(inner, dict) else None


def error_at(text: str) -> tuple[str, int]:
    """Find what is wrong with a text that is no JSON, and where."""
    try:
        json.loads(text)
    except JSONDecodeError as exc:
        return exc.msg[:1].lower() + exc.msg[1:], exc.pos
    except (ValueError, RecursionError):
        return "it is nested too deeply", 0
    return "it is not an object", 0

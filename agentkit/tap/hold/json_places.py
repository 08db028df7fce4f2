"""Places in a JSON text: values are put into it, and every other byte stays as it is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from agentkit.dialects.json_body import encode_json

Path = tuple[str | int, ...]
Span = tuple[int, int]
_decode = json.JSONDecoder(strict=False).raw_decode


class _Gone:
    def __repr__(self) -> str:
        return "GONE"


GONE: Final = _Gone()
"""In place of a value: the member is taken out of its object."""


class Written(str):
    """A value that is JSON text already."""

    __slots__ = ()


class _Member(NamedTuple):
    name: str
    at: int
    """Where its name begins."""
    start: int
    """Where its value begins."""
    end: int


def json_text(value: Any) -> str:
    """Write a value as JSON that UTF-8 carries.

    Raises:
        UsageError: it is not JSON.
    """
    return value if isinstance(value, Written) else encode_json(value).decode()


def with_values(text: str, values: Mapping[Path, Any]) -> str:
    """Put values at places of a JSON text. A member that is not there is added at the end of its
    object, one that is set to GONE is taken out; a place in what is not there is passed over.

    Args:
        text: a JSON text.
        values: by path, which is of names of members and numbers of elements.

    Raises:
        ValueError: it is no JSON text.

    >>> with_values('{"a": [1, {"b":2}],  "c":3}', {("a", 1, "b"): "x", ("d",): True})
    '{"a": [1, {"b":"x"}],  "c":3,"d":true}'
    >>> with_values('{"a": 1, "b": 2}', {("b",): GONE})
    '{"a": 1}'
    """
    for path, value in values.items():
        edit = _edit(text, path, value)
        while edit is not None:
            start, end, put = edit
            text = f"{text[:start]}{put}{text[end:]}"
            edit = _edit(text, path, value) if value is GONE else None  # it may be there twice
    return text


def find_value(text: str, path: Path = ()) -> Span | None:
    """Find where the value at a path begins and ends; None where there is none. Of members of one
    name the last counts, as for most readers.

    Raises:
        ValueError: it is no JSON text.
    """
    at = _skip(text, 0)
    span = at, _decode(text, at)[1]
    for name in path:
        if isinstance(name, int):
            found = list(elements(text, span[0]))[name : name + 1]
        else:
            found = [(m.start, m.end) for m in _members(text, span[0]) if m.name == name]
        if not found:
            return None
        span = found[-1]
    return span


def elements(text: str, at: int) -> Iterator[Span]:
    """Walk the elements of the list that begins at a place: where each begins and ends.

    Raises:
        ValueError: it is no JSON text.
    """
    if text[at] != "[":
        return
    at = _skip(text, at + 1)
    while text[at] != "]":
        end = _decode(text, at)[1]
        yield at, end
        at = _next(text, end)


def _members(text: str, at: int) -> Iterator[_Member]:
    """Walk the members of the object that begins at a place."""
    if text[at] != "{":
        return
    at = _skip(text, at + 1)
    while text[at] != "}":
        name, after = _decode(text, at)
        start = _skip(text, _skip(text, after) + 1)  # behind the colon
        end = _decode(text, start)[1]
        yield _Member(name, at, start, end)
        at = _next(text, end)


def _edit(text: str, path: Path, value: Any) -> tuple[int, int, str] | None:
    """Say which span of the text is replaced by what; None where nothing is."""
    holder, name = find_value(text, path[:-1]), path[-1]
    if holder is None:
        return None
    at = holder[0]
    if isinstance(name, int):
        spans = list(elements(text, at))
        return (*spans[name], json_text(value)) if name < len(spans) else None
    if text[at] != "{":
        return None
    members = list(_members(text, at))
    place = next((i for i in reversed(range(len(members))) if members[i].name == name), None)
    if value is GONE:
        return None if place is None else (*_whole(members, place), "")
    if place is not None:
        return members[place].start, members[place].end, json_text(value)
    end = members[-1].end if members else at + 1
    return end, end, f"{',' if members else ''}{json.dumps(name)}:{json_text(value)}"


def _whole(members: list[_Member], place: int) -> Span:
    """Give the span of a member with the comma that goes with it."""
    if place:
        return members[place - 1].end, members[place].end
    return members[0].at, members[1].at if len(members) > 1 else members[0].end


def _next(text: str, at: int) -> int:
    """Go from the end of a value to the next one, or to the end of what holds them."""
    at = _skip(text, at)
    return _skip(text, at + 1) if text[at] == "," else at


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\n\r\ufeff":
        at += 1
    return at

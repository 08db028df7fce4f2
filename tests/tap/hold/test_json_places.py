"""Values put at places of a JSON text: what else is in it stays to the byte."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit.tap.hold.json_places import GONE, find_value, with_values

LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(max_size=5), VALUES, max_size=5)


@given(OBJECTS, st.text(max_size=5), VALUES, st.sampled_from([None, 1, 3]), st.booleans())
def test_a_member_is_put_and_all_else_stays(
    data: dict[str, Any], name: str, value: Any, indent: int | None, ascii_only: bool
) -> None:
    text = json.dumps(data, indent=indent, ensure_ascii=ascii_only)
    made = with_values(text, {(name,): value})
    assert json.loads(made) == {**data, name: value}
    for other in data:
        if other != name:
            assert _at(made, other) == _at(text, other)


def _at(text: str, name: str) -> str:
    span = find_value(text, (name,))
    assert span is not None
    return text[slice(*span)]


@given(OBJECTS, st.sampled_from([None, 2]))
def test_a_member_is_taken_out(data: dict[str, Any], indent: int | None) -> None:
    text = json.dumps(data, indent=indent)
    for name in data:
        kept = {other: value for other, value in data.items() if other != name}
        assert json.loads(with_values(text, {(name,): GONE})) == kept


def test_of_members_of_one_name_the_last_is_meant_and_all_are_taken_out() -> None:
    text = '{"a":1, "b":2, "a":3}'
    assert with_values(text, {("a",): 4}) == '{"a":1, "b":2, "a":4}'
    assert with_values(text, {("a",): GONE}) == '{"b":2}'


def test_a_place_in_what_is_not_there_is_passed_over() -> None:
    assert with_values('{"a":[1]}', {("a", 4): 2, ("b", "c"): 3, ("a", "x"): 4}) == '{"a":[1]}'


def test_a_lone_surrogate_is_escaped() -> None:
    assert with_values('{"a":1}', {("a",): "\ud83d"}) == '{"a":"\\ud83d"}'


@pytest.mark.parametrize("text", ["", "  ", "{", '{"a":', "nothing"])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        with_values(text, {("a",): 1})

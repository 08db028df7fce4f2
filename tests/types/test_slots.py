"""Slots: a sequence that is filled one by one equals the tuple that would be."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit.types.sequences.slots import (
    Slots,
    count_filled,
    differing,
    empty_slots,
    first_empty,
    with_value,
)

VALUES = st.one_of(st.none(), st.integers(0, 3))


@given(st.integers(0, 3000), st.lists(st.tuples(st.integers(0, 2999), VALUES), max_size=60))
def test_slots_are_what_a_tuple_would_be(size: int, changes: list[tuple[int, int | None]]) -> None:
    plain: list[int | None] = [None] * size
    slots = empty_slots(size)
    for index, value in changes:
        if index < size:
            plain[index] = value
            slots = with_value(slots, index, value)
    assert tuple(slots) == tuple(plain)
    assert slots == tuple(plain)
    assert [slots[i] for i in range(-size, size)] == [plain[i] for i in range(-size, size)]
    assert slots[3:9] == tuple(plain[3:9])
    assert slots[: size // 2] == tuple(plain[: size // 2])
    assert count_filled(slots) == sum(value is not None for value in plain)
    assert first_empty(slots) == (plain.index(None) if None in plain else size)


@given(st.integers(65, 3000), st.sets(st.integers(0, 2999), max_size=20))
def test_the_slots_that_differ_are_found(size: int, places: set[int]) -> None:
    old = empty_slots(size)
    new = old
    for place in places:
        new = with_value(new, place % size, place)
    assert list(differing(old, new)) == sorted({place % size for place in places})
    assert list(differing(old, old)) == []
    assert list(differing((), (None, 1))) == [1]


def test_a_copy_leaves_the_original_alone_and_shares_the_rest() -> None:
    old: Slots[int] = Slots([None] * 5000)
    new = old.with_value(4321, 7)
    assert (old[4321], new[4321], old.missing, new.missing) == (None, 7, 5000, 4999)
    assert pickle.loads(pickle.dumps(new)) == new
    assert hash(new) == hash(tuple(new))
    assert repr(Slots([None, 1])) == "(None, 1)"
    with pytest.raises(IndexError):
        new[5000]

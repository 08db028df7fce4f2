"""Slots that are filled one after the other, in any order: an immutable sequence whose changed copy
shares nearly all of what it holds.

A tuple is copied whole with every result, which for the calls of one answer grows with the square
of their number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, repeat
from typing import Any, TypeVar, overload

from agentkit.types.sequences.tuple_like import TupleLike

T = TypeVar("T")

_WIDTH = 32
"""Children of a node: a changed copy makes so many references anew for each level."""
_PLAIN = 64
"""So many are kept as a tuple, which is quicker while it is short."""


class Slots(TupleLike[T | None]):
    """A sequence of values, None where there is none yet. Reads like a tuple and equals one."""

    __slots__ = ("_depth", "_root", "_size", "first", "missing")

    first: int
    """The first empty slot; the size where there is none."""
    missing: int
    """How many slots are empty."""

    def __init__(self, values: Iterable[T | None] = ()) -> None:
        nodes: Any = tuple(values)
        self._size, self._depth = len(nodes), 0
        self.missing = sum(value is None for value in nodes)
        self.first = nodes.index(None) if self.missing else self._size
        while len(nodes) > _WIDTH:
            cuts = range(0, len(nodes), _WIDTH)
            nodes, self._depth = tuple(nodes[at : at + _WIDTH] for at in cuts), self._depth + 1
        self._root = nodes

    def with_value(self, index: int, value: T | None) -> Slots[T]:
        """Copy the sequence with another value in this slot, from 0."""
        made: Slots[T] = Slots.__new__(Slots)
        made._size, made._depth = self._size, self._depth
        made._root = _with(self._root, self._depth, index, value)
        made.missing = self.missing + (value is None) - (self[index] is None)
        made.first = min(self.first, index) if value is None else self.first
        while made.first < made._size and made[made.first] is not None:
            made.first += 1
        return made

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[T | None]:
        nodes: Any = self._root
        for _ in range(self._depth):
            nodes = chain.from_iterable(nodes)
        return iter(nodes)

    @overload
    def __getitem__(self, index: int) -> T | None: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[T | None, ...]: ...
    def __getitem__(self, index: int | slice) -> T | tuple[T | None, ...] | None:
        if isinstance(index, slice):
            places = range(*index.indices(self._size))
            return tuple(self)[index] if len(places) > _WIDTH else tuple(self[i] for i in places)
        at = index + self._size if index < 0 else index
        if not 0 <= at < self._size:
            raise IndexError(index)
        node: Any = self._root
        for level in range(self._depth, 0, -1):
            node = node[at // _WIDTH**level % _WIDTH]
        found: T | None = node[at % _WIDTH]
        return found


def _with(node: tuple[Any, ...], depth: int, index: int, value: Any) -> tuple[Any, ...]:
    at = index // _WIDTH**depth % _WIDTH
    inner = _with(node[at], depth - 1, index, value) if depth else value
    return (*node[:at], inner, *node[at + 1 :])


def empty_slots(size: int) -> Sequence[Any]:
    """Make so many empty slots."""
    return (None,) * size if size <= _PLAIN else Slots(repeat(None, size))


def with_value(slots: Sequence[T | None], index: int, value: T | None) -> Sequence[T | None]:
    """Copy the sequence with another value in one slot.

    Args:
        slots: a tuple, or slots.
        index: which one, from 0.
        value: what is in it from then on.
    """
    if isinstance(slots, Slots) or len(slots) > _PLAIN:
        return (slots if isinstance(slots, Slots) else Slots(slots)).with_value(index, value)
    return (*slots[:index], value, *slots[index + 1 :])


def first_empty(slots: Sequence[Any]) -> int:
    """Find the first empty slot; the size where there is none."""
    if isinstance(slots, Slots):
        return slots.first
    return next((at for at, value in enumerate(slots) if value is None), len(slots))


def count_filled(slots: Sequence[Any]) -> int:
    """Count the slots that are not empty."""
    if isinstance(slots, Slots):
        return len(slots) - slots.missing
    return sum(value is not None for value in slots)


def differing(old: Sequence[Any], new: Sequence[Any]) -> Iterator[int]:
    """List the slots of the new sequence that do not hold the very value of the old one. What the
    two share is not looked at.
    """
    if isinstance(old, Slots) and isinstance(new, Slots) and len(old) == len(new):
        yield from _differing(old._root, new._root, old._depth, 0)
    elif old is not new:
        others = chain(old, repeat(None))
        yield from (i for i, value in enumerate(new) if value is not next(others))


def _differing(old: Any, new: Any, depth: int, start: int) -> Iterator[int]:
    for at, (before, after) in enumerate(zip(old, new, strict=True)):
        if before is after:
            continue
        place = start + at * _WIDTH**depth
        if depth:
            yield from _differing(before, after, depth - 1, place)
        else:
            yield place

"""Positions of rollouts, as numpy computes with them and as a table keeps them: in eight bytes."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import Any, overload

from agentkit.types.sequences.tuple_like import TupleLike


class PlaceTuple(TupleLike[int]):
    """An immutable sequence of positions over an array of int64, which many of them may share."""

    __slots__ = ("array",)

    def __init__(self, array: Any) -> None:
        self.array = array

    def __len__(self) -> int:
        return len(self.array)

    def __iter__(self) -> Iterator[int]:
        return iter(self.array.tolist())

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[int, ...]: ...
    def __getitem__(self, index: int | slice) -> int | tuple[int, ...]:
        found = self.array[index]
        return tuple(found.tolist()) if isinstance(index, slice) else int(found)


def as_array(places: Sequence[int]) -> Any:
    """Make positions an array of int64."""
    import numpy as np

    if isinstance(places, range):
        return np.arange(places.start, places.stop, places.step, dtype=np.int64)
    return places.array if isinstance(places, PlaceTuple) else np.asarray(places, np.int64)


def as_places(found: Any) -> array[int]:
    """Make an array of int64 positions that a table can keep: its items are `int`s."""
    made = array("q")
    made.frombytes(found.astype("int64", copy=False).tobytes())
    return made

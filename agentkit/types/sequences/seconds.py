"""Times in an eighth of the memory that a tuple of them takes."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from typing import overload

from agentkit.types.sequences.tuple_like import TupleLike


class Seconds(TupleLike[float]):
    """An immutable sequence of seconds, eight bytes each."""

    __slots__ = ("_values",)

    def __init__(self, values: Iterable[float] = ()) -> None:
        self._values = array("d", values)

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[float]:
        return iter(self._values)

    @overload
    def __getitem__(self, index: int) -> float: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[float, ...]: ...
    def __getitem__(self, index: int | slice) -> float | tuple[float, ...]:
        return tuple(self._values[index]) if isinstance(index, slice) else self._values[index]

"""What equals a tuple, hashes, adds and reads as one, and is kept otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

T_co = TypeVar("T_co", covariant=True)


class TupleLike(Sequence[T_co]):
    """Base of an immutable sequence whose values are those of a tuple."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        if isinstance(other, (TupleLike, tuple)):
            return len(self) == len(other) and tuple(self) == tuple(other)
        return NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self))

    def __add__(self, other: Any) -> tuple[Any, ...]:
        return (*self, *other) if isinstance(other, (TupleLike, tuple)) else NotImplemented

    def __radd__(self, other: Any) -> tuple[Any, ...]:
        return (*other, *self) if isinstance(other, tuple) else NotImplemented

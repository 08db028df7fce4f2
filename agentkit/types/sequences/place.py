"""What is at a place of a sequence, or an error that says how many there are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, TypeVar

from agentkit.errors import NoPlace

T = TypeVar("T")


def at_place(values: Sequence[T], index: Any, thing: str, none: str = "there are none") -> T:
    """Give what is at a place.

    Args:
        values: what there is.
        index: the place, from 0; from the end where it is negative.
        thing: what is counted, as an error names it.
        none: the hint where there are none at all.

    Raises:
        NoPlace: there are fewer; an `IndexError` too.
    """
    try:
        found: T = values[index]
    except IndexError:
        raise _no_place(len(values), index, thing, none) from None
    return found


def _no_place(length: int, index: Any, thing: str, none: str) -> NoPlace:
    hint = f"there {'is' if length == 1 else 'are'} {length:,}, counted from 0" if length else none
    return NoPlace(f"there is no {thing} {index}", hint=hint)


class PlacedTuple(tuple[T, ...]):
    """A tuple whose error at a place where nothing is says how many there are."""

    __slots__ = ()
    _thing: ClassVar[str]
    """What is in it, in one word."""
    _none: ClassVar[str] = "there are none"
    """The hint where it is empty."""

    def __getitem__(self, index: Any) -> Any:
        try:
            return super().__getitem__(index)
        except IndexError:
            raise _no_place(len(self), index, self._thing, self._none) from None


class PlacedList(list[T]):
    """A list whose error at a place where nothing is says how many there are."""

    def __init__(self, values: Iterable[T], thing: str, none: str) -> None:
        super().__init__(values)
        self._words = thing, none

    def __getitem__(self, index: Any) -> Any:
        try:
            return super().__getitem__(index)
        except IndexError:
            raise _no_place(len(self), index, *self._words) from None

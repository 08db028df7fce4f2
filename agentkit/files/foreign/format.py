"""What a foreign format is: how it is told by its content, and how it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from agentkit.files.foreign.input.file_set import FileSet
from agentkit.types.trajectory import Trajectory
from agentkit.types.words import type_in_words

E = TypeVar("E")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ForeignFormat:
    """One format of files of other tools."""

    name: str
    """What its makers call it."""
    fits: Callable[[FileSet], bool]
    """Tells whether a source has this format, by its content; cheap, and never raises."""
    read: Callable[[FileSet], Iterable[Trajectory]]
    """Reads the rollouts of a source that fits, in order. A bad row costs itself: a sentence about
    it goes to `source.bad`.
    """
    may_be_empty: bool = False
    """Whether a file without a rollout is one all the same: whoever writes it has just begun."""


def rows_fit(tells: Callable[[Mapping[str, Any]], bool]) -> Callable[[FileSet], bool]:
    """Tell a format of rows by the first of them that is an object."""

    def fits(source: FileSet) -> bool:
        first = first_object(flat(source))
        return bool(first) and tells(first)

    return fits


def first_object(values: Any) -> Mapping[str, Any]:
    """Give the first of a list that is an object and holds anything; an empty one where none is, or
    where it is no list.
    """
    listed = values if isinstance(values, (list, tuple)) else ()
    return next((one for one in listed if isinstance(one, Mapping) and one), {})


def row_in(value: Any) -> Mapping[str, Any]:
    """Give a row of a stranger's file as an object.

    Raises:
        TypeError: it is none.
        ValueError: nothing is in it.
    """
    if not isinstance(value, Mapping):
        kind = "null" if value is None else type_in_words(value)
        raise TypeError(f"it is {kind}, and no object")
    if not value:
        raise ValueError("nothing is in it")
    return value


def flat(source: FileSet) -> Sequence[Any]:
    """Give the rows of a source: the values of JSON Lines, or those of the one list it holds."""
    values = source.values
    return values[0] if len(values) == 1 and isinstance(values[0], list) else values


@dataclass(frozen=True, slots=True)
class EachRow:
    """The reader of a format in which each row is a rollout, so that one can be read alone."""

    row: Callable[[Mapping[str, Any]], Trajectory]

    def __call__(self, source: FileSet) -> list[Trajectory]:
        """Read the rows of a source."""
        return [*each_entry(source, flat(source), self.row)]


def each_row(read: Callable[[Mapping[str, Any]], Trajectory]) -> EachRow:
    """Make a reader of a format in which each row is a rollout."""
    return EachRow(read)


def each_entry(
    source: FileSet,
    entries: Iterable[Any],
    read: Callable[[Mapping[str, Any]], Trajectory],
    word: str = "entry",
) -> Iterator[Trajectory]:
    """Read each entry as a rollout; one that cannot be read costs itself alone."""
    return each_of(source, numbered(entries, word), lambda one: [read(row_in(one))])


def each_of(
    source: FileSet, entries: Iterable[tuple[str, E]], read: Callable[[E], Iterable[T]]
) -> Iterator[T]:
    """Read what each entry holds; one that cannot be read costs itself alone.

    Args:
        source: its `bad` takes a sentence about each that cannot be read.
        entries: each with what to call it.
        read: reads all that is in one.
    """
    for name, one in entries:
        with costs_itself(source.bad, name):
            yield from read(one)


def numbered(entries: Iterable[E], word: str = "entry") -> Iterator[tuple[str, E]]:
    """Give each entry with what to call it: its place, from 0."""
    return ((f"{word} {place}", one) for place, one in enumerate(entries))


@contextmanager
def costs_itself(bad: list[str], name: str) -> Iterator[None]:
    """Go on behind what cannot be read, whatever a stranger's entry holds, and say so.

    Args:
        bad: takes a sentence about it.
        name: what to call it.
    """
    try:
        yield
    except Exception as exc:
        bad.append(f"{name} cannot be read: {type(exc).__name__}: {exc}")

"""What one event of a stream adds to an answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from agentkit.types.record import Record, record

DeltaKind = Literal["content", "reasoning", "name", "arguments", "refusal"]


@record
class Delta(Record):
    """What one chunk added, for showing a stream as it grows."""

    kind: DeltaKind
    text: str
    position: int = 0
    """Which call it belongs to."""


class TextPiece(NamedTuple):
    """A text that an event of a stream adds to, where it does nothing else that adding to the same
    text once more would not do too.
    """

    name: str
    """The field of the event that holds what is added."""
    text: str
    """What it adds."""
    add: Callable[[str], object]
    """Adds more."""
    take_number: Callable[[int], object] | None = None
    """Takes the number of an event, where events are numbered."""

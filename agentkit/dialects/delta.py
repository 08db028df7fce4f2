"""What one event of a stream adds to an answer."""

from __future__ import annotations

from typing import Literal

from agentkit.types.record import Record, record

DeltaKind = Literal["content", "reasoning", "name", "arguments", "refusal"]


@record
class Delta(Record):
    """What one chunk added, for showing a stream as it grows."""

    kind: DeltaKind
    text: str
    position: int = 0
    """Which call it belongs to."""

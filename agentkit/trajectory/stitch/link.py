"""What a request goes on from."""

from __future__ import annotations

from typing import Literal

from agentkit.types.record import Record, record

Relation = Literal["start", "continue", "retry", "branch", "side", "sub", "compaction"]
Ground = Literal["", "id", "bytes", "words", "likeness"]


@record
class FlowLink(Record):
    """Where one request of another's agent belongs."""

    number: int
    """The flow's number."""
    rollout: int
    """The rollout it belongs to, from 0 in the order of their first requests."""
    turn: int = 0
    """The turn of that rollout that it asks for, from 0."""
    relation: Relation = "start"
    """`start` of a rollout; `continue` of one; `retry` of a request without an answer; `branch`, a
    rollout that leaves another; `side`, a request beside a rollout (a title, a guardrail, a
    summary, a plan); `sub`, the start of a sub-agent's rollout; `compaction`, that goes on with
    less of the history.
    """
    previous: int | None = None
    """The flow whose answer it goes on from, or, of a retry, the flow it repeats; None at a start.
    """
    beside: int | None = None
    """Of `side` and `sub`: the flow that it runs beside, or whose call it runs in; None elsewhere.
    """
    ground: Ground = ""
    """What says so: an `id` that both carry, the same `bytes`, the same `words`, or mere
    `likeness`; "" at a start.
    """
    labelled: bool = False
    """Whether a label in its path, or the id of a session, keeps it apart from all others."""

    @property
    def certain(self) -> bool:
        """Whether it cannot belong to another rollout that asks for the same."""
        return self.labelled or self.ground == "id"

    def summary(self) -> str:
        goes_on = "" if self.previous is None else f" from {self.previous}"
        return f"{self.number}: {self.relation}{goes_on}, rollout {self.rollout}"

"""The steps of a rollout and what comes of them: what the loop asks for, and what is applied to a
trajectory.
"""

from __future__ import annotations

from dataclasses import field
from typing import Any

from agentkit.types.answer import Response, ToolCall
from agentkit.types.record import Record, record
from agentkit.types.trajectory import ToolResult, Trajectory
from agentkit.types.wire import Exchange


@record
class ModelStep(Record):
    """Ask the model."""

    trajectory: Trajectory
    """The rollout as it is before the step."""

    @property
    def turn(self) -> int:
        """The turn the step belongs to, from 0."""
        return len(self.trajectory.turns)

    def summary(self) -> str:
        return f"ask the model, turn {self.turn}"


@record
class ToolStep(Record):
    """Run one call of the open turn."""

    trajectory: Trajectory
    """The rollout as it is before the step."""
    call: ToolCall
    """The call to run."""

    @property
    def turn(self) -> int:
        """The turn the step belongs to, from 0."""
        return len(self.trajectory.turns)

    @property
    def limit(self) -> int | None:
        """How many calls of a turn are run, where this is one too many; None where it may run."""
        limit = self.trajectory.spec.max_calls
        return limit if limit is not None and self.call.position >= limit else None

    def summary(self) -> str:
        return f"run {self.call.summary()}, turn {self.turn}"


@record
class Answer(Record):
    """The outcome of a model step: the exchange, failed or not."""

    exchange: Exchange
    """The answer as it crossed the wire, or what went wrong on the way."""
    response: Response | None = field(default=None, compare=False)
    """What it was read as, where it has been read."""


@record
class Result(Record):
    """The outcome of a tool step; also how a call is skipped or answered by hand."""

    position: int
    """The call's place in the turn, from 0."""
    result: ToolResult
    """What came of the call."""
    arguments: dict[str, Any] | None = None
    """What the call was changed to before it was run, where it was."""


Step = ModelStep | ToolStep
Outcome = Answer | Result

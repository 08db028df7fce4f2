"""The rollout of a watched agent that is open beside the list, as it is by now."""

from __future__ import annotations

from typing import Any

from agentkit.show.notebook.views.conversation_view import LIVE, Parts
from agentkit.show.notebook.views.debugger.rollout_view import RolloutView
from agentkit.show.render.parts.block import note
from agentkit.show.render.parts.rows import speech
from agentkit.show.render.rollout.conversation import end_row
from agentkit.types.trajectory import Trajectory

_STATES = {
    "held": ("paused", "Held", "it waits for you"),
    "flying": ("asking", "In flight", "the answer is on its way"),
    "agent": ("calling", "With the agent", "its next request has not come"),
}
"""Where a rollout is that has not ended: kind of state, word, and what that means."""


class SeenRollout:
    """The rollout that is open.

    Args:
        number: its number; -1 for none.
        trajectory: the rollout.
    """

    def __init__(self, number: int = -1, trajectory: Trajectory | None = None) -> None:
        self.number = number
        self.trajectory = trajectory if trajectory is not None else Trajectory()
        self.where = ""
        """`held`, `flying` or `agent`, as far as it has not ended; "" where it has."""

    def __getitem__(self, place: int) -> Trajectory:
        return self.trajectory


class SeenRolloutView(RolloutView):
    """A rollout that another's agent goes on with: what it waits for is known from its requests."""

    def known(self) -> dict[str, Any]:
        """Say what is known of the rollout."""
        known = super().known()
        if self.target.where in _STATES:
            kind, word, more = _STATES[self.target.where]
            known["status"] = {**known["status"], "kind": kind, "word": word, "more": more}
        return known

    def tail(self, trajectory: Trajectory) -> Parts:
        """Draw what comes after the finished turns, and what is waited for."""
        drawn = super().tail(trajectory)
        end = end_row(trajectory, LIVE, self._all_of_it.problems)
        if self.target.where in _STATES:
            _, word, more = _STATES[self.target.where]
            end = speech("end", "end", word, note(more))
        return {**drawn, "end": end}

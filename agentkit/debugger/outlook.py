"""What can be seen from where a debugger stands; nothing here moves it."""

from __future__ import annotations

from typing import Any

from agentkit.debugger.breakpoint_list import Breakpoints
from agentkit.debugger.cursor import Cursor
from agentkit.debugger.ended import advice
from agentkit.trajectory.branches import Tree
from agentkit.trajectory.breakpoints import Stop
from agentkit.trajectory.history import request
from agentkit.trajectory.loop import next_step
from agentkit.trajectory.places import ahead_of
from agentkit.types.record import Drawn
from agentkit.types.steps import Step
from agentkit.types.trajectory import Trajectory, Turn
from agentkit.types.wire import ApiError, Request


class Outlook(Drawn):
    """The view from a cursor: the rollout up to there, what comes next, what stopped it, the tree
    around it.
    """

    _cursor: Cursor

    @property
    def trajectory(self) -> Trajectory:
        """The rollout up to here, as an immutable value."""
        return self._cursor.trajectory

    @property
    def tree(self) -> Tree:
        """Every branch, as an immutable value; `switch` goes to another."""
        return self._cursor.tree

    @property
    def breakpoints(self) -> Breakpoints:
        """The breakpoints of every run; `add`, `remove`, `clear`."""
        return self._cursor.breakpoints

    @property
    def stop_at(self) -> Stop | None:
        """What stopped the last run before its end, and where; None where nothing did."""
        return self._cursor.stop_at

    @property
    def next_step(self) -> Step | None:
        """What `step` will do; None when the rollout has ended."""
        return next_step(self.trajectory)

    @property
    def replays(self) -> bool:
        """Whether the next step plays what was recorded, because the debugger has gone back."""
        step, ahead = self.next_step, self._cursor.engine.ahead
        return (
            step is not None
            and ahead is not None
            and ahead_of(self.trajectory, ahead, step) is not None
        )

    @property
    def turn(self) -> Turn | None:
        """The turn in progress, or the last one; None before the first answer."""
        return (self.trajectory.all_turns or (None,))[-1]

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The conversation so far in OpenAI's chat format."""
        return self.trajectory.messages

    @property
    def request(self) -> Request:
        """What the next model call will send."""
        return request(self.trajectory, len(self.trajectory.turns))

    @property
    def error(self) -> ApiError | None:
        """Why the last request failed, where it did; `step` asks again."""
        return self.trajectory.error

    def headline(self) -> str:
        """What the next step does, or what can be done where there is none."""
        step = self.next_step
        return (
            f"{'replay: ' if self.replays else ''}{step.summary()}"
            if step
            else advice(self.trajectory.stop_reason)
        )

    def notes(self) -> list[str]:
        """What stopped it, and where it stands in its tree, where there is anything to say."""
        tree = self.tree
        return [
            *([self.stop_at.text] if self.stop_at else []),
            *([f"tree: {tree.summary()}"] if len(tree) > 1 else []),
        ]

    def __repr__(self) -> str:
        more = "".join(f"; {said}" for said in self.notes())
        return f"<Debugger {self.trajectory.summary()}; next: {self.headline()}{more}>"

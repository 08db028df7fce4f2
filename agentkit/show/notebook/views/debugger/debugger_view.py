"""The debugger in a cell: its conversation as it grows, what it waits for, and its controls. What a
control asks for is posted, never waited for.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any

from agentkit.agent.events import Began, Committed, Event, Failed, Halted, Sampled, Streamed
from agentkit.errors import UsageError
from agentkit.show.notebook.live import Op
from agentkit.show.notebook.views.conversation_view import Parts
from agentkit.show.notebook.views.debugger.break_rows import breakpoint_named
from agentkit.show.notebook.views.debugger.controls import controls, status
from agentkit.show.notebook.views.debugger.fact_line import bare, facts
from agentkit.show.notebook.views.debugger.frame_view import FrameView
from agentkit.show.notebook.views.stream_rows import StreamRows
from agentkit.show.notebook.views.turns.reruns import Reruns
from agentkit.types.steps import ModelStep, Step
from agentkit.types.trajectory import Trajectory, Turn

POSTED = frozenset(
    {"step", "next", "run", "pause", "stop", "back", "goto", "fork", "rerun", "switch", "say"}
)
"""What goes to the debugger as it is."""


class DebuggerView(Reruns, FrameView):
    """A debugger. Every cell that shows it shows the same view."""

    def __init__(self, target: Any) -> None:
        super().__init__(target)
        self._step: Step | None = None
        self._sampled = ""
        self._began = self._streamed = 0.0
        """When the step in flight began, and when its first piece came."""
        self._pieces = 0
        self._growing: StreamRows | None = None
        self._ended: list[Op] = []
        # the debugger outlives its views: each takes its listener away when it goes
        weakref.finalize(self, target.watch(_listener(self))).atexit = False

    @property
    def trajectory(self) -> Trajectory:
        """What is to be shown."""
        shown: Trajectory = self.target.trajectory
        return shown

    def tail(self, trajectory: Trajectory) -> Parts:
        """Draw the open turn. Its state is shown above, beside the controls; here is only why a
        request failed, where one did.
        """
        parts = super().tail(trajectory)
        failed = trajectory.error is not None and any(
            attempt.error is trajectory.error for attempt in trajectory.attempts[-1:]
        )
        if trajectory.stop_reason is None or failed:
            parts.pop("end")
        return parts

    def rows(self) -> Parts:
        """Return all that was drawn, and what has streamed in since."""
        growing = self._growing.rows() if self._growing else {}
        return {**super().rows(), **growing}

    def difference(self) -> list[Op]:
        """List what changed in the conversation, and what has streamed in."""
        ended, self._ended = self._ended, []
        ops = ended + super().difference()
        return ops + self._growing.ops(self.last_key()) if self._growing else ops

    def opening(self) -> list[Op]:
        """List what the frame needs, and how long the step in flight has taken."""
        return [*super().opening(), ["clock", round(monotonic() - self._began, 2)]]

    def listed(self, trajectory: Trajectory) -> Sequence[Turn]:
        """Choose the turns up to here, and those that lie ahead where it has gone back."""
        turns = trajectory.all_turns
        ahead = self.target._cursor.engine.ahead
        return turns if ahead is None else (*turns, *ahead.all_turns[len(turns) :])

    def heard(self, event: Event) -> None:
        """Take note of what the debugger does; called on its thread."""
        with self._lock:
            match event:
                case Began(step=step):
                    self._step, self._sampled = step, ""
                    self._began, self._streamed, self._pieces = monotonic(), 0.0, 0
                    if isinstance(step, ModelStep):
                        self._grow(StreamRows(step.turn))
                case Sampled(done=done, of=of):
                    self._sampled = f"{done} of {of} answers"
                case Streamed(chunk=chunk) if self._growing:
                    self._streamed, self._pieces = (
                        self._streamed or monotonic(),
                        self._pieces + 1,
                    )
                    self._growing.feed(chunk)
                case Committed() | Halted() | Failed():
                    self._grow(None)
                    if not isinstance(event, Committed):
                        self._next_chart, self._step = 0.0, None
        self.heard_of(event)
        if isinstance(event, Failed):
            self.report(UsageError(event.message))
        self.refresh_soon()

    def state(self) -> dict[str, Any]:
        """Describe what can be done, where it is, and what the facts tell."""
        if self.target is None:
            return {}
        known = super().state()
        first = round(self._streamed - self._began, 2) if self._streamed else None
        return {
            **known,
            **controls(self.target, self._step),
            **self.in_rows(),
            "status": status(self.target, self._step, self._sampled, sum(known["counts"])),
            "arriving": [first, self._pieces] if self._growing and self._pieces else None,
        }

    def facts(self, trajectory: Trajectory) -> dict[str, Any]:
        """Sum up the rollout in numbers; the server is the agent's."""
        sums = self._list.upto(len(trajectory.all_turns))
        return facts(
            trajectory, sums, bare(str(getattr(self.target.agent._setup.server, "url", "")))
        )

    def do(self, action: str, arguments: dict[str, Any]) -> None:
        """Post what the page asked for; what only looks is answered here.

        Raises:
            LookupError: there is no such action.
            AgentkitError: it cannot be used.
        """
        if action in POSTED or action.startswith("pending."):
            self.target.post(action, **arguments)
            self.refresh_soon()
        else:
            super().do(action, arguments)

    def do_break(self, kind: str, value: str = "") -> None:
        """Add a breakpoint."""
        self.target.breakpoints.add(breakpoint_named(kind, value))

    def do_unbreak(self, index: int) -> None:
        """Remove a breakpoint."""
        self.target.breakpoints.remove(index)

    def do_point(self, tool: str = "", turn: int | None = None) -> None:
        """Set a breakpoint on a tool or a turn, or remove the one that says the same."""
        point = breakpoint_named("turn", str(turn)) if turn is not None else None
        points, point = self.target.breakpoints, point or breakpoint_named("tool", tool)
        if any(point == known for known in points):
            points.remove(point)
        else:
            points.add(point)

    def do_to(self, turn: int) -> None:
        """Go to the start of a turn: run up to it, or go back."""
        if turn < len(self.trajectory.turns):
            self.target.post("goto", turn=turn)
        else:
            self.target.post("run", until=breakpoint_named("turn", str(turn)))

    def do_restart(self) -> None:
        """Go back to the start."""
        self.target.post("goto", turn=0)

    def _grow(self, rows: StreamRows | None) -> None:
        if self._growing:
            self._ended += self._growing.removal()
        self._growing = rows


def _listener(view: DebuggerView) -> Callable[[Event], None]:
    """Pass on what happens without holding the view. A fault of the view is shown in it and never
    reaches the engine.
    """
    known = weakref.ref(view)

    def listen(event: Event) -> None:
        found = known()
        if found is not None:
            try:
                found.heard(event)
            except Exception as error:
                found.report(error)

    return listen

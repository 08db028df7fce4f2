"""The debugger in a cell: its conversation as it grows, what it waits for, and its controls. What a control asks for is posted, never waited for."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from time import monotonic
from typing import Any

from agentkit.errors import UsageError
from agentkit.events import Began, Committed, Event, Failed, Halted, Piece, Sampled
from agentkit.html import visible
from agentkit.loop import ModelStep
from agentkit.types import Trajectory
from agentkit.views.controls import breakpoint_named, controls, edit_of, object_of, slots_of, usual_slot, value_of
from agentkit.views.conversation_view import ConversationView, Parts
from agentkit.views.growing_rows import GrowingRows
from agentkit.views.live import Op, sendable

POSTED = frozenset({"step", "next", "run", "pause", "stop", "back", "goto", "fork", "rerun", "switch", "say"})
"""What goes to the debugger as it is."""


class DebuggerView(ConversationView):
    """A debugger. Every cell that shows it shows the same view."""

    scripts = ("debugger",)

    def __init__(self, target: Any) -> None:
        super().__init__(target)
        self._step = ""
        self._redraw = 0.0
        """When the timeline of a running rollout may be drawn again."""
        self._growing: GrowingRows | None = None
        self._ended: list[Op] = []
        weakref.finalize(self, target.watch(_listener(self))).atexit = False

    @property
    def trajectory(self) -> Trajectory:
        """What is to be shown."""
        shown: Trajectory = self.target.trajectory
        return shown

    def tail(self, trajectory: Trajectory) -> Parts:
        """The open turn; how it stands is said above, beside the controls, and why a request failed where it did."""
        parts = super().tail(trajectory)
        failed = trajectory.error is not None and any(attempt.error is trajectory.error for attempt in trajectory.attempts[-1:])
        if trajectory.stop_reason is None or failed:
            parts.pop("end")
        return parts

    def rows(self) -> Parts:
        """All that was drawn, and what has streamed in since."""
        growing = self._growing.rows() if self._growing else {}
        return {**super().rows(), **growing}

    def difference(self) -> list[Op]:
        """What changed in the conversation, and what has streamed in."""
        ended, self._ended = self._ended, []
        ops = ended + super().difference()
        return ops + self._growing.ops(self.last_key()) if self._growing else ops

    def heard(self, event: Event) -> None:
        """Takes note of what the debugger does; called on its thread."""
        with self._lock:
            match event:
                case Began(step=step):
                    self._step = visible(step.summary())
                    if isinstance(step, ModelStep):
                        self._grow(GrowingRows(step.turn))
                case Sampled(done=done, of=of):
                    self._step = f"{done} of {of} answers"
                case Piece(chunk=chunk) if self._growing:
                    self._growing.feed(chunk)
                case Committed() | Halted() | Failed():
                    self._grow(None)
                    self.timeline_due = self.timeline_due or isinstance(event, Halted) or monotonic() > self._redraw
                    if self.timeline_due:
                        self._redraw = monotonic() + 1.0
        if isinstance(event, Failed):
            self.report(UsageError(event.message))
        self.refresh_soon()

    def state(self) -> dict[str, Any]:
        """What the controls show."""
        return controls(self.target, self._step) if self.target is not None else {}

    def do(self, action: str, arguments: dict[str, Any]) -> None:
        """Posts what the page asked for; what only looks is answered here.

        Raises:
            LookupError: there is no such action.
            AgentkitError: it cannot be used.
        """
        if action in POSTED or action.startswith("pending."):
            self.target.post(action, **arguments)
        else:
            super().do(action, arguments)

    def do_load(self, turn: str = "", what: str = "") -> None:
        """Sends the places that can be edited, and what stands there now."""
        trajectory = self.trajectory
        at = turn or str(max(0, len(trajectory.all_turns) - 1))
        slots = slots_of(trajectory, at)
        what = what if what in dict(slots) else usual_slot(trajectory, at)
        text = value_of(trajectory, at, what)
        turns = [["prompt", "the prompt"], *([str(i), f"turn {i}"] for i in range(len(trajectory.turns) + 1))]
        self.reply({"type": "loaded", "turns": turns, "turn": at, "slots": slots, "what": what, "text": sendable(text)})

    def do_edit(self, turn: str, what: str, text: str) -> None:
        """Posts an edit."""
        self.target.post("edit", **edit_of(turn, what, text))

    def do_change(self, call: int, arguments: str) -> None:
        """Posts other arguments for a pending call."""
        self.target.post("pending.change", call=call, arguments=object_of(arguments))

    def do_break(self, kind: str, value: str = "") -> None:
        """Adds a breakpoint."""
        self.target.breakpoints.add(breakpoint_named(kind, value))

    def do_unbreak(self, index: int) -> None:
        """Removes one."""
        self.target.breakpoints.remove(index)

    def _grow(self, rows: GrowingRows | None) -> None:
        if self._growing:
            self._ended += self._growing.removal()
        self._growing = rows


def _listener(view: DebuggerView) -> Callable[[Event], None]:
    """Tells the view what happens without holding it. A fault of the view is shown in it and never reaches the engine."""
    known = weakref.ref(view)

    def listen(event: Event) -> None:
        found = known()
        if found is not None:
            try:
                found.heard(event)
            except Exception as error:
                found.report(error)

    return listen

"""The debugger in a cell: its conversation as it grows, what it waits for, and its controls. What a
control asks for is posted, never waited for.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from time import monotonic
from typing import Any

from agentkit.agent.event_loop import event_loop
from agentkit.agent.events import Began, Committed, Event, Failed, Halted, Sampled, Streamed
from agentkit.errors import UsageError
from agentkit.show.charts.rollout_charts import figures
from agentkit.show.html import Html
from agentkit.show.notebook.controls import (
    breakpoint_named,
    controls,
    edit_of,
    object_of,
    slots_of,
    usual_slot,
    value_of,
)
from agentkit.show.notebook.live import Op, sendable
from agentkit.show.notebook.views.conversation_view import ConversationView, Parts
from agentkit.show.notebook.views.stream_rows import StreamRows
from agentkit.show.notebook.views.turns.reruns import Reruns
from agentkit.types.steps import ModelStep
from agentkit.types.trajectory import Trajectory
from agentkit.types.words import visible

POSTED = frozenset(
    {"step", "next", "run", "pause", "stop", "back", "goto", "fork", "rerun", "switch", "say"}
)
"""What goes to the debugger as it is."""


class DebuggerView(Reruns, ConversationView):
    """A debugger. Every cell that shows it shows the same view."""

    scripts = ("course", "debugger", "turns")

    def __init__(self, target: Any) -> None:
        super().__init__(target)
        self._step = ""
        self._growing: StreamRows | None = None
        self._ended: list[Op] = []
        self._charting: set[str] = set()
        """The pages whose charts are open."""
        self._charts: dict[str, Html] = {}
        self._charted: Trajectory | None = None
        self._next_chart = 0.0
        """When the charts of a running rollout may be drawn again."""
        self._chart_later = False
        """Whether that is seen to."""
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
        ops = ended + super().difference() + self._chart_ops()
        return ops + self._growing.ops(self.last_key()) if self._growing else ops

    def opening(self) -> list[Op]:
        """List the times of all turns, and the charts where they are looked at."""
        return super().opening() + [
            ["chart", name, drawing] for name, drawing in self._charts.items()
        ]

    def forget(self, page: str) -> None:
        """Note that a page shows the view no longer."""
        self._chart(page, False)
        super().forget(page)

    def heard(self, event: Event) -> None:
        """Take note of what the debugger does; called on its thread."""
        with self._lock:
            match event:
                case Began(step=step):
                    self._step = visible(step.summary())
                    if isinstance(step, ModelStep):
                        self._grow(StreamRows(step.turn))
                case Sampled(done=done, of=of):
                    self._step = f"{done} of {of} answers"
                case Streamed(chunk=chunk) if self._growing:
                    self._growing.feed(chunk)
                case Committed() | Halted() | Failed():
                    self._grow(None)
                    if not isinstance(event, Committed):
                        self._next_chart = 0.0
        self.heard_of(event)
        if isinstance(event, Failed):
            self.report(UsageError(event.message))
        self.refresh_soon()

    def state(self) -> dict[str, Any]:
        """Describe what the controls show."""
        if self.target is None:
            return {}
        return {**controls(self.target, self._step), **self.in_rows()}

    def do(self, action: str, arguments: dict[str, Any]) -> None:
        """Post what the page asked for; what only looks is answered here.

        Raises:
            LookupError: there is no such action.
            AgentkitError: it cannot be used.
        """
        if action in POSTED or action.startswith("pending."):
            self.target.post(action, **arguments)
        else:
            super().do(action, arguments)

    def do_load(self, ask: int, turn: str = "", what: str = "") -> None:
        """Send the places that can be edited, and their present values; `ask` goes back, as the
        page waits for its last question alone.
        """
        trajectory = self.trajectory
        at = turn or str(max(0, len(trajectory.all_turns) - 1))
        slots = slots_of(trajectory, at)
        what = what if what in dict(slots) else usual_slot(trajectory, at)
        text = value_of(trajectory, at, what)
        turns = [
            ["prompt", "the prompt"],
            *([str(i), f"turn {i}"] for i in range(len(trajectory.turns) + 1)),
        ]
        self.reply(
            {
                "type": "loaded",
                "ask": ask,
                "turns": turns,
                "turn": at,
                "slots": slots,
                "what": what,
                "text": sendable(text),
            }
        )

    def do_edit(self, turn: str, what: str, text: str) -> None:
        """Post an edit."""
        self.target.post("edit", **edit_of(turn, what, text))

    def do_change(self, call: int, arguments: str) -> None:
        """Post other arguments for a pending call."""
        self.target.post("pending.change", call=call, arguments=object_of(arguments))

    def do_break(self, kind: str, value: str = "") -> None:
        """Add a breakpoint."""
        self.target.breakpoints.add(breakpoint_named(kind, value))

    def do_unbreak(self, index: int) -> None:
        """Remove a breakpoint."""
        self.target.breakpoints.remove(index)

    def do_charts(self, open: bool) -> None:
        """Draw the charts for as long as they are looked at."""
        with self._lock:
            self._chart(self._asker or "", open)
            if open:
                self._charts, self._charted, self._next_chart = {}, None, 0.0
        self.refresh()

    def _chart(self, page: str, open: bool) -> None:
        (self._charting.add if open else self._charting.discard)(page)
        if not self._charting:
            self._charts, self._charted = {}, None

    def _chart_ops(self) -> list[Op]:
        """List the charts that look different; of a rollout that runs, once a second."""
        trajectory = self.trajectory
        if not self._charting or trajectory is self._charted:
            return []
        if (wait := self._next_chart - monotonic()) > 0:
            if not self._chart_later:
                self._chart_later = True
                event_loop().call_soon_threadsafe(event_loop().call_later, wait, self.refresh_soon)
            return []
        was, self._charts, self._charted = (
            self._charts,
            figures(trajectory, self._timeline),
            trajectory,
        )
        self._next_chart, self._chart_later = monotonic() + 1.0, False
        return [
            ["chart", name, drawing]
            for name, drawing in self._charts.items()
            if was.get(name) != drawing
        ]

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

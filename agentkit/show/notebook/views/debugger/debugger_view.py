"""The debugger in a cell: its conversation as it grows, what it waits for, and its controls. What a
control asks for is posted, never waited for.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

from agentkit.agent.events import Began, Committed, Event, Failed, Halted, Sampled, Streamed
from agentkit.agent.hermes.dispatch import names_of
from agentkit.analysis.diff import diff
from agentkit.debugger.actions import ACTIONS
from agentkit.errors import AgentkitError, UsageError
from agentkit.show.html import Html, fragment, without_keys
from agentkit.show.notebook.live import Op, sendable
from agentkit.show.notebook.views.conversation_view import Parts
from agentkit.show.notebook.views.debugger.break_rows import break_rows
from agentkit.show.notebook.views.debugger.controls import controls, status
from agentkit.show.notebook.views.debugger.fact_line import bare, facts
from agentkit.show.notebook.views.debugger.frame_parts import branch_part
from agentkit.show.notebook.views.debugger.frame_view import FrameView
from agentkit.show.notebook.views.stream_rows import StreamRows
from agentkit.show.notebook.views.turns.reruns import Reruns
from agentkit.show.render.analysis.diff import diff_fragments
from agentkit.show.render.debugger import tree_fragments
from agentkit.show.render.limits import STATIC
from agentkit.trajectory.person.branches import Tree
from agentkit.types.problem import SEVERITIES
from agentkit.types.record import clip
from agentkit.types.steps import ModelStep, Step
from agentkit.types.trajectory import Trajectory, Turn
from agentkit.types.wire import Chunk

_SETS_OFF = ("run", "step", "next")
POSTED = frozenset(ACTIONS) - {"edit"}
"""What goes to the debugger as it is."""


class DebuggerView(Reruns, FrameView):
    """A debugger. Every cell that shows it shows the same view."""

    def __init__(self, target: Any) -> None:
        super().__init__(target)
        self._step: Step | None = None
        self._sampled = ""
        self._timed = True
        """Whether the page knows when the step in flight began."""
        self._looking: set[str] = set()
        """The pages whose branches are open."""
        self._tree: Tree | None = None
        self._growing: StreamRows | None = None
        self._ended: list[Op] = []
        # the debugger outlives its views: each takes its listener away when it goes
        weakref.finalize(self, target.watch(_listener(self))).atexit = False
        self._caught: tuple[Chunk, ...] = ()
        """What had come of an answer before there was this view."""
        with self._lock:
            self._catch_up()

    def _catch_up(self) -> None:
        flight = self.target.in_flight
        if flight is None or self._step is not None:
            return
        self._step = flight.step
        if isinstance(flight.step, ModelStep):
            rows = StreamRows(flight.step.turn)
            for chunk in flight.chunks:
                rows.feed(chunk)
            self._caught = flight.chunks
            self._grow(rows)

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
        # the finished turn comes first: it joins the block in which the answer grew
        ops = super().difference() + ended + self._branch_ops()
        if not self._timed:
            self._timed = True
            ops.append(["clock", self._elapsed()])
        return ops + self._growing.ops(self.last_key()) if self._growing else ops

    def opening(self) -> list[Op]:
        """List what the frame needs, and how long the step in flight has taken."""
        self._tree = None
        return [*super().opening(), ["clock", self._elapsed()], *self._branch_ops()]

    def _elapsed(self) -> float:
        flight = self.target.in_flight
        return round(flight.elapsed, 2) if flight is not None else 0.0

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
                    self._step, self._sampled, self._timed = step, "", False
                    self._caught = ()
                    if isinstance(step, ModelStep):
                        self._grow(StreamRows(step.turn))
                case Sampled(done=done, of=of):
                    self._sampled = f"{done} of {of} answers"
                case Streamed(chunk=chunk) if any(chunk is caught for caught in self._caught):
                    pass
                case Streamed(chunk=chunk) if self._growing:
                    self._growing.feed(chunk)
                case Failed() if self.target.in_flight is not None:
                    pass  # something else could not be done: what is under way goes on
                case Committed() | Halted() | Failed():
                    self._grow(None)
                    if not isinstance(event, Committed):
                        self._next_chart, self._step = 0.0, None
        self.heard_of(event)
        if isinstance(event, Failed):
            self.report(UsageError(event.message))
        self.refresh_soon()

    def known(self) -> dict[str, Any]:
        """Say what can be done too, and where it is."""
        known = super().known()
        flight = self.target.in_flight
        arriving = flight is not None and flight.first_piece is not None
        return {
            **known,
            **controls(self.target, self._step),
            **self.in_rows(),
            "status": status(self.target, self._step, self._sampled, sum(known["counts"])),
            "arriving": [round(flight.first_piece, 2), flight.pieces] if arriving else None,
        }

    def facts(self, trajectory: Trajectory) -> dict[str, Any]:
        """Sum up the rollout in numbers; the server is the agent's."""
        sums = self._list.upto(len(trajectory.all_turns))
        address = bare(str(getattr(self.target.agent._setup.server, "url", "")))
        return facts(trajectory, sums, address)

    def headers(self) -> list[str] | None:
        """List the names of the headers that the agent's server adds."""
        sent = getattr(self.target.agent._setup.server, "_headers", None)
        return None if sent is None else list(sent)

    def do(self, action: str, arguments: dict[str, Any]) -> None:
        """Post what the page asked for; what only looks is answered here.

        Raises:
            LookupError: there is no such action.
            AgentkitError: it cannot be used.
        """
        if action in _SETS_OFF and self.target.running:
            return  # a key was pressed twice
        if action in POSTED and not hasattr(self, f"do_{action}"):
            self.target.post(action, **arguments)
            self.refresh_soon()
        else:
            super().do(action, arguments)

    def do_break(self, kind: str, value: str = "", where: str = "") -> None:
        """Add a breakpoint, and tell the page whether it could be."""
        try:
            self.target.breakpoints.add_named(kind, value, where)
        except AgentkitError as error:
            why = {"message": sendable(error.message), "hint": sendable(error.hint)}
            self.reply({"type": "refused", **why})
        else:
            self.reply({"type": "added"})

    def do_unbreak(self, index: int) -> None:
        """Remove a breakpoint."""
        self.target.breakpoints.remove(index)

    def do_switch_point(self, index: int, on: bool) -> None:
        """Turn a breakpoint on or off."""
        points = self.target.breakpoints
        (points.turn_on if on else points.turn_off)(index)

    def do_point(self, tool: str = "", turn: int | None = None) -> None:
        """Set a breakpoint on a tool or a turn, or remove the one that is there."""
        points = self.target.breakpoints
        for index, known in enumerate(break_rows(points)):
            if known["turn"] == turn if turn is not None else known["tools"] == [tool]:
                points.remove(index)
                return
        points.add_named("tool" if turn is None else "turn", tool if turn is None else str(turn))

    def do_names(self) -> None:
        """Send the names that a breakpoint can wait for: tools, and codes of problems."""
        called = {call.name for turn in self.trajectory.all_turns for call in turn.tool_calls}
        known = names_of(self.trajectory.spec.tools) | called
        tools = sorted(clip(name, 80) for name in known if name)
        self.reply({"type": "names", "tools": tools, "codes": sorted(SEVERITIES)})

    def do_branches(self, open: bool) -> None:
        """Draw the branches for as long as they are looked at."""
        with self._lock:
            (self._looking.add if open else self._looking.discard)(self._asker or "")
            self._tree = None
        self.refresh()

    def do_differs(self, branch: str) -> None:
        """Send what a branch does differently from the one it left."""
        here = self.target.tree.branch(branch)
        html: Html | str = ""
        if here.parent is not None:
            other = self.target.tree.branch(here.parent)
            names = (other.label, here.label)
            found = diff_fragments(diff(other.trajectory, here.trajectory, names=names), STATIC)
            html = without_keys(fragment(*found.values()))
        self.reply({"type": "differs", "branch": branch, "html": html})

    def _branch_ops(self) -> list[Op]:
        """List the branches, where they look different and somebody looks at them."""
        tree = self.target.tree
        if not self._looking or tree == self._tree:
            return []
        self._tree = tree
        drawn = [part for key, part in tree_fragments(tree, STATIC).items() if key != "tree"]
        labels = [branch.label for _, branch in tree.rows()]
        acts = [
            [".ak-does", i, branch_part(label, label == tree.current)]
            for i, label in enumerate(labels)
        ]
        return [["branches", without_keys(fragment(*drawn)), acts]]

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

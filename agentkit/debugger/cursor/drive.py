"""A debugger's place in its tree, the steps that lead on from it, and travel in time. Everything
here happens on the engine's thread, one thing at a time.

A step that was recorded ahead of the cursor is played again, any other is performed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from agentkit.agent.activity import Activity, Signal, State, busy
from agentkit.agent.engine import Engine
from agentkit.agent.events import Halted, Listener, Listeners, Moved, Pausing
from agentkit.agent.perform import Perform, clone_of
from agentkit.debugger.break_on import break_on
from agentkit.debugger.breakpoint_list import Breakpoints, KnownNames, arguments_of
from agentkit.errors import NotFound, UsageError
from agentkit.trajectory.breakpoints import Stop
from agentkit.trajectory.loop import next_step
from agentkit.trajectory.person.branches import Tree
from agentkit.trajectory.places import Place, at, back, turn_index
from agentkit.types.answer import ToolCall
from agentkit.types.steps import Outcome
from agentkit.types.trajectory import Trajectory
from agentkit.types.words import in_line

T = TypeVar("T")
log = logging.getLogger("agentkit")
PROMPT = 0.08
"""Seconds a cancelled step is given to end before it is given up."""


@dataclass(slots=True, eq=False)
class _Work:
    """What is under way."""

    task: asyncio.Task[Any]
    left: asyncio.Event
    """Set when it is not waited for any longer: it is done, or it was given up."""
    over: asyncio.Event
    """Set when something else can begin."""


class Drive:
    """A place in a tree of branches, and the engine that goes on from it."""

    def __init__(
        self, engine: Engine, tree: Tree | None = None, approve: Any = (), *, asks: bool = True
    ) -> None:
        self.engine = engine
        self.asks = asks
        """Whether there is a model to ask again; a replay has none."""
        self.breakpoints = Breakpoints(approve, self._names)
        self.breakpoints.changed = lambda: self.tell(Moved(trajectory=self.trajectory))
        self.stop_at: Stop | None = None
        self.samples: tuple[str, ...] = ()
        """The branches of the last rerun's answers, in the order they were asked for."""
        self._tree = tree or Tree.of(engine.trajectory)
        self._performs: dict[str, Perform] = {self._tree.current: engine.perform}
        self.listeners = Listeners()
        self.tell = self.listeners.tell
        self._activity = Activity()
        self._work: _Work | None = None

    @property
    def trajectory(self) -> Trajectory:
        """The rollout up to here."""
        return self.engine.trajectory

    @property
    def tree(self) -> Tree:
        """Every branch as far as it has come."""
        return self._tree.with_tip(self.engine.tip)

    @property
    def busy(self) -> bool:
        """Whether something is under way."""
        return self._activity.busy

    def _names(self) -> KnownNames:
        """List the arguments of the agent's tools by name, and whatever else was called, which a
        recording may repeat; and the fields of its requests.
        """
        spec = self.trajectory.spec
        found = arguments_of(spec.tools)
        turns = self.engine.tip.all_turns if found else ()
        tools = {**{call.name: None for turn in turns for call in turn.tool_calls}, **found}
        more = spec.sampling.get("extra_body")
        return KnownNames(tools, {**spec.sampling, **(more if isinstance(more, dict) else {})})

    def watch(self, listener: Listener) -> Callable[[], None]:
        """Add a listener, and return the function that removes it."""
        end = self.listeners.add(listener)
        self.engine.tell = self.tell

        def remove() -> None:
            end()
            if not self.listeners:
                self.engine.tell = None

        return remove

    # going on

    async def step(self, call: int | None = None) -> Outcome | None:
        """Take one step: the next, or a pending call out of its order."""
        await self._free()
        if call is not None:
            self._pending(call)
        return await self._under_way(self.engine.step(call))

    async def next(self) -> Stop | None:
        """Go to the end of the turn."""
        return await self._under_way(self.engine.next(self.breakpoints.until()))

    async def run(self, until: Any = None) -> Stop | None:
        """Go to the end, or to a breakpoint; a number is the start of that turn."""
        if isinstance(until, int) and not isinstance(until, bool):
            until = self._turn_ahead(until)
        stop: Stop | None = await self._under_way(self.engine.run(self.breakpoints.until(until)))
        if stop is not None and (stop.error or stop.hint):  # the trajectory cannot tell
            log.warning("%s", in_line(stop.text))
        return stop

    async def run_to(self, turn: int) -> Stop | None:
        """Go to the start of a turn, wherever it is: back, ahead as far as it is recorded, else by
        a run.
        """
        await self._free()
        if turn <= len(self.engine.tip.turns):
            await self.goto(turn)
            return None
        return await self.run(turn)

    def _turn_ahead(self, turn: int) -> Any:
        here = len(self.trajectory.turns)
        if turn <= here:
            raise UsageError(
                f"turn {turn} is not ahead; the next is {here}", hint=f"dbg.goto({turn}) goes back"
            )
        return break_on.turn(turn)

    @property
    def pausing(self) -> bool:
        """Whether a pause was asked for that comes after the step in flight."""
        return self._activity.state is State.PAUSING

    def pause(self) -> None:
        """End a run after the step in flight."""
        if self.busy:
            self._activity.send(Signal.PAUSE)
            self.engine.pause()
            self.tell(Pausing(asked=True))

    def go_on(self) -> None:
        """Take a pause back that has not come yet."""
        if self.pausing:
            self._activity.send(Signal.GO_ON)
            self.engine.go_on()
            self.tell(Pausing(asked=False))

    def stop(self) -> None:
        """Cancel what is under way, and leave it behind where it will not end."""
        if self._work is not None:
            self._activity.send(Signal.STOP)
            self._work.task.cancel()
            asyncio.get_running_loop().call_later(PROMPT, self._work.left.set)

    async def _free(self) -> None:
        """Wait for what is being stopped.

        Raises:
            Busy: something else is under way.
        """
        if self._work is not None and self._activity.state is State.STOPPING:
            await self._work.over.wait()
        if self.busy or self.engine.busy:
            raise busy()

    async def _under_way(self, coroutine: Coroutine[Any, Any, T]) -> T | Any:
        """Run the coroutine; where it is stopped, give the stop. `stop_at` says the same."""
        try:
            await self._free()
        except BaseException:
            coroutine.close()
            raise
        self._activity.send(Signal.BEGIN)
        self.stop_at = None
        work = _Work(asyncio.ensure_future(coroutine), asyncio.Event(), asyncio.Event())
        self._work = work
        work.task.add_done_callback(_retrieve_error)
        work.task.add_done_callback(lambda done: work.left.set())
        found = None
        try:
            await work.left.wait()
            found = self._outcome(work.task)
            return found
        except asyncio.CancelledError:
            work.task.cancel()
            await asyncio.wait({work.task}, timeout=PROMPT)
            raise
        finally:
            self.engine.give_up()
            self._activity.send(Signal.END)
            self._work = None
            work.over.set()
            self.stop_at = found if isinstance(found, Stop) else None
            if self.stop_at is not None and self.stop_at.breakpoint is not None:
                self.breakpoints.note_hit(self.stop_at.breakpoint)
            self.tell(Halted(stop=self.stop_at, trajectory=self.trajectory))

    def _outcome(self, task: asyncio.Task[Any]) -> Any:
        if task.done() and not task.cancelled():
            return task.result()
        if self._activity.state is not State.STOPPING:
            raise asyncio.CancelledError
        step = next_step(self.trajectory)
        return Stop(
            text=f"stopped before {step.summary()}" if step else "stopped",
            turn=len(self.trajectory.turns),
            when="before",
        )

    # time travel

    async def back(self, n: int = 1) -> None:
        """Go back n steps; they lie ahead."""
        await self._free()
        self._move(back(self.trajectory, n))

    async def goto(self, turn: int) -> None:
        """Go to the start of a turn, in the past or ahead."""
        await self._free()
        tip = self.engine.tip
        self._move(at(tip, Place(turn_index(tip, turn), 0)))

    async def switch(self, branch: Any) -> None:
        """Go to the tip of another branch."""
        await self._free()
        found = self.tree.branch(branch)
        if found.label != self._tree.current:
            self._enter(self.tree.on(found.label))

    def _move(self, there: Trajectory) -> None:
        """Move along the current branch."""
        tip = self.engine.tip
        self.engine.trajectory, self.engine.ahead = there, None if there is tip else tip
        self._moved()

    def _enter(self, tree: Tree) -> None:
        """Move to the current branch of a tree. What is recorded of each branch goes on where it
        was.
        """
        if tree.current not in self._performs:
            self._performs[tree.current] = clone_of(self.engine.perform)
        self._tree, self.engine.perform = tree, self._performs[tree.current]
        self.engine.trajectory, self.engine.ahead = tree.branch(tree.current).trajectory, None
        self._moved()

    def _moved(self) -> None:
        self.stop_at = None
        self.tell(Moved(trajectory=self.trajectory))

    def _pending(self, call: int) -> ToolCall:
        found = next((c for c in self.trajectory.pending if c.position == call), None)
        if found is None:
            waiting = ", ".join(str(c.position) for c in self.trajectory.pending) or "none"
            raise NotFound(
                f"call {call!r} is not pending", hint=f"pending are the calls at: {waiting}"
            )
        return found

    def _base(self, turn: int | None) -> Trajectory:
        """Find what a turn is counted in: the rollout up to here, or what is recorded beyond."""
        behind = (
            turn is None
            or not isinstance(turn, int)
            or turn < 0
            or turn <= len(self.trajectory.turns)
        )
        return self.trajectory if behind else self.engine.tip


def _retrieve_error(task: asyncio.Task[Any]) -> None:
    """Take the error of a task that was left behind, so that asyncio does not report it as lost."""
    if not task.cancelled():
        task.exception()

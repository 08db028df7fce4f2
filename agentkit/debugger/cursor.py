"""A debugger's place in its tree, and what moves it. Everything here happens on the engine's
thread, one thing at a time.

A step that was recorded ahead of the cursor is played again, any other is performed. A change made
by hand begins a branch, unless it loses nothing: a pending call that is answered at the tip goes on
where it is.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from agentkit.agent.activity import Activity, Signal, State, busy
from agentkit.agent.engine import Engine
from agentkit.agent.events import Halted, Listener, Listeners, Moved, Sampled
from agentkit.agent.hermes.dispatch import names_of
from agentkit.agent.perform import Perform, clone_of
from agentkit.debugger.breakpoint_list import Breakpoints
from agentkit.errors import NotFound, UsageError
from agentkit.trajectory import edit as editing
from agentkit.trajectory.branches import Tree
from agentkit.trajectory.breakpoints import Stop
from agentkit.trajectory.by_hand import NOT_APPROVED, SKIPPED, skipped, written_result
from agentkit.trajectory.loop import FAILED, apply, next_step, say
from agentkit.trajectory.places import Place, answered_turn, at, back, turn_index
from agentkit.types.answer import ToolCall
from agentkit.types.record import clip
from agentkit.types.steps import Outcome, Result
from agentkit.types.trajectory import ToolResult, Trajectory
from agentkit.types.words import in_line

T = TypeVar("T")
log = logging.getLogger("agentkit")
_PROMPT = 0.08
"""Seconds a cancelled step is given to end before it is given up."""


@dataclass(slots=True, eq=False)
class _Work:
    """What is under way."""

    task: asyncio.Task[Any]
    left: asyncio.Event
    """Set when it is not waited for any longer: it is done, or it was given up."""
    over: asyncio.Event
    """Set when something else can begin."""


class Cursor:
    """A place in a tree of branches, and the engine that goes on from it."""

    def __init__(
        self, engine: Engine, tree: Tree | None = None, approve: Any = (), *, asks: bool = True
    ) -> None:
        self.engine = engine
        self.asks = asks
        """Whether there is a model to ask again; a replay has none."""
        self.breakpoints = Breakpoints(approve, self._tool_names)
        self.breakpoints.changed = lambda: self.tell(Moved(trajectory=self.trajectory))
        self.stop_at: Stop | None = None
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

    def _tool_names(self) -> set[str]:
        """Name the agent's tools, and whatever else was called, which a recording may repeat."""
        names = names_of(self.trajectory.spec.tools)
        turns = self.engine.tip.all_turns if names else ()
        return names | {call.name for turn in turns for call in turn.tool_calls}

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
        """Go to the end, or to a breakpoint."""
        stop: Stop | None = await self._under_way(self.engine.run(self.breakpoints.until(until)))
        if stop is not None and stop.error:  # the trajectory that `run` returns cannot tell
            log.warning("%s", in_line(stop.text))
        return stop

    def pause(self) -> None:
        """End a run after the step in flight."""
        if self.busy:
            self._activity.send(Signal.PAUSE)
            self.engine.pause()

    def stop(self) -> None:
        """Cancel what is under way, and leave it behind where it will not end."""
        if self._work is not None:
            self._activity.send(Signal.STOP)
            self._work.task.cancel()
            asyncio.get_running_loop().call_later(_PROMPT, self._work.left.set)

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
            await asyncio.wait({work.task}, timeout=_PROMPT)
            raise
        finally:
            self.engine.give_up()
            self._activity.send(Signal.END)
            self._work = None
            work.over.set()
            self.stop_at = found if isinstance(found, Stop) else None
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

    # changes

    async def edit(self, turn: int | None = None, call: int = 0, **change: Any) -> None:
        """Make one change, on a new branch."""
        await self._free()
        base = self._base(turn)
        edited = self.engine.secrecy.changed(editing.edit(base, turn, call, **change), base)
        self._enter(self.tree.grown(edited))

    async def fork(self, turn: int | None = None) -> None:
        """Move onto a new branch."""
        await self._free()
        self._enter(self.tree.grown(self._forked(turn)))

    def _forked(self, turn: int | None) -> Trajectory:
        """Fork the trajectory from the start of a turn, by default from here."""
        if turn is None:
            return editing.forked_here(self.trajectory)
        base = self._base(turn)
        return editing.fork(base, turn_index(base, turn), "fork")

    async def clone(self, turn: int | None = None) -> Cursor:
        """Make another cursor, on a branch of its own of the same tree."""
        await self._free()
        trajectory = self._forked(turn)
        cursor = Cursor(
            self.engine.clone(trajectory),
            self.tree.grown(trajectory),
            self.breakpoints.approve,
            asks=self.asks,
        )
        for point in self.breakpoints:
            cursor.breakpoints.add(point)
        return cursor

    async def say(self, prompt: Any) -> None:
        """Put messages before the next turn."""
        await self._free()
        said = self.engine.secrecy.changed(say(self.trajectory, prompt), self.trajectory)
        self._go_on(said, "said more")

    async def rerun(self, turn: int | None = None, n: int = 1) -> None:
        """Ask the model again, n answers side by side, each a branch; move onto the first."""
        await self._free()
        if isinstance(n, bool) or not isinstance(n, int) or n < 1:
            raise UsageError(
                f"the model cannot be asked {n!r} times", hint="give a whole number from 1 up"
            )
        if not self.asks:
            raise UsageError(
                "a replay has no model to ask again",
                hint="rerun with the agent that was recorded: ak.debug(agent, prompt)",
            )
        base = self._base(turn)
        start = editing.fork(base, answered_turn(base, turn, or_next=True), "rerun")
        await self._under_way(self._sample(start, n))

    async def _sample(self, start: Trajectory, n: int) -> None:
        engines = [self.engine.clone(start) for _ in range(n)]
        tasks = [asyncio.ensure_future(self._sampled(engine, engines, start)) for engine in engines]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=_PROMPT / 2)
            for engine in engines:
                engine.give_up()
            done = [engine for engine in engines if engine.trajectory is not start]
            done.sort(key=lambda e: not e.trajectory.all_turns[len(start.turns) :])
            done.sort(key=lambda e: e.trajectory.stop_reason in FAILED)
            if done:
                tree = self.tree.grown(*(engine.trajectory for engine in done))
                self._performs |= {
                    branch.label: engine.perform
                    for branch, engine in zip(tree.branches[-len(done) :], done, strict=True)
                }
                self._enter(tree)

    async def _sampled(self, engine: Engine, engines: list[Engine], start: Trajectory) -> None:
        await engine.step()
        done = sum(e.trajectory is not start for e in engines)
        self.tell(Sampled(done=done, of=len(engines), trajectory=engine.trajectory))

    # pending calls: `call` is the position in the turn, which does not shift as others are answered

    async def run_call(self, call: int) -> ToolResult | None:
        """Run a pending call; None where it was stopped."""
        outcome = await self.step(call)
        return outcome.result if isinstance(outcome, Result) else None

    async def skip_call(self, call: int, reason: str = SKIPPED) -> ToolResult:
        """Answer a pending call with a reason why it is not run."""
        await self._free()
        return self._answered(call, skipped(self._pending(call), reason))

    async def reject_call(self, call: int, message: str = NOT_APPROVED) -> ToolResult:
        """Refuse a pending call."""
        return await self.skip_call(call, message)

    async def answer_call(self, call: int, value: Any) -> ToolResult:
        """Give a pending call its result by hand."""
        await self._free()
        return self._answered(call, written_result(self._pending(call), value))

    async def change_call(self, call: int, arguments: dict[str, Any]) -> ToolCall:
        """Give a pending call other arguments, on a new branch."""
        await self._free()
        self._pending(call)
        await self.edit(len(self.trajectory.turns), call, arguments=arguments)
        return self._pending(call)

    async def adopt_call(self, place: int) -> ToolCall:
        """Make the recoverable call of this position in the last answer a pending one, on a new
        branch.
        """
        await self._free()
        turn = answered_turn(self.trajectory, None)
        self._enter(self.tree.grown(editing.adopt(self.trajectory, turn, place)))
        return self.trajectory.pending[-1]

    def _answered(self, call: int, result: ToolResult) -> ToolResult:
        result = self.engine.secrecy.result(result)
        self._go_on(
            apply(self.trajectory, Result(position=call, result=result)),
            f"{clip(result.name)} {result.status}",
        )
        return result

    def _pending(self, call: int) -> ToolCall:
        found = next((c for c in self.trajectory.pending if c.position == call), None)
        if found is None:
            waiting = ", ".join(str(c.position) for c in self.trajectory.pending) or "none"
            raise NotFound(
                f"call {call!r} is not pending", hint=f"pending are the calls at: {waiting}"
            )
        return found

    def _go_on(self, trajectory: Trajectory, change: str) -> None:
        """Go on with what a person did: on a branch of its own where something else was recorded to
        come next.
        """
        if self.engine.ahead is not None:
            turn = len(self.trajectory.turns)
            self._enter(
                self.tree.grown(editing.branched(self.engine.tip, trajectory, turn, change))
            )
        else:
            self.engine.trajectory = trajectory
            self.engine.finish(
                by_hand=trajectory.open is None or trajectory.open.response is not None
            )
            self._moved()

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

"""Where a debugger stands in its tree, and what moves it. Everything here happens on the engine's
thread, one thing at a time.

What has no recorded step ahead of it is asked and run; what has is played again. Any change made by
hand begins a branch, unless nothing is lost
by it: a pending call that is answered at the tip goes on where it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from agentkit.agent.engine import Engine
from agentkit.agent.events import Halted, Listener, Listeners, Moved, Sampled
from agentkit.agent.perform import Perform, twin_of
from agentkit.debugger.breakpoint_list import Breakpoints
from agentkit.errors import Busy, NotFound, UsageError
from agentkit.trajectory import edit as editing
from agentkit.trajectory.branches import Tree, planted
from agentkit.trajectory.breakpoints import Stop, breakpoints_of
from agentkit.trajectory.loop import apply, next_step, say
from agentkit.trajectory.places import Place, answered_turn, at, back, turn_index
from agentkit.types.answer import ToolCall
from agentkit.types.record import clip
from agentkit.types.steps import Outcome, Result
from agentkit.types.trajectory import ToolResult, Trajectory

T = TypeVar("T")
_PROMPT = 0.08
"""Seconds a cancelled step is given to end before it is given up."""


class Cursor:
    """A place in a tree of branches, and the engine that goes on from it."""

    def __init__(
        self, engine: Engine, tree: Tree | None = None, approve: Any = (), *, asks: bool = True
    ) -> None:
        self.engine = engine
        self.asks = asks
        """Whether there is a model to ask again; a replay has none."""
        self.breakpoints = Breakpoints(approve)
        self.breakpoints.changed = lambda: self.tell(Moved(trajectory=self.trajectory))
        self.stop_at: Stop | None = None
        self._tree = tree or planted(engine.trajectory)
        self._performs: dict[str, Perform] = {self._tree.current: engine.perform}
        self.listeners = Listeners()
        self.tell = self.listeners.tell
        self._task: asyncio.Task[Any] | None = None
        self._ended: asyncio.Event | None = None
        self._over = asyncio.Event()
        self._stopped = False

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
        return self._task is not None

    def watch(self, listener: Listener) -> Callable[[], None]:
        """Adds a listener; what it gives ends it."""
        end = self.listeners.add(listener)
        self.engine.tell = self.tell

        def ended() -> None:
            end()
            if not self.listeners:
                self.engine.tell = None

        return ended

    # going on

    async def step(self, call: int | None = None) -> Outcome | None:
        """One step: the next, or a pending call out of its order."""
        if call is not None:
            self._pending(call)
        outcome: Outcome | None = await self._under_way(self.engine.step(call))
        return outcome

    async def next(self) -> Stop | None:
        """To the end of the turn."""
        stop: Stop | None = await self._under_way(self.engine.next(self.breakpoints.until(())))
        return stop

    async def run(self, until: Any = None) -> Stop | None:
        """To the end, or to a breakpoint."""
        points = self.breakpoints.until(breakpoints_of(until))
        stop: Stop | None = await self._under_way(self.engine.run(points))
        return stop

    def pause(self) -> None:
        """Ends a run after the step in flight."""
        if self._task is not None:
            self.engine.pause()

    def stop(self) -> None:
        """Cancels what is under way, and leaves it behind where it will not end."""
        if self._task is not None and self._ended is not None:
            self._stopped = True
            self._task.cancel()
            asyncio.get_running_loop().call_later(_PROMPT, self._ended.set)

    async def settle(self) -> None:
        """Waits for what is being stopped."""
        if self._stopped and self._task is not None:
            await self._over.wait()

    async def _under_way(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """What the coroutine gives, unless it is stopped; `stop_at` says where it was held."""
        if self._task is not None or self.engine.busy:
            coroutine.close()
            raise Busy(
                "a step of this rollout is running",
                hint="wait for it (dbg.wait()), or end it: dbg.pause(), dbg.stop()",
            )
        self.stop_at, self._stopped, self._ended = None, False, (ended := asyncio.Event())
        over = self._over = asyncio.Event()
        self._task = task = asyncio.ensure_future(coroutine)
        task.add_done_callback(_heard)
        task.add_done_callback(lambda done: ended.set())
        found = None
        try:
            await ended.wait()
            found = self._outcome(task)
            return found
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.wait({task}, timeout=_PROMPT)
            raise
        finally:
            self.engine.give_up()
            self._task = self._ended = None
            over.set()
            self.stop_at = found if isinstance(found, Stop) else None
            self.tell(Halted(stop=self.stop_at, trajectory=self.trajectory))

    def _outcome(self, task: asyncio.Task[Any]) -> Any:
        if task.done() and not task.cancelled():
            return task.result()
        if not self._stopped:
            raise asyncio.CancelledError
        step = next_step(self.trajectory)
        return Stop(
            text=f"stopped{f' before {step.summary()}' if step else ''}",
            turn=len(self.trajectory.turns),
            when="before",
        )

    # time travel

    def back(self, n: int = 1) -> None:
        """Goes back n steps; they lie ahead."""
        self._idle()
        self._stand(back(self.trajectory, n))

    def goto(self, turn: int) -> None:
        """Goes to the start of a turn, in the past or ahead."""
        self._idle()
        tip = self.engine.tip
        index = turn_index(tip, turn)
        self._stand(at(tip, Place(index, 0)))

    def _stand(self, there: Trajectory) -> None:
        tip = self.engine.tip
        self.engine.trajectory, self.engine.ahead = there, None if there is tip else tip
        self._moved()

    def switch(self, branch: Any) -> None:
        """Goes to the tip of another branch."""
        self._idle()
        found = self.tree.branch(branch)
        if found.label != self._tree.current:
            self._plant(self.tree.on(found.label))

    def _plant(self, tree: Tree) -> None:
        """Stands on the current branch of a tree. What is recorded of each branch goes on where it
        was.
        """
        if tree.current not in self._performs:
            self._performs[tree.current] = twin_of(self.engine.perform)
        self._tree, self.engine.perform = tree, self._performs[tree.current]
        self.engine.trajectory, self.engine.ahead = tree.branch(tree.current).trajectory, None
        self._moved()

    def _moved(self) -> None:
        self.stop_at = None
        self.tell(Moved(trajectory=self.trajectory))

    # changes

    def edit(self, turn: int | None = None, call: int = 0, **change: Any) -> None:
        """Makes one change, on a new branch."""
        self._idle()
        self._plant(self.tree.grown(editing.edit(self._base(turn), turn, call, **change)))

    def fork(self, turn: int | None = None) -> None:
        """Moves onto a new branch."""
        self._idle()
        self._plant(self.tree.grown(self.forked(turn)))

    def forked(self, turn: int | None = None) -> Trajectory:
        """The trajectory of a fork: from the start of a turn, by default from here."""
        if turn is None:
            return editing.forked_here(self.trajectory)
        base = self._base(turn)
        return editing.fork(base, turn_index(base, turn), "fork")

    def twin(self, turn: int | None = None) -> Cursor:
        """Another cursor, on a branch of its own of the same tree."""
        self._idle()
        trajectory = self.forked(turn)
        cursor = Cursor(
            self.engine.twin(trajectory),
            self.tree.grown(trajectory),
            self.breakpoints.approve,
            asks=self.asks,
        )
        for point in self.breakpoints:
            cursor.breakpoints.add(point)
        return cursor

    def say(self, prompt: Any) -> None:
        """Puts messages before the next turn."""
        self._idle()
        self._go_on(say(self.trajectory, prompt), "said more")

    async def rerun(self, turn: int | None = None, n: int = 1) -> None:
        """Asks the model again, n answers side by side, each a branch; moves onto the first."""
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
        engines = [self.engine.twin(start) for _ in range(n)]
        tasks = [asyncio.ensure_future(self._sampled(engine, engines, start)) for engine in engines]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=_PROMPT / 2)
            for engine in engines:
                engine.give_up()
            done = sorted(
                (e for e in engines if e.trajectory is not start),
                key=lambda e: e.trajectory.stop_reason == "error",
            )
            if done:
                tree = self.tree.grown(*(engine.trajectory for engine in done))
                self._performs |= {
                    branch.label: engine.perform
                    for branch, engine in zip(tree.branches[-len(done) :], done, strict=True)
                }
                self._plant(tree)

    async def _sampled(self, engine: Engine, engines: list[Engine], start: Trajectory) -> None:
        await engine.step()
        done = sum(e.trajectory is not start for e in engines)
        self.tell(Sampled(done=done, of=len(engines), trajectory=engine.trajectory))

    # pending calls

    def answer(self, call: int, result: ToolResult) -> ToolResult:
        """Gives a pending call its result."""
        self._go_on(
            apply(self.trajectory, Result(position=call, result=result)),
            f"{clip(result.name)} {result.status}",
        )
        return result

    def pending(self, call: int) -> ToolCall:
        """The pending call at this position of its turn."""
        self._idle()
        return self._pending(call)

    def adopt(self, place: int) -> ToolCall:
        """Makes the recoverable call of this position in the last answer a pending one, on a new
        branch.
        """
        self._idle()
        turn = answered_turn(self.trajectory, None)
        self._plant(self.tree.grown(editing.adopt(self.trajectory, turn, place)))
        return self.trajectory.pending[-1]

    def _pending(self, call: int) -> ToolCall:
        found = next((c for c in self.trajectory.pending if c.position == call), None)
        if found is None:
            waiting = ", ".join(str(c.position) for c in self.trajectory.pending) or "none"
            raise NotFound(
                f"call {call!r} is not pending", hint=f"pending are the calls at: {waiting}"
            )
        return found

    def _go_on(self, trajectory: Trajectory, change: str) -> None:
        """Stands at what a person did next: on a branch of its own where something else was
        recorded to come next.
        """
        if self.engine.ahead is not None:
            turn = len(self.trajectory.turns)
            self._plant(
                self.tree.grown(editing.branched(self.engine.tip, trajectory, turn, change))
            )
        else:
            self.engine.trajectory = trajectory
            self.engine.finish(
                by_hand=trajectory.open is None or trajectory.open.response is not None
            )
            self._moved()

    def _base(self, turn: int | None) -> Trajectory:
        """What a turn is counted in: what has been up to here, or, beyond it, what is recorded."""
        behind = (
            turn is None
            or not isinstance(turn, int)
            or turn < 0
            or turn <= len(self.trajectory.turns)
        )
        return self.trajectory if behind else self.engine.tip

    def _idle(self) -> None:
        if self.busy or self.engine.busy:
            raise Busy(
                "a step of this rollout is running",
                hint="wait for it (dbg.wait()), or end it: dbg.pause(), dbg.stop()",
            )


def _heard(task: asyncio.Task[Any]) -> None:
    """Takes the error of a task that was left behind, so that asyncio does not report it as
    lost.
    """
    if not task.cancelled():
        task.exception()

"""The engine under every face: it holds one trajectory, performs its steps, and commits each of
them whole.

Breakpoints. A run is asked to stop before a step or after an outcome. Where the calls of a turn run
side by side, those in front of the first call that a breakpoint stands before are run, and it waits
with those behind it; calls that run beside one whose outcome stops the run are let finish. A run
that goes on from a breakpoint passes it, but for a firm one.

Replay. Where a rollout has been gone back in, `ahead` holds what was recorded: steps play that
    again until it is reached.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager

from agentkit.agent.events import Began, Committed, Listener, Piece
from agentkit.agent.perform import Perform, twin_of
from agentkit.errors import Busy
from agentkit.servers.model_call import Emit
from agentkit.trajectory.breakpoints import Breakpoint, Moment, Stop, stop_at
from agentkit.trajectory.loop import apply, next_step, resume, stop
from agentkit.trajectory.places import ahead_of, place_of
from agentkit.types.answer import ToolCall
from agentkit.types.steps import ModelStep, Outcome, Step, ToolStep
from agentkit.types.trajectory import Trajectory
from agentkit.types.wire import Chunk

Commit = Callable[[Step, Outcome, Trajectory], None]
"""Sees a step, its outcome and the trajectory that is about to be committed."""


class Engine:
    """One trajectory and the way its effects are performed. A step that is cancelled or fails
    leaves the trajectory as it was.
    """

    def __init__(
        self,
        trajectory: Trajectory,
        perform: Perform,
        *,
        parallel_tools: bool = False,
        emit: Emit | None = None,
        commit: Commit | None = None,
    ) -> None:
        self.trajectory = trajectory
        self.ahead: Trajectory | None = None
        """What was recorded beyond `trajectory`, where that is in the past."""
        self.perform = perform
        self.parallel_tools = parallel_tools
        self.emit = emit
        self.commit = commit
        self.tell: Listener | None = None
        """Is told of every step."""
        self._busy = self._stopping = self._pausing = False
        self._life = 0
        """Counts how often a step was given up that would not end."""
        self._breakpoints: Collection[Breakpoint] = ()
        self._stop: Stop | None = None
        self._held: tuple[Trajectory, int | None] | None = None
        """Where a breakpoint has stopped the last run, to be passed by the next."""

    @property
    def busy(self) -> bool:
        """Whether a step is running."""
        return self._busy

    def twin(self, trajectory: Trajectory) -> Engine:
        """An engine over another trajectory, whose steps are performed in the same way."""
        return Engine(
            trajectory, twin_of(self.perform), parallel_tools=self.parallel_tools, emit=self.emit
        )

    @property
    def tip(self) -> Trajectory:
        """The rollout as far as it is recorded."""
        return self.trajectory if self.ahead is None else self.ahead

    async def step(self, position: int | None = None) -> Outcome | None:
        """Performs one model call or one tool call; None when the rollout has stopped. A failed or
        stopped rollout goes on.

        Args:
            position: which of the pending calls; by default the first.

        Raises:
            Busy: a step is running.
        """
        with self.exclusively():
            step = self._next
            if position is not None:
                step = ToolStep(trajectory=self.trajectory, call=self._pending(position))
            return await self._perform(step) if step is not None else None

    async def next(self, breakpoints: Collection[Breakpoint] = ()) -> Stop | None:
        """Goes on to the end of the turn: the answer, if it is still to come, and all its calls.
        The stop, where a breakpoint held it.

        Raises:
            Busy: a step is running.
        """
        with self.exclusively(breakpoints):
            return await self._turn()

    async def run(self, breakpoints: Collection[Breakpoint] = ()) -> Stop | None:
        """Goes on until the rollout stops, or a breakpoint stops it: that is what it gives.

        Raises:
            Busy: a step is running.
        """
        with self.exclusively(breakpoints):
            found = await self._turn()
            while found is None and self._next is not None:
                found = await self._turn()
            return found

    def stop(self) -> None:
        """Marks the rollout as stopped: at once, or when the step that is running has been
        committed.
        """
        if self._busy:
            self._stopping = True
        else:
            self.trajectory = stop(self.trajectory)

    def pause(self) -> None:
        """Ends the run that is under way, or about to begin, after the step in flight; the rollout
        can go on.
        """
        self._pausing = True

    def give_up(self) -> None:
        """Leaves a step behind that would not be cancelled: what it gives later is dropped."""
        if self._busy:
            self._life += 1
            self._busy = self._pausing = False

    @property
    def _next(self) -> Step | None:
        return None if self._stopping else next_step(self.trajectory)

    def _pending(self, position: int) -> ToolCall:
        return next(call for call in self.trajectory.pending if call.position == position)

    @contextmanager
    def exclusively(self, breakpoints: Collection[Breakpoint] = ()) -> Iterator[None]:
        """Nothing else may be performed meanwhile.

        Raises:
            Busy: a step is running.
        """
        if self._busy:
            raise Busy("a step of this rollout is running", hint="wait for it, or interrupt it")
        self._busy, self._stopping = True, False
        self._breakpoints, self._stop, life = breakpoints, None, self._life
        self.trajectory = resume(self.trajectory)
        try:
            yield
        finally:
            if life == self._life:
                self._busy = self._pausing = False
                self._breakpoints = ()
                if self._stopping:
                    self.stop()

    async def _turn(self) -> Stop | None:
        """To the end of the turn, or to where it is held."""
        if isinstance(self._next, ModelStep) and (found := await self._go([self._next])):
            return found
        while isinstance(self._next, ToolStep):
            calls = self.trajectory.pending if self.parallel_tools else self.trajectory.pending[:1]
            if found := await self._go(
                [ToolStep(trajectory=self.trajectory, call=call) for call in calls]
            ):
                return found
        return None

    async def _go(self, steps: Sequence[Step]) -> Stop | None:
        """Takes these steps side by side, as far as no breakpoint holds them."""
        if self._pausing:
            return self._paused(steps[0])
        held = self._breakpoints and self._hold(steps)
        if held:
            steps, found = held
            if not steps:
                return found
        if len(steps) == 1:
            await self._perform(steps[0])
        else:
            await self._together(steps)
        return self._stop

    def _paused(self, step: Step) -> Stop:
        call = step.call.position if isinstance(step, ToolStep) else None
        return Stop(
            text=f"paused before {step.summary()}", turn=step.turn, call=call, when="before"
        )

    def _hold(self, steps: Sequence[Step]) -> tuple[Sequence[Step], Stop] | None:
        """The steps in front of the first that a breakpoint stands before, and the stop there; None
        where all may be taken.
        """
        for index, step in enumerate(steps):
            points: Collection[Breakpoint] = self._breakpoints
            if self.ahead is not None and ahead_of(
                self.trajectory, self.ahead, step
            ):  # nothing is run: there is nothing to approve
                points = [point for point in points if not point.firm]
            found = stop_at(Moment(trajectory=self.trajectory, step=step), points)
            here = self.trajectory, step.call.position if isinstance(step, ToolStep) else None
            passed = (
                self._held is not None and self._held[0] is here[0] and self._held[1] == here[1]
            )
            if found and not (passed and found.breakpoint and not found.breakpoint.firm):
                if not index:
                    self._held = here
                return steps[:index], found
        return None

    async def _perform(self, step: Step) -> Outcome:
        if self.ahead is not None and (recorded := ahead_of(self.trajectory, self.ahead, step)):
            return self._replayed(step, *recorded)
        life, emit = self._life, self.emit
        if self.tell:
            self.tell(Began(step=step))
            emit = self._telling(life)
        outcome = await self.perform(step, emit)
        if life != self._life:
            raise asyncio.CancelledError("the step was given up")
        trajectory = apply(self.trajectory, outcome)
        if self.commit:
            self.commit(step, outcome, trajectory)
        if (
            self.ahead is not None
        ):  # a call that was not run when the later ones were: its result is a part of what lies ahead too
            tip = apply(self.ahead, outcome)
            self.ahead = None if place_of(tip) == place_of(trajectory) else tip
        self._committed(step, outcome, trajectory)
        self.finish()
        return outcome

    def finish(self, *, by_hand: bool = False) -> None:
        """Tells a recording why the rollout has stopped, where it has, and what was done to it by
        hand.
        """
        finish = getattr(self.perform, "finish", None)
        if finish is not None and (by_hand or self.trajectory.stop_reason is not None):
            finish(self.trajectory)

    def _committed(self, step: Step, outcome: Outcome, trajectory: Trajectory) -> None:
        self.trajectory = trajectory
        if self.tell:
            self.tell(Committed(trajectory=trajectory))
        if self._breakpoints and self._stop is None:
            self._stop = stop_at(
                Moment(trajectory=trajectory, step=step, outcome=outcome), self._breakpoints
            )

    def _replayed(self, step: Step, outcome: Outcome, trajectory: Trajectory) -> Outcome:
        if self.tell:
            self.tell(Began(step=step))
        if trajectory is self.ahead:
            self.ahead = None
        self._committed(step, outcome, trajectory)
        return outcome

    def _telling(self, life: int) -> Emit:
        """Tells of the pieces of an answer, for as long as the step has not been given up."""

        def emit(chunk: Chunk) -> None:
            if life != self._life:
                return
            if self.emit:
                self.emit(chunk)
            if self.tell:
                self.tell(Piece(chunk=chunk))

        return emit

    async def _together(self, steps: Sequence[Step]) -> None:
        """Each result is committed as it comes, so that an interrupt costs only the calls still
        running.
        """
        tasks = [asyncio.ensure_future(self._perform(step)) for step in steps]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

"""The engine under every face: it holds one trajectory, performs its steps, and commits each of
them whole.

Breakpoints. A run stops before a step or after an outcome. Where the calls of a turn run side by
side, those in front of the first call that a breakpoint names are run, and that call waits with
those behind it. Calls that run beside one whose outcome stops the run are let finish. A run that
goes on from a breakpoint passes it, unless it asks for approval.

Replay. After a step back, `ahead` holds what was recorded: steps play that again until its end is
reached.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from agentkit.agent.activity import Activity, Signal, State
from agentkit.agent.events import Began, Committed, InFlight, Listener, Streamed
from agentkit.agent.perform import Perform, clone_of
from agentkit.servers.model_call import Emit
from agentkit.servers.redaction.secrecy import Secrecy
from agentkit.trajectory.breakpoints import Breakpoint, BreakpointContext, Stop, stop_at
from agentkit.trajectory.loop import apply, broken_off, interrupted, next_step, resume, stop
from agentkit.trajectory.places import ahead_of, place_of
from agentkit.types.answer import ToolCall
from agentkit.types.steps import ModelStep, Outcome, Step, ToolStep
from agentkit.types.trajectory import Trajectory
from agentkit.types.wire import STOPPED_HALFWAY, Chunk, Exchange

Commit = Callable[[Step, Outcome, Trajectory], None]
"""Sees a step, its outcome and the trajectory that is about to be committed."""

_GIVEN_UP = "the step was given up"


@dataclass(slots=True, eq=False)
class _Run:
    """One step, turn or run while it is under way."""

    breakpoints: Collection[Breakpoint]
    stop: Stop | None = None
    """Why it stops after the step in flight, where a breakpoint says so."""


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
        secrecy: Secrecy | None = None,
    ) -> None:
        self.trajectory = trajectory
        self.ahead: Trajectory | None = None
        """What was recorded beyond `trajectory`, where that is in the past."""
        self.perform = perform
        self.parallel_tools = parallel_tools
        self.emit = emit
        self.commit = commit
        self.secrecy = secrecy or Secrecy()
        """What keeps secrets out of what is done to the rollout by hand."""
        self.tell: Listener | None = None
        """Called with every step."""
        self._activity = Activity()
        self._pieces: list[Chunk] | None = None
        """What has come of the answer that is being streamed; None where none is."""
        self._began: tuple[Step, float] | None = None
        """The last step that began, and when."""
        self._run: _Run | None = None
        """What is under way. One that is left behind is not this one any more."""
        self._stopped_at: tuple[Trajectory, int | None] | None = None
        """Where a breakpoint has stopped the last run, to be passed by the next."""

    @property
    def busy(self) -> bool:
        """Whether a step is running."""
        return self._activity.busy

    def clone(self, trajectory: Trajectory) -> Engine:
        """Make an engine over another trajectory, whose steps are performed in the same way."""
        return Engine(
            trajectory,
            clone_of(self.perform),
            parallel_tools=self.parallel_tools,
            emit=self.emit,
            secrecy=self.secrecy,
        )

    @property
    def tip(self) -> Trajectory:
        """The rollout as far as it is recorded."""
        return self.trajectory if self.ahead is None else self.ahead

    async def step(self, position: int | None = None) -> Outcome | None:
        """Perform one model call or one tool call; None when the rollout has stopped. A failed or
        stopped rollout goes on.

        Args:
            position: which of the pending calls; by default the first.

        Raises:
            Busy: a step is running.
        """
        with self._exclusively():
            step = self._next
            if position is not None:
                step = ToolStep(trajectory=self.trajectory, call=self._pending(position))
            return await self._perform(step) if step is not None else None

    async def next(self, breakpoints: Collection[Breakpoint] = ()) -> Stop | None:
        """Go on to the end of the turn: the answer, if it is still to come, and all its calls.
        Return the stop, where a breakpoint came first.

        Raises:
            Busy: a step is running.
        """
        with self._exclusively(breakpoints):
            return await self._turn()

    async def run(self, breakpoints: Collection[Breakpoint] = ()) -> Stop | None:
        """Go on until the rollout stops, or a breakpoint stops it; return the breakpoint's stop.

        Raises:
            Busy: a step is running.
        """
        with self._exclusively(breakpoints):
            found = await self._turn()
            while found is None and self._next is not None:
                found = await self._turn()
            return found

    def stop(self) -> None:
        """Mark the rollout as stopped: at once, or when the step that is running has been
        committed.
        """
        self._activity.send(Signal.STOP)
        if not self._activity.busy:
            self.trajectory = stop(self.trajectory)

    def pause(self) -> None:
        """End the run that is under way, or about to begin, after the step in flight. The rollout
        can go on.
        """
        self._activity.send(Signal.PAUSE)

    def go_on(self) -> None:
        """Take a pause back, as long as the step in flight has not ended."""
        self._activity.send(Signal.GO_ON)

    @property
    def in_flight(self) -> InFlight | None:
        """What has come of the step that began last, where one is under way."""
        if not self._activity.busy or self._began is None:
            return None
        (step, at), pieces = self._began, self._pieces or ()
        return InFlight(
            step=step,
            elapsed=time.monotonic() - at,
            first_piece=pieces[0].at if pieces else None,
            chunks=tuple(pieces),
        )

    def give_up(self) -> None:
        """Leave a step behind that would not be cancelled: what it gives later is dropped."""
        self._activity.send(Signal.END)
        self._run = None
        if self._pieces:
            exchange = broken_off(self._pieces, STOPPED_HALFWAY)
            keep = getattr(self.perform, "keep_pieces", None)
            if keep is not None:
                keep(self.trajectory, exchange)
            self.trajectory = interrupted(self.trajectory, exchange)
        self._pieces = None

    @property
    def so_far(self) -> Trajectory:
        """The rollout with what has come of an answer that is still under way, from any thread."""
        pieces, trajectory = self._pieces, self.trajectory
        last = trajectory.attempts[-1].exchange if trajectory.attempts else Exchange()
        if not pieces or (last.chunks and last.chunks[0] is pieces[0]):
            return trajectory
        return interrupted(trajectory, broken_off(pieces, STOPPED_HALFWAY))

    @property
    def _next(self) -> Step | None:
        stopping = self._activity.state is State.STOPPING
        return None if stopping else next_step(self.trajectory)

    def _pending(self, position: int) -> ToolCall:
        return next(call for call in self.trajectory.pending if call.position == position)

    @contextmanager
    def _exclusively(self, breakpoints: Collection[Breakpoint] = ()) -> Iterator[None]:
        """Let nothing else be performed meanwhile.

        Raises:
            Busy: a step is running.
        """
        self._activity.send(Signal.BEGIN)
        run = self._run = _Run(breakpoints)
        self.trajectory = resume(self.trajectory)
        try:
            yield
        finally:
            if run is self._run:  # it was not given up meanwhile
                stopping = self._activity.state is State.STOPPING
                self.give_up()
                if stopping:
                    self.trajectory = stop(self.trajectory)

    async def _turn(self) -> Stop | None:
        """Go to the end of the turn, or to a stop."""
        if isinstance(self._next, ModelStep) and (found := await self._go([self._next])):
            return found
        while isinstance(step := self._next, ToolStep):
            calls = self.trajectory.pending if self.parallel_tools else (step.call,)
            steps = [ToolStep(trajectory=self.trajectory, call=call) for call in calls]
            if found := await self._go(steps):
                return found
        return None

    async def _go(self, steps: Sequence[Step]) -> Stop | None:
        """Take these steps side by side, as far as no breakpoint stops before one."""
        run = self._run
        if run is None:
            raise asyncio.CancelledError(_GIVEN_UP)
        if self._activity.state is State.PAUSING:
            return self._paused(steps[0])
        stopped = run.breakpoints and self._stop_before(steps, run.breakpoints)
        if stopped:
            steps, found = stopped
            if not steps:
                return found
        if len(steps) == 1:
            await self._perform(steps[0])
        else:
            await self._together(steps)
        return run.stop

    def _paused(self, step: Step) -> Stop:
        call = step.call.position if isinstance(step, ToolStep) else None
        return Stop(
            text=f"paused before {step.summary()}", turn=step.turn, call=call, when="before"
        )

    def _stop_before(
        self, steps: Sequence[Step], breakpoints: Collection[Breakpoint]
    ) -> tuple[Sequence[Step], Stop] | None:
        """Find the first step that a breakpoint stops before: return the steps in front of it, and
        the stop. None where all may be taken.
        """
        for index, step in enumerate(steps):
            points = breakpoints
            if self._runs_nothing(step):
                # nothing is run, so there is nothing to approve
                points = [point for point in points if not point.requires_approval]
            context = BreakpointContext(trajectory=self.trajectory, step=step)
            found = stop_at(context, points)
            if found is None or self._passes(step, found):
                continue
            if not index:
                self._stopped_at = self._here(step)
            return steps[:index], found
        return None

    def _runs_nothing(self, step: Step) -> bool:
        """Tell whether the step was recorded, or is a call beyond the limit."""
        if isinstance(step, ToolStep) and step.limit is not None:
            return True
        return self.ahead is not None and ahead_of(self.trajectory, self.ahead, step) is not None

    def _passes(self, step: Step, found: Stop) -> bool:
        """Tell whether the run goes on from this very stop. One that asks for approval is not
        passed.
        """
        if (
            self._stopped_at is None
            or found.breakpoint is None
            or found.breakpoint.requires_approval
        ):
            return False
        trajectory, call = self._here(step)
        return self._stopped_at[0] is trajectory and self._stopped_at[1] == call

    def _here(self, step: Step) -> tuple[Trajectory, int | None]:
        return self.trajectory, step.call.position if isinstance(step, ToolStep) else None

    async def _perform(self, step: Step) -> Outcome:
        if self.ahead is not None and (recorded := ahead_of(self.trajectory, self.ahead, step)):
            return self._replayed(step, *recorded)
        run, emit = self._run, self.emit
        self._began = step, time.monotonic()
        if self.tell:
            self.tell(Began(step=step))
        if isinstance(step, ModelStep) and (emit or self.tell or self.trajectory.spec.stream):
            emit = self._listening(run)
        outcome = await self.perform(step, emit)
        if run is not self._run:
            raise asyncio.CancelledError(_GIVEN_UP)
        self._pieces = None
        trajectory = apply(self.trajectory, outcome)
        if self.commit:
            self.commit(step, outcome, trajectory)
        if self.ahead is not None:
            # a call that was not run when later ones were: its result is part of what lies ahead
            tip = apply(self.ahead, outcome)
            self.ahead = None if place_of(tip) == place_of(trajectory) else tip
        self._committed(step, outcome, trajectory)
        self.finish()
        return outcome

    def finish(self, *, by_hand: bool = False) -> None:
        """Tell a recorder why the rollout has stopped, where it has, and what was done to it by
        hand.
        """
        finish = getattr(self.perform, "finish", None)
        if finish is not None and (by_hand or self.trajectory.stop_reason is not None):
            finish(self.tip if by_hand else self.trajectory)

    def _committed(self, step: Step, outcome: Outcome, trajectory: Trajectory) -> None:
        self.trajectory = trajectory
        if self.tell:
            self.tell(Committed(trajectory=trajectory))
        run = self._run
        if run is not None and run.breakpoints and run.stop is None:
            context = BreakpointContext(trajectory=trajectory, step=step, outcome=outcome)
            run.stop = stop_at(context, run.breakpoints)

    def _replayed(self, step: Step, outcome: Outcome, trajectory: Trajectory) -> Outcome:
        if self.tell:
            self.tell(Began(step=step))
        if trajectory is self.ahead:
            self.ahead = None
        self._committed(step, outcome, trajectory)
        return outcome

    def _listening(self, run: _Run | None) -> Emit:
        """Keep the pieces of an answer and pass them on, for as long as the step has not been given
        up.
        """
        pieces = self._pieces = []

        def emit(chunk: Chunk) -> None:
            if run is not self._run:
                return
            pieces.append(chunk)
            if self.emit:
                self.emit(chunk)
            if self.tell:
                self.tell(Streamed(chunk=chunk))

        return emit

    async def _together(self, steps: Sequence[Step]) -> None:
        """Take several steps at once. Each result is committed as it comes, so that an interrupt
        costs only the calls still running.
        """
        tasks = [asyncio.ensure_future(self._perform(step)) for step in steps]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

"""The engine under every face: it holds one trajectory, performs its steps, and commits each of them whole."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from agentkit.errors import Busy
from agentkit.loop import ModelStep, Outcome, Step, ToolStep, apply, next_step, resume, stop
from agentkit.perform import Perform
from agentkit.servers import Emit
from agentkit.types import Trajectory

Commit = Callable[[Step, Outcome, Trajectory], None]
"""Sees a step, its outcome and the trajectory that is about to be committed."""


class Engine:
    """One trajectory and the way its effects are performed. A step that is cancelled or fails leaves the trajectory as it was."""

    def __init__(
        self, trajectory: Trajectory, perform: Perform, *, parallel_tools: bool = False, emit: Emit | None = None, commit: Commit | None = None
    ) -> None:
        self.trajectory = trajectory
        self.perform = perform
        self.parallel_tools = parallel_tools
        self.emit = emit
        self.commit = commit
        self._busy = self._stopping = False

    @property
    def busy(self) -> bool:
        """Whether a step is running."""
        return self._busy

    async def step(self) -> Outcome | None:
        """Performs one model call or one tool call; None when the rollout has stopped. A failed or stopped rollout goes on.

        Raises:
            Busy: a step is running.
        """
        with self._exclusively():
            return await self._step()

    async def next(self) -> None:
        """Goes on to the end of the turn: the answer, if it is still to come, and all its calls.

        Raises:
            Busy: a step is running.
        """
        with self._exclusively():
            await self._turn()

    async def run(self) -> None:
        """Goes on until the rollout stops.

        Raises:
            Busy: a step is running.
        """
        with self._exclusively():
            await self._turn()
            while self._next is not None:
                await self._turn()

    def stop(self) -> None:
        """Marks the rollout as stopped: at once, or when the step that is running has been committed."""
        if self._busy:
            self._stopping = True
        else:
            self.trajectory = stop(self.trajectory)

    @property
    def _next(self) -> Step | None:
        return None if self._stopping else next_step(self.trajectory)

    @contextmanager
    def _exclusively(self) -> Iterator[None]:
        if self._busy:
            raise Busy("a step of this rollout is running", mend="wait for it, or interrupt it")
        self._busy, self._stopping = True, False
        self.trajectory = resume(self.trajectory)
        try:
            yield
        finally:
            self._busy = False
            if self._stopping:
                self.stop()

    async def _turn(self) -> None:
        if isinstance(self._next, ModelStep):
            await self._step()
        if self.parallel_tools and isinstance(self._next, ToolStep):
            await self._together([ToolStep(trajectory=self.trajectory, call=call) for call in self.trajectory.pending])
        while isinstance(self._next, ToolStep):
            await self._step()

    async def _step(self) -> Outcome | None:
        step = self._next
        return await self._perform(step) if step is not None else None

    async def _perform(self, step: Step) -> Outcome:
        outcome = await self.perform(step, self.emit)
        trajectory = apply(self.trajectory, outcome)
        if self.commit:
            self.commit(step, outcome, trajectory)
        self.trajectory = trajectory
        self.finish()
        return outcome

    def finish(self) -> None:
        """Tells a recording why the rollout has stopped, where it has."""
        finish = getattr(self.perform, "finish", None)
        if finish is not None and self.trajectory.stop_reason is not None:
            finish(self.trajectory)

    async def _together(self, steps: list[ToolStep]) -> None:
        """Each result is committed as it comes, so that an interrupt costs only the calls still running."""
        tasks = [asyncio.ensure_future(self._perform(step)) for step in steps]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

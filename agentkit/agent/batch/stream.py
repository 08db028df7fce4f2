"""`ak.rollouts_iter`: the rollouts of a batch one by one, as many as there are; none is kept."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from agentkit.agent.agent import Agent
from agentkit.agent.batch.batch import POLL, Batch, whole
from agentkit.agent.batch.executors.crew import Crew
from agentkit.agent.batch.executors.remote_rollout import RemoteRollout
from agentkit.agent.batch.jobs import Job
from agentkit.agent.batch.reward import Reward
from agentkit.agent.batch.rollouts import Rollouts
from agentkit.agent.batch.run import attended, file_in_use, prepared
from agentkit.agent.event_loop import Work, run, run_async, start
from agentkit.agent.tools.pool import tool_pool
from agentkit.errors import UsageError, WrongCall, checked_keywords
from agentkit.types.trajectory import Trajectory
from agentkit.types.words import type_in_words


@checked_keywords
def rollouts_iter(
    agent: Agent,
    prompts: Any = None,
    n: int = 1,
    *,
    concurrency: int = 64,
    reward: Reward | None = None,
    record: Any = None,
    resume: Any = None,
    progress: bool | None = None,
    meta: Mapping[str, Any] | None = None,
    executor: Any = None,
    workers: int | None = None,
    shard: tuple[int, int] | None = None,
    ordered: bool = False,
) -> RolloutStream:
    """Run the rollouts of every prompt, as `rollouts` does, and give each when it has ended: with
    `for`, or `async for` on any event loop. None is kept, so a batch may be larger than memory.

    At most twice `concurrency` rollouts are there at once, running or waiting to be taken; a loop
    that is left ends what runs.

    Args:
        agent: as `rollouts` takes it.
        prompts: as `rollouts` takes them. Those of a generator or another iterator are read, in a
            thread, when their turn comes; all others are looked at before the first is asked.
        n, concurrency, reward, record: as `rollouts` takes them.
        resume: a path, as `rollouts` takes it.
        progress, meta, executor, workers, shard: as `rollouts` takes them.
        ordered: by prompt and then by sample; else as they end.

    Raises:
        UsageError: as `rollouts` does.
    """
    if not (resume is None or isinstance(resume, (str, os.PathLike))):
        raise UsageError(
            f"resume is {type_in_words(resume)}",
            hint="give the path that the earlier run has recorded to",
        )
    where = (executor, workers, shard)
    jobs, crew = prepared(agent, prompts, n, concurrency, reward, meta, *where, later=True)
    return RolloutStream(
        agent,
        jobs,
        ordered=ordered,
        concurrency=concurrency,
        reward=reward,
        files=(record, resume),
        progress=progress,
        crew=crew,
    )


class RolloutStream:
    """The rollouts of a batch, to be gone through once, with `for` or `async for`."""

    def __init__(
        self,
        agent: Agent,
        jobs: Sequence[Job] | Iterator[Job],
        *,
        ordered: bool,
        concurrency: int,
        reward: Reward | None,
        files: tuple[Any, Any],
        progress: bool | None,
        crew: Crew | None,
    ) -> None:
        self._agent, self._jobs, self._ordered = agent, jobs, ordered
        self._concurrency, self._reward, self._files = concurrency, reward, files
        self._progress, self._crew = progress, crew
        self._begun = False

    def __iter__(self) -> Iterator[Trajectory]:
        with self._running() as (batch, _):
            while (found := run(batch.take())) is not None:
                yield found

    async def __aiter__(self) -> AsyncIterator[Trajectory]:
        with self._running() as (batch, _):
            while (found := await run_async(batch.take())) is not None:
                yield found

    if not TYPE_CHECKING:  # a type checker refuses these by itself

        def __next__(self):
            raise WrongCall(
                "the rollouts of a batch are gone through with a loop",
                hint="for rollout in …, or async for; the first of them alone: next(iter(…))",
            )

        def __getitem__(self, index):
            raise WrongCall(
                "these rollouts are not kept: each is given once, when it has ended",
                hint="ak.rollouts(…) keeps them, and has places; rollouts_iter goes with for",
            )

        async def __anext__(self):
            raise WrongCall(
                "the rollouts of a batch are gone through with a loop",
                hint="async for rollout in …; the first of them alone: await anext(aiter(…))",
            )

    @contextmanager
    def _running(self) -> Iterator[tuple[StreamedBatch, Work[None]]]:
        """Run the batch for as long as somebody goes through it."""
        if self._begun:
            raise UsageError(
                "these rollouts were gone through before, and are not kept",
                hint="call ak.rollouts_iter again, with resume= where they were recorded",
            )
        self._begun = True
        with file_in_use(*self._files) as writer:
            if writer is not None:
                writer.open()
            batch = StreamedBatch(
                self._agent,
                self._jobs if isinstance(self._jobs, Sequence) else (),
                self._concurrency,
                earlier={},
                writer=writer,
                reward=self._reward,
                claims=self._files[1] is not None,
                crew=self._crew,
            )
            batch.open(self._jobs, self._concurrency, ordered=self._ordered)
            work = start(batch.run())
            try:
                with attended(batch, self._progress):
                    yield batch, work
            finally:
                work.cancel()

    def __repr__(self) -> str:
        return "<RolloutStream: gone through with for, or async for>"


class StreamedBatch(Batch):
    """A batch whose rollouts are taken away as they end."""

    def open(self, jobs: Sequence[Job] | Iterator[Job], concurrency: int, *, ordered: bool) -> None:
        """Make ready for these jobs.

        Args:
            jobs: what is to be done, all of it or as it is read.
            concurrency: so many at once.
            ordered: whether they are given in their order.
        """
        self._later = not isinstance(jobs, Sequence)
        self._next = enumerate(jobs)
        if self._later:
            self.progress.concurrency = concurrency
        self._ordered, self._most = ordered, 2 * self.progress.concurrency
        self._out: deque[int] = deque()
        """Which have ended, and are to be taken next."""
        self._there: dict[int, Trajectory | RemoteRollout] = {}
        self._expected = 0
        self._open = 0
        """How many were begun and not taken yet."""
        self._read_all = self._over = False
        self._error: BaseException | None = None
        self._change = asyncio.Event()
        self._room = asyncio.Event()
        self._reading = asyncio.Lock()

    async def run(self) -> None:
        """Run what is left to do."""
        try:
            await super().run()
            if self.failures and len(self.failures) == self.progress.done:
                self._error = self.failures[0]
        except BaseException as exc:
            self._error = exc
            raise
        finally:
            self._over = True
            self._change.set()

    async def take(self) -> Trajectory | None:
        """Wait for the next rollout; None where there is none any more.

        Raises:
            Exception: what has ended the batch.
        """
        while not self._out:
            if self._over:
                if self._error is not None:
                    raise self._error
                return None
            self._change.clear()
            await self._change.wait()
        self._open -= 1
        self._room.set()
        return whole(self._there.pop(self._out.popleft()))

    def result(self) -> Rollouts:
        """Collect what runs, and what nobody has taken."""
        running, there = dict(self._running), dict(self._there)

        def begun() -> Iterator[Trajectory]:
            for index in sorted({*running, *there}):
                yield whole(there[index]) if index in there else running[index].so_far

        return Rollouts(begun, asked=self.progress.asked)

    async def _work(self) -> None:
        while not self.progress.stopping and (job := await self._job()) is not None:
            if not await self._do(*job):
                await asyncio.sleep(POLL)

    async def _job(self) -> tuple[int, Job] | None:
        """Give what is to be done next, as soon as there is room for it."""
        while True:
            if self._held and (self._read_all or self._open >= self._most):
                return self._held.popleft()
            if self._read_all:
                return None
            if self._open < self._most:
                async with self._reading:
                    if not self._read_all and self._open < self._most:
                        self._open += 1
                        job = await self._read()
                        if job is not None:
                            return job
                        self._open -= 1
                        self._read_all = True
                        self._room.set()
                continue
            self._room.clear()
            await self._room.wait()

    async def _read(self) -> tuple[int, Job] | None:
        """Read the next job; a generator of the caller's may take its time."""
        if not self._later:
            return next(self._next, None)
        ran = await tool_pool().run(lambda: next(self._next, None))
        if ran.error is not None:
            raise ran.error
        found: tuple[int, Job] | None = ran.value
        if found is not None:
            self.progress.asked += 1
        return found

    def _keep_result(self, index: int, trajectory: Trajectory | RemoteRollout) -> None:
        self._there[index] = trajectory
        if not self._ordered:
            self._out.append(index)
        while self._ordered and self._expected in self._there:
            self._out.append(self._expected)
            self._expected += 1
        self._change.set()

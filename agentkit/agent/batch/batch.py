"""The rollouts of a batch while they run: bounded concurrency on one event loop, and of a file that
other runs write too, only what none of them is at.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from agentkit.agent.agent import Agent
from agentkit.agent.batch.around import around
from agentkit.agent.batch.executors.crew import Crew
from agentkit.agent.batch.executors.remote_rollout import RemoteRollout
from agentkit.agent.batch.jobs import Job, Left, check_spec
from agentkit.agent.batch.progress import Progress
from agentkit.agent.batch.reward import Reward, is_unrewarded, rewarded
from agentkit.agent.batch.rollouts import Rollouts
from agentkit.agent.engine import Engine
from agentkit.agent.record.recorder import Recorder
from agentkit.errors import FileError, FileInUse, NoWorkers, UsageError
from agentkit.files.cassette.line.line_steps import ENDED
from agentkit.files.claims import Claim, RunWriter
from agentkit.files.writers.owner import process_of
from agentkit.read.plain import plain
from agentkit.servers.failures import named
from agentkit.trajectory.loop import stop
from agentkit.types.trajectory import Trajectory

_log = logging.getLogger("agentkit")
POLL = 0.2
"""Seconds between looks at a rollout that another run is writing."""


class Batch:
    """The rollouts of a batch while they run: so many at once, each committed step by step."""

    def __init__(
        self,
        agent: Agent,
        jobs: Sequence[Job],
        concurrency: int,
        *,
        earlier: dict[int, Left],
        writer: RunWriter | None,
        reward: Reward | None,
        claims: bool = False,
        crew: Crew | None = None,
    ) -> None:
        """Run them.

        Args:
            agent: runs them.
            jobs: what is to be done.
            concurrency: so many at once.
            earlier: what earlier runs have left, by the number of its job.
            writer: the file's, where they are recorded.
            reward: what a rollout is worth.
            claims: whether other runs may be writing the same rollouts.
            crew: the workers that run them; None: they run here.
        """
        self.agent = agent.with_recorder(writer) if writer is not None else agent
        self.jobs = jobs
        self.progress = Progress(len(jobs), concurrency)
        self.failures: list[Exception] = []
        self._earlier = earlier
        self._writer = writer
        self._claims = writer if claims else None
        self._held: deque[tuple[int, Job]] = deque()
        """What other runs are writing."""
        self._reward = reward
        self._crew = crew
        self._around = around.get()
        self.progress.workers = min(crew.workers, self.progress.concurrency) if crew else 0
        self._secrecy = agent._setup.secrecy
        self._ended: list[Trajectory | RemoteRollout | None] = [None] * len(jobs)
        self._running: dict[int, Engine | RemoteRollout] = {}
        self._next: Iterator[tuple[int, Job]] = iter(enumerate(jobs))

    async def run(self) -> None:
        """Run what is left to do."""
        if self._writer is not None and self._writer.name is not None:
            around.set(self._around | {self._writer.name})
        workers = [asyncio.ensure_future(self._work()) for _ in range(self.progress.concurrency)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            if self._crew is not None:
                self._crew.close()
            await asyncio.gather(*workers, return_exceptions=True)

    def result(self) -> Rollouts:
        """Collect what has begun so far, in order; of earlier runs, all there is."""
        running, there = dict(self._running), list(self._ended)

        def begun() -> Iterator[Trajectory]:
            for index, ended in enumerate(there):
                if ended is not None:
                    yield whole(ended)
                elif index in running:
                    yield running[index].so_far
                elif index in self._earlier:
                    yield self.jobs[index].placed(self._earlier[index].trajectory)

        found = tuple(begun()) if self._crew is None else begun
        return Rollouts(found, asked=len(self.jobs), earlier=self.progress.earlier)

    async def _work(self) -> None:
        for index, job in self._next:
            if self.progress.stopping:
                return
            await self._do(index, job)
        while self._held and not self.progress.stopping:
            index, job = self._held.popleft()
            if not await self._do(index, job):
                await asyncio.sleep(POLL)

    async def _do(self, index: int, job: Job) -> bool:
        """Do a job, or put it behind the others where another run is at it; tell which."""
        left = self._earlier.get(index)
        ended = left is not None and left.trajectory.stop_reason in ENDED
        writes = not ended or (left is not None and self._has_news(job, left))
        if self._claims is None or not writes:
            if left is not None and ended:
                await self._keep(index, job, left)
            else:
                await self._roll(index, job, left)
            return True
        claim = self._claim(self._claims, index, job, left)
        if claim.state == "held":
            self._wait(index, job, claim)
            return False
        self.progress.waits_no_more(index)
        left = Left(claim.trajectory, claim.place)
        if claim.state == "done" and claim.trajectory.stop_reason not in ENDED:
            self.progress.finished(claim.trajectory, earlier=True)
            self._keep_result(index, job.placed(claim.trajectory))
        elif claim.trajectory.stop_reason in ENDED:
            await self._keep(index, job, left)
        else:
            await self._roll(index, job, left)
        return True

    def _claim(self, claims: RunWriter, index: int, job: Job, left: Left | None) -> Claim:
        """Take up the rollout of a job, unless another run has it.

        Raises:
            UsageError: it was begun with another model, other tools or other sampling.
        """
        if left is not None and left.place is not None:
            claims.place(index, left.place)
        start = job.begin(self.agent)
        claim = claims.claim(index, start, alike=job.alike, reward=self._reward is not None)
        if claim.state != "held" and claim.trajectory is not start:
            check_spec(start, claim.trajectory, job)
        return claim

    def _wait(self, index: int, job: Job, claim: Claim) -> None:
        """Put a job off until the run that is at it has ended it, or has gone.

        Raises:
            FileInUse: that run waits for this one, which is inside of it.
        """
        if claim.owner in self._around:
            raise FileInUse(
                f"prompt {job.prompt_index}, sample {job.sample} is written by the run that this"
                " one is inside of",
                hint="give the inner run another prompt, or a file of its own",
            )
        if not self.progress.held and self._writer is not None:
            _log.warning(
                "%s: another run (process %s) is writing rollouts of this batch; they are waited"
                " for, and not run again",
                self._writer.path.name,
                process_of(claim.owner or ""),
            )
        self._held.append((index, job))
        self.progress.waits(index, claim.owner or "")

    def _has_news(self, job: Job, left: Left) -> bool:
        """Tell whether there is something to write of a rollout that has ended."""
        if self._writer is None:
            return False
        trajectory = job.placed(left.trajectory)
        return (
            left.place is None
            or plain(trajectory.meta) != plain(left.trajectory.meta)
            or is_unrewarded(trajectory, self._reward)
        )

    async def _keep(self, index: int, job: Job, left: Left) -> None:
        """Take over a rollout that an earlier run has ended; its reward may still be missing."""
        trajectory = job.placed(left.trajectory)
        if self._writer is not None and self._has_news(job, left):
            recording = Recorder(_nothing, self._writer)
            if left.place is not None:
                recording.go_on(self._writer, left.place, left.trajectory)
            trajectory = await rewarded(trajectory, self._reward, self._secrecy)
            recording.finish(trajectory)
        trajectory = await rewarded(trajectory, self._reward, self._secrecy)
        self.progress.finished(trajectory, earlier=True)
        self._keep_result(index, trajectory)

    async def _roll(self, index: int, job: Job, left: Left | None) -> None:
        engine = self._begin(job, left)
        self._running[index] = engine
        self.progress.began()
        try:
            await engine.run()
            if isinstance(engine, Engine):
                engine.trajectory = await rewarded(engine.trajectory, self._reward, self._secrecy)
                engine.finish()
        except (FileError, NoWorkers):
            # what comes now can be kept nowhere, and would be paid for again
            raise
        except Exception as exc:
            # not of a model, tool or server, for that is data; it ends this rollout and no other
            self.failures.append(exc)
            engine.trajectory = stop(_with_meta(engine.trajectory, exception=named(exc)))
        del self._running[index]
        ended = engine.trajectory if isinstance(engine, Engine) else engine
        self.progress.finished(ended)
        self._keep_result(index, ended)

    def _keep_result(self, index: int, trajectory: Trajectory | RemoteRollout) -> None:
        """Keep a rollout that has ended."""
        self._ended[index] = trajectory

    def _begin(self, job: Job, left: Left | None) -> Engine | RemoteRollout:
        if self._crew is not None:
            start = job.begin(self.agent) if left is None else job.placed(left.trajectory)
            return RemoteRollout(
                self._crew.run,
                replace(start, damage=()),
                known=start.meta if left is None else left.trajectory.meta,
                writer=self._writer,
                place=None if left is None else left.place,
                progress=self.progress,
                opened=None if self._crew.private else self._secrecy.opened,
            )
        if left is None:
            return self.agent.engine(job.begin(self.agent), commit=self.progress.committed)
        begun = replace(job.placed(left.trajectory), damage=())  # what was lost is run again
        engine = self.agent.engine(begun, commit=self.progress.committed)
        if (
            self._writer is not None
            and left.place is not None
            and isinstance(engine.perform, Recorder)
        ):
            engine.perform.go_on(self._writer, left.place, left.trajectory)
        return engine


def whole(ended: Trajectory | RemoteRollout) -> Trajectory:
    """Give the rollout, which is read now where a worker has run it."""
    return ended.trajectory if isinstance(ended, RemoteRollout) else ended


async def _nothing(step: Any, emit: Any = None) -> Any:
    raise UsageError("this rollout has ended")


def _with_meta(trajectory: Trajectory, **meta: Any) -> Trajectory:
    return replace(trajectory, meta={**trajectory.meta, **meta})

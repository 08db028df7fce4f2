"""`ak.rollouts`: bounded concurrency on one event loop, in order, and nothing that finished is ever
lost.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

from agentkit.agent.agent import Agent, checked
from agentkit.agent.batch.jobs import ENDED, Job, Left, jobs_of, left_of, taken_up
from agentkit.agent.batch.progress import Progress, shown
from agentkit.agent.batch.rollouts import Rollouts
from agentkit.agent.engine import Engine
from agentkit.agent.event_loop import refuse_await, run, run_async
from agentkit.agent.record.recorder import Recorder
from agentkit.agent.tools.pool import tool_pool
from agentkit.errors import UsageError, checked_keywords, raised_at
from agentkit.files.cassette.writer import CassetteWriter, cassette, used
from agentkit.read.plain import plain
from agentkit.servers.failures import named
from agentkit.trajectory.loop import checked_meta, stop
from agentkit.types.trajectory import Trajectory

Reward = Callable[[Trajectory], Any]
"""What a rollout is worth: a number, or a coroutine of one. It is called in a thread; what it
raises is kept as data.
"""

_interrupted: Rollouts | None = None


class Batch:
    """The rollouts of a batch while they run: so many at once, each committed step by step."""

    def __init__(
        self,
        agent: Agent,
        jobs: Sequence[Job],
        concurrency: int,
        *,
        earlier: dict[int, Left],
        writer: CassetteWriter | None,
        reward: Reward | None,
    ) -> None:
        self.agent = agent
        self.jobs = jobs
        self.progress = Progress(len(jobs), concurrency)
        self.failures: list[Exception] = []
        self._earlier = earlier
        self._writer = writer
        self._reward = reward
        self._ended: list[Trajectory | None] = [None] * len(jobs)
        self._running: dict[int, Engine] = {}
        self._next: Iterator[tuple[int, Job]] = iter(enumerate(jobs))

    async def run(self) -> None:
        """Run what is left to do."""
        workers = [asyncio.ensure_future(self._work()) for _ in range(self.progress.concurrency)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    def result(self) -> Rollouts:
        """Collect what has begun so far, in order; of earlier runs, all there is."""
        running = {index: engine.trajectory for index, engine in list(self._running.items())}
        found = []
        for index, ended in enumerate(list(self._ended)):
            trajectory = ended or running.get(index)
            if trajectory is None and index in self._earlier:
                trajectory = self.jobs[index].placed(self._earlier[index].trajectory)
            found.append(trajectory)
        return Rollouts((t for t in found if t is not None), asked=len(self.jobs))

    async def _work(self) -> None:
        for index, job in self._next:
            left = self._earlier.get(index)
            if left is not None and left.trajectory.stop_reason in ENDED:
                await self._keep(index, job.placed(left.trajectory), left)
            else:
                await self._roll(index, job, left)

    async def _keep(self, index: int, trajectory: Trajectory, left: Left) -> None:
        """Take over a rollout that an earlier run has ended; its reward may still be missing."""
        if self._writer is not None and (
            left.place is None
            or plain(trajectory.meta) != plain(left.trajectory.meta)
            or self._unrewarded(trajectory)
        ):
            recording = Recorder(_nothing, self._writer)
            if left.place is not None:
                recording.go_on(self._writer, left.place, left.trajectory)
            trajectory = await self._rewarded(trajectory)
            recording.finish(trajectory)
        self._ended[index] = await self._rewarded(trajectory)
        self.progress.finished(trajectory, earlier=True)

    async def _roll(self, index: int, job: Job, left: Left | None) -> None:
        engine = self._begin(job, left)
        self._running[index] = engine
        self.progress.began()
        try:
            await engine.run()
            engine.trajectory = await self._rewarded(engine.trajectory)
            engine.finish()
        except Exception as exc:
            # not of a model, tool or server, for that is data; it ends this rollout and no other
            self.failures.append(exc)
            engine.trajectory = stop(_with_meta(engine.trajectory, exception=named(exc)))
        self._ended[index] = engine.trajectory
        del self._running[index]
        self.progress.finished(engine.trajectory)

    def _begin(self, job: Job, left: Left | None) -> Engine:
        if left is None:
            return self.agent.engine(job.begin(self.agent), commit=self.progress.committed)
        engine = self.agent.engine(job.placed(left.trajectory), commit=self.progress.committed)
        if (
            self._writer is not None
            and left.place is not None
            and isinstance(engine.perform, Recorder)
        ):
            engine.perform.go_on(self._writer, left.place, left.trajectory)
        return engine

    def _unrewarded(self, trajectory: Trajectory) -> bool:
        return (
            self._reward is not None
            and trajectory.stop_reason in ENDED
            and "reward" not in trajectory.meta
        )

    async def _rewarded(self, trajectory: Trajectory) -> Trajectory:
        """Put the reward in the trajectory's meta; one whose request failed has none."""
        reward = self._reward
        if reward is None or not self._unrewarded(trajectory):
            return trajectory
        ran = await tool_pool().run(lambda: reward(trajectory))
        value, error = ran.value, ran.error
        if inspect.isawaitable(value):
            try:
                value = await value
            except Exception as exc:
                value, error = None, exc
        if error is not None:
            return _with_meta(
                trajectory, reward=None, reward_exception=f"{named(error)}{raised_at(error)}"
            )
        return _with_meta(trajectory, reward=plain(value))


async def _nothing(step: Any, emit: Any = None) -> Any:
    raise UsageError("this rollout has ended")


def _with_meta(trajectory: Trajectory, **meta: Any) -> Trajectory:
    return replace(trajectory, meta={**trajectory.meta, **meta})


@checked_keywords
def rollouts(
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
) -> Rollouts:
    """Run the rollouts of every prompt, `n` samples each, and return them in order: by prompt, then
    by sample.

    A failed request ends its own rollout with `stop_reason="error"`; an exception that is no
    model's, tool's or server's ends its own too, and is kept in its meta. An interrupt is raised as
    it is, with what had begun as its `rollouts`.

    Args:
        agent: an `ak.Agent`; all its rollouts share one client. Of `ak.replay(path)`, without
            prompts: everything that was recorded.
        prompts: texts, lists of messages, or dicts with a `prompt` (or `messages`) and whatever
            else belongs in the rollout's meta.
        n: samples of each prompt. A `seed` in the sampling goes up with the sample.
        concurrency: rollouts under way at once.
        reward: a function of the trajectory; what it gives becomes `meta["reward"]`, what it raises
            `meta["reward_exception"]`.
        record: a path; every finished step is appended to this cassette.
        resume: a path that an earlier run recorded to, or its rollouts. What has ended is not asked
            again, what had begun goes on; with a path,
            the rest is recorded there too. A file that is not there yet is begun.
        progress: None: shown in a notebook or a terminal; False: never; True: also where standard
            error is no terminal.
        meta: kept with every trajectory.

    Raises:
        UsageError: it is not an agent, there is no prompt, a number is below 1, or the earlier run
            was made with another agent.
        CassetteError: the file is not a cassette.
        FileInUse: another run or process writes the file, and one of the two resumes from it.
    """
    refuse_await("ak.rollouts()", "await ak.rollouts_async(...)")
    with _use(record, resume):
        batch = _batch(agent, prompts, n, concurrency, reward, record, resume, meta)
        close = shown(batch.progress, progress)
        try:
            run(batch.run())
        except BaseException as exc:
            _keep(batch, exc)
            raise
        finally:
            close()
        return _whole(batch)


@checked_keywords
async def rollouts_async(
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
) -> Rollouts:
    """Run the rollouts of every prompt, as `rollouts` does, awaited from any event loop.

    Args:
        agent, prompts, n, concurrency, reward, record, resume, progress, meta: as `rollouts` takes
            them.
    """
    with _use(record, resume):
        batch = _batch(agent, prompts, n, concurrency, reward, record, resume, meta)
        close = shown(batch.progress, progress)
        try:
            await run_async(batch.run())
        except BaseException as exc:
            _keep(batch, exc)
            raise
        finally:
            close()
        return _whole(batch)


@checked_keywords
def interrupted() -> Rollouts | None:
    """Return what had begun of the batch that was interrupted last in this process."""
    return _interrupted


def _use(record: Any, resume: Any) -> AbstractContextManager[None]:
    """Hold the file in use from before it is looked at: what another run is writing must not be
    taken for what an earlier one has left.
    """
    alone = isinstance(resume, (str, Path))
    return used(resume if alone else record, alone=alone)


def _batch(
    agent: Any,
    prompts: Any,
    n: int,
    concurrency: int,
    reward: Reward | None,
    record: Any,
    resume: Any,
    meta: Mapping[str, Any] | None,
) -> Batch:
    for name, number in (("n", n), ("concurrency", concurrency)):
        if type(number) is not int or number < 1:
            raise UsageError(f"{name} is {number!r}", hint="give a whole number from 1 up")
    if reward is not None and not callable(reward):
        raise UsageError(
            f"the reward is a {type(reward).__name__}", hint="give a function of the trajectory"
        )
    from_file = isinstance(resume, (str, Path))
    if record is not None and from_file and Path(record).resolve() != Path(resume).resolve():
        raise UsageError(
            "record and resume name different files",
            hint="resume records into the file it resumes from",
        )
    jobs = jobs_of(checked(agent), prompts, n, checked_meta(meta))
    left = left_of(resume)
    earlier = taken_up(jobs, [job.begin(agent) for job in jobs], left) if left else {}
    path = resume if from_file else record
    writer = cassette(path) if path is not None else None
    return Batch(
        agent.with_recorder(writer) if writer else agent,
        jobs,
        concurrency,
        earlier=earlier,
        writer=writer,
        reward=reward,
    )


def _whole(batch: Batch) -> Rollouts:
    """Return the result; where every rollout ended with an exception, raise the first.

    Raises:
        Exception: what every rollout raised.
    """
    if batch.failures and len(batch.failures) == len(batch.jobs):
        _keep(batch, batch.failures[0])
        raise batch.failures[0]
    return batch.result()


def _keep(batch: Batch, exc: BaseException) -> None:
    global _interrupted
    exc.rollouts = _interrupted = batch.result()  # type: ignore[attr-defined]
    exc.add_note(
        "what had begun is kept: ak.interrupted(), or sys.last_value.rollouts; ak.rollouts(…,"
        " resume=it) goes on with it"
    )

"""`ak.rollouts`: bounded concurrency on one event loop, in order, and nothing that finished is ever lost."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

from agentkit.agent import Agent, checked
from agentkit.background import run, run_async
from agentkit.batch.jobs import Job, jobs_of
from agentkit.batch.result import Rollouts
from agentkit.engine import Engine
from agentkit.errors import UsageError
from agentkit.types import Trajectory


class Batch:
    """The rollouts of a batch while they run: so many at once, each committed step by step."""

    def __init__(self, agent: Agent, jobs: Sequence[Job], concurrency: int) -> None:
        self.agent = agent
        self.jobs = jobs
        self._concurrency = concurrency
        self._ended: list[Trajectory | None] = [None] * len(jobs)
        self._running: dict[int, Engine] = {}
        self._next: Iterator[tuple[int, Job]] = iter(enumerate(jobs))

    async def run(self) -> None:
        """Runs what is left to do."""
        workers = [asyncio.ensure_future(self._work()) for _ in range(min(self._concurrency, len(self.jobs)))]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    def result(self) -> Rollouts:
        """What has begun so far, in order."""
        running = {index: engine.trajectory for index, engine in list(self._running.items())}
        found = (ended or running.get(index) for index, ended in enumerate(list(self._ended)))
        return Rollouts((t for t in found if t is not None), asked=len(self.jobs))

    async def _work(self) -> None:
        for index, job in self._next:
            engine = self._running[index] = self.agent.engine(job.begin(self.agent))
            await engine.run()
            self._ended[index] = engine.trajectory
            del self._running[index]


def rollouts(agent: Agent, prompts: Any = None, n: int = 1, *, concurrency: int = 64, **meta: Any) -> Rollouts:
    """The rollouts of every prompt, `n` samples each, in order: by prompt, then by sample.

    Args:
        agent: an `ak.Agent`; all its rollouts share one client.
        prompts: texts, lists of messages, or dicts with a `prompt` (or `messages`) and whatever else belongs in the rollout's meta.
        n: samples of each prompt. A `seed` in the sampling goes up with the sample.
        concurrency: rollouts under way at once.
        meta: kept with every trajectory.

    Raises:
        UsageError: it is not an agent, there is no prompt, or a number is below 1.
    """
    batch = _batch(agent, prompts, n, concurrency, meta)
    try:
        run(batch.run())
    except BaseException as exc:
        _keep(batch, exc)
        raise
    return batch.result()


async def rollouts_async(agent: Agent, prompts: Any = None, n: int = 1, *, concurrency: int = 64, **meta: Any) -> Rollouts:
    """The same as `rollouts`, awaited from any event loop."""
    batch = _batch(agent, prompts, n, concurrency, meta)
    try:
        await run_async(batch.run())
    except BaseException as exc:
        _keep(batch, exc)
        raise
    return batch.result()


def _batch(agent: Any, prompts: Any, n: int, concurrency: int, meta: dict[str, Any]) -> Batch:
    for name, number in (("n", n), ("concurrency", concurrency)):
        if type(number) is not int or number < 1:
            raise UsageError(f"{name} is {number!r}", mend="give a whole number from 1 up")
    return Batch(agent, jobs_of(checked(agent), prompts, n, meta), concurrency)


def _keep(batch: Batch, exc: BaseException) -> None:
    exc.rollouts = batch.result()  # type: ignore[attr-defined]
    exc.add_note("what had finished is kept: sys.last_value.rollouts")

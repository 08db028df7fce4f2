"""`ak.rollout`, one to its end, and `ak.rollouts`: bounded concurrency on one event loop, in order,
and nothing that finished is ever lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agentkit.agent.agent import Agent, checked
from agentkit.agent.batch.batch import Batch
from agentkit.agent.batch.executors.crew import Crew, check_meta
from agentkit.agent.batch.executors.executor import executor_of
from agentkit.agent.batch.jobs import Job, checked_shard, jobs_of, later_jobs, left_of, taken_up
from agentkit.agent.batch.progress import shown
from agentkit.agent.batch.reward import Reward
from agentkit.agent.batch.rollouts import Rollouts
from agentkit.agent.event_loop import refuse_await, run, run_async
from agentkit.errors import UsageError, checked_keywords
from agentkit.files.cassette.writer import used
from agentkit.files.claims import RunWriter, run_writer
from agentkit.trajectory.loop import checked_meta
from agentkit.types.trajectory import Trajectory
from agentkit.types.words import type_in_words

_interrupted: Rollouts | None = None


@checked_keywords
def rollout(
    agent: Agent, prompt: Any = None, *, meta: Mapping[str, Any] | None = None
) -> Trajectory:
    """Run one rollout to its end and return its trajectory. A failed request ends it with
    `stop_reason="error"`, and nothing is lost.

    An interrupt is raised as it is, with what had finished as its `trajectory`; to stop, look
    around and go on, use `ak.debug`.

    Args:
        agent: an `ak.Agent`; also `ak.demo()` or what `ak.replay` gives, which knows its prompt.
        prompt: a text, or a list of messages.
        meta: kept with the trajectory: task, labels.

    Raises:
        UsageError: it is not an agent, or there is no prompt.
    """
    refuse_await("ak.rollout()", "await ak.rollouts_async(agent, [prompt])")
    engine = checked(agent, prompt).engine(agent.start(prompt, meta=meta))
    try:
        run(engine.run())
    except BaseException as exc:
        exc.trajectory = engine.so_far  # type: ignore[attr-defined]
        exc.add_note("what had finished is kept: sys.last_value.trajectory")
        raise
    return engine.trajectory


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
    executor: Any = None,
    workers: int | None = None,
    shard: tuple[int, int] | None = None,
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
            the rest is recorded there too. A file that is not there yet is begun. What another
            living run of the same file is at is left to it, waited for and returned.
        progress: None: shown in a notebook or a terminal; False: never; True: also where standard
            error is no terminal.
        meta: kept with every trajectory.
        executor: where they run: None: in this process; `"processes"`: on all cores of this
            machine; `"ray"`: on the machines of a Ray cluster; or an object that starts workers.
            `concurrency` is that of all workers together, and what they record is written here.
        workers: how many the executor starts; by default one a core.
        shard: `(i, n)`: only the prompts whose number leaves `i` when it is divided by `n`, for
            those who start processes of their own.

    Raises:
        UsageError: it is not an agent, there is no prompt, something cannot be sent to the
            executor's workers, a number is below 1, or the earlier run
            was made with another agent.
        CassetteError: the file is not a cassette.
        FileInUse: the file is being replaced, or the file system has no locks to resume with.
        FileError: the file cannot be written, as on a full disk; what had ended is in it.
        NoWorkers: no worker of the executor is left; what had ended is kept.
    """
    refuse_await("ak.rollouts()", "await ak.rollouts_async(...)")
    return run_side(
        "",
        agent,
        prompts,
        n,
        concurrency=concurrency,
        reward=reward,
        record=record,
        resume=resume,
        progress=progress,
        meta=meta,
        executor=executor,
        workers=workers,
        shard=shard,
    )


def run_side(
    name: str,
    agent: Agent,
    prompts: Any,
    n: int,
    *,
    concurrency: int,
    record: Any,
    resume: Any,
    progress: bool | None,
    reward: Reward | None = None,
    meta: Mapping[str, Any] | None = None,
    executor: Any = None,
    workers: int | None = None,
    shard: tuple[int, int] | None = None,
) -> Rollouts:
    """Run rollouts, as `rollouts` does, with a name for what is said of them meanwhile."""
    with file_in_use(record, resume) as writer:
        where = (executor, workers, shard)
        batch = _batch(agent, prompts, n, concurrency, reward, resume, meta, writer, *where)
        batch.progress.name = name
        with attended(batch, progress):
            run(batch.run())
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
    executor: Any = None,
    workers: int | None = None,
    shard: tuple[int, int] | None = None,
) -> Rollouts:
    """Run the rollouts of every prompt, as `rollouts` does, awaited from any event loop.

    Args:
        agent, prompts, n, concurrency, reward, record, resume, progress, meta: as `rollouts` takes
            them.
        executor, workers, shard: as `rollouts` takes them.
    """
    with file_in_use(record, resume) as writer:
        where = (executor, workers, shard)
        batch = _batch(agent, prompts, n, concurrency, reward, resume, meta, writer, *where)
        with attended(batch, progress):
            await run_async(batch.run())
        return _whole(batch)


@checked_keywords
def interrupted() -> Rollouts | None:
    """Return what had begun of the batch that was interrupted last in this process."""
    return _interrupted


@contextmanager
def file_in_use(record: Any, resume: Any) -> Iterator[RunWriter | None]:
    """Hold the file in use, and be an owner of rollouts in it, for as long as the run lives.

    Raises:
        FileInUse: the file is being replaced; or it is resumed from, and the file system has no
            locks to tell who else writes it.
    """
    resumes = isinstance(resume, (str, Path))
    if record is not None and resumes and Path(record).resolve() != Path(resume).resolve():
        raise UsageError(
            "record and resume name different files",
            hint="resume records into the file it resumes from",
        )
    path = resume if resumes else record
    if path is None:
        yield None
        return
    with used(path, alone=False):
        writer = run_writer(path, alone=resumes)
        try:
            yield writer
        finally:
            writer.close()


def _batch(
    agent: Any,
    prompts: Any,
    n: int,
    concurrency: int,
    reward: Reward | None,
    resume: Any,
    meta: Mapping[str, Any] | None,
    writer: RunWriter | None,
    executor: Any,
    workers: int | None,
    shard: tuple[int, int] | None,
) -> Batch:
    where = (executor, workers, shard)
    found, crew = prepared(agent, prompts, n, concurrency, reward, meta, *where)
    jobs, left = list(found), left_of(resume)
    earlier = taken_up(jobs, [job.begin(agent) for job in jobs], left) if left else {}
    if writer is not None:
        writer.open()
    return Batch(
        agent,
        jobs,
        concurrency,
        earlier=earlier,
        writer=writer,
        reward=reward,
        claims=isinstance(resume, (str, Path)),
        crew=crew,
    )


def prepared(
    agent: Any,
    prompts: Any,
    n: int,
    concurrency: int,
    reward: Reward | None,
    meta: Mapping[str, Any] | None,
    executor: Any,
    workers: int | None,
    shard: tuple[int, int] | None,
    *,
    later: bool = False,
) -> tuple[Sequence[Job] | Iterator[Job], Crew | None]:
    """Check what a batch is given, before anything is asked: give what it is to do, and the workers
    that are to be started for it; None where it runs in this process.

    Args:
        agent, prompts, n, concurrency, reward, meta: as `rollouts` takes them.
        executor, workers, shard: as `rollouts` takes them.
        later: whether the prompts of an iterator are read when their turn comes.

    Raises:
        UsageError: as `rollouts` does.
    """
    for name, number in (("n", n), ("concurrency", concurrency)):
        if type(number) is not int or number < 1:
            raise UsageError(f"{name} is {number!r}", hint="give a whole number from 1 up")
    if reward is not None and not callable(reward):
        raise UsageError(
            f"the reward is {type_in_words(reward)}", hint="give a function of the trajectory"
        )
    jobs: Sequence[Job] | Iterator[Job]
    asked = (checked(agent, prompts), prompts, n, checked_meta(meta), checked_shard(shard))
    jobs = later_jobs(*asked) if later and isinstance(prompts, Iterator) else jobs_of(*asked)
    chosen = executor_of(executor, workers)
    crew = None if chosen is None else Crew(chosen, agent, reward)
    if crew is not None and isinstance(jobs, Sequence):
        check_meta({job.prompt_index: job.start for job in jobs})
    return jobs, crew


@contextmanager
def attended(batch: Batch, progress: bool | None) -> Iterator[None]:
    """Show how far a batch is for as long as it is waited for, and keep what had begun of one that
    ends with an exception.
    """
    close = shown(batch.progress, progress)
    try:
        yield
    except GeneratorExit:  # whoever goes through it has left
        raise
    except BaseException as exc:
        _keep_begun(batch, exc)
        raise
    finally:
        close()


def _whole(batch: Batch) -> Rollouts:
    """Return the result; where every rollout ended with an exception, raise the first.

    Raises:
        Exception: what every rollout raised.
    """
    if batch.failures and len(batch.failures) == len(batch.jobs):
        _keep_begun(batch, batch.failures[0])
        raise batch.failures[0]
    return batch.result()


def _keep_begun(batch: Batch, exc: BaseException) -> None:
    """Keep what had begun of a batch that ends with this exception."""
    global _interrupted
    exc.rollouts = _interrupted = batch.result()  # type: ignore[attr-defined]
    exc.add_note(
        "what had begun is kept: ak.interrupted(), or sys.last_value.rollouts; ak.rollouts(…,"
        " resume=it) goes on with it"
    )

"""What a batch is to do: each prompt so many times, less what an earlier run has left of it in its
cassette, or what an interrupt kept.
"""

from __future__ import annotations

import os
from collections import defaultdict, deque
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from agentkit.agent.agent import Agent
from agentkit.agent.record.replay import ReplayAgent, start_key
from agentkit.errors import UsageError
from agentkit.files.cassette.index import load_by_sample
from agentkit.files.cassette.json_records import to_json
from agentkit.files.cassette.line.line_steps import ENDED
from agentkit.files.claims import place_of
from agentkit.types.trajectory import Message, Trajectory
from agentkit.types.words import type_in_words

_HINT = (
    "pass a list of prompts: texts, lists of messages, or dicts with a 'prompt' and whatever else"
    " belongs to it"
)


@dataclass(frozen=True, slots=True)
class Job:
    """One rollout that is to be done."""

    start: Trajectory
    """Shared by all samples of the prompt."""
    key: str
    """Of the prompt."""
    prompt_index: int
    sample: int
    alike: Container[int] = frozenset()
    """The places of the prompts of the same text, in whichever shard: what was begun at another one
    belongs there.
    """

    def begin(self, agent: Agent) -> Trajectory:
        """Make the trajectory it begins with, when its turn comes."""
        return agent.with_sample(self.start, self.sample, meta={"prompt_index": self.prompt_index})

    def placed(self, trajectory: Trajectory) -> Trajectory:
        """Give an earlier run's trajectory this batch's meta."""
        place = {**self.start.meta, "prompt_index": self.prompt_index, "sample": self.sample}
        return replace(
            trajectory,
            meta={**{k: v for k, v in trajectory.meta.items() if k != "exception"}, **place},
        )


def jobs_of(
    agent: Agent,
    prompts: Any,
    n: int,
    meta: Mapping[str, Any],
    shard: tuple[int, int] | None = None,
) -> list[Job]:
    """List every rollout of a batch, by prompt and then by sample. All prompts are looked at before
    the first is asked.

    Args:
        agent: runs them.
        prompts: texts, lists of messages, or dicts with a `prompt`; of a replay, None for all that
            was recorded.
        n: samples of each prompt.
        meta: kept with every trajectory.
        shard: which part of the prompts, and of how many.

    Raises:
        UsageError: there is no prompt, or one that is neither a text nor a list of messages.
        ReplayMiss: a replay holds no rollout of a prompt, or too few.
    """
    if prompts is None and isinstance(agent, ReplayAgent) and n == 1:
        return [
            _replayed(agent, recorded, index, meta) for index, recorded in enumerate(agent.recorded)
        ]
    found = listed(prompts)
    if not found:
        raise UsageError("there are no prompts", hint=_HINT)
    if len(found) == 1:
        starts = [_start(agent, found[0], meta)]
    else:
        starts = [_start_of(index, agent, prompt, meta) for index, prompt in enumerate(found)]
    keys = [start_key(start) for start in starts]
    alike: defaultdict[str, set[int]] = defaultdict(set)
    for index, key in enumerate(keys):
        alike[key].add(index)
    jobs = [
        Job(start, key, index, sample, alike[key])
        for index, (start, key) in enumerate(zip(starts, keys, strict=True))
        if in_shard(index, shard)
        for sample in range(n)
    ]
    if isinstance(agent, ReplayAgent):
        agent.check_enough(job.start for job in jobs)
    return jobs


def later_jobs(
    agent: Agent,
    prompts: Iterator[Any],
    n: int,
    meta: Mapping[str, Any],
    shard: tuple[int, int] | None,
) -> Iterator[Job]:
    """List the rollouts of prompts that are read when their turn comes.

    Args:
        agent, prompts, n, meta, shard: as `jobs_of` takes them.

    Raises:
        UsageError: a prompt is neither a text nor a list of messages.
    """
    alike = frozenset() if shard is None else _OtherShards(shard)  # which are alike is not kept
    for index, prompt in enumerate(prompts):
        if in_shard(index, shard):
            start = _start_of(index, agent, prompt, meta)
            key = start_key(start)
            for sample in range(n):
                yield Job(start, key, index, sample, alike)


class _OtherShards(Container[int]):
    """The places of all prompts of other shards."""

    def __init__(self, shard: tuple[int, int]) -> None:
        self._shard = shard

    def __contains__(self, place: object) -> bool:
        return isinstance(place, int) and not in_shard(place, self._shard)


def in_shard(index: int, shard: tuple[int, int] | None) -> bool:
    """Tell whether a prompt belongs to the shard: every so manieth does, with all its samples."""
    return shard is None or index % shard[1] == shard[0]


def checked_shard(shard: Any) -> tuple[int, int] | None:
    """Check what is given as `shard`.

    Raises:
        UsageError: it is no pair of a number and a count.
    """
    if shard is None:
        return None
    if isinstance(shard, (tuple, list)) and len(shard) == 2:
        part, of = shard
        if type(part) is type(of) is int and 0 <= part < of:
            return part, of
    raise UsageError(
        f"shard is {shard!r:.80}", hint="give which one, from 0, of how many: shard=(0, 4)"
    )


def _replayed(agent: ReplayAgent, recorded: Trajectory, index: int, meta: Mapping[str, Any]) -> Job:
    start = agent.start_of(recorded)
    place = (recorded.meta.get("prompt_index", index), recorded.meta.get("sample", 0))
    return Job(replace(start, meta={**start.meta, **meta}), start_key(start), *place)


def listed(prompts: Any) -> list[Any]:
    """List the prompts; a text, or the messages of one conversation, are a single prompt.

    Raises:
        UsageError: it is nothing that holds prompts.
    """
    if prompts is None or isinstance(prompts, (str, Mapping, Message)):
        return [prompts]
    if not isinstance(prompts, Iterable) or isinstance(prompts, (bytes, bytearray)):
        raise UsageError(f"the prompts are {type_in_words(prompts)}", hint=_HINT)
    found = list(prompts)
    return (
        [found]
        if found
        and all(
            isinstance(item, Message) or (isinstance(item, Mapping) and "role" in item)
            for item in found
        )
        else found
    )


def _start_of(index: int, agent: Agent, prompt: Any, meta: Mapping[str, Any]) -> Trajectory:
    """Start one prompt of several.

    Raises:
        UsageError: it cannot be used; the error says which it is.
    """
    try:
        return _start(agent, prompt, meta)
    except UsageError as exc:
        raise UsageError(f"prompt {index}: {exc.message}", hint=exc.hint) from exc.__cause__


def _start(agent: Agent, prompt: Any, meta: Mapping[str, Any]) -> Trajectory:
    if not isinstance(prompt, Mapping):
        return agent.start(prompt, meta=meta)
    name = next((name for name in ("prompt", "messages") if name in prompt), None)
    if name is None:
        names = ", ".join(map(str, prompt))
        found = f"a prompt is a dict without 'prompt' or 'messages'; it has: {names}"
        raise UsageError(found[:200], hint=_HINT)
    return agent.start(
        prompt[name],
        meta={**meta, **{str(key): value for key, value in prompt.items() if key != name}},
    )


class Left(NamedTuple):
    """One rollout that an earlier run has begun."""

    trajectory: Trajectory
    place: int | None
    """Its sample index in the cassette; None where it comes from memory."""


def left_of(resume: Any) -> list[Left]:
    """Read what an earlier run has left, from a path or from rollouts; nothing where there is no
    such file yet.

    Raises:
        CassetteError: the file is not a cassette.
        UsageError: it is neither a path nor rollouts.
    """
    if resume is None:
        return []
    if isinstance(resume, (str, os.PathLike)):
        found = sorted(
            load_by_sample(Path(resume)).items(),
            key=lambda item: (item[1].stop_reason not in ENDED, item[0]),
        )
        return [Left(trajectory, place) for place, trajectory in found]
    from agentkit.files.reader import rollouts_in  # it knows every format, and takes its time

    return [Left(trajectory, None) for trajectory in rollouts_in(resume)]


def taken_up(
    jobs: Sequence[Job], starts: Sequence[Trajectory], left: Sequence[Left]
) -> dict[int, Left]:
    """Find the rollout that was begun for each job, by the job's number: the same prompt and the
    same sample. Of several prompts of one text, each gets what was begun at its own place.

    Args:
        jobs: what the batch is to do.
        starts: the start of each job.
        left: what earlier runs have begun.

    Raises:
        UsageError: it was run with another model, other tools or other sampling.
    """
    waiting: defaultdict[tuple[Any, ...], deque[int]] = defaultdict(deque)
    for at, (trajectory, _) in enumerate(
        left
    ):  # a damaged file may hold a sample that is no number
        begun, place = (
            (start_key(trajectory), repr(trajectory.meta.get("sample"))),
            place_of(trajectory.meta),
        )
        waiting[begun].append(at)
        waiting[*begun, place].append(at)
    taken: dict[int, int] = {}
    for number, job in enumerate(jobs):
        if own := waiting.get((job.key, repr(job.sample), job.prompt_index)):
            taken[number] = own.popleft()
    given = set(taken.values())
    for number, job in enumerate(jobs):
        free = waiting.get((job.key, repr(job.sample)), deque())
        while free and number not in taken:
            at = free.popleft()
            if at not in given and place_of(left[at].trajectory.meta) not in job.alike:
                taken[number] = at
    for number, at in taken.items():
        check_spec(starts[number], left[at].trajectory, jobs[number])
    return {number: left[at] for number, at in sorted(taken.items())}


def check_spec(start: Trajectory, earlier: Trajectory, job: Job) -> None:
    """Make sure that a rollout was begun as it would be now.

    Raises:
        UsageError: it was run with another model, other tools or other sampling.
    """
    was, now = (to_json(replace(spec, unknown=None)) for spec in (earlier.spec, start.spec))
    # neither a limit nor prices change anything of what is sent
    names = {**was, **now}.keys() - {"max_calls", "prices"}
    changed = [name for name in {**was, **now} if name in names and was.get(name) != now.get(name)]
    if changed:
        raise UsageError(
            f"prompt {job.prompt_index}, sample {job.sample} was begun with another"
            f" {', '.join(changed)}",
            hint="resume with the agent it was begun with, or choose another file",
        )

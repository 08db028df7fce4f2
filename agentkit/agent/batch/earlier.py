"""What an earlier run of a batch has left, from its cassette or from what an interrupt kept."""

from __future__ import annotations

import os
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from agentkit.agent.batch.jobs import Job
from agentkit.agent.record.replay import start_key
from agentkit.errors import UsageError
from agentkit.files.cassette.index import load_by_sample
from agentkit.files.cassette.json_records import to_json
from agentkit.files.reader import rollouts_in
from agentkit.types.trajectory import Trajectory

ENDED = frozenset({"final", "max_turns", "length"})
"""Stop reasons of rollouts that are not taken up again; a failed or a stopped one is."""


class Left(NamedTuple):
    """One rollout that an earlier run has begun."""

    trajectory: Trajectory
    place: int | None
    """Its sample index in the cassette; None where it comes from memory."""


def left_of(resume: Any) -> list[Left]:
    """What was left, from a path or from rollouts; nothing where there is no such file yet.

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
    return [Left(trajectory, None) for trajectory in rollouts_in(resume)]


def taken_up(
    jobs: Sequence[Job], starts: Sequence[Trajectory], left: Sequence[Left]
) -> dict[int, Left]:
    """By the number of a job, the rollout that was begun for it: the same prompt and the same
    sample.

    Raises:
        UsageError: it was run with another model, other tools or other sampling.
    """
    waiting: defaultdict[tuple[str, Any], deque[Left]] = defaultdict(deque)
    for entry in left:
        waiting[start_key(entry.trajectory), entry.trajectory.meta.get("sample")].append(entry)
    found: dict[int, Left] = {}
    for number, (job, start) in enumerate(zip(jobs, starts, strict=True)):
        entries = waiting.get((job.key, job.sample))
        if entries:
            _check(start, entries[0].trajectory, job)
            found[number] = entries.popleft()
    return found


def _check(start: Trajectory, earlier: Trajectory, job: Job) -> None:
    was, now = (to_json(replace(spec, unknown=None)) for spec in (earlier.spec, start.spec))
    changed = [name for name in {**was, **now} if was.get(name) != now.get(name)]
    if changed:
        raise UsageError(
            f"prompt {job.prompt_index}, sample {job.sample} was begun with another"
            f" {', '.join(changed)}",
            hint="resume with the agent it was begun with, or choose another file",
        )

"""What a batch is to do: each prompt so many times."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from agentkit.agent.agent import Agent
from agentkit.agent.record.replay import ReplayAgent, start_key
from agentkit.errors import UsageError
from agentkit.types.trajectory import Message, Trajectory

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

    def begin(self, agent: Agent) -> Trajectory:
        """The trajectory it begins with, made when its turn comes."""
        return agent.sampled(self.start, self.sample, meta={"prompt_index": self.prompt_index})

    def placed(self, trajectory: Trajectory) -> Trajectory:
        """An earlier run's trajectory with this batch's meta."""
        place = {**self.start.meta, "prompt_index": self.prompt_index, "sample": self.sample}
        return replace(
            trajectory,
            meta={**{k: v for k, v in trajectory.meta.items() if k != "exception"}, **place},
        )


def jobs_of(agent: Agent, prompts: Any, n: int, meta: Mapping[str, Any]) -> list[Job]:
    """Every rollout of a batch, by prompt and then by sample. All prompts are looked at before the
    first is asked.

    Raises:
        UsageError: there is no prompt, or one that is neither a text nor a list of messages.
        ReplayMiss: a replay holds no rollout of a prompt, or too few.
    """
    if prompts is None and isinstance(agent, ReplayAgent) and n == 1:
        return [
            _replayed(agent, recorded, index, meta) for index, recorded in enumerate(agent.recorded)
        ]
    starts = [_start(agent, prompt, meta) for prompt in listed(prompts)]
    if not starts:
        raise UsageError("there are no prompts", hint=_HINT)
    keyed = [(start, start_key(start)) for start in starts]
    jobs = [
        Job(start, key, index, sample)
        for index, (start, key) in enumerate(keyed)
        for sample in range(n)
    ]
    if isinstance(agent, ReplayAgent):
        agent.check_enough(job.start for job in jobs)
    return jobs


def _replayed(agent: ReplayAgent, recorded: Trajectory, index: int, meta: Mapping[str, Any]) -> Job:
    start = agent.start_of(recorded)
    place = (recorded.meta.get("prompt_index", index), recorded.meta.get("sample", 0))
    return Job(replace(start, meta={**start.meta, **meta}), start_key(start), *place)


def listed(prompts: Any) -> list[Any]:
    """The prompts as a list; a text, or the messages of one conversation, are a single prompt.

    Raises:
        UsageError: it is nothing that holds prompts.
    """
    if prompts is None or isinstance(prompts, (str, Mapping, Message)):
        return [prompts]
    if not isinstance(prompts, Iterable) or isinstance(prompts, (bytes, bytearray)):
        raise UsageError(f"the prompts are a {type(prompts).__name__}", hint=_HINT)
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


def _start(agent: Agent, prompt: Any, meta: Mapping[str, Any]) -> Trajectory:
    if not isinstance(prompt, Mapping):
        return agent.start(prompt, meta=meta)
    name = next((name for name in ("prompt", "messages") if name in prompt), None)
    if name is None:
        raise UsageError(
            f"a prompt is a dict without 'prompt' or 'messages'; it has: {', '.join(map(str, prompt))}"[
                :200
            ],
            hint=_HINT,
        )
    return agent.start(
        prompt[name],
        meta={**meta, **{str(key): value for key, value in prompt.items() if key != name}},
    )

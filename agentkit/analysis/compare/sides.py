"""The sides of a comparison: what a side can be, its answers on another side's history, and how
fast it answered. Agents are run, everything else was there already.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from statistics import median
from typing import Any

from agentkit.agent.agent import Agent
from agentkit.agent.batch.progress import Progress
from agentkit.agent.record.replay import ReplayAgent
from agentkit.analysis.compare.pairs import prompt_key
from agentkit.errors import UsageError
from agentkit.files.reader import forms_hint, rollouts_in
from agentkit.trajectory.history import get_profile, turn_messages
from agentkit.trajectory.loop import apply, close, rewrite, start
from agentkit.trajectory.person.judgements import without_judgements
from agentkit.types.record import Record, record
from agentkit.types.steps import ModelStep
from agentkit.types.trajectory import Message, Trajectory
from agentkit.types.words import type_in_words


def is_live(side: Any) -> bool:
    """Tell whether a side has still to be run."""
    return isinstance(side, Agent) and not isinstance(side, ReplayAgent)


def stored(side: Any, tools: Any = None) -> tuple[Trajectory, ...]:
    """Read the rollouts of a side that is there already.

    Args:
        side: whatever holds rollouts: trajectories, raw answers, a file, a list of any of these.
        tools: schemas of the tools, for raw answers that come without their request.

    Raises:
        UsageError: it holds no rollout.
        FileNotFoundError: there is no such file.
        CassetteError: the file cannot be read.
    """
    found = tuple(rollouts_in(side, tools))
    if not found:
        raise UsageError(f"{type_in_words(side)} holds no rollout", hint=forms_hint())
    return found


def prompts_of(sides: Iterable[Iterable[Trajectory]]) -> list[list[Message]]:
    """List what stored rollouts were asked, each prompt once, as an agent is asked it.

    Raises:
        UsageError: none of them tells what it was asked.
    """
    found: dict[str, list[Message]] = {}
    for trajectory in (trajectory for side in sides for trajectory in side):
        asked, spec = list(trajectory.prompt), trajectory.spec
        instructions = spec.sampling.get("instructions") if spec.dialect == "responses" else None
        if asked and isinstance(instructions, str) and instructions:
            asked.insert(0, Message(wire={"role": "system", "content": instructions}))
        if asked:
            found.setdefault(prompt_key(trajectory), asked)
    if not found:
        raise UsageError(
            "no rollout that is given tells what it was asked",
            hint="say what the agents are to be asked: ak.compare({…}, ['What is …?'])",
        )
    return list(found.values())


def streaming(agent: Agent, stream: bool) -> Agent:
    """Copy an agent, its answers asked for in pieces or in one."""
    return agent.with_spec(replace(agent.spec, stream=stream))


async def forced(
    agent: Agent, leaders: Sequence[Trajectory], concurrency: int, progress: Progress
) -> list[Trajectory]:
    """Ask an agent turn by turn on the histories of other rollouts; no tool is run.

    Args:
        agent: the side that is asked.
        leaders: the rollouts whose histories are used.
        concurrency: rollouts under way at once.
        progress: counts what has begun and ended.

    Returns:
        Its answers, a trajectory for each leader with that leader's history.
    """
    free = asyncio.Semaphore(concurrency)

    async def follow(leader: Trajectory) -> Trajectory:
        async with free:
            progress.began()
            followed = await _followed(agent, leader)
            progress.finished(followed)
            return followed

    return list(await asyncio.gather(*(follow(leader) for leader in leaders)))


async def _followed(agent: Agent, leader: Trajectory) -> Trajectory:
    profile = get_profile(agent.spec.profile)
    sample = leader.meta.get("sample", 0)
    meta = {**without_judgements(leader.meta, 0), "history": "forced"}
    trajectory = agent.with_sample(start(list(leader.prompt), agent.spec, meta), sample)
    perform = agent.perform(trajectory, sample)
    sent = len(leader.prompt)
    turns = leader.all_turns
    for index, turn in enumerate(turns):
        trajectory = close(apply(trajectory, await perform(ModelStep(trajectory=trajectory), None)))
        if trajectory.error is not None or index + 1 == len(turns):
            break
        # the leader's answer and results take the place of this agent's own
        answered = [Message(wire=wire) for wire in turn_messages(turn, profile)]
        added = (*answered, *turns[index + 1].added)
        trajectory = rewrite(trajectory, sent, added)
        sent += len(added)
    return replace(trajectory, open=None)


@record
class Timing(Record):
    """The times of one side's answers, from recorded times alone; None where none were recorded."""

    side: str
    answers: int = 0
    latency: float | None = None
    """Median seconds from the request to the last byte."""
    slowest: float | None = None
    """The 95th percentile of the same."""
    first_token: float | None = None
    """Median seconds to the first piece of a streamed answer."""
    tokens_per_second: float | None = None
    """Output tokens of all answers over the seconds they took."""

    def summary(self) -> str:
        return f"{self.side}: {self.answers} answers"


def timing(side: str, rollouts: Iterable[Trajectory]) -> Timing:
    """Compute how fast a side answered."""
    turns = [turn for trajectory in rollouts for turn in trajectory.all_turns]
    answers = [turn.response for turn in turns if turn.response.exchange.elapsed is not None]
    times = sorted(answer.exchange.elapsed or 0.0 for answer in answers)
    first = [a.time_to_first_token for a in answers if a.time_to_first_token is not None]
    tokens, seconds = 0, 0.0
    for answer in answers:
        if answer.usage and answer.usage.output_tokens:
            tokens += answer.usage.output_tokens
            seconds += answer.exchange.elapsed or 0.0
    return Timing(
        side=side,
        answers=len(answers),
        latency=median(times) if times else None,
        slowest=times[min(len(times) - 1, int(len(times) * 0.95))] if times else None,
        first_token=median(first) if first else None,
        tokens_per_second=tokens / seconds if seconds else None,
    )

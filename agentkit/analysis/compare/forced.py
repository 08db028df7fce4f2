"""Turn by turn on one side's history: every other side is asked for what it would have said in its
place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from agentkit.agent.agent import Agent
from agentkit.trajectory.history import get_profile, turn_messages
from agentkit.trajectory.loop import apply, close, rewrite, start
from agentkit.types.steps import ModelStep
from agentkit.types.trajectory import Message, Trajectory


async def forced(agent: Agent, leaders: Sequence[Trajectory], concurrency: int) -> list[Trajectory]:
    """The answers of an agent at each turn of these rollouts, each a trajectory whose history is
    the leader's; no tool is run.
    """
    free = asyncio.Semaphore(concurrency)

    async def follow(leader: Trajectory) -> Trajectory:
        async with free:
            return await _followed(agent, leader)

    return list(await asyncio.gather(*(follow(leader) for leader in leaders)))


async def _followed(agent: Agent, leader: Trajectory) -> Trajectory:
    profile = get_profile(agent.spec.profile)
    meta = {**leader.meta, "history": "forced"}
    trajectory = agent.with_sample(
        start(list(leader.prompt), agent.spec, meta), leader.meta.get("sample", 0)
    )
    perform = agent.perform(trajectory, leader.meta.get("sample", 0))
    sent = len(leader.prompt)
    turns = leader.all_turns
    for index, turn in enumerate(turns):
        trajectory = close(apply(trajectory, await perform(ModelStep(trajectory=trajectory), None)))
        if trajectory.error is not None or index + 1 == len(turns):
            break
        said = [Message(wire=wire) for wire in turn_messages(turn, profile)]
        added = (*said, *turns[index + 1].added)
        trajectory = rewrite(trajectory, sent, added)
        sent += len(added)
    return replace(trajectory, open=None)

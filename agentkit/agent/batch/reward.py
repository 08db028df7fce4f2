"""What a rollout is worth, as a function of the caller's says it."""

from __future__ import annotations

import contextvars
import inspect
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from agentkit.agent.tools.pool import tool_pool
from agentkit.agent.tools.tool_loop import run_on_tool_loop
from agentkit.errors import raised_at
from agentkit.files.cassette.line.line_steps import ENDED
from agentkit.read.plain import plain
from agentkit.servers.failures import named
from agentkit.servers.redaction.secrecy import Secrecy
from agentkit.types.trajectory import Trajectory

Reward = Callable[[Trajectory], Any]
"""What a rollout is worth: a number, or a coroutine of one. It is called in a thread, and a
coroutine is run on the event loop of async tools; what it raises is kept as data.
"""


def is_unrewarded(trajectory: Trajectory, reward: Reward | None) -> bool:
    """Tell whether a reward is still to be found; one whose request failed has none."""
    return (
        reward is not None and trajectory.stop_reason in ENDED and "reward" not in trajectory.meta
    )


async def rewarded(trajectory: Trajectory, reward: Reward | None, secrecy: Secrecy) -> Trajectory:
    """Put the reward in the trajectory's meta."""
    if reward is None or not is_unrewarded(trajectory, reward):
        return trajectory
    called: Reward = reward
    ran = await tool_pool().run(lambda: called(trajectory))
    value, error = ran.value, ran.error
    if inspect.isawaitable(value):
        waited = value

        async def wait() -> Any:
            return await waited

        ran = await run_on_tool_loop(
            wait, timeout=None, clock=time.time, context=contextvars.copy_context()
        )
        value, error = ran.value, ran.error
    if isinstance(value, int):
        try:
            float(value)
        except OverflowError:  # no mean could be made of it
            error = OverflowError("the reward is larger than any float")
    known = {"reward": plain(value)}
    if error is not None:
        known = {"reward": None, "reward_exception": f"{named(error)}{raised_at(error)}"}
    return replace(trajectory, meta={**trajectory.meta, **secrecy.data(known)})

"""What a side of a comparison can be, and its rollouts: agents are run, everything else was there
already.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from agentkit.agent.agent import Agent
from agentkit.agent.record.replay import ReplayAgent
from agentkit.errors import UsageError
from agentkit.files.reader import forms_hint, rollouts_in
from agentkit.types.trajectory import Trajectory


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
        raise UsageError(f"a {type(side).__name__} holds no rollout", hint=forms_hint())
    return found


def streaming(agent: Agent, stream: bool) -> Agent:
    """Copy an agent, its answers asked for in pieces or in one."""
    return agent.with_spec(replace(agent.spec, stream=stream))

"""`ak.debug`: a debugging session begins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from agentkit.agent.agent import Agent
from agentkit.debugger.debugger import Debugger
from agentkit.errors import UsageError, checked_keywords
from agentkit.types.trajectory import Trajectory


@checked_keywords
def debug(
    start: Any = None,
    /,
    prompt: Any = None,
    *,
    agent: Agent | None = None,
    approve: Iterable[str] = (),
    meta: Mapping[str, Any] | None = None,
) -> Debugger:
    """Make a debugger at the start of a rollout: `ak.debug(agent, prompt)`; or one that goes on
    from a rollout: `ak.debug(agent, rollout)`, which is also `ak.debug(rollout, agent=agent)`.

    Args:
        start: an `ak.Agent`; also `ak.demo()` or what `ak.replay` gives, which knows its own
            prompt. Where `agent` is named, what to go on from.
        prompt: a text, a list of messages, or a rollout: your own, or one that another tool wrote
            (`ak.load`).
        agent: the agent, by name.
        approve: names of tools before which `run` and `next` stop; only `step` and `dbg.pending`
            run them. For a function that decides instead: `ak.Agent(..., approve=fn)`.
        meta: kept with the trajectory: task, labels.

    Raises:
        UsageError: it is not an agent, there is no prompt, or no tool of a name to approve.
    """
    if agent is None:
        if isinstance(start, Trajectory):
            raise UsageError(
                "a rollout does not say which agent goes on from it",
                hint="pass ak.debug(rollout, agent=ak.Agent(model, tools, server))",
            )
        agent = start
    elif prompt is None:
        prompt = start
    elif start is not None:
        raise UsageError("there are two prompts", hint="pass ak.debug(agent, prompt)")
    return Debugger(agent, prompt, approve=approve, meta=meta)

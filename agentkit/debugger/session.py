"""`ak.debug`: a debugging session begins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from agentkit.agent.agent import Agent
from agentkit.debugger.debugger import Debugger
from agentkit.errors import checked_keywords


@checked_keywords
def debug(
    agent: Agent,
    prompt: Any = None,
    *,
    approve: Iterable[str] = (),
    meta: Mapping[str, Any] | None = None,
) -> Debugger:
    """Make a debugger at the start of a rollout.

    Args:
        agent: an `ak.Agent`; also `ak.demo()` or what `ak.replay` gives, which knows its own
            prompt.
        prompt: a text, or a list of messages.
        approve: names of tools before which `run` and `next` stop; only `step` and `dbg.pending`
            run them. For a function that decides instead: `ak.Agent(..., approve=fn)`.
        meta: kept with the trajectory: task, labels.

    Raises:
        UsageError: it is not an agent, there is no prompt, or no tool of a name to approve.
    """
    return Debugger(agent, prompt, approve=approve, meta=meta)

"""`ak.debug`: a debugging session begins."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from agentkit.agent.agent import Agent
from agentkit.debugger.debugger import Debugger
from agentkit.errors import UsageError, checked_keywords
from agentkit.types.trajectory import Trajectory
from agentkit.types.words import type_in_words

log = logging.getLogger("agentkit")

_FILE = re.compile(r"\S+\.[A-Za-z]\w{0,7}")
_LONGEST = 400


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
        if isinstance(start, Sequence) and start and isinstance(start[0], Trajectory):
            raise UsageError(
                f"{type_in_words(start)} of rollouts is no agent",
                hint="pass one of them: ak.debug(agent, rollouts[0]), or rollouts[0].fork(0)",
            )
        agent = start
    elif prompt is None:
        prompt = start
    elif start is not None:
        raise UsageError("there are two prompts", hint="pass ak.debug(agent, prompt)")
    if isinstance(prompt, str) and _names_a_file(prompt):
        log.warning(
            "the prompt %r is sent as a text, and is the name of a file: ak.debug(agent, "
            "ak.load(%r)) goes on from what it holds",
            prompt,
            prompt,
        )
    return Debugger(agent, prompt, approve=approve, meta=meta)


def _names_a_file(text: str) -> bool:
    """Tell whether a text is no sentence and the name of a file that is there."""
    if len(text) > _LONGEST or not _FILE.fullmatch(text):
        return False
    try:
        return Path(text).is_file()
    except (OSError, ValueError):
        return False

"""`ak.view`: what exists already, shown as a rollout is."""

from __future__ import annotations

import os
from typing import Any

from agentkit.errors import UsageError
from agentkit.sources import rollouts_in
from agentkit.views.view import View


def view(x: Any, *, title: str = "") -> View:
    """A look at what exists already, drawn as a rollout is drawn.

    Args:
        x: a list of messages; a server's answer; a trajectory, a list of them, or what holds them (`AgentResult`, `Debugger`); a path: an
            agentkit file, an OpenAI chat JSONL, a JSON file of messages.
        title: a heading.

    Raises:
        UsageError: it is none of these.
        FileNotFoundError: there is no such file.
        CassetteError: the file cannot be read.
    """
    if isinstance(x, (list, tuple)) and not x:
        raise UsageError(f"an empty {type(x).__name__} holds nothing to view", mend="pass messages, trajectories, or the path of a file")
    return View(rollouts_in(x), title=title, source=str(x) if isinstance(x, (str, os.PathLike)) else "")

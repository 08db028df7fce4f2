"""`ak.view`: what exists already, shown as a rollout is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from agentkit.chat_log import trajectories_in, trajectory_of
from agentkit.errors import UsageError
from agentkit.files import is_ours, load_all, read_json_lines, trajectories_of
from agentkit.types import Message, Record, Response, Trajectory, Turn
from agentkit.views.view import View

_MEND = "pass a list of messages, trajectories, or the path of a JSONL file"


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
    if isinstance(x, (str, os.PathLike)):
        return View(_from_file(Path(x)), title=title, source=str(x))
    if isinstance(x, dict) or hasattr(x, "choices"):
        return View(trajectories_in([x]), title=title)
    if isinstance(x, (Turn, Response)):
        turn = x if isinstance(x, Turn) else Turn(index=0, response=x, results=(None,) * len(x.tool_calls))
        return View([Trajectory(turns=(turn,))], title=title)
    if isinstance(x, (list, tuple)) and x and all(_is_message(item) for item in x):
        return View([trajectory_of(list(x))], title=title)
    if isinstance(x, (list, tuple)) and x and all(isinstance(item, (dict, list)) for item in x):
        return View(trajectories_in(x), title=title)
    try:
        return View(trajectories_of(x), title=title)
    except UsageError:
        raise UsageError(f"a {type(x).__name__} is nothing that can be viewed", mend=_MEND) from None


def _is_message(item: Any) -> bool:
    if isinstance(item, Message):
        return True
    role = item.get("role") if isinstance(item, dict) else getattr(item, "role", None)
    return isinstance(role, str) and not isinstance(item, Record)


def _from_file(path: Path) -> list[Trajectory]:
    if is_ours(path):
        return load_all(path)
    values = read_json_lines(path)
    if not values:
        raise UsageError(f"{path.name!r} is empty", mend=_MEND)
    return trajectories_in(values[0] if len(values) == 1 and isinstance(values[0], list) and _of_lists(values[0]) else values)


def _of_lists(values: list[Any]) -> bool:
    """Whether a JSON file's one list holds conversations rather than messages."""
    return all(isinstance(v, list) or (isinstance(v, dict) and "role" not in v) for v in values)

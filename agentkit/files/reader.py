"""Whatever holds rollouts, as a list of trajectories: a value of ours, chat messages, a server's
answer, a file of any of them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from agentkit.errors import UsageError
from agentkit.files.foreign.chat_log import trajectories_in, trajectory_of
from agentkit.files.held import is_message, trajectories_of
from agentkit.files.store import is_ours, load_all, read_json_lines
from agentkit.read.managed import is_managed
from agentkit.types.answer import Response
from agentkit.types.record import Record
from agentkit.types.trajectory import Message, Trajectory, Turn

_HINT = "pass a list of messages, trajectories, or the path of a JSONL file"


def rollouts_in(x: Any) -> list[Trajectory]:
    """The trajectories in it, in order.

    Args:
        x: a trajectory, a list of them, or what holds them (`AgentResult`, `Debugger`, the result
            of many rollouts); a turn or a response; a list
            of messages; a server's answer; a path: an agentkit file, an OpenAI chat JSONL, a JSON
            file of messages.

    Raises:
        UsageError: it is none of these.
        FileNotFoundError: there is no such file.
        CassetteError: the file cannot be read.
    """
    if isinstance(x, (str, os.PathLike)):
        return _from_file(Path(x))
    if isinstance(x, (Turn, Response)):
        turn = (
            x
            if isinstance(x, Turn)
            else Turn(index=0, response=x, results=(None,) * len(x.tool_calls))
        )
        return [Trajectory(turns=(turn,))]
    if is_managed(x):
        raise UsageError(
            "a managed state is no rollout",
            hint="ak.tokens(state) shows it, ak.tokens_df and ak.prefix_check take it too",
        )
    if isinstance(x, dict) or hasattr(x, "choices"):
        return trajectories_in([x])
    if isinstance(x, (list, tuple)):
        return _from_list(x)
    try:
        return trajectories_of(x)
    except UsageError:
        raise UsageError(f"a {type(x).__name__} holds no rollout", hint=_HINT) from None


def _from_list(items: list[Any] | tuple[Any, ...]) -> list[Trajectory]:
    if not items:
        return []
    if all(isinstance(item, Trajectory) for item in items):
        return list(items)
    if all(is_message(item) for item in items):
        return [trajectory_of(list(items))]
    if all(isinstance(item, (dict, list)) for item in items) and not any(
        _holds_records(item) for item in items
    ):
        return trajectories_in(items)
    return [
        trajectory
        for place, item in enumerate(items)
        for trajectory in _from_item(items, place, item)
    ]


def _from_item(items: Any, place: int, item: Any) -> list[Trajectory]:
    try:
        return rollouts_in(item)
    except UsageError as exc:
        raise UsageError(
            f"item {place} of the {type(items).__name__}: {exc.message}", hint=_HINT
        ) from None


def _holds_records(item: Any) -> bool:
    """Whether it is a list of our own records: the samples of one prompt, say."""
    return (
        isinstance(item, list)
        and bool(item)
        and isinstance(item[0], Record)
        and not isinstance(item[0], Message)
    )


def _from_file(path: Path) -> list[Trajectory]:
    if is_ours(path):
        return load_all(path)
    values = read_json_lines(path)
    if not values:
        raise UsageError(f"{path.name!r} is empty", hint=_HINT)
    return trajectories_in(
        values[0]
        if len(values) == 1 and isinstance(values[0], list) and _of_lists(values[0])
        else values
    )


def _of_lists(values: list[Any]) -> bool:
    """Whether a JSON file's one list holds conversations rather than messages."""
    return all(isinstance(v, list) or (isinstance(v, dict) and "role" not in v) for v in values)

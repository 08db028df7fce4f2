"""What a value of ours holds: the trajectories in it, or the one that is meant."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agentkit.errors import UsageError
from agentkit.files.foreign.chat_log import trajectory_of
from agentkit.types.record import Record
from agentkit.types.trajectory import Message, Trajectory

_HINT = (
    "pass a trajectory, a debugger, an AgentResult, or a list of them; a list of messages through"
    " ak.view(messages)"
)


def trajectories_of(value: Any) -> list[Trajectory]:
    """The trajectories in a trajectory, a list of them, or anything that has a `trajectory` or
    `trajectories`.

    Raises:
        UsageError: there are none.
    """
    if isinstance(value, Trajectory):
        return [value]
    held = getattr(value, "trajectories", None) or getattr(value, "trajectory", None)
    if held is not None and held is not value:
        return trajectories_of(held)
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes, dict)):
        found = [t for place, item in enumerate(value) for t in _of_item(value, place, item)]
        if found:
            return found
    raise UsageError(f"a {type(value).__name__} holds no trajectory", hint=_HINT)


def _of_item(whole: Any, place: int, item: Any) -> list[Trajectory]:
    try:
        return trajectories_of(item)
    except UsageError as exc:
        raise UsageError(
            f"item {place} of the {type(whole).__name__}: {exc.message}", hint=_HINT
        ) from None


def one_rollout(value: Any, hint: str) -> Trajectory:
    """The one trajectory that is meant: itself, the only one of what holds it, or a list of
    messages.

    Raises:
        UsageError: there is none, or there are several; `hint` is the note.
    """
    if isinstance(value, (list, tuple)) and value and all(is_message(item) for item in value):
        return trajectory_of(list(value))
    try:
        found = trajectories_of(value)
    except UsageError:
        raise UsageError(f"a {type(value).__name__} holds no trajectory", hint=hint) from None
    if len(found) > 1:
        raise UsageError(f"there are {len(found)} rollouts", hint="pass the one that is meant")
    return found[0]


def is_message(item: Any) -> bool:
    """Whether it is a chat message: ours, a dict, or an SDK's object."""
    if isinstance(item, Message):
        return True
    role = item.get("role") if isinstance(item, dict) else getattr(item, "role", None)
    return isinstance(role, str) and not isinstance(item, Record)

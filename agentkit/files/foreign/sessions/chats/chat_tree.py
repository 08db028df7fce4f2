"""Conversations that were gone on from in several ways: each way to an end is a path."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agentkit.files.foreign.entries import Losses
from agentkit.types.trajectory import Parent, Trajectory

_AS_OFTEN, _ALWAYS = 20, 10_000
"""How often all messages may stand in paths, and how many always may; beyond, the paths that are
left are counted.
"""
Path = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class ChatNode:
    """One message in a tree of them."""

    before: str | None
    """The name of the message it follows."""
    value: Mapping[str, Any]
    """The message; empty where there is none."""
    answers: bool
    """Whether a model gave it."""


def paths_in(nodes: Mapping[str, ChatNode], last: Any, losses: Losses) -> list[list[Any]]:
    """Give the paths from a beginning to an end that an answer stands in, each a list of messages.

    Args:
        nodes: the messages by their names, in their order.
        last: the name of the message that is shown last: its path comes first.
        losses: takes the ends without an answer of their own, and those beyond what is sensible.
    """
    behind: dict[str, int] = {}
    for node in nodes.values():
        if node.before is not None and node.before in nodes:
            behind[node.before] = behind.get(node.before, 0) + 1
    ends = [name for name in nodes if name not in behind]
    paths: list[list[str]] = []
    left = max(_AS_OFTEN * len(nodes), _ALWAYS)
    for end in sorted(ends, key=lambda name: name != last):
        path = _path(nodes, end)
        left -= len(path)
        if left < 0:
            losses.note("branches beyond what is sensible")
        elif _answered(nodes, path, behind) or not paths:
            paths.append(path)
        else:
            losses.note("branches without an answer")
    if last in nodes:
        paths.sort(key=lambda path: last not in path)
    return [[nodes[name].value for name in path if nodes[name].value] for path in paths]


def _path(nodes: Mapping[str, ChatNode], end: str) -> list[str]:
    path: dict[str, None] = {}
    now: str | None = end
    while now is not None and now in nodes and now not in path:
        path[now] = None
        now = nodes[now].before
    return list(path)[::-1]


def _answered(nodes: Mapping[str, ChatNode], path: list[str], behind: Mapping[str, int]) -> bool:
    """Tell whether an answer stands behind the last place at which another path leaves this one."""
    for name in reversed(path):
        if behind.get(name, 0) > 1:
            return False
        if nodes[name].answers:
            return True
    return False


def rollouts_of(
    paths: Sequence[Path], read: Callable[[Path, dict[str, Any]], Trajectory]
) -> list[Trajectory]:
    """Read the rollout of each path; one that leaves the first says where.

    Args:
        paths: the paths, the one that is shown first.
        read: reads one, with what is said of it in the meta.
    """
    found: list[Trajectory] = []
    for place, path in enumerate(paths):
        rollout = read(path, {"branch": place} if len(paths) > 1 else {})
        if found:
            shared = 0
            while shared < min(len(path), len(paths[0])) and path[shared] is paths[0][shared]:
                shared += 1
            turn = len(read(path[:shared], {}).turns)
            change = "went on from here another way"
            rollout = replace(rollout, parent=Parent(trajectory=found[0], turn=turn, change=change))
        found.append(rollout)
    return found

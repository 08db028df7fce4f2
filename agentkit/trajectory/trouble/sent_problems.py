"""What a server would refuse of what the caller gave for a request: the prompt, and messages put
behind it. Each is looked at once, for the request that carries it first, so that looking at a
rollout is linear in its length.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from agentkit.errors import nearest
from agentkit.trajectory.history import turn_messages
from agentkit.trajectory.profiles import PROFILES
from agentkit.trajectory.trouble.native_problems import left_behind, native_problems
from agentkit.trajectory.trouble.preflight import preflight
from agentkit.types.problem import Problem, problem
from agentkit.types.request import Profile, Spec
from agentkit.types.trajectory import OpenTurn, Trajectory, Turn

_CHOICES = ("auto", "none", "required", "any")


def sent_problems(trajectory: Trajectory, turn: int) -> Iterable[Problem]:
    """Find what a server would refuse of the messages that a turn's request is the first to carry,
    and of the `tool_choice` it is the first to have.

    Args:
        trajectory: the rollout.
        turn: which turn; the one after the last for the request that is to be sent next.

    Returns:
        The problems, with pointers into the messages of the first request, `/1/role`, or for those
        added later to where they are, `/turns/3/added/0/role`.
    """
    asked = _turn(trajectory, turn)
    given = asked is not None and (asked.added or asked.sampling)
    if turn and not given and not _is_changed(trajectory, turn):
        return ()  # nothing new was sent
    return _sent(trajectory, turn, asked)


def _sent(trajectory: Trajectory, turn: int, asked: Turn | OpenTurn | None) -> Iterator[Problem]:
    profile = PROFILES.get(trajectory.spec.profile)
    added = [message.wire for message in asked.added] if asked is not None else []
    yield from left_behind(trajectory, turn)
    if trajectory.spec.dialect != "chat":
        yield from native_problems(trajectory, turn, asked) if profile is not None else ()
    elif profile is not None and turn == 0:
        prompt = [message.wire for message in trajectory.prompt]
        kept = asked.kept if asked is not None else None
        history = [*(prompt if kept is None else prompt[:kept]), *added]
        yield from preflight(history, profile) if history else ()
    elif profile is not None and added:
        kept = asked.kept if asked is not None else None
        yield from _added(trajectory, turn, added, profile, kept)
    choice = {**trajectory.spec.sampling} if turn == 0 else {}
    choice.update((asked.sampling if asked is not None else None) or {})
    if "tool_choice" in choice:
        yield from _choice(choice["tool_choice"], trajectory.spec)


def _is_changed(trajectory: Trajectory, turn: int) -> bool:
    """Tell whether the answer before a turn goes out otherwise than it came."""
    dialect = trajectory.spec.dialect
    last = trajectory.turns[turn - 1].response if turn <= len(trajectory.turns) else None
    if last is None:
        return False
    return last.dialect != dialect or (dialect != "chat" and last.exchange.by_hand)


def _turn(trajectory: Trajectory, turn: int) -> Turn | OpenTurn | None:
    return trajectory.turns[turn] if turn < len(trajectory.turns) else trajectory.open


def _added(
    trajectory: Trajectory,
    turn: int,
    added: list[dict[str, Any]],
    profile: Profile,
    kept: int | None,
) -> Iterator[Problem]:
    """Check messages that were put behind an answer: with that answer and its results before them
    where the history was not rewritten.
    """
    before = list(turn_messages(trajectory.turns[turn - 1], profile)) if kept is None else []
    if kept is None and before and profile.alternates:
        before = [{"role": "user", "content": "-"}, *before]
    elif not before and added[0].get("role") != "user":
        profile = replace(profile, alternates=False)
    for found in preflight([*before, *added], profile):
        place, _, rest = found.pointer[1:].partition("/")
        index = int(place) - len(before) if place else 0
        if index >= 0 and (kept in (None, 0) or found.code not in _PAIRS):
            pointer = "/".join(filter(None, (f"/turns/{turn}/added/{index}", rest)))
            yield replace(found, pointer=pointer)


_PAIRS = ("history_orphan_tool_result", "history_tool_result_missing")


def _choice(choice: Any, spec: Spec) -> Iterator[Problem]:
    """Check that the tool a `tool_choice` names is one of those that are sent along."""
    names = list(_names(spec.tools))
    pointer, name = "/tool_choice", choice
    if isinstance(choice, Mapping):
        inside = choice.get("function", choice.get("custom"))
        pointer = "/tool_choice/function/name" if isinstance(inside, Mapping) else pointer
        name = inside.get("name") if isinstance(inside, Mapping) else choice.get("name")
    if not isinstance(name, str) or name in names or (name == choice and name in _CHOICES):
        return
    near = nearest(name, [*names, *(_CHOICES if name == choice else ())], 1)
    meant = f"; did you mean {near[0]!r}?" if near else ""
    text = f"`tool_choice` names {name!r}, and no such tool is sent{meant}"
    yield problem("name_unknown", text[:300], pointer=pointer, before=name)


def _names(tools: Iterable[Any]) -> Iterator[str]:
    for tool in tools:
        inner = tool.get("function", tool.get("custom")) if isinstance(tool, Mapping) else None
        named = inner if isinstance(inner, Mapping) else tool
        name = named.get("name") if isinstance(named, Mapping) else None
        if isinstance(name, str):
            yield name

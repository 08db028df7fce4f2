"""What a server of another dialect than chat completions would refuse of what a rollout sends, and
what of an answer cannot go along into another dialect.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from agentkit.dialects.codecs import CODECS
from agentkit.dialects.native_preflight import body_problems, lost_reasoning, signatures
from agentkit.trajectory.history import turn_messages
from agentkit.trajectory.profiles import profile_of
from agentkit.types.answer import Dialect, Response
from agentkit.types.problem import Problem, problem
from agentkit.types.request import Profile, Request
from agentkit.types.trajectory import OpenTurn, Trajectory, Turn

_SYSTEM = ("system", "developer")
_MOST_FORKS = 100
"""Forks of forks that are looked through for what a server wrote."""


def rollout_problems(trajectory: Trajectory, profile: Profile) -> Iterator[Problem]:
    """Yield what would be refused of all that a rollout holds, with pointers into the body that it
    would be sent in.

    Args:
        trajectory: the rollout.
        profile: the kind of server.
    """
    spec = trajectory.spec
    listed = tuple(trajectory.messages)
    body = Request(
        model=spec.model,
        messages=listed,
        tools=spec.tools,
        sampling=spec.sampling,
        dialect=spec.dialect,
    ).body
    signed = signatures(_answers(trajectory))
    yield from body_problems(body, spec.dialect, profile, signed)


def native_problems(
    trajectory: Trajectory, turn: int, asked: Turn | OpenTurn | None
) -> Iterator[Problem]:
    """Yield what would be refused of what a turn's request is the first to carry: the prompt, what
    a person put behind it, and an answer that a person changed.

    Args:
        trajectory: the rollout.
        turn: which turn.
        asked: the turn itself; None where it has not begun.
    """
    if turn == 0:
        yield from _first(trajectory)
        return
    last = trajectory.turns[turn - 1]
    added = tuple(message.wire for message in asked.added) if asked is not None else ()
    if asked is not None and asked.kept is not None:
        return
    profile = profile_of(trajectory.spec)
    before = tuple(turn_messages(last, profile))
    by_hand = last.response.exchange.by_hand
    if not (added or (by_hand and last.tool_calls)):
        return
    signed = signatures(_answers(trajectory)) if by_hand else {}
    known = set() if by_hand else {_key(p) for p in _of(trajectory, before, signed)}
    for found in _of(trajectory, (*before, *added), signed):
        if _key(found) not in known:
            where = f"/turns/{turn - 1}" if by_hand else f"/turns/{turn}/added"
            yield replace(found, pointer=f"{where}{found.pointer}")
    if by_hand:
        yield from (
            replace(found, pointer=f"/turns/{turn - 1}{found.pointer}")
            for found in lost_reasoning(last.response, _answers(trajectory))
        )


def _key(found: Problem) -> tuple[str, str, str]:
    return found.code, found.pointer, found.message


def _first(trajectory: Trajectory) -> Iterator[Problem]:
    """Check the first request; pointers lead to its messages where each is one of its own."""
    request = trajectory.request(0)
    if not request.messages:
        return  # an answer alone: what it was asked is not known
    body = request.body
    name = "input" if "input" in body else "messages"
    sent = body.get(name)
    skipped = len(request.messages) - (len(sent) if isinstance(sent, list) else 0)
    system = all(m.get("role") in _SYSTEM for m in request.messages[: max(0, skipped)])
    for found in body_problems(body, trajectory.spec.dialect, profile_of(trajectory.spec)):
        head, _, rest = found.pointer[1:].partition("/")
        place, _, inner = rest.partition("/")
        if head == name and place.isdecimal() and skipped >= 0 and system:
            at = "/".join(filter(None, (f"/{int(place) + skipped}", inner)))
            yield replace(found, pointer=at)
        else:
            yield found


def _of(
    trajectory: Trajectory, messages: tuple[dict[str, Any], ...], signed: dict[str, str]
) -> list[Problem]:
    """Check a part of a history as a request of its own, behind a user's message."""
    spec = trajectory.spec
    start = {"role": "user", "content": "-"}
    body = Request(model=spec.model, messages=(start, *messages), dialect=spec.dialect).body
    return list(body_problems(body, spec.dialect, profile_of(spec), signed))


def _answers(trajectory: Trajectory) -> list[Response]:
    """List the answers of a rollout and of those it was forked from."""
    found: list[Response] = []
    at: Trajectory | None = trajectory
    for _ in range(_MOST_FORKS):
        if at is None:
            break
        found += [turn.response for turn in at.all_turns]
        found += [attempt.response for attempt in at.attempts if attempt.response is not None]
        at = at.parent.trajectory if at.parent is not None else None
    return found


def left_behind(trajectory: Trajectory, turn: int) -> Iterator[Problem]:
    """Yield what of the answer before a turn cannot go along, because it came in another dialect
    than is spoken now.
    """
    last = trajectory.turns[turn - 1].response if 0 < turn <= len(trajectory.turns) else None
    spoken = trajectory.spec.dialect
    if last is None or last.dialect == spoken or last.exchange.by_hand:
        return
    title = _title(spoken)
    for step in last.server_steps:
        text = f"what the server did by itself ({step.name or step.kind}) stays behind: {title}"
        yield problem(
            "item_unknown", f"{text} has no such item"[:300], pointer=f"/turns/{turn - 1}"
        )
    blocks = [b for b in last.reasoning_blocks if not b.source.startswith("content:")]
    sealed = any(block.kind == "encrypted" or not block.text for block in blocks)
    if blocks and (spoken != "chat" or sealed):
        goes = spoken == "chat" and any(block.text for block in blocks)
        what = "what is encrypted of the reasoning" if goes else "the reasoning"
        text = f"{what} stays behind: it came from {_title(last.dialect)}, and is not signed"
        where = f"/turns/{turn - 1}"
        yield problem("reasoning_unsigned", f"{text} for {title}", pointer=where)


def _title(dialect: Dialect) -> str:
    return CODECS[dialect].title if dialect in CODECS else "Chat Completions"

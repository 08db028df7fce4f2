"""A rollout brought to where the next request of somebody else's agent has it: calls answered with
what the request holds, messages added, what was changed rewritten.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from agentkit.trajectory.history import messages, turn_messages
from agentkit.trajectory.loop import apply, close, resume
from agentkit.trajectory.profiles import profile_of
from agentkit.trajectory.stitch.units import RequestUnits, Unit, message_units
from agentkit.types.answer import ToolCall
from agentkit.types.request import Spec
from agentkit.types.steps import Result
from agentkit.types.trajectory import Message, OpenTurn, ToolResult, Trajectory

Wire = Mapping[str, Any]
_BESIDE = frozenset(("messages", "model", "tools", "stream", "previous_response_id"))
"""Fields of a request that are no sampling."""
_OBSERVED = "Observation:"
"""How smolagents begins the user's message that holds the results of calls."""
_REASONING = ("reasoning", "reasoning_content", "reasoning_details")


def begun(
    asked: RequestUnits, tools: tuple[dict[str, Any], ...], profile: str, meta: dict[str, Any]
) -> Trajectory:
    """Start the rollout of a request: the whole history that was sent is its prompt.

    Args:
        asked: the request.
        tools: the schemas of its tools.
        profile: how its agent is taken to write a history.
        meta: what else is known of the rollout.
    """
    name = asked.form.get("previous_response_id")
    spec = Spec(
        model=asked.model,
        tools=tools,
        sampling={**sampling_of(asked), **({"previous_response_id": name} if name else {})},
        stream=bool(asked.form.get("stream")),
        profile=profile,
        dialect=asked.dialect or "chat",
        chain=bool(name),
    )
    return Trajectory(spec=spec, prompt=_given(asked.messages), meta=meta)


def sampling_of(asked: RequestUnits) -> dict[str, Any]:
    """Give everything that a request holds besides its messages, model and tools."""
    return {name: value for name, value in asked.form.items() if name not in _BESIDE}


def is_chained(asked: RequestUnits) -> bool:
    """Tell whether a request holds only what is new, and the server knows what came before."""
    thread = asked.form.get("thread")
    continued = isinstance(thread, dict) and thread.get("type") == "continue"
    named = asked.form.get("previous_response_id") or asked.form.get("conversation")
    return bool(named) or continued


def gone_on(
    trajectory: Trajectory,
    known: Sequence[tuple[Unit, ...]],
    asked: RequestUnits,
    results: Mapping[str, ToolResult] | None = None,
) -> tuple[Trajectory, list[tuple[Unit, ...]]]:
    """Bring a rollout to where a request has it.

    Args:
        trajectory: the rollout with its last answer.
        known: the units of each message of the request that this answer was given to.
        asked: the next request.
        results: by call id, what is known of a result besides its text.

    Returns:
        The rollout with the open turn, and the units of each message of its history as it is now.
    """
    trajectory = _as_sent(resume(trajectory), known, asked)
    if trajectory.open is not None and trajectory.open.response is None:  # the last one failed
        trajectory = replace(trajectory, open=None)
        expected = history_of(trajectory)
    else:
        trajectory = close(_with_results(trajectory, asked.messages, results or {}))
        sent = turn_messages(trajectory.turns[-1], profile_of(trajectory.spec))
        expected = [*known, *(message_units(message) for message in sent)]
    if is_chained(asked):
        return _linked(trajectory, expected, asked)
    same = 0
    for mine, theirs in zip(expected, asked.spoken, strict=False):
        if mine != theirs:
            break
        same += 1
    opened = OpenTurn(
        kept=None if same == len(expected) else same, added=_given(asked.messages[same:])
    )
    return replace(trajectory, open=opened, stop_reason=None, error=None), list(asked.spoken)


def history_of(trajectory: Trajectory) -> list[tuple[Unit, ...]]:
    """List the units of each message of a rollout's history, its open answer left out."""
    asked = trajectory.open
    if asked is not None:
        trajectory = replace(trajectory, open=replace(asked, response=None, results=()))
    return [message_units(message) for message in messages(trajectory)]


def _linked(
    trajectory: Trajectory, expected: list[tuple[Unit, ...]], asked: RequestUnits
) -> tuple[Trajectory, list[tuple[Unit, ...]]]:
    """Go on with a rollout whose requests hold only what is new."""
    if trajectory.spec.dialect == "responses":
        trajectory = replace(trajectory, spec=replace(trajectory.spec, chain=True))
    last = trajectory.turns[-1] if trajectory.turns else None
    names = {call.id for call in last.tool_calls} if last else set()
    new = [
        (message, said)
        for message, said in zip(asked.messages, asked.spoken, strict=True)
        if not (message.get("role") == "tool" and message.get("tool_call_id") in names)
    ]
    opened = OpenTurn(added=_given([message for message, _ in new]))
    trajectory = replace(trajectory, open=opened, stop_reason=None, error=None)
    return trajectory, [*expected, *(said for _, said in new)]


def _given(listed: Sequence[Wire]) -> tuple[Message, ...]:
    return tuple(Message(wire=dict(message)) for message in listed)


def _as_sent(
    trajectory: Trajectory, known: Sequence[tuple[Unit, ...]], asked: RequestUnits
) -> Trajectory:
    """Choose the profile by what an agent makes of the reasoning in the first answer with some."""
    turns, spec = trajectory.all_turns, trajectory.spec
    if spec.profile != "generic" or spec.dialect != "chat" or not turns:
        return trajectory
    answer, place = turns[-1].response, len(known)
    sent = asked.messages[place] if place < len(asked.messages) else {}
    if not answer.reasoning_blocks or sent.get("role") != "assistant":
        return trajectory
    if any(sent.get(name) for name in _REASONING) or "</think>" in str(sent.get("content")):
        return trajectory
    short = all(len(call.id) <= 40 for call in answer.tool_calls)
    return replace(trajectory, spec=replace(spec, profile="openai" if short else "gemini"))


def _with_results(
    trajectory: Trajectory, listed: Sequence[Wire], known: Mapping[str, ToolResult]
) -> Trajectory:
    """Give the open calls the results that the next request holds, by id, and by order where the
    calls have no ids of their own.
    """
    pending = trajectory.pending
    if not pending:
        return trajectory
    last = max((i for i, m in enumerate(listed) if m.get("role") == "assistant"), default=-1)
    results = [m for m in listed if m.get("role") in ("tool", "function")]
    behind = [m for m in listed[last + 1 :] if m.get("role") in ("tool", "function")]
    by_id = {m["tool_call_id"]: m for m in results if isinstance(m.get("tool_call_id"), str)}
    observed = _observation(listed)
    for place, call in enumerate(pending):
        names = [name for name in (call.id, call.raw_id) if isinstance(name, str)]
        found = next((by_id[name] for name in names if name in by_id), None)
        if found is None and call.id_synthetic:
            found = next(iter(behind[place : place + 1]), None)
        if found is None and not results and len(pending) == 1:
            found = observed
        if found is not None:
            result = _result(call, found, known.get(call.id))
            trajectory = apply(trajectory, Result(position=call.position, result=result))
    return trajectory


def _observation(listed: Sequence[Wire]) -> Wire | None:
    """Find the results of calls that an agent wrote into the user's last message."""
    last = listed[-1] if listed else {}
    if last.get("role") != "user":
        return None
    text = "".join(unit[1] for unit in message_units(last) if unit[0] == "user")
    return {"content": text} if text.startswith(_OBSERVED) else None


def _result(call: ToolCall, message: Wire, known: ToolResult | None) -> ToolResult:
    known = known or ToolResult(call_id=call.id, name=call.name, status="ok", content="")
    return replace(
        known,
        call_id=call.id,
        name=call.name,
        content=_content(message.get("content")),
        status="error" if message.get("is_error") is True else "ok",
    )


def _content(content: Any) -> str:
    """Write the content of a result as a text."""
    if isinstance(content, str):
        return content
    if content is None:
        return ""
    parts = content if isinstance(content, list) else [content]
    texts = [part.get("text") if isinstance(part, dict) else part for part in parts]
    if all(isinstance(text, str) for text in texts):
        return "".join(map(str, texts))
    return json.dumps(content, ensure_ascii=False)

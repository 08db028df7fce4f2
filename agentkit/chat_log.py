"""Conversations that exist already as trajectories: chat messages, and the shapes people keep them in. No message is dropped."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from agentkit.errors import UsageError
from agentkit.loop import prompt_messages
from agentkit.read.envelope import open_envelope
from agentkit.read.plain import plain
from agentkit.read.response import read_response
from agentkit.types import Exchange, Message, OpenTurn, Response, Spec, ToolCall, ToolResult, Trajectory, Turn

_ROLES = {"human": "user", "gpt": "assistant", "model": "assistant", "function_response": "tool", "observation": "tool", "bing": "assistant"}


def trajectory_of(messages: Any, tools: Any = None, meta: Mapping[str, Any] | None = None) -> Trajectory:
    """A list of chat messages as a trajectory: each assistant message a turn, the tool messages behind it its results.

    Results are paired by id, then by order; a tool message that answers no call, and whatever else stands between two answers, is kept as
    what was said before the next turn.

    Raises:
        UsageError: it is not a list of messages.
    """
    given = prompt_messages(messages)
    first = next((i for i, message in enumerate(given) if message.role == "assistant"), len(given))
    schemas = tuple(tool for tool in plain(tools) if isinstance(tool, dict)) if tools else ()
    trajectory = Trajectory(spec=Spec(tools=schemas), prompt=given[:first], meta=dict(meta or {}))
    turns: list[Turn] = []
    said: list[Message] = []
    rest = list(given[first:])
    while rest:
        message = rest.pop(0)
        if message.role != "assistant":
            said.append(message)
            continue
        answers = _leading_results(rest)
        turn, orphans = _turn(len(turns), message, answers, tuple(said), schemas)
        del rest[: len(answers)]
        turns.append(turn)
        said = orphans
    trajectory = replace(trajectory, turns=tuple(turns), open=OpenTurn(added=tuple(said)) if said else None)
    ended = bool(turns) and not said and not turns[-1].tool_calls
    return replace(trajectory, stop_reason="final" if ended else None)


def _leading_results(rest: Sequence[Message]) -> list[Message]:
    count = next((i for i, message in enumerate(rest) if message.role not in ("tool", "function")), len(rest))
    return list(rest[:count])


def _turn(index: int, message: Message, answers: list[Message], said: tuple[Message, ...], tools: Any) -> tuple[Turn, list[Message]]:
    body = json.dumps(message.wire, ensure_ascii=False)
    response = read_response(Exchange(body=body), tools or None, turn=index)
    results, orphans = _paired(response, answers)
    return Turn(index=index, response=response, results=results, added=said), orphans


def _paired(response: Response, answers: list[Message]) -> tuple[tuple[ToolResult | None, ...], list[Message]]:
    calls = response.tool_calls
    results: dict[int, ToolResult] = {}
    left: list[Message] = []
    for answer in answers:
        call = next((c for c in calls if c.position not in results and c.id == answer.wire.get("tool_call_id")), None)
        if call is None:
            left.append(answer)
        else:
            results[call.position] = _result(call, answer)
    orphans = []
    for answer in left:
        named = answer.wire.get("name")
        free = [c for c in calls if c.position not in results and not answer.wire.get("tool_call_id")]
        call = next((c for c in free if named in (None, c.name)), None)
        if call is None:
            orphans.append(answer)
        else:
            results[call.position] = _result(call, answer)
    return tuple(results.get(call.position) for call in calls), orphans


def _result(call: ToolCall, message: Message) -> ToolResult:
    return ToolResult(call_id=call.id, name=call.name, status="ok", content=message.content)


def trajectories_in(values: Iterable[Any]) -> list[Trajectory]:
    """The conversations of a chat JSONL's values: `{"messages": [...]}` as OpenAI trains on, bare lists, ShareGPT, requests with their answers.

    Raises:
        UsageError: a value is no conversation, and which.
    """
    listed = list(values)
    if listed and all(isinstance(value, dict) and isinstance(value.get("role"), str) for value in listed):
        return [trajectory_of(listed)]
    return [_conversation(value, index) for index, value in enumerate(listed)]


def _conversation(value: Any, index: int) -> Trajectory:
    value = plain(value)
    if isinstance(value, list):
        return trajectory_of(value)
    if not isinstance(value, dict):
        raise UsageError(f"entry {index} is no conversation: {value!r}"[:200], mend='each entry is a list of messages, or {"messages": [...]}')
    request = next((value[k] for k in ("request", "body") if isinstance(value.get(k), dict) and "messages" in value[k]), value)
    messages = next((request[k] for k in ("messages", "conversation", "conversations") if isinstance(request.get(k), list)), None)
    known = ("messages", "conversation", "conversations", "tools", "functions", "request", "response", "body", "choices")
    meta = {k: v for k, v in value.items() if k not in known}
    answer = _answer(value)
    if messages is None and answer is None:
        raise UsageError(f"entry {index} holds no messages; it has: {', '.join(value)}"[:200], mend='each entry is {"messages": [...]}')
    tools = request.get("tools") or request.get("functions")
    trajectory = trajectory_of(_standard(messages), tools, meta) if messages else Trajectory(meta=meta)
    return trajectory if answer is None else _answered(trajectory, answer)


def _answer(value: dict[str, Any]) -> str | None:
    """The raw answer kept beside a request, as text."""
    if isinstance(value.get("choices"), list):
        return json.dumps(value, ensure_ascii=False)
    for key in ("response", "body"):
        found = value.get(key)
        found = found.get("body", found) if isinstance(found, dict) else found
        if isinstance(found, str) and found.lstrip()[:1] == "{":
            return found
        if isinstance(found, dict) and open_envelope(found).message is not None and "messages" not in found:
            return json.dumps(found, ensure_ascii=False)
    return None


def _answered(trajectory: Trajectory, body: str) -> Trajectory:
    opened = trajectory.open or OpenTurn()
    response = read_response(body, trajectory.spec.tools or None, turn=len(trajectory.turns))
    turn = Turn(
        index=len(trajectory.turns), response=response, results=(None,) * len(response.tool_calls), added=opened.added, kept=opened.kept
    )
    stop_reason = None if response.tool_calls else "final"
    return replace(trajectory, turns=(*trajectory.turns, turn), open=None, stop_reason=stop_reason)  # type: ignore[arg-type]


def _standard(messages: list[Any]) -> list[Any]:
    """ShareGPT's `{"from", "value"}` as chat messages; others as they are."""
    if not all(isinstance(m, dict) and "from" in m and "role" not in m for m in messages):
        return messages
    return [{"role": _ROLES.get(str(m["from"]), str(m["from"])), "content": m.get("value", "")} for m in messages]

"""Captured traffic as rollouts: requests with their raw answers, `case` saying which belong
together (`weather/turn0`, `weather/turn1/stream`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from agentkit.trajectory.loop import apply, rewrite, start
from agentkit.types.answer import ToolCall
from agentkit.types.steps import Answer, Result
from agentkit.types.trajectory import Message, Spec, ToolResult, Trajectory
from agentkit.types.wire import Chunk, Exchange

_TURN = re.compile(r"(.*?)/?turn(\d+)(/.*)?")
_CHAT = "/v1/chat/completions"
_BESIDE = ("messages", "model", "tools", "stream")


def is_capture(values: Iterable[Any]) -> bool:
    """Whether these are exchanges as a capture keeps them: a request beside its raw answer."""
    listed = list(values)
    return bool(listed) and all(
        isinstance(v, Mapping) and "request" in v and ("body" in v or "chunks" in v) for v in listed
    )


def captured_trajectories(rows: Iterable[Mapping[str, Any]]) -> list[Trajectory]:
    """The rollouts of a capture, in order: each chain of turns one, every other chat request one of
    a single answer; other traffic left out.
    """
    chains: dict[Any, list[Mapping[str, Any]]] = {}
    for place, row in enumerate(rows):
        request = row.get("request")
        if not isinstance(request, Mapping) or not isinstance(request.get("messages"), list):
            continue
        if not str(row.get("path", _CHAT)).endswith(_CHAT):
            continue
        named = _TURN.fullmatch(str(row.get("case", "")))
        chains.setdefault((named.group(1), named.group(3)) if named else place, []).append(row)
    return [_chained(chain) for chain in chains.values()]


def _chained(rows: list[Mapping[str, Any]]) -> Trajectory:
    first = rows[0]
    trajectory = _begun(first)
    asked = len(first["request"]["messages"])
    trajectory = apply(trajectory, Answer(exchange=_exchange(first)))
    for row in rows[1:]:
        messages = row["request"]["messages"]
        if (
            trajectory.error is not None
            or len(messages) <= asked
            or messages[asked].get("role") != "assistant"
        ):
            break
        trajectory = _answered(trajectory, messages[asked + 1 :])
        if (
            trajectory.stop_reason is not None
        ):  # text that is not a call to us was one to whoever captured it
            trajectory = rewrite(
                trajectory, asked, tuple(Message(wire=dict(m)) for m in messages[asked:])
            )
        trajectory = apply(trajectory, Answer(exchange=_exchange(row)))
        asked = len(messages)
    return trajectory


def _begun(row: Mapping[str, Any]) -> Trajectory:
    """A rollout before its first answer; the whole history that was sent is its prompt."""
    request = row["request"]
    sampling = {name: value for name, value in request.items() if name not in _BESIDE}
    tools = request.get("tools")
    schemas = (
        tuple(tool for tool in tools if isinstance(tool, dict)) if isinstance(tools, list) else ()
    )
    model = request.get("model")
    spec = Spec(
        model=model if isinstance(model, str) else None,
        tools=schemas,
        sampling=sampling,
        stream=bool(request.get("stream")),
        profile="vllm",
    )
    meta = {name: row[name] for name in ("case", "server") if name in row}
    return (
        start(request["messages"], spec, meta)
        if request["messages"]
        else Trajectory(spec=spec, meta=meta)
    )


def _answered(trajectory: Trajectory, messages: list[Mapping[str, Any]]) -> Trajectory:
    """The open calls with the results that the next request holds, by id and then by order."""
    results = [m for m in messages if m.get("role") == "tool"]
    by_id = {m.get("tool_call_id"): m for m in results}
    for place, call in enumerate(trajectory.pending):
        message = (
            by_id.get(call.id)
            or by_id.get(call.raw_id)
            or (results[place] if place < len(results) else None)
        )
        content = message.get("content") if message else ""
        trajectory = apply(
            trajectory, Result(position=call.position, result=_result(call, content))
        )
    return trajectory


def _result(call: ToolCall, content: Any) -> ToolResult:
    said = content if isinstance(content, str) else json.dumps(content)
    return ToolResult(call_id=call.id, name=call.name, status="ok", content=said)


def _exchange(row: Mapping[str, Any]) -> Exchange:
    chunks = row.get("chunks") or ()
    status, elapsed = row.get("status"), row.get("elapsed")
    return Exchange(
        status=status if type(status) is int else None,
        elapsed=elapsed if isinstance(elapsed, (int, float)) else None,
        body=row["body"]
        if isinstance(row.get("body"), str)
        else json.dumps(row["body"])
        if row.get("body") is not None
        else "",
        chunks=tuple(Chunk(at=float(at), text=text) for at, text in chunks),
        headers=_headers(row.get("headers")),
    )


def _headers(headers: Any) -> tuple[tuple[str, str], ...]:
    return (
        tuple(
            (str(k).lower(), str(v)) for k, v in headers.items() if str(k).lower() == "content-type"
        )
        if isinstance(headers, Mapping)
        else ()
    )

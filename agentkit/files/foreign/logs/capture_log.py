"""Captured traffic as rollouts: requests with their raw answers, `case` naming those that belong
together (`weather/turn0`, `weather/turn1/stream`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from agentkit.dialects.native_request import chat_form, request_dialect
from agentkit.files.foreign.logs.raw_answer import chunks_of, exchange_of, with_status
from agentkit.trajectory.loop import apply, rewrite, say, start
from agentkit.types.answer import Dialect, ToolCall
from agentkit.types.request import Spec
from agentkit.types.steps import Answer, Result
from agentkit.types.trajectory import Message, ResultStatus, ToolResult, Trajectory
from agentkit.types.wire import Exchange

_TURN = re.compile(r"(.*?)/?turn(\d+)(/.*)?")
_BESIDE = ("messages", "model", "tools", "stream")
"""Fields of a request that are no sampling."""
_WIRE = frozenset(
    (
        *("request", "body", "chunks", "response"),
        *("status", "elapsed", "headers", "method", "path", "url"),
    )
)
"""Keys of a row that are read, or describe the wire; the others become the rollout's meta."""

_Row = Mapping[str, Any]


def is_captured(value: Any) -> bool:
    """Tell whether this is a request for an answer, kept beside its raw answer."""
    if not isinstance(value, Mapping) or not ("body" in value or "chunks" in value):
        return False
    return _dialect(value) is not None


def _dialect(row: _Row) -> Dialect | None:
    """Tell which dialect a row asks in; None where it asks for no answer."""
    return request_dialect(row.get("request"), row.get("path", row.get("url")))


def _asked(row: _Row) -> dict[str, Any]:
    """Read the request of a row, in the chat form."""
    return chat_form(row["request"], _dialect(row) or "chat")


def captured_trajectories(rows: Iterable[Any]) -> list[Trajectory]:
    """Read the rollouts of a capture, in order; rows that ask for no answer are left out."""
    return list(captured_by_place(enumerate(rows)).values())


def captured_by_place(rows: Iterable[tuple[int, Any]]) -> dict[int, Trajectory]:
    """Read captured rows, each with its place in the log.

    Returns:
        By the place of its first row, each rollout: the turns of a case one, every other row one of
        a single answer. A turn that does not go on from the one before it begins another.
    """
    chains: dict[Any, list[tuple[int, _Row]]] = {}
    for place, row in rows:
        if not is_captured(row):
            continue
        named = _TURN.fullmatch(str(row.get("case", "")))
        key = (row.get("server"), named.group(1), named.group(3)) if named else place
        chains.setdefault(repr(key), []).append((place, row))
    found: dict[int, Trajectory] = {}
    for chain in chains.values():
        found.update(_chained(chain))
    return dict(sorted(found.items()))


def _chained(rows: list[tuple[int, _Row]]) -> dict[int, Trajectory]:
    found: dict[int, Trajectory] = {}
    first, asked = -1, 0
    for place, row in rows:
        request = _asked(row)
        messages = request["messages"]
        before = found.get(first)
        if before is not None and _is_linked(before, request):
            before = _linked(before, messages)
        elif before is None or not _goes_on(before, asked, messages):
            first, before = place, _begun(row, request)
        else:
            before = _with_results(before, asked, messages)
        found[first] = apply(before, Answer(exchange=_exchange(row)))
        asked = len(messages)
    return found


def _is_linked(trajectory: Trajectory, request: _Row) -> bool:
    """Tell whether a request names the last answer of a rollout as the one before it."""
    named = request.get("previous_response_id")
    turns = trajectory.all_turns
    return bool(named and turns) and trajectory.error is None and turns[-1].response.id == named


def _linked(trajectory: Trajectory, messages: list[_Row]) -> Trajectory:
    """Go on with a rollout whose requests hold only what is new."""
    chain = replace(trajectory, spec=replace(trajectory.spec, chain=True))
    chain = _answered(chain, messages)
    added = [dict(message) for message in messages if message.get("role") != "tool"]
    return say(chain, added) if added else chain


def _goes_on(trajectory: Trajectory, asked: int, messages: list[Any]) -> bool:
    """Tell whether the messages go on behind an answer that was given to the first of them."""
    if trajectory.error is not None or len(messages) <= asked:
        return False
    answer = messages[asked]
    return isinstance(answer, Mapping) and answer.get("role") == "assistant"


def _with_results(trajectory: Trajectory, asked: int, messages: list[_Row]) -> Trajectory:
    """Answer the open calls with what the next request holds behind the first `asked` messages."""
    trajectory = _answered(trajectory, messages[asked + 1 :])
    others = any(m.get("role") != "tool" for m in messages[asked + 1 :] if isinstance(m, Mapping))
    if trajectory.stop_reason is None and not others:
        return trajectory
    # what ends a rollout for us, as a call written as text, was a call to whoever captured it, who
    # may also have put something between the results
    added = tuple(Message(wire=dict(message)) for message in messages[asked:])
    return rewrite(trajectory, asked, added)


def _begun(row: _Row, request: dict[str, Any]) -> Trajectory:
    """Start a rollout; the whole history that was sent is its prompt.

    Args:
        row: the row.
        request: its request, in the chat form.
    """
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
        dialect=_dialect(row) or "chat",
    )
    meta = {name: value for name, value in row.items() if name not in _WIRE}
    return (
        start(request["messages"], spec, meta)
        if request["messages"]
        else Trajectory(spec=spec, meta=meta)
    )


def _answered(trajectory: Trajectory, messages: list[Mapping[str, Any]]) -> Trajectory:
    """Give the open calls the results that the next request holds, by id and then by order."""
    results = [m for m in messages if isinstance(m, Mapping) and m.get("role") == "tool"]
    by_id = {m["tool_call_id"]: m for m in results if isinstance(m.get("tool_call_id"), str)}
    for place, call in enumerate(trajectory.pending):
        names = [name for name in (call.id, call.raw_id) if isinstance(name, str)]
        found = [by_id[name] for name in names if name in by_id]
        message = next(iter(found or results[place : place + 1]), None)
        trajectory = apply(
            trajectory, Result(position=call.position, result=_result(call, message or {}))
        )
    return trajectory


def _result(call: ToolCall, message: Mapping[str, Any]) -> ToolResult:
    content = message.get("content", "")
    text = content if isinstance(content, str) else json.dumps(content)
    status: ResultStatus = "error" if message.get("is_error") is True else "ok"
    return ToolResult(call_id=call.id, name=call.name, status=status, content=text)


def _exchange(row: _Row) -> Exchange:
    chunks = chunks_of(row.get("chunks"))
    answer = Exchange(chunks=chunks) if chunks else exchange_of(row.get("body"))
    return replace(with_status(answer, row), headers=_headers(row.get("headers")))


def _headers(headers: Any) -> tuple[tuple[str, str], ...]:
    """Keep the content type, which tells a stream and an error page; nothing else is needed."""
    if not isinstance(headers, Mapping):
        return ()
    lower = ((str(name).lower(), str(value)) for name, value in headers.items())
    return tuple(pair for pair in lower if pair[0] == "content-type")

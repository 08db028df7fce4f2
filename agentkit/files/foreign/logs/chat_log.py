"""Conversations that exist already as trajectories: chat messages, and the shapes people keep them
in. No message is dropped.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from agentkit.dialects.native_request import chat_form, request_dialect
from agentkit.errors import UsageError
from agentkit.files.foreign.entries import (
    ChatEntry,
    Losses,
    rollout_of_entries,
    stop_reason_in,
)
from agentkit.files.foreign.logs.raw_answer import (
    chunks_of,
    exchange_of,
    is_answer,
    is_piece,
    schemas_of,
    with_status,
)
from agentkit.read.body.message import parse_body
from agentkit.read.calls.function_schema import described_tools
from agentkit.read.plain import plain
from agentkit.trajectory.loop import apply, close
from agentkit.trajectory.person.prompt import prompt_messages
from agentkit.types.answer import Dialect
from agentkit.types.record import Record
from agentkit.types.request import Spec
from agentkit.types.steps import Answer
from agentkit.types.trajectory import Message, Trajectory
from agentkit.types.wire import Exchange

_HINT = 'each entry is a list of messages, or {"messages": [...]}'
_READ = frozenset(
    (
        "messages",
        "input",
        "conversation",
        "conversations",
        "tools",
        "functions",
        "request",
        "response",
        "body",
        "choices",
        "chunks",
    )
)
"""What of an entry is read; the rest of it is kept as the trajectory's meta."""
_SAMPLING = (
    *("temperature", "top_p", "top_k", "min_p", "seed", "stop", "frequency_penalty"),
    *("presence_penalty", "logit_bias", "max_tokens", "max_completion_tokens"),
    *("response_format", "tool_choice", "parallel_tool_calls", "reasoning_effort", "thinking"),
)
"""Fields of a request that decide how its answer is written, as the chat form names them."""
ENTRY_FIELDS = frozenset((*_READ, *_SAMPLING, "model"))
"""What of an entry of chat messages is no meta."""
_PROMPTS: dict[Dialect, tuple[str, ...]] = {
    "chat": (),
    "messages": ("system", "max_tokens", "stop_sequences"),
    "responses": ("max_output_tokens",),
}
"""What a dialect says otherwise, and is read from its chat form."""
_SPEAKERS = ("system", "developer", "user", "assistant", "tool", "function")
_SAID = ("content", "tool_calls", "function_call", "parts", "reasoning", "reasoning_content")
_ROLES = {
    "human": "user",
    "gpt": "assistant",
    "model": "assistant",
    "function_response": "tool",
    "observation": "tool",
    "bing": "assistant",
}


def trajectory_of(
    messages: Any,
    tools: Any = None,
    meta: Mapping[str, Any] | None = None,
    model: Any = None,
    dialect: Dialect = "chat",
    sampling: Mapping[str, Any] | None = None,
) -> Trajectory:
    """Make a trajectory of a list of chat messages: see `rollout_of_entries`.


    Raises:
        UsageError: it is not a list of messages.
    """
    given = prompt_messages(messages, dialect)
    named = model if isinstance(model, str) else None
    spec = Spec(model=named, tools=_schemas(tools), dialect=dialect, sampling=dict(sampling or {}))
    return rollout_of_entries([ChatEntry(message=message) for message in given], spec, meta)


def _schemas(tools: Any) -> tuple[dict[str, Any], ...]:
    """Read tool schemas as a request holds them, or as the JSON text that some data sets keep."""
    given = parse_body(tools)[0] if isinstance(tools, str) else plain(described_tools(tools))
    return (
        tuple(tool for tool in given if isinstance(tool, dict)) if isinstance(given, list) else ()
    )


def trajectories_in(values: Iterable[Any]) -> list[Trajectory]:
    """Read the conversations of a chat JSONL's values.

    Args:
        values: `{"messages": [...]}` as OpenAI trains on, bare lists, ShareGPT, requests with their
            answers; or the messages of a single conversation.

    Raises:
        UsageError: a value is no conversation, and which.
    """
    listed = list(values)
    if listed and all(
        isinstance(value, dict) and isinstance(value.get("role"), str) for value in listed
    ):
        return [trajectory_of(listed)]
    found = [conversation(plain(v), f"entry {place}") for place, v in enumerate(listed)]
    if not any(found):
        raise UsageError("no entry holds messages", hint=_HINT)
    return [trajectory for trajectory in found if trajectory is not None]


def conversation(value: Any, name: str, tools: Any = None) -> Trajectory | None:
    """Read one entry of a log.

    Args:
        value: the entry, as plain JSON data.
        name: what to call it in an error.
        tools: schemas for an entry that holds none itself.

    Returns:
        Its rollout; None where it is other traffic of a server, as a list of its models.

    Raises:
        UsageError: it is no conversation.
    """
    if isinstance(value, list):
        return trajectory_of(value, tools)
    if not isinstance(value, dict):
        raise UsageError(f"{name} is no conversation: {value!r}"[:200], hint=_HINT)
    path = value.get("path", value.get("url"))
    request = _request(value, path)
    dialect = request_dialect(request, path) or "chat"
    own, request = request is value, chat_form(request, dialect)
    messages = next(
        (
            request[key]
            for key in ("messages", "conversation", "conversations")
            if isinstance(request.get(key), list)
        ),
        None,
    )
    if messages is None and any(isinstance(value.get(key), str) for key in ("path", "url")):
        return None
    answer = _answer(value)
    if not messages and answer is None:
        held = ", ".join(map(str, value)) or "nothing"
        raise UsageError(f"{name} holds no messages; it has: {held}"[:200], hint=_HINT)
    sampling = {key: request[key] for key in _SAMPLING if messages and request.get(key) is not None}
    read = {*_READ, *(("model", *_SAMPLING, *_PROMPTS[dialect]) if own else ())}
    meta = {key: kept for key, kept in value.items() if key not in read}
    if messages and not all(messages):
        said = [message for message in messages if message]
        meta, messages = meta_with_nulls(meta, len(messages) - len(said)), said
    offered = request.get("tools") or request.get("functions") or schemas_of(tools)
    if messages:
        listed, model = _standard(messages), request.get("model")
        trajectory = trajectory_of(listed, offered, meta, model, dialect, sampling)
        trajectory = _with_ending(trajectory) if own and answer is None else trajectory
    else:
        trajectory = Trajectory(spec=Spec(tools=_schemas(offered), dialect=dialect), meta=meta)
    return trajectory if answer is None else apply(close(trajectory), Answer(exchange=answer))


def meta_with_nulls(meta: Mapping[str, Any], count: int) -> dict[str, Any]:
    """Say in the meta of a rollout how many of its messages were null or empty, and left out."""
    losses = Losses("chat messages")
    losses.counts["messages[] in which nothing is"] = count
    return {**meta, "import": losses.report}


def _with_ending(trajectory: Trajectory) -> Trajectory:
    """End a rollout as its entry says in agentkit's own word."""
    ended = stop_reason_in(trajectory.meta.get("stop_reason"))
    if ended is None or trajectory.open is not None:
        return trajectory
    meta = {key: value for key, value in trajectory.meta.items() if key != "stop_reason"}
    return replace(trajectory, stop_reason=ended, meta=meta)


def _request(value: dict[str, Any], path: Any) -> dict[str, Any]:
    """Find what was asked: under a key of its own, or the entry itself."""
    for key in ("request", "body"):
        inner = value.get(key)
        if isinstance(inner, dict) and request_dialect(inner, path) is not None:
            return inner
    return value


def _answer(value: dict[str, Any]) -> Exchange | None:
    """Find the raw answer that an entry keeps, beside its request or alone."""
    if isinstance(value.get("choices"), list):
        return Exchange(body=json.dumps(value))
    status = type(value.get("status")) is int
    for key in ("response", "body"):
        found = value.get(key)
        found = found.get("body", found) if isinstance(found, dict) else found
        if isinstance(found, str) and (status or found.lstrip()[:1] == "{"):
            return with_status(exchange_of(found), value)
        if isinstance(found, dict) and "messages" not in found and (status or is_answer(found)):
            return with_status(exchange_of(found), value)
    error = value.get("error")
    if isinstance(value.get("request"), dict) and error and not value.get("response"):
        told = error if isinstance(error, dict) else {"message": str(error)}
        return with_status(exchange_of({"error": told}), value)
    pieces = value.get("chunks")
    if not isinstance(pieces, list) or not pieces or not all(map(is_piece, pieces)):
        return None
    return with_status(Exchange(chunks=chunks_of(pieces)), value)


def is_message(item: Any) -> bool:
    """Tell whether it is a chat message: ours, a dict, or an SDK's object."""
    if isinstance(item, Message):
        return True
    if isinstance(item, Record):
        return False
    if isinstance(item, Mapping):
        return _speaks(item) and not is_answer(item)
    return isinstance(getattr(item, "role", None), str)


def _speaks(item: Mapping[Any, Any]) -> bool:
    """Tell whether an object with a role says something: people have roles too."""
    role = item.get("role")
    return isinstance(role, str) and (role in _SPEAKERS or any(key in item for key in _SAID))


def _standard(messages: list[Any]) -> list[Any]:
    """Make chat messages of ShareGPT's `{"from", "value"}`; leave others as they are."""
    if not all(isinstance(m, dict) and "from" in m and "role" not in m for m in messages):
        return messages
    return [_from_sharegpt(str(m["from"]), m.get("value", "")) for m in messages]


def _from_sharegpt(speaker: str, value: Any) -> dict[str, Any]:
    if speaker == "function_call" and isinstance(value, str):
        called, _ = parse_body(value)
        calls = [
            {"function": call}
            for call in (called if isinstance(called, list) else [called])
            if isinstance(call, dict) and "name" in call
        ]
        return {"role": "assistant", "content": None if calls else value, "tool_calls": calls}
    return {"role": _ROLES.get(speaker, speaker), "content": value}

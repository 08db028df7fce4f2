"""A request that a person changes on its way: what is changed is written in the dialect that the
agent speaks, and every other byte of its body stays.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from agentkit.dialects.codecs import CODECS
from agentkit.dialects.messages import request_in as messages_in
from agentkit.dialects.messages.request import native_messages
from agentkit.dialects.native_request import request_dialect
from agentkit.dialects.responses import request_in as responses_in
from agentkit.dialects.responses.request import input_items
from agentkit.errors import UsageError
from agentkit.read.calls.function_schema import described_tools
from agentkit.read.plain import plain
from agentkit.tap.hold.json_places import (
    GONE,
    Path,
    Written,
    elements,
    find_value,
    json_text,
    with_values,
)
from agentkit.types.answer import Dialect

_LIMITS = ("max_completion_tokens", "max_output_tokens", "max_tokens")


def changed_request(
    body: str, path: str, changes: Mapping[str, Any], shown: str | None = None
) -> str:
    """Write the body of a request with something changed.

    Args:
        body: as the agent sent it.
        path: where it was sent, which tells the dialect.
        changes: `messages` (a list, in chat form or as the dialect has them; a text in place of the
            last user's), `tools`, and any other field under its name in chat completions or
            in the dialect; None takes a field out.
        shown: the same body as it was shown to the person, secrets taken out: a message that is
            given as it was shown there goes as it came.

    Raises:
        UsageError: it is no request that can be changed, or a value cannot be used.
    """
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        data = None
    dialect = request_dialect(data, path)
    if dialect is None:
        raise UsageError(
            f"the request to {path[:80]!r} asks for no answer that is understood here",
            hint="it can be sent as it is, failed, or answered by hand with a whole body",
        )
    assert isinstance(data, dict)
    values: dict[Path, Any] = {}
    for name, value in changes.items():
        if name == "messages":
            seen = data if shown is None else json.loads(shown)
            values |= _messages(body, seen, dialect, value)
        elif name == "stream":
            raise UsageError(
                "the form of the answer cannot be changed",
                hint="the agent waits for the one that it asked for",
            )
        else:
            values |= _field(data, dialect, name, value)
    return with_values(body, values)


def _field(body: dict[str, Any], dialect: Dialect, name: str, value: Any) -> dict[Path, Any]:
    """Say what changes with a field, under the name that the dialect has for it."""
    own = next((limit for limit in _LIMITS if limit in body), name) if name in _LIMITS else name
    if value is None or (name == "tools" and not value):
        return {(_renamed(dialect, own),): GONE}
    value = plain(described_tools(value) if name == "tools" else value)
    as_it_is = dialect == "chat" or name == "model" or (name in body and name != "tools")
    written = {own: value} if as_it_is else _written(body, dialect, name, value)
    found: dict[Path, Any] = {}
    for field, content in written.items():
        there = body.get(field)
        if field != name and isinstance(content, dict) and isinstance(there, dict):
            found |= {(field, inner): part for inner, part in content.items()}
        else:
            found[field,] = content
    return found


def _written(body: dict[str, Any], dialect: Dialect, name: str, value: Any) -> dict[str, Any]:
    """Write a field in chat form as the fields that it is in the dialect."""
    known = {"tools": body["tools"]} if name == "parallel_tool_calls" and body.get("tools") else {}
    fields = json.loads(CODECS[dialect].body([], {**known, name: value}, None, False))
    return {
        field: content
        for field, content in fields.items()
        if field not in ("messages", "input", *known) and (field != "max_tokens" or name in _LIMITS)
    }


def _renamed(dialect: Dialect, name: str) -> str:
    """Give the name under which the dialect has a field that is taken out."""
    return "stop_sequences" if (dialect, name) == ("messages", "stop") else name


def _messages(body: str, data: dict[str, Any], dialect: Dialect, given: Any) -> dict[Path, Any]:
    """Say what changes with the messages: the list, and the field beside it that holds what the
    system says. A list that begins with no such message leaves that field as it is.
    """
    name = "input" if dialect == "responses" else "messages"
    if isinstance(given, str):
        return _last_user(data, name, given)
    listed = plain(given)
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise UsageError(
            f"messages are a list of dicts, not {type(given).__name__}",
            hint="give a text to change what the user asked last",
        )
    found: dict[Path, Any] = {}
    first = next((i for i, each in enumerate(listed) if not _is_system(each)), len(listed))
    if dialect == "messages" and first:
        if listed[:first] != messages_in.chat_messages({**data, "messages": []}):
            found["system",] = native_messages(listed[:first])[0]
        listed = listed[first:]
    elif dialect == "responses" and first and "instructions" in data:
        if listed[0].get("content") != data["instructions"]:
            found["instructions",] = listed[0].get("content")
        listed = listed[1:]
    if listed == [{"role": "user", "content": data.get(name)}]:
        return found  # a text alone is a list of one message, in Responses
    written = _list_text(body, name, _groups(data.get(name), dialect), listed, dialect)
    return found if written is None else {**found, (name,): written}


def _is_system(message: dict[str, Any]) -> bool:
    return message.get("role") in ("system", "developer")


_Group = tuple[list[Any], list[Any]]


def _groups(old: Any, dialect: Dialect) -> list[_Group]:
    """List what belongs together: messages in chat form, and the elements that say the same."""
    listed = old if isinstance(old, list) else []
    if dialect == "messages":
        return [(messages_in.chat_messages({"messages": [each]}), [each]) for each in listed]
    if dialect == "chat" or not all(isinstance(each, dict) for each in listed):
        return [([each], [each]) for each in listed]
    found: list[_Group] = []
    at = 0
    for message in responses_in.chat_messages({"input": listed}):
        number = len(message["items"]) if "items" in message else 1
        found.append(([message], listed[at : at + number]))
        at += number
    return found


def _list_text(
    body: str, name: str, groups: list[_Group], given: list[Any], dialect: Dialect
) -> Written | None:
    """Write the list: what stands at its start or its end as it did before has the same bytes.
    None where all of it does.
    """
    before, left = _alike(groups, given)
    after, rest = _alike(groups[before:][::-1], left[::-1], -1)
    if before == len(groups) and not rest:
        return None
    span = find_value(body, (name,))
    texts = [body[start:end] for start, end in elements(body, span[0])] if span else []
    head = sum(len(native) for _, native in groups[:before])
    tail = sum(len(native) for _, native in groups[len(groups) - after :])
    middle = map(json_text, _native(rest[::-1], dialect))
    return Written(f"[{','.join([*texts[:head], *middle, *texts[len(texts) - tail :]])}]")


def _alike(groups: list[_Group], given: list[Any], step: int = 1) -> tuple[int, list[Any]]:
    """Count the groups that the list begins with, and return what comes behind them.

    Args:
        groups: what there was.
        given: what there is now.
        step: -1 where both are given from their end.
    """
    for number, forms in enumerate(groups):
        same = next((f for f in forms if f and given[: len(f)] == f[::step]), None)
        if same is None:
            return number, given
        given = given[len(same) :]
    return len(groups), given


def _native(messages: list[dict[str, Any]], dialect: Dialect) -> list[dict[str, Any]]:
    """Write messages that are new in the dialect; what is in it already stays."""
    if dialect == "responses":
        return [item for message in messages for item in input_items(message)]
    if dialect == "messages" and any(map(_is_chat, messages)):
        return native_messages(messages)[1]
    return messages


def _is_chat(message: dict[str, Any]) -> bool:
    """Tell a message in chat form from one that Messages has."""
    named = message.get("role") in ("system", "developer", "tool", "function")
    return named or bool(message.get("tool_calls")) or "items" in message


def _last_user(data: dict[str, Any], name: str, text: str) -> dict[Path, Any]:
    """Say where the text stands that the user wrote last."""
    listed = data.get(name)
    if isinstance(listed, str):
        return {(name,): text}
    for at, message in reversed(list(enumerate(listed if isinstance(listed, list) else ()))):
        if not isinstance(message, dict) or message.get("role") != "user":
            continue
        content = message.get("content")
        if isinstance(content, str):
            return {(name, at, "content"): text}
        parts = [
            place
            for place, part in enumerate(content if isinstance(content, list) else ())
            if isinstance(part, dict) and isinstance(part.get("text"), str)
        ]
        if parts:
            return {(name, at, "content", parts[-1], "text"): text}
    raise UsageError(
        "no message of a user has a text",
        hint="give the whole list: change(messages=[...])",
    )

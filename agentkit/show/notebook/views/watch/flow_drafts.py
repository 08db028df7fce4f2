"""What a person is about to change in a request or an answer that waits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from agentkit.errors import UsageError
from agentkit.read.calls.known_tools import KnownTools
from agentkit.read.calls.validation import check_schema
from agentkit.servers.redaction.secret_names import masked
from agentkit.show.render.parts.pretty import pretty
from agentkit.tap.hold.pending_flow import PendingFlow

_CALLS = 20
"""Calls of an answer whose arguments can be changed."""
_LONGEST = 200_000
"""Characters of a text that can be changed in a page."""


class Field(NamedTuple):
    """A text of what waits, which can be changed."""

    name: str
    """`call-0`, `text`, `messages`, `tools` or `sampling`."""
    words: str
    """What it is called."""
    text: str
    """As it came."""


def fields_of(pending: PendingFlow) -> list[Field]:
    """List what can be changed in a request or an answer."""
    return [field for field in _fields(pending) if len(field.text) <= _LONGEST]


def _fields(pending: PendingFlow) -> Iterator[Field]:
    response = pending.response
    if response is not None:
        if not response.usable:
            return
        for i, call in enumerate(response.tool_calls[:_CALLS]):
            given = call.raw_arguments if call.arguments is None else _json(call.arguments)
            yield Field(f"call-{i}", call.name or "?", given)
        if response.content or not response.tool_calls:
            yield Field("text", "text", response.content or "")
        return
    request = pending.request
    if request is not None:
        yield Field("messages", "messages", _json(list(request.messages)))
        if request.tools:
            yield Field("tools", "tools", _json(list(request.tools)))
        yield Field("sampling", "sampling", _json(_shown(request.sampling)))


def _shown(fields: dict[str, Any]) -> dict[str, Any]:
    """Leave out secrets, which go as they came."""
    return {name: value for name, value in fields.items() if masked({name: value}) == {name: value}}


def _json(value: Any) -> str:
    short = json.dumps(value, ensure_ascii=False)
    return short if len(short) <= 90 else pretty(value)


def changes_of(fields: list[Field], drafts: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Yield what `pending.change` is given for each draft that differs from what came.

    Raises:
        UsageError: a draft is no JSON of the kind that its place takes.
    """
    asked: dict[str, Any] = {}
    for field in fields:
        draft = drafts.get(field.name, field.text)
        if draft == field.text:
            continue
        if field.name == "text":
            yield {"text": draft}
        elif field.name.startswith("call-"):
            yield {"arguments": parsed(draft, dict), "call": int(field.name[5:])}
        elif field.name == "sampling":
            was, now = json.loads(field.text), parsed(draft, dict)
            gone = {name: None for name in was if name not in now}
            asked |= gone | {k: v for k, v in now.items() if k not in was or was[k] != v}
        else:
            asked[field.name] = parsed(draft, list)
    if asked:
        yield asked


def parsed(text: str, kind: type) -> Any:
    """Read a draft as JSON.

    Raises:
        UsageError: it is none, or of another kind.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"this is no JSON: {error}") from None
    if not isinstance(value, kind):
        raise UsageError(f"a JSON {'object' if kind is dict else 'list'} belongs here")
    return value


def check(pending: PendingFlow, field: Field, draft: str) -> tuple[str, bool]:
    """Say what is wrong with a draft, and whether its arguments fit the tool's schema."""
    if field.name == "text":
        return "", False
    try:
        value = parsed(draft, list if field.name in ("messages", "tools") else dict)
    except UsageError as error:
        return error.message, False
    if not field.name.startswith("call-"):
        return "", False
    request = pending.request
    tools = KnownTools(list(request.tools) if request else ())
    if field.words not in tools:
        return "", False
    wrong, _ = check_schema(value, tools.parameters(field.words), "")
    return "; ".join(found.message for found in wrong[:3]), not wrong

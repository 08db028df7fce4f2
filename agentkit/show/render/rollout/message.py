"""A chat message as it was given."""

from __future__ import annotations

import json
from typing import Any

from agentkit.read.plain import plain
from agentkit.show.html import Child, Html, el
from agentkit.show.render.limits import Limits
from agentkit.show.render.parts.block import (
    bar,
    code,
    data,
    excerpt,
    facts,
    fold,
    note,
    prose,
    row,
    whole,
)
from agentkit.show.render.parts.pretty import pretty, verbatim
from agentkit.types.trajectory import Message
from agentkit.types.words import count

ROLES = ("system", "developer", "user", "assistant", "tool", "function")
REASONING = ("reasoning_content", "reasoning", "thinking")


def message_row(key: str, message: Message, limits: Limits, at: str) -> Html:
    """Draw a message with its role, text, calls, and whatever else it holds behind a click."""
    role, wire = message.role, plain(message.wire)
    known = role in ROLES
    label = el("strong", role if known else code(role or "no role"))
    text = message.content
    body = [
        _about(wire, limits),
        _reasoning(wire, limits, at),
        prose(text, limits, f"{at}.content") if text else None,
        _parts(wire.get("content"), limits, at),
        _calls(wire.get("tool_calls"), limits, at),
        None if len(wire) > 2 or text else note("empty"),
    ]
    return row(
        key,
        role if known else "other",
        (label, body),
        raw=_raw(wire, limits, at) if limits.details and not _bare(wire) else None,
    )


def _bare(wire: dict[str, Any]) -> bool:
    """Tell whether a message is no more than a role and a text."""
    return wire.keys() <= {"role", "content"} and isinstance(wire.get("content"), str)


def _about(wire: dict[str, Any], limits: Limits) -> Html | None:
    names = (("name", "name"), ("tool_call_id", "answers call"))[: 1 + limits.details]
    return facts(
        *[
            [word, " ", code(verbatim(wire[name]))]
            for name, word in names
            if wire.get(name) is not None
        ]
    )


def _raw(wire: dict[str, Any], limits: Limits, at: str) -> Html:
    return fold("raw", whole(pretty(wire), limits, f"{at}.wire"), kind="raw")


def _reasoning(wire: dict[str, Any], limits: Limits, at: str) -> Child:
    found = (
        (name, wire[name]) for name in REASONING if isinstance(wire.get(name), str) and wire[name]
    )
    return [
        fold(
            ["reasoning ", facts(count(len(text), "character"))],
            whole(text, limits, f"{at}.wire[{name!r}]")
            if limits.details
            else excerpt(text.strip()),
        )
        for name, text in found
    ]


def _parts(content: Any, limits: Limits, at: str) -> Child:
    """Draw the parts of a content that are not text: named, never loaded."""
    if not isinstance(content, list):
        return None
    others = [
        part
        for part in content
        if not isinstance(part, str)
        and not (isinstance(part, dict) and isinstance(part.get("text"), str))
    ]
    shown = [
        fold(
            ["part ", code(_kind(part))],
            whole(pretty(part), limits, f"{at}.wire")
            if limits.details
            else excerpt(pretty(part, 1 << 30)),
        )
        for part in others[: limits.items]
    ]
    rest = len(others) - len(shown)
    return [*shown, note("… ", count(rest, "more part")) if rest else None]


def _kind(part: Any) -> str:
    kind = part.get("type") if isinstance(part, dict) else None
    return kind if isinstance(kind, str) else type(part).__name__


def _calls(calls: Any, limits: Limits, at: str) -> Child:
    if not isinstance(calls, list):
        return data(pretty(calls), limits, f"{at}.wire") if calls else None
    rest = len(calls) - limits.items
    return [
        [_call(call, limits, at) for call in calls[: limits.items]],
        note("… ", count(rest, "more call")) if rest > 0 else None,
    ]


def _call(call: Any, limits: Limits, at: str) -> Html:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        return bar("→", data(pretty(call), limits, f"{at}.wire"))
    named = limits.details and call.get("id") is not None
    identity = facts(["id ", code(verbatim(call["id"]))]) if named else None
    return bar(
        "→",
        code(function["name"]),
        data(_laid_out(function.get("arguments")), limits, f"{at}.wire"),
        identity,
    )


def _laid_out(arguments: Any) -> str:
    """Lay out arguments where they are JSON; leave them verbatim where they are not."""
    if not isinstance(arguments, str):
        return pretty(arguments)
    try:
        return pretty(json.loads(arguments))
    except (ValueError, RecursionError):
        return arguments

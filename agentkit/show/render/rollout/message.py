"""A chat message as it was given."""

from __future__ import annotations

import json
from typing import Any

from agentkit.read.plain import plain
from agentkit.show.html import Child, Html, el, element
from agentkit.show.render.content.images import image_of
from agentkit.show.render.limits import Limits
from agentkit.show.render.parts.block import (
    code,
    data,
    excerpt,
    facts,
    fold,
    note,
    prose,
    short,
    whole,
)
from agentkit.show.render.parts.pretty import pretty, verbatim
from agentkit.show.render.parts.rows import line, speech
from agentkit.show.render.rollout.turn.thinking import thoughts
from agentkit.types.trajectory import Message
from agentkit.types.words import count

ROLES = ("system", "developer", "user", "assistant", "tool", "function")
_CALL, _NAME = element("div", class_="ak-call"), element("code", class_="ak-name", dir="auto")
REASONING = ("reasoning_content", "reasoning", "thinking")


def message_row(key: str, message: Message, limits: Limits, at: str) -> Html:
    """Draw a message with its role, text, calls, and whatever else it holds behind a click."""
    role, wire = message.role, plain(message.wire)
    known = role in ROLES
    who = el("strong", role if known else code(role or named(wire)))
    text = message.content
    body = [
        _about(wire, limits),
        _reasoning(wire, limits, at),
        prose(text, limits, f"{at}.content") if text else None,
        _parts(wire.get("content"), limits, at),
        _calls(wire.get("tool_calls"), limits, at),
        None if len(wire) > 2 or text else note("empty"),
        _raw(wire, limits, at) if limits.details and not _bare(wire) else None,
    ]
    return speech(key, role if known else "other", who, *body)


def named(wire: dict[str, Any]) -> str:
    """Name a message that has no role: an item of Responses has a type in its place."""
    kind = wire.get("type")
    return kind if isinstance(kind, str) and kind else "no role"


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
    return fold("as sent", whole(pretty(wire), limits, f"{at}.wire"))


def _reasoning(wire: dict[str, Any], limits: Limits, at: str) -> Child:
    found = (
        (name, wire[name]) for name in REASONING if isinstance(wire.get(name), str) and wire[name]
    )
    return [thoughts(text, limits, f"{at}.wire[{name!r}]") for name, text in found]


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
    shown = [_part(part, limits, at) for part in others[: limits.items]]
    rest = len(others) - len(shown)
    return [*shown, note("… ", count(rest, "more part")) if rest else None]


def _part(part: Any, limits: Limits, at: str) -> Html:
    if not limits.details:
        return fold(["part ", code(_kind(part))], excerpt(pretty(part, 1 << 30)))
    return image_of(part) or fold(
        ["part ", code(_kind(part))], whole(pretty(part), limits, f"{at}.wire")
    )


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
        return _CALL(line("→", data(pretty(call), limits, f"{at}.wire")))
    named = limits.details and call.get("id") is not None
    identity = facts(["id ", code(verbatim(call["id"]))]) if named else None
    arguments = data(_laid_out(function.get("arguments")), limits, f"{at}.wire")
    return _CALL(line("→", [_NAME(short(function["name"])), " ", arguments, " ", identity]))


def _laid_out(arguments: Any) -> str:
    """Lay out arguments where they are JSON; leave them verbatim where they are not."""
    if not isinstance(arguments, str):
        return pretty(arguments)
    try:
        return pretty(json.loads(arguments))
    except (ValueError, RecursionError):
        return arguments

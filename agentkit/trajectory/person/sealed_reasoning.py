"""Reasoning that is encrypted or signed: only the server that wrote it takes it back, so a history
goes on without it where another one is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from agentkit.read.body.reasoning import FIELDS, LISTS, SIGNATURES

_THOUGHTS = ("reasoning", "thinking", "redacted_thinking")
"""Types of items and blocks that hold reasoning."""
_SEALS = ("encrypted_content", "signature", "data")
_CALLS = ("function_call", "custom_tool_call", "message")
"""Types of items whose own ids tie them to the reasoning before them."""


def unsealed(sent: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Write messages without sealed reasoning: an answer that has some as its text and its calls.
    Those that have none are the same objects.
    """
    found: list[dict[str, Any]] = []
    native = False
    for message in sent:
        if message.get("type") == "reasoning" and "role" not in message:
            native = native or _is_sealed(message)
            found += [] if _is_sealed(message) else [message]
        elif native and message.get("type") in _CALLS:
            found.append({key: value for key, value in message.items() if key != "id"})
        else:
            plain = _plain(message) if _has_sealed(message) else message
            found += [plain] if plain else []
    return found


def _is_sealed(part: Any) -> bool:
    """Tell whether an item, a block or an entry of a list holds reasoning that is sealed, or only
    names what its server keeps.
    """
    if not isinstance(part, Mapping):
        return False
    if any(part.get(name) for name in _SEALS):
        return True
    return part.get("type") == "reasoning" and not part.get("content") and bool(part.get("id"))


def _thoughts(listed: Any) -> list[Any]:
    parts = listed if isinstance(listed, (list, tuple)) else ()
    return [p for p in parts if isinstance(p, Mapping) and p.get("type") in _THOUGHTS]


def _has_sealed(message: Mapping[str, Any]) -> bool:
    if any(message.get(name) for name in SIGNATURES):
        return True
    calls = message.get("tool_calls") or ()
    if any(isinstance(call, Mapping) and call.get("extra_content") for call in calls):
        return True
    inner = [*_thoughts(message.get("items")), *_thoughts(message.get("content"))]
    return any(map(_is_sealed, [*inner, *(one for n in LISTS for one in message.get(n) or ())]))


def _plain(message: Mapping[str, Any]) -> dict[str, Any]:
    """Write an answer as its text and its calls; nothing where it has neither."""
    left_out = {"items", *FIELDS, *LISTS, *SIGNATURES}
    plain = {key: value for key, value in message.items() if key not in left_out}
    content = plain.get("content")
    if isinstance(content, (list, tuple)):
        thoughts = _thoughts(content)
        plain["content"] = content = [part for part in content if part not in thoughts]
    if plain.get("tool_calls"):
        calls = [{k: v for k, v in c.items() if k != "extra_content"} for c in plain["tool_calls"]]
        plain["tool_calls"] = calls
    return plain if content or plain.get("tool_calls") else {}

"""The error inside an answer that was sent as a success: in a body, in a choice of it, in an event
of a stream, or on a bare line between events.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from agentkit.dialects.codecs import event_codec
from agentkit.read.failure.error import is_error
from agentkit.read.failure.error_body import exception_in

_SIGNS = """
ping pong [ping] [pong] keepalive keep-alive keep_alive [keepalive] [keep-alive] heartbeat
[heartbeat] alive [alive] processing [processing] noop start [start] null none true false {} []
"""
_NAMES = "ping pong keepalive keep-alive keep_alive heartbeat processing progress queued open"
_ALIVE = frozenset(_SIGNS.split())
"""What servers send to keep a connection open, in lower case."""
_ALIVE_KINDS = frozenset(_NAMES.split())
"""The names of such events."""
_BEATS = re.compile(r"(?:ping|pong|keep-?alive|heart-?beat)\b(?!.*error)")
_SPOKEN = re.compile(
    r"\s*(?:<(?:!doctype|html)\b|\[?(?:error|exception|fatal|failed|traceback)\b"
    r"|\w*(?:error|exception)\s*:"
    r"|internal server error|service (?:is )?(?:temporarily )?unavailable|bad gateway"
    r"|gateway time-?out|too many requests|rate limit|unauthorized|upstream (?:connect )?error"
    r"|an? (?:\w+ )?error\b|(?:4\d\d|5\d\d) [A-Z][a-z]+|stream (?:error|failed|aborted))",
    re.IGNORECASE,
)
"""How a text begins that is an error where an event belongs."""
_PREFIX = re.compile(r"\s*\[?(?:error|err)\]?\s*:?\s*(?=[{\[])", re.IGNORECASE)
_HOLDERS = ("x_groq", "response", "data", "result", "body", "raw_response", "delta")
"""Where else an error stands: Groq's `x_groq`, envelopes, Cohere's `delta`."""
_TEXT_KEYS = ("content", "reasoning", "reasoning_content", "tool_calls", "function_call", "refusal")


def value_of(text: str) -> Any:
    """Parse a text as JSON; None where it is none."""
    try:
        return json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        return None


def is_alive(text: str, kind: str = "") -> bool:
    """Return whether an event only keeps the connection open.

    Args:
        text: its data.
        kind: its name, "" where it has none.
    """
    if len(text) > 80 and not kind:
        return False
    word = text.strip().strip('"').strip(": ").lower()
    if not word or word in _ALIVE or _BEATS.match(word):
        return kind != "error"
    return kind.lower() in _ALIVE_KINDS and '"error"' not in text and '"choices"' not in text


def is_prefixed(text: str) -> bool:
    """Return whether a text is an error object under its name, as llama-server's `error: {…}`."""
    return _PREFIX.match(text[:200]) is not None


def is_spoken(text: str) -> bool:
    """Return whether a text in place of an event is an error's."""
    if is_prefixed(text):
        return True
    value = value_of(text) if text.lstrip()[:1] in ("{", "[") else None
    if value is not None:
        return error_in(value, text) is not None
    return bool(_SPOKEN.match(text[:500]))


def error_in(data: Any, text: str, kind: str = "") -> Any:
    """Find what `read_error` is to read of an event; None where it is no error.

    Args:
        data: what the event holds, parsed; None where it is not JSON.
        text: the same as text.
        kind: the event's name, "" where it has none.
    """
    if isinstance(data, list):
        found = (error_in(item, "", kind) for item in data[:20] if isinstance(item, (dict, str)))
        return next((error for error in found if error is not None), None)
    if isinstance(data, str):
        return data if kind == "error" or is_spoken(data) else None
    if isinstance(data, dict):
        return body_error(data, named=kind == "error")
    if data is not None or (kind != "error" and not is_spoken(text)):
        return None
    prefix = _PREFIX.match(text[:200])
    return text[prefix.end() :] if prefix else text


def body_error(data: dict[str, Any], *, named: bool = False) -> dict[str, Any] | None:
    """Find the error in a body or a chunk; None where there is none.

    Args:
        data: the body or chunk.
        named: whether it came under the name of an error.
    """
    if named and not data.get("choices"):
        return data
    if str(data.get("type", "")).lower() in _ALIVE_KINDS and not data.get("error"):
        return None
    if is_error(data):
        return data
    if exception_in(data) is not None:
        return data
    return next(_inner_errors(data), None)


def _inner_errors(data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Find errors one level down: in a choice, its delta or message, in Groq's `x_groq`."""
    for holder in _holders(data):
        error = holder.get("error")
        if error and is_error({"error": error}):
            yield {"error": error}


def _holders(data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Find what may hold an error: the first choice, which is the answer, and what is in it."""
    choices = data.get("choices")
    listed = choices if isinstance(choices, list) else [choices]
    choice = next((choice for choice in listed if isinstance(choice, dict)), {})
    if choice.get("index", 0) in (0, None) or "message" in choice:
        yield choice
        yield from (choice[k] for k in ("delta", "message") if isinstance(choice.get(k), dict))
    yield from (data[k] for k in _HOLDERS if isinstance(data.get(k), dict))


def brings_text(data: Any) -> bool:
    """Return whether a chunk or an event holds a piece of an answer: text, reasoning or a call."""
    if not isinstance(data, dict):
        return False
    if "choices" not in data and (codec := event_codec(data)) is not None:
        # an event that goes on with a call says nothing by itself, without the one that began it
        goes_on = isinstance(data.get("delta"), str) and data["delta"] != ""
        kind = str(data.get("type") or "")
        return goes_on or any(delta.text for delta in codec.events().add(data, kind))
    choices = data.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        inner = (choice.get("delta") or choice.get("message")) if isinstance(choice, dict) else None
        if isinstance(inner, dict) and any(inner.get(key) for key in _TEXT_KEYS):
            return True
    return False

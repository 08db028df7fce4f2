"""A request's body in the form in which two of them are compared: what changes from run to run
without anybody having asked for something else is left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Set
from typing import Any, Literal

from agentkit.read.plain import compact_json

Level = Literal["same", "form", "clock"]
LEVELS: tuple[Level, ...] = ("same", "form", "clock")
"""How closely two bodies are compared. `same`: as JSON, in whatever order of keys. `form`: whether
a stream was asked for, cache markers, who asks, reasoning that goes back or stays behind, empty
members, the writing of texts and arguments, and ids of the client's own make no difference.
`clock`: nor do a time of day and a UUID inside a text.
"""

_ABOUT = frozenset(
    {
        *("stream", "stream_options", "metadata", "client_metadata", "user", "safety_identifier"),
        *("prompt_cache_key", "prompt_cache_retention", "cache_control"),
    }
)
"""Members of a body that say nothing on what is answered."""
_BESIDE = frozenset(
    {
        *("cache_control", "status", "index", "parsed", "parsed_arguments", "caller", "phase"),
        *("reasoning", "reasoning_content", "reasoning_details", "reasoning_text", "annotations"),
        *("logprobs", "encrypted_content", "provider_specific_fields"),
    }
)
"""Members of a message, an item or a block that make no difference where they are left out."""
_THOUGHT = frozenset({"reasoning", "thinking", "redacted_thinking"})
_TEXTS = frozenset({"text", "input_text", "output_text"})
_MOST_LEVELS = 200
_HISTORY = ("messages", "input", "system", "instructions")
_IDS = frozenset(
    {
        *("id", "call_id", "tool_call_id", "tool_use_id", "approval_request_id"),
        *("previous_response_id", "previous_message_id"),
    }
)
_TIME = re.compile(
    r"(?:\b\d{4}-\d\d-\d\d[ T])?\b\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?(?: ?[AP]M\b)?"
    r"(?:Z\b| ?UTC\b| ?[+-]\d\d:?\d\d\b)?"
)
_DATE = re.compile(r"\b\d{4}-\d\d-\d\d\b")
_UUID = re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", re.IGNORECASE)


def parsed(body: str) -> Any:
    """Read the text of a body as JSON; the text itself where it is none, or nested as no request
    is.
    """
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return body
    return value if _is_shallow(value) else body


def _is_shallow(value: Any) -> bool:
    level = [value]
    for _ in range(_MOST_LEVELS):
        inside = [one for one in level if isinstance(one, (dict, list))]
        level = [v for one in inside for v in (one.values() if isinstance(one, dict) else one)]
        if not level:
            return True
    return False


def ids_in(value: Any) -> set[str]:
    """List the ids that a body holds under the names that ids have."""
    found: set[str] = set()
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            found |= {v for k, v in one.items() if k in _IDS and isinstance(v, str)}
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
    return found


def normal(body: Any, level: Level, known: Set[str] = frozenset()) -> Any:
    """Give what is compared of a body.

    Args:
        body: the body as JSON; what is no object is compared as it is.
        level: how closely.
        known: ids that a recorded answer gave: they are compared, all others are numbered in the
            order in which they come.
    """
    if level == "same" or not isinstance(body, dict):
        return body
    kept = {name: value for name, value in body.items() if name not in _ABOUT}
    for name in _HISTORY:
        if name in kept:
            kept[name] = _history(name, kept[name])
    if isinstance(kept.get("tools"), list):
        kept["tools"] = [_unmarked(tool) for tool in kept["tools"]]
    numbered = _numbered(_full(kept), known, {})
    return _timeless(numbered) if level == "clock" else numbered


def key(body: Any, level: Level, known: Set[str] = frozenset()) -> str:
    """Write what is compared of a body as one text, keys in order."""
    if not isinstance(body, (dict, list)):
        return repr(body)
    return compact_json(_sorted(normal(body, level, known)))


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value)}
    return [_sorted(one) for one in value] if isinstance(value, list) else value


def _unmarked(tool: Any) -> Any:
    if not isinstance(tool, dict):
        return tool
    return {name: value for name, value in tool.items() if name != "cache_control"}


def _full(value: dict[str, Any]) -> dict[str, Any]:
    """Leave out members that are empty."""
    return {name: one for name, one in value.items() if one is not None and one not in ("", [])}


# the history


def _history(name: str, value: Any) -> Any:
    if isinstance(value, str):
        return [{"role": "user", "content": value}] if name == "input" else value
    if not isinstance(value, list):
        return value
    if name == "system":
        return _content(value)
    return [
        _message(one) if isinstance(one, dict) else one
        for one in value
        if not (isinstance(one, dict) and one.get("type") in _THOUGHT)
    ]


def _message(message: dict[str, Any]) -> dict[str, Any]:
    """Take a message of chat or Messages, or an item of Responses."""
    kept = {name: value for name, value in message.items() if name not in _BESIDE}
    if kept.get("type") == "message" or "role" in kept:
        kept.pop("type", None)
        kept.pop("id", None)
    elif "call_id" in kept:
        kept.pop("id", None)
    for name in ("content", "output"):
        if name in kept:
            kept[name] = _content(kept[name])
    if "arguments" in kept:
        kept["arguments"] = _arguments(kept["arguments"])
    if isinstance(kept.get("tool_calls"), list):
        kept["tool_calls"] = [_call(call) for call in kept["tool_calls"]]
    return _full(kept)


def _content(content: Any) -> Any:
    """Take a content: text alone is a text, in however few or many blocks, and white space around
    it says nothing (smolagents begins with a line break where it streamed).
    """
    if isinstance(content, str):
        return content.strip()
    if not isinstance(content, list):
        return content
    parts = [_part(part) if isinstance(part, dict) else part for part in content]
    kept = [part for part in parts if part is not None]
    if all(isinstance(part, str) for part in kept):
        return "\n".join(kept).strip()
    return [{"text": part} if isinstance(part, str) else part for part in kept]


def _part(part: dict[str, Any]) -> Any:
    kind = part.get("type")
    if kind in _THOUGHT:
        return None
    if kind in _TEXTS:
        return part.get("text")
    kept = {name: value for name, value in part.items() if name not in _BESIDE}
    if kind == "tool_result":
        kept["content"] = _content(kept.get("content"))
        kept = {name: value for name, value in kept.items() if value is not False}
    return _full(kept)


def _call(call: Any) -> Any:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict):
        return call
    own = {name: value for name, value in function.items() if name not in _BESIDE}
    own["arguments"] = _arguments(own.get("arguments"))
    return _full({k: v for k, v in {**call, "function": own}.items() if k not in _BESIDE})


def _arguments(value: Any) -> Any:
    return parsed(value) if isinstance(value, str) else value


# ids and times


def _numbered(value: Any, known: Set[str], seen: dict[str, str]) -> Any:
    if isinstance(value, list):
        return [_numbered(one, known, seen) for one in value]
    if not isinstance(value, dict):
        return value
    found = {}
    for name, one in value.items():
        if name in _IDS and isinstance(one, str) and one not in known:
            one = seen.setdefault(one, f"#{len(seen)}")
        found[name] = _numbered(one, known, seen)
    return found


def _timeless(value: Any, change: Callable[[str], str] | None = None) -> Any:
    """Blank times of day and UUIDs in the texts of the history; in the system's words dates."""
    if change is None:
        texts = {name: _timeless(value[name], _no_clock) for name in _HISTORY if name in value}
        for name in ("system", "instructions"):
            if name in texts:
                texts[name] = _timeless(texts[name], _no_date)
        return {**value, **texts}
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_timeless(one, change) for one in value]
    if isinstance(value, dict):
        by_system = value.get("role") in ("system", "developer")
        inner = _no_date if by_system else change
        return {name: _timeless(one, inner) for name, one in value.items()}
    return value


def _no_clock(text: str) -> str:
    return _TIME.sub("<time>", _UUID.sub("<id>", text))


def _no_date(text: str) -> str:
    return _DATE.sub("<date>", _no_clock(text))

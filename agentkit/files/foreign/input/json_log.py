"""The text of a JSON or JSON Lines file as the values it holds."""

from __future__ import annotations

import json
from typing import Any

from agentkit.errors import CassetteError

_SPOKEN = ("messages", "conversations", "prompt", "completion", "chosen", "rejected")
"""What of a row is a conversation, or a part of one."""


def json_values(text: str, name: str, bad: list[str] | None = None) -> list[Any]:
    """Decode JSON Lines, or one JSON value.

    Args:
        text: what to decode.
        name: what to call it in an error.
        bad: takes a sentence about each line that is not JSON, where others are objects or lists;
            by default such a line is an error.

    Raises:
        CassetteError: it is neither.
    """
    try:
        return [json.loads(text)]
    except (ValueError, RecursionError):
        pass
    values = []
    wrong: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):  # JSON may hold U+2028, no line break here
        if not line.strip():
            continue
        try:
            values.append(json.loads(line))
        except (ValueError, RecursionError) as exc:
            wrong.append(f"line {number} of {name} is not JSON: {exc}")
            if bad is None:
                break
    if wrong and (bad is None or not any(isinstance(value, (dict, list)) for value in values)):
        raise CassetteError(wrong[0], hint=_hint(text))  # looks at the text, so once and not a line
    if bad is not None:
        bad += wrong
    return values


def with_messages(row: Any) -> Any:
    """Decode the messages that a row holds as JSON text, as tables without lists do."""
    if not isinstance(row, dict):
        return row
    found = {key: _messages(row[key]) for key in _SPOKEN if key in row}
    told = {key: messages for key, messages in found.items() if messages is not None}
    return {**row, **told} if told else row


def _messages(text: Any) -> list[Any] | None:
    if not isinstance(text, str) or not text.startswith("[{"):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    said = all(isinstance(one, dict) and ("role" in one or "from" in one) for one in found)
    return found if said else None


def _hint(text: str) -> str:
    """Say what to do about a file that is no JSON."""
    if text.lstrip()[:1] in ("{", "["):
        return "it is cut or damaged: restore it, or take out what is no JSON"
    return "rollouts are read from JSON and JSON Lines"

"""pydantic-ai's messages, as `all_messages_json()` writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agentkit.files.foreign.entries import ChatEntry, Losses
from agentkit.files.foreign.sessions.message_dump import dump_format
from agentkit.files.foreign.traces.loose import mappings, text
from agentkit.files.foreign.traces.moment import lasted, moment
from agentkit.files.foreign.traces.spelling.pydantic_spelling import (
    is_pydantic_message,
    pydantic_utterances,
)
from agentkit.files.foreign.traces.spelling.utterance import Utterance, entry_of

_KNOWN = (
    *("kind", "parts", "instructions", "usage", "model_name", "timestamp", "finish_reason"),
    *("provider_name", "provider_url", "provider_details", "provider_response_id", "vendor_id"),
    *("vendor_details", "run_id", "conversation_id", "state"),
    *("model_id", "canonical_system"),
)


def _entries(messages: Sequence[Any], losses: Losses) -> list[ChatEntry]:
    found: list[ChatEntry] = []
    asked: float | None = None
    orders: str | None = None
    for message in messages:
        if not is_pydantic_message(message):
            losses.note("messages[]")
            continue
        losses.beside(message, _KNOWN, str(message["kind"]))
        if message["kind"] == "request":
            asked = _asked(message)
            given = text(message.get("instructions"))
            if given is not None and given != orders:
                said = Utterance({"role": "system", "content": given})
                found.append(entry_of(said, None))
                orders = given
        for said in pydantic_utterances(message, losses):
            elapsed = lasted(asked, moment(message.get("timestamp")))
            found.append(entry_of(said, message, started=asked, elapsed=elapsed))
    return found


def _asked(message: Mapping[str, Any]) -> float | None:
    """Give the time of a request: its own, or that of the last of its parts."""
    times = [moment(part.get("timestamp")) for part in mappings(message.get("parts"))]
    own = moment(message.get("timestamp"))
    return own if own is not None else max((at for at in times if at is not None), default=None)


PYDANTIC_AI = dump_format("pydantic-ai messages", is_pydantic_message, _entries)

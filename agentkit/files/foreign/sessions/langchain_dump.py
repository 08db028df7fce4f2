"""LangChain's messages, as `model_dump`, `messages_to_dict`, `dumpd` and LangGraph's state have
them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agentkit.files.foreign.entries import ChatEntry, Losses
from agentkit.files.foreign.sessions.message_dump import dump_format
from agentkit.files.foreign.traces.spelling.langchain_spelling import fields_of, langchain_utterance
from agentkit.files.foreign.traces.spelling.utterance import entry_of

_KNOWN = (
    *("type", "content", "additional_kwargs", "response_metadata", "usage_metadata", "id", "name"),
    *("tool_calls", "invalid_tool_calls", "tool_call_id", "status", "artifact", "role", "example"),
    *("lc", "data", "kwargs", "tool_call_chunks", "chunk_position"),
)
_BOOKKEEPING = ("uuid", "parentUuid", "sessionId", "session_id", "timestamp")
"""What lines of sessions have that have a type of the same name."""


def _tells(value: Any) -> bool:
    if not isinstance(value, Mapping) or any(key in value for key in _BOOKKEEPING):
        return False
    return fields_of(value) is not None


def _entries(messages: Sequence[Any], losses: Losses) -> list[ChatEntry]:
    found = []
    for message in messages:
        read = fields_of(message) if isinstance(message, Mapping) else None
        if read is None:
            losses.note("messages[]")
            continue
        losses.beside(read[1], _KNOWN, "message")
        found.append(entry_of(langchain_utterance(*read), message))
    return found


LANGCHAIN = dump_format("LangChain messages", _tells, _entries)

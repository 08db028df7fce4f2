"""Every fault by its name."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from agentkit.errors import NotFound, checked_keywords, suggest
from agentkit.testing.faults.argument_faults import CALL_FAULTS
from agentkit.testing.faults.fault import Fault
from agentkit.testing.faults.message_faults import DEFAULT, MESSAGE_FAULTS
from agentkit.testing.faults.messages_faults import MESSAGES_FAULTS
from agentkit.testing.faults.responses_faults import RESPONSES_FAULTS
from agentkit.testing.faults.spoken import spoken
from agentkit.testing.faults.wire_faults import WIRE_FAULTS

_MEANS = {
    "tool_call_in_content": f"tool_call_in_content:{DEFAULT}",
    "call_in_text": f"tool_call_in_content:{DEFAULT}",
    "completion_integrity": "stream_no_finish",
    "context_limit": "context_length_exceeded",
    "finish_reason": "finish_stop_with_tool_calls",
    "truncation": "finish_length",
    "arguments_encoding": "arguments_object",
    "stream_identity": "identity_repeated",
    "arguments_syntax": "arguments_python_literal",
    "tool_name": "name_prefix",
    "token_leak": "markup_leak",
    "history_rejected": "history_orphan_tool_result",
    "reasoning_roundtrip": "history_reasoning_missing",
}
"""Divergence classes, and a name without its format, by the fault that shows them best."""


@cache
def _by_name() -> dict[str, Fault]:
    shared = [spoken(fault) for fault in (*CALL_FAULTS, *MESSAGE_FAULTS, *WIRE_FAULTS)]
    return {fault.name: fault for fault in (*shared, *RESPONSES_FAULTS, *MESSAGES_FAULTS)}


@checked_keywords
def faults() -> tuple[Fault, ...]:
    """List every fault a reference server can have, each with what the server does, what it is read
    as, and whether it was captured.

    Not among them: `connection_failed` (stop the server), and the divergence class
    `sampling_defaults`, which no single answer shows.
    """
    return tuple(_by_name().values())


def find_faults(names: Iterable[str] | str) -> tuple[Fault, ...]:
    """Look faults up by name; a divergence class means the fault that shows it best.

    Raises:
        NotFound: no fault has this name; the hint lists similar names.
    """
    return tuple(_find(name) for name in ([names] if isinstance(names, str) else names))


def _find(name: str) -> Fault:
    known = _by_name()
    found = known.get(_MEANS.get(name, name)) if isinstance(name, str) else None
    if found is None:
        hint = suggest(name, [*known, *_MEANS], "ak.testing.faults() lists them")
        raise NotFound(f"no fault is named {name!r}", hint=hint)
    return found

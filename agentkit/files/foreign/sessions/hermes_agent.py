"""hermes-agent's sessions: `session_*.json`, exports, transcripts. Its trajectories are ShareGPT.

Source: run_agent.py and hermes_state.py of NousResearch/hermes-agent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentkit.files.foreign.entries import ChatEntry, Losses, entry, imported
from agentkit.files.foreign.format import ForeignFormat, each_row, first_object, flat
from agentkit.files.foreign.input.file_set import FileSet
from agentkit.files.foreign.traces.loose import decoded, known, mappings, text
from agentkit.files.foreign.traces.moment import lasted, moment
from agentkit.files.foreign.traces.spelling.any_spelling import utterances_in
from agentkit.files.foreign.traces.spelling.utterance import (
    entry_of,
)
from agentkit.types.request import Spec
from agentkit.types.trajectory import Trajectory

_SESSION = ("session_start", "last_updated", "platform", "started_at", "ended_at", "message_count")
_SPENT = ("messages", "model", "system_prompt", "tools", "conversations")
_MESSAGE = (
    *("role", "content", "tool_calls", "tool_call_id", "tool_name", "name", "finish_reason"),
    *("reasoning", "reasoning_content", "reasoning_details", "timestamp", "id", "session_id"),
    *("token_count", "codex_reasoning_items"),
)


def _is_session(row: Any) -> bool:
    if not isinstance(row, Mapping) or not isinstance(row.get("messages"), list):
        return False
    named = "session_id" in row or isinstance(row.get("id"), str)
    return named and any(key in row for key in _SESSION) and "request" not in row


def _is_transcript(row: Any) -> bool:
    return isinstance(row, Mapping) and row.get("role") == "session_meta"


def _fits_session(source: FileSet) -> bool:
    row = first_object(flat(source))
    return _is_session(row) or _is_transcript(row)


def _read_sessions(source: FileSet) -> list[Trajectory]:
    rows = list(flat(source))
    first = first_object(rows)
    if _is_transcript(first):  # a line is a message there
        listed = [row for row in rows if not _is_transcript(row)]
        whole = {**first, "messages": listed}
        return list(each_row(_session)(FileSet(source.name, given=[whole], bad=source.bad)))
    return list(each_row(_session)(source))


def _session(row: Mapping[str, Any]) -> Trajectory:
    losses = Losses("hermes-agent session")
    entries: list[ChatEntry] = []
    orders = text(row.get("system_prompt"))
    listed = mappings(row["messages"])
    if orders and not (listed and listed[0].get("role") == "system"):
        entries.append(entry({"role": "system", "content": orders}))
    asked: float | None = None
    for message in listed:
        losses.beside(message, _MESSAGE, "messages[]")
        at = moment(message.get("timestamp"))
        entries += _message(message, losses, asked, lasted(asked, at))
        asked = at
    model = text(row.get("model"))
    spec = Spec(model=model, tools=tuple(mappings(row.get("tools"))))
    meta = {key: value for key, value in row.items() if key not in (*_SPENT, "role")}
    return imported(entries, spec, losses, meta)


def _message(
    message: dict[str, Any], losses: Losses, started: float | None, elapsed: float | None
) -> list[ChatEntry]:
    given = {**message, "tool_calls": decoded(message.get("tool_calls"))}
    found = utterances_in(given, losses)
    if message.get("role") in ("tool", "function"):
        named = text(message.get("tool_name"))
        times = known(started=started, elapsed=elapsed)
        wires = [{**said.message, **known(name=named)} for said in found]
        return [entry(wire, **times) for wire in wires]
    return [entry_of(said, message, started=started, elapsed=elapsed) for said in found]


HERMES_SESSION = ForeignFormat("hermes-agent session", _fits_session, _read_sessions)

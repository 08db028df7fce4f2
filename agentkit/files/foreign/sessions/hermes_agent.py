"""hermes-agent's sessions (`session_*.json`, exports, transcripts) and trajectories, whose
calls and results are tags in texts.

Source: run_agent.py, hermes_state.py and agent/trajectory.py of NousResearch/hermes-agent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from agentkit.files.foreign.entries import ChatEntry, Losses, entry, imported
from agentkit.files.foreign.format import ForeignFormat, each_row, flat
from agentkit.files.foreign.input.file_set import FileSet
from agentkit.files.foreign.traces.loose import decoded, known, mapping, mappings, text, written
from agentkit.files.foreign.traces.moment import lasted, moment
from agentkit.files.foreign.traces.spelling.any_spelling import utterances_in
from agentkit.files.foreign.traces.spelling.utterance import (
    Utterance,
    assistant,
    call,
    entry_of,
    tool,
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
_THINK = re.compile(r"^\s*<think>\n?(.*?)\n?</think>\n?", re.DOTALL)
_CALL = re.compile(r"<tool_call>\s*(.*?)\s*</tool_call>", re.DOTALL)
_RESPONSE = re.compile(r"<tool_response>\s*(.*?)\s*</tool_response>", re.DOTALL)
_SPEAKERS = {"human": "user", "system": "system", "user": "user"}


# sessions


def _is_session(row: Any) -> bool:
    if not isinstance(row, Mapping) or not isinstance(row.get("messages"), list):
        return False
    named = "session_id" in row or isinstance(row.get("id"), str)
    return named and any(key in row for key in _SESSION) and "request" not in row


def _is_transcript(row: Any) -> bool:
    return isinstance(row, Mapping) and row.get("role") == "session_meta"


def _fits_session(source: FileSet) -> bool:
    row = next(iter(flat(source)), None)
    return _is_session(row) or _is_transcript(row)


def _read_sessions(source: FileSet) -> list[Trajectory]:
    rows = list(flat(source))
    if rows and _is_transcript(rows[0]):  # a line is a message there
        listed = [row for row in rows[1:] if not _is_transcript(row)]
        whole = {**rows[0], "messages": listed}
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


# trajectories


def _fits_trajectory(source: FileSet) -> bool:
    row = next(iter(flat(source)), None)
    if not isinstance(row, Mapping) or not isinstance(row.get("conversations"), list):
        return False
    listed = mappings(row["conversations"])
    if not listed or not all("from" in one and "value" in one for one in listed):
        return False
    return "completed" in row and ("model" in row or "prompt_index" in row or "metadata" in row)


def _trajectory(row: Mapping[str, Any]) -> Trajectory:
    losses = Losses("hermes-agent trajectory")
    entries: list[ChatEntry] = []
    listed = mappings(row["conversations"])
    for place, one in enumerate(listed):
        losses.beside(one, ("from", "value"), "conversations[]")
        speaker, value = one.get("from"), written(one.get("value"))
        if speaker == "gpt":
            behind = listed[place + 1] if place + 1 < len(listed) else {}
            entries.append(_answer(one, value, _responses(behind)))
        elif speaker == "tool":
            entries += [entry(_result(each)) for each in _responses(one)]
        else:
            entries.append(entry({"role": _SPEAKERS.get(str(speaker), "user"), "content": value}))
    meta = {key: item for key, item in row.items() if key not in _SPENT}
    spec = Spec(model=text(row.get("model")), tools=tuple(mappings(row.get("tools"))))
    return imported(entries, spec, losses, meta)


def _answer(one: Mapping[str, Any], value: str, results: list[Any]) -> ChatEntry:
    """Read an answer whose thoughts and calls are tags; the ids of its calls are in the results."""
    thought = _THINK.match(value)
    rest = value[thought.end() :] if thought else value
    made: list[dict[str, Any]] = []
    for text_of_call in _CALL.findall(rest):
        asked = decoded(text_of_call)
        if not isinstance(asked, Mapping) or "name" not in asked:
            return entry_of(Utterance({"role": "assistant", "content": value}), one)
        known_result = mapping(results[len(made)]) if len(made) < len(results) else {}
        call_id = known_result.get("tool_call_id")
        made.append(call(asked["name"], asked.get("arguments"), call_id))
    said = _CALL.sub("", rest).strip() if made else rest
    message = assistant(said, made, thought.group(1) if thought else None)
    return entry_of(Utterance(message), one)


def _responses(one: Mapping[str, Any]) -> list[Any]:
    if one.get("from") != "tool":
        return []
    value = written(one.get("value"))
    return [decoded(found) for found in _RESPONSE.findall(value)] or [value]


def _result(value: Any) -> dict[str, Any]:
    fields = mapping(value) if isinstance(value, Mapping) else {}
    if "content" not in fields:
        return tool(value, None)
    return tool(fields["content"], fields.get("tool_call_id"), fields.get("name"))


HERMES_SESSION = ForeignFormat("hermes-agent session", _fits_session, _read_sessions)
HERMES_TRAJECTORY = ForeignFormat(
    "hermes-agent trajectory", _fits_trajectory, each_row(_trajectory)
)

"""The lines of Claude Code's sessions, from all files of a source, in one form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from agentkit.files.foreign.entries import Losses
from agentkit.files.foreign.format import flat
from agentkit.files.foreign.input.file_set import FileSet, bytes_set
from agentkit.files.foreign.traces.loose import mapping, text

SPEAKERS = ("user", "assistant")
_TITLES = {"summary": "summary", "custom-title": "customTitle", "ai-title": "aiTitle"}
_SDK = ("system", "result", "stream_event", "rate_limit_event", "tool_progress")
_LOOKED_AT = 60


@dataclass(slots=True)
class SessionLines:
    """All lines of one source."""

    listed: list[dict[str, Any]] = field(default_factory=list)
    """Those with a place in a tree, each once."""
    meta: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What is known of each session by its id, as its title."""
    callers: dict[str, str] = field(default_factory=dict)
    """The id of the call in which each sub-agent runs, by the agent's id."""
    losses: Losses = field(default_factory=lambda: Losses("Claude Code session"))


def is_line(row: Any) -> bool:
    """Tell whether it is a message of a session, or of the stream of `claude -p`."""
    if not isinstance(row, Mapping) or row.get("type") not in SPEAKERS:
        return False
    message = row.get("message")
    if not isinstance(message, Mapping) or "content" not in message:  # Qwen Code's has `parts`
        return False
    return "sessionId" in row or "parentUuid" in row or "session_id" in row


def fits(source: FileSet) -> bool:
    """Tell a session by its first lines, and a folder by its first files."""
    if len(source.members) <= 1:
        return any(is_line(row) for row in _rows(source)[:_LOOKED_AT])
    names = [name for name in source.members if name.endswith(".jsonl")][:3]
    return bool(names) and all(fits(_member(source, name)) for name in names)


def _rows(source: FileSet) -> list[Any]:
    """Give the lines of a file; what the web client has of a session lies in `loglines`."""
    rows = list(flat(source))
    inner = rows[0].get("loglines") if rows and isinstance(rows[0], Mapping) else None
    if not isinstance(inner, list):
        return rows
    return [{"sessionId": "", **row} if isinstance(row, Mapping) else row for row in inner]


def _member(source: FileSet, name: str) -> FileSet:
    return bytes_set(name, source.members[name]())


def read_lines(source: FileSet) -> SessionLines:
    """Read the lines of all files, in their order; a line that came twice is one."""
    found, seen = SessionLines(), set[str]()
    files = (
        (_member(source, name) for name in source.members if name.endswith(".jsonl"))
        if len(source.members) > 1
        else [source]
    )
    for file in files:
        rows = _rows(file)
        source.bad.extend([] if file is source else file.bad)
        if len(source.members) > 1 and not any(is_line(row) for row in rows):
            if any(isinstance(row, Mapping) and "role" in row for row in rows):
                source.bad.append(f"{file.name} holds no session")
            continue
        for number, row in enumerate(rows):
            if isinstance(row, Mapping):
                _take(dict(row), f"{file.name}:{number}", found, seen)
            else:
                found.losses.note("a line that is no object")
    return found


def _take(row: dict[str, Any], place: str, found: SessionLines, seen: set[str]) -> None:
    kind = row.get("type")
    session = str(row.get("sessionId") or row.get("session_id") or "")
    if isinstance(kind, str) and kind in _TITLES:
        found.meta.setdefault(session, {})["title"] = row.get(_TITLES[kind])
        return
    if "session_id" in row and "sessionId" not in row:
        _sdk(row, session, found)
        if kind not in SPEAKERS:
            return
        row = _as_session(row, session, place)
    data = mapping(row.get("data"))
    if kind == "progress" and text(data.get("agentId")) and text(row.get("parentToolUseID")):
        found.callers.setdefault(data["agentId"], row["parentToolUseID"])
    uuid = text(row.get("uuid"))
    if kind in SPEAKERS and isinstance(row.get("message"), Mapping):
        row["uuid"] = uuid = uuid or place
    else:
        subtype = f".{row['subtype']}" if isinstance(row.get("subtype"), str) else ""
        inner = mapping(row.get("attachment")).get("type")
        subtype = f".{inner}" if isinstance(inner, str) else subtype
        if subtype != ".compact_boundary":
            found.losses.note(f"{kind}{subtype}")
    if uuid is not None and uuid not in seen:
        seen.add(uuid)
        found.listed.append(row)


def _as_session(row: dict[str, Any], session: str, place: str) -> dict[str, Any]:
    """Write a message of the stream of `claude -p` as the line of a session."""
    caller = text(row.get("parent_tool_use_id"))
    beside = {"sessionId": session, "isSidechain": caller is not None, "uuid": place}
    made = {**beside, **{key: value for key, value in row.items() if key != "uuid"}}
    return {**made, "parentUuid": None, **({"agentId": caller} if caller else {})}


def _sdk(row: dict[str, Any], session: str, found: SessionLines) -> None:
    """Take what the stream of `claude -p` says of its run."""
    kind, meta = row.get("type"), found.meta.setdefault(session, {})
    caller = text(row.get("parent_tool_use_id"))
    if caller:
        found.callers[caller] = caller
    if kind == "system" and row.get("subtype") == "init":
        for name in ("model", "cwd", "tools", "claude_code_version", "permissionMode"):
            if name in row:
                meta["tool_names" if name == "tools" else name] = row[name]
    elif kind == "result":
        taken = ("subtype", "is_error", "duration_ms", "num_turns", "total_cost_usd", "usage")
        meta["result"] = {name: row[name] for name in taken if name in row}
    elif kind in _SDK:
        found.losses.note(f"{kind}.{row.get('subtype')}" if "subtype" in row else str(kind))


def tool_results(row: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Give the results of calls that a user's line holds."""
    content = mapping(row.get("message")).get("content")
    for block in content if isinstance(content, list) else ():
        if isinstance(block, Mapping) and block.get("type") == "tool_result":
            yield dict(block)

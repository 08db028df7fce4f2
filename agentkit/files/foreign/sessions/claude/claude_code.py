"""Claude Code's sessions: `~/.claude/projects/**/*.jsonl`, and the stream of `claude -p`.

There is no published schema; the fields are those of files of versions 1.0 to 2.1, and of
daaain/claude-code-log, which reads them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from agentkit.dialects.messages.request_in import chat_messages
from agentkit.files.foreign.entries import ChatEntry, imported
from agentkit.files.foreign.format import ForeignFormat
from agentkit.files.foreign.input.file_set import FileSet
from agentkit.files.foreign.sessions.claude.session_lines import (
    SessionLines,
    fits,
    read_lines,
    tool_results,
)
from agentkit.files.foreign.sessions.claude.session_tree import LineGroup, groups_of, paths_of
from agentkit.files.foreign.traces.loose import first, known, mapping, mappings, seconds, text
from agentkit.files.foreign.traces.moment import lasted, moment
from agentkit.types.request import Spec
from agentkit.types.trajectory import Attempt, Message, Parent, Trajectory
from agentkit.types.wire import ApiError, Exchange

_DEEPEST = 8


@dataclass(slots=True)
class _ClaudeSession:
    lines: SessionLines
    threads: dict[str, list[list[LineGroup]]]
    """The paths of each sub-agent, by its id."""
    used: set[str] = field(default_factory=set)
    """Sub-agents that are in the result of a call."""


def _read(source: FileSet) -> list[Trajectory]:
    lines = read_lines(source)
    by_thread: dict[str, list[LineGroup]] = {}
    for group in groups_of(lines):
        by_thread.setdefault(group.thread, []).append(group)
    main = paths_of(by_thread.pop("", []), lines.losses)
    threads = _sidechains(by_thread, lines)
    session = _ClaudeSession(lines, threads)
    found = [_rollout(session, path, 0) for path in main]
    found = _forked(found, main)
    for name in [name for name in threads if name not in session.used]:
        if name not in session.used:
            found += [_rollout(session, path, 0) for path in threads[name]]
    return found


def _sidechains(by_thread: dict[str, list[LineGroup]], lines: SessionLines) -> dict[str, Any]:
    """Divide what sub-agents said: by the agent's id, or by where each of them begins."""
    found: dict[str, list[list[LineGroup]]] = {}
    for name, groups in by_thread.items():
        for path in paths_of(groups, lines.losses):
            key = name if name != "sidechain" else f"{name}:{path[0].place}"
            found.setdefault(key, []).append(path)
    return found


def _forked(found: list[Trajectory], paths: list[list[LineGroup]]) -> list[Trajectory]:
    """Say of a path that leaves an earlier one where it does."""
    made: list[Trajectory] = []
    for place, rollout in enumerate(found):
        parent = next((i for i in range(place) if paths[i][0] is paths[place][0]), None)
        if parent is not None:
            shared = [a for a, b in zip(paths[parent], paths[place], strict=False) if a is b]
            turn = sum(group.kind == "answer" for group in shared)
            change = "went on from here another way"
            rollout = replace(
                rollout, parent=Parent(trajectory=made[parent], turn=turn, change=change)
            )
        made.append(rollout)
    return made


def _rollout(session: _ClaudeSession, path: list[LineGroup], depth: int) -> Trajectory:
    entries: list[ChatEntry] = []
    attempts: list[Attempt] = []
    before: float | None = None
    turns = 0
    for group in path:
        ended = moment(group.lines[-1].get("timestamp"))
        if group.kind == "answer":
            entries.append(_answer(group, before))
            turns += 1
        elif group.kind == "failed":
            attempts.append(_attempt(group, turns, before))
        elif group.kind == "results":
            entries += _results(session, group, depth)
        else:
            entries += _asked(group)
        before = ended if ended is not None else before
    name = next((_model(g) for g in path if g.kind == "answer" and _model(g)), None)
    spec = Spec(model=name, dialect="messages")
    made = imported(entries, spec, session.lines.losses, _meta(session, path))
    return replace(made, attempts=tuple(attempts)) if attempts else made


def _model(group: LineGroup) -> str | None:
    name = text(mapping(group.lines[0]["message"]).get("model"))
    return None if name == "<synthetic>" else name


def _meta(session: _ClaudeSession, path: list[LineGroup]) -> dict[str, Any]:
    line = path[0].lines[0]
    name = str(line.get("sessionId") or "")
    agent = text(line.get("agentId"))
    return {
        **known(
            session=name or None,
            agent=agent,
            relation="sub" if line.get("isSidechain") is True else None,
            version=line.get("version"),
            cwd=line.get("cwd"),
            git_branch=line.get("gitBranch") or None,
        ),
        **(session.lines.meta.get("") or {}),
        **(session.lines.meta.get(name) or {} if name else {}),
    }


def _asked(group: LineGroup) -> list[ChatEntry]:
    wires = [m for line in group.lines for m in chat_messages({"messages": [line["message"]]})]
    kept = 0 if group.cut else None
    return [
        ChatEntry(message=Message(wire=wire), kept=kept if place == 0 else None)
        for place, wire in enumerate(wires)
    ]


def _answer(group: LineGroup, started: float | None) -> ChatEntry:
    """Join the lines of an answer to the body that it came in, as far as it is kept."""
    bodies = [mapping(line["message"]) for line in group.lines]
    blocks: list[Any] = []
    for body in bodies:
        content = body.get("content")
        given = [{"type": "text", "text": content}] if isinstance(content, str) else content
        blocks += given if isinstance(given, list) else []
    beside = [
        {key: value for key, value in line.items() if key not in ("message", "toolUseResult")}
        for line in group.lines
    ]
    whole = {**bodies[0], **known(**_ending(bodies)), "type": "message", "content": blocks}
    (message,) = chat_messages({"messages": [{"role": "assistant", "content": blocks}]})
    elapsed = lasted(started, moment(group.lines[-1].get("timestamp")))
    written = json.dumps({**whole, "imported": beside}, ensure_ascii=False, default=str)
    exchange = Exchange(
        body=written, started=started if elapsed is not None else None, elapsed=elapsed
    )
    return ChatEntry(message=Message(wire=message), exchange=exchange)


def _ending(bodies: list[dict[str, Any]]) -> dict[str, Any]:
    """Give what only the last lines of an answer say."""
    names = ("stop_reason", "stop_sequence", "usage")
    return {
        name: next((body[name] for body in reversed(bodies) if body.get(name) is not None), None)
        for name in names
    }


def _attempt(group: LineGroup, turn: int, started: float | None) -> Attempt:
    """Read the line that Claude Code writes where a request has failed."""
    line = group.lines[0]
    body = mapping(line["message"])
    said = "".join(str(block.get("text") or "") for block in mappings(body.get("content")))
    given = body.get("content")
    said = said or (given if isinstance(given, str) else "") or "the request failed"
    error = ApiError(kind="server_error", message=said, code=text(line.get("error")))
    raw = json.dumps(line, ensure_ascii=False, default=str)
    return Attempt(turn=turn, error=error, exchange=Exchange(body=raw, started=started))


def _results(session: _ClaudeSession, group: LineGroup, depth: int) -> list[ChatEntry]:
    found: list[ChatEntry] = []
    rest: list[ChatEntry] = []
    before = group.before if group.before is not None and group.before.kind == "answer" else None
    asked = _calls(before)
    for line in group.lines:
        blocks = list(tool_results(line))
        for wire in chat_messages({"messages": [line["message"]]}):
            if wire.get("role") != "tool":
                rest.append(ChatEntry(message=Message(wire=wire)))
                continue
            name = text(wire.get("tool_call_id"))
            wire["tool_call_id"] = name or ""
            call, called = asked.get(name or "", ({}, None))
            outcome = line.get("toolUseResult") if len(blocks) == 1 else None
            result = _outcome(outcome, called, moment(line.get("timestamp")))
            if wire.pop("is_error", False) is True:
                result["status"] = "error"
            sub = _sub(session, name, call, mapping(outcome), depth)
            if sub is not None:
                result["trajectory"] = sub
            found.append(ChatEntry(message=Message(wire=wire), result=result))
    return [*found, *rest]


def _calls(group: LineGroup | None) -> dict[str, tuple[dict[str, Any], float | None]]:
    """List the calls of an answer by their ids, and when each was written."""
    found = {}
    for line in group.lines if group else ():
        for block in mappings(mapping(line["message"]).get("content")):
            if block.get("type") == "tool_use" and isinstance(block.get("id"), str):
                found[block["id"]] = (block, moment(line.get("timestamp")))
    return found


def _outcome(outcome: Any, called: float | None, ended: float | None) -> dict[str, Any]:
    """Give what is known of a result: its times, from the call to the result where nothing says
    how long the tool ran; and what the tool gave to Claude Code itself.
    """
    fields = mapping(outcome)
    spent = seconds(first(fields.get("durationMs"), fields.get("totalDurationMs")))
    result: dict[str, Any] = known(value=outcome)
    if spent is not None:
        started = None if ended is None else ended - spent / 1000
        return {**result, **known(started=started), "elapsed": spent / 1000}
    elapsed = lasted(called, ended)
    return {**result, **(known(started=called, elapsed=elapsed) if elapsed is not None else {})}


def _sub(
    session: _ClaudeSession,
    name: str | None,
    call: Mapping[str, Any],
    outcome: Mapping[str, Any],
    depth: int,
) -> Trajectory | None:
    """Find the rollout of the sub-agent that ran in a call: by its id, or by its first words."""
    if name is None or depth >= _DEEPEST:
        return None
    callers = session.lines.callers
    agent = text(outcome.get("agentId"))
    if agent not in session.threads:
        agent = next((one for one, caller in callers.items() if caller == name), None)
    if agent not in session.threads:
        prompt = text(mapping(call.get("input")).get("prompt"))
        free = (key for key in session.threads if key not in session.used and prompt)
        agent = next((key for key in free if _first_words(session.threads[key]) == prompt), None)
    if agent is None or agent not in session.threads:
        return None
    session.used.add(agent)
    *others, path = session.threads[agent]
    for _ in others:
        session.lines.losses.note("branches of a sub-agent")
    return _rollout(session, path, depth + 1)


def _first_words(paths: list[list[LineGroup]]) -> str | None:
    line = paths[0][0].lines[0]
    content = mapping(line["message"]).get("content")
    if isinstance(content, list):
        return "".join(str(block.get("text") or "") for block in mappings(content))
    return content if isinstance(content, str) else None


CLAUDE_CODE = ForeignFormat("a Claude Code session", fits, _read)

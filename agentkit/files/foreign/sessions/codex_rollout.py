"""Codex's rollouts: `~/.codex/sessions/**/rollout-*.jsonl`, with and without an envelope.

Source: codex-rs/protocol/src/{protocol,models}.rs of openai/codex, 0.1 of May 2025 to 2026.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from agentkit.dialects.responses.request_in import chat_messages
from agentkit.files.foreign.entries import ChatEntry, Losses, imported
from agentkit.files.foreign.format import ForeignFormat, costs_itself, flat
from agentkit.files.foreign.input.file_set import FileSet, bytes_set
from agentkit.files.foreign.traces.loose import (
    decoded,
    first,
    known,
    mapping,
    mappings,
    seconds,
    text,
    written,
)
from agentkit.files.foreign.traces.moment import lasted, moment
from agentkit.types.request import Spec
from agentkit.types.trajectory import Attempt, Message, Trajectory, Turn
from agentkit.types.wire import ApiError, Exchange
from agentkit.types.words import type_in_words

_LINES = ("session_meta", "response_item", "compacted", "turn_context", "event_msg")
_ITEMS = ("message", "reasoning", "function_call", "function_call_output", "local_shell_call")
_OUTPUTS = ("function_call_output", "custom_tool_call_output")
_AGAIN = (
    *("user_message", "agent_message", "agent_reasoning", "agent_reasoning_raw_content"),
    *("task_started", "task_complete", "turn_started", "turn_complete", "context_compacted"),
    *("exec_command_begin", "mcp_tool_call_begin", "agent_reasoning_section_break"),
    *("item_started", "item_completed"),
)
"""Events that say again what items say, or where a turn begins and ends."""
_META = ("id", "cwd", "originator", "cli_version", "git", "source", "forked_from_id", "timestamp")


@dataclass(slots=True)
class _CodexReading:
    """A rollout while its lines are read."""

    losses: Losses = field(default_factory=lambda: Losses("Codex rollout"))
    entries: list[ChatEntry] = field(default_factory=list)
    meta: dict[str, Any] = field(default_factory=dict)
    model: str | None = None
    sampling: dict[str, Any] = field(default_factory=dict)
    tools: list[dict[str, Any]] = field(default_factory=list)
    items: list[dict[str, Any]] = field(default_factory=list)
    """Of the answer that is being read."""
    usage: dict[str, Any] | None = None
    named: str | None = None
    """The model of the answer that is being read."""
    at: float | None = None
    """When the last line was written."""
    asked: float | None = None
    """When the last input was there."""
    written: float | None = None
    """When the last item of the answer was written."""
    calls: dict[str, float | None] = field(default_factory=dict)
    """When each call was written."""
    spent: dict[str, float] = field(default_factory=dict)
    """The seconds that each call ran."""
    attempts: list[Attempt] = field(default_factory=list)
    history: list[bool] = field(default_factory=list)
    """The messages that the model sees, and whether each is the user's."""
    cut: int | None = None

    def line(self, row: Mapping[str, Any]) -> None:
        """Read a line."""
        kind, payload = row.get("type"), row.get("payload")
        at = moment(row.get("timestamp"))
        self.at = at if at is not None else self.at
        if kind in _LINES and isinstance(payload, Mapping):
            {
                "session_meta": self.begin,
                "response_item": self.item,
                "compacted": self.compact,
                "turn_context": self.turn,
                "event_msg": self.event,
            }[str(kind)](dict(payload))
        elif kind in _ITEMS or (isinstance(kind, str) and kind.endswith(("_call", "_output"))):
            self.item(dict(row))
        elif kind is None and "id" in row:
            self.begin(dict(row))
        elif row.get("record_type") != "state":
            self.losses.note(str(kind))

    def begin(self, meta: dict[str, Any]) -> None:
        """Read what is said of the session; a fork repeats that of the one it left."""
        if self.meta:
            self.losses.note("session_meta of another session")
            return
        self.meta = {name: meta[name] for name in _META if meta.get(name) is not None}
        self.meta["session"] = self.meta.pop("id", None)
        given = meta.get("base_instructions")
        orders = first(text(given), mapping(given).get("text"))
        if isinstance(orders, str) and orders:
            self.sampling["instructions"] = orders
        elif text(meta.get("instructions")):
            self.meta["instructions"] = meta["instructions"]
        self.tools = [_tool(tool) for tool in mappings(meta.get("dynamic_tools"))]
        known_fields = (*_META, "base_instructions", "instructions", "dynamic_tools")
        self.losses.beside(meta, (*known_fields, "model_provider"), "session_meta")

    def turn(self, context: dict[str, Any]) -> None:
        """Read what a turn is asked with."""
        self.named = text(context.get("model")) or self.named
        self.model = self.model or self.named
        for name in ("approval_policy", "sandbox_policy", "effort"):
            if context.get(name) is not None:
                self.meta.setdefault(name, context[name])

    def item(self, item: dict[str, Any]) -> None:
        """Read an item of the Responses API."""
        kind = item.get("type", "message")
        if kind in ("ghost_snapshot", "other", "compaction", "compaction_summary"):
            self.losses.note(f"response_item.{kind}")
        elif isinstance(kind, str) and (kind in _OUTPUTS or kind.endswith("_output")):
            self.close()
            self.output(item)
        elif kind == "agent_message":  # what one agent wrote to another
            self.close()
            (wire,) = chat_messages({"input": [{**item, "type": "message", "role": "user"}]})
            self.add(wire)
            self.asked = self.at
        elif kind == "message" and item.get("role") != "assistant":
            self.close()
            for wire in chat_messages({"input": [item]}):
                self.add(wire)
            self.asked = self.at
        else:
            if self.usage is not None:  # the server has counted it: this is another answer
                self.close()
            self.items.append({"type": kind, **item})
            self.written = self.at
            if isinstance(item.get("call_id"), str):
                self.calls[item["call_id"]] = self.at

    def output(self, item: dict[str, Any]) -> None:
        """Read the output of a call."""
        given, result = item.get("output"), dict[str, Any]()
        if isinstance(given, Mapping):  # Codex' own writing until autumn 2025
            result = {"status": "error"} if given.get("success") is False else {}
            given = given.get("content", given)
        (wire,) = chat_messages({"input": [{**item, "type": _OUTPUTS[0], "output": given}]})
        if not isinstance(wire.get("content"), (str, list)):
            wire["content"] = written(wire.get("content"))
        name = text(item.get("call_id")) or ""
        wire["tool_call_id"] = name
        ran = seconds(mapping(mapping(decoded(given)).get("metadata")).get("duration_seconds"))
        ran = self.spent.get(name, ran)
        started = self.calls.get(name)
        elapsed = lasted(started, self.at) if ran is None else ran
        if elapsed is not None:
            result.update(known(started=started, elapsed=elapsed))
        self.add(wire, **result)
        self.asked = self.at

    def add(self, wire: dict[str, Any], **result: Any) -> None:
        """Add a message that is no answer."""
        given = wire.get("role") == "assistant"  # what is left of an answer by a compaction
        message = Message(wire=wire)
        entry = ChatEntry(message=message, result=result, kept=self.cut, given=given)
        self.cut = None
        self.entries.append(entry)
        self.history.append(wire.get("role") == "user")

    def close(self) -> None:
        """End the answer that is being read."""
        if not self.items:
            return
        beside = known(timestamp=self.written)
        body: dict[str, Any] = {"object": "response", **known(model=self.named, usage=self.usage)}
        body.update(output=self.items, imported=beside)
        elapsed = lasted(self.asked, self.written)
        exchange = Exchange(
            body=json.dumps(body, ensure_ascii=False),
            started=self.asked if elapsed is not None else None,
            elapsed=elapsed,
        )
        for wire in chat_messages({"input": self.items})[:1]:
            self.entries.append(ChatEntry(message=Message(wire=wire), exchange=exchange))
            self.history.append(False)
        self.items, self.usage = [], None

    def compact(self, payload: dict[str, Any]) -> None:
        """Go on with what a compaction has left of the history."""
        self.close()
        listed = mappings(payload.get("replacement_history"))
        wires = chat_messages({"input": listed})
        if not wires:
            wires = [{"role": "user", "content": written(payload.get("message"))}]
        self.history, self.cut = [], 0
        for wire in wires:
            self.add(wire)

    def event(self, event: dict[str, Any]) -> None:
        """Read an event: counts, failures, times, what was taken back."""
        kind = event.get("type")
        if kind == "token_count":
            last = mapping(mapping(event.get("info")).get("last_token_usage"))
            if last and self.items:
                self.usage = _usage(last)
        elif kind in ("error", "stream_error"):
            message = text(event.get("message")) or "the request failed"
            turns = sum(entry.exchange is not None for entry in self.entries)
            error = ApiError(kind="server_error", message=message)
            raw = Exchange(body=json.dumps(event, ensure_ascii=False), started=self.asked)
            self.attempts.append(Attempt(turn=turns, error=error, exchange=raw))
        elif kind in ("exec_command_end", "mcp_tool_call_end"):
            spent = mapping(event.get("duration"))
            whole, nanos = seconds(spent.get("secs")), seconds(spent.get("nanos"))
            name = text(event.get("call_id"))
            if name is not None and whole is not None and nanos is not None:
                self.spent[name] = whole + nanos / 1e9
        elif kind == "thread_rolled_back":
            self.roll_back(event.get("num_turns"))
        elif kind not in _AGAIN:
            self.losses.note(f"event_msg.{kind}")

    def roll_back(self, turns: Any) -> None:
        """Take the last turns of the user out of what the model sees."""
        self.close()
        for _ in range(turns if type(turns) is int and 0 < turns < 10_000 else 0):
            while self.history and not self.history.pop():
                pass
        self.cut = len(self.history)

    def rollout(self) -> Trajectory:
        """Make the rollout."""
        self.close()
        tools = tuple(self.tools)
        spec = Spec(model=self.model, tools=tools, sampling=self.sampling, dialect="responses")
        made = imported(self.entries, spec, self.losses, self.meta)
        return replace(made, attempts=tuple(self.attempts)) if self.attempts else made


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    fields = known(description=tool.get("description"), parameters=tool.get("inputSchema"))
    return {"type": "function", "function": {"name": tool.get("name"), **fields}}


def _usage(last: Mapping[str, Any]) -> dict[str, Any]:
    return known(
        input_tokens=last.get("input_tokens"),
        output_tokens=last.get("output_tokens"),
        total_tokens=last.get("total_tokens"),
        input_tokens_details=known(cached_tokens=last.get("cached_input_tokens")) or None,
        output_tokens_details=known(reasoning_tokens=last.get("reasoning_output_tokens")) or None,
    )


def _is_line(row: Any) -> bool:
    if not isinstance(row, Mapping):
        return False
    if row.get("type") in _LINES and isinstance(row.get("payload"), Mapping):
        return True
    return "instructions" in row and "timestamp" in row and "id" in row and "type" not in row


def _fits(source: FileSet) -> bool:
    if len(source.members) <= 1:
        return _is_line(next(iter(flat(source)), None))
    names = [name for name in source.members if name.endswith(".jsonl")][:3]
    return bool(names) and all(_fits(bytes_set(name, source.members[name]())) for name in names)


def _read(source: FileSet) -> list[Trajectory]:
    if len(source.members) <= 1:
        made = _one(source)
        return [made] if made.prompt or made.all_turns or made.open else []
    found: dict[str, Trajectory] = {}
    for name, read in source.members.items():
        file = bytes_set(name, read())
        if not _fits(file):
            source.bad.append(f"{name} holds no rollout")
            continue
        made = replace(_one(file), file=name)
        source.bad.extend(file.bad)
        found[str(made.meta.get("session") or name)] = made
    return _joined(found)


def _one(source: FileSet) -> Trajectory:
    reading = _CodexReading()
    for place, row in enumerate(flat(source)):
        with costs_itself(source.bad, f"line {place + 1}"):
            if not isinstance(row, Mapping):
                raise TypeError(f"{type_in_words(row)}, and no object")
            reading.line(row)
    return reading.rollout()


def _joined(found: dict[str, Trajectory]) -> list[Trajectory]:
    """Put the rollouts of sub-agents into the results of the calls that started them."""
    inside: set[str] = set()
    made: dict[str, Trajectory] = {}

    def with_subs(name: str, above: tuple[str, ...]) -> Trajectory:
        if name in made:
            return made[name]
        rollout, above = found[name], (*above, name)
        turns: list[Turn] = []
        for turn in rollout.turns:
            results = list(turn.results)
            for at, result in enumerate(results):
                agent = mapping(result.content).get("agent_id") if result else None
                if result and isinstance(agent, str) and agent in found and agent not in above:
                    inside.add(agent)
                    results[at] = replace(result, trajectory=with_subs(agent, above))
            last = turns[-1] if turns else None
            before = replace(turn.before, last=last) if turn.before else None
            turns.append(replace(turn, results=tuple(results), before=before))
        made[name] = replace(rollout, turns=tuple(turns))
        return made[name]

    whole = {name: with_subs(name, ()) for name in found}
    return [rollout for name, rollout in whole.items() if name not in inside]


CODEX = ForeignFormat("a Codex rollout", _fits, _read)

"""Trajectories of mini-swe-agent: a list of messages at first, since version 1.1 of its format an
object with `info` beside them, since version 2 of the agent with calls or Responses items. An
action in a fence is read as the agent reads it: the one block of an answer is a call of `bash`.

Source: SWE-agent/mini-swe-agent, src/minisweagent/agents/default.py and models/utils/.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from agentkit.files.foreign.entries import ChatEntry, Losses, answered, entry, imported
from agentkit.files.foreign.evals.fields import (
    call_of,
    first_given,
    given,
    list_in,
    object_in,
    objects_in,
    raw_exchange,
    text_in,
)
from agentkit.files.foreign.format import ForeignFormat, each_entry
from agentkit.files.foreign.input.file_set import FileSet
from agentkit.types.request import Spec
from agentkit.types.trajectory import StopReason, Trajectory
from agentkit.types.wire import Exchange

_FENCES = tuple(
    re.compile(rf"```{word}\s*\n(.*?)\n```", re.DOTALL) for word in ("mswea_bash_command", "bash")
)
"""How an action is written: `action_regex` of version 2, and of version 1."""
_KNOWN = ("info", "messages", "trajectory_format", "instance_id")
_ENDS: dict[str, StopReason] = {
    "Submitted": "final",
    "LimitsExceeded": "max_turns",
    "TimeExceeded": "stopped",
    "UserInterruption": "stopped",
    "": "stopped",
}
"""What an `exit_status` amounts to; another one names an exception."""


def _is_saved(value: Any) -> bool:
    if not isinstance(value, Mapping) or not isinstance(value.get("messages"), list):
        return False
    named = text_in(value.get("trajectory_format"))
    return named.startswith("mini-swe-agent") or "mini_version" in object_in(value.get("info"))


def _is_list(values: Sequence[Any]) -> bool:
    """Tell the first form, a bare list: its beginning shows how actions are written."""
    begin = [one for one in objects_in(values[:9]) if one][:3]
    if not begin or not all("role" in one for one in begin):
        return False
    text = "".join(text_in(one.get("content")) for one in begin)
    return "```mswea_bash_command" in text or (
        "exactly ONE bash code block with ONE command" in text and "```bash" in text
    )


def _conversation(source: FileSet) -> Sequence[Any] | None:
    """Find the messages of the first form, where the source has that."""
    values = source.values
    listed = values[0] if len(values) == 1 and isinstance(values[0], list) else values
    return listed if len(listed) > 1 and _is_list(listed) else None


def _fits(source: FileSet) -> bool:
    return _is_saved(source.first) or _conversation(source) is not None


def _read(source: FileSet) -> Iterable[Trajectory]:
    listed = _conversation(source)
    runs: Iterable[Any] = source.values if listed is None else [{"messages": listed}]
    return each_entry(source, runs, _rollout)


def _rollout(run: Mapping[str, Any]) -> Trajectory:
    if not isinstance(run.get("messages"), list):
        raise ValueError("it holds no messages")
    losses = Losses("mini-swe-agent")
    losses.beside(run, _KNOWN, "row")
    info = object_in(run.get("info"))
    config = object_in(info.get("config"))
    model = object_in(config.get("model"))
    for name in ("agent", "environment"):
        if config.get(name):
            losses.note(f"info.config.{name}")
    status = text_in(info.get("exit_status"))
    stats = object_in(info.get("model_stats"))
    meta = given(
        task=first_given(run.get("instance_id"), info.get("instance_id")),
        exit_status=status,
        submission=info.get("submission"),
        version=info.get("mini_version"),
        cost=stats.get("instance_cost"),
        error=_last_error(run["messages"]),
    )
    ended = _ENDS.get(status, "error") if "exit_status" in info else None
    named = text_in(model.get("model_name")) or None
    spec = Spec(model=named, sampling=dict(object_in(model.get("model_kwargs"))))
    return imported(_entries(run["messages"], losses), spec, losses, meta, ended)


def _last_error(messages: Any) -> dict[str, Any] | None:
    """Find what ended the run, where its last message says so."""
    last = objects_in(messages)[-1:]
    extra = object_in(last[0].get("extra")) if last else {}
    named = ("exception_str", "traceback")
    return {key: extra[key] for key in named if extra.get(key)} or None


def _entries(messages: Any, losses: Losses) -> list[ChatEntry]:
    entries: list[ChatEntry] = []
    waiting: list[str] = []
    for message in list_in(messages):
        if not isinstance(message, Mapping):
            losses.note("messages[] that is no message")
            continue
        if message.get("object") == "response" or isinstance(message.get("output"), list):
            entries.append(entry({"role": "assistant"}, _raw(message)))
            waiting = []
        elif message.get("role") == "assistant":
            made, waiting = _answer(message, sum(one.is_answer for one in entries))
            entries.append(made)
        elif waiting and message.get("role") in ("user", "exit"):
            entries.append(_result(message, waiting.pop(0)))
        else:
            entries.append(_other(message, losses))
    return [one for one in entries if one.message.wire]


def _answer(message: Mapping[str, Any], turn: int) -> tuple[ChatEntry, list[str]]:
    """Read the answer of a turn, and the ids of the calls whose results come as a user's
    messages.
    """
    extra = object_in(message.get("extra"))
    wire = {key: value for key, value in message.items() if key not in ("extra", "timestamp")}
    if message.get("tool_calls"):
        raw = object_in(extra.get("response"))
        return entry(wire, _raw(raw) if raw.get("choices") else answered(wire, source=message)), []
    actions = [text_in(one.get("command")) for one in objects_in(extra.get("actions"))]
    actions = actions or _fenced(text_in(message.get("content")))
    if not actions:
        return entry(wire, answered(wire, source=message)), []
    ids = [f"call_{turn}_{place}" for place in range(len(actions))]
    calls = [
        call_of("bash", {"command": action}, name)
        for name, action in zip(ids, actions, strict=True)
    ]
    wire["tool_calls"] = calls
    raw = object_in(extra.get("response"))
    known = {key: raw[key] for key in ("id", "model", "usage") if key in raw}
    return entry(wire, answered(wire, source=message, **known)), ids


def _fenced(content: str) -> list[str]:
    """Read the action of a text: more or fewer than one are none, as in the agent itself."""
    for fence in _FENCES:
        actions = [one.strip() for one in fence.findall(content)]
        if actions:
            return actions if len(actions) == 1 else []
    return []


def _raw(raw: Mapping[str, Any]) -> Exchange:
    return raw_exchange({key: value for key, value in raw.items() if key != "extra"})


def _result(message: Mapping[str, Any], call_id: str) -> ChatEntry:
    wire = {"role": "tool", "tool_call_id": call_id, "content": message.get("content") or ""}
    return entry(wire, **_outcome(message))


def _outcome(message: Mapping[str, Any]) -> dict[str, Any]:
    extra = object_in(message.get("extra"))
    raised = text_in(extra.get("exception_info"))
    failed = {"status": "error", "error": raised} if raised else {}
    output = given(value=extra.get("raw_output"))
    return {**output, **failed}


def _other(message: Mapping[str, Any], losses: Losses) -> ChatEntry:
    if message.get("type") == "function_call_output":
        answer = {"role": "tool", "tool_call_id": message.get("call_id")}
        return entry({**answer, "content": text_in(message.get("output"))}, **_outcome(message))
    if message.get("role") == "exit":
        if "exit_status" not in object_in(message.get("extra")):
            losses.note("messages[] of role exit")
        return entry({})
    if not text_in(message.get("role")):
        losses.note("messages[] that is no message")
        return entry({})
    wire = {key: value for key, value in message.items() if key not in ("extra", "timestamp")}
    parts = objects_in(wire.get("content"))
    if parts and all(part.get("type") == "input_text" for part in parts):
        wire["content"] = "".join(text_in(part.get("text")) for part in parts)
    return entry(wire, **(_outcome(message) if wire.get("role") == "tool" else {}))


MINI_SWE = ForeignFormat("mini-swe-agent", _fits, _read)

"""Results of tau2-bench: simulations of an agent and a user that calls tools too, in one file or in
a folder with one file each.

Source: sierra-research/tau2-bench, src/tau2/data_model/simulation.py and message.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from agentkit.files.foreign.entries import ChatEntry, Losses, answered, entry, imported
from agentkit.files.foreign.evals.fields import (
    call_of,
    given,
    messages_in,
    number_in,
    object_in,
    objects_in,
    raw_exchange,
    text_in,
    unix_in,
    without_nulls,
)
from agentkit.files.foreign.format import ForeignFormat, costs_itself, flat, row_in
from agentkit.files.foreign.input.file_set import FileSet
from agentkit.types.request import Spec
from agentkit.types.trajectory import StopReason, Trajectory

_KNOWN = (
    *("id", "task_id", "timestamp", "start_time", "end_time", "duration", "termination_reason"),
    *("agent_cost", "user_cost", "reward_info", "messages", "trial", "seed", "mode"),
)
_MESSAGE = (
    *("id", "role", "content", "tool_calls", "turn_idx", "timestamp", "cost", "usage", "raw_data"),
    *("generation_time_seconds", "requestor", "error", "is_final_chunk", "contains_speech"),
    *("is_audio", "source"),
)
_ENDS: dict[str, StopReason] = {
    "max_steps": "max_turns",
    "timeout": "stopped",
    "too_many_errors": "stopped",
    "agent_error": "error",
    "user_error": "error",
    "infrastructure_error": "error",
    "context_window_exceeded": "error",
    "unexpected_error": "error",
    "user_stop": "final",
    "agent_stop": "final",
}
"""What a `TerminationReason` amounts to."""


def _is_simulation(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and "task_id" in value
        and (isinstance(value.get("messages"), list) or isinstance(value.get("ticks"), list))
        and ("termination_reason" in value or "reward_info" in value)
    )


def _is_results(value: Any) -> bool:
    return isinstance(value, Mapping) and isinstance(value.get("simulations"), list)


def _fits(source: FileSet) -> bool:
    if source.given is None and len(source.members) > 1:
        return _head_name(source) is not None
    return any(_is_results(one) or _is_simulation(one) for one in [*flat(source)][:1])


def _head_name(source: FileSet) -> str | None:
    """Find the `results.json` of a folder whose simulations lie in files of their own."""
    for name in source.members:
        folder, found, _ = name.rpartition("results.json")
        if found and any(one.startswith(f"{folder}simulations/") for one in source.members):
            return name
    return None


def _read(source: FileSet) -> Iterator[Trajectory]:
    for name, info, simulation in _simulations(source):
        with costs_itself(source.bad, name):
            yield _rollout(row_in(simulation()), info)


def _simulations(source: FileSet) -> Iterator[tuple[str, Mapping[str, Any], Any]]:
    head = _head_name(source) if source.given is None and len(source.members) > 1 else None
    if head is None:
        for value in flat(source):
            whole = object_in(value)
            listed = whole["simulations"] if _is_results(whole) else [value]
            for place, one in enumerate(listed):
                yield f"simulation {place}", object_in(whole.get("info")), partial(row_in, one)
        return
    info = object_in(object_in(source.member(head)).get("info"))
    folder = f"{head.removesuffix('results.json')}simulations/"
    for name in source.members:
        if name.startswith(folder) and name.endswith(".json"):
            yield name, info, partial(source.member, name)


def _rollout(simulation: Mapping[str, Any], info: Mapping[str, Any]) -> Trajectory:
    if not isinstance(simulation.get("messages"), list):
        voice = isinstance(simulation.get("ticks"), list)
        raise ValueError(
            f"it holds {'the ticks of a voice call, and ' if voice else ''}no messages"
        )
    losses = Losses("tau2-bench")
    losses.beside(simulation, _KNOWN, "simulation")
    agent, world = object_in(info.get("agent_info")), object_in(info.get("environment_info"))
    for key in ("policy", "tool_defs"):
        if world.get(key):
            losses.note(f"info.environment_info.{key}")
    theirs: list[Mapping[str, Any]] = []
    entries: list[ChatEntry] = []
    for message in _flat_messages(messages_in(simulation["messages"], losses, "messages")):
        losses.beside(message, _MESSAGE, "messages[]")
        if message.get("requestor") == "user" or _called_by_user(message):
            theirs.append(message)
            if not text_in(message.get("content")) or message.get("role") == "tool":
                continue
        entries.append(_entry(message))
    judged = object_in(simulation.get("reward_info"))
    meta = given(
        task=simulation.get("task_id"),
        sample=simulation.get("trial"),
        id=simulation.get("id"),
        domain=world.get("domain_name"),
        seed=simulation.get("seed"),
        reward=judged.get("reward"),
        labels=without_nulls(judged, "reward"),
        termination_reason=simulation.get("termination_reason"),
        started=unix_in(simulation.get("start_time")),
        duration=number_in(simulation.get("duration")),
        cost=simulation.get("agent_cost"),
        user_cost=simulation.get("user_cost"),
        user_calls=[dict(message) for message in theirs],
    )
    spec = Spec(
        model=text_in(agent.get("llm")) or None, sampling=dict(object_in(agent.get("llm_args")))
    )
    ended = _ENDS.get(text_in(simulation.get("termination_reason")))
    return imported(entries, spec, losses, meta, ended)


def _flat_messages(messages: list[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Give the messages one by one; several results lie in one that is around them."""
    for message in messages:
        inner = objects_in(message.get("tool_messages"))
        yield from ({**one, "role": "tool"} for one in inner) if inner else (message,)


def _called_by_user(message: Mapping[str, Any]) -> bool:
    return message.get("role") == "user" and bool(message.get("tool_calls"))


def _entry(message: Mapping[str, Any]) -> ChatEntry:
    role, content = message.get("role"), message.get("content")
    if role == "tool":
        failed: dict[str, Any] = {}
        if message.get("error"):
            failed = {"status": "error", "error": text_in(content)}
        wire = {"role": "tool", "tool_call_id": message.get("id"), "content": content}
        return entry(wire, **failed)
    wire = {"role": role, "content": content}
    if role != "assistant":
        return entry(wire)
    calls = [
        call_of(call.get("name"), call.get("arguments", {}), call.get("id"))
        for call in objects_in(message.get("tool_calls"))
    ]
    wire |= {"tool_calls": calls} if calls else {}
    raw = object_in(message.get("raw_data"))
    took = number_in(message.get("generation_time_seconds"))
    if isinstance(raw.get("choices"), list):
        return entry(wire, raw_exchange(raw, elapsed=took))
    made = answered(wire, source=dict(message), usage=message.get("usage"), elapsed=took)
    return entry(wire, made)


TAU2 = ForeignFormat("tau2-bench", _fits, _read)

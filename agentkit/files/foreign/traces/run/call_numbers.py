"""Ids for calls of a server that gives none (Gemini's): the number of the call among all of its
conversation, the same in each request that holds it. A result without an id is that of the first
open call of its name. Results whose ids are those of no call at all, as many as calls wait
(OpenLLMetry names calls of Responses by their items), are theirs in order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from agentkit.files.foreign.traces.loose import mapping, mappings
from agentkit.files.foreign.traces.run.recorded_runs import ModelRun, Trace

_LOST = "ids of calls, which are numbered"
_BY_ORDER = "ids of results that are those of no call, which are joined in order"


def number_calls(trace: Trace) -> None:
    """Give ids to the calls and results of a trace in which none has one."""
    messages = [message for run in trace.calls for message in _all(run)]
    calls = [call for message in messages for call in mappings(message.get("tool_calls"))]
    bare = bool(calls) and not any(call.get("id") for call in calls)
    if bare:
        trace.losses.note(_LOST)
    for run in trace.calls:
        renamed = _renamed(_all(run))
        if renamed:
            trace.losses.note(_BY_ORDER)
        known = list(_numbered(_with_ids(_all(run), renamed)))
        if run.answer is not None:
            run.answer = replace(run.answer, message=known.pop())
            run.body = None if bare else run.body  # it has no ids either
        run.messages = known


def _all(run: ModelRun) -> list[dict[str, Any]]:
    return [*run.messages, *([run.answer.message] if run.answer else [])]


def _renamed(messages: list[dict[str, Any]]) -> dict[str, str]:
    """Give the ids of calls by those of results that are the ids of no call, in their order."""
    calls = [str(c.get("id")) for m in messages for c in mappings(m.get("tool_calls"))]
    results = [str(m["tool_call_id"]) for m in messages if m.get("tool_call_id")]
    several = len(set(results)) == len(results) and len(set(calls)) == len(calls)
    if not results or not several or set(results) & set(calls):
        return {}
    asked = len(calls) - len(mappings(messages[-1].get("tool_calls")))
    return dict(zip(results, calls, strict=False)) if asked == len(results) else {}


def _with_ids(
    messages: Iterable[dict[str, Any]], names: Mapping[str, str]
) -> Iterable[dict[str, Any]]:
    for message in messages:
        name = names.get(str(message.get("tool_call_id")))
        yield message if name is None else {**message, "tool_call_id": name}


def _numbered(messages: Iterable[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    number = 0
    waiting: list[tuple[Any, str]] = []
    for message in messages:
        made = []
        for call in mappings(message.get("tool_calls")):
            name = call.get("id") or f"call_{number}"
            made.append({**call, "id": name})
            waiting.append((mapping(call.get("function")).get("name"), name))
            number += 1
        if made:
            yield {**message, "tool_calls": made}
        elif message.get("tool_call_id") in [name for _, name in waiting]:
            waiting = [one for one in waiting if one[1] != message["tool_call_id"]]
            yield message
        elif message.get("role") == "tool" and not message.get("tool_call_id") and waiting:
            named = [one for one in waiting if one[0] == message.get("name")]
            one = (named or waiting)[0]
            waiting.remove(one)
            yield {**message, "tool_call_id": one[1]}
        else:
            yield message

"""Rollouts as OpenTelemetry spans in OTLP's JSON, a trace each, by the conventions for GenAI.

Sources: docs/gen-ai/gen-ai-spans.md and gen-ai-agent-spans.md of
open-telemetry/semantic-conventions (messages as JSON in attributes); OTLP's JSON encoding.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from agentkit.files.foreign.entries import Losses
from agentkit.files.foreign.written.spoken_messages import (
    Spoken,
    meta_of,
    note_raw,
    note_spacing,
    note_unspoken,
    spoken,
)
from agentkit.types.trajectory import OpenTurn, ToolResult, Trajectory, Turn
from agentkit.types.wire import VERSION

Span = dict[str, Any]
_PROVIDERS = {"chat": "openai", "responses": "openai", "messages": "anthropic"}
_META = ("sample", "task", "labels")
"""Meta that no convention has a place for, and attributes of our own keep."""
_LARGEST = 1e300
_FINISHES = {"tool_calls": "tool_call"}


def otel_document(trajectories: list[Trajectory], losses: Losses) -> dict[str, Any]:
    """Write rollouts as one OTLP export."""
    note_unspoken(trajectories, losses)
    spans = [span for place, one in enumerate(trajectories) for span in _trace(place, one, losses)]
    resource = {"attributes": [_attribute("service.name", "agentkit")]}
    scope = {"name": "agentkit", "version": VERSION}
    inside = {"scope": scope, "spans": spans}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [inside]}]}


def _trace(place: int, trajectory: Trajectory, losses: Losses) -> Iterator[Span]:
    note_raw(trajectory, losses, "usage", "times", "finish", "error", "results", "ending")
    losses.beside(meta_of(trajectory), ("reward", *_META), "meta")
    trace = _id(f"{place} {_identity(trajectory)}", 32)
    root = _id(f"{place}/root", 16)
    note_spacing(trajectory, losses)
    listed = spoken(trajectory, losses)
    inside = [*_inside(trajectory, listed, (trace, root), place)]
    yield {**_root(trajectory, trace, root, _behind(listed)), **_around(inside)}
    yield from inside


def _identity(trajectory: Trajectory) -> str:
    """Write what tells a rollout from others: a collector puts traces of one id together, whatever
    file they came in.
    """
    times = [turn.response.exchange.started for turn in trajectory.all_turns]
    return _json([trajectory.spec.model, times, trajectory.messages])


def _around(spans: list[Span]) -> Span:
    """Give the times from the begin of the first of these spans to the end of the last."""
    begun = [int(span["startTimeUnixNano"]) for span in spans if "startTimeUnixNano" in span]
    ended = [int(span["endTimeUnixNano"]) for span in spans if "endTimeUnixNano" in span]
    first = {"startTimeUnixNano": str(min(begun))} if begun else {}
    return {**first, "endTimeUnixNano": str(max(ended))} if first and ended else first


def _inside(
    trajectory: Trajectory, listed: list[Spoken], ids: tuple[str, str], place: int
) -> Iterator[Span]:
    """Write the spans of the models and the tools."""
    history: list[dict[str, Any]] = []
    for said in listed:
        if said.turn is None:
            history.append(_message(said.message))
            continue
        answer = _message(said.message)
        yield from _turn(said.turn, history, answer, trajectory, ids, place)
        history.append(answer)


def _behind(listed: list[Spoken]) -> dict[str, Any]:
    """Write what no request of a model holds: what was said behind the last answer. Results of its
    calls have spans of their own. Where there is no answer, the agent's span holds the messages.
    """
    answers = [place for place, said in enumerate(listed) if said.turn is not None]
    rest = listed[answers[-1] + 1 :] if answers else listed
    messages = [_message(said.message) for said in rest if said.result is None]
    name = "agentkit.messages_behind" if answers else "gen_ai.input.messages"
    return {name: _json(messages) if messages else None}


def _root(trajectory: Trajectory, trace: str, span: str, behind: dict[str, Any]) -> Span:
    meta = meta_of(trajectory)
    attributes = {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.provider.name": _PROVIDERS[trajectory.spec.dialect],
        "gen_ai.request.model": trajectory.spec.model,
        "agentkit.stop_reason": trajectory.stop_reason,
        "error.type": trajectory.error.kind if trajectory.error is not None else None,
        **{f"agentkit.meta.{key}": meta.get(key) for key in _META},
        **behind,
    }
    found = _span("invoke_agent", trace, span, None, attributes)
    labels = meta.get("labels")
    scores = {**(labels if isinstance(labels, dict) else {}), "reward": meta.get("reward")}
    events = [_evaluation(key, score) for key, score in scores.items() if _is_number(score)]
    return {**found, "events": events} if events else found


def _evaluation(name: str, score: float) -> dict[str, Any]:
    told = {"gen_ai.evaluation.name": name, "gen_ai.evaluation.score.value": float(score)}
    listed = [_attribute(key, value) for key, value in told.items()]
    return {"name": "gen_ai.evaluation.result", "attributes": listed}


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and abs(value) < _LARGEST


def _turn(
    turn: Turn | OpenTurn,
    history: list[dict[str, Any]],
    answer: dict[str, Any],
    trajectory: Trajectory,
    ids: tuple[str, str],
    place: int,
) -> Iterator[Span]:
    response = turn.response
    if response is None:
        return
    index = turn.index if isinstance(turn, Turn) else len(trajectory.turns)
    finish = response.finish_reason
    output = {**answer, "finish_reason": _FINISHES.get(finish, finish)} if finish else answer
    usage = response.usage
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": _PROVIDERS[trajectory.spec.dialect],
        "gen_ai.request.model": trajectory.spec.model,
        "gen_ai.response.model": response.model,
        "gen_ai.response.id": response.id,
        "gen_ai.response.finish_reasons": [finish] if finish else None,
        "gen_ai.usage.input_tokens": usage.input_tokens if usage else None,
        "gen_ai.usage.output_tokens": usage.output_tokens if usage else None,
        "gen_ai.usage.cache_read.input_tokens": usage.cached_tokens if usage else None,
        "gen_ai.input.messages": _json(history),
        "gen_ai.output.messages": _json([output]),
        "gen_ai.tool.definitions": _json(trajectory.spec.tools) if trajectory.spec.tools else None,
    }
    exchange = response.exchange
    span = _id(f"{place}/{index}", 16)
    times = (exchange.started, exchange.elapsed)
    yield _span(
        f"chat {trajectory.spec.model or ''}".strip(), ids[0], span, ids[1], attributes, times
    )
    for position, (call, result) in enumerate(zip(response.tool_calls, turn.results, strict=True)):
        if result is not None:
            own = _id(f"{place}/{index}/{position}", 16)
            attributes = _tool(result, call.id, call.raw_arguments)
            times = (result.started, result.elapsed)
            made = _span(f"execute_tool {call.name}", ids[0], own, ids[1], attributes, times)
            if "status" in made and result.error:
                made["status"]["message"] = result.error
            yield made


def _tool(result: ToolResult, call_id: str, arguments: str) -> dict[str, Any]:
    return {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": result.name,
        "gen_ai.tool.call.id": call_id,
        "gen_ai.tool.call.arguments": arguments,
        "gen_ai.tool.call.result": result.content,
        "error.type": result.status if result.status not in ("ok", "edited") else None,
    }


def _message(message: dict[str, Any]) -> dict[str, Any]:
    """Write a message as the conventions have it: a role with parts."""
    parts: list[dict[str, Any]] = []
    content, role = message.get("content"), str(message.get("role"))
    if role == "tool":
        called = {"type": "tool_call_response", "id": message.get("tool_call_id")}
        return {"role": "tool", "parts": [{**called, "response": content}]}
    if message.get("reasoning"):
        parts.append({"type": "reasoning", "content": message["reasoning"]})
    for part in content if isinstance(content, list) else [content]:
        text = part.get("text") if isinstance(part, dict) else part
        if isinstance(text, str) and text:
            parts.append({"type": "text", "content": text})
        elif isinstance(part, dict):
            parts.append(part)
    parts += [_call(call) for call in message.get("tool_calls") or ()]
    if not parts and content == "":
        parts.append({"type": "text", "content": ""})
    return {"role": role, "parts": parts}


def _call(call: dict[str, Any]) -> dict[str, Any]:
    """Write a call: arguments as an object where they are one, else as the model's own text."""
    inner = call.get("function") or call.get("custom") or {}
    part = {"type": "tool_call", "id": call.get("id"), "name": inner.get("name")}
    if "custom" in call:
        return {**part, "arguments": inner.get("input"), "kind": "custom"}
    text: Any = inner.get("arguments")
    try:
        found = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        found = None
    return {**part, "arguments": found if isinstance(found, dict) else text}


def _span(
    name: str,
    trace: str,
    span: str,
    parent: str | None,
    attributes: dict[str, Any],
    times: tuple[float | None, float | None] = (None, None),
) -> Span:
    started, elapsed = times
    found: Span = {"traceId": trace, "spanId": span, "name": name, "kind": 3}
    if parent is not None:
        found["parentSpanId"] = parent
    if started is not None:
        found["startTimeUnixNano"] = _nanos(started)
        if elapsed is not None:
            found["endTimeUnixNano"] = _nanos(started + elapsed)
    kept = {key: value for key, value in attributes.items() if value is not None}
    found["attributes"] = [_attribute(key, value) for key, value in kept.items()]
    if "error.type" in kept:
        found["status"] = {"code": 2}
    return found


def _nanos(seconds: float) -> str:
    """Write a time; below microseconds a number of seconds since 1970 knows nothing."""
    return str(round(seconds * 1e6) * 1000)


def _attribute(key: str, value: Any) -> dict[str, Any]:
    return {"key": key, "value": _value(value)}


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_value(one) for one in value]}}
    return {"stringValue": value if isinstance(value, str) else _json(value)}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _id(text: str, length: int) -> str:
    """Make an id of a place, the same at every writing."""
    data = f"agentkit/{text}".encode(errors="backslashreplace")
    return hashlib.sha256(data).hexdigest()[:length]

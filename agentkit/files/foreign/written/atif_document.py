"""Rollouts as ATIF 1.8, the format of Harbor's and Terminal-Bench's trajectories.

Source: rfcs/0001-trajectory-format.md and src/harbor/models/trajectories/ of
harbor-framework/harbor.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from agentkit.files.columns import token_sum
from agentkit.files.foreign.entries import Losses
from agentkit.files.foreign.written.spoken_messages import (
    Spoken,
    arguments_text,
    is_plain,
    meta_of,
    note_raw,
    spoken,
)
from agentkit.types.answer import Response, ToolCall
from agentkit.types.trajectory import OpenTurn, ToolResult, Trajectory, Turn
from agentkit.types.wire import VERSION

SCHEMA = "ATIF-v1.8"
_SOURCES = {"system": "system", "developer": "system", "user": "user", "assistant": "agent"}
Step = dict[str, Any]


def atif_document(trajectory: Trajectory, losses: Losses) -> dict[str, Any]:
    """Write a rollout as one ATIF document."""
    kept = ("usage", "tokens", "times", "finish", "sampling", "error", "results", "ending")
    note_raw(trajectory, losses, *kept)
    spec = trajectory.spec
    agent: dict[str, Any] = {"name": "agentkit", "version": VERSION}
    if spec.model:
        agent["model_name"] = spec.model
    if spec.tools:
        agent["tool_definitions"] = [dict(tool) for tool in spec.tools]
    steps = _steps(trajectory, losses)
    extra: dict[str, Any] = dict(meta_of(trajectory))
    if spec.sampling:
        extra["sampling"] = dict(spec.sampling)
    if trajectory.stop_reason:
        extra["stop_reason"] = trajectory.stop_reason
    if trajectory.error is not None:
        extra["error"] = f"{trajectory.error.kind}: {trajectory.error.message}"
    document: dict[str, Any] = {"schema_version": SCHEMA}
    named = trajectory.meta.get("session", trajectory.meta.get("sample"))
    if named is not None:
        document["session_id"] = str(named)
    document.update(agent=agent, steps=steps, final_metrics=_totals(trajectory, len(steps)))
    return {**document, "extra": extra} if extra else document


def _steps(trajectory: Trajectory, losses: Losses) -> list[Step]:
    steps: list[Step] = []
    for said in spoken(trajectory, losses):
        if said.turn is not None:
            steps.append(_agent_step(said, losses))
        elif said.result is not None:
            continue  # an observation of the step before it
        elif said.message.get("role") in ("tool", "function"):
            losses.note("results that answer no call")
        else:
            steps.append(_given_step(said.message, losses))
    return [{"step_id": place, **step} for place, step in enumerate(steps, 1)]


def _given_step(message: dict[str, Any], losses: Losses) -> Step:
    losses.beside(message, ("role", "content"), "prompt[]")
    source = _SOURCES.get(str(message.get("role")), "user")
    step: Step = {"source": source, "message": _content(message.get("content"), losses)}
    return {**step, "is_copied_context": True} if source == "agent" else step


def _content(content: Any, losses: Losses) -> Any:
    """Write a content: a text, or texts and pictures as ATIF has them."""
    if not isinstance(content, list):
        return content if isinstance(content, str) else ""
    parts = []
    for part in content:
        if isinstance(part, dict) and isinstance(part.get("text"), str):
            parts.append({"type": "text", "text": part["text"]})
        else:
            losses.note("parts that are no text")
    return parts


def _agent_step(said: Spoken, losses: Losses) -> Step:
    turn = said.turn
    if turn is None or turn.response is None:
        return {}
    response, message = turn.response, said.message
    started = response.exchange.started
    step: Step = {"source": "agent", "message": message.get("content") or ""}
    if started is not None:
        moment = datetime.fromtimestamp(started, UTC)
        step = {"timestamp": moment.isoformat().replace("+00:00", "Z"), **step}
    if response.model:
        step["model_name"] = response.model
    if response.reasoning:
        step["reasoning_content"] = response.reasoning
    if response.tool_calls:
        step["tool_calls"] = [_call(call) for call in response.tool_calls]
        results = _results(turn)
        if results:
            step["observation"] = {"results": results}
    metrics = _metrics(response, losses)
    if metrics:
        step["metrics"] = metrics
    extra = {"finish_reason": response.finish_reason, "elapsed": response.exchange.elapsed}
    extra = {key: value for key, value in extra.items() if value is not None}
    return {**step, "extra": extra} if extra else step


def _call(call: ToolCall) -> Step:
    given = call.arguments
    if call.status == "custom":
        return {
            "tool_call_id": call.id,
            "function_name": call.name,
            "arguments": {"input": call.raw_arguments},
            "extra": {"type": "custom"},
        }
    written: Step = {"tool_call_id": call.id, "function_name": call.name, "arguments": given or {}}
    if given is None or not is_plain(arguments_text(call)):
        written["extra"] = {"raw_arguments": arguments_text(call)}
    return written


def _results(turn: Turn | OpenTurn) -> list[Step]:
    return [_result(result) for result in turn.results if result is not None]


def _result(result: ToolResult) -> Step:
    extra: dict[str, Any] = {} if result.status == "ok" else {"status": result.status}
    if result.error is not None:
        extra["error"] = result.error
    if result.elapsed is not None:
        extra["elapsed"] = result.elapsed
    written: Step = {"source_call_id": result.call_id, "content": result.content}
    return {**written, "extra": extra} if extra else written


def _metrics(response: Response, losses: Losses) -> Step:
    usage = response.usage
    found: Step = {}
    if usage is not None:
        found.update(
            prompt_tokens=usage.input_tokens,
            completion_tokens=usage.output_tokens,
            cached_tokens=usage.cached_tokens,
        )
        if usage.reasoning_tokens is not None:
            found["extra"] = {"reasoning_tokens": usage.reasoning_tokens}
    if response.prompt_token_ids:
        found["prompt_token_ids"] = list(response.prompt_token_ids)
    if response.token_ids:
        found["completion_token_ids"] = list(response.token_ids)
    if response.logprobs:
        found["logprobs"] = [one.logprob for one in response.logprobs]
        if any(one.top for one in response.logprobs):
            losses.note("alternatives of logprobs")
    return {key: value for key, value in found.items() if value is not None}


def _totals(trajectory: Trajectory, steps: int) -> Step:
    usages = [turn.response.usage for turn in trajectory.all_turns]
    known = [usage for usage in usages if usage is not None]
    totals: Step = {"total_steps": steps}
    if known and len(known) == len(usages):
        totals["total_prompt_tokens"] = token_sum(trajectory, "input_tokens")
        totals["total_completion_tokens"] = token_sum(trajectory, "output_tokens")
    return {name: value for name, value in totals.items() if value is not None}


def atif_text(documents: list[dict[str, Any]]) -> str:
    """Write documents: one as a JSON file, as Harbor has it; several as JSON Lines."""
    if len(documents) == 1:
        return json.dumps(documents[0], ensure_ascii=False, indent=2) + "\n"
    return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in documents)

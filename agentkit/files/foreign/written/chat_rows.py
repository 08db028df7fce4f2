"""Rollouts as rows of chat messages: OpenAI's chat JSONL, its fine-tuning files, ShareGPT,
verifiers' results, and the same rows as Parquet.

Sources: OpenAI's guide to supervised fine-tuning (`weight` of an assistant's message is 0 or 1);
LLaMA-Factory's data/README.md; `results.jsonl` of PrimeIntellect-ai/verifiers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from typing import Any

from agentkit.files.foreign.datasets.share_gpt import ROW_FIELDS
from agentkit.files.foreign.entries import Losses
from agentkit.files.foreign.logs.chat_log import ENTRY_FIELDS
from agentkit.files.foreign.written.spoken_messages import (
    Spoken,
    meta_of,
    note_given,
    note_raw,
    spoken,
    untold_ending,
)
from agentkit.types.trajectory import Trajectory

Row = dict[str, Any]
Weigh = Callable[[Any], float | bool | None]
"""Says of a turn whether it is trained on."""

_VERIFIED = ("reward", "task", "sample", "target", "answer", "info", "labels", "advantage", "error")
_TRAINED = ("role", "content", "tool_calls", "tool_call_id", "name", "refusal", "weight")


def openai_row(trajectory: Trajectory, losses: Losses, weigh: Weigh | None) -> Row:
    """Write a row of chat messages with tools and meta, as `ak.load` reads it again."""
    note_raw(trajectory, losses, "sampling", "ending")
    if trajectory.spec.dialect != "chat":
        losses.note("what only its dialect knows")
    messages = [said.message for said in _weighed(trajectory, losses, weigh)]
    model = {"model": trajectory.spec.model} if trajectory.spec.model else {}
    row = {**_meta(trajectory, losses, ENTRY_FIELDS), **trajectory.spec.sampling, **model}
    return {**row, "messages": messages, **_tools(trajectory)}


def _meta(trajectory: Trajectory, losses: Losses, taken: Collection[str]) -> Row:
    """Give the meta of a row with how the rollout ended, but for what would be read as another
    field of the row.
    """
    meta = meta_of(trajectory)
    losses.beside(meta, meta.keys() - set(taken), "meta")
    ending = untold_ending(trajectory)
    told = {"stop_reason": ending} if ending is not None else {}
    return {key: value for key, value in meta.items() if key not in taken} | told


def finetune_row(trajectory: Trajectory, losses: Losses, weigh: Weigh | None) -> Row:
    """Write an example that OpenAI trains on: nothing but messages and tools."""
    note_raw(trajectory, losses)
    messages = []
    for said in _weighed(trajectory, losses, weigh):
        losses.beside(said.message, _TRAINED, "messages[]")
        message = {key: said.message[key] for key in _TRAINED if key in said.message}
        messages.append(message)
    losses.beside(meta_of(trajectory), (), "meta")
    if trajectory.pending:
        losses.note("calls that were not answered, at the end of messages")
    return {"messages": messages, **_tools(trajectory)}


def verifiers_row(trajectory: Trajectory, losses: Losses, weigh: Weigh | None) -> Row:
    """Write a row of verifiers' `results.jsonl`."""
    ending = trajectory.stop_reason
    meta, error = meta_of(trajectory), trajectory.error
    failed = f"{error.kind}: {error.message}" if error is not None else meta.get("error")
    held = ("error",) if failed else ("final", "length", "max_turns")
    note_raw(trajectory, losses, "sampling", "error", *(("ending",) if ending in held else ()))
    listed, spec = spoken(trajectory, losses), trajectory.spec
    count = next((i for i, said in enumerate(listed) if said.turn is not None), len(listed))
    losses.beside(meta, _VERIFIED, "meta")
    note_given(listed[count:], losses)
    measured = meta.get("labels")
    if measured is not None and not isinstance(measured, dict):
        losses.note("meta.labels")
    row: Row = {
        "example_id": meta.get("sample"),
        "prompt": [said.message for said in listed[:count]],
        "completion": [_as_text(said.message) for said in listed[count:]],
        "task": meta.get("task"),
        "reward": meta.get("reward"),
        "advantage": meta.get("advantage"),
        "metrics": measured if isinstance(measured, dict) else None,
        "answer": meta.get("answer", meta.get("target")),
        "info": meta.get("info"),
        "error": failed,
        "is_completed": ending == "final",
        "is_truncated": ending == "length",
        "stop_condition": "max_turns_reached" if ending == "max_turns" else None,
        "model": spec.model,
        "sampling_args": dict(spec.sampling) or None,
        "tool_defs": [dict(tool) for tool in spec.tools] or None,
    }
    wanted = ("example_id", "reward")  # by which its files are known
    return {key: value for key, value in row.items() if key in wanted or value is not None}


def _as_text(message: Row) -> Row:
    """Write calls as verifiers does, each as JSON text."""
    calls = message.get("tool_calls")
    if not calls:
        return message
    texts = [json.dumps(call, ensure_ascii=False) for call in calls]
    return {**message, "content": message.get("content") or "", "tool_calls": texts}


def sharegpt_row(trajectory: Trajectory, losses: Losses, weigh: Weigh | None) -> Row:
    """Write a row of ShareGPT as LLaMA-Factory reads it: calls and results are turns."""
    note_raw(trajectory, losses, "ending")
    row = _meta(trajectory, losses, ROW_FIELDS)
    row.pop("weights", None)
    if "id" in row:
        row.setdefault("sample", None)  # an id alone is read as the sample
    elif "sample" in row:
        row = {"id": row.pop("sample"), **row}
    turns: list[Row] = []
    for said in _weighed(trajectory, losses, weigh):
        turns += _turns(said.message, losses)
    row["conversations"] = turns
    if trajectory.spec.model:
        row["model"] = trajectory.spec.model
    if trajectory.spec.tools:
        plain = [tool.get("function", tool) for tool in trajectory.spec.tools]
        row["tools"] = json.dumps(plain, ensure_ascii=False)
    return row


_SPEAKERS = {"user": "human", "assistant": "gpt", "tool": "observation", "system": "system"}


def _turns(message: Mapping[str, Any], losses: Losses) -> list[Row]:
    role, content = str(message.get("role")), message.get("content")
    text = content if isinstance(content, str) else _joined(content, losses)
    weight = {"weight": message["weight"]} if "weight" in message else {}
    thought, calls = message.get("reasoning"), message.get("tool_calls") or ()
    listed = [_called(call) for call in calls]
    if listed:
        losses.counts["ids of calls"] += len(listed)
    for _ in (call for call in calls if "custom" in call):
        losses.note("that calls were custom (their input is kept as arguments)")
    if listed and not text and not thought:
        written = listed[0] if len(listed) == 1 else f"[{', '.join(listed)}]"
        return [{"from": "function_call", "value": written, **weight}]
    if listed and text.count("```") % 2:
        losses.note("that what stands in an open code block is a call")
    parts = [f"<think>\n{thought}\n</think>"] if thought else []
    parts += [text] if text else []
    for call in listed:  # beside a text, as Hermes writes them
        parts.append(f"<tool_call>\n{call}\n</tool_call>")
    return [{"from": _SPEAKERS.get(role, role), "value": "\n".join(parts), **weight}]


def _joined(content: Any, losses: Losses) -> str:
    """Join the texts of a content in parts."""
    parts = content if isinstance(content, list) else []
    texts = [part["text"] for part in parts if isinstance(part, dict) and "text" in part]
    if len(texts) < len(parts):
        losses.note("parts that are no text")
    return "".join(str(text) for text in texts)


def _called(call: Mapping[str, Any]) -> str:
    """Write a call as JSON, its arguments as the model wrote them where these are JSON."""
    if "custom" in call:
        custom = call["custom"] or {}
        given = json.dumps({"input": custom.get("input", "")}, ensure_ascii=False)
        return f'{{"name": {_json(custom.get("name"))}, "arguments": {given}}}'
    inner = call.get("function") or {}
    given = inner.get("arguments", "")
    try:
        json.loads(given)
    except (ValueError, RecursionError):
        given = _json(given)
    return f'{{"name": {_json(inner.get("name"))}, "arguments": {given}}}'


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _weighed(trajectory: Trajectory, losses: Losses, weigh: Weigh | None) -> list[Spoken]:
    """List the messages, each answer with the weight that the caller or a data set gives it."""
    listed = spoken(trajectory, losses)
    note_given(listed, losses)
    known = trajectory.meta.get("weights")
    weights = known if isinstance(known, list) else []
    place = 0
    for said in listed:
        if said.turn is None:
            continue
        given = weights[place] if place < len(weights) else None
        place += 1
        weight = weigh(said.turn) if weigh is not None else given
        if weight is not None:
            said.message["weight"] = int(weight) if float(weight).is_integer() else weight
    return listed


def _tools(trajectory: Trajectory) -> Row:
    return (
        {"tools": [dict(tool) for tool in trajectory.spec.tools]} if trajectory.spec.tools else {}
    )

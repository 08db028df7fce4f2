"""LLaMA-Factory's messages (v1): content as parts with a `value`, and a weight of the loss.

Source: src/llamafactory/v1/utils/types.py and data/reason_tool_use_demo_50.jsonl of
hiyouga/LLaMA-Factory.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agentkit.files.foreign.datasets.text_turns import decoded, kept_entry, wrapped_tools
from agentkit.files.foreign.entries import ChatEntry, Losses, entry, imported
from agentkit.files.foreign.format import ForeignFormat, each_row, rows_fit
from agentkit.types.request import Spec
from agentkit.types.trajectory import Trajectory

_KNOWN = ("role", "content", "loss_weight", "tool_call_id", "name")
_ROW = ("messages", "tools")
_PAIRS = ("chosen_messages", "rejected_messages")
_URLS = ("image_url", "video_url", "audio_url")


def _fits(row: Mapping[str, Any]) -> bool:
    return any(_in_parts(row.get(key)) for key in ("messages", *_PAIRS))


def _in_parts(messages: Any) -> bool:
    if not isinstance(messages, (list, tuple)):
        return False
    contents = [one.get("content") for one in messages if isinstance(one, Mapping)]
    parts = [part for one in contents if isinstance(one, (list, tuple)) for part in one]
    told = [part for part in parts if isinstance(part, Mapping) and part]
    return bool(told) and all("value" in part and "type" in part for part in told)


def _each(source: Any) -> list[Trajectory]:
    """Read the rows; a pair of a chosen and a rejected answer is two rollouts."""
    found: list[Trajectory] = []
    for pair in each_row(_read_row)(source):
        found += pair.meta.pop("both") if "both" in pair.meta else [pair]
    return found


def _read_row(row: Mapping[str, Any]) -> Trajectory:
    sides = [key for key in _PAIRS if isinstance(row.get(key), (list, tuple))]
    if not sides:
        return _read(row, row["messages"], {})
    both = [_read(row, row[key], {"labels": key.removesuffix("_messages")}) for key in sides]
    return Trajectory(spec=both[0].spec, meta={"both": both})


def _read(row: Mapping[str, Any], messages: Sequence[Any], labels: dict[str, Any]) -> Trajectory:
    losses = Losses("LLaMA-Factory messages")
    losses.strays(messages, "messages")
    messages = [message for message in messages if isinstance(message, Mapping)]
    entries = [_entry(message, losses) for message in messages]
    weights = [m.get("loss_weight") for m in messages if m.get("role") == "assistant"]
    meta = {key: value for key, value in row.items() if key not in (*_ROW, *_PAIRS)}
    if any(weight is not None for weight in weights):
        meta["weights"] = weights
    spec = Spec(tools=wrapped_tools(row.get("tools") or []))
    return imported(entries, spec, losses, {**meta, **labels})


def _entry(message: Mapping[str, Any], losses: Losses) -> ChatEntry:
    losses.beside(message, _KNOWN, "messages[]")
    parts = message.get("content")
    if not isinstance(parts, (list, tuple)):
        return entry({key: message[key] for key in _KNOWN if key in message})
    losses.strays(parts, "messages[].content")
    parts = [part for part in parts if isinstance(part, Mapping) and "value" in part]
    wire = {key: message[key] for key in ("role", "tool_call_id", "name") if key in message}
    texts = [str(part["value"]) for part in parts if part.get("type") == "text"]
    thoughts = [str(part["value"]) for part in parts if part.get("type") == "reasoning"]
    calls = list(_calls(parts, losses))
    shown = list(_shown(parts))
    wire["content"] = shown or "".join(texts)
    if wire.get("role") != "assistant":
        return entry(wire)
    if thoughts:
        wire["reasoning"] = "".join(thoughts)
    if calls:
        wire["tool_calls"] = calls
        wire["content"] = wire["content"] or None
    return kept_entry(wire, message)


def _calls(parts: Sequence[Mapping[str, Any]], losses: Losses) -> Iterator[dict[str, Any]]:
    for part in parts:
        kind = part.get("type")
        if kind != "tool_call":
            if kind not in ("text", "reasoning", *_URLS):
                losses.note(f"messages[].content[].{kind}")
            continue
        call = decoded(part["value"])
        if not isinstance(call, dict) or not isinstance(call.get("name"), str):
            losses.note("messages[].content[].tool_call that is no call")
            continue
        given = call.get("arguments", {})
        written = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
        named = {"id": call["id"]} if isinstance(call.get("id"), str) else {}
        yield {
            **named,
            "type": "function",
            "function": {"name": call["name"], "arguments": written},
        }


def _shown(parts: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Write a content with pictures or sounds in OpenAI's parts; nothing where it is only text."""
    if not any(part.get("type") in _URLS for part in parts):
        return
    for part in parts:
        kind = part.get("type")
        if kind == "text":
            yield {"type": "text", "text": part["value"]}
        elif kind in _URLS:
            yield {"type": kind, kind: {"url": part["value"]}}


PART_MESSAGES = ForeignFormat("LLaMA-Factory messages", rows_fit(_fits), _each)

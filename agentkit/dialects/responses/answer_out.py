"""An answer written as Responses items, and as the body a server sends."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from agentkit.dialects.json_body import json_text
from agentkit.dialects.responses.answer import finish_of, is_body
from agentkit.dialects.responses.items.item_kinds import is_call, with_arguments
from agentkit.types.answer import ReasoningBlock, Response, ToolCall
from agentkit.types.wire import Usage

_REASONS = frozenset({"max_output_tokens", "max_messages", "content_filter", "steered"})
_LENGTH = frozenset({"length", "max_tokens", "model_length", "model_context_window_exceeded"})
_BROKEN = frozenset({"error", "abort", "cancelled"})
Item = dict[str, Any]


def items(response: Response) -> list[Item]:
    """Write the answer as the items that go back into the history.

    An answer of this dialect goes back item by item as it came, reasoning with its ids and what is
    encrypted, in order. Only what a person has changed differs: a call with other arguments keeps
    its ids, a call that was dropped is left out, one that was found in the text is cut out of it
    and follows as an item of its own, and a text that was written anew takes the place of the old.
    A call without an id gets the one under which its result comes. An answer of another dialect
    becomes a message and calls; its reasoning stays behind, since no server would know it.
    """
    if response.dialect != "responses" or not response.items:
        return [*_text_items(response), *map(_call_item, response.tool_calls)]
    return [*map(_sendable, _kept(response, named=True))]


def _sendable(item: Item) -> Item:
    """Write arguments that came as no text as one, which is what a history may hold."""
    given = item.get("arguments")
    if item.get("type") != "function_call" or isinstance(given, str):
        return item
    text = "{}" if given is None else json.dumps(given, ensure_ascii=False)
    return {**item, "arguments": text}


def _text_items(response: Response) -> list[Item]:
    text = _text(response)
    found: list[Item] = [{"role": "assistant", "content": text}] if text else []
    if response.refusal:
        part = {"type": "refusal", "refusal": response.refusal}
        found.append({"type": "message", "role": "assistant", "content": [part]})
    return found


def _text(response: Response) -> str:
    """Return the text as it was sent, without the calls that were taken out of it."""
    wire = response.wire_content
    return (response.content or "") if wire is None else _cut(wire, 0, _spans(response))


def _spans(response: Response) -> list[tuple[int, int]]:
    """List where calls stand in the text that are calls of the answer now."""
    return sorted(
        call.span
        for call in response.tool_calls
        if call.span and call.status != "invalid" and call.origin.startswith("content:")
    )


def _cut(text: str, start: int, spans: list[tuple[int, int]]) -> str:
    """Take spans out of a part of the text that begins at `start`."""
    kept, at = [], 0
    touched = False
    for a, b in spans:
        low, high = max(a - start, 0), min(b - start, len(text))
        if low < high:
            kept.append(text[at:low])
            at, touched = max(at, high), True
    kept.append(text[at:])
    joined = "".join(kept)
    return joined.strip() if touched else joined


def _call_item(call: ToolCall) -> Item:
    """Write a call that has no item of its own."""
    if call.status == "custom":
        text = {"name": call.name, "input": call.raw_arguments}
        return {"type": "custom_tool_call", "call_id": call.id, **text}
    name = call.name or "unknown_tool"
    text = {"name": name, "arguments": _arguments(call)}
    return {"type": "function_call", "call_id": call.id, **text}


def _arguments(call: ToolCall) -> str:
    if call.status == "ok" and call.raw_arguments:
        return call.raw_arguments
    return json_text(call.arguments or {})


def _kept(response: Response, *, named: bool) -> list[Item]:
    """Write the items as they came, with what a person has changed since.

    Args:
        response: the answer.
        named: give each call the id under which its result comes, where its own cannot be used.
    """
    written = [item for item in response.items if isinstance(item, dict)]
    calls = [call for call in response.tool_calls if call.origin.startswith("responses:")]
    others = [call for call in response.tool_calls if not call.origin.startswith("responses:")]
    waiting = sum(map(is_call, written))
    texts = _texts(response, written)
    found: list[Item] = []
    place = 0
    for number, item in enumerate(written):
        if not is_call(item):
            found += _message(item, texts[number]) if number in texts else [item]
            continue
        waiting -= 1
        own: list[ToolCall] = []
        while place < len(calls) and _belongs(calls[place], item, bool(own)):
            if own and len(calls) - place <= waiting:
                break
            own.append(calls[place])
            place += 1
        found += _call_items(item, own, named)
    return [*found, *map(_call_item, others)]


def _belongs(call: ToolCall, item: Item, further: bool) -> bool:
    """Tell whether a call was read from an item: the first of it has its ids, further ones came
    wrapped in it.
    """
    kind, item_id = item.get("type"), item.get("id")
    if call.origin != f"responses:{kind}":
        return False
    if call.item_id != (item_id if isinstance(item_id, str) else None):
        return False
    own = item_id if kind == "mcp_approval_request" else item.get("call_id")
    return call.raw_id is None if further else call.raw_id is own or call.raw_id == own


def _call_items(item: Item, calls: list[ToolCall], named: bool) -> Iterator[Item]:
    """Write the item of a call, or of the calls that were wrapped in it; none of a dropped one."""
    if len(calls) > 1:
        first = {"id": item["id"]} if "id" in item else {}
        for call in calls:
            yield {**_call_item(call), **first}
            first = {}
        return
    for call in calls:
        own = item.get("type") == "mcp_approval_request" or item.get("call_id") == call.id
        if named and not own:
            item = {**item, "call_id": call.id}
        if call.sent_arguments is not None:
            item = with_arguments(item, call.raw_arguments, call.arguments)
        yield item


def _texts(response: Response, written: list[Item]) -> dict[int, list[str]]:
    """Find the messages whose texts are others now, by their place, with the texts."""
    own = {
        number: texts
        for number, item in enumerate(written)
        if item.get("type") == "message" and (texts := _own_texts(item.get("content")))
    }
    wire, spans = response.wire_content, _spans(response)
    joined = "".join(text for texts in own.values() for text in texts)
    if wire is not None and wire != joined:
        found = {number: [""] * len(texts) for number, texts in own.items()}
        for texts in [*found.values()][:1]:
            texts[0] = _cut(wire, 0, spans)
        return found
    if not spans:
        return {}
    start = 0
    found = {}
    for number, texts in own.items():
        new = []
        for text in texts:
            new.append(_cut(text, start, spans))
            start += len(text)
        if new != texts:
            found[number] = new
    return found


def _own_texts(content: Any) -> list[str]:
    """List the texts of a message as they came."""
    if isinstance(content, str):
        return [content]
    parts = content if isinstance(content, list) else []
    return [part["text"] for part in parts if _is_text(part)]


def _is_text(part: Any) -> bool:
    return (
        isinstance(part, dict)
        and part.get("type") == "output_text"
        and isinstance(part.get("text"), str)
    )


def _message(item: Item, texts: list[str]) -> list[Item]:
    """Write a message with other texts; none where nothing is left of it."""
    if isinstance(item["content"], str):
        return [{**item, "content": texts[0]}] if texts[0] else []
    waiting = iter(texts)
    parts = []
    for part in item["content"]:
        if _is_text(part):
            text = next(waiting)
            if not text:
                continue
            if text != part["text"]:
                part = {**part, "text": text, "annotations": []}
                part.pop("logprobs", None)
        parts.append(part)
    return [{**item, "content": parts}] if parts else []


def body_out(response: Response) -> dict[str, Any]:
    """Write the answer as the body that a server sends: with all fields of OpenAI's, and with those
    of the body that it was read from, where that was one of this dialect. Ids that it lacks are
    made of its own, so that they differ from answer to answer and are the same each time.
    """
    raw = response.raw if response.dialect == "responses" and response.exchange.body else None
    head = raw if isinstance(raw, dict) and is_body(raw) else {}
    own = _own_id(response)
    known = response.id if response.dialect == "responses" else None
    return {
        **_HEAD,
        "created_at": int(response.exchange.started or 0),
        **{name: value for name, value in head.items() if name != "output"},
        "id": known or f"resp_{own}",
        "model": response.model,
        **_ending(response, head),
        "output": _output(response, own),
        "usage": _usage(response.usage),
    }


_HEAD: dict[str, Any] = {
    "id": "",
    "object": "response",
    "created_at": 0,
    "status": "completed",
    "error": None,
    "incomplete_details": None,
    "instructions": None,
    "max_output_tokens": None,
    "model": None,
    "output": [],
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "reasoning": {"effort": None, "summary": None},
    "store": False,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_p": 1.0,
    "truncation": "disabled",
    "usage": None,
    "user": None,
    "metadata": {},
}
"""The fields of OpenAI's body, in its order."""


def _own_id(response: Response) -> str:
    """Make the part of an id that is the answer's own."""
    if response.id:
        return response.id.rpartition("_")[2].rpartition("-")[2] or response.id
    said = [response.wire_content, response.reasoning, response.refusal]
    called = [[call.id, call.name, call.raw_arguments] for call in response.tool_calls]
    text = json.dumps([said, called])
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _ending(response: Response, head: dict[str, Any]) -> dict[str, Any]:
    """Write the status of the answer, and why it is incomplete."""
    finish = response.finish_reason
    if head and finish == finish_of(head)[0]:
        return {name: head.get(name) for name in ("status", "incomplete_details")}
    if response.dialect == "responses":
        status, reason = ("incomplete", finish) if finish in _REASONS else (finish, None)
    elif finish in _LENGTH:
        status, reason = "incomplete", "max_output_tokens"
    elif finish == "content_filter":
        status, reason = "incomplete", finish
    else:
        status, reason = "failed" if finish in _BROKEN else "completed", None
        status = None if finish is None else status
    return {"status": status, "incomplete_details": {"reason": reason} if reason else None}


def _output(response: Response, own: str) -> list[Item]:
    """Write the output items, each with an id of its own."""
    if response.dialect == "responses" and response.items:
        return _with_ids(_kept(response, named=False), own)
    status = "incomplete" if response.finish_reason in _LENGTH else "completed"
    found = [_reasoning(block) for block in response.reasoning_blocks if _apart(block)]
    for step in response.server_steps:
        found += [raw for raw in (step.raw, step.outcome) if isinstance(raw, dict)]
    parts: list[Item] = []
    if _text(response):
        likely = [
            {
                "token": entry.token,
                "logprob": entry.logprob,
                "bytes": [*entry.token.encode(errors="replace")],
                "top_logprobs": [{"token": token, "logprob": value} for token, value in entry.top],
            }
            for entry in response.logprobs
            if entry.logprob == entry.logprob  # no number where none was sent
        ]
        text = {"type": "output_text", "text": _text(response), "annotations": []}
        parts.append({**text, "logprobs": likely})
    if response.refusal:
        parts.append({"type": "refusal", "refusal": response.refusal})
    if parts:
        found.append({"type": "message", "role": "assistant", "content": parts})
    found += [_call_item(call) for call in response.tool_calls]
    last = len(found) - 1
    for number, item in enumerate(found):
        if item["type"] in ("message", "function_call", "custom_tool_call"):
            item["status"] = status if number == last else "completed"
    return _with_ids(found, own)


def _apart(block: ReasoningBlock) -> bool:
    """Tell whether reasoning did not come in the text, where it still is."""
    return not block.source.endswith("think_tags")


def _reasoning(block: ReasoningBlock) -> Item:
    item: Item = {"type": "reasoning", "summary": []}
    if block.kind == "summary":
        item["summary"] = [{"type": "summary_text", "text": block.text}]
    elif block.text:
        item["content"] = [{"type": "reasoning_text", "text": block.text}]
    if block.kind == "encrypted" and isinstance(block.raw, dict):
        sealed = (block.raw.get(name) for name in ("encrypted_content", "data", "signature"))
        item["encrypted_content"] = next((text for text in sealed if text), None)
    return item


_PREFIXES = {"message": "msg", "reasoning": "rs", "function_call": "fc", "custom_tool_call": "ctc"}


def _with_ids(found: list[Item], own: str) -> list[Item]:
    """Give ids to the items that have none: of the answer and the place, never one that is taken
    already.
    """
    taken = {item.get("id") for item in found if isinstance(item.get("id"), str)}
    written = []
    for number, item in enumerate(found):
        if item.get("id") is None:
            kind = item.get("type", "message")
            prefix = _PREFIXES.get(kind, "item") if isinstance(kind, str) else "item"
            label = f"{prefix}_{own}{number}"
            while label in taken:
                label = f"{label}x"
            taken.add(label)
            item = {**item, "id": label} if "id" in item else {"id": label, **item}
        written.append(item)
    return written


def _usage(usage: Usage | None) -> dict[str, Any] | None:
    if usage is None:
        return None
    if usage.raw and "input_tokens" in usage.raw and "input_tokens_details" in usage.raw:
        return usage.raw
    return {
        "input_tokens": usage.input_tokens or 0,
        "input_tokens_details": {
            "cached_tokens": usage.cached_tokens or 0,
            "cache_write_tokens": (usage.raw or {}).get("cache_creation_input_tokens") or 0,
        },
        "output_tokens": usage.output_tokens or 0,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens or 0},
        "total_tokens": usage.total_tokens,
    }

"""Faults of Responses: in its items, in the events of its streams, in what the server keeps."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

from agentkit.testing.faults.fault import Fault
from agentkit.testing.faults.stream_faults import ENDS
from agentkit.testing.server.pieces import tokens
from agentkit.testing.server.question import Question
from agentkit.types.answer import Dialect

Event = dict[str, Any]
EventChange = Callable[[Event], Event | None]
ChunksChange = Callable[[list[Any], Question], list[Any]]
_R: tuple[Dialect, ...] = ("responses",)
_BOTH: tuple[Dialect, ...] = ("responses", "messages")


def on_events(change: EventChange) -> ChunksChange:
    """Change every event; None leaves it out."""

    def changed(chunks: list[Any], question: Question) -> list[Any]:
        made = [change(chunk) if isinstance(chunk, dict) else chunk for chunk in chunks]
        return [chunk for chunk in made if chunk is not None]

    return changed


def _on_final(change: Callable[[Event], Event]) -> dict[str, Any]:
    """Change the whole answer, in a block and in the last event of a stream."""

    def event(data: Event) -> Event:
        whole = data.get("response")
        if data["type"] not in ENDS or not isinstance(whole, dict):
            return data
        return {**data, "response": change(copy.deepcopy(whole))}

    def body(data: Event, question: Question) -> Event:
        return change(data)

    return {"body": body, "chunks": on_events(event)}


def _numbered(chunks: list[Any]) -> list[Any]:
    """Number the events anew, so that a fault is not one of numbers, too."""
    number = 0
    made: list[Any] = []
    for chunk in chunks:
        if isinstance(chunk, dict) and "sequence_number" in chunk:
            chunk, number = {**chunk, "sequence_number": number}, number + 1
        made.append(chunk)
    return made


def _without(*kinds: str) -> ChunksChange:
    """Leave out the events of these kinds."""

    def changed(chunks: list[Any], question: Question) -> list[Any]:
        return _numbered([c for c in chunks if not (isinstance(c, dict) and c["type"] in kinds)])

    return changed


def _call_as_text(chunks: list[Any], question: Question) -> list[Any]:
    """Stream each call as the text that a model writes, and end with the call itself."""
    made: list[Any] = []
    for chunk in chunks:
        item = chunk.get("item") or {}
        if item.get("type") == "function_call" and chunk["type"].endswith(".done"):
            made += _text_events(item, chunk["output_index"])
        elif item.get("type") != "function_call" and "function_call" not in chunk["type"]:
            made.append(chunk)
    return _renumbered(made)


def _renumbered(chunks: list[Any]) -> list[Any]:
    return [{**chunk, "sequence_number": number} for number, chunk in enumerate(chunks)]


def _text_events(call: Event, index: int) -> Iterator[Event]:
    body = f'{{"name": {json.dumps(call.get("name"))}, "arguments": {call.get("arguments")}}}'
    text = f"<tool_call>\n{body}\n</tool_call>"
    item_id = f"msg_{str(call.get('id')).partition('_')[2]}"
    place = {"item_id": item_id, "output_index": index, "content_index": 0}
    item = {"id": item_id, "type": "message", "role": "assistant", "status": "in_progress"}
    part = {"type": "output_text", "text": "", "annotations": []}
    whole = {**item, "status": "completed", "content": [{**part, "text": text}]}
    head = {"output_index": index, "item": {**item, "content": []}}
    yield {"type": "response.output_item.added", **head}
    yield {"type": "response.content_part.added", **place, "part": part}
    for piece in tokens(text):
        yield {"type": "response.output_text.delta", **place, "delta": piece, "logprobs": []}
    yield {"type": "response.output_text.done", **place, "text": text, "logprobs": []}
    yield {"type": "response.content_part.done", **place, "part": {**part, "text": text}}
    yield {"type": "response.output_item.done", "output_index": index, "item": whole}


def _other_ids(whole: Event) -> Event:
    for item in whole["output"]:
        if item.get("type") == "function_call":
            item["call_id"] = f"{item.get('call_id')}b"
            item["id"] = f"{item.get('id')}b"
    return whole


def _other_ids_at_the_end(chunks: list[Any], question: Question) -> list[Any]:
    changed: list[Any] = _on_final(_other_ids)["chunks"](chunks, question)
    return changed


def _all_completed(whole: Event) -> Event:
    done = [{**item, "status": "completed"} for item in whole["output"] if "status" in item]
    rest = iter(done)
    output = [next(rest) if "status" in item else item for item in whole["output"]]
    details = {"reason": "max_output_tokens"}
    return {**whole, "output": output, "status": "incomplete", "incomplete_details": details}


def _completed_event(chunks: list[Any], question: Question) -> list[Any]:
    """End a cut answer with the event of a complete one."""
    changed = _on_final(_all_completed)["chunks"](chunks, question)
    last = {**changed[-1], "type": "response.completed"}
    return [*changed[:-1], last]


def _swapped(chunks: list[Any], question: Question) -> list[Any]:
    """Send what a text or a call grows by before its item begins."""
    made = list(chunks)
    for index in range(len(made) - 1, 0, -1):
        if made[index - 1]["type"] == "response.output_item.added":
            made[index - 1], made[index] = made[index], made[index - 1]
    return _renumbered(made)


def _no_reasoning(whole: Event) -> Event:
    return {**whole, "output": [i for i in whole["output"] if i.get("type") != "reasoning"]}


def _no_reasoning_events(chunks: list[Any], question: Question) -> list[Any]:
    items = [(chunk.get("output_index"), chunk.get("item") or {}) for chunk in chunks]
    thoughts = {index for index, item in items if item.get("type") == "reasoning"}
    kept: list[Any] = []
    for chunk in chunks:
        index = chunk.get("output_index")
        if index in thoughts:
            continue
        if index is not None:
            earlier = sum(thought < index for thought in thoughts)
            chunk = {**chunk, "output_index": index - earlier}
        kept.append(chunk)
    changed: list[Any] = _on_final(_no_reasoning)["chunks"](_renumbered(kept), question)
    return changed


def _no_reasoning_tokens(whole: Event) -> Event:
    usage = {**(whole.get("usage") or {}), "output_tokens_details": None}
    return {**whole, "usage": usage}


def _no_cached(whole: Event) -> Event:
    return {**whole, "usage": {**(whole.get("usage") or {}), "input_tokens_details": None}}


def _drop_custom(draft: dict[str, Any], question: Question) -> dict[str, Any]:
    calls = draft["message"].get("tool_calls") or []
    kept = [call for call in calls if not (isinstance(call, dict) and "custom" in call)]
    draft["message"]["tool_calls"] = kept
    return draft if kept else {**draft, "finish_reason": "stop"}


def _unnumbered(event: Event) -> Event:
    return {key: value for key, value in event.items() if key != "sequence_number"}


def _odd_item(whole: Event) -> Event:
    odd = {"id": "od_0", "type": "oddity_call", "status": "completed", "oddity": 1}
    return {**whole, "output": [*whole["output"], odd]}


def _odd_event(chunks: list[Any], question: Question) -> list[Any]:
    kind = "response.oddity.delta" if question.dialect == "responses" else "message_oddity"
    odd = {"type": kind, "delta": "?", "sequence_number": 0}
    return _numbered([*chunks[:2], odd, *chunks[2:]])


def _no_output(body: Event, question: Question) -> Event:
    return {key: value for key, value in body.items() if key != "output"}


def _failed(whole: Event) -> Event:
    error = {"code": "server_error", "message": "The model produced invalid content."}
    return {**whole, "status": "failed", "error": error, "output": whole["output"][:0]}


def _failed_stream(chunks: list[Any], question: Question) -> list[Any]:
    changed = _on_final(_failed)["chunks"](chunks, question)
    going = [c for c in changed[:-1] if "output_index" not in c]
    return _renumbered([*going, {**changed[-1], "type": "response.failed"}])


RESPONSES_FAULTS: tuple[Fault, ...] = (
    Fault(
        name="call_in_deltas",
        says="a call is streamed as text, and is a call in the final answer alone",
        dialects=_R,
        codes=("stream_final_differs",),
        needs="calls",
        only="stream",
        chunks=_call_as_text,
        divergence="stream_vs_block",
    ),
    Fault(
        name="ids_differ",
        says="the final answer has other ids of items and calls than their events",
        dialects=_R,
        codes=("stream_final_differs",),
        needs="calls",
        only="stream",
        chunks=_other_ids_at_the_end,
        divergence="stream_identity",
    ),
    Fault(
        name="previous_calls_lost",
        says="what goes on from `previous_response_id` does not find the calls of that answer",
        dialects=_R,
        lost="calls",
        divergence="history_rejected",
        source="constructed, after the source of vLLM 0.32 with its store",
    ),
    Fault(
        name="store_ignored",
        says="an answer is not kept although `store` asks for it",
        dialects=_R,
        lost="all",
        divergence="history_rejected",
        source="captured: vLLM 0.32 without VLLM_ENABLE_RESPONSES_API_STORE",
    ),
    Fault(
        name="item_complete_in_incomplete",
        says="an answer is incomplete, and all its items say that they are complete",
        dialects=_R,
        codes=("finish_length",),
        needs="text",
        divergence="truncation",
        source="captured: vLLM 0.32 with a small max_output_tokens",
        **_on_final(_all_completed),
    ),
    Fault(
        name="cut_completed",
        says="a cut answer ends with the event of a complete one",
        dialects=_R,
        codes=("finish_length",),
        needs="text",
        only="stream",
        chunks=_completed_event,
        divergence="truncation",
        source="captured: vLLM 0.32 with a small max_output_tokens",
    ),
    Fault(
        name="events_missing",
        says="no event says that an item begins or ends",
        dialects=_R,
        only="stream",
        chunks=_without("response.output_item.added", "response.output_item.done"),
        divergence="stream_identity",
    ),
    Fault(
        name="events_out_of_order",
        says="the event that begins an item comes after the next one",
        dialects=_R,
        only="stream",
        chunks=_swapped,
        divergence="stream_identity",
    ),
    Fault(
        name="arguments_only_done",
        says="arguments come whole in their last event, with nothing before it",
        dialects=_R,
        codes=("stream_final_differs",),
        needs="calls",
        only="stream",
        chunks=_without("response.function_call_arguments.delta"),
        divergence="stream_vs_block",
    ),
    Fault(
        name="reasoning_missing",
        says="the reasoning is left out",
        dialects=_R,
        needs="reasoning",
        divergence="reasoning_field",
        body=_on_final(_no_reasoning)["body"],
        chunks=_no_reasoning_events,
    ),
    Fault(
        name="reasoning_tokens_missing",
        says="how many tokens were reasoning is left out",
        dialects=_R,
        divergence="usage",
        **_on_final(_no_reasoning_tokens),
    ),
    Fault(
        name="cached_tokens_missing",
        says="how many tokens came from the cache is left out",
        dialects=_R,
        divergence="usage",
        **_on_final(_no_cached),
    ),
    Fault(
        name="custom_tools_dropped",
        says="calls of custom tools are left out",
        dialects=_R,
        needs="custom",
        message=_drop_custom,
        divergence="tool_selection",
        source="captured: vLLM 0.32 with a custom tool",
    ),
    Fault(
        name="sequence_number_missing",
        says="events are not numbered",
        dialects=_R,
        only="stream",
        chunks=on_events(_unnumbered),
        divergence="stream_identity",
        source="captured: llama.cpp, before its pull request 24957",
    ),
    Fault(
        name="item_unknown",
        says="an item is of a kind that nobody has described",
        dialects=_R,
        codes=("item_unknown",),
        body=_on_final(_odd_item)["body"],
        only="block",
    ),
    Fault(
        name="event_unknown",
        says="an event is of a kind that nobody has described",
        dialects=_BOTH,
        codes=("item_unknown",),
        only="stream",
        chunks=_odd_event,
    ),
    Fault(
        name="output_missing",
        says="there is no `output`",
        dialects=_R,
        codes=("empty_response", "message_missing"),
        only="block",
        body=_no_output,
    ),
    Fault(
        name="answer_failed",
        says="the status is `failed`: the server broke the generation off",
        dialects=_R,
        codes=("empty_response", "error_in_200"),
        stream_codes=("empty_response", "stream_error_event"),
        body=_on_final(_failed)["body"],
        chunks=_failed_stream,
    ),
)

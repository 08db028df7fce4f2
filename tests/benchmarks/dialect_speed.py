"""What reading an answer of 20 KB costs in each dialect, beside the same answer as a chat
completion in the same run, in CPU time.

    python tests/benchmarks/dialect_speed.py

It prints, for a block and for a stream in pieces of an event, the milliseconds and the ratio to
chat. It checks nothing but that the same is read of each.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from agentkit.dialects.codecs import CODECS
from agentkit.read.response import read_response
from agentkit.read.stream.stream_reader import read_stream
from agentkit.types.answer import Response
from agentkit.types.wire import Chunk

CALLS = 4
TEXT = "The weather in Oslo is fine; see [1] for the table of values, or the code below.\n" * 120
THOUGHT = "First I look at the city, then at the days, and then I ask for what is missing.\n" * 60
ARGUMENTS = json.dumps({"city": "Oslo", "days": 3, "note": "cold and clear " * 80})
PIECE = 4
"""Characters of a delta, about a token."""
ROUNDS = 15


def pieces(text: str) -> list[str]:
    return [text[at : at + PIECE] for at in range(0, len(text), PIECE)]


def chat_body() -> dict[str, Any]:
    function = {"name": "get_weather", "arguments": ARGUMENTS}
    calls = [{"id": f"call_{i}", "type": "function", "function": function} for i in range(CALLS)]
    message = {"role": "assistant", "content": TEXT, "reasoning": THOUGHT, "tool_calls": calls}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    usage = {"prompt_tokens": 20, "completion_tokens": 9, "total_tokens": 29}
    return {"id": "c", "object": "chat.completion", "choices": [choice], "usage": usage}


def chat_events() -> list[dict[str, Any]]:
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"reasoning": piece} for piece in pieces(THOUGHT)]
    deltas += [{"content": piece} for piece in pieces(TEXT)]
    for i in range(CALLS):
        named = {"name": "get_weather", "arguments": ""}
        start = {"index": i, "id": f"call_{i}", "type": "function", "function": named}
        deltas.append({"tool_calls": [start]})
        deltas += [
            {"tool_calls": [{"index": i, "function": {"arguments": piece}}]}
            for piece in pieces(ARGUMENTS)
        ]
    head: dict[str, Any] = {"id": "c", "object": "chat.completion.chunk", "created": 1}
    chunks = [
        {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
        for delta in deltas
    ]
    end = {"index": 0, "delta": {}, "finish_reason": "tool_calls"}
    return [*chunks, {**head, "choices": [end], "usage": chat_body()["usage"]}]


def responses_events() -> list[dict[str, Any]]:
    body = responses_body()
    empty = {**body, "status": "in_progress", "output": [], "usage": None}
    events: list[dict[str, Any]] = [{"type": "response.created", "response": empty}]
    for index, item in enumerate(body["output"]):
        at = {"output_index": index, "item_id": item["id"]}
        kind = item["type"]
        begun = {**item, "arguments": ""} if kind == "function_call" else {**item, "content": []}
        events.append({"type": "response.output_item.added", "output_index": index, "item": begun})
        name = "function_call_arguments" if kind == "function_call" else item["content"][0]["type"]
        whole = item["arguments"] if kind == "function_call" else item["content"][0]["text"]
        more = {} if kind == "function_call" else {"content_index": 0}
        if more:
            part = {**item["content"][0], "text": ""}
            events.append({"type": "response.content_part.added", **at, **more, "part": part})
        events += [
            {"type": f"response.{name}.delta", **at, **more, "delta": piece}
            for piece in pieces(whole)
        ]
        key = "arguments" if kind == "function_call" else "text"
        events.append({"type": f"response.{name}.done", **at, **more, key: whole})
        events.append({"type": "response.output_item.done", "output_index": index, "item": item})
    events.append({"type": "response.completed", "response": body})
    return [{**event, "sequence_number": number} for number, event in enumerate(events)]


def responses_body() -> dict[str, Any]:
    thought = {"type": "reasoning_text", "text": THOUGHT}
    part = {"type": "output_text", "text": TEXT, "annotations": []}
    items: list[dict[str, Any]] = [
        {"type": "reasoning", "id": "rs_1", "summary": [], "content": [thought]},
        {"type": "message", "id": "msg_1", "role": "assistant", "content": [part]},
    ]
    head = {"type": "function_call", "name": "get_weather", "arguments": ARGUMENTS}
    items += [{**head, "id": f"fc_{i}", "call_id": f"call_{i}"} for i in range(CALLS)]
    usage = {"input_tokens": 20, "output_tokens": 9, "total_tokens": 29}
    body = {"id": "resp_1", "object": "response", "status": "completed", "error": None}
    return {**body, "output": items, "usage": usage}


def messages_body() -> dict[str, Any]:
    blocks: list[dict[str, Any]] = [
        {"type": "thinking", "thinking": THOUGHT, "signature": "c2lnbmVk" * 40},
        {"type": "text", "text": TEXT},
    ]
    use = {"type": "tool_use", "name": "get_weather", "input": json.loads(ARGUMENTS)}
    blocks += [{**use, "id": f"toolu_{i}"} for i in range(CALLS)]
    usage = {"input_tokens": 20, "output_tokens": 9}
    head = {"id": "msg_1", "type": "message", "role": "assistant", "stop_reason": "tool_use"}
    return {**head, "content": blocks, "usage": usage}


def messages_events() -> list[dict[str, Any]]:
    body = messages_body()
    start = {**body, "content": [], "stop_reason": None}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": start}]
    for index, block in enumerate(body["content"]):
        kind = block["type"]
        key = {"thinking": "thinking", "text": "text", "tool_use": "partial_json"}[kind]
        name = "input_json_delta" if kind == "tool_use" else f"{kind}_delta"
        whole = ARGUMENTS if kind == "tool_use" else block[key]
        begun = {**block, **({"input": {}} if kind == "tool_use" else {key: ""})}
        if kind == "thinking":
            begun["signature"] = ""
        deltas = [{"type": name, key: piece} for piece in pieces(whole)]
        if kind == "thinking":
            deltas.append({"type": "signature_delta", "signature": block["signature"]})
        at = {"index": index}
        events.append({"type": "content_block_start", **at, "content_block": begun})
        events += [{"type": "content_block_delta", **at, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", **at})
    end = {"stop_reason": "tool_use", "stop_sequence": None}
    events.append({"type": "message_delta", "delta": end, "usage": {"output_tokens": 9}})
    return [*events, {"type": "message_stop"}]


def as_chunks(events: list[dict[str, Any]]) -> list[Chunk]:
    """A chunk an event, named where the dialect names its events."""
    return [
        Chunk(
            at=0.001 * number,
            text=(f"event: {event['type']}\n" if "type" in event else "")
            + f"data: {json.dumps(event)}\n\n",
        )
        for number, event in enumerate(events)
    ]


def least(runs: dict[str, Callable[[], Response]]) -> dict[str, float]:
    """The least CPU seconds of each, taken in turn."""
    spent = dict.fromkeys(runs, float("inf"))
    for _ in range(ROUNDS):
        for name, run in runs.items():
            began = time.process_time()
            run()
            spent[name] = min(spent[name], time.process_time() - began)
    return spent


def report(what: str, runs: dict[str, Callable[[], Response]]) -> None:
    read = {name: run() for name, run in runs.items()}
    for name, response in read.items():
        same = (response.content, response.reasoning, len(response.tool_calls))
        assert same == (read["chat"].content, read["chat"].reasoning, CALLS), name
        assert not response.all_problems, (name, response.all_problems)
    spent = least(runs)
    for name, seconds in spent.items():
        ratio = seconds / spent["chat"]
        print(f"{what:7} {name:10} {1000 * seconds:8.2f} ms  {ratio:5.2f} of chat")


def main() -> None:
    bodies = {"chat": chat_body(), "responses": responses_body(), "messages": messages_body()}
    assert set(bodies) == {"chat", *CODECS}
    texts = {name: json.dumps(body) for name, body in bodies.items()}
    report("block", {name: partial(read_response, text) for name, text in texts.items()})
    streams = {
        "chat": as_chunks(chat_events()),
        "responses": as_chunks(responses_events()),
        "messages": as_chunks(messages_events()),
    }
    report("stream", {name: partial(read_stream, given) for name, given in streams.items()})


if __name__ == "__main__":
    main()

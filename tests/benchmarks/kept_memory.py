"""What rollouts take in memory while they are kept, beside JSON of the same.

    python tests/benchmarks/kept_memory.py             # 2,000 rollouts of ten turns, a call in each
    python tests/benchmarks/kept_memory.py --quick     # a tenth of it
    python tests/benchmarks/kept_memory.py --where     # and the lines that allocated most of it

Rollouts are run in this process, without a network: bytes of the size and the fields that vLLM
sends are taken in as they are from a socket, in a block and as a stream with an event a token. It
prints and checks only that every rollout came out whole.
"""

from __future__ import annotations

import argparse
import gc
import json
import subprocess
import sys
import time
import tracemalloc
from typing import Any

import agentkit as ak
from agentkit.read.plain import compact_json
from agentkit.servers.arrival import Arrival

TURNS = 10
RESULT = {"value": "cloudy with 21 degrees", "source": "station 7"}
REASONING = "The user asks about the weather. I look it up in the table of stations before I answer"


def lookup(key: str, count: int) -> str:
    """Look a value up."""
    return json.dumps({**RESULT, "key": key})


def answer(prompt: str, turn: int) -> dict[str, Any]:
    """Give the body that vLLM sends for one turn: a call, and a text at the end."""
    message: dict[str, Any] = {
        "role": "assistant",
        "content": None,
        "refusal": None,
        "annotations": None,
        "audio": None,
        "function_call": None,
        "tool_calls": [],
        "reasoning": f"{REASONING}, {prompt}.",
    }
    last = turn == TURNS - 1
    if last:
        message["content"] = f"Gamma is cloudy with 21 degrees, {prompt}."
    else:
        arguments = json.dumps({"key": f"gamma {prompt}", "count": turn})
        function = {"name": "lookup", "arguments": arguments}
        name = f"chatcmpl-tool-{hash((prompt, turn)) & (2**64 - 1):016x}"
        message["tool_calls"] = [{"id": name, "type": "function", "function": function}]
    choice = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": "stop" if last else "tool_calls",
        "stop_reason": None,
        "token_ids": None,
    }
    usage = {
        "prompt_tokens": 178 + 60 * turn,
        "total_tokens": 220 + 60 * turn,
        "completion_tokens": 42,
        "prompt_tokens_details": None,
    }
    return {
        "id": f"chatcmpl-{hash(prompt) & (2**64 - 1):016x}{turn}",
        "object": "chat.completion",
        "created": 1790000000 + turn,
        "model": "Qwen/Qwen3-8B",
        "choices": [choice],
        "service_tier": None,
        "system_fingerprint": None,
        "usage": usage,
        "prompt_logprobs": None,
        "prompt_token_ids": None,
        "kv_transfer_params": None,
    }


def pieces(body: dict[str, Any]) -> list[bytes]:
    """Write the body as the events of a stream, a token each."""
    message, head = body["choices"][0]["message"], {k: body[k] for k in ("id", "created", "model")}
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"reasoning": f"{word} "} for word in message["reasoning"].split()]
    deltas += [{"content": f"{word} "} for word in (message["content"] or "").split()]
    for call in message["tool_calls"]:
        deltas.append(
            {
                "tool_calls": [
                    {
                        "index": 0,
                        "id": call["id"],
                        "type": "function",
                        "function": {"name": "lookup", "arguments": ""},
                    }
                ]
            }
        )
        text = call["function"]["arguments"]
        deltas += [
            {"tool_calls": [{"index": 0, "function": {"arguments": text[at : at + 4]}}]}
            for at in range(0, len(text), 4)
        ]
    events = [
        {
            **head,
            "object": "chat.completion.chunk",
            "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}],
        }
        for delta in deltas
    ]
    events[-1]["choices"][0]["finish_reason"] = body["choices"][0]["finish_reason"]
    events.append(
        {**head, "object": "chat.completion.chunk", "choices": [], "usage": body["usage"]}
    )
    return [f"data: {compact_json(e)}\n\n".encode() for e in events] + [b"data: [DONE]\n\n"]


class Model:
    """A server of this process that takes its answers in as bytes with headers."""

    profile = None

    async def chat(self, call: Any, emit: Any = None) -> Any:
        asked, turn = call.messages[0]["content"], len(call.messages) // 2
        body = answer(asked, turn)
        arrival = Arrival(
            clock=time.time,
            stream=call.stream,
            emit=emit,
            url="http://127.0.0.1:8000/v1/chat/completions",
        )
        kind = "text/event-stream; charset=utf-8" if call.stream else "application/json"
        headers = {"date": f"day {turn}", "server": "uvicorn", "content-type": kind}
        arrival.answered(200, headers)
        for piece in pieces(body) if call.stream else [compact_json(body).encode()]:
            arrival.feed(piece)
        return arrival.exchange()


def run(count: int, stream: bool) -> list[Any]:
    """Run rollouts and keep them all."""
    agent = ak.Agent("Qwen/Qwen3-8B", tools=[lookup], server=Model(), stream=stream)
    kept = list(ak.rollouts(agent, [f"prompt {i}" for i in range(count)], concurrency=16))
    assert all(t.stop_reason == "final" and len(t.turns) == TURNS for t in kept)
    assert all(len(t.turns[0].response.exchange.chunks) > 20 for t in kept[:2]) == stream
    return kept


def resident() -> int:
    """Read the bytes of memory that this process has."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


def one(manner: str, how: str, count: int, where: bool) -> dict[str, float]:
    """Measure one manner in this process, by its resident memory or by tracemalloc."""
    stream = manner == "streamed"
    run(8, stream)
    gc.collect()
    traced, began = how == "tracemalloc", resident()
    if traced:
        tracemalloc.start()
    clock = time.process_time()
    kept = run(count, stream)
    spent = time.process_time() - clock
    gc.collect()
    if not traced:
        return {"resident": (resident() - began) / count, "ms": spent / count / TURNS * 1e3}
    size = tracemalloc.get_traced_memory()[0] / count
    if where:
        found = tracemalloc.take_snapshot().statistics("lineno")[:25]
        print(
            "\n".join(f"{s.size / count:8.0f} {s.count / count:6.1f} {s.traceback}" for s in found)
        )
    tracemalloc.stop()
    texts = [_json_text(t) for t in kept[:50]]
    return {
        "tracemalloc": size,
        "text": sum(map(len, texts)) / len(texts),
        "objects": _objects_size(texts, count),
    }


def _json_text(t: Any) -> str:
    """Write a rollout's messages and raw answers as JSON, times of chunks included."""
    raw = [
        [[c.at, c.text] for c in turn.response.exchange.chunks] or turn.response.exchange.body
        for turn in t.turns
    ]
    return json.dumps({"messages": t.messages, "raw": raw})


def _objects_size(texts: list[str], count: int) -> float:
    """Measure the Python objects that `json.loads` makes of the same."""
    tracemalloc.start()
    kept = [json.loads(texts[i % len(texts)]) for i in range(min(count, 200))]
    size = tracemalloc.get_traced_memory()[0] / len(kept)
    tracemalloc.stop()
    return size


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--quick", action="store_true", help="a tenth of it")
    options.add_argument("--where", action="store_true", help="name the lines that allocated it")
    options.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    given = options.parse_args()
    count = 200 if given.quick else 2000
    if given.one:
        manner, how = given.one
        print(json.dumps(one(manner, how, count, given.where)))
        return
    for manner in ("block", "streamed"):
        found: dict[str, float] = {}
        for how in ("resident", "tracemalloc"):  # tracing costs memory itself
            command = [sys.executable, __file__, *sys.argv[1:], "--one", manner, how]
            lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            *others, last = lines.splitlines()
            print("\n".join(others), end="\n" if others else "")
            found |= json.loads(last)
        print(
            f"{manner}: {found['tracemalloc'] / 1e3:.1f} kB a rollout of {TURNS} turns"
            f" ({found['resident'] / 1e3:.1f} kB resident), JSON of the same"
            f" {found['text'] / 1e3:.1f} kB as text and {found['objects'] / 1e3:.1f} kB as objects;"
            f" {found['ms']:.2f} ms CPU a turn"
        )


if __name__ == "__main__":
    main()

"""A mock server that answers rollouts of a given length in the size and the fields of vLLM, in a
process of its own: its answers are constructed.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
from multiprocessing.connection import Connection
from typing import Any

PAUSE = 0.002
"""Seconds between the pieces of a stream, so that each arrives by itself."""


def body(turn: int, last: bool) -> bytes:
    """An answer of the size and the fields vLLM sends."""
    message: dict[str, Any] = {
        "role": "assistant",
        "content": None,
        "refusal": None,
        "annotations": None,
        "audio": None,
        "function_call": None,
    }
    if last:
        message |= {"content": "Gamma is cloudy with 21 degrees.", "tool_calls": []}
    else:
        function = {
            "name": "lookup",
            "arguments": json.dumps({"key": f"gamma {turn}", "count": turn}),
        }
        message |= {
            "tool_calls": [
                {"id": f"chatcmpl-tool-{turn:016x}", "type": "function", "function": function}
            ],
            "reasoning": "\nLook it up.\n",
        }
    choice = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": "stop" if last else "tool_calls",
        "stop_reason": None,
    }
    usage = {
        "prompt_tokens": 78,
        "total_tokens": 120,
        "completion_tokens": 42,
        "prompt_tokens_details": None,
    }
    return json.dumps(
        {
            "id": f"chatcmpl-{turn:016x}",
            "object": "chat.completion",
            "created": 1,
            "model": "mock",
            "choices": [choice],
            "usage": usage,
        }
    ).encode()


def events(turn: int, last: bool) -> list[bytes]:
    """The same answer as the server-sent events of vLLM: one for each token or so."""
    whole = json.loads(body(turn, last))
    head = {"id": whole["id"], "object": "chat.completion.chunk", "created": 1, "model": "mock"}

    def event(delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return b"data: " + json.dumps({**head, "choices": [choice]}).encode() + b"\n\n"

    message = whole["choices"][0]["message"]
    found = [event({"role": "assistant", "content": ""})]
    for word in message.get("reasoning", "").split(" "):
        found += [event({"reasoning": word + " "})] if word else []
    if last:
        found += [event({"content": word + " "}) for word in message["content"].split(" ")]
    for call in message["tool_calls"]:
        named = {**call, "index": 0, "function": {"name": call["function"]["name"]}}
        found.append(event({"tool_calls": [named]}))
        text = call["function"]["arguments"]
        for at in range(0, len(text), 4):
            piece = {"index": 0, "function": {"arguments": text[at : at + 4]}}
            found.append(event({"tool_calls": [piece]}))
    found.append(event({}, whole["choices"][0]["finish_reason"]))
    usage = {**head, "choices": [], "usage": whole["usage"]}
    return [*found, b"data: " + json.dumps(usage).encode() + b"\n\n", b"data: [DONE]\n\n"]


def serve(pipe: Connection, turns: int, pieces: int) -> None:
    """Answers with a call until the history holds `turns` results. Runs in a process of its own."""
    from aiohttp import web

    async def chat(request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        done = raw.count(b'"role":"tool"') + raw.count(b'"role": "tool"')
        last = done >= turns - 1
        if b'"stream":true' not in raw and b'"stream": true' not in raw:
            return web.Response(body=body(done, last), content_type="application/json")
        answer = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await answer.prepare(request)
        told = events(done, last)
        step = -(-len(told) // pieces)
        for at in range(0, len(told), step):
            await answer.write(b"".join(told[at : at + step]))
            if at + step < len(told):
                await asyncio.sleep(PAUSE)
        await answer.write_eof()
        return answer

    async def main() -> None:
        app = web.Application(client_max_size=1 << 30)
        app.router.add_post("/v1/chat/completions", chat)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, backlog=2048)
        await site.start()
        pipe.send(runner.addresses[0][1])
        await asyncio.to_thread(pipe.recv)
        await runner.cleanup()

    asyncio.run(main())


class Mock:
    """The mock server for rollouts of a given length, whose streams come in so many pieces."""

    def __init__(self, turns: int, pieces: int = 1) -> None:
        self._pipe, theirs = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("spawn").Process(
            target=serve, args=(theirs, turns, pieces), daemon=True
        )
        self._process.start()
        self.url = f"http://127.0.0.1:{self._pipe.recv()}/v1"

    def close(self) -> None:
        self._pipe.send("stop")
        self._process.join(10)

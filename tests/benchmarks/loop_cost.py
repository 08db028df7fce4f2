"""What a turn costs the client, as CPU time: a plain `openai` loop, `AgentLoop`, and the floor of
raw aiohttp, against one local mock server.

    python tests/benchmarks/loop_cost.py            # everything
    python tests/benchmarks/loop_cost.py --quick    # fewer repetitions

It prints ratios and checks nothing but that every rollout ended well. The mock server is a process
of its own, so that only the client is timed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import statistics
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection
from typing import Any

import aiohttp

import agentkit as ak

TOOLS: list[dict[str, Any]] = [
    {
        "type": "function",
        "function": {
            "name": name,
            "description": f"{name} something",
            "parameters": {
                "type": "object",
                "properties": {"key": {"type": "string"}, "count": {"type": "integer"}},
                "required": ["key"],
            },
        },
    }
    for name in ("lookup", "get_weather", "add", "convert_currency", "terminal")
]
RESULT = json.dumps(
    {"value": "cloudy with 21 degrees", "source": "station 7", "note": "measured a minute ago"}
)
SYSTEM = {"role": "system", "content": "You are a helpful assistant."}
USER = {"role": "user", "content": "Look up gamma, then say what it is."}


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


def serve(pipe: Connection, turns: int) -> None:
    """Answers with a call until the history holds `turns` results. Runs in a process of its own."""
    from aiohttp import web

    async def chat(request: web.Request) -> web.Response:
        raw = await request.read()
        done = raw.count(b'"role":"tool"') + raw.count(b'"role": "tool"')
        return web.Response(body=body(done, done >= turns - 1), content_type="application/json")

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
    """The mock server for rollouts of a given length."""

    def __init__(self, turns: int) -> None:
        self._pipe, theirs = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("spawn").Process(
            target=serve, args=(theirs, turns), daemon=True
        )
        self._process.start()
        self.url = f"http://127.0.0.1:{self._pipe.recv()}/v1"

    def close(self) -> None:
        self._pipe.send("stop")
        self._process.join(10)


async def plain_openai(url: str, turns: int) -> None:
    """The loop most people write."""
    from openai import AsyncOpenAI

    async with AsyncOpenAI(base_url=url, api_key="EMPTY", max_retries=0) as client:
        messages: list[Any] = [SYSTEM, USER]
        tools: Any = TOOLS
        for _ in range(turns):
            answer: Any = await client.chat.completions.create(
                model="mock", messages=messages, tools=tools, temperature=1.0
            )
            message = answer.choices[0].message
            messages.append(message.model_dump(exclude_none=True))
            for call in message.tool_calls or ():
                json.loads(call.function.arguments)
                messages.append({"role": "tool", "tool_call_id": call.id, "content": RESULT})


async def with_agentkit(url: str, turns: int) -> ak.AgentResult:
    """The same through `AgentLoop`."""

    async def dispatch(name: str, arguments: dict[str, Any], **context: Any) -> str:
        return RESULT

    async with ak.Server(url, key="EMPTY") as server:
        loop = ak.AgentLoop(
            server,
            TOOLS,
            {tool["function"]["name"] for tool in TOOLS},
            turns,
            model="mock",
            dispatch=dispatch,
        )
        result = await loop.run([SYSTEM, USER])
    assert result.finished_naturally, result.error
    assert result.turns_used == turns
    return result


async def lookup(key: str, count: int = 0) -> str:
    """Look something up."""
    return RESULT


async def rolled_out(url: str, turns: int) -> None:
    """The same as one rollout of an agent, whose async tool runs on the loop of tools."""
    async with ak.Server(url, key="EMPTY") as server:
        agent = ak.Agent("mock", tools=[lookup], server=server, max_turns=turns)
        (rollout,) = await ak.rollouts_async(agent, ["Look up gamma."])
    assert rollout.stop_reason == "final", rollout.error
    assert len(rollout.turns) == turns


class InProcess:
    """A server that is an object of this process."""

    def __init__(self, turns: int) -> None:
        self._turns, self._asked = turns, 0

    async def chat_completion(self, **kwargs: Any) -> Any:
        self._asked += 1
        return json.loads(body(self._asked, self._asked >= self._turns))


async def in_process(url: str, turns: int) -> None:
    """`AgentLoop` over an object, without HTTP."""

    async def dispatch(name: str, arguments: dict[str, Any], **context: Any) -> str:
        return RESULT

    loop = ak.AgentLoop(InProcess(turns), TOOLS, None, turns, model="mock", dispatch=dispatch)
    result = await loop.run([dict(SYSTEM), dict(USER)])
    assert result.turns_used == turns, result.error


async def floor(url: str, turns: int) -> None:
    """Raw aiohttp with the history kept encoded: what sending and receiving costs at the least."""
    tools = json.dumps(TOOLS).encode()
    history = json.dumps(SYSTEM).encode() + b"," + json.dumps(USER).encode()
    async with aiohttp.ClientSession() as session:
        for _ in range(turns):
            content = (
                b'{"model":"mock","temperature":1.0,"messages":['
                + history
                + b'],"tools":'
                + tools
                + b"}"
            )
            async with session.post(
                f"{url}/chat/completions",
                data=content,
                headers={"content-type": "application/json"},
            ) as answer:
                message = json.loads(await answer.read())["choices"][0]["message"]
            history += (
                b","
                + json.dumps(
                    {"role": "assistant", "content": "", "tool_calls": message["tool_calls"]}
                ).encode()
            )
            for call in message["tool_calls"]:
                history += (
                    b","
                    + json.dumps(
                        {"role": "tool", "tool_call_id": call["id"], "content": RESULT}
                    ).encode()
                )


def cpu_per_turn(
    rollout: Callable[[str, int], Awaitable[Any]], url: str, turns: int, repeats: int
) -> float:
    """Median CPU seconds a turn, of the client's process, after a warm-up."""

    async def measured() -> list[float]:
        await rollout(url, turns)
        times = []
        for _ in range(repeats):
            began = time.process_time()
            await rollout(url, turns)
            times.append((time.process_time() - began) / turns)
        return times

    return statistics.median(asyncio.run(measured()))


WAYS: dict[str, Callable[[str, int], Awaitable[Any]]] = {
    "AgentLoop": with_agentkit,
    "rollout": rolled_out,
    "in process": in_process,
    "aiohttp": floor,
    "plain openai": plain_openai,
}
GOALS = {10: 0.75, 400: 1.0, 1000: 1.0}
"""CPU milliseconds a turn of `AgentLoop` and a rollout, at these lengths."""


def turn_costs(quick: bool) -> None:
    spent: dict[tuple[str, int], float] = {}
    for turns, repeats in ((10, 5 if quick else 15), (400, 1 if quick else 3), (1000, 1)):
        mock = Mock(turns)
        try:
            for name, rollout in WAYS.items():
                if name == "plain openai" and turns > 400:  # it sends what is quadratic
                    continue
                few = 1 if name == "plain openai" and turns > 100 else repeats
                spent[name, turns] = 1e3 * cpu_per_turn(rollout, mock.url, turns, few)
        finally:
            mock.close()
        there = [f"{name} {spent[name, turns]:.2f}" for name in WAYS if (name, turns) in spent]
        print(f"{turns:>4} turns, CPU ms a turn: {', '.join(there)} (goal: {GOALS[turns]})")
    print(f"AgentLoop, 1000 turns / 10 = {spent['AgentLoop', 1000] / spent['AgentLoop', 10]:.2f}")


def concurrency(rollouts: int = 512, turns: int = 10) -> None:
    mock = Mock(turns)

    async def together() -> list[ak.AgentResult]:
        async def dispatch(name: str, arguments: dict[str, Any], **context: Any) -> str:
            return RESULT

        async with ak.Server(mock.url, key="EMPTY") as server:
            loops = [
                ak.AgentLoop(server, TOOLS, None, turns, model="mock", dispatch=dispatch)
                for _ in range(rollouts)
            ]
            return await asyncio.gather(*(loop.run([dict(SYSTEM), dict(USER)]) for loop in loops))

    try:
        began, wall = time.process_time(), time.perf_counter()
        results = asyncio.run(together())
    finally:
        mock.close()
    ended = sum(result.finished_naturally for result in results)
    cpu, wall = time.process_time() - began, time.perf_counter() - wall
    print(
        f"{rollouts} rollouts of {turns} turns at once: {ended} ended well, {wall:.1f} s, CPU a turn {cpu / rollouts / turns * 1e3:.2f} ms"
    )
    assert ended == rollouts, {str(result.error) for result in results}


def memory(rollouts: int = 50, turns: int = 10) -> None:
    mock = Mock(turns)
    try:
        asyncio.run(with_agentkit(mock.url, turns))
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        kept = [asyncio.run(with_agentkit(mock.url, turns)).trajectory for _ in range(rollouts)]
        size = (tracemalloc.get_traced_memory()[0] - before) / len(kept)
    finally:
        mock.close()
    print(f"a kept rollout of {turns} turns takes {size / 1000:.1f} kB")


def import_cost(repeats: int = 9) -> None:
    def cpu(statement: str) -> float:
        code = f"import time; {statement}; print(time.process_time())"
        runs = [
            float(
                subprocess.run(
                    [sys.executable, "-c", code], capture_output=True, text=True, check=True
                ).stdout
            )
            for _ in range(repeats)
        ]
        return statistics.median(runs)

    print(
        f"import agentkit: {(cpu('import agentkit') - cpu('pass')) * 1e3:.0f} ms CPU over bare Python"
    )


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--quick", action="store_true", help="fewer repetitions")
    arguments = options.parse_args()
    import_cost()
    turn_costs(arguments.quick)
    concurrency()
    memory()

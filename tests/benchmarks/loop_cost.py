"""What a turn costs the client, as CPU time: `AgentLoop` and rollouts, whole and streamed, beside
the loops of other packages and the floor of raw aiohttp, against one local mock server; and what
the first answer of a process costs.

    python -m tests.benchmarks.loop_cost            # everything
    python -m tests.benchmarks.loop_cost --quick    # fewer repetitions

It prints the figures and checks nothing but that every rollout ended well. The mock server is a
process of its own, so that only the client is timed; the ways take turns, and the least and the
median of each count. Packages that are not installed are left out.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from contextlib import closing
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp

import agentkit as ak
from tests.benchmarks.mock_vllm import Mock, body

Way = Callable[[str, int], Awaitable[Any]]

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


async def with_agentkit(url: str, turns: int, *, stream: bool = False) -> ak.AgentResult:
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
            stream=stream,
        )
        result = await loop.run([SYSTEM, USER])
    assert result.finished_naturally, result.error
    assert result.turns_used == turns
    return result


async def lookup(key: str, count: int = 0) -> str:
    """Look something up."""
    return RESULT


async def rolled_out(url: str, turns: int, *, stream: bool = False) -> None:
    """The same as one rollout of an agent, whose async tool runs on the loop of tools."""
    async with ak.Server(url, key="EMPTY") as server:
        agent = ak.Agent("mock", tools=[lookup], server=server, max_turns=turns, stream=stream)
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


async def pydantic_ai(url: str, turns: int) -> None:
    """The same through a pydantic-ai agent."""
    package = import_module("pydantic_ai")
    provider = import_module("pydantic_ai.providers.openai").OpenAIProvider(url, "EMPTY")
    model = import_module("pydantic_ai.models.openai").OpenAIChatModel("mock", provider=provider)
    agent = package.Agent(model, tools=[lookup], system_prompt=SYSTEM["content"])
    await agent.run(USER["content"], usage_limits=package.UsageLimits(request_limit=None))


async def floor(url: str, turns: int, *, stream: bool = False) -> None:
    """Raw aiohttp with the history kept encoded: what sending and receiving costs at the least. Of
    a stream the pieces are joined and not read.
    """
    head = b'{"model":"mock","stream":%b,"messages":[' % (b"true" if stream else b"false")
    tools = json.dumps(TOOLS).encode()
    history = [json.dumps(SYSTEM).encode(), json.dumps(USER).encode()]
    async with aiohttp.ClientSession() as session:
        for turn in range(turns):
            content = b"".join((head, b",".join(history), b'],"tools":', tools, b"}"))
            async with session.post(
                f"{url}/chat/completions",
                data=content,
                headers={"content-type": "application/json"},
            ) as answer:
                came = b"".join([piece async for piece in answer.content.iter_any()])
            came = body(turn, turn == turns - 1) if stream else came
            message = json.loads(came)["choices"][0]["message"]
            said = {"role": "assistant", "content": "", "tool_calls": message["tool_calls"]}
            history.append(json.dumps(said).encode())
            for call in message["tool_calls"]:
                result = {"role": "tool", "tool_call_id": call["id"], "content": RESULT}
                history.append(json.dumps(result).encode())


async def spent_on(way: Way, url: str, turns: int) -> float:
    """Run one rollout; return the CPU seconds a turn, of this process alone."""
    began = time.process_time()
    await way(url, turns)
    return (time.process_time() - began) / turns


WAYS: dict[str, Way] = {
    "AgentLoop": with_agentkit,
    "rollout": rolled_out,
    "in process": in_process,
    "aiohttp": floor,
    "AgentLoop streamed": partial(with_agentkit, stream=True),
    "rollout streamed": partial(rolled_out, stream=True),
    "aiohttp streamed": partial(floor, stream=True),
}
PEERS: dict[str, Way] = {"plain openai": plain_openai, "pydantic-ai": pydantic_ai}
_PACKAGES = {"plain openai": "openai", "pydantic-ai": "pydantic_ai"}
GOALS = {10: 0.75, 400: 1.0, 1000: 1.0}
"""CPU milliseconds a turn of `AgentLoop` and a rollout, at these lengths."""


def turn_costs(turns: int, rounds: int, pieces: int = 1, peers: bool = True) -> None:
    """Run the ways in turns, and print the least and the median of each."""
    there = {name: way for name, way in PEERS.items() if peers and find_spec(_PACKAGES[name])}
    ways = {name: way for name, way in WAYS.items() if pieces == 1 or name.endswith("streamed")}
    taken: dict[str, list[float]] = {name: [] for name in (*ways, *there)}

    async def run() -> None:
        for way in ways.values():
            await way(mock.url, turns)
        for number in range(rounds):
            for name, way in ways.items():
                taken[name].append(1e3 * await spent_on(way, mock.url, turns))
            for name, way in there.items() if number < 2 else ():
                taken[name].append(1e3 * await spent_on(way, mock.url, turns))

    mock = Mock(turns, pieces)
    try:
        asyncio.run(run())
    finally:
        mock.close()
    print(f"{turns} turns, streams in {pieces} pieces: CPU ms a turn (goal: {GOALS[turns]})")
    for name, times in taken.items():
        print(f"    {name:<20} least {min(times):6.2f}  median {statistics.median(times):6.2f}")


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


FIRST = """
import time, sys
import agentkit as ak
imported = time.process_time()
server = ak.Server(sys.argv[1], key="EMPTY")
def lookup(key: str, count: int = 0) -> str:
    "Look something up."
    return "{}"
rollout = ak.rollout(ak.Agent("mock", tools=[lookup], server=server, max_turns=1), "Look up gamma.")
assert rollout.turns, rollout.error
print(imported, time.process_time())
"""
FIRST_OF_OPENAI = """
import time, sys, json
import openai
imported = time.process_time()
client = openai.OpenAI(base_url=sys.argv[1], api_key="EMPTY")
answer = client.chat.completions.create(
    model="mock", messages=[{"role": "user", "content": "Look up gamma."}]
)
assert answer.choices
print(imported, time.process_time())
"""


def first_answer(rounds: int) -> None:
    """Print the CPU of a process up to the end of its imports, and to its first answer. Bytecode is
    kept from one run to the next, as where a package is installed, whatever the environment says.
    """
    codes = {"bare Python": "import time; print(time.process_time(), time.process_time())"}
    codes["agentkit"] = FIRST
    if find_spec("openai"):
        codes["openai"] = FIRST_OF_OPENAI
    taken: dict[str, list[list[float]]] = {name: [] for name in codes}
    mock = Mock(2)
    with closing(mock), TemporaryDirectory() as kept:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": kept, "PYTHONDONTWRITEBYTECODE": ""}
        for number in range(rounds + 1):
            for name, code in codes.items():
                command = [sys.executable, "-c", code, mock.url]
                ran = subprocess.run(
                    command, env=environment, capture_output=True, text=True, check=True
                )
                if number:  # the first run writes the bytecode
                    taken[name].append([1e3 * float(text) for text in ran.stdout.split()])
    print("CPU ms of a fresh process: imported, first answer there (goal: 300)")
    for name, runs in taken.items():
        least = "  ".join(f"{min(times):6.0f}" for times in zip(*runs, strict=True))
        median = "  ".join(f"{statistics.median(times):6.0f}" for times in zip(*runs, strict=True))
        print(f"    {name:<20} least {least}  median {median}")


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--quick", action="store_true", help="fewer repetitions")
    quick = options.parse_args().quick
    first_answer(3 if quick else 9)
    turn_costs(10, 10 if quick else 40)
    turn_costs(10, 5 if quick else 20, pieces=20, peers=False)
    turn_costs(400, 1 if quick else 5, peers=not quick)
    turn_costs(1000, 1 if quick else 3, peers=False)
    concurrency()
    memory()

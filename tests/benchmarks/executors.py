"""Rollouts per second of wall time: in one process, and in a process a core, against one server.

    python tests/benchmarks/executors.py                # four rounds, A B A B
    python tests/benchmarks/executors.py --rollouts 400 --turns 10 --rounds 2

The server is a process of its own that writes fixed answers; its share of the processors is
reported, as what it takes the rollouts do not get. So is the load of the machine. Nothing is
checked but that every rollout ended well.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import resource
import statistics
import time
from multiprocessing.connection import Connection
from typing import Any

import agentkit as ak
from agentkit.agent.batch.executors.processes import cores

TURNS = 10


def lookup(key: str) -> str:
    """Look something up."""
    return json.dumps({"value": f"{key}: cloudy with 21 degrees", "source": "station 7"})


def answer(turn: int, last: bool) -> bytes:
    """An answer of the size and the fields vLLM sends."""
    call = {
        "id": f"chatcmpl-tool-{turn:032x}",
        "type": "function",
        "function": {"name": "lookup", "arguments": json.dumps({"key": f"gamma {turn}"})},
    }
    message: dict[str, Any] = {
        "role": "assistant",
        "content": "It is cloudy. " * 4,
        "tool_calls": [] if last else [call],
    }
    choice = {"index": 0, "message": message, "finish_reason": "stop" if last else "tool_calls"}
    usage = {"prompt_tokens": 400 + 90 * turn, "completion_tokens": 60, "total_tokens": 0}
    return json.dumps(
        {
            "id": f"chatcmpl-{turn:032x}",
            "object": "chat.completion",
            "created": 1_790_000_000,
            "model": "m",
            "choices": [choice],
            "usage": usage,
        }
    ).encode()


def serve(pipe: Connection, turns: int) -> None:
    """Answer each request by how many answers it holds; give the CPU time when asked for it."""
    answers = [answer(turn, turn == turns - 1) for turn in range(turns)]

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                size = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                body = await reader.readexactly(size)
                found = answers[min(body.count(b'"role":"tool"'), turns - 1)]
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                    % len(found)
                )
                writer.write(found)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def main() -> None:
        server = await asyncio.start_server(one, "127.0.0.1", 0, backlog=1024)
        pipe.send(server.sockets[0].getsockname()[1])
        loop = asyncio.get_running_loop()
        while await loop.run_in_executor(None, pipe.recv):
            pipe.send(time.process_time())

    asyncio.run(main())


def of_workers() -> float:
    """CPU seconds of the workers that have ended; the server has not."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def measured(
    agent: ak.Agent, rollouts: int, pipe: Connection, **options: Any
) -> tuple[float, float, float, float]:
    """Run them: rollouts a second, CPU seconds of the server, of this process, of the workers."""
    pipe.send(True)
    server, workers = pipe.recv(), of_workers()
    own, began = time.process_time(), time.perf_counter()
    prompts = [f"Look up gamma, number {number}." for number in range(rollouts)]
    done = ak.rollouts(agent, prompts, concurrency=64, progress=False, **options)
    wall, own = time.perf_counter() - began, time.process_time() - own
    assert done.stop_reasons == {"final": rollouts}, done
    pipe.send(True)
    server = pipe.recv() - server
    time.sleep(2.5 if options else 0)  # the workers end by themselves
    return rollouts / wall, server, own, of_workers() - workers


def main() -> None:
    """Run the rounds and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rollouts", type=int, default=600)
    parser.add_argument("--turns", type=int, default=TURNS)
    parser.add_argument("--rounds", type=int, default=4)
    given = parser.parse_args()
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    server = spawn.Process(target=serve, args=(theirs, given.turns), daemon=True)
    server.start()
    agent = ak.Agent("m", [lookup], f"http://127.0.0.1:{ours.recv()}/v1")
    measured(agent, 20, ours)
    print(f"{cores()} cores, {given.rollouts} rollouts of {given.turns} turns, 64 at once")
    rates: dict[str, list[float]] = {"one process": [], "processes": []}
    for _ in range(given.rounds):
        for name, options in (("one process", {}), ("processes", {"executor": "processes"})):
            rate, cpu, own, workers = measured(agent, given.rollouts, ours, **options)
            rates[name].append(rate)
            print(
                f"  {name:12} {rate:7.1f} rollouts/s; CPU: server {cpu:5.2f} s, this process"
                f" {own:5.2f} s, workers {workers:5.2f} s; load {os.getloadavg()[0]:.1f}",
                flush=True,
            )
    one, many = (statistics.median(rates[name]) for name in ("one process", "processes"))
    print(f"median: {one:.1f} and {many:.1f} rollouts/s: {many / one:.2f} times")
    ours.send(False)
    server.terminate()


if __name__ == "__main__":
    main()

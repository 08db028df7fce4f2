"""Rollouts per second of wall time: in one process, and in a process a core, against one server.

    python tests/benchmarks/executors.py                 # on an idle machine: about six minutes
    python tests/benchmarks/executors.py --cpu           # on a busy one: CPU time only, a minute
    python tests/benchmarks/executors.py --rollouts 2000 --concurrency 256 --rounds 5

The server is a process of its own that writes fixed answers, each after the same delay. What it and
the process that waits take of the processors is reported, for the workers do not get it; so is what
this machine gives two loops that run side by side, which no batch can beat. The kinds take turns,
A B A B: rollouts alone, with a reward that computes, and recorded. A batch of a quarter of the
rollouts is run beside the whole: the difference of the two is the rate without the start of the
workers, which is reported by itself. Results are looked at in a second measure, for workers send
them packed. Nothing is checked but that every rollout ended well.

Where one process is not busy, as with few rollouts at once and a slow model, workers gain nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import multiprocessing
import os
import resource
import statistics
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import agentkit as ak
from agentkit.agent.batch.executors.processes import cores

KINDS = ("alone", "reward", "recorded")
SIDES: dict[str, dict[str, Any]] = {"one process": {}, "processes": {"executor": "processes"}}


def lookup(key: str) -> str:
    """Look something up."""
    return json.dumps({"value": f"{key}: cloudy with 21 degrees", "source": "station 7"})


def reward(trajectory: ak.Trajectory) -> float:
    """Compute for some milliseconds, in Python, as a checker of an answer does."""
    text = json.dumps(trajectory.messages)
    words = [hashlib.sha256(f"{text[:200]} {n}".encode()).hexdigest() for n in range(3000)]
    return sum(word.startswith("0") for word in words) / len(words)


def answer(turn: int, last: bool) -> bytes:
    """An answer of the size and the fields vLLM sends, with its HTTP head."""
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
    body = {
        "id": f"chatcmpl-{turn:032x}",
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": "m",
        "choices": [choice],
        "usage": usage,
    }
    data = json.dumps(body).encode()
    head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    return head.encode() % len(data) + data


class Canned(asyncio.Protocol):
    """Answers each request by how many results it holds, after a while."""

    answers: tuple[bytes, ...] = ()
    delay = 0.0

    def connection_made(self, transport: Any) -> None:
        self.transport, self.came = transport, bytearray()

    def data_received(self, data: bytes) -> None:
        self.came += data
        end = self.came.find(b"\r\n\r\n") + 4
        if end < 4:
            return
        at = self.came.lower().find(b"content-length:", 0, end) + 15
        size = int(self.came[at : self.came.find(b"\r", at)])
        if len(self.came) < end + size:
            return
        turn = self.came.count(b'"role":"tool"', end)
        self.came.clear()  # a client sends its next request after the answer
        found = self.answers[min(turn, len(self.answers) - 1)]
        asyncio.get_running_loop().call_later(self.delay, self.transport.write, found)


def serve(pipe: Connection, turns: int, delay: float) -> None:
    """Serve until nobody asks any more; give the CPU time when asked for it."""
    Canned.answers = tuple(answer(turn, turn == turns - 1) for turn in range(turns))
    Canned.delay = delay

    async def main() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(Canned, "127.0.0.1", 0, backlog=1024)
        pipe.send(server.sockets[0].getsockname()[1])
        while await loop.run_in_executor(None, pipe.recv):
            pipe.send(time.process_time())

    asyncio.run(main())


class Measure(NamedTuple):
    """One batch."""

    wall: float
    looked: float
    """Seconds with every result looked at."""
    server: float
    own: float
    """CPU seconds of the process that waits; of the only one, where there are no workers."""
    workers: float


def of_workers() -> float:
    """CPU seconds of the workers that have ended; the server has not."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


class Bench:
    """Runs batches against one server."""

    def __init__(self, turns: int, delay: float, concurrency: int) -> None:
        self.concurrency = concurrency
        spawn = multiprocessing.get_context("spawn")
        self._pipe, theirs = spawn.Pipe()
        self._server = spawn.Process(target=serve, args=(theirs, turns, delay), daemon=True)
        self._server.start()
        self.agent = ak.Agent("m", [lookup], f"http://127.0.0.1:{self._pipe.recv()}/v1")

    def close(self) -> None:
        self._pipe.send(False)
        self._server.terminate()

    def run(self, rollouts: int, kind: str, side: str) -> Measure:
        options = dict(SIDES[side])
        if kind == "reward":
            options["reward"] = reward
        prompts = [f"Look up gamma, number {number}." for number in range(rollouts)]
        with tempfile.TemporaryDirectory() as folder:
            if kind == "recorded":
                options["record"] = Path(folder) / "runs.jsonl"
            server, workers = self._of_server(), of_workers()
            own, began = time.process_time(), time.perf_counter()
            done = ak.rollouts(
                self.agent, prompts, concurrency=self.concurrency, progress=False, **options
            )
            wall = time.perf_counter() - began
            assert done.stop_reasons == {"final": rollouts}, done
            looked = time.perf_counter() - began
            own, server = time.process_time() - own, self._of_server() - server
            time.sleep(2.5 if side == "processes" else 0)  # the workers end by themselves
        return Measure(wall, looked, server, own, of_workers() - workers)

    def _of_server(self) -> float:
        self._pipe.send(True)
        spent: float = self._pipe.recv()
        return spent


def spin(number: int) -> float:
    """Wall seconds of a plain loop; of two side by side, the slower one's."""
    began, kept = time.perf_counter(), {}
    for at in range(4_000_000):
        kept[at % 1000] = (at, str(at))
    return time.perf_counter() - began


def side_by_side() -> float:
    """How much more two loops get done side by side than one after the other."""
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        alone = min(pool.map(spin, [0])[0] for _ in range(3))
        both = min(max(pool.map(spin, [0, 1], chunksize=1)) for _ in range(3))
    return 2 * alone / both


def rates(bench: Bench, kind: str, rollouts: int, rounds: int) -> None:
    """Measure one kind, A B A B, and print it."""
    few, found = rollouts // 4, dict[str, list[tuple[float, float, float, float]]]()
    for _ in range(rounds):
        for side in SIDES:
            small, large = bench.run(few, kind, side), bench.run(rollouts, kind, side)
            steady = (rollouts - few) / max(large.wall - small.wall, 1e-9)
            looked = (rollouts - few) / max(large.looked - small.looked, 1e-9)
            begins = large.wall - rollouts / steady
            row = (rollouts / large.wall, steady, looked, begins)
            found.setdefault(side, []).append(row)
            print(
                f"  {kind:8} {side:11} {row[0]:6.1f} rollouts/s, {steady:6.1f} without the start"
                f" ({begins:4.1f} s), {looked:6.1f} looked at; CPU ms a rollout:"
                f" server {large.server / rollouts * 1e3:.2f},"
                f" this process {large.own / rollouts * 1e3:.2f},"
                f" workers {large.workers / rollouts * 1e3:.2f}; load {os.getloadavg()[0]:.1f}",
                flush=True,
            )
    one, many = ([statistics.median(c) for c in zip(*found[s], strict=True)] for s in SIDES)
    print(
        f"{kind}: processes give {many[0] / one[0]:.2f} times the rollouts a second with their"
        f" start, {many[1] / one[1]:.2f} without, {many[2] / one[2]:.2f} where all are looked at",
        flush=True,
    )


def cpu(bench: Bench, kind: str, rollouts: int, rounds: int) -> None:
    """Print the CPU time of a rollout beyond that of a batch of a quarter, which pays the start."""
    few = rollouts // 4
    costs: dict[str, list[list[float]]] = {side: [] for side in SIDES}
    for _ in range(rounds):
        for side in SIDES:
            small, large = bench.run(few, kind, side), bench.run(rollouts, kind, side)
            pairs = zip(large[2:], small[2:], strict=True)
            costs[side].append([(a - b) / (rollouts - few) * 1e3 for a, b in pairs])
    for side, rows in costs.items():
        server, own, workers = (statistics.median(column) for column in zip(*rows, strict=True))
        print(
            f"  {kind:8} {side:11} CPU ms a rollout: server {server:.2f}, this process {own:.2f}"
            f" (results looked at), workers {workers:.2f}, all {server + own + workers:.2f}",
            flush=True,
        )


def main() -> None:
    """Run the rounds and print them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rollouts", type=int, default=1600)
    parser.add_argument("--turns", type=int, default=10)
    parser.add_argument("--delay", type=float, default=0.02, help="seconds an answer takes")
    parser.add_argument("--concurrency", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--cpu", action="store_true", help="CPU time only")
    given = parser.parse_args()
    print(
        f"{cores()} cores, {given.rollouts} rollouts of {given.turns} turns,"
        f" {given.concurrency} at once, {given.delay * 1e3:.0f} ms an answer"
    )
    if not given.cpu:
        print(f"two plain loops side by side get {side_by_side():.2f} times as much done as one")
    bench = Bench(given.turns, given.delay, given.concurrency)
    try:
        bench.run(20, "alone", "one process")
        for kind in given.kinds:
            (cpu if given.cpu else rates)(bench, kind, given.rollouts, given.rounds)
    finally:
        bench.close()


if __name__ == "__main__":
    main()

"""Rollouts against a server that gets everything wrong: what is lost, and what is left behind.

    python tests/benchmarks/attack_server.py            # 5 rounds of 512 rollouts
    python tests/benchmarks/attack_server.py --rounds 2 --rollouts 64

Half of the answers meet a fault, one drawn from all that the reference server has, in blocks and in
streams. It prints after each round how many rollouts were lost (none may be: each ends, well or
with an error by name), and the threads, file descriptors and memory of this process, which must not
grow from the second round on. The server is a process of its own.
"""

from __future__ import annotations

import argparse
import collections
import gc
import multiprocessing
import os
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import agentkit as ak
from agentkit.testing import by_turn, calls, says
from agentkit.testing.faults.catalogue import faults

_SLOW = {"timeout", "body_too_large"}
"""Faults that take their time, and are met by few rollouts."""
_SHARE = 0.012
"""Of the answers each fault meets: about half of them meet one."""
_SETTLE = 2.0
"""Seconds in which connections that nobody uses any more are closed, ours and the server's."""


def get_weather(city: str = "Oslo") -> str:
    """Tell the weather of a city."""
    return f"{city}: cold"


def serve(pipe: Connection) -> None:
    """Serve with the faults until told to stop; a process of its own."""
    script = by_turn(
        says(None, calls("get_weather", city="Oslo"), calls("get_weather", city="Bergen")),
        says("It is cold."),
    )
    names = [fault.name for fault in faults() if fault.name not in _SLOW]
    with (
        ak.testing.serve(script, faults=names, rate=_SHARE) as server,
        ak.testing.serve(script, faults=sorted(_SLOW), rate=0.3) as slow,
    ):
        pipe.send((server.url, slow.url))
        pipe.recv()


def left() -> tuple[int, int, float]:
    """Count what this process holds: threads, file descriptors, and megabytes of memory."""
    gc.collect()
    time.sleep(_SETTLE)
    descriptors = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    pages = Path("/proc/self/statm")
    memory = int(pages.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if pages.exists() else 0
    return threading.active_count(), descriptors, memory / 2**20


def one_round(url: str, slow_url: str, number: int, rollouts: int) -> collections.Counter[str]:
    """Run one round through new servers, and count how its rollouts ended."""
    ended: collections.Counter[str] = collections.Counter()
    few = max(2, rollouts // 64)
    for place, (address, count) in enumerate(((url, rollouts - few), (slow_url, few))):
        agents = [
            ak.Agent(
                "m",
                tools=[get_weather],
                server=ak.Server(address, timeout=20.0 if place == 0 else 1.0),
                stream=stream,
                retries=0,
                max_turns=3,
            )
            for stream in (False, True)
        ]
        for half, agent in enumerate(agents):
            share = count // 2 + (count % 2 if half else 0)
            prompts = [f"round {number}, rollout {i}, half {half}" for i in range(share)]
            for rollout in ak.rollouts(agent, prompts, concurrency=64, progress=False):
                ended[how(rollout)] += 1
    return ended


def how(rollout: Any) -> str:
    """Say how a rollout ended; one that did not end so was lost."""
    if not isinstance(rollout, ak.Trajectory) or rollout.stop_reason is None:
        return "lost"
    if rollout.stop_reason == "error":
        return f"error: {rollout.error.kind}" if rollout.error else "lost"
    return str(rollout.stop_reason)


def main(rounds: int = 5, rollouts: int = 512) -> int:
    """Run the rounds, and print what they left; returns how many rollouts were lost."""
    pipe, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=serve, args=(theirs,), daemon=True
    )
    process.start()
    url, slow_url = pipe.recv()
    lost = 0
    endings: collections.Counter[str] = collections.Counter()
    try:
        for number in range(rounds):
            began = time.perf_counter()
            ended = one_round(url, slow_url, number, rollouts)
            endings += ended
            missing = rollouts - sum(ended.values()) + ended["lost"]
            lost += missing
            threads, descriptors, memory = left()
            print(
                f"round {number + 1}: {rollouts} rollouts, lost {missing},"
                f" {threads} threads, {descriptors} descriptors, {memory:.0f} MB,"
                f" {time.perf_counter() - began:.1f} s"
            )
    finally:
        pipe.send("stop")
        process.join(10)
    for ending, count in endings.most_common():
        print(f"{count:6} {ending}")
    print(f"lost: {lost}")
    return lost


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--rollouts", type=int, default=512)
    arguments = options.parse_args()
    raise SystemExit(1 if main(arguments.rounds, arguments.rollouts) else 0)

"""What becomes of one file that several processes resume at the same time, and of one whose writers
are killed: rounds of two and of four writers, and rounds in which one is killed at any moment.

    python tests/benchmarks/attack_writers.py               # 100 rounds of each
    python tests/benchmarks/attack_writers.py --rounds 10

A round is damaged where a rollout cannot be read whole, paid twice where an answer that is in the
file was asked for again, lost where a step that was in the file is not read, or a rollout that was
asked for is not there at the end.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import multiprocessing
import os
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import agentkit as ak

PROMPTS = [f"prompt {n}" for n in range(4)]
SAMPLES = 2
TURNS = 3
AT_ONCE = 3
fork: Any = multiprocessing.get_context("fork")


@dataclass
class Count:
    """What was found wrong in some rounds."""

    rounds: int = 0
    damaged: int = 0
    paid_twice: int = 0
    lost: int = 0

    def line(self, name: str) -> str:
        return (
            f"{name}: {self.rounds} rounds, damaged files {self.damaged}, rollouts paid twice"
            f" {self.paid_twice}, lost {self.lost}"
        )


class Model:
    """Calls a tool until it has answered often enough, and notes in a file what it was asked."""

    def __init__(self, log: Path, seed: int) -> None:
        self.log = log
        self.random = random.Random(seed)

    async def chat_completion(self, **kwargs: Any) -> dict[str, Any]:
        messages = kwargs["messages"]
        turn = sum(message["role"] == "tool" for message in messages)
        with open(self.log, "ab", buffering=0) as file:
            file.write(f"{messages[0]['content']}|{turn}\n".encode())
        await asyncio.sleep(self.random.random() * 0.004)
        call = {
            "id": f"call_{turn}",
            "type": "function",
            "function": {"name": "look", "arguments": json.dumps({"n": turn})},
        }
        last = turn == TURNS - 1
        message = {"role": "assistant", "content": f"{'x' * 300} {turn}"}
        if not last:
            message["tool_calls"] = [call]  # type: ignore[assignment]
        return {
            "choices": [{"message": message, "finish_reason": "stop" if last else "tool_calls"}]
        }


def look(n: int) -> str:
    """Look it up."""
    return f"found {n}"


def write(path: Path, log: Path, seed: int, gate: Any) -> None:
    """Resume the file, as one of several writers."""
    logging.disable(logging.WARNING)
    agent = ak.Agent("m", tools=[look], server=Model(log, seed))
    gate.wait()
    ran = ak.rollouts(agent, PROMPTS, n=SAMPLES, resume=path, concurrency=AT_ONCE, progress=False)
    os._exit(0 if ran.stop_reasons == {"final": len(PROMPTS) * SAMPLES} else 1)


def writers(path: Path, log: Path, count: int, seed: int) -> list[Any]:
    gate = fork.Barrier(count + 1)  # and this process, so that nobody is killed in front of it
    made = [fork.Process(target=write, args=(path, log, seed + n, gate)) for n in range(count)]
    for one in made:
        one.start()
    gate.wait()
    return made


def asked(log: Path) -> Counter[str]:
    """How often each answer was asked for, by prompt and turn."""
    return Counter(log.read_text().split("\n")[:-1]) if log.exists() else Counter()


def side_by_side(folder: Path, count: int, seed: int, found: Count) -> None:
    """Let so many processes resume one file at the same time."""
    path, log = folder / "x.jsonl", folder / "asked"
    ended = writers(path, log, count, seed)
    for one in ended:
        one.join()
    found.rounds += 1
    found.lost += any(one.exitcode != 0 for one in ended)
    found.paid_twice += sum(n > SAMPLES for n in asked(log).values())
    check(path, found)


def killed(folder: Path, count: int, seed: int, found: Count) -> None:
    """Kill one of the writers at any moment; those that are left go on with what it was at."""
    chance = random.Random(seed)
    path, log = folder / "x.jsonl", folder / "asked"
    running = writers(path, log, count, seed)
    time.sleep(chance.random() * 0.12)
    os.kill(running[0].pid, signal.SIGKILL)
    running[0].join()
    if count == 1:
        kept, before = answered(path), asked(log)
        found.lost += kept != read(path)
        running = [*running, *writers(path, log, 1, seed + 7)]
    else:
        kept, before = Counter(), Counter()
    for one in running[1:]:
        one.join()
    found.rounds += 1
    found.lost += any(one.exitcode != 0 for one in running[1:])
    again = asked(log) - before
    # an answer that is in the file is not asked for again; one in flight was lost with its process
    found.paid_twice += sum(kept[name] + n > SAMPLES for name, n in again.items() if kept[name])
    needed = len(PROMPTS) * SAMPLES * TURNS
    found.paid_twice += sum(asked(log).values()) > needed + AT_ONCE
    # one that is killed after the others have ended leaves its companion to the next run
    paid = asked(log)
    (last,) = writers(path, log, 1, seed + 9)
    last.join()
    found.lost += last.exitcode != 0
    found.paid_twice += asked(log) != paid
    check(path, found)


def answered(path: Path) -> Counter[str]:
    """The answers whose lines are whole in the file, by prompt and turn."""
    names: dict[int, str] = {}
    there: Counter[str] = Counter()
    text = path.read_text() if path.exists() else ""
    for raw in text.split("\n")[:-1]:
        line = json.loads(raw)
        if "agentkit" in line:
            names[line["sample"]] = line["prompt"][0]["content"]
        elif line["step"] == "model":
            there[f"{names[line['sample']]}|{line['turn']}"] += 1
    return there


def read(path: Path) -> Counter[str]:
    """The answers that are read from the file."""
    there: Counter[str] = Counter()
    if not path.exists() or b"\n" not in path.read_bytes():
        return there
    for rollout in ak.load(path, all=True):
        there.update(f"{rollout.prompt[0].content}|{turn.index}" for turn in rollout.all_turns)
    return there


def check(path: Path, found: Count) -> None:
    """Look at the file that is left."""
    rollouts = ak.load(path, all=True)
    lines = path.read_bytes().split(b"\n")
    whole = all(json.loads(line) for line in lines[:-1]) and lines[-1] == b""
    found.damaged += not whole or any(rollout.damage for rollout in rollouts)
    final = Counter(rollout.prompt[0].content for rollout in rollouts if rollout.final)
    found.lost += final != dict.fromkeys(PROMPTS, SAMPLES) or len(rollouts) != final.total()


def main(rounds: int = 100) -> list[Count]:
    """Run the rounds, and print what was found.

    Args:
        rounds: how many of each kind.
    """
    logging.disable(logging.WARNING)
    for name in ak.__all__:  # what is imported here need not be imported in each process
        getattr(ak, name)
    ak.Agent("m", tools=[look], server=Model(Path(os.devnull), 0))
    kinds: list[tuple[str, Callable[..., None], int]] = [
        ("two writers", side_by_side, 2),
        ("four writers", side_by_side, 4),
        ("one writer, killed", killed, 1),
        ("two writers, one killed", killed, 2),
    ]
    counts = []
    for name, attack, count in kinds:
        found = Count()
        for seed in range(rounds):
            with tempfile.TemporaryDirectory() as folder:
                attack(Path(folder), count, 1000 * seed, found)
        print(found.line(name), flush=True)
        counts.append(found)
    return counts


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, default=100)
    found_bad = any(
        count.damaged or count.paid_twice or count.lost
        for count in main(options.parse_args().rounds)
    )
    raise SystemExit(1 if found_bad else 0)

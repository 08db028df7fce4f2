"""What batches and cassettes cost, as ratios: rollouts against a plain loop over the same server,
and the index of a large file against reading it.

    python tests/benchmarks/batches_and_cassettes.py            # everything, with a file of 100,000 rollouts
    python tests/benchmarks/batches_and_cassettes.py --quick    # a tenth of it

It prints and checks only that what was done came out right. Times are CPU seconds of this process.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
import tracemalloc
from pathlib import Path
from typing import Any

import agentkit as ak
from agentkit.agent.event_loop import run

RESULT = "cloudy with 21 degrees"


def body(messages: list[Any], turns: int) -> dict[str, Any]:
    """A call until the history holds enough results, then a text."""
    done = sum(message["role"] == "tool" for message in messages)
    message: dict[str, Any] = {"role": "assistant", "content": "Gamma is cloudy."}
    if done < turns - 1:
        function = {"name": "lookup", "arguments": json.dumps({"key": f"gamma {done}"})}
        message = {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": f"call_{done}", "type": "function", "function": function}],
        }
    usage = {"prompt_tokens": 78, "total_tokens": 120, "completion_tokens": 42}
    return {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": usage}


class Model:
    """Answers without a network, so that only our own cost is seen."""

    def __init__(self, turns: int) -> None:
        self.turns = turns

    async def chat_completion(self, **kwargs: Any) -> dict[str, Any]:
        await asyncio.sleep(0)
        return body(kwargs["messages"], self.turns)


async def lookup(key: str) -> str:
    """Look it up."""
    return RESULT


async def plain(model: Model, prompt: str) -> list[Any]:
    """The loop most people write: no record, no checks."""
    messages: list[Any] = [{"role": "user", "content": prompt}]
    while True:
        message = (
            await model.chat_completion(
                messages=[dict(m) for m in messages], model="m", temperature=1.0
            )
        )["choices"][0]["message"]
        messages.append(message)
        calls = message.get("tool_calls") or ()
        if not calls:
            return messages
        results = [await lookup(**json.loads(call["function"]["arguments"])) for call in calls]
        messages.extend(
            {"role": "tool", "tool_call_id": call["id"], "content": result}
            for call, result in zip(calls, results, strict=True)
        )


def cpu(work: Any) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def batches(rollouts: int, turns: int) -> None:
    prompts = [f"prompt {i}" for i in range(rollouts)]
    model = Model(turns)
    agent = ak.Agent("m", tools=[lookup], server=model, max_turns=None)

    async def all_plain() -> None:
        await asyncio.gather(*(plain(model, prompt) for prompt in prompts))

    async def one_by_one() -> None:
        for prompt in prompts:
            engine = agent.engine(agent.start(prompt))
            await engine.run()

    ak.rollouts(agent, prompts[:8])
    steps = rollouts * turns
    bare = cpu(lambda: asyncio.run(all_plain()))
    engine = cpu(lambda: run(one_by_one()))
    with tempfile.TemporaryDirectory() as folder:
        batch = cpu(lambda: ak.rollouts(agent, prompts, concurrency=64))
        recorded = cpu(
            lambda: ak.rollouts(agent, prompts, concurrency=64, record=Path(folder) / "x.jsonl")
        )
        replayed = cpu(lambda: ak.rollouts(ak.replay(Path(folder) / "x.jsonl")))
    print(
        f"{rollouts} rollouts of {turns} turns, CPU a turn: plain {bare / steps * 1e3:.2f} ms, engines one by one {engine / steps * 1e3:.2f} ms"
    )
    print(
        f"    rollouts {batch / steps * 1e3:.2f} ms ({batch / engine:.2f} of engines), recorded {recorded / steps * 1e3:.2f} ms ({recorded / batch:.2f} of that)"
    )
    print(f"    replayed {replayed / steps * 1e3:.2f} ms ({replayed / batch:.2f} of rollouts)")


def memory(turns: int = 5) -> None:
    agent = ak.Agent("m", tools=[lookup], server=Model(turns), max_turns=None)
    ak.rollouts(agent, ["warm"])
    sizes = []
    for count in (100, 400):
        tracemalloc.start()
        kept = ak.rollouts(agent, [f"prompt {i}" for i in range(count)], concurrency=16)
        sizes.append(tracemalloc.get_traced_memory()[0] / len(kept))
        tracemalloc.stop()
    print(
        f"memory of a kept rollout of {turns} turns: {sizes[0] / 1e3:.1f} kB in a batch of 100, {sizes[1] / 1e3:.1f} kB in one of 400"
    )


def parse_every_line(path: Path) -> None:
    with open(path, "rb") as file:
        for line in file:
            json.loads(line)


def large_file(rollouts: int) -> None:
    agent = ak.Agent("m", tools=[lookup], server=Model(3), max_turns=None)
    with tempfile.TemporaryDirectory() as folder:
        one, path = Path(folder) / "one.jsonl", Path(folder) / "many.jsonl"
        ak.rollouts(agent, ["Look up gamma, then say what it is."], record=one)
        lines = one.read_text().splitlines(keepends=True)
        with open(path, "w") as file:
            for sample in range(rollouts):
                file.writelines(
                    line.replace('"sample":0,', f'"sample":{sample},', 1) for line in lines
                )
        size = path.stat().st_size / 1e6
        parsed = cpu(lambda: parse_every_line(path))
        found: list[Any] = []
        indexed = cpu(lambda: found.append(ak.cassette.index(path)))
        assert len(found[0]) == rollouts
        few = Path(folder) / "few.jsonl"
        with open(path) as source, open(few, "w") as target:
            target.writelines(
                line for line, _ in zip(source, range(len(lines) * (rollouts // 100)), strict=False)
            )
        loaded = cpu(lambda: ak.load(few)) * 100
        opened = ak.cassette.open(path)
        looked = cpu(lambda: [opened[i] for i in range(0, rollouts, max(1, rollouts // 100))]) / 100
        checked = cpu(lambda: ak.cassette.doctor(few)) * 100
    print(
        f"{rollouts} rollouts, {size:.0f} MB: index {indexed:.2f} s, {size / indexed:.0f} MB/s, {indexed / parsed:.2f} of parsing every line"
    )
    print(
        f"    loading all would take {loaded:.0f} s ({loaded / indexed:.0f} indexes), the doctor {checked:.0f} s; one rollout through the index {looked * 1e3:.1f} ms"
    )


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--quick", action="store_true", help="a tenth of it")
    quick = options.parse_args().quick
    batches(40 if quick else 400, 10)
    memory()
    large_file(10_000 if quick else 100_000)

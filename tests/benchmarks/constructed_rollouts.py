"""Writes a cassette of constructed rollouts: two or three turns, two calls on average, at least two
kilobytes of text each, half of it random words.

    python tests/benchmarks/constructed_rollouts.py /tmp/many.jsonl 1000000
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

COMMON = 4000
PROMPTS = 5000
WORDS = 29
"""Words of a text."""
TOOLS = ("search", "open_page", "run_code", "pay", "lookup")
_BLOCK = 10_000
"""Rollouts that are made at once, each block from a seed of its own."""


class Writer:
    """Makes rollouts; the same ones for the same seed, of the same words and prompts for any."""

    def __init__(self, seed: int = 0) -> None:
        self.rng = random.Random(-1)
        letters = "abcdefghijklmnopqrstuvwxyzäöüßé"
        self.words = [
            "".join(self.rng.choices(letters, k=self.rng.randint(3, 9))) for _ in range(COMMON)
        ]
        self.prompts = [f"Task {asked}: {self.text(WORDS)}" for asked in range(PROMPTS)]
        self.rng.seed(seed)

    def text(self, count: int) -> str:
        """Write a text of so many words, every second one a random one."""
        rng, words = self.rng, self.words
        random_part = f"{rng.getrandbits(36 * count):x}"
        made = [random_part[at : at + 7] for at in range(0, 7 * (count // 2), 7)]
        known = rng.choices(words, k=count - count // 2)
        return " ".join(word for pair in zip(known, made, strict=False) for word in pair)

    def lines(self, sample: int) -> list[str]:
        """Write the lines of one rollout as agentkit records it."""
        rng = self.rng
        spec = {"model": "constructed-8b", "max_turns": 30}
        asked = sample % PROMPTS
        prompt = [{"role": "user", "content": self.prompts[asked]}]
        reward = round(rng.random(), 3)
        meta = {"sample": sample // PROMPTS, "prompt_index": asked, "reward": reward}
        meta["training_step"] = sample // 1000
        head = {"agentkit": 1, "kind": "rollout", "sample": sample, "spec": spec}
        lines = [{**head, "prompt": prompt, "meta": meta, "owner": "constructed"}]
        turns, tokens = rng.choice((2, 3, 3, 4)), [0, 0]
        tools = [rng.choice(TOOLS) for _ in range(turns - 1)]
        failed = ""
        at = 1.7e9 + sample
        for turn in range(turns):
            message: dict[str, Any] = {"role": "assistant", "content": self.text(WORDS)}
            message["reasoning"] = self.text(WORDS)
            if turn < turns - 1:
                arguments = json.dumps({"query": self.text(6), "limit": turn})
                function = {"name": tools[turn], "arguments": arguments}
                call = {"id": f"call_{sample}_{turn}", "type": "function", "function": function}
                message["tool_calls"] = [call]
            read, wrote = 300 + 200 * turn, 90
            tokens = [tokens[0] + read, tokens[1] + wrote]
            finish = "tool_calls" if turn < turns - 1 else "stop"
            body = {
                "id": f"chatcmpl-{sample}-{turn}",
                "object": "chat.completion",
                "model": "constructed-8b",
                "choices": [{"index": 0, "message": message, "finish_reason": finish}],
                "usage": {"prompt_tokens": read, "completion_tokens": wrote},
            }
            exchange = {"body": json.dumps(body, ensure_ascii=False), "status": 200}
            exchange |= {"started": at, "elapsed": 0.5}
            step = {"step": "model", "sample": sample, "turn": turn, "exchange": exchange}
            lines.append(step)
            if turn < turns - 1:
                failed = "tool:error" if rng.random() < 0.03 else failed
                result: dict[str, Any] = {"call_id": f"call_{sample}_{turn}", "name": tools[turn]}
                result["status"] = "ok"
                result |= {"content": self.text(WORDS), "started": at + 0.5, "elapsed": 0.1}
                lines.append(
                    {
                        "step": "tool",
                        "sample": sample,
                        "turn": turn,
                        "position": 0,
                        "result": result,
                    }
                )
            at += 1
        totals = {"turns": turns, "calls": turns - 1}
        totals |= {"input_tokens": tokens[0], "output_tokens": tokens[1], "trouble": 0}
        seconds = round(0.6 * turns - 0.1, 6)
        columns = {"elapsed": seconds, "tools": " ".join(dict.fromkeys(tools)), "final": None}
        end = {"step": "end", "sample": sample, "stop_reason": "final", "totals": totals}
        lines.append({**end, "columns": columns})
        return [json.dumps(line, ensure_ascii=False, separators=(",", ":")) for line in lines]


def block(start: int, stop: int) -> str:
    """Make the lines of the rollouts of one block, or of its first ones."""
    writer = Writer(start)
    return "".join(f"{line}\n" for sample in range(start, stop) for line in writer.lines(sample))


def blocks(count: int, processes: int) -> Iterator[str]:
    """Make so many rollouts, block by block; of so many processes none is far before the others."""
    starts = range(0, count, _BLOCK)
    stops = [min(start + _BLOCK, count) for start in starts]
    if processes < 2:
        yield from map(block, starts, stops)
        return
    with ProcessPoolExecutor(processes) as pool:
        for at in range(0, len(stops), 2 * processes):
            part = slice(at, at + 2 * processes)
            yield from pool.map(block, starts[part], stops[part])


def write(path: Path, count: int, processes: int = 1) -> None:
    """Write so many rollouts."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(blocks(count, processes))


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]), os.cpu_count() or 1)

"""Times Inspect's `samples_df` on logs that hold the messages of constructed rollouts. It runs in an
interpreter that has inspect-ai, and prints the wall and processor seconds at the end.

    python tests/benchmarks/inspect_frame.py rollouts.jsonl logs 100000
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

IN_A_LOG = 2_000
"""Samples in a log."""


def rollouts(path: str) -> Iterator[list[dict[str, Any]]]:
    """Read the lines of one rollout after the other."""
    lines: list[dict[str, Any]] = []
    with Path(path).open(encoding="utf-8") as file:
        for text in file:
            line = json.loads(text)
            lines.append(line)
            if line.get("step") == "end":
                yield lines
                lines = []


def messages_of(lines: list[dict[str, Any]]) -> list[Any]:
    """Make Inspect's messages of a rollout."""
    from inspect_ai.model import ChatMessageAssistant, ChatMessageTool, ChatMessageUser
    from inspect_ai.tool import ToolCall

    found: list[Any] = [ChatMessageUser(content=lines[0]["prompt"][0]["content"])]
    for line in lines[1:-1]:
        if line["step"] == "model":
            body = json.loads(line["exchange"]["body"])
            message = body["choices"][0]["message"]
            calls = [
                ToolCall(
                    id=call["id"],
                    function=call["function"]["name"],
                    arguments=json.loads(call["function"]["arguments"]),
                )
                for call in message.get("tool_calls", ())
            ]
            text = f"{message['reasoning']}\n{message['content']}"
            found.append(ChatMessageAssistant(content=text, tool_calls=calls or None))
        else:
            result = line["result"]
            found.append(ChatMessageTool(content=result["content"], tool_call_id=result["call_id"]))
    return found


def write(source: str, folder: Path, count: int) -> None:
    """Write logs of 2,000 samples each: what Inspect takes to write one grows with its square."""
    samples = []
    for number, lines in zip(range(count), rollouts(source), strict=False):
        samples.append(sample_of(number, lines))
        if len(samples) == IN_A_LOG or number == count - 1:
            write_log(folder / f"{number}.eval", samples)
            samples.clear()


def sample_of(number: int, lines: list[dict[str, Any]]) -> Any:
    """Make Inspect's sample of a rollout."""
    from inspect_ai.log import EvalSample
    from inspect_ai.scorer import Score

    meta = lines[0]["meta"]
    return EvalSample(
        id=number,
        epoch=1,
        input=lines[0]["prompt"][0]["content"],
        target="",
        messages=messages_of(lines),
        scores={"reward": Score(value=meta["reward"])},
        metadata=meta,
    )


def write_log(path: Path, samples: list[Any]) -> None:
    """Write one log."""
    from inspect_ai.log import EvalConfig, EvalDataset, EvalLog, EvalSpec, write_eval_log

    spec = EvalSpec(
        created="2026-01-01T00:00:00+00:00",
        task="constructed",
        dataset=EvalDataset(name="constructed", samples=len(samples)),
        model="constructed-8b",
        config=EvalConfig(),
    )
    write_eval_log(EvalLog(eval=spec, status="success", samples=samples), str(path))


def main() -> None:
    """Write the logs, and read their frame."""
    source, target, count = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    target.mkdir()
    write(source, target, count)
    from inspect_ai.analysis import samples_df

    wall, busy = time.perf_counter(), time.process_time()
    frame = samples_df(str(target), quiet=True)
    print(len(frame), time.perf_counter() - wall, time.process_time() - busy)


if __name__ == "__main__":
    main()

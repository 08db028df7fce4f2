"""Times Inspect's `samples_df` on a log that holds the messages of constructed rollouts. It runs in
an interpreter that has inspect-ai, and prints the wall and processor seconds at the end.

    python tests/benchmarks/inspect_frame.py rollouts.jsonl rollouts.eval 100000
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any


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


def write(source: str, target: str, count: int) -> None:
    """Write the log; nothing of it is garbage before it is written."""
    gc.disable()
    from inspect_ai.log import (
        EvalConfig,
        EvalDataset,
        EvalLog,
        EvalSample,
        EvalSpec,
        write_eval_log,
    )
    from inspect_ai.scorer import Score

    samples = []
    for number, lines in zip(range(count), rollouts(source), strict=False):
        meta = lines[0]["meta"]
        samples.append(
            EvalSample(
                id=number,
                epoch=1,
                input=lines[0]["prompt"][0]["content"],
                target="",
                messages=messages_of(lines),
                scores={"reward": Score(value=meta["reward"])},
                metadata=meta,
            )
        )
    spec = EvalSpec(
        created="2026-01-01T00:00:00+00:00",
        task="constructed",
        dataset=EvalDataset(name="constructed", samples=count),
        model="constructed-8b",
        config=EvalConfig(),
    )
    write_eval_log(EvalLog(eval=spec, status="success", samples=samples), target)
    gc.enable()


def main() -> None:
    """Write the log, and read its frame."""
    source, target, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    write(source, target, count)
    from inspect_ai.analysis import samples_df

    wall, busy = time.perf_counter(), time.process_time()
    frame = samples_df(target, quiet=True)
    print(len(frame), time.perf_counter() - wall, time.process_time() - busy)


if __name__ == "__main__":
    main()

"""What a comparison of stored rollouts costs: `python tests/benchmarks/comparing_cost.py
[PROMPTS]`.

1,000 prompts, two sides, four samples each, two turns a rollout: constructed answers, one prompt in
    five different.
"""

from __future__ import annotations

import json
import sys
import time
import tracemalloc
from typing import Any

import agentkit as ak
from agentkit.read.calls.function_schema import shared_schemas
from agentkit.trajectory.loop import apply, start
from agentkit.types.request import Spec
from agentkit.types.steps import Answer, Result
from agentkit.types.trajectory import ToolResult, Trajectory
from agentkit.types.wire import Exchange

TOOLS = shared_schemas(
    [
        {
            "type": "function",
            "function": {
                "name": "weather",
                "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
            },
        }
    ]
)


def body(message: dict[str, Any], finish: str) -> Exchange:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    usage = {"prompt_tokens": 90, "completion_tokens": 30, "total_tokens": 120}
    return Exchange(
        status=200,
        body=json.dumps({"id": "chatcmpl-1", "model": "m", "choices": [choice], "usage": usage}),
        elapsed=0.4,
    )


def rollout(prompt: int, sample: int, other: bool) -> Trajectory:
    """A call and an answer; on the other side every fifth prompt is about another city."""
    city = f"city {prompt + (other and prompt % 5 == 0)}"
    name = f"call_{prompt}_{sample}"
    call = {
        "id": name,
        "type": "function",
        "function": {"name": "weather", "arguments": json.dumps({"city": city})},
    }
    trajectory = start(
        f"What is the weather in city {prompt}?",
        Spec(model="m", tools=TOOLS, sampling={"temperature": 0}),
        {"sample": sample},
    )
    trajectory = apply(
        trajectory,
        Answer(
            exchange=body(
                {"content": None, "tool_calls": [call], "reasoning": "hm " * 20}, "tool_calls"
            )
        ),
    )
    trajectory = apply(
        trajectory,
        Result(
            position=0, result=ToolResult(call_id=name, name="weather", status="ok", content="rain")
        ),
    )
    return apply(trajectory, Answer(exchange=body({"content": f"It rains in {city}."}, "stop")))


def measured(prompts: int) -> tuple[float, float, int]:
    """Seconds of processor time, megabytes that the comparison keeps, and divergences."""
    sides = {
        name: [rollout(p, s, name == "b") for p in range(prompts) for s in range(4)]
        for name in ("a", "b")
    }
    began = time.process_time()
    found = ak.compare(sides)
    found.text()
    elapsed = time.process_time() - began
    tracemalloc.start()
    again = ak.compare(sides)
    kept = tracemalloc.get_traced_memory()[0] / 1e6
    tracemalloc.stop()
    return elapsed, kept, len(again.divergences)


if __name__ == "__main__":
    most = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    for prompts in (most // 4, most):
        elapsed, kept, number = measured(prompts)
        print(
            f"{prompts:>6} prompts × 2 sides × 4 samples: {elapsed:6.2f} s of processor time, {kept:6.1f} MB kept, {number} divergences"
        )

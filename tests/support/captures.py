"""Real conversations with token ids and logprobs, out of the captured traffic of vLLM 0.32, as
trajectories.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from agentkit.trajectory.loop import apply, start
from agentkit.types.request import Spec
from agentkit.types.steps import Answer, Result
from agentkit.types.trajectory import ToolResult, Trajectory
from agentkit.types.wire import Chunk, Exchange
from tests.support.paths import CORPUS

CAPTURES = CORPUS / "tokens"


@cache
def entries(name: str) -> dict[str, dict[str, Any]]:
    """The entries of a captured server by their case."""
    lines = (CAPTURES / f"{name}.jsonl").read_text("utf-8").splitlines()
    return {entry["case"]: entry for entry in map(json.loads, lines)}


def exchange(entry: dict[str, Any]) -> Exchange:
    chunks = tuple(Chunk(at=at, text=text) for at, text in entry.get("chunks") or ())
    return Exchange(
        body=entry.get("body") or "",
        chunks=chunks,
        status=entry["status"],
        elapsed=entry.get("elapsed"),
    )


def conversation(server: str, name: str, profile: str = "vllm") -> Trajectory:
    """A captured conversation as it went on: each answer, and the results its next request
    holds.
    """
    cases = entries(server)
    first = cases[f"{name}/turn0"]["request"]
    sampling = {k: v for k, v in first.items() if k not in ("model", "messages", "tools")}
    spec = Spec(
        model=first["model"],
        tools=tuple(first.get("tools", ())),
        sampling=sampling,
        profile=profile,
    )
    trajectory = start(first["messages"], spec, {"case": name})
    for turn in range(9):
        if (entry := cases.get(f"{name}/turn{turn}")) is None:
            break
        trajectory = apply(trajectory, Answer(exchange=exchange(entry)))
        later = cases.get(f"{name}/turn{turn + 1}")
        results = [m for m in later["request"]["messages"] if m["role"] == "tool"] if later else []
        for call, message in zip(trajectory.pending, results, strict=False):
            result = ToolResult(
                call_id=call.id, name=call.name, status="ok", content=message["content"]
            )
            trajectory = apply(trajectory, Result(position=call.position, result=result))
    return trajectory

"""What the tests of cassettes share: scripted agents, and rollouts of them that were recorded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import agentkit as ak
from agentkit.files.cassette.codec import encode_line
from agentkit.files.cassette.lines import dump
from agentkit.testing import FixedClock, ScriptedServer, calls, says
from agentkit.types.trajectory import Trajectory
from agentkit.types.wire import ApiError

ran: list[int] = []


def double(n: int) -> dict[str, int]:
    """Double it."""
    ran.append(n)
    return {"twice": 2 * n}


SCRIPT = [
    says("first", calls("double", n=1), calls("double", n=2), reasoning="hm"),
    ApiError(kind="server_error", message="busy"),
    says("done"),
]


def agent(*script: Any, tools: Any = (double,), **options: Any) -> ak.Agent:
    clock = FixedClock()
    return ak.Agent(
        "m",
        tools=tools,
        server=ScriptedServer(list(script or SCRIPT), clock=clock),
        clock=clock,
        **options,
    )


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def steps(path: Path) -> list[Any]:
    return [line.get("step", line.get("kind")) for line in lines(path)]


def exactly(a: Trajectory, b: Trajectory) -> bool:
    """Whether two trajectories are the same to the last timestamp."""
    return [encode_line(line) for line in dump(a)] == [encode_line(line) for line in dump(b)]


def recorded(path: Path, *script: Any, prompt: Any = "go", **options: Any) -> Trajectory:
    """A rollout that was recorded there, with its failed requests tried again."""
    dbg = ak.debug(ak.record(agent(*script, **options), path), prompt)
    while dbg.step() or (dbg.error is not None and dbg.step()):
        pass
    return dbg.trajectory


def by_prompt() -> ak.Agent:
    return ak.Agent(
        "m", server=ScriptedServer(lambda messages: says(f"to {messages[-1]['content']}"))
    )

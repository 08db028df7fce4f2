"""Long rollouts cost in proportion to their length, many at once finish, and a kept one is
small.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import time
import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import agentkit as ak
from agentkit.show.notebook.static_view import mimebundle, standalone
from agentkit.testing import ScriptedServer, calls, says
from agentkit.trajectory.loop import apply, start
from agentkit.types.request import Spec
from agentkit.types.steps import Answer, Result
from agentkit.types.trajectory import ToolResult, Trajectory
from agentkit.types.wire import Exchange
from tests.agent.hermes.loop_cases import ECHO, USER, answer, call, loop
from tests.support.growth import assert_linear
from tests.support.loaded import load_one

pytestmark = pytest.mark.slow

FACTOR = 6
"""How much more 400 turns may cost than 100: linear is 4, quadratic 16."""


def look(n: int) -> str:
    """Look."""
    return f"{n}: " + "what was seen " * 10


def built(turns: int) -> Trajectory:
    """A trajectory made by the pure loop, without an engine."""
    trajectory = start("go", Spec(model="m", tools=(ak.tool(look).schema,)))
    for number in range(turns - 1):
        body = json.dumps(
            answer(
                "I look.", call("look", {"n": number}, f"call_{number}"), reasoning="because " * 20
            )
        )
        trajectory = apply(trajectory, Answer(exchange=Exchange(body=body, status=200)))
        result = ToolResult(
            call_id=f"call_{number}", name="look", status="ok", content=look(number)
        )
        trajectory = apply(trajectory, Result(position=0, result=result))
    return apply(trajectory, Answer(exchange=Exchange(body=json.dumps(answer("done")), status=200)))


def rolled_out(turns: int) -> Trajectory:
    count = itertools.count(1)
    server = ScriptedServer(
        lambda messages: (
            says("done")
            if next(count) == turns
            else says("I look.", calls("look", n=1), reasoning="why " * 40)
        )
    )
    return ak.rollout(ak.Agent("m", [look], server, max_turns=None), "go")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    folder = tmp_path_factory.mktemp("scale")
    return {turns: ak.save(rolled_out(turns), folder / f"{turns}.jsonl") for turns in (100, 400)}


WORK: dict[str, Callable[[int, Path], Any]] = {
    "build": lambda turns, path: built(turns),
    "roll out": lambda turns, path: rolled_out(turns),
    "save": lambda turns, path: ak.save(LOADED[path], path.with_suffix(".again.jsonl")),
    "load": lambda turns, path: load_one(path),
    "replay": lambda turns, path: ak.rollout(ak.replay(path)),
    "messages": lambda turns, path: LOADED[path].messages,
    "show": lambda turns, path: mimebundle(LOADED[path]),
    "page": lambda turns, path: standalone(LOADED[path]),
    "repr": lambda turns, path: repr(LOADED[path]),
    "compare": lambda turns, path: LOADED[path] == ak.load(path),
}
LOADED: dict[Path, Trajectory] = {}


@pytest.mark.parametrize("kind", WORK)
def test_the_cost_grows_with_the_length(files: dict[int, Path], kind: str) -> None:
    for path in files.values():
        LOADED[path] = LOADED.get(path) or load_one(path)
    assert_linear(lambda turns: partial(WORK[kind], turns, files[turns]), 100, 400, FACTOR, kind)


def test_the_trajectory_is_what_it_should_be(files: dict[int, Path]) -> None:
    trajectory = load_one(files[400])
    assert (len(trajectory.turns), len(trajectory.messages), trajectory.final) == (400, 800, "done")
    assert built(400).messages[-3]["tool_calls"][0]["id"] == "call_398"


class Server:
    """Four calls one after another, then an answer."""

    def __init__(self) -> None:
        self.asked = 0

    async def chat_completion(self, **kwargs: Any) -> Any:
        self.asked += 1
        await asyncio.sleep(0)
        return (
            answer("done")
            if self.asked == 5
            else answer("I look.", call("echo", {"text": "x"}, f"call_{self.asked}"))
        )


async def test_many_rollouts_at_once_finish() -> None:
    loops = [
        loop(Server(), ECHO, dispatch=lambda name, args, **extra: time.sleep(0.001) or name)  # type: ignore[func-returns-value]
        for _ in range(512)
    ]
    async with asyncio.timeout(60):
        results = await asyncio.gather(*(running.run(list(USER)) for running in loops))
    assert {(r.stop_reason, r.turns_used, len(r.messages)) for r in results} == {("final", 5, 10)}
    assert len({id(r.messages) for r in results}) == 512


class Ten(Server):
    async def chat_completion(self, **kwargs: Any) -> Any:
        self.asked += 1
        text = "I look at it and then say what I see. " * 3
        return (
            answer("done")
            if self.asked == 10
            else answer(text, call("echo", {"text": "x"}, f"call_{self.asked}"), reasoning=text)
        )


async def test_a_kept_rollout_is_small() -> None:
    async def rollout() -> ak.AgentResult:
        return await loop(Ten(), ECHO, dispatch=lambda *a, **k: "what was seen " * 10).run(
            list(USER)
        )

    await rollout()
    gc.collect()
    tracemalloc.start()
    try:
        kept = [await rollout() for _ in range(20)]
        gc.collect()
        size = tracemalloc.get_traced_memory()[0] / len(kept)
    finally:
        tracemalloc.stop()
    assert len(kept[0].trajectory.turns) == 10
    assert size <= 40_000, f"{size:.0f} bytes"

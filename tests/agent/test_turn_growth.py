"""The last of a thousand turns costs what the first does: counted in calls, on no clock."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import agentkit as ak
from agentkit.servers.model_call import Call, Emit, request_body
from agentkit.types.wire import Chunk, Exchange
from tests.benchmarks.loop_cost import RESULT, SYSTEM, TOOLS, USER, InProcess, lookup
from tests.benchmarks.mock_vllm import body, events

PACKAGE = str(Path(ak.__file__).parent)
FEW, MANY = 100, 1000

pytestmark = pytest.mark.slow


class Local(ak.Server):
    """Encodes each request as it would be sent, and answers it here."""

    def __init__(self, turns: int) -> None:
        super().__init__("http://localhost:1/v1")
        self.turns = turns

    async def chat(self, call: Call, emit: Emit | None = None) -> Exchange:
        """Answer with a call, and at last without."""
        done = request_body(call).count(b'"role":"tool"')
        last = done >= self.turns - 1
        if not call.stream:
            return Exchange(body=body(done, last).decode(), status=200)
        chunks = tuple(Chunk(at=0.0, text=event.decode()) for event in events(done, last))
        for chunk in chunks:
            if emit is not None:
                emit(chunk)
        return Exchange(chunks=chunks, status=200)


async def dispatch(name: str, arguments: dict[str, Any], **context: Any) -> str:
    """Run a tool."""
    return RESULT


async def looped(server: Any, turns: int, stream: bool) -> None:
    """Run an `AgentLoop` over a list of the caller's."""
    loop = ak.AgentLoop(
        server, TOOLS, None, turns, model="mock", dispatch=dispatch, stream=stream, retries=0
    )
    result = await loop.run([dict(SYSTEM), dict(USER)])
    assert (result.turns_used, result.finished_naturally) == (turns, True)


async def over_http(turns: int) -> None:
    """Run an `AgentLoop` over requests that are encoded."""
    await looped(Local(turns), turns, False)


async def streamed(turns: int) -> None:
    """The same in pieces."""
    await looped(Local(turns), turns, True)


async def in_process(turns: int) -> None:
    """Run an `AgentLoop` over an object of the process."""
    await looped(InProcess(turns), turns, False)


async def rollout(turns: int) -> None:
    """Run a rollout of an agent, whose tool runs on the loop of tools."""
    agent = ak.Agent("mock", [lookup], Local(turns), max_turns=turns)
    engine = agent.engine(agent.start("Look up gamma."))
    await engine.run()
    assert len(engine.trajectory.turns) == turns


def calls_of(way: Callable[[int], Awaitable[None]], turns: int) -> int:
    """Count the calls that agentkit's functions make and are, on the loop of the rollout."""
    count = 0

    def note(frame: FrameType, event: str, _: Any) -> None:
        nonlocal count
        if event in ("call", "c_call") and frame.f_code.co_filename.startswith(PACKAGE):
            count += 1

    async def run() -> None:
        sys.setprofile(note)
        try:
            await way(turns)
        finally:
            sys.setprofile(None)

    asyncio.run(run())
    return count


@pytest.mark.parametrize("way", [over_http, streamed, in_process, rollout])
def test_a_thousand_turns_cost_ten_times_a_hundred(way: Callable[[int], Awaitable[None]]) -> None:
    calls_of(way, 2)  # what is prepared once in a process is not counted
    few, many = calls_of(way, FEW), calls_of(way, MANY)
    assert many <= 1.1 * few * MANY / FEW, (few, many)

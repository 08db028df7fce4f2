"""What the tests of the debugger's view share: a server that streams slowly, agents with slow
tools, and hostile texts.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import agentkit as ak
from agentkit.debugger.break_on import break_on
from agentkit.servers.model_call import Call, Emit
from agentkit.testing import ScriptedServer, calls, says
from agentkit.trajectory.person.branches import Tree
from agentkit.types.trajectory import OpenTurn, Parent
from agentkit.types.wire import Chunk, Exchange
from tests.show.render_samples import filled
from tests.support.paths import CORPUS

HOSTILE = CORPUS / "hostile"


def payloads() -> list[str]:
    """Texts that would do something if they were taken for anything but text."""
    return [
        text
        for path in sorted(HOSTILE.glob("*.json"))
        for text in json.loads(path.read_text("utf-8"))
    ]


class StreamingServer:
    """A server that streams one answer, piece by piece, as fast as it is let. A piece is a text, or
    a delta as it is sent.
    """

    profile: str | None = None

    def __init__(
        self,
        pieces: Iterable[str | dict[str, str]],
        *,
        pause: float = 0.0,
        field: str = "content",
        gate: threading.Event | None = None,
    ) -> None:
        self.pieces = list(pieces)
        self.pause = pause
        self.field = field
        self.gate = gate
        """Where there is one, the second half waits for it."""

    async def chat(self, call: Call, emit: Emit | None = None) -> Exchange:
        """The answer, whose pieces are emitted with a pause after each."""
        chunks = []
        for index, piece in enumerate((*self.pieces, None)):
            while (
                index == len(self.pieces) // 2 and self.gate is not None and not self.gate.is_set()
            ):
                await asyncio.sleep(0.01)
            delta = {self.field: piece} if isinstance(piece, str) else piece or {}
            event = {
                "choices": [
                    {
                        "index": 0,
                        "delta": delta,
                        "finish_reason": None if piece is not None else "stop",
                    }
                ]
            }
            chunk = Chunk(at=0.1, text=f"data: {json.dumps(event)}\n\n")
            chunks.append(chunk)
            if emit:
                emit(chunk)
            await asyncio.sleep(self.pause)
        return Exchange(
            status=200, chunks=(*chunks, Chunk(at=0.2, text="data: [DONE]\n\n")), elapsed=0.2
        )


def streaming(pieces: Iterable[str | dict[str, str]], **options: Any) -> ak.Debugger:
    """A debugger whose model streams these pieces."""
    return ak.debug(ak.Agent("m", server=StreamingServer(pieces, **options), stream=True), "Go on.")


class Gate:
    """A tool that waits until it is let through."""

    def __init__(self) -> None:
        self.entered, self.open = threading.Event(), threading.Event()

    def debugger(self) -> ak.Debugger:
        """A debugger whose agent calls the tool in every turn, for ever."""

        def wait() -> str:
            """Waits."""
            self.entered.set()
            self.open.wait(10)
            return "through"

        script = lambda messages: says(None, calls("wait"))  # noqa: E731
        return ak.debug(
            ak.Agent("m", tools=[wait], server=ScriptedServer(script), max_turns=None), "Wait."
        )


def hostile_trajectory(dbg: ak.Debugger, texts: Sequence[str]) -> None:
    """Puts the debugger on a branch with each text in every place a server, a model, a tool or a
    person can put one, with calls pending.
    """
    wholes = [filled(said) for said in texts]
    turns = tuple(whole.turns[0] for whole in wholes)
    answer = turns[-1].response
    opened = OpenTurn(response=answer, results=(None,) * len(answer.tool_calls))
    trajectory = replace(wholes[0], turns=turns, open=opened, stop_reason=None, error=None)
    dbg._cursor._enter(
        Tree.of(trajectory).grown(
            *(
                replace(trajectory, parent=Parent(trajectory=trajectory, turn=0, change=t))
                for t in texts
            )
        )
    )
    dbg.breakpoints.clear()
    for said in texts:
        dbg.breakpoints.add(break_on.text(said) | break_on.tool(said))

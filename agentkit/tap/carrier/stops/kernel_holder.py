"""Stops requests and answers on their way: asks the kernel, keeps the client waiting, and does what
was decided there. Where the kernel is gone, everything goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from itertools import count
from typing import Any, TypeVar

from agentkit.files.foreign.logs.flow_log import flow_line
from agentkit.tap.carrier.flow_record import FlowReader, asks_for_stream
from agentkit.tap.carrier.speaker import Speaker
from agentkit.tap.carrier.stops.decision import (
    CHAINED,
    changed_answer_of,
    changed_body_of,
    refusal,
    substitute_of,
)
from agentkit.tap.hold.patience import Patience, patience_of
from agentkit.tap.seam.holder import Verdict
from agentkit.tap.seam.outlet import Outlet
from agentkit.tap.seam.passing import Passing

T = TypeVar("T")
Decision = dict[str, Any]


class KernelHolder:
    """Asks the kernel about each request and each answer, where there is a breakpoint on them.

    Args:
        speaker: tells the kernel.
        flush: has the kernel told of all that has passed.
    """

    def __init__(self, speaker: Speaker, flush: Callable[[], None]) -> None:
        self.requests = False
        """Whether requests are asked about."""
        self.answers = False
        """Whether answers are asked about, and so are read whole before they pass."""
        self._speaker, self._flush = speaker, flush
        self._reader = FlowReader()
        self._thread = ThreadPoolExecutor(1, "agentkit-hold")
        self._numbers = count()
        self._waiting: dict[int, asyncio.Future[Decision]] = {}
        self._released = False

    async def request(self, passing: Passing, outlet: Outlet) -> Verdict:
        """Stop a request, or let it pass."""
        decision, waited = await self._asked("request", passing, outlet)
        answer = substitute_of(decision, late=outlet.begun)
        changes = decision.get("changes")
        if answer is not None or not changes:
            return Verdict(answer=answer, waited=waited)
        try:
            body = await self._read(lambda: changed_body_of(passing, self._reader, changes))
        except Exception as exc:  # what was not meant to leave must not leave
            return Verdict(answer=refusal(exc), waited=waited)
        return Verdict(body=body, waited=waited)

    async def answer(self, passing: Passing, outlet: Outlet) -> Verdict:
        """Stop an answer, or let it pass."""
        decision, waited = await self._asked("answer", passing, outlet)
        answer = substitute_of(decision, late=outlet.begun)
        changes = decision.get("changes")
        if answer is None and changes:
            try:
                answer = await self._read(lambda: changed_answer_of(passing, self._reader, changes))
            except Exception as exc:
                answer = refusal(exc)
        return Verdict(answer=answer, waited=waited)

    @asynccontextmanager
    async def keep(self, passing: Passing, outlet: Outlet) -> AsyncIterator[None]:
        """Keep a client waiting."""
        headers = (
            (name.decode("latin-1").lower(), value.decode("latin-1"))
            for name, value in passing.headers
        )
        patience = patience_of(headers)
        beats = asyncio.create_task(_beats(patience, passing, outlet)) if patience.every else None
        try:
            yield
        finally:
            if beats is not None:
                beats.cancel()
                with suppress(asyncio.CancelledError, ConnectionError):
                    await beats

    def hear(self, message: Any) -> None:
        """Take a message of the kernel: what is asked about, or what was decided."""
        if "verdict" in message:
            future = self._waiting.get(message["verdict"])
            if future is not None and not future.done():
                future.set_result(message)
        elif not self._released:
            self.ask(message)
            self._speaker.say("hold", f"set {message['set']}")

    def ask(self, sides: dict[str, Any]) -> None:
        """Ask about requests or answers, both or none from now on."""
        self.requests, self.answers = sides["requests"], sides["answers"]

    def release(self) -> None:
        """Let everything go on: the kernel is gone, or wants no more."""
        self._released = True
        self.requests = self.answers = False
        for future in self._waiting.values():
            if not future.done():
                future.set_result({})

    async def _asked(
        self, side: str, passing: Passing, outlet: Outlet
    ) -> tuple[Decision, float | None]:
        """Ask the kernel; return what was decided, and how long a person took."""
        read = self._reader.request if side == "request" else self._reader.flow
        async with self.keep(passing, outlet):
            if any(CHAINED in piece for piece in passing.body):
                await self._read(self._flush)  # what is asked about names what came before
            line = await self._read(lambda: flow_line(read(passing)))
            number, loop = next(self._numbers), asyncio.get_running_loop()
            if self._released:
                return {}, None
            self._waiting[number] = loop.create_future()
            begun = loop.time()
            self._speaker.say("hold", f"ask {number} {side} {line}")
            try:
                decision = await self._waiting[number]
            except asyncio.CancelledError:
                self._speaker.say("hold", f"gone {number}")
                raise
            finally:
                del self._waiting[number]
        return decision, loop.time() - begun if decision.get("person") else None

    async def _read(self, work: Callable[[], T]) -> T:
        """Read or write a whole body, beside the loop."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


async def _beats(patience: Patience, passing: Passing, outlet: Outlet) -> None:
    """Tell a client again and again that its answer is still to come."""
    while patience.every:
        await asyncio.sleep(patience.every)
        if patience.beat == "processing":
            outlet.inform(102, "Processing")
        elif patience.beat == "continue":
            outlet.inform(100, "Continue")
        else:
            streams = asks_for_stream(passing)
            kind = "text/event-stream; charset=utf-8" if streams else "application/json"
            await outlet.begin(200, "OK", [("Content-Type", kind)])
            await outlet.write(b": \n\n" if streams else b" ")

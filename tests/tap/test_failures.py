"""What fails on our side of a tap harms no byte, and is told."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from agentkit.tap.carrier.carriage import Carriage
from agentkit.tap.carrier.flow_writer import FlowWriter
from agentkit.tap.carrier.routes import Routes
from agentkit.tap.carrier.speaker import Speaker
from agentkit.tap.carrier.upstream import Upstream
from agentkit.tap.seam.holder import Open, Verdict
from agentkit.tap.seam.passing import Passing
from tests.servers.http_stub import COMPLETION, HttpServer


class Broken:
    """A log that fails at everything."""

    def __init__(self) -> None:
        self.following = True
        self.reported: list[str] = []

    def begin(self, passing: Passing) -> None:
        raise KeyError("begin")

    def piece(self, passing: Passing) -> None:
        raise KeyError("piece")

    def end(self, passing: Passing) -> None:
        raise KeyError("end")

    def report(self, exc: BaseException, number: int) -> None:
        self.reported.append(f"{exc} {number}")


class BrokenHolder(Open):
    """A holder that fails at everything."""

    async def request(self, passing: Any, outlet: Any) -> Verdict:
        raise ValueError("request")

    async def answer(self, passing: Any, outlet: Any) -> Verdict:
        raise ValueError("answer")


@asynccontextmanager
async def carried(server: HttpServer, log: Any, holder: Open) -> AsyncIterator[str]:
    """A carrier in this process."""
    upstream = Upstream(server.url.removesuffix("/v1"), {"chat": {}, "messages": {}}, "")
    carriage = Carriage(Routes({"token": upstream}), log, holder)
    runner = web.ServerRunner(web.Server(carriage, handler_cancellation=True, access_log=None))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{site.port}/token/v1/chat/completions"
    await runner.cleanup()
    await upstream.close_each()


async def answer_of(url: str) -> Any:
    async with aiohttp.ClientSession() as session, session.post(url, json={}) as response:
        return await response.json()


async def test_a_log_that_fails_harms_no_byte() -> None:
    log = Broken()
    async with HttpServer() as server, carried(server, log, Open()) as url:
        assert await answer_of(url) == COMPLETION
    assert log.reported == ["'begin' 0", "'piece' 0", "'end' 0"]


async def test_a_holder_that_fails_lets_pass() -> None:
    log = Broken()
    holder = BrokenHolder(requests=True, answers=True)
    async with HttpServer() as server, carried(server, log, holder) as url:
        assert await answer_of(url) == COMPLETION
    assert "request 0" in log.reported
    assert "answer 0" in log.reported


def test_what_cannot_be_read_is_told_and_nothing_of_it_is_kept(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    speaker = Speaker(writing)
    record = tmp_path / "session.jsonl"
    writer = FlowWriter(str(record), {}, speaker)

    def fail(passing: Passing) -> Any:
        raise RecursionError("too deep")

    writer._reader.flow = fail  # type: ignore[method-assign]
    passing = Passing(number=3, label="", method="POST", path="/v1/x?key=sk-secret-0123456789")
    passing.answered(200, "OK", [])
    passing.end()
    writer._put("ended", passing)
    writer.close()
    speaker.close()
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        heard = [line.decode().split(" ", 1) for line in pipe]
    assert heard[0] == ["failed", '{"message":"RecursionError: too deep","number":3}\n']
    line = json.loads(record.read_text().splitlines()[1])
    assert line["number"] == 3
    assert "agentkit could not read it" in line["exchange"]["transport_error"]["message"]
    assert "sk-secret" not in record.read_text()


def test_a_kernel_that_does_not_listen_holds_up_nobody() -> None:
    reading, writing = os.pipe()
    speaker = Speaker(writing)
    for number in range(200):
        speaker.say("ended", json.dumps("x" * 10_000 + str(number)))
    with os.fdopen(reading, "rb") as pipe:
        lines = [pipe.readline() for _ in range(200)]
    speaker.close()
    os.close(writing)
    assert [line.endswith(f'{number}"\n'.encode()) for number, line in enumerate(lines)] == [
        True
    ] * 200

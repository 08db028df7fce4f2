"""Servers: many requests at once, many event loops, and none of their connections left behind."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from agentkit.servers.server import Server
from agentkit.types.wire import Exchange
from tests.servers.http_stub import COMPLETION, Answer, HttpServer
from tests.servers.server_stub import CALL, kind
from tests.support.paths import ROOT

pytestmark = pytest.mark.slow


def test_the_limit_of_connections_is_kept_and_they_are_used_again() -> None:
    with HttpServer(Answer(COMPLETION, delay=0.03)) as http:

        async def main() -> list[Exchange]:
            async with Server(http.url, connections=5) as server:
                return await asyncio.gather(*(server.chat(CALL) for _ in range(30)))

        assert {x.status for x in asyncio.run(main())} == {200}
        assert http.peak <= 5
        assert http.connections <= 5
        assert len(http.requests) == 30


def test_two_hundred_requests_at_once() -> None:
    with HttpServer(Answer(COMPLETION, delay=0.3)) as http:

        async def main() -> list[Exchange]:
            server = Server(http.url)
            return await asyncio.gather(*(server.chat(CALL) for _ in range(200)))

        assert [x.status for x in asyncio.run(main())] == [200] * 200
        assert http.peak > 50


def test_waiting_for_a_connection_is_not_counted() -> None:
    with HttpServer(Answer(COMPLETION, delay=0.2)) as http:

        async def main() -> list[Exchange]:
            server = Server(http.url, connections=1, timeout=0.7)
            return await asyncio.gather(*(server.chat(CALL) for _ in range(4)))

        assert [kind(x) for x in asyncio.run(main())] == [None] * 4


def test_one_server_in_one_loop_after_another_and_in_two_at_once() -> None:
    with HttpServer(Answer(COMPLETION, delay=0.05)) as http:
        server = Server(http.url)
        found = [asyncio.run(server.chat(CALL)).status for _ in range(3)]
        threads = [
            threading.Thread(target=lambda: found.append(asyncio.run(server.chat(CALL)).status))
            for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        loop = asyncio.new_event_loop()
        try:
            found.append(loop.run_until_complete(server.chat(CALL)).status)
            loop.run_until_complete(server.aclose())
            found.append(loop.run_until_complete(server.chat(CALL)).status)
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            loop.close()
        assert found == [200] * 7
        assert len(server._clients._of) == 0


def test_aclose_closes_the_clients_of_other_loops() -> None:
    with HttpServer() as http, background_loop() as loop:
        server = Server(http.url)
        assert asyncio.run_coroutine_threadsafe(server.chat(CALL), loop).result(5).status == 200
        asyncio.run(server.aclose())
        assert len(server._clients._of) == 0
        assert asyncio.run_coroutine_threadsafe(server.chat(CALL), loop).result(5).status == 200
        asyncio.run_coroutine_threadsafe(server.aclose(), loop).result(5)


@contextlib.contextmanager
def background_loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


SCRIPT = """
import asyncio, gc, sys, threading
from agentkit.servers.model_call import Call
from agentkit.servers.server import Server
url, call = sys.argv[1], Call(messages=[{"role": "user", "content": "x"}])
assert "openai" not in sys.modules
server = Server(url)
for _ in range(2):
    assert asyncio.run(server.chat(call)).status == 200
async def dropped():
    assert (await Server(url).chat(call)).status == 200
    gc.collect()
    await asyncio.sleep(0.05)
asyncio.run(dropped())
loop = asyncio.new_event_loop()
threading.Thread(target=loop.run_forever, daemon=True).start()
assert asyncio.run_coroutine_threadsafe(server.chat(call), loop).result(9).status == 200
unused = asyncio.new_event_loop()
assert unused.run_until_complete(server.chat(call)).status == 200
assert "openai" not in sys.modules
"""


def test_a_program_ends_without_a_word_about_open_connections() -> None:
    with HttpServer() as http:
        command = [
            sys.executable,
            "-W",
            "error",
            "-W",
            "default::ResourceWarning",
            "-c",
            SCRIPT,
            http.url,
        ]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=30,
            cwd=ROOT,
            check=False,
        )
    noise = [
        line
        for line in done.stderr.splitlines()
        if "unclosed event loop" not in line and "_warn(" not in line
    ]
    assert (done.returncode, done.stdout, "\n".join(noise)) == (0, "", "")

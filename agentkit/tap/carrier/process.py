"""The process itself: `python -m agentkit.tap.carrier.process`, started by `agentkit.tap.channel`.

Its first line of input is what it is to do; its input ends with the kernel, and it with that.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong

from agentkit.servers.redaction.known_secrets import keep, remember
from agentkit.tap.carrier.carriage import Carriage
from agentkit.tap.carrier.flow_writer import FlowWriter
from agentkit.tap.carrier.routes import Routes
from agentkit.tap.carrier.speaker import Speaker
from agentkit.tap.carrier.stops.decision import error_text
from agentkit.tap.carrier.stops.kernel_holder import KernelHolder
from agentkit.tap.carrier.upstream import Upstream

_LONGEST_HEADER = 2**20
"""Bytes of a line of a head; servers take less, and refuse the rest in their own words."""
_MOST_HEADERS = 2000
_LAST_SECONDS = 600.0
"""Seconds that requests in flight have to end when the kernel is gone."""
_BACKLOG = 1024
_CLOSE_SECONDS = 0.2
_SWITCH_SECONDS = 0.0005
"""What is read for the record gives way to bytes that pass as soon as that."""


class AgentConnection(web.RequestHandler):
    """A connection of an agent. What is no request that can be read is refused in words that an
    agent can show; aiohttp's own quote it, keys and all, and go to the log.
    """

    tell: Callable[[str], None]
    """Takes what was refused, for the kernel."""

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Refuse a request."""
        if isinstance(exc, LineTooLong):
            status, words = 431, f"a line of its head is longer than {_LONGEST_HEADER:,} bytes"
            self.tell(f"a request was refused: {words}")
        else:
            words = f"it cannot be read as HTTP ({type(exc).__name__}); the URL begins with http://"
        refused = web.Response(
            status=status, body=error_text(f"agentkit passed nothing on: {words}")
        )
        refused.content_type = "application/json"
        refused.force_close()
        return refused


class AgentListener(web.Server):
    """Makes what hears a connection."""

    tell: Callable[[str], None]
    """Takes what was refused, once each."""

    def __call__(self) -> AgentConnection:
        connection = AgentConnection(self, loop=self._loop, **self._kwargs)
        connection.tell = self.tell
        return connection


class Carrier:
    """Listens, carries, and does what the kernel says.

    Args:
        setup: the first message.
        speaker: tells the kernel.
    """

    def __init__(self, setup: dict[str, Any], speaker: Speaker) -> None:
        keep(setup["kept"])
        remember(setup["secrets"])
        self._setup, self._speaker = setup, speaker
        servers = {name: server["url"] for name, server in setup["servers"].items()}
        self._writer = FlowWriter(setup["record"], servers, speaker, again=setup["again"])
        self._writer.keep(setup["lost"])
        self._writer.following = setup["pieces"]
        self._holder = KernelHolder(speaker, self._writer.flush)
        self._holder.ask(setup["hold"])
        self._upstreams = {
            server["token"]: Upstream(server["root"], server["headers"], server["query"])
            for server in setup["servers"].values()
        }
        routes = Routes(self._upstreams)
        self._carriage = Carriage(routes, self._writer, self._holder, setup["next"])
        self._closed = asyncio.Event()
        self._refused: set[str] = set()

    async def run(self) -> None:
        """Carry until the kernel is gone."""
        server = AgentListener(
            self._carriage,
            handler_cancellation=True,
            auto_decompress=False,
            access_log=None,
            max_line_size=_LONGEST_HEADER,
            max_field_size=_LONGEST_HEADER,
            max_headers=_MOST_HEADERS,
        )
        server.tell = self._tell_once
        runner = web.ServerRunner(server, shutdown_timeout=_CLOSE_SECONDS)
        await runner.setup()
        try:
            site = self._site(runner)
            await site.start()
        except OSError as exc:
            self._speaker.tell("ready", {"error": exc.strerror or str(exc)})
            return
        self._speaker.tell("ready", {"port": runner.addresses[0][1]})
        loop = asyncio.get_running_loop()
        threading.Thread(target=_listen, args=(self._hear, loop), daemon=True).start()
        await self._closed.wait()
        self._carriage.closed = True
        self._holder.release()
        await site.stop()
        await self._carriage.join(_LAST_SECONDS)
        await runner.cleanup()
        for upstream in self._upstreams.values():
            await upstream.close_each()
        await asyncio.to_thread(self._writer.close)

    def _site(self, runner: web.ServerRunner) -> web.BaseSite:
        """Listen on the port that the kernel has opened, or open it."""
        opened = self._setup["socket"]
        if opened is None:
            return web.TCPSite(runner, "127.0.0.1", self._setup["port"], backlog=_BACKLOG)
        return web.SockSite(runner, socket.socket(fileno=opened), backlog=_BACKLOG)

    def _tell_once(self, failure: str) -> None:
        """Tell of what was refused; whoever is not known may send it again and again."""
        if failure not in self._refused:
            self._refused.add(failure)
            self._speaker.tell("failed", {"message": failure, "number": -1})

    def _hear(self, kind: str, data: Any) -> None:
        if kind == "close":
            self._closed.set()
        elif kind == "sync":
            self._writer.sync(data)
        elif kind == "follow":
            self._writer.following = bool(data["pieces"])
        elif kind == "secrets":
            remember(data)
        elif kind == "hold":
            self._holder.hear(data)


def _listen(hear: Any, loop: asyncio.AbstractEventLoop) -> None:
    """Give each message of the kernel to the event loop; its end is the last."""
    for line in sys.stdin.buffer:
        kind, _, text = line.decode().partition(" ")
        loop.call_soon_threadsafe(hear, kind, json.loads(text))
    loop.call_soon_threadsafe(hear, "close", None)


def main() -> None:
    """Run until the kernel is gone."""
    sys.setswitchinterval(_SWITCH_SECONDS)
    setup = json.loads(sys.stdin.buffer.readline())
    pipe = os.dup(1)
    os.dup2(2, 1)  # what a library prints is no message
    speaker = Speaker(pipe)

    async def carry() -> None:
        carrier = Carrier(setup, speaker)
        gc.collect()
        gc.freeze()  # what is imported is not looked through again
        gc.set_threshold(20_000, 20, 20)  # what passes makes no circles
        await carrier.run()

    asyncio.run(carry())
    speaker.close()


if __name__ == "__main__":
    main()

"""The process itself: `python -m agentkit.tap.carrier.process`, started by `agentkit.tap.channel`.

Its first line of input is what it is to do; its input ends with the kernel, and it with that.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import threading
from typing import Any

from aiohttp import web

from agentkit.servers.redaction.known_secrets import keep, remember
from agentkit.tap.carrier.carriage import Carriage
from agentkit.tap.carrier.flow_writer import FlowWriter
from agentkit.tap.carrier.routes import Routes
from agentkit.tap.carrier.speaker import Speaker
from agentkit.tap.carrier.stops.kernel_holder import KernelHolder
from agentkit.tap.carrier.upstream import Upstream

_LONGEST_HEADER = 2**16
_LAST_SECONDS = 600.0
"""Seconds that requests in flight have to end when the kernel is gone."""
_CLOSE_SECONDS = 0.2
_SWITCH_SECONDS = 0.0005
"""What is read for the record gives way to bytes that pass as soon as that."""


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
        self._writer = FlowWriter(setup["record"], servers, speaker)
        self._holder = KernelHolder(speaker, self._writer.flush)
        self._upstreams = {
            server["token"]: Upstream(server["root"], server["headers"], server["query"])
            for server in setup["servers"].values()
        }
        self._carriage = Carriage(Routes(self._upstreams), self._writer, self._holder)
        self._closed = asyncio.Event()

    async def run(self) -> None:
        """Carry until the kernel is gone."""
        server = web.Server(
            self._carriage,
            handler_cancellation=True,
            auto_decompress=False,
            access_log=None,
            max_line_size=_LONGEST_HEADER,
            max_field_size=_LONGEST_HEADER,
        )
        runner = web.ServerRunner(server, shutdown_timeout=_CLOSE_SECONDS)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self._setup["port"], backlog=1024)
        try:
            await site.start()
        except OSError as exc:
            self._speaker.tell("ready", {"error": exc.strerror or str(exc), "errno": exc.errno})
            return
        self._speaker.tell("ready", {"port": site.port})
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
        await carrier.run()

    asyncio.run(carry())
    speaker.close()


if __name__ == "__main__":
    main()

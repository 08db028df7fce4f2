"""What it costs an agent to be watched: processor time, and time to the first byte of a stream,
beside the same requests sent straight to the server, in the same run.

    python tests/benchmarks/tap_cost.py [ROUNDS]        # 15 by default

Server, carrier and client are processes; what the system counted for each of their threads is read
from /proc, so this runs on Linux. The answers are constructed. It prints medians beside the bounds
they are to keep to, and checks nothing else than that every answer was whole.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

import agentkit as ak

REQUESTS, STREAMS, CHUNKS = 200, 60, 2000
GAP = 0.0005
KEY = "sk-proj-0123456789abcdefghij"
WORD = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
MESSAGES = [
    {"role": role, "content": f"{place}: what is the weather in Oslo, and do I need a coat? " * 3}
    for place in range(10)
    for role in ("user", "assistant")
]


def chunk(index: int) -> bytes:
    delta = {"index": 0, "delta": {"content": f"word {index} "}, "finish_reason": None}
    return f"data: {json.dumps({**WORD, 'choices': [delta]})}\n\n".encode()


BLOCK = json.dumps(
    {
        "id": "c1",
        "object": "chat.completion",
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "cloudy, take one " * 20},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 400, "completion_tokens": 60, "total_tokens": 460},
    }
).encode()


async def answer(request: web.Request) -> web.StreamResponse:
    """Answer as the request asks: a block, or so many chunks."""
    asked = await request.json()
    if not asked.get("stream"):
        return web.Response(body=BLOCK, content_type="application/json")
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for index in range(asked["n_chunks"]):
        await response.write(chunk(index))
        await asyncio.sleep(GAP)
    await response.write(b"data: [DONE]\n\n")
    return response


async def serve() -> None:
    """Run the server, and print its port."""
    app = web.Application()
    app.router.add_post("/v1/chat/completions", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(site.port, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


def spent(pid: int) -> float:
    """Give the processor seconds of a process: nanoseconds of each of its threads."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


class Setting:
    """A server, and a tap before it."""

    def __init__(self, folder: str) -> None:
        self.server = subprocess.Popen(
            [sys.executable, __file__, "--serve"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self.server.stdout is not None
        self.direct = f"http://127.0.0.1:{int(self.server.stdout.readline())}/v1"
        self.watch = ak.watch(self.direct, record=Path(folder) / "session.jsonl")
        channel: Any = self.watch._channel
        self.carrier = channel._process.pid

    def close(self) -> None:
        """End both."""
        self.watch.close()
        self.server.communicate(b"")


async def ask(session: aiohttp.ClientSession, url: str, chunks: int = 0) -> float:
    """Send one request; give the milliseconds to the first byte of its answer's body."""
    body: dict[str, Any] = {"model": "m", "messages": MESSAGES}
    if chunks:
        body |= {"stream": True, "n_chunks": chunks}
    begun = time.perf_counter()
    async with session.post(
        f"{url}/chat/completions", json=body, headers={"Authorization": f"Bearer {KEY}"}
    ) as response:
        first, size = 0.0, 0
        async for piece in response.content.iter_any():
            first = first or time.perf_counter() - begun
            size += len(piece)
        assert size >= (len(BLOCK) if not chunks else chunks * 100)
        return first * 1000


async def blocks(session: aiohttp.ClientSession, setting: Setting) -> dict[str, float]:
    """Give the milliseconds of processor time of the carrier, and of all, for a request."""
    found: dict[str, float] = {}
    for way, url in (("direct", setting.direct), ("tapped", setting.watch.url)):
        before = all_spent(setting)
        for _ in range(REQUESTS):
            await ask(session, url)
        await settle(setting)
        after = all_spent(setting)
        cost = [(b - a) / REQUESTS * 1000 for a, b in zip(before, after, strict=True)]
        found[way] = sum(cost)
        if way == "tapped":
            found["carrier"] = cost[1]
    return found


async def settle(setting: Setting) -> None:
    """Wait until the carrier has recorded what passed."""
    before = -1.0
    while (now := spent(setting.carrier)) > before + 0.0005:
        before = now
        await asyncio.sleep(0.02)


def all_spent(setting: Setting) -> tuple[float, float, float]:
    return spent(setting.server.pid), spent(setting.carrier), spent(os.getpid())


async def first_bytes(session: aiohttp.ClientSession, setting: Setting) -> float:
    """Give the milliseconds that the tap adds to the first byte of a stream."""
    waits: dict[str, list[float]] = {"direct": [], "tapped": []}
    for _ in range(STREAMS):
        for way, url in (("direct", setting.direct), ("tapped", setting.watch.url)):
            waits[way].append(await ask(session, url, 3))
    return statistics.median(waits["tapped"]) - statistics.median(waits["direct"])


async def long_stream(session: aiohttp.ClientSession, setting: Setting) -> float:
    """Give the processor time of a long stream through the tap, as a multiple of direct."""
    cost: dict[str, float] = {}
    for way, url in (("direct", setting.direct), ("tapped", setting.watch.url)):
        before = sum(all_spent(setting))
        await ask(session, url, CHUNKS)
        await settle(setting)
        cost[way] = sum(all_spent(setting)) - before
    return cost["tapped"] / cost["direct"]


def keep_gil(seconds: float) -> None:
    """Keep the interpreter to ourselves, as one long call into C does."""
    ctypes.PyDLL(None).usleep(int(seconds * 1e6))


def blocked(setting: Setting) -> float:
    """Give the seconds for which a cell that keeps the interpreter delays a request that another
    process sends.
    """
    code = (
        "import sys, time, urllib.request as u\n"
        "times = []\n"
        "for _ in range(20):\n"
        "    begun = time.perf_counter()\n"
        f"    r = u.Request(sys.argv[1], data={json.dumps({'model': 'm'}).encode()!r})\n"
        "    u.urlopen(r).read()\n"
        "    times.append(time.perf_counter() - begun)\n"
        "    time.sleep(0.1)\n"
        "print(max(times))"
    )

    def run() -> float:
        url = f"{setting.watch.url}/chat/completions"
        done = subprocess.Popen([sys.executable, "-c", code, url], stdout=subprocess.PIPE)
        time.sleep(0.3)
        thread = threading.Thread(target=lambda: None)
        thread.start()
        keep_gil(wait)
        return float(done.communicate()[0])

    wait = 0.0
    free = run()
    wait = 5.0
    return run() - free


async def measure(setting: Setting, rounds: int) -> dict[str, list[float]]:
    """Measure everything so many times."""
    found: dict[str, list[float]] = {}

    def add(name: str, value: float) -> None:
        found.setdefault(name, []).append(value)

    async with aiohttp.ClientSession() as session:
        for way in (setting.direct, setting.watch.url):
            await ask(session, way)
        for _ in range(rounds):
            block = await blocks(session, setting)
            add("carrier", block["carrier"])
            add("direct", block["direct"])
            add("all", block["tapped"] / block["direct"])
            add("first", await first_bytes(session, setting))
            add("stream", await long_stream(session, setting))
    return found


SHOWN: tuple[tuple[str, str, str, Callable[[float], bool]], ...] = (
    ("carrier", "ms of processor time a request, in the carrier", "1.0", lambda x: x <= 1.0),
    ("direct", "ms of processor time a request, direct: client and server", "-", lambda x: True),
    ("all", "x all processor time of a request, against direct", "-", lambda x: True),
    ("first", "ms added to the first byte of a stream", "1.2", lambda x: x <= 1.2),
    (
        "stream",
        f"x all processor time of {CHUNKS:,} chunks, against direct",
        "1.8",
        lambda x: x <= 1.8,
    ),
)


def main(rounds: int = 15) -> None:
    """Measure, and print."""
    with tempfile.TemporaryDirectory() as folder:
        setting = Setting(folder)
        try:
            found = asyncio.run(measure(setting, rounds))
            delay = blocked(setting)
        finally:
            setting.close()
    for name, what, bound, keeps in SHOWN:
        values = found[name]
        middle = statistics.median(values)
        spread = f"{min(values):.2f} to {max(values):.2f}"
        print(f"{middle:8.2f}  {what} ({spread}), bound {bound}{'' if keeps(middle) else ': OVER'}")
    over = "" if delay <= 0.1 else ": OVER"
    print(f"{delay:8.3f}  s that a cell which keeps the GIL for 5 s delays, bound 0.1{over}")


if __name__ == "__main__":
    if sys.argv[1:] == ["--serve"]:
        asyncio.run(serve())
    else:
        main(*map(int, sys.argv[1:]))

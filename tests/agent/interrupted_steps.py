"""Run as a program: interrupts steps of a debugger with a real SIGINT, and prints what came of each
as a line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import agentkit as ak
from agentkit.errors import Busy
from agentkit.testing import ScriptedServer, calls, says

began, slow, ran_out = threading.Event(), threading.Event(), threading.Event()
COMPLETION = {
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "done"}, "finish_reason": "stop"}
    ]
}


class SlowAnswer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        body = json.dumps(COMPLETION).encode()
        wait()
        try:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            return

    def log_message(self, *args: Any) -> None:
        return


def wait() -> None:
    """Begin, and go on until the interrupt was heard where one is to come."""
    began.set()
    for _ in range(1200):
        if not slow.is_set():
            return
        time.sleep(0.05)
    ran_out.set()


def sync_tool() -> str:
    """Be slow."""
    wait()
    return "ok"


async def async_tool() -> str:
    """Be slow."""
    began.set()
    while slow.is_set():
        await asyncio.sleep(0.05)
    return "ok"


class SlowObject:
    async def chat_completion(self, **kwargs: Any) -> Any:
        began.set()
        while slow.is_set():
            await asyncio.sleep(0.05)
        return COMPLETION


class StubbornObject:
    """Does not hear that it is cancelled."""

    async def chat_completion(self, **kwargs: Any) -> Any:
        began.set()
        for _ in range(200):
            try:
                await asyncio.sleep(0.05)
            except asyncio.CancelledError:
                continue
            if not slow.is_set():
                break
        return COMPLETION


class BlockingObject:
    """Blocks the event loop, as a sync client in an async function does."""

    async def chat_completion(self, **kwargs: Any) -> Any:
        wait()
        return COMPLETION


def agents(url: str) -> dict[str, Callable[[], ak.Debugger]]:
    """Debuggers that stand before a step that can be slow, one finished step behind them where
    there are tools.
    """
    import openai

    def before_tool(tool: Any) -> ak.Debugger:
        server = ScriptedServer([says("first", calls(tool.__name__)), says("done")])
        dbg = ak.debug(ak.Agent("m", tools=[tool], server=server), "go")
        dbg.step()
        return dbg

    def before_model(server: Any) -> ak.Debugger:
        return ak.debug(ak.Agent("m", server=server), "go")

    return {
        "sync tool": lambda: before_tool(sync_tool),
        "async tool": lambda: before_tool(async_tool),
        "http server": lambda: before_model(url),
        "openai client": lambda: before_model(openai.OpenAI(base_url=url, api_key="EMPTY")),
        "async openai client": lambda: before_model(
            openai.AsyncOpenAI(base_url=url, api_key="EMPTY")
        ),
        "chat_completion": lambda: before_model(SlowObject()),
        "stubborn chat_completion": lambda: before_model(StubbornObject()),
        "blocking chat_completion": lambda: before_model(BlockingObject()),
    }


def interrupt_when_begun() -> None:
    began.wait(20)
    time.sleep(0.03)
    os.kill(os.getpid(), signal.SIGINT)


def step(dbg: ak.Debugger) -> Any:
    return dbg.step()


def run(dbg: ak.Debugger) -> Any:
    return dbg.run()


def step_async(dbg: ak.Debugger) -> Any:
    async def awaited() -> Any:
        return await dbg.step_async()

    return asyncio.run(awaited())


def interrupted(dbg: ak.Debugger, form: Callable[[ak.Debugger], Any]) -> dict[str, Any]:
    before = dbg.trajectory
    began.clear()
    slow.set()
    ran_out.clear()
    threading.Thread(target=interrupt_when_begun, daemon=True).start()
    try:
        form(dbg)
        kind = "nothing"
    except BaseException as exc:
        kind = type(exc).__name__
    in_time = not ran_out.is_set()
    kept = dbg.trajectory == before and [c.name for c in dbg.pending] == [
        c.name for c in before.pending
    ]
    slow.clear()
    try:
        form(dbg)
        after = dbg.trajectory
        went_on = len(after.turns) + len(after.all_turns[-1].tool_results) > len(before.turns)
    except Busy:
        went_on = False
    return {
        "raised": kind,
        "in_time": in_time,
        "kept": kept,
        "went_on": went_on,
        "ended": dbg.run().final,
    }


def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), SlowAnswer)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for kind, make in agents(f"http://127.0.0.1:{server.server_port}/v1").items():
        for form in (step, step_async, run):
            print(
                json.dumps({"kind": kind, "form": form.__name__, **interrupted(make(), form)}),
                flush=True,
            )
    server.shutdown()


if __name__ == "__main__":
    main()

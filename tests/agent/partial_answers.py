"""Run as a program: asks a server that streams slowly, and is stopped, interrupted or killed while
the answer comes.

    python -m tests.agent.partial_answers HOW PATH
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import agentkit as ak

came = threading.Event()
"""Set when enough has been sent."""


class Slow(BaseHTTPRequestHandler):
    """Streams reasoning, words and a call, a piece at a time, and then waits."""

    protocol_version = "HTTP/1.0"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        call = {"index": 0, "id": "c", "function": {"name": "pay", "arguments": '{"eur'}}
        deltas: list[dict[str, Any]] = [
            {"role": "assistant", "reasoning": "Let me "},
            {"reasoning": "think."},
            {"content": "One "},
            {"content": "two "},
            {"tool_calls": [call]},
        ]
        try:
            for delta in deltas:
                choice = {"index": 0, "delta": delta, "finish_reason": None}
                data = json.dumps({"id": "x", "choices": [choice]})
                self.wfile.write(f"data: {data}\n\n".encode())
                self.wfile.flush()
                time.sleep(0.05)
            time.sleep(0.7)
            came.set()
            time.sleep(20)
        except OSError:
            return

    def log_message(self, *args: Any) -> None:
        return


def served() -> str:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/v1"


def signalled(number: signal.Signals) -> None:
    """Signal this process when enough has come."""

    def send() -> None:
        came.wait(20)
        os.kill(os.getpid(), number)

    threading.Thread(target=send, daemon=True).start()


def main(how: str, path: str) -> ak.Trajectory:
    """Run the rollout, and give what is left of it."""
    agent = ak.record(ak.Agent("m", server=served(), stream=True), path)
    match how:
        case "stop":
            dbg = ak.debug(agent, "go")
            dbg.start()
            came.wait(20)
            dbg.stop()
            return dbg.trajectory
        case "interrupt":
            signalled(signal.SIGINT)
            try:
                ak.rollout(agent, "go")
            except KeyboardInterrupt as exc:
                left: ak.Trajectory = exc.trajectory  # type: ignore[attr-defined]
                time.sleep(0.3)  # what was cancelled ends, and is written
                return left
        case "rollouts":
            signalled(signal.SIGINT)
            try:
                ak.rollouts(agent, ["go"], progress=False)
            except KeyboardInterrupt as exc:
                several: Any = exc.rollouts  # type: ignore[attr-defined]
                time.sleep(0.3)
                return several[0]  # type: ignore[no-any-return]
        case "kill":
            signalled(signal.SIGKILL)
            ak.rollout(agent, "go")
        case "AgentLoop":
            return asyncio.run(cancelled(agent))
    raise AssertionError("it was not interrupted")


async def cancelled(agent: ak.Agent) -> ak.Trajectory:
    loop = ak.AgentLoop(agent.server, stream=True)
    task = asyncio.create_task(loop.run([{"role": "user", "content": "go"}]))
    await asyncio.to_thread(came.wait, 20)
    task.cancel()
    await asyncio.wait({task})
    return loop.trajectory


if __name__ == "__main__":
    found = main(*sys.argv[1:])
    ak.save(found, sys.argv[2] + ".left.jsonl")

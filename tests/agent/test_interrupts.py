"""Interrupts: heard at once whatever runs, what was finished is kept, and the next step goes on.
With a real SIGINT, and in a real kernel.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from tests.support.paths import ROOT

pytestmark = pytest.mark.slow

KINDS = [
    "sync tool",
    "async tool",
    "http server",
    "openai client",
    "async openai client",
    "chat_completion",
]
DEAF = ["stubborn chat_completion", "blocking chat_completion"]
"""What does not hear that it is cancelled."""
FORMS = ["step", "step_async", "run"]


@pytest.fixture(scope="module")
def interrupted() -> dict[tuple[str, str], dict[str, Any]]:
    """What came of each interrupted step, by what ran and how it was called."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.agent.interrupted_steps"],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {(line["kind"], line["form"]): line for line in lines}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", [*KINDS, *DEAF])
def test_an_interrupt_is_heard_and_costs_the_step_in_flight(
    interrupted: dict[tuple[str, str], dict[str, Any]], kind: str, form: str
) -> None:
    report = interrupted[kind, form]
    assert report["in_time"], "it was heard only after the step had run out"
    assert (report["raised"], report["kept"], report["went_on"], report["ended"]) == (
        "KeyboardInterrupt",
        True,
        True,
        "done",
    )


SETUP = """
import asyncio, time, agentkit as ak
from agentkit.testing import ScriptedServer, calls, says
seconds = 5.0
def sync_tool() -> str:
    "Take long."
    time.sleep(seconds)
    return "ok"
async def async_tool() -> str:
    "Take long."
    await asyncio.sleep(seconds)
    return "ok"
class SlowServer:
    async def chat_completion(self, **kwargs):
        await asyncio.sleep(seconds)
        return {"choices": [{"message": {"role": "assistant", "content": "done"}, "finish_reason": "stop"}]}
def before_tool(tool):
    dbg = ak.debug(ak.Agent("m", tools=[tool], server=ScriptedServer([says(None, calls(tool.__name__)), says("done")])), "go")
    dbg.step()
    return dbg
"""
MAKE = {
    "sync tool": "dbg = before_tool(sync_tool)",
    "async tool": "dbg = before_tool(async_tool)",
    "server": "dbg = ak.debug(ak.Agent('m', server=SlowServer()), 'go')",
}


class Kernel:
    """A kernel and what its cells answer."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager, self.client = manager, client

    def run(self, code: str) -> dict[str, Any]:
        """The reply to a cell."""
        return dict(
            self.client.execute_interactive(code, timeout=30, output_hook=lambda message: None)[
                "content"
            ]
        )

    def value(self, expression: str) -> Any:
        """The value of an expression."""
        reply: Any = self.client.execute_interactive(
            "", user_expressions={"x": f"json.dumps({expression})"}, timeout=30, output_hook=print
        )
        return json.loads(eval(reply["content"]["user_expressions"]["x"]["data"]["text/plain"]))

    def interrupted(self, code: str, after: float) -> dict[str, Any]:
        """Give the reply to a cell that was interrupted.

        Raises:
            queue.Empty: none came within a minute.
        """
        request = self.client.execute(code, stop_on_error=False)
        time.sleep(after)
        self.manager.interrupt_kernel()
        while (reply := self.client.get_shell_msg(timeout=60))["parent_header"].get(
            "msg_id"
        ) != request:
            continue
        return dict(reply["content"])


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    manager = KernelManager(
        connection_file=str(tmp_path_factory.mktemp("kernel") / "kernel.json"), transport="ipc"
    )
    assert manager.kernel_spec is not None
    manager.kernel_spec.argv = [
        sys.executable,
        "-m",
        "ipykernel_launcher",
        "-f",
        "{connection_file}",
    ]
    manager.start_kernel(cwd=str(ROOT), stderr=subprocess.DEVNULL)
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        made = Kernel(manager, client)
        assert made.run("import json\n" + SETUP)["status"] == "ok"
        yield made
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


@pytest.mark.parametrize(
    "cell", ["dbg.step()", "await dbg.step_async()", "dbg.run()", "await dbg.run_async()"]
)
@pytest.mark.parametrize("kind", MAKE)
def test_an_interrupt_in_a_notebook(kernel: Kernel, kind: str, cell: str) -> None:
    kernel.run(f"seconds = 600.0\n{MAKE[kind]}\nbefore = dbg.trajectory")
    reply = kernel.interrupted(cell, after=0.3)
    assert (reply["status"], reply["ename"]) in [
        ("error", "KeyboardInterrupt"),
        ("error", "CancelledError"),
    ]
    assert kernel.value("[dbg.trajectory == before, [c.name for c in dbg.pending]]") == [
        True,
        [] if kind == "server" else [kind.replace(" ", "_")],
    ]
    assert kernel.run("seconds = 0.0\n" + cell)["status"] == "ok"
    assert kernel.value("dbg.run().final") == "done"

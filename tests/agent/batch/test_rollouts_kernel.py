"""Recorded runs in a real notebook kernel: killed in the middle, interrupted in the middle, and
what a notebook keeps of their display.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

import agentkit as ak
from tests.files.cassette_samples import exactly
from tests.support.loaded import load_one
from tests.support.paths import ROOT

pytestmark = pytest.mark.slow

SETUP = """
import asyncio, json, sys, time
import agentkit as ak
from tests.agent.hermes.loop_cases import answer, call

seconds = 600.0
PROMPTS = [f"p{i}" for i in range(6)]

class Model:
    "Calls the tool twice, one after the other, then says it is done."
    async def chat_completion(self, **kwargs):
        results = sum(m["role"] == "tool" for m in kwargs["messages"])
        await asyncio.sleep(0.01)
        return answer("done") if results > 1 else answer(None, call("work", {"n": results}))

def work(n: int) -> str:
    "Be slow from the second call on."
    for _ in range(int(seconds * 20) if n else 0):
        time.sleep(0.05)
    return f"worked {n}"

agent = ak.Agent("m", tools=[work], server=Model())
"""


class Kernel:
    """A kernel of its own, and the messages of its cells."""

    def __init__(self, folder: Path) -> None:
        self.manager = KernelManager(connection_file=str(folder / "kernel.json"), transport="ipc")
        assert self.manager.kernel_spec is not None
        self.manager.kernel_spec.argv = [
            sys.executable,
            "-m",
            "ipykernel_launcher",
            "-f",
            "{connection_file}",
        ]
        self.manager.start_kernel(cwd=str(ROOT), stderr=subprocess.DEVNULL)
        self.client: BlockingKernelClient = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    @property
    def pid(self) -> int:
        """The process."""
        provisioner: Any = self.manager.provisioner
        return int(provisioner.pid)

    def run(self, code: str) -> list[dict[str, Any]]:
        """What a cell put out."""
        outputs: list[dict[str, Any]] = []

        def keep(message: dict[str, Any]) -> None:
            if message["msg_type"] in (
                "stream",
                "display_data",
                "execute_result",
                "error",
                "clear_output",
                "update_display_data",
            ):
                outputs.append({"type": message["msg_type"], **message["content"]})

        self.client.execute_interactive(code, timeout=60, output_hook=keep)
        return outputs

    def value(self, expression: str) -> Any:
        """The value of an expression."""
        (shown,) = self.run(f"print(json.dumps({expression}))")
        return json.loads(shown["text"])

    def close(self) -> None:
        """Ends it."""
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[Kernel]:
    made = Kernel(tmp_path)
    try:
        made.run(SETUP)
        yield made
    finally:
        made.close()


def until(condition: Any) -> None:
    limit = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.02)


def finished_steps(path: Path) -> int:
    return (
        sum(
            b'"step":"tool"' in line or b'"step":"model"' in line
            for line in path.read_bytes().splitlines()
        )
        if path.exists()
        else 0
    )


def test_a_kernel_that_is_killed_leaves_every_finished_step(kernel: Kernel, tmp_path: Path) -> None:
    one, many = tmp_path / "one.jsonl", tmp_path / "many.jsonl"
    kernel.client.execute(
        f"dbg = ak.debug(ak.record(agent, {str(one)!r}), 'go'); dbg.step(); dbg.step(); dbg.step(); ak.rollouts(agent, PROMPTS, record={str(many)!r})"
    )
    until(lambda: finished_steps(many) == 3 * 6)
    os.kill(kernel.pid, signal.SIGKILL)
    left, batch = load_one(one), ak.load(many, all=True)
    assert len(batch) == 6
    for trajectory in (left, *batch):
        assert [r.content for turn in trajectory.turns for r in turn.tool_results] == ["worked 0"]
        assert [c.arguments for c in trajectory.pending] == [{"n": 1}]
        assert trajectory.stop_reason is None
    assert not ak.cassette.index(many).torn
    assert ak.cassette.doctor(many).codes == ["steps_missing", "sampling_without_seed"]

    class Model:
        asked = 0

        async def chat_completion(self, **kwargs: Any) -> Any:
            Model.asked += 1
            return {
                "choices": [
                    {"message": {"role": "assistant", "content": "done"}, "finish_reason": "stop"}
                ]
            }

    def work(n: int) -> str:
        """Be slow from the second call on."""
        return f"worked {n}"

    whole = ak.rollouts(
        ak.Agent("m", tools=[work], server=Model()), [f"p{i}" for i in range(6)], resume=many
    )
    assert (whole.stop_reasons, Model.asked) == ({"final": 6}, 6)
    assert all(
        map(exactly, sorted(ak.load(many, all=True), key=lambda t: t.meta["prompt_index"]), whole)
    )


@pytest.mark.parametrize("cell", ["ak.rollouts", "await ak.rollouts_async"])
def test_an_interrupted_batch_is_kept_and_goes_on(
    kernel: Kernel, cell: str, tmp_path: Path
) -> None:
    request = kernel.client.execute(
        f"{cell}(agent, PROMPTS, record={str(tmp_path / 'x.jsonl')!r})", stop_on_error=False
    )
    until(lambda: finished_steps(tmp_path / "x.jsonl") == 3 * 6)
    time.sleep(0.1)
    kernel.manager.interrupt_kernel()
    while (reply := kernel.client.get_shell_msg(timeout=60))["parent_header"].get(
        "msg_id"
    ) != request:
        continue
    assert reply["content"]["ename"] in ("KeyboardInterrupt", "CancelledError")
    assert kernel.value("[len(t.turns) for t in ak.interrupted()]") == [1] * 6
    kernel.run("seconds = 0.0; whole = ak.rollouts(agent, PROMPTS, resume=ak.interrupted())")
    assert kernel.value("whole.stop_reasons") == {"final": 6}


def test_a_notebook_keeps_the_same_display_at_every_run(kernel: Kernel) -> None:
    shown = []
    for _ in range(2):
        outputs = kernel.run(
            "seconds = 0.0\nak.rollouts(ak.demo(), ['Do I need a coat in Oslo?', 'And in Rome?'], n=3)"
        )
        assert [output["type"] for output in outputs] == ["display_data", "execute_result"]
        shown.append(
            [
                {kind: text for kind, text in output["data"].items() if "widget" not in kind}
                for output in outputs
            ]
        )
        assert "application/vnd.jupyter.widget-view+json" in outputs[0]["data"]
    assert shown[0] == shown[1]
    assert shown[0][0]["text/plain"] == "Rollouts: 6 rollouts, 6 at once"
    assert "6 rollouts of 2 prompts, 6 final" in shown[0][1]["text/plain"]
    assert [
        output["type"] for output in kernel.run("ak.rollouts(ak.demo(), n=2, progress=False)")
    ] == ["execute_result"]


def test_processes_of_a_kernel_are_interrupted_and_end_with_it(
    kernel: Kernel, tmp_path: Path
) -> None:
    """Model, tool and reward are those of the notebook, and the cell shows how far all are."""
    path = tmp_path / "x.jsonl"
    outputs = kernel.run(
        "@ak.tool(name='work')\ndef quickly(n: int) -> str:\n    'Be quick.'\n    return 'worked'\n"
        "quick = ak.Agent('m', tools=[quickly], server=Model())\n"
        "ak.rollouts(quick, PROMPTS, executor='processes', workers=2, reward=lambda t: len(PROMPTS))"
    )
    assert "6 rollouts, 6 at once on 2 workers" in outputs[0]["data"]["text/plain"]
    assert "6 final, mean reward 6" in outputs[-1]["data"]["text/plain"]
    call = f"ak.rollouts(agent, PROMPTS, record={str(path)!r}, executor='processes', workers=2)"
    request = kernel.client.execute(call, stop_on_error=False)
    until(lambda: finished_steps(path) == 3 * 6)
    kernel.manager.interrupt_kernel()
    while (reply := kernel.client.get_shell_msg(timeout=60))["parent_header"].get(
        "msg_id"
    ) != request:
        continue
    assert reply["content"]["ename"] == "KeyboardInterrupt"
    assert kernel.value("[len(t.turns) for t in ak.interrupted()]") == [1] * 6

    kernel.client.execute(call.replace("record", "resume"))
    until(lambda: len(children(kernel.pid)) >= 2)
    workers = children(kernel.pid)
    os.kill(kernel.pid, signal.SIGKILL)
    until(lambda: not any(Path(f"/proc/{pid}/cmdline").exists() for pid in workers))


def children(pid: int) -> list[int]:
    """The processes that run our workers for a process."""
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            parent = status.read_text().split("PPid:")[1].split()[0]
            command = (status.parent / "cmdline").read_bytes()
        except (OSError, IndexError):
            continue
        if int(parent) == pid and b"process_worker" in command:
            found.append(int(status.parent.name))
    return found

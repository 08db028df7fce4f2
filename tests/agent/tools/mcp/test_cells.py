"""Tools of an MCP server in the cells of a real kernel, whose loop is running."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.batch.test_rollouts_kernel import Kernel

pytestmark = pytest.mark.slow

PROGRAM = [sys.executable, str(Path(__file__).with_name("weather_server.py"))]
SETUP = f"""
import json, time
import agentkit as ak
from agentkit.testing import ScriptedServer, by_turn, calls, says

tools = ak.mcp({PROGRAM!r})

def asked(*made):
    server = ScriptedServer(by_turn(says(None, *made), says("done")))
    return ak.Agent("m", tools=[*tools], server=server)

def results(trajectory):
    return [r.content for r in trajectory.turns[0].tool_results]
"""


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[Kernel]:
    made = Kernel(tmp_path)
    try:
        assert made.run(SETUP) == []
        yield made
    finally:
        made.close()


def test_cells_of_every_kind_use_one_session(kernel: Kernel) -> None:
    kernel.run("dbg = ak.debug(asked(*[calls('add', a=n, b=1) for n in range(20)]), 'go')")
    assert kernel.run("dbg.run();") == []
    assert kernel.value("results(dbg.trajectory)") == [str(n + 1) for n in range(20)]
    kernel.run("made = asked(calls('add', a=1, b=1))")
    kernel.run("found = await ak.rollouts_async(made, ['go'], n=8, progress=False)")
    assert kernel.value("[results(t) for t in found]") == [["2"]] * 8
    assert kernel.value("results(ak.rollout(asked(calls('refuse', reason='no')), 'go'))") == [
        json.dumps({"error": "Tool execution failed: no: no"})
    ]
    assert kernel.run("print(await tools['add'](a=2, b=2))")[0]["text"] == "4\n"
    shown = kernel.run("ak.mcp('no-such-program')")[-1]
    assert shown["ename"] == "Unreachable"
    assert any("install it" in line for line in shown["traceback"])


def test_an_interrupt_ends_a_call_and_no_session(kernel: Kernel) -> None:
    kernel.run("dbg = ak.debug(asked(calls('wait', seconds=60)), 'go'); dbg.step();")
    asked = kernel.client.execute("dbg.run()", stop_on_error=False)
    time.sleep(1.0)
    os.kill(kernel.pid, signal.SIGINT)
    while kernel.client.get_shell_msg(timeout=30)["parent_header"]["msg_id"] != asked:
        pass
    assert kernel.value("len(dbg.trajectory.pending)") == 1
    assert kernel.value("results(ak.rollout(asked(calls('add', a=1, b=1)), 'go'))") == ["2"]


def test_the_program_ends_with_its_kernel(kernel: Kernel) -> None:
    kernel.run("made = asked(calls('variable', name='PID_OF_SERVER'))")
    (pid,) = kernel.value("results(ak.rollout(made, 'go'))")
    os.kill(kernel.pid, signal.SIGKILL)
    end = time.monotonic() + 20
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < end
        time.sleep(0.02)

"""What happened inside a tool is on its result: what it printed, where it raised, the rollout of a
sub-agent. It is saved, loaded and shown.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import agentkit as ak
from agentkit.agent.tools.console import KEPT_CHARACTERS
from agentkit.testing import ScriptedServer, by_turn, calls, says


def rollout(*tools: Any, timeout: float | None = 20.0, many: int = 1) -> ak.Trajectory:
    """A rollout that calls each tool so many times, side by side, and ends well."""
    made = [ak.tool(tool) for tool in tools]
    asked = [calls(tool.name, n=n) for tool in made for n in range(many)]
    server = ScriptedServer(by_turn(says(None, *asked), says("done")))
    return ak.rollout(ak.Agent("m", tools=made, server=server, tool_timeout=timeout), "go")


def saved_and_loaded(trajectory: ak.Trajectory, path: Path) -> ak.Trajectory:
    ak.save(trajectory, path)
    loaded = ak.load(path)
    assert isinstance(loaded, ak.Trajectory)
    return loaded


def test_calls_side_by_side_each_keep_what_they_print(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    together = threading.Barrier(4)

    def speaks(n: int) -> str:
        """Speak."""
        print("thread", n)
        together.wait(10)
        print("and", n, file=sys.stderr)
        return "ok"

    async def whispers(n: int) -> str:
        """Whisper."""
        print("async", n)
        await asyncio.sleep(0.02)
        sys.stdout.writelines(["still ", f"{n}\n"])
        return "ok"

    before = sys.stdout, sys.stderr
    happened = rollout(speaks, whispers, many=4)
    assert (sys.stdout, sys.stderr) == before
    for trajectory in (happened, saved_and_loaded(happened, tmp_path / "x.jsonl")):
        printed = [result.printed for result in trajectory.turns[0].tool_results]
        assert printed[:4] == [f"thread {n}\nand {n}\n" for n in range(4)]
        assert printed[4:] == [f"async {n}\nstill {n}\n" for n in range(4)]
    seen = capsys.readouterr()
    assert "thread 0\n" in seen.out
    assert "still 3" in seen.out
    assert "and 2\n" in seen.err
    text = happened._repr_mimebundle_()
    assert "printed" in text["text/plain"]
    assert "and 3" in text["text/html"]


def test_what_is_printed_without_end_is_cut_and_told() -> None:
    def shouts(n: int) -> str:
        """Shout."""
        for _ in range(30):
            print("a" * 10_000)
        return "ok"

    printed = rollout(shouts).turns[0].tool_results[0].printed
    assert len(printed) < KEPT_CHARACTERS + 200
    assert printed.endswith("more characters were printed and are not kept]")


def test_what_was_printed_before_the_time_was_over_is_kept() -> None:
    async def hangs(n: int) -> str:
        """Hang."""
        print("begun")
        await asyncio.sleep(30)
        return "never"

    result = rollout(hangs, timeout=0.2).turns[0].tool_results[0]
    assert (result.status, result.printed) == ("timeout", "begun\n")


def deeper(n: int) -> str:
    raise KeyError(n)


def test_the_traceback_is_that_of_the_tool_alone(tmp_path: Path) -> None:
    def fails(n: int) -> str:
        """Fail."""
        try:
            return deeper(n)
        except KeyError as exc:
            raise ValueError("no such number") from exc

    async def fails_too(n: int) -> str:
        """Fail."""
        await asyncio.sleep(0)
        return deeper(n)

    def works(n: int) -> str:
        """Work."""
        return "ok"

    happened = rollout(fails, fails_too, works)
    for trajectory in (happened, saved_and_loaded(happened, tmp_path / "x.jsonl")):
        first, second, third = trajectory.turns[0].tool_results
        trace = first.traceback or ""
        assert trace.startswith("Traceback (most recent call last):\n")
        assert "in fails\n" in trace
        assert "in deeper\n    raise KeyError(n)" in trace
        assert "direct cause" in trace
        assert trace.endswith("ValueError: no such number")
        assert "agentkit/agent" not in trace
        assert "in fails_too" in (second.traceback or "")
        assert third.traceback is None
    shown = happened._repr_mimebundle_()
    assert "traceback" in shown["text/plain"]
    assert "raise KeyError(n)" in shown["text/html"]


def test_wrong_arguments_have_no_traceback_of_the_tool() -> None:
    def wants(n: int, more: str) -> str:
        """Want more."""
        return more

    result = rollout(wants).turns[0].tool_results[0]
    assert (result.status, result.traceback) == ("error", None)


def inner(answer: str = "from inside") -> ak.Agent:
    """An agent of a tool's own, with a tool that is async."""

    async def look() -> str:
        """Look."""
        print("looking")
        await asyncio.sleep(0)
        return "seen"

    server = ScriptedServer(by_turn(says(None, calls("look")), says(answer)))
    return ak.Agent("inner", tools=[look], server=server)


def asks(n: int) -> str:
    """Ask another."""
    return str(ak.rollout(inner(), "go").final)


def debugs(n: int) -> str:
    """Debug another."""
    return str(ak.debug(inner(), "go").run().final)


async def waits(n: int) -> str:
    """Wait for another, on the loop of async tools."""
    return str(ak.rollout(inner(), "go").final)


async def awaits(n: int) -> str:
    """Await another."""
    return str((await ak.rollouts_async(inner(), ["go"], progress=False))[0].final)


async def steps(n: int) -> str:
    """Debug another, step by step."""
    return str((await ak.debug(inner(), "go").run_async()).final)


async def loops(n: int) -> str:
    """Run the older loop."""
    agent = inner()
    loop = ak.AgentLoop(agent.server, tools=agent.tools.values())
    return str((await loop.run([{"role": "user", "content": "go"}])).trajectory.final)


@pytest.mark.parametrize("tool", [asks, debugs, waits, awaits, steps, loops])
def test_a_sub_agent_leaves_its_rollout_on_the_result(tool: Any, tmp_path: Path) -> None:
    happened = rollout(tool, many=3)
    for trajectory in (happened, saved_and_loaded(happened, tmp_path / "x.jsonl")):
        for result in trajectory.turns[0].tool_results:
            assert result.content == "from inside"
            assert result.trajectory is not None
            assert result.trajectory.final == "from inside"
            inside = result.trajectory.turns[0].tool_results[0]
            assert (inside.content, inside.printed) == ("seen", "looking\n")
            assert inside.trajectory is None
            assert result.printed == ""
    assert len(ak.turns_df(happened)) == 2
    assert len(ak.tool_calls_df(happened)) == 3
    shown = happened._repr_mimebundle_()
    assert "rollout of a sub-agent" in shown["text/plain"]
    assert shown["text/html"].count('data-key="turn-0"') == 1


def test_a_sub_agent_that_failed_or_was_cut_is_kept_too() -> None:
    def breaks(n: int) -> str:
        """Break after it."""
        ak.debug(inner(), "go").step()
        raise ValueError("enough")

    def hangs(n: int) -> str:
        """Hang in it."""

        def sleep() -> str:
            """Sleep."""
            threading.Event().wait(3)
            return "late"

        server = ScriptedServer(by_turn(says(None, calls("sleep")), says("done")))
        return str(ak.rollout(ak.Agent("inner", tools=[sleep], server=server), "go").final)

    broken = rollout(breaks).turns[0].tool_results[0]
    assert broken.status == "error"
    assert broken.trajectory is not None
    assert [call.name for call in broken.trajectory.pending] == ["look"]
    cut = rollout(hangs, timeout=0.5).turns[0].tool_results[0]
    assert cut.status == "timeout"
    assert cut.trajectory is not None
    assert [call.name for call in cut.trajectory.pending] == ["sleep"]


def test_a_breakpoint_in_a_tool_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "breakpointhook", sys.__breakpointhook__)
    monkeypatch.delenv("PYTHONBREAKPOINT", raising=False)

    def look() -> str:
        breakpoint()
        return "looked"

    script = [says(None, calls("look")), says("done")]
    done = ak.rollout(ak.Agent("m", tools=[look], server=ScriptedServer(script)), "go")
    result = done.turns[0].results[0]
    assert result is not None
    assert "has no prompt here" in (result.error or "")
    assert "ak.break_on.tool" in (result.error or "")


def test_a_breakpoint_that_needs_no_prompt_is_let_be(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(sys, "breakpointhook", lambda: seen.append("stopped"))

    def look() -> str:
        breakpoint()
        return "looked"

    script = [says(None, calls("look")), says("done")]
    done = ak.rollout(ak.Agent("m", tools=[look], server=ScriptedServer(script)), "go")
    assert done.turns[0].tool_results[0].content == "looked"
    assert seen == ["stopped"]

"""An answer with very many calls: its limit, and that nothing grows faster than their number."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import agentkit as ak
from agentkit.errors import UsageError
from agentkit.testing import ScriptedServer, calls, says

pytestmark = pytest.mark.usefixtures("spoken")

MANY = 3_000


def note(n: int) -> str:
    """Note a number."""
    return str(n)


def many(count: int) -> ScriptedServer:
    """A server whose model makes so many calls at once."""
    return ScriptedServer([says(None, *(calls("note", n=n) for n in range(count))), says("done")])


def checked(trajectory: Any, count: int, limit: int) -> None:
    """The first calls were run; the others were told why not."""
    first = trajectory.turns[0]
    problems = [p for p in first.problems if p.code == "calls_too_many"]
    assert [(p.severity, p.before, p.after) for p in problems] == [("error", count, limit)]
    assert [r.content for r in first.tool_results[:limit]] == [str(n) for n in range(limit)]
    rest = first.tool_results[limit:]
    assert len(rest) == count - limit
    assert {r.status for r in rest} == {"skipped"}
    assert all(f"only the first {limit:,} calls" in r.content for r in rest)
    assert trajectory.final == "done"
    assert len(trajectory.messages) == count + 3


@pytest.mark.parametrize("parallel", [True, False])
def test_calls_beyond_the_limit_are_told_and_not_run(parallel: bool) -> None:
    agent = ak.Agent("m", tools=[note], server=many(20), max_calls=5, parallel_tools=parallel)
    checked(ak.rollout(agent, "go"), 20, 5)
    dbg = ak.debug(
        ak.Agent("m", tools=[note], server=many(20), max_calls=5, parallel_tools=parallel), "go"
    )
    checked(dbg.run(), 20, 5)
    back = dbg.back(3)
    checked(back.run(), 20, 5)


async def test_the_limit_of_an_agent_loop() -> None:
    ran: list[int] = []

    def dispatch(name: str, args: dict[str, Any]) -> str:
        ran.append(args["n"])
        return str(args["n"])

    schema = ak.tool(note).schema
    loop = ak.AgentLoop(many(20), [schema], dispatch=dispatch, max_calls=5)
    messages: list[Any] = [{"role": "user", "content": "go"}]
    result = await loop.run(messages)
    checked(result.trajectory, 20, 5)
    assert ran == [0, 1, 2, 3, 4]
    assert len(messages) == 20 + 3
    assert len(result.tool_errors) == 15


def test_calls_beyond_the_limit_are_not_approved() -> None:
    asked: list[Any] = []

    def approve(call: ak.ToolCall) -> bool:
        asked.append(call)
        return True

    agent = ak.Agent("m", tools=[note], server=many(9), max_calls=2, approve=approve)
    checked(ak.rollout(agent, "go"), 9, 2)
    assert len(asked) == 2
    dbg = ak.debug(ak.Agent("m", tools=[note], server=many(9), max_calls=2), "go", approve=["note"])
    dbg.run()
    dbg.step()
    dbg.step()
    checked(dbg.run(), 9, 2)


def test_the_limit_is_saved_and_told_again(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    agent = ak.record(ak.Agent("m", tools=[note], server=many(9), max_calls=2), path)
    happened = ak.rollout(agent, "go")
    loaded = ak.load(path)
    checked(loaded, 9, 2)
    assert loaded == happened
    checked(ak.rollout(ak.replay(path)), 9, 2)
    ak.save(happened, tmp_path / "y.jsonl")
    checked(ak.load(tmp_path / "y.jsonl"), 9, 2)


@pytest.mark.parametrize("parallel", [True, False])
def test_many_calls_are_run_recorded_loaded_and_shown(parallel: bool, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    agent = ak.Agent("m", tools=[note], server=many(MANY), max_calls=None, parallel_tools=parallel)
    happened = ak.rollout(ak.record(agent, path), "go")
    assert [r.content for r in happened.turns[0].tool_results] == [str(n) for n in range(MANY)]
    assert not happened.problems
    assert ak.load(path) == happened
    assert "more call" in happened._repr_mimebundle_()["text/html"]
    assert len(ak.tool_calls_df(happened)) == MANY


@pytest.mark.parametrize("limit", [0, -1, True, 2.5, "many"])
def test_a_limit_is_a_whole_number(limit: Any) -> None:
    with pytest.raises(UsageError, match="max_calls") as caught:
        ak.Agent("m", server="http://localhost:1/v1", max_calls=limit)
    assert caught.value.hint

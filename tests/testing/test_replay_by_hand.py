"""Rollouts in which a person changed or wrote an answer, played offline as the agent had them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import agentkit as ak
from agentkit.testing import by_turn, calls, says, serve
from tests.support.dialect_answers import DIALECTS
from tests.tap.hold.agents import until

SCRIPT = by_turn(says("I pay.", calls("pay", amount=500)), "Paid.")


def pay(amount: int) -> str:
    """Pay an amount."""
    return f"paid {amount}"


def change_the_call(dbg: ak.Debugger) -> None:
    dbg.pending.change(0, amount=5)


def write_the_answer(dbg: ak.Debugger) -> None:
    dbg.edit(turn=0, message=says("By hand.", calls("pay", amount=6)))


def write_the_message(dbg: ak.Debugger) -> None:
    answer = says("By hand.", calls("pay", amount=7))
    dbg.edit(turn=0, message=answer["message"])


def agent(url: str, dialect: Any, *, stream: bool) -> ak.Agent:
    return ak.Agent("m", tools=[pay], server=url, dialect=dialect, stream=stream)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("person", [change_the_call, write_the_answer, write_the_message])
def test_a_rollout_changed_in_a_debugger_is_played_as_it_went_on(
    tmp_path: Path, dialect: Any, streamed: bool, person: Callable[[ak.Debugger], None]
) -> None:
    with serve(SCRIPT, manner="vllm") as server:
        dbg = ak.debug(agent(server.url, dialect, stream=streamed), "Pay.")
        dbg.run(until=ak.break_on.tool("pay"))
        person(dbg)
        dbg.run()
    recorded = dbg.trajectory
    path = tmp_path / "changed.jsonl"
    ak.save(recorded, path)
    for record in ([recorded], str(path)):
        for asked in (False, True):
            with serve(record=record) as replay:
                again = ak.rollout(agent(replay.url, dialect, stream=asked), "Pay.")
                assert (replay.misses, replay.unused) == ([], [])
            assert again.stop_reason == "final"
            for new, old in zip(again.turns, recorded.turns, strict=True):
                assert new.response.content == old.response.content
                assert [c.arguments for c in new.tool_calls] == [
                    c.arguments for c in old.tool_calls
                ]
                assert [r.content for r in new.tool_results] == [
                    r.content for r in old.tool_results
                ]


@pytest.mark.slow
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("is_answered", [False, True])
def test_a_rollout_changed_on_its_way_is_played_whole(
    tmp_path: Path, dialect: Any, is_answered: bool
) -> None:
    with serve(SCRIPT, manner="vllm") as server, ThreadPoolExecutor(1) as thread:
        w = ak.watch(server.url)
        w.hold(ak.break_on.tool("pay", where="amount > 100"))
        run = thread.submit(ak.rollout, agent(w.url, dialect, stream=False), "Pay.")
        held = until(lambda: w.pending)[0]
        if is_answered:
            held.answer(("pay", {"amount": 5}))
        else:
            held.change(arguments={"amount": 5}).send()
        run.result(10.0)
        recorded = w.rollouts[0]
        w.close()
    path = tmp_path / "changed.jsonl"
    ak.save(recorded, path)
    for record in ([recorded], str(path)):
        with serve(record=record) as replay:
            again = ak.rollout(agent(replay.url, dialect, stream=True), "Pay.")
            assert (replay.misses, replay.unused) == ([], [])
        assert [r.content for r in again.turns[0].tool_results] == ["paid 5"]
        assert again.stop_reason == "final"

"""`ak.Agent(approve=fn)`: a function decides about every call before it runs."""

from __future__ import annotations

import asyncio
import threading
import traceback
from typing import Any

import pytest

import agentkit as ak
from agentkit.agent.perform import approving
from agentkit.errors import UnknownKeyword, UsageError
from agentkit.testing import ScriptedServer, calls, says
from agentkit.types.trajectory import Trajectory
from tests.debugger.debugger_operations import DONE, ONE, RAN, TWO, double, fail

pytestmark = pytest.mark.usefixtures("spoken")

REFUSED = '{"error": "the user did not approve this call"}'


def agent(approve: Any, *script: Any, **options: Any) -> ak.Agent:
    RAN.clear()
    server = ScriptedServer(list(script))
    return ak.Agent("m", tools=[double, fail], server=server, approve=approve, **options)


def results(t: Trajectory) -> list[tuple[str, str]]:
    """Status and content of the results of the first turn."""
    return [(r.status, r.content) for r in t.turns[0].results if r is not None]


async def yes(call: Any) -> bool:
    await asyncio.sleep(0)
    return True


async def other(call: Any) -> dict[str, Any]:
    await asyncio.sleep(0)
    return {"n": 5}


@pytest.mark.parametrize(
    ("approve", "status", "content", "ran"),
    [
        (lambda call: True, "ok", "2", [1]),
        (yes, "ok", "2", [1]),
        (lambda call: yes(call), "ok", "2", [1]),
        (lambda call: "about 2", "edited", "about 2", []),
        (lambda call: "", "edited", "", []),
        (lambda call: False, "skipped", REFUSED, []),
        (lambda call: {"n": 5}, "ok", "10", [5]),
        (other, "ok", "10", [5]),
    ],
)
def test_what_the_function_returns_decides(
    approve: Any, status: str, content: str, ran: list[int]
) -> None:
    t = ak.rollout(agent(approve, ONE, DONE), "go")
    assert (results(t), RAN, t.final) == ([(status, content)], ran, "done")


def test_what_was_changed_before_it_ran_is_on_the_record() -> None:
    t = ak.rollout(agent(lambda call: {"n": call.arguments["n"] + 10}, TWO, DONE), "go")
    assert [(c.arguments, c.sent_arguments) for c in t.turns[0].tool_calls] == [
        ({"n": 11}, '{"n": 1}'),
        ({"n": 12}, '{"n": 2}'),
    ]
    assert [c["function"]["arguments"] for c in t.messages[1]["tool_calls"]] == [
        '{"n": 11}',
        '{"n": 12}',
    ]


DECISIONS = [True, False, {"n": 7}, "seven"]


def test_decisions_stay_with_the_rollout_in_every_form(tmp_path: Any) -> None:
    asked: list[Any] = []

    def approve(call: Any) -> Any:
        asked.append(call.arguments["n"])
        return DECISIONS[call.arguments["n"]]

    path = tmp_path / "x.jsonl"
    several = says(None, *(calls("double", n=n) for n in range(4)))
    deciding = agent(approve, several, DONE)
    t = ak.rollout(ak.record(deciding, path), "go")
    assert results(t) == [("ok", "0"), ("skipped", REFUSED), ("ok", "14"), ("edited", "seven")]
    assert asked == [0, 1, 2, 3]
    assert ak.load(path) == t
    assert ak.load(ak.save(t, tmp_path / "saved.jsonl")) == t
    assert ak.rollout(ak.replay(path)) == t
    assert ak.rollout(ak.replay(deciding, path), "go") == t  # a replay decides nothing again
    dbg = ak.debug(ak.replay(path))
    dbg.run()
    dbg.fork(turn=1)
    assert dbg.back(3).run() == t
    assert asked == [0, 1, 2, 3]


def test_a_fork_keeps_what_was_decided_and_asks_about_new_calls_only() -> None:
    asked: list[Any] = []

    def approve(call: Any) -> Any:
        asked.append(call.arguments["n"])
        return "by hand"

    dbg = ak.debug(agent(approve, ONE, DONE, TWO, DONE), "go")
    dbg.run()
    other = dbg.fork(turn=1)
    assert results(other.trajectory) == [("edited", "by hand")]
    other.say("more")
    other.run()
    assert asked == [1, 1, 2]


def test_calls_side_by_side_are_asked_about_one_at_a_time_and_in_order() -> None:
    under_way = threading.Lock()
    asked: list[int] = []

    def approve(call: Any) -> bool:
        assert under_way.acquire(blocking=False), "asked about two calls at once"
        asked.append(call.position)
        under_way.release()
        return True

    several = says(None, *(calls("double", n=n) for n in range(6)))
    t = ak.rollout(agent(approve, several, DONE, parallel_tools=True), "go")
    assert (asked, [content for _, content in results(t)]) == (
        [0, 1, 2, 3, 4, 5],
        ["0", "2", "4", "6", "8", "10"],
    )


def test_a_call_that_cannot_run_is_not_asked_about() -> None:
    asked: list[Any] = []
    garbled = says(None, {"function": {"name": "double", "arguments": "{not json"}})
    t = ak.rollout(agent(lambda call: asked.append(call), garbled, DONE), "go")
    assert (asked, results(t)[0][0]) == ([], "invalid_call")


@pytest.mark.parametrize("wrong", [None, 1, [], object])
def test_an_answer_that_means_nothing_runs_nothing(wrong: Any) -> None:
    with pytest.raises(UsageError, match=r"approve returned .* for double") as info:
        ak.rollout(agent(lambda call: wrong, ONE, DONE), "go")
    assert RAN == []
    assert "return True, False, a dict" in str(info.value)


def test_an_argument_that_the_tool_does_not_have_runs_nothing() -> None:
    with pytest.raises(UnknownKeyword, match="the tool 'double' has no argument 'nn'") as info:
        ak.rollout(agent(lambda call: {"nn": 5}, ONE, DONE), "go")
    assert RAN == []
    assert "did you mean 'n'" in str(info.value) or "it has: n" in str(info.value)


@pytest.mark.parametrize("wrong", [["double"], "double", 3])
def test_what_is_no_function_is_refused(wrong: Any) -> None:
    with pytest.raises(UsageError, match="not a function") as info:
        agent(wrong)
    assert "ak.debug" in str(info.value)


def broken(call: Any) -> bool:
    return bool(call.arguments["amount"])


async def broken_async(call: Any) -> bool:
    return bool(call.arguments["amount"])


@pytest.mark.parametrize("approve", [broken, broken_async])
def test_a_function_that_raises_shows_its_own_line(approve: Any) -> None:
    dbg = ak.debug(agent(approve, ONE, DONE), "go")
    dbg.step()
    with pytest.raises(KeyError) as info:
        dbg.step()
    assert traceback.extract_tb(info.value.__traceback__)[-1].name == approve.__name__
    assert info.value.__notes__ == ['approve was asked about double({"n": 1}) ok']
    assert [call.name for call in dbg.pending] == ["double"]  # nothing was lost
    assert RAN == []


def leave(call: Any) -> bool:
    raise SystemExit


def test_a_function_that_wants_to_leave_does_not_end_the_event_loop() -> None:
    with pytest.raises(UsageError, match="SystemExit"):
        ak.rollout(agent(leave, ONE, DONE), "go")
    assert ak.rollout(agent(yes, ONE, DONE), "go").final == "done"


def test_one_that_raises_ends_its_own_rollout_of_a_batch() -> None:
    def picky(call: Any) -> bool:
        if call.arguments["n"] == 2:
            raise ValueError("not this one")
        return True

    done = ak.rollouts(
        agent(picky, ONE, DONE, TWO, DONE), ["a", "b"], concurrency=1, progress=False
    )
    assert [t.stop_reason for t in done] == ["final", "stopped"]
    assert "not this one" in done.raised[1]


async def test_approval_in_an_agent_loop() -> None:
    loop = ak.AgentLoop(
        ScriptedServer([TWO, DONE]),
        tools=[double],
        wrap=lambda perform: approving(perform, lambda call: {"n": 7} if call.position else "no"),
    )
    messages: list[Any] = [{"role": "user", "content": "go"}]
    result = await loop.run(messages)
    assert [m["content"] for m in messages if m["role"] == "tool"] == ["no", "14"]
    assert messages == result.trajectory.messages
    assert messages[1]["tool_calls"][1]["function"]["arguments"] == '{"n": 7}'

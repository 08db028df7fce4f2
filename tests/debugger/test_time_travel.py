"""Back, goto, fork, rerun, switch: what was recorded is played again, once something is changed the
rest lies on the old branch.
"""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

import agentkit as ak
from agentkit.errors import Busy, NotFound, UsageError
from agentkit.files.cassette.codec import load_lines
from agentkit.files.cassette.lines import dump
from agentkit.testing import FixedClock, ScriptedServer, says
from agentkit.types.answer import Response
from agentkit.types.trajectory import ToolResult, Turn
from agentkit.types.wire import ApiError
from tests.debugger.debugger_operations import (
    DONE,
    FOUND,
    ONE,
    RAN,
    THREE,
    TWO,
    asked,
    debugger,
    statuses,
)
from tests.servers.http_stub import COMPLETION, Answer, HttpServer

pytestmark = pytest.mark.usefixtures("spoken")


def test_steps_back_are_played_again_and_nothing_is_asked_or_run() -> None:
    dbg = debugger(TWO, ONE, DONE)
    end = dbg.run()
    ran, requests = list(RAN), asked(dbg)
    states = [end]
    for _ in range(6):
        dbg.back()
        states.append(dbg.trajectory)
    assert states[-1].messages == [{"role": "user", "content": "go"}]
    with pytest.raises(NotFound):
        dbg.back()
    for state in reversed(states[:-1]):
        assert "next: replay: " in repr(dbg)
        dbg.step()
        assert dump(dbg.trajectory) == dump(state)
    assert dbg.trajectory is end
    assert (RAN, asked(dbg)) == (ran, requests)
    assert not dbg.step()
    assert len(dbg.tree) == 1


def test_a_replayed_step_gives_what_it_gave() -> None:
    dbg = debugger(TWO, DONE)
    given = [dbg.step() for _ in range(4)]
    dbg.goto(0)
    assert [dbg.step() for _ in range(4)] == given
    dbg.goto(0)
    assert isinstance(dbg.next(), Turn)
    assert dbg.run().final == "done"
    assert len(RAN) == 2


def test_the_tip_is_where_it_goes_live() -> None:
    dbg = debugger(TWO, ONE, DONE)
    dbg.step()
    dbg.step()
    dbg.back(2)
    assert isinstance(dbg.step(), Response)
    assert asked(dbg) == 1
    assert isinstance(dbg.step(), ToolResult)
    assert RAN == [1]
    assert "replay" not in repr(dbg)
    dbg.step()
    assert RAN == [1, 2]
    dbg.back()
    assert dbg.run().final == "done"
    assert RAN == [1, 2, 1]
    assert asked(dbg) == 3


def test_parts_of_the_past_are_shared() -> None:
    dbg = debugger(TWO, ONE, DONE)
    end = dbg.run()
    dbg.goto(1)
    assert dbg.trajectory.turns[0] is end.turns[0]
    dbg.step()
    assert dbg.trajectory.open is not None
    assert dbg.trajectory.open.response is end.turns[1].response
    dbg.step()
    assert dbg.trajectory.turns[1] is end.turns[1]


def test_goto_reaches_what_lies_ahead() -> None:
    dbg = debugger(TWO, ONE, DONE)
    dbg.run()
    dbg.goto(0)
    assert dbg.goto(2) is dbg
    assert len(dbg.trajectory.turns) == 2
    dbg.goto(-1)
    assert len(dbg.trajectory.turns) == 2
    dbg.goto(3)
    assert dbg.trajectory.stop_reason == "final"
    with pytest.raises(NotFound):
        dbg.goto(4)


@pytest.mark.parametrize("n", [-1, 1.5, "1", 7])
def test_steps_back_that_cannot_be_taken(n: Any) -> None:
    dbg = debugger(TWO, ONE, DONE)
    end = dbg.run()
    with pytest.raises(NotFound):
        dbg.back(n)
    assert dbg.trajectory is end


def test_a_change_in_the_past_leaves_the_rest_on_the_old_branch() -> None:
    dbg = debugger(TWO, ONE, DONE)
    end = dbg.run()
    dbg.goto(0)
    dbg.step()
    dbg.pending.answer(0, "by hand")
    assert (len(dbg.tree), dbg.tree.current) == (2, "b1")
    assert dbg.tree["main"].trajectory is end
    assert dbg.tree["b1"].trajectory is dbg.trajectory
    assert statuses(dbg.trajectory.open) == ["edited", None]
    dbg.step()
    assert RAN == [1, 2, 1, 2]
    dbg.switch("main")
    assert dbg.trajectory is end
    dbg.switch(1)
    assert statuses(dbg.trajectory.turns[0]) == ["edited", "ok"]


def test_a_message_in_the_past_begins_a_branch() -> None:
    dbg = debugger(ONE, DONE, says("other"))
    end = dbg.run()
    dbg.goto(1)
    dbg.say("and?")
    assert dbg.run().final == "other"
    assert dbg.tree["main"].trajectory is end


def test_what_a_person_does_at_the_tip_goes_on_where_it_is() -> None:
    dbg = debugger(TWO, DONE)
    dbg.step()
    dbg.pending.skip(0)
    dbg.pending.answer(0, 4)
    dbg.run()
    dbg.say("more")
    assert len(dbg.tree) == 1


def test_calls_run_out_of_order_are_played_again() -> None:
    dbg = debugger(THREE, DONE)
    dbg.step()
    dbg.pending.run(1)
    assert RAN == [2]
    dbg.back()
    assert statuses(dbg.trajectory.open) == [None, None, None]
    again = dbg.pending.run(1)
    assert again is not None
    assert again.content == "4"
    assert RAN == [2]
    dbg.back()
    dbg.run()
    assert RAN == [2, 1, 3]
    assert dbg.trajectory.final == "done"
    assert len(dbg.tree) == 1


def test_a_failed_request_is_no_step() -> None:
    refused = ApiError(kind="rate_limited", message="slow down", status=429)
    dbg = debugger(ONE, refused, DONE)
    dbg.run()
    failed = dbg.trajectory
    assert failed.stop_reason == "error"
    dbg.back()
    assert (dbg.trajectory.stop_reason, statuses(dbg.trajectory.open)) == (None, [None])
    dbg.step()
    assert dbg.trajectory is failed
    assert dbg.run().final == "done"
    dbg.goto(0)
    assert dbg.run().final == "done"
    assert [a.turn for a in dbg.trajectory.attempts] == [1]


def test_a_conversation_that_went_on_is_played_through() -> None:
    dbg = debugger(ONE, DONE, ONE, says("second"))
    dbg.run()
    dbg.say("and now?")
    end = dbg.run()
    dbg.goto(0)
    assert dbg.run() is end
    dbg.back(3)
    assert [m["content"] for m in dbg.request.messages][-1] == "and now?"
    assert dbg.run() is end


def test_the_past_of_a_rollout_that_was_gone_on_with_is_not_its_end() -> None:
    dbg = debugger(DONE)
    dbg.run()
    dbg.edit(turn=1, message="one more thing")
    dbg.back()
    assert dbg.trajectory.stop_reason is None
    assert load_lines(dump(dbg.trajectory)) == [dbg.trajectory]
    assert dbg.run().final == "one more thing"


def test_edited_answers_are_played_again_as_they_were_edited() -> None:
    dbg = debugger(FOUND, DONE)
    dbg.step()
    dbg.pending.adopt(0)
    dbg.pending.change(0, n=50)
    end = dbg.run()
    dbg.goto(0)
    assert [c.arguments for c in dbg.step().tool_calls] == [{"n": 50}]  # type: ignore[union-attr]
    assert dbg.run() is end
    assert RAN == [50]


def test_a_fork_is_another_debugger() -> None:
    dbg = debugger(TWO, ONE, DONE, says("other"))
    end = dbg.run()
    other = dbg.fork(turn=1)
    assert dbg.trajectory is end
    assert other.trajectory.turns == end.turns[:1]
    assert other.trajectory.parent is not None
    assert (other.trajectory.parent.trajectory, other.trajectory.parent.turn) == (end, 1)
    assert [b.label for b in other.tree] == ["main", "b1"]
    assert other.run().final == "other"
    assert dbg.trajectory is end
    assert len(dbg.tree) == 1
    here = dbg.fork()
    assert here.trajectory == end
    assert here.tree["main"].trajectory is end


def test_a_fork_in_the_middle_of_a_turn_keeps_its_results() -> None:
    dbg = debugger(TWO, DONE)
    dbg.step()
    dbg.step()
    other = dbg.fork()
    other.pending.answer(0, "by hand")
    assert statuses(other.trajectory.turns[0]) == ["ok", "edited"]
    assert statuses(dbg.trajectory.open) == ["ok", None]
    dbg.step()
    assert statuses(dbg.trajectory.turns[0]) == ["ok", "ok"]


def test_a_fork_takes_breakpoints_and_approval_along() -> None:
    dbg = debugger(TWO, DONE, approve=["double"])
    dbg.breakpoints.add(ak.break_on.turn(1))
    other = dbg.fork()
    other.run()
    assert other.stop_at is not None
    assert (other.stop_at.call, dbg.stop_at) == (0, None)
    other.breakpoints.clear()
    assert len(dbg.breakpoints) == 1


def test_the_model_is_asked_again() -> None:
    dbg = debugger(ONE, says("a"), says("b"), says("c"), says("d"))
    end = dbg.run()
    assert dbg.rerun(n=3) is dbg
    assert sorted(t.final or "" for t in dbg.tree.trajectories) == ["a", "b", "c", "d"]
    assert (dbg.tree.current, [b.change for b in dbg.tree][1:]) == ("b1", ["rerun"] * 3)
    assert dbg.tree["main"].trajectory is end
    assert all(t.turns[0] is end.turns[0] for t in dbg.tree.trajectories)
    assert RAN == [1]


def test_a_turn_is_asked_for_again_with_its_calls_to_run() -> None:
    dbg = debugger(ONE, DONE, TWO, says("end"))
    dbg.run()
    dbg.rerun(turn=0)
    assert [c.arguments for c in dbg.pending] == [{"n": 1}, {"n": 2}]
    assert dbg.run().final == "end"


def test_samples_are_asked_for_side_by_side() -> None:
    with HttpServer(Answer(COMPLETION), *[Answer(COMPLETION, delay=0.3)] * 8) as server:
        dbg = ak.debug(ak.Agent("m", server=server.url), "go")
        dbg.step()
        told: list[Any] = []
        dbg.watch(told.append)
        dbg.rerun(n=8)
        assert (server.peak, len(server.requests), len(dbg.tree)) == (8, 9, 9)
    assert [e.done for e in told if type(e).__name__ == "Sampled"] == list(range(1, 9))
    assert len({r.body for r in server.requests}) == 1


def test_a_sample_that_fails_is_a_branch_and_not_the_one_to_go_on_with() -> None:
    refused = ApiError(kind="server_error", message="no", status=500)
    dbg = debugger(DONE, refused, says("fine"))
    dbg.run()
    dbg.rerun(n=2)
    assert dbg.trajectory.final == "fine"
    assert sorted(str(t.stop_reason) for t in dbg.tree.trajectories) == ["error", "final", "final"]


@pytest.mark.parametrize("n", [0, -1, "2", True, 1.0])
def test_a_number_of_samples_that_is_none(n: Any) -> None:
    with pytest.raises(UsageError):
        debugger(DONE).rerun(n=n)


def test_a_replay_has_no_model_to_ask_again(tmp_path: Path) -> None:
    dbg = debugger(ONE, DONE)
    dbg.run()
    path = ak.save(dbg, tmp_path / "x.jsonl")
    replayed = ak.debug(ak.replay(path))
    end = replayed.run()
    with pytest.raises(UsageError) as caught:
        replayed.rerun()
    assert "ak.debug(agent" in caught.value.hint
    replayed.back(2)
    assert replayed.run() is end
    other = replayed.fork(turn=1)
    assert other.run() == end


def test_an_interrupted_rerun_keeps_what_has_come() -> None:
    slow = threading.Event()

    class Server:
        asked = 0

        async def chat_completion(self, **kwargs: Any) -> Any:
            Server.asked += 1
            if Server.asked > 2:
                slow.set()
                await asyncio.sleep(30)
            return {
                "choices": [
                    {
                        "message": {"role": "assistant", "content": f"n{Server.asked}"},
                        "finish_reason": "stop",
                    }
                ]
            }

    dbg = ak.debug(ak.Agent("m", server=Server()), "go")
    dbg.step()

    def stop_when_slow() -> None:
        slow.wait(10)
        dbg.stop()

    other = threading.Thread(target=stop_when_slow)
    other.start()
    dbg.rerun(n=4)
    other.join()
    assert len(dbg.tree) == 2
    assert dbg.trajectory.final is not None
    assert not dbg.running


def test_the_tree_says_where_each_branch_left() -> None:
    dbg = debugger(TWO, ONE, DONE, DONE, DONE)
    dbg.run()
    dbg.edit(turn=0, call=1, result="x")
    dbg.run()
    dbg.edit(turn=0, arguments={"n": 5})
    dbg.switch("main")
    dbg.rerun()
    rows = [(depth, b.label, b.parent, b.turn, b.change) for depth, b in dbg.tree.rows()]
    assert rows == [
        (0, "main", None, 0, ""),
        (1, "b1", "main", 0, "the result of double (call 1)"),
        (2, "b2", "b1", 0, "the arguments of double (call 0)"),
        (1, "b3", "main", 2, "rerun"),
    ]
    before = dbg.tree
    dbg.step()
    dbg.switch("b2")
    assert before.current == "b3"
    with pytest.raises(NotFound) as caught:
        dbg.switch("nowhere")
    assert "main" in caught.value.hint
    bundle = dbg.tree._repr_mimebundle_()
    assert "b3" in bundle["text/plain"]
    assert "left main at turn 2" in bundle["text/html"]


def test_nothing_moves_while_a_step_runs() -> None:
    gate, began = threading.Event(), threading.Event()

    class Server:
        async def chat_completion(self, **kwargs: Any) -> Any:
            began.set()
            while not gate.is_set():
                await asyncio.sleep(0.01)
            return COMPLETION

    dbg = ak.debug(ak.Agent("m", server=Server()), "go")
    dbg.start()
    began.wait(10)
    moves: list[Any] = [
        lambda: dbg.back(0),
        lambda: dbg.goto(0),
        lambda: dbg.edit(prompt="x"),
        lambda: dbg.fork(),
        lambda: dbg.rerun(0),
        lambda: dbg.switch("main"),
        lambda: dbg.say("x"),
        dbg.step,
        dbg.next,
        dbg.run,
        dbg.start,
    ]
    for move in moves:
        with pytest.raises(Busy) as caught:
            move()
        assert "dbg.stop()" in caught.value.hint
    gate.set()
    assert dbg.wait(10).final == "four"


def test_branches_of_a_recorded_rollout_are_rollouts_of_the_file(tmp_path: Path) -> None:
    from tests.debugger.debugger_operations import double, fail

    path = tmp_path / "x.jsonl"
    server = ScriptedServer(
        [TWO, ONE, DONE, says("b"), says("c"), says("d"), FOUND, says("e"), says("f")],
        clock=FixedClock(),
    )
    agent = ak.record(ak.Agent("m", tools=[double, fail], server=server, clock=FixedClock()), path)
    dbg = ak.debug(agent, "go")
    dbg.run()
    dbg.edit(turn=0, call=1, arguments={"n": 20})
    dbg.run()
    dbg.rerun(n=2)
    dbg.switch("main")
    dbg.back(2)
    dbg.run()
    other = dbg.fork(turn=0)
    other.step()
    other.pending.adopt(0)
    other.run()
    dbg.say("more")
    dbg.run()
    found = ak.load(path, all=True)
    told = [dump(t) for t in (*dbg.tree.trajectories, other.trajectory)]
    saved = [dump(t) for t in found]
    for lines in told:
        assert lines in saved
    assert path.read_text().count('"kind":"rollout"') == len(found)
    unasked = [t for t in found if dump(t) not in told]
    assert len(unasked) <= 1  # the fork as it was before a call of it was adopted


def test_half_a_surrogate_pair_in_edited_arguments_goes_as_an_escape() -> None:
    dbg = ak.debug(ak.demo(), "Do I need a coat in Oslo?")
    dbg.next()
    dbg.edit(None, 0, arguments={"city": "Ælu\ud800"})
    dbg.next()
    sent = dbg.trajectory.messages[1]["tool_calls"][0]["function"]["arguments"]
    assert sent == '{"city": "Ælu\\ud800"}'
    assert ak.preflight(dbg.trajectory.messages) == ()

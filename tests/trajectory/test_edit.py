"""Edits: what depended on the change is gone, what did not is there, and the original is as it
was.
"""

from __future__ import annotations

import gc
import json
import pickle
import tracemalloc
from typing import Any

import pytest

import agentkit as ak
from agentkit.errors import NotFound, UsageError
from agentkit.files.cassette.codec import load_lines
from agentkit.files.cassette.lines import dump
from agentkit.testing import calls, says
from agentkit.trajectory.edit import edit, fork
from agentkit.types.trajectory import Trajectory
from agentkit.types.wire import ApiError, Exchange
from tests.debugger.debugger_operations import DONE, FOUND, ONE, THREE, TWO, debugger, statuses


def rolled(*script: Any, **options: Any) -> Trajectory:
    return debugger(*script, **options).run()


def loaded(trajectory: Trajectory) -> Trajectory:
    """The trajectory after a journey through a file."""
    lines = [json.loads(json.dumps(line)) for line in dump(trajectory)]
    found = load_lines(lines)[0]
    assert dump(found) == lines
    return found


def test_a_result_by_hand_replaces_one_and_drops_later_turns() -> None:
    t = rolled(TWO, ONE, DONE)
    edited = edit(t, 0, 1, result={"n": 40})
    assert [r.content for r in edited.turns[0].tool_results] == ["2", '{"n": 40}']
    assert statuses(edited.turns[0]) == ["ok", "edited"]
    assert (len(edited.turns), edited.open, edited.stop_reason) == (1, None, None)
    assert edited.turns[0].response is t.turns[0].response
    assert edited.parent is not None
    assert (edited.parent.trajectory, edited.parent.turn) == (t, 0)
    assert "result of double" in edited.parent.change
    assert loaded(edited) == edited


def test_a_result_may_be_none() -> None:
    assert edit(rolled(ONE, DONE), 0, result=None).turns[0].tool_results[0].content == "null"


def test_arguments_by_hand_cost_the_result_of_that_call_only() -> None:
    t = rolled(THREE, ONE, DONE)
    edited = edit(t, 0, 1, arguments={"n": 20})
    assert edited.open is not None
    assert statuses(edited.open) == ["ok", None, "ok"]
    assert [c.arguments for c in edited.pending] == [{"n": 20}]
    call = edited.pending[0]
    assert (call.status, call.raw_arguments, call.sent_arguments) == ("ok", '{"n": 20}', '{"n": 2}')
    assert edited.open.results[0] is t.turns[0].results[0]
    assert edited.turns == ()
    assert loaded(edited) == edited
    again = edit(edited, 0, 1, arguments={"n": 30})
    assert again.pending[0].sent_arguments == '{"n": 2}'


def test_arguments_that_were_broken_can_be_mended() -> None:
    broken = says(None, {"function": {"name": "double", "arguments": '{"n": 1'}})
    t = rolled(broken, DONE)
    assert statuses(t.turns[0]) == ["invalid_call"]
    call = edit(t, 0, arguments={"n": 1}).pending[0]
    assert (call.valid, [p.code for p in call.problems if p.severity == "error"]) == (True, [])


@pytest.mark.parametrize("bad", ["text", [1], None, {"n": float("nan")}])
def test_arguments_that_cannot_be_sent(bad: Any) -> None:
    with pytest.raises(UsageError):
        edit(rolled(ONE, DONE), 0, arguments=bad)


def test_the_argument_of_a_custom_tool_is_a_text() -> None:
    custom = says(None, {"id": "c", "type": "custom", "custom": {"name": "double", "input": "1"}})
    t = rolled(custom, DONE)
    edited = edit(t, 0, arguments={"input": "2"})
    assert (edited.pending[0].status, edited.pending[0].raw_arguments) == ("custom", "2")
    assert edited.messages[-1]["tool_calls"][0]["custom"] == {"name": "double", "input": "2"}
    assert loaded(edited) == edited
    with pytest.raises(UsageError, match="custom"):
        edit(t, 0, arguments={"n": 2})


def test_an_answer_by_hand_keeps_the_results_of_calls_that_say_the_same() -> None:
    t = rolled(THREE, ONE, DONE)
    swapped = says("other", calls("double", n=3), calls("double", n=4), calls("double", n=1))
    edited = edit(t, 0, message=swapped)
    assert edited.open is not None
    assert [r and r.content for r in edited.open.results] == ["6", None, "2"]
    assert [c.arguments for c in edited.pending] == [{"n": 4}]
    results = [r for r in edited.open.results if r]
    assert [r.call_id for r in results] == [
        c.id
        for c in edited.open.response.tool_calls  # type: ignore[union-attr]
        if c.arguments != {"n": 4}
    ]
    assert loaded(edited) == edited


def test_a_result_is_carried_over_once() -> None:
    twice = says(None, calls("double", n=1), calls("double", n=1))
    edited = edit(rolled(ONE, DONE), 0, message=twice)
    assert edited.open is not None
    assert statuses(edited.open) == ["ok", None]


@pytest.mark.parametrize(
    "message",
    [
        "by hand",
        {"role": "assistant", "content": "by hand"},
        says("by hand"),
        {"choices": [{"message": {"content": "by hand"}}]},
    ],
)
def test_an_answer_by_hand_ends_a_rollout_that_has_no_calls(message: Any) -> None:
    edited = edit(rolled(TWO, ONE, DONE), 1, message=message)
    assert (edited.final, len(edited.turns), edited.turns[1].response.exchange.by_hand) == (
        "by hand",
        2,
        True,
    )
    assert edited.messages[-1] == {"role": "assistant", "content": "by hand"}
    assert loaded(edited).turns[1].response.exchange.by_hand


def test_an_answer_of_another_rollout_stays_what_it_was() -> None:
    other = rolled(says("<think>hm</think>yes", finish_reason="stop"))
    assert (
        edit(rolled(DONE), message=other.turns[0]).turns
        == edit(rolled(DONE), message=other.turns[0].response).turns
    )
    edited = edit(rolled(DONE), message=other.turns[0].response)
    assert (edited.final, edited.turns[0].reasoning, edited.turns[0].response.finish_reason) == (
        "yes",
        "hm",
        "stop",
    )
    assert edited.turns[0].response.exchange.body == other.turns[0].response.exchange.body
    assert not other.turns[0].response.exchange.by_hand


@pytest.mark.parametrize(
    "bad", [{"error": {"message": "no"}}, [], None, 3, Exchange(status=500, body="x"), {}]
)
def test_what_is_no_answer_is_refused(bad: Any) -> None:
    with pytest.raises(UsageError) as caught:
        edit(rolled(DONE), 0, message=bad)
    assert caught.value.hint


def test_the_next_answer_can_be_written_before_it_is_asked_for() -> None:
    t = debugger(ONE, DONE)
    t.next()
    edited = edit(t.trajectory, 1, message=says(None, calls("double", n=8)))
    assert [c.arguments for c in edited.pending] == [{"n": 8}]


def test_another_prompt_drops_every_turn() -> None:
    t = rolled(
        TWO, DONE, prompt=[{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]
    )
    edited = edit(t, prompt="v")
    assert edited.messages == [{"role": "system", "content": "s"}, {"role": "user", "content": "v"}]
    assert (edited.turns, edited.open, edited.stop_reason) == ((), None, None)
    assert edit(t, prompt=[{"role": "user", "content": "w"}]).messages == [
        {"role": "user", "content": "w"}
    ]


def test_what_was_said_later_can_be_said_otherwise() -> None:
    dbg = debugger(DONE, ONE, DONE)
    dbg.run()
    dbg.say("and now?")
    t = dbg.run()
    edited = edit(t, 1, prompt="or then?")
    assert [m["content"] for m in edited.messages] == ["go", "done", "or then?"]
    with pytest.raises(UsageError, match="nothing was said"):
        edit(t, 2, prompt="x")


def test_other_sampling_drops_the_answer_and_what_follows() -> None:
    t = rolled(TWO, ONE, DONE, sampling={"temperature": 0.0, "seed": 1})
    edited = edit(t, 1, sampling={"temperature": 1.3})
    assert edited.request(1).sampling == {"temperature": 1.3, "seed": 1}
    assert (len(edited.turns), edited.request(0).sampling) == (1, {"temperature": 0.0, "seed": 1})
    assert edit(edited, 1, sampling={"seed": 2}).request(1).sampling == {
        "temperature": 1.3,
        "seed": 2,
    }
    assert loaded(edited) == edited
    open_turn = debugger(TWO, DONE)
    open_turn.next()
    assert edit(open_turn.trajectory, sampling={"top_p": 0.5}).request(1).sampling == {"top_p": 0.5}
    assert len(edit(t, sampling={"top_p": 0.5}).turns) == 2


def test_failed_requests_stay_where_the_change_does_not_reach() -> None:
    refused = ApiError(kind="rate_limited", message="slow down", status=429)
    dbg = debugger(refused, ONE, refused, DONE)
    for _ in range(5):
        dbg.step()
    t = dbg.trajectory
    assert [a.turn for a in t.attempts] == [0, 1]
    assert [a.turn for a in edit(t, 0, result=1).attempts] == [0]
    assert [a.turn for a in edit(t, 1, message="x").attempts] == [0, 1]
    assert [a.turn for a in edit(t, 1, sampling={"n": 1}).attempts] == [0]
    assert fork(t, 0).attempts == ()
    for edited in (edit(t, 0, result=1), edit(t, 1, message="x"), fork(t, 1)):
        assert loaded(edited) == edited


def test_exactly_one_change() -> None:
    t = rolled(ONE, DONE)
    changes: list[dict[str, Any]] = [{}, {"result": 1, "message": "x"}]
    for change in changes:
        with pytest.raises(UsageError) as caught:
            edit(t, 0, **change)
        assert caught.value.hint


@pytest.mark.parametrize(("turn", "call"), [(2, 0), (-3, 0), ("0", 0), (True, 0), (0, 1), (0, -1)])
def test_a_place_that_is_not_there(turn: Any, call: Any) -> None:
    with pytest.raises(NotFound):
        edit(rolled(ONE, DONE), turn, call, result=1)


def test_turns_count_from_the_end_too() -> None:
    t = rolled(ONE, TWO, DONE)
    assert edit(t, -2, 1, result="x").turns[1].tool_results[1].content == "x"
    assert edit(t, -1, message="y").final == "y"


def test_the_limit_of_turns_holds_after_an_edit() -> None:
    t = rolled(ONE, ONE, max_turns=2)
    assert t.stop_reason == "max_turns"
    assert edit(t, 1, result=3).stop_reason == "max_turns"
    assert edit(t, 0, result=3).stop_reason is None
    assert fork(t, 2).stop_reason == "max_turns"


def test_a_call_in_the_text_is_adopted() -> None:
    dbg = debugger(FOUND, DONE)
    original = dbg.run()
    assert original.stop_reason == "final"
    call = dbg.pending.adopt(0)
    t = dbg.trajectory
    assert (call.arguments, call.adopted, call.id, t.stop_reason) == ({"n": 5}, 0, "call_0_0", None)
    assert t.open is not None
    assert (t.open.response.content, t.open.response.recoverable) == (None, ())  # type: ignore[union-attr]
    assert loaded(t) == t
    assert dbg.run().turns[0].tool_results[0].content == "10"
    assert "<tool_call>" not in json.dumps(dbg.messages)
    assert [dbg.trajectory.final, original.final is not None] == ["done", True]
    assert loaded(dbg.trajectory) == dbg.trajectory


def test_calls_are_adopted_one_by_one_and_changed() -> None:
    two = says(
        'a <tool_call>{"name": "double", "arguments": {"n": 5}}</tool_call> b <tool_call>{"name": "double", "arguments": {"n": 6}}</tool_call>'
    )
    dbg = debugger(two, DONE)
    dbg.step()
    second = dbg.pending.adopt(1)
    assert (second.arguments, second.position) == ({"n": 6}, 0)
    first = dbg.pending.adopt(0)
    assert (first.arguments, first.position) == ({"n": 5}, 1)
    dbg.pending.change(1, n=50)
    assert loaded(dbg.trajectory) == dbg.trajectory
    t = dbg.run()
    assert [r.content for r in t.turns[0].tool_results] == ["12", "100"]
    assert len({c.id for c in t.turns[0].tool_calls}) == 2
    assert loaded(t) == t


def test_an_adopted_call_gets_an_id_of_its_own() -> None:
    parts = [
        {"type": "tool_use", "id": "call_0_0", "name": "double", "input": {"n": 5}},
        {"type": "tool_use", "id": "same", "name": "double", "input": {"n": 6}},
    ]
    message = {
        "role": "assistant",
        "content": parts,
        "tool_calls": [
            {
                "id": "same",
                "type": "function",
                "function": {"name": "double", "arguments": '{"n": 1}'},
            }
        ],
    }
    dbg = debugger({"message": message}, DONE)
    dbg.step()
    dbg.pending.adopt(1)
    dbg.pending.adopt(0)
    assert (dbg.pending[0].arguments, dbg.pending[0].id) == ({"n": 1}, "same")
    assert len({c.id for c in dbg.pending}) == 3
    assert loaded(dbg.trajectory) == dbg.trajectory
    dbg.next()
    assert ak.preflight(dbg.trajectory) == ()


@pytest.mark.slow
def test_a_chain_of_forks_stays_small() -> None:
    t = rolled(*[ONE] * 60, DONE, max_turns=None)
    size = len(json.dumps(dump(t)))
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for n in range(100):
        t = edit(t, 59, result=n)
    used = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert used < 300_000
    assert len(json.dumps(dump(t))) < size + 200
    parents = 0
    while t.parent is not None and t.parent.trajectory is not None:
        t, parents = t.parent.trajectory, parents + 1
    assert parents == 100


def test_edited_trajectories_are_pickled() -> None:
    t = edit(rolled(ONE, DONE), 0, result=1)
    assert pickle.loads(pickle.dumps(t)) == t


def test_reading_again_keeps_what_was_changed_by_hand() -> None:
    t = edit(rolled(TWO, DONE), 0, 1, arguments={"n": 20})
    again = ak.reparse(t).trajectory
    assert [c.arguments for c in again.pending] == [{"n": 20}]
    assert again == t

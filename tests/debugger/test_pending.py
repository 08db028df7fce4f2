"""Between the answer and the tools: each call can be run, skipped, answered, changed, rejected,
adopted.
"""

from __future__ import annotations

from typing import Any

import pytest

import agentkit as ak
from agentkit.errors import NotFound, UsageError
from agentkit.testing import calls, says
from agentkit.types.trajectory import ToolResult
from tests.debugger.debugger_operations import DONE, FOUND, ONE, RAN, THREE, TWO, debugger, statuses

pytestmark = pytest.mark.usefixtures("spoken")


def test_it_is_the_tuple_of_the_calls() -> None:
    dbg = debugger(THREE, DONE)
    assert isinstance(dbg.pending, tuple)
    assert tuple(dbg.pending) == ()
    dbg.step()
    pending = dbg.pending
    assert pending == dbg.trajectory.pending
    assert [c.arguments for c in pending[1:]] == [{"n": 2}, {"n": 3}]
    assert (len(pending), pending[0].name) == (3, "double")


def test_each_thing_that_can_be_done() -> None:
    dbg = debugger(says(None, *(calls("double", n=n) for n in range(5))), DONE)
    dbg.step()
    ran = dbg.pending.run(1)
    assert (ran and ran.status, RAN) == ("ok", [1])
    skipped = dbg.pending.skip(0, "not today")
    assert (skipped.status, skipped.content) == ("skipped", '{"error": "not today"}')
    answered = dbg.pending.answer(0, {"n": 4})
    assert (answered.status, answered.content, answered.value) == ("edited", '{"n": 4}', {"n": 4})
    rejected = dbg.pending.reject(0, "never")
    assert (rejected.status, rejected.content) == ("skipped", '{"error": "never"}')
    changed = dbg.pending.change(0, n=50)
    assert (changed.arguments, changed.position) == ({"n": 50}, 4)
    assert dbg.run().final == "done"
    assert statuses(dbg.trajectory.turns[0]) == ["skipped", "ok", "edited", "skipped", "ok"]
    assert RAN == [1, 50]
    assert [b.label for b in dbg.tree] == ["main", "b1"]
    assert [c.arguments for c in dbg.tree["main"].trajectory.pending] == [{"n": 4}]


def test_a_call_is_given_by_its_place_or_as_itself() -> None:
    dbg = debugger(THREE, DONE)
    dbg.step()
    pending = dbg.pending
    pending.run(pending[1])
    pending.answer(-1, "last")
    assert statuses(dbg.trajectory.open) == [None, "ok", "edited"]
    pending.run(0)  # a list that was held on to still names the same calls
    assert statuses(dbg.trajectory.turns[0]) == ["ok", "ok", "edited"]
    for again in (0, 1, 2):
        with pytest.raises(NotFound) as caught:
            pending.skip(again)
        assert caught.value.hint


@pytest.mark.parametrize("i", [3, -4, "0", None, True, 1.0])
def test_a_place_where_no_call_waits(i: Any) -> None:
    dbg = debugger(THREE, DONE)
    dbg.step()
    for use in (
        dbg.pending.run,
        dbg.pending.skip,
        lambda x: dbg.pending.answer(x, 1),
        lambda x: dbg.pending.change(x, n=1),
        dbg.pending.reject,
    ):
        with pytest.raises(NotFound):
            use(i)
    assert statuses(dbg.trajectory.open) == [None] * 3


def test_arguments_are_changed_by_name_or_all_at_once() -> None:
    dbg = debugger(says(None, calls("double", n=1, unit="m")), DONE)
    dbg.step()
    assert dbg.pending.change(0, n=2).arguments == {"n": 2, "unit": "m"}
    assert dbg.pending.change(0, {"n": 3}).arguments == {"n": 3}
    assert dbg.pending[0].sent_arguments == '{"n": 1, "unit": "m"}'
    with pytest.raises(UsageError):
        dbg.pending.change(0, [1])  # type: ignore[arg-type]


def test_a_broken_call_is_mended_and_run() -> None:
    broken = says(None, {"function": {"name": "double", "arguments": '{"n": 1'}})
    dbg = debugger(broken, DONE)
    dbg.step()
    assert not dbg.pending[0].valid
    dbg.pending.change(0, n=21)
    result = dbg.step()
    assert isinstance(result, ToolResult)
    assert result.content == "42"
    assert dbg.messages[1]["tool_calls"][0]["function"]["arguments"] == '{"n": 21}'


def test_an_answer_by_hand_is_made_into_text_as_a_tools_is() -> None:
    dbg = debugger(THREE, DONE)
    dbg.step()
    dbg.pending.answer(0, None)
    dbg.pending.answer(0, b"\xff")
    given = ToolResult(call_id="other", name="other", status="error", content="own", error="own")
    result = dbg.pending.answer(0, given)
    assert (result.status, result.name, result.content) == ("edited", "double", "own")
    assert [m["content"] for m in dbg.messages if m["role"] == "tool"] == ["null", "\ufffd", "own"]


def test_a_call_in_the_text_is_offered_and_adopted() -> None:
    dbg = debugger(FOUND, DONE)
    dbg.step()
    assert [c.arguments for c in dbg.pending.recoverable] == [{"n": 5}]
    assert "1 recoverable" in repr(dbg.pending)
    assert dbg.pending.adopt(0).arguments == {"n": 5}
    assert dbg.pending.recoverable == ()
    with pytest.raises(NotFound):
        dbg.pending.adopt(0)
    dbg.run()
    assert RAN == [5]


def test_what_was_answered_by_hand_is_on_disk_at_once(tmp_path: Any) -> None:
    dbg = debugger(TWO, DONE)
    path = tmp_path / "x.jsonl"
    dbg = ak.debug(ak.record(dbg.agent, path), "go")
    dbg.step()
    dbg.pending.skip(0, "no")
    dbg.pending.answer(0, 7)
    assert ak.load(path) == dbg.trajectory
    dbg.run()
    assert ak.load(path) == dbg.trajectory


def test_what_it_shows() -> None:
    dbg = debugger(
        says(
            '<tool_call>{"name": "double", "arguments": {"n": 5}}</tool_call>', calls("double", n=1)
        ),
        DONE,
    )
    assert "nothing waits" in dbg.pending._repr_mimebundle_()["text/plain"]
    dbg.step()
    bundle = dbg.pending._repr_mimebundle_()
    assert "→ 0 double" in bundle["text/plain"]
    assert "call-0" in bundle["text/html"]
    assert repr(dbg.pending) == '<Pending 0: double({"n": 1}) ok; 1 recoverable>'


def test_what_was_done_by_hand_is_shown() -> None:
    dbg = debugger(TWO, DONE, DONE)
    dbg.step()
    dbg.pending.change(1, n=20)
    dbg.pending.answer(0, "mine")
    dbg.run()
    dbg.edit(message="my own words")
    shown = dbg._repr_mimebundle_()
    for part in ("changed by hand", "written by hand", "my own words", "edited"):
        assert part in shown["text/plain"]
        assert part in shown["text/html"]
    assert '{"n": 2}' in shown["text/html"]
    dbg = debugger(FOUND, ONE)
    dbg.step()
    dbg.pending.adopt()
    assert "adopted" in dbg._repr_mimebundle_()["text/html"]
    assert "adopted" in dbg._repr_mimebundle_()["text/plain"]


def test_a_text_in_place_of_arguments_is_refused_beside_names_too() -> None:
    dbg = debugger(ONE, DONE)
    dbg.step()
    with pytest.raises(UsageError, match="the arguments are a str"):
        dbg.pending.change(0, '{"x": 1}', x=2)  # type: ignore[arg-type]

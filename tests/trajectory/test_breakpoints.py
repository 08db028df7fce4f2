"""Breakpoints: a run stops before a step or after its outcome, says which one held it, and goes on
from there.
"""

from __future__ import annotations

import threading
from typing import Any

import pytest

import agentkit as ak
from agentkit.errors import NotFound, UsageError
from agentkit.testing import ScriptedServer, calls, says
from agentkit.trajectory.breakpoints import Breakpoint, BreakpointContext, Stop
from agentkit.types.trajectory import Turn
from agentkit.types.wire import ApiError
from tests.debugger.debugger_operations import DONE, FOUND, ONE, RAN, TWO, asked, debugger, statuses

bo = ak.break_on
BROKEN = says(None, {"function": {"name": "double", "arguments": '{"n": 1'}})
FAILS = says(None, calls("fail", n=1), calls("double", n=2))
PAY = says(None, calls("double", n=1), calls("fail", n=2), calls("double", n=3))


def stopped(dbg: ak.Debugger, until: Any = None) -> tuple[str, int, int | None] | None:
    """Where a run stops: the side of the step, the turn, the call."""
    dbg.run(until=until)
    stop = dbg.stop_at
    return None if stop is None else (stop.when, stop.turn, stop.call)


PLACES: list[tuple[Breakpoint, list[Any], list[Any]]] = [
    (bo.tool("fail"), [ONE, FAILS, DONE], [("before", 1, 0), None]),
    (bo.tool("double", "fail"), [FAILS, DONE], [("before", 0, 0), ("before", 0, 1), None]),
    (bo.tool(), [TWO, DONE], [("before", 0, 0), ("before", 0, 1), None]),
    (bo.tool("fail").after(), [FAILS, DONE], [("after", 0, 0), None]),
    (bo.call(lambda call: call.arguments == {"n": 2}), [TWO, DONE], [("before", 0, 1), None]),
    (bo.problem("arguments_truncated"), [BROKEN, DONE], [("after", 0, None), None]),
    (bo.problem(), [BROKEN, DONE], [("after", 0, None), None]),
    (bo.problem("refusal"), [BROKEN, DONE], [None]),
    (bo.tool_error(), [BROKEN, FAILS, DONE], [("after", 0, 0), ("after", 1, 0), None]),
    (bo.tool_error("double"), [BROKEN, FAILS, DONE], [("after", 0, 0), None]),
    (bo.finish("length"), [ONE, says("cut", finish_reason="length")], [("after", 1, None), None]),
    (bo.finish("length"), [says("cut", finish_reason="max_tokens")], [("after", 0, None), None]),
    (bo.finish("stop"), [ONE, DONE], [("after", 1, None), None]),
    (bo.finish("stop"), [says("done", finish_reason="end_turn")], [("after", 0, None), None]),
    (bo.finish("halt"), [ONE, says("done", finish_reason="halt")], [("after", 1, None), None]),
    (bo.finish("no_such_word"), [ONE, DONE], [None]),
    (bo.turn(1), [ONE, DONE], [("before", 1, None), None]),
    (bo.turn(0), [ONE, DONE], [("before", 0, None), None]),
    (bo.turn(1).after(), [ONE, DONE], [("after", 1, None), None]),
    (bo.text("on"), [TWO, DONE], [("after", 1, None), None]),
    (bo.repeat(3), [ONE, ONE, TWO, DONE], [("before", 2, 0), None]),
    (
        bo.repeat(2),
        [says(None, calls("double", n=1), calls("double", n=1)), DONE],
        [("before", 0, 1), None],
    ),
    (bo.repeat(3), [TWO, TWO, TWO, DONE], [("before", 2, 0), ("before", 2, 1), None]),
    (bo.repeat(2), [ONE, FAILS, ONE, DONE], [None]),
    (bo.repeat(3), [BROKEN, BROKEN, BROKEN, DONE], [("before", 2, 0), None]),
    (bo.recovered(), [ONE, FOUND], [("after", 1, None), None]),
    (
        bo(lambda m: m.result is not None and m.result.content == "4"),
        [TWO, DONE],
        [("after", 0, 1), None],
    ),
    (bo(lambda m: m.call is not None).before(), [ONE, DONE], [("before", 0, 0), None]),
    (bo.tool("fail") | bo.turn(1), [FAILS, DONE], [("before", 0, 0), ("before", 1, None), None]),
    (bo.tool("double") & bo.turn(1), [ONE, TWO, DONE], [("before", 1, 0), ("before", 1, 1), None]),
    (bo.turn(1) & bo.tool("double"), [ONE, TWO, DONE], [("before", 1, 0), ("before", 1, 1), None]),
    (
        bo.tool("double") & bo.text("both"),
        [ONE, TWO, DONE],
        [("before", 1, 0), ("before", 1, 1), None],
    ),
    (bo.tool("fail") & bo.tool_error(), [FAILS, DONE], [("after", 0, 0), None]),
    (
        (bo.tool("fail") | bo.tool("double")) & bo.turn(1),
        [ONE, FAILS, DONE],
        [("before", 1, 0), ("before", 1, 1), None],
    ),
    (
        bo.tool("double") & (lambda m: m.call.arguments["n"] > 1),
        [TWO, DONE],
        [("before", 0, 1), None],
    ),
]


@pytest.mark.parametrize("parallel", [False, True])
@pytest.mark.parametrize(
    ("point", "script", "places"), PLACES, ids=[f"{i}-{p[0].text}" for i, p in enumerate(PLACES)]
)
def test_where_each_stops(
    point: Breakpoint, script: list[Any], places: list[Any], parallel: bool
) -> None:
    dbg = debugger(*script, parallel_tools=parallel)
    found = [stopped(dbg, point) for _ in places]
    if not (
        parallel and point.sides == "after"
    ):  # calls that run beside the one that stops are let finish
        assert found == places
    assert dbg.trajectory.stop_reason in ("final", "length")


def test_the_stop_says_which_and_where() -> None:
    dbg = debugger(TWO, DONE)
    point = bo.tool("double")
    dbg.run(until=point)
    stop = dbg.stop_at
    assert isinstance(stop, Stop)
    assert (stop.breakpoint, stop.turn, stop.call, stop.when) == (point, 0, 0, "before")
    assert stop.text == "stopped before run double({\"n\": 1}) ok, turn 0: tool('double')"
    assert "tool('double')" in repr(dbg)
    assert "tool('double')" in dbg._repr_mimebundle_()["text/html"]
    assert "tool('double')" in stop._repr_mimebundle_()["text/html"]
    dbg.step()
    assert dbg.stop_at is None


def test_breakpoints_stay_from_run_to_run() -> None:
    dbg = debugger(ONE, ONE, DONE)
    added = dbg.breakpoints.add(bo.tool("double"))
    assert (list(dbg.breakpoints), dbg.breakpoints[0]) == ([added], added)
    assert [stopped(dbg), stopped(dbg), stopped(dbg)] == [("before", 0, 0), ("before", 1, 0), None]


def test_a_list_of_breakpoints_can_be_changed_and_shown() -> None:
    dbg = debugger(ONE, DONE, approve=["fail"])
    points = dbg.breakpoints

    def late(moment: BreakpointContext) -> bool:
        return moment.turn > 3

    points.add(bo.tool("pay"))
    points.add(bo.turn(2))
    points.add(late)
    assert "0: tool('pay'), before; 1: turn(2), before; 2: late, after" in repr(points)
    bundle = points._repr_mimebundle_()
    assert "approval: fail · before" in bundle["text/plain"]
    assert "turn(2)" in bundle["text/html"]
    points.remove(bo.tool("pay"))
    points.remove(late)
    assert [p.text for p in points] == ["turn(2)"]
    points.remove(0)
    assert len(points) == 0
    for bad in (0, bo.turn(9), lambda m: True):
        with pytest.raises(NotFound):
            points.remove(bad)
    points.add(bo.turn(1))
    points.clear()
    assert (len(points), points.approve) == (0, ("fail",))
    assert "none" in repr(debugger(DONE).breakpoints)


@pytest.mark.parametrize("bad", ["tool", 3.5, [3], object()])
def test_what_is_no_breakpoint(bad: Any) -> None:
    dbg = debugger(ONE, DONE)
    for use in (
        lambda: dbg.run(until=bad),
        lambda: dbg.start(until=bad),
        lambda: dbg.breakpoints.add(bad),
    ):
        with pytest.raises(UsageError) as caught:
            use()
        assert "ak.break_on" in caught.value.hint
    assert asked(dbg) == 0


def test_until_may_be_several() -> None:
    dbg = debugger(ONE, FAILS, DONE)
    both = [bo.tool("fail"), lambda m: m.turn == 0 and m.response is not None]
    assert stopped(dbg, both) == ("after", 0, None)
    assert stopped(dbg, bo.tool("fail")) == ("before", 1, 0)


def test_a_predicate_sees_the_step_and_what_came_of_it() -> None:
    seen: list[BreakpointContext] = []
    dbg = debugger(ONE, DONE)
    watching = bo(lambda moment: seen.append(moment))
    dbg.run(until=[watching, watching.before()])
    assert [
        (m.when, m.turn, m.call and m.call.name, m.result and m.result.content) for m in seen
    ] == [
        ("before", 0, None, None),
        ("after", 0, None, None),
        ("before", 0, "double", None),
        ("after", 0, "double", "2"),
        ("before", 1, None, None),
        ("after", 1, None, None),
    ]
    assert [m.response is not None for m in seen] == [False, True, True, True, False, True]
    assert repr(seen[2]) == '<BreakpointContext before: run double({"n": 1}) ok, turn 0>'


@pytest.mark.parametrize("before", [True, False])
def test_a_predicate_that_raises_stops_the_run_with_its_error(before: bool) -> None:
    def wrong(moment: BreakpointContext) -> bool:
        return bool(moment.trajectory.turns[7])

    dbg = debugger(ONE, DONE)
    point = bo(wrong).before() if before else bo(wrong)
    dbg.run(until=point)
    stop = dbg.stop_at
    assert stop is not None
    assert stop.breakpoint == point
    raised, _, line = (stop.error or "").partition(" at test_breakpoints.py, line ")
    assert raised == "IndexError: tuple index out of range"
    assert line.endswith(": return bool(moment.trajectory.turns[7])")
    assert "wrong raised IndexError" in repr(dbg)
    assert len(dbg.trajectory.all_turns) == (0 if before else 1)
    assert dbg.run().final == "done"


def test_next_is_held_too() -> None:
    dbg = debugger(TWO, DONE)
    dbg.breakpoints.add(bo.call(lambda call: call.position == 1))
    held = dbg.next()
    assert not held
    assert "call(" in repr(held)
    assert statuses(dbg.trajectory.open) == ["ok", None]
    assert isinstance(dbg.next(), Turn)
    dbg.breakpoints.add(bo.text("done"))
    assert isinstance(dbg.next(), Turn)
    assert dbg.stop_at is not None


def test_a_call_that_runs_beside_others_is_still_stopped_before() -> None:
    """Calls in front of it are run, side by side; it waits, and so do those behind it."""
    dbg = debugger(PAY, DONE, parallel_tools=True)
    assert stopped(dbg, bo.tool("fail")) == ("before", 0, 1)
    assert RAN == [1]
    assert [c.position for c in dbg.pending] == [1, 2]
    dbg.run()
    assert statuses(dbg.trajectory.turns[0]) == ["ok", "error", "ok"]


def test_calls_beside_one_that_stops_the_run_are_let_finish() -> None:
    together = threading.Barrier(3, timeout=10)

    def meet(n: int) -> int:
        """Meet."""
        together.wait()
        return n

    script = [says(None, *(calls("meet", n=n) for n in range(3))), DONE]
    dbg = ak.debug(ak.Agent("m", tools=[meet], server=ScriptedServer(script)), "go")
    dbg.run(until=bo(lambda m: m.result is not None))
    assert dbg.stop_at is not None
    assert statuses(dbg.trajectory.turns[0]) == ["ok"] * 3
    assert dbg.trajectory.stop_reason is None


def test_breakpoints_hold_while_the_past_is_played() -> None:
    dbg = debugger(TWO, ONE, DONE)
    dbg.run()
    dbg.goto(0)
    assert [stopped(dbg, bo.turn(1)), stopped(dbg, bo.tool()), stopped(dbg)] == [
        ("before", 1, None),
        ("before", 1, 0),
        None,
    ]
    assert asked(dbg) == 3


def test_a_failed_request_has_a_code_too() -> None:
    dbg = debugger(ONE, ApiError(kind="rate_limited", message="slow down", status=429), DONE)
    assert stopped(dbg, bo.problem("rate_limited")) == ("after", 1, None)
    assert dbg.error is not None
    assert stopped(dbg, bo.problem("rate_limited")) is None


def test_a_code_that_no_problem_has() -> None:
    with pytest.raises(NotFound) as caught:
        bo.problem("argument_truncated")
    assert "arguments_truncated" in caught.value.hint


def test_what_is_added_while_a_run_is_under_way_counts() -> None:
    gate, began = threading.Event(), threading.Event()

    def wait(n: int) -> int:
        """Wait."""
        began.set()
        gate.wait(10)
        return n

    dbg = ak.debug(
        ak.Agent("m", tools=[wait], server=ScriptedServer([says(None, calls("wait", n=1)), DONE])),
        "go",
    )
    dbg.start()
    began.wait(10)
    dbg.breakpoints.add(bo.turn(1))
    gate.set()
    dbg.wait(10)
    assert dbg.stop_at is not None
    assert dbg.stop_at.turn == 1


# approval


def test_a_tool_that_is_not_there_cannot_be_approved() -> None:
    with pytest.raises(UsageError) as caught:
        debugger(ONE, approve=["dubble"])
    assert "double" in caught.value.hint


def test_named_tools_wait_to_be_approved() -> None:
    dbg = debugger(PAY, DONE, approve=["fail"], parallel_tools=True)
    assert stopped(dbg) == ("before", 0, 1)
    assert stopped(dbg) == ("before", 0, 1)
    assert not dbg.next()
    assert RAN == [1]
    dbg.pending.run(0)
    dbg.run()
    assert statuses(dbg.trajectory.turns[0]) == ["ok", "error", "ok"]
    assert dbg.trajectory.final == "done"


def test_a_step_approves() -> None:
    dbg = debugger(FAILS, DONE, approve="fail")
    dbg.run()
    dbg.step()
    assert dbg.run().final == "done"
    dbg.goto(0)
    assert dbg.run().final == "done"  # what was approved once is not run again


def test_what_is_rejected_is_told_to_the_model() -> None:
    dbg = debugger(FAILS, DONE, approve=["fail"])
    dbg.run()
    rejected = dbg.pending.reject(0, "too much money")
    assert (rejected.status, rejected.content) == ("skipped", '{"error": "too much money"}')
    assert dbg.run().final == "done"
    assert dbg.messages[2]["content"] == '{"error": "too much money"}'

"""Whatever is done to a debugger, in whatever order: history pairs, originals stay, and what is
saved loads as it was.
"""

from __future__ import annotations

import json
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import agentkit as ak
from agentkit.agent.events import Committed
from agentkit.errors import AgentkitError
from agentkit.files.cassette.codec import load_lines
from agentkit.files.cassette.index import load_all
from agentkit.files.cassette.lines import dump
from agentkit.testing import FixedClock, ScriptedServer, calls, says
from agentkit.testing.demo import script
from agentkit.trajectory.loop import next_step
from agentkit.trajectory.profiles import PROFILES
from agentkit.types.steps import ModelStep
from agentkit.types.trajectory import Trajectory
from agentkit.types.wire import ApiError
from tests.support.examples import examples

pytestmark = pytest.mark.slow

OWN = ("history_role_order", "history_reasoning_missing")
"""What a person may choose to say: a message behind a tool's result, an answer without
reasoning.
"""

FAULTY: tuple[Any, ...] = (
    says("both", calls("double", n=1), calls("double", n=2), reasoning="r"),
    says(
        None,
        {"function": {"name": "double", "arguments": '{"n": 1}{"n": 2}'}},
        calls("double", n=3),
        reasoning="r",
    ),
    says(
        None,
        {"id": "", "function": {"name": "double", "arguments": {"n": 4}}},
        {"id": "", "function": None},
        reasoning="r",
    ),
    says(
        '<tool_call>{"name": "double", "arguments": {"n": 5}}</tool_call> and <tool_call>{"name": "fail", "arguments": {}}</tool_call>'
    ),
    says(
        None,
        {"id": "x", "function": {"name": "do uble!", "arguments": None}},
        {"id": "x", "type": "custom", "custom": {"name": "fail", "input": "t"}},
    ),
    ApiError(kind="rate_limited", message="slow down", status=429),
    says(""),
    {"error": {"message": "no"}},
    says("cut <think>", finish_reason="length"),
    says("done"),
)


def double(n: int) -> int:
    """Double it."""
    return 2 * n


def fail() -> int:
    """Fail."""
    raise LookupError("no")


def faulty(picks: list[int], parallel: bool) -> ak.Agent:
    """An agent whose answers are picked from what servers get wrong."""
    answers = [FAULTY[pick] for pick in picks]
    return ak.Agent(
        "m",
        tools=[double, fail],
        server=ScriptedServer([*answers, *FAULTY]),
        parallel_tools=parallel,
        retries=0,
        clock=FixedClock(),
    )


def demo_like() -> ak.Agent:
    clock = FixedClock()
    return ak.Agent(
        "demo",
        tools=list(ak.demo().tools.values()),
        server=ScriptedServer(script, clock=clock),
        clock=clock,
    )


SMALL = st.integers(-1, 3)
CHANGES = st.one_of(
    st.tuples(
        st.just("result"), st.sampled_from([None, "by hand", {"temp_c": 1, "sky": "rain"}, b"\xff"])
    ),
    st.tuples(
        st.just("arguments"),
        st.sampled_from([{}, {"n": 9}, {"input": "t"}, {"city": "Rome", "x": "é\ud800"}]),
    ),
    st.tuples(
        st.just("message"),
        st.sampled_from(
            [
                "by hand",
                says("c", calls("double", n=2), calls("double", n=1), reasoning="r"),
                FAULTY[2],
                FAULTY[3],
            ]
        ),
    ),
    st.tuples(
        st.just("prompt"),
        st.sampled_from(["Do I need a coat in Rome?", [{"role": "user", "content": "x"}]]),
    ),
    st.tuples(st.just("sampling"), st.sampled_from([{"temperature": 1.3}, {"seed": 1}])),
)
OPERATIONS = st.one_of(
    st.tuples(
        st.sampled_from(
            ["step", "step", "step", "next", "run", "back", "fork here", "adopt", "stop"]
        )
    ),
    st.tuples(st.sampled_from(["goto", "switch", "rerun", "branch", "fork"]), SMALL),
    st.tuples(
        st.sampled_from(["pending run", "skip", "answer", "change", "reject"]), st.integers(0, 2)
    ),
    st.tuples(st.just("say"), st.sampled_from(["and Oslo?", "more"])),
    st.tuples(st.just("edit"), st.one_of(st.none(), SMALL), st.integers(0, 2), CHANGES),
)


def fitted(dbg: ak.Debugger, operation: tuple[Any, ...]) -> tuple[Any, ...]:
    """The operation with places that are mostly there."""
    turns, waiting = len(dbg.trajectory.turns) + 1, max(1, len(dbg.pending))
    match operation:
        case (("goto" | "rerun" | "branch" | "fork") as name, turn):
            return name, turn % turns
        case ("switch", place):
            return "switch", place % len(dbg.tree)
        case (("pending run" | "skip" | "answer" | "change" | "reject") as name, i):
            return name, i % waiting
        case ("edit", turn, call, change) if turn is not None:
            return "edit", turn % turns, call, change
    return operation


def done(dbg: ak.Debugger, operation: tuple[Any, ...]) -> ak.Debugger:
    """The debugger after an operation; one that cannot be done here changes nothing."""
    match fitted(dbg, operation):
        case ("step",):
            dbg.step()
        case ("next",):
            dbg.next()
        case ("run",):
            dbg.run(until=ak.break_on.turn(len(dbg.trajectory.turns) + 2))
        case ("back",):
            dbg.back()
        case ("fork", turn):
            return dbg.fork(turn)
        case ("fork here",):
            return dbg.fork()
        case ("adopt",):
            dbg.pending.adopt(0)
        case ("stop",):
            dbg.stop()
        case ("goto", turn):
            dbg.goto(turn)
        case ("switch", place):
            dbg.switch(place)
        case ("rerun", turn):
            dbg.rerun(turn, n=2)
        case ("branch", turn):
            dbg.post("fork", turn=turn)
            dbg.wait()
        case ("pending run", i):
            dbg.pending.run(i)
        case ("skip", i):
            dbg.pending.skip(i)
        case ("answer", i):
            dbg.pending.answer(i, {"by": "hand"})
        case ("change", i):
            dbg.pending.change(i, n=7)
        case ("reject", i):
            dbg.pending.reject(i, "no")
        case ("say", text):
            dbg.say(text)
        case ("edit", turn, call, (name, value)):
            dbg.edit(turn, call, **{name: value})
    return dbg


def check(t: Trajectory) -> None:
    """What every trajectory promises."""
    lines = [json.loads(json.dumps(line)) for line in dump(t)]
    assert [json.loads(json.dumps(line)) for line in dump(load_lines(lines)[0])] == lines
    assert load_lines(lines)[0] == t or any(
        r.value is not None for turn in t.all_turns for r in turn.tool_results
    )
    step = next_step(t)
    if isinstance(step, ModelStep) and not t.pending:
        for profile in PROFILES.values():
            messages = replace(t, spec=replace(t.spec, profile=profile.name)).messages
            assert [p for p in ak.preflight(messages, profile) if p.code not in OWN] == [], (
                profile.name,
                messages,
            )


@pytest.mark.parametrize("kind", ["faulty", "demo"])
@settings(
    max_examples=examples(80),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(
    picks=st.lists(st.integers(0, len(FAULTY) - 1), max_size=6),
    parallel=st.booleans(),
    operations=st.lists(OPERATIONS, max_size=14),
)
def test_any_sequence_of_operations(
    kind: str, picks: list[int], parallel: bool, operations: list[tuple[Any, ...]]
) -> None:
    agent = faulty(picks, parallel) if kind == "faulty" else demo_like()
    dbg = ak.debug(agent, "Do I need a coat in Oslo and Rome?")
    seen: list[tuple[Trajectory, str]] = []
    for operation in [("step",), *operations]:
        with suppress(AgentkitError):
            dbg = done(dbg, operation)
        t = dbg.trajectory
        check(t)
        tree = dbg.tree
        assert len({branch.label for branch in tree}) == len(tree)
        assert tree.branch(tree.current).label == tree.current
        assert all(text == repr(dump(earlier)) for earlier, text in seen)
        seen.append((t, repr(dump(t))))
        assert repr(dbg)
        dbg._repr_mimebundle_()


@settings(max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    picks=st.lists(st.integers(0, len(FAULTY) - 1), max_size=6),
    parallel=st.booleans(),
    operations=st.lists(OPERATIONS, max_size=10),
)
def test_what_is_recorded_meanwhile_loads(
    picks: list[int], parallel: bool, operations: list[tuple[Any, ...]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.jsonl"
        dbg = ak.debug(
            ak.record(faulty(picks, parallel), path), "Do I need a coat in Oslo and Rome?"
        )
        for operation in [("step",), *operations]:
            with suppress(AgentkitError):
                dbg = done(dbg, operation)
        told: list[Any] = []
        dbg.watch(lambda event: told.append(event) if isinstance(event, Committed) else None)
        dbg.say("and more?")
        dbg.next()
        found = load_all(path)
        for t in found:
            check(t)
        if told and dbg.trajectory.stop_reason != "error":
            assert shape(dbg.trajectory) in [shape(t) for t in found]


def shape(t: Trajectory) -> list[Any]:
    """What was said and done, without what came by hand since the last step, which is written with
    the next.
    """
    return [
        line
        for line in dump(replace(t, parent=None, stop_reason=None))
        if line.get("step") != "end"
    ]

"""Pausing and going on, stopping and using what came, restarting, running to a turn, reruns taken,
notes and labels.
"""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

import agentkit as ak
from agentkit.agent.events import Event, Pausing, Sampled, SamplePiece
from agentkit.errors import NotFound, UsageError
from agentkit.servers.model_call import Call, Emit
from agentkit.testing import ScriptedServer, by_turn, calls, says, serve
from agentkit.types.wire import Chunk, Exchange
from tests.debugger.test_debugger import ONE, debugger, double

pytestmark = pytest.mark.usefixtures("spoken")


def piece(text: str, at: float = 0.1) -> Chunk:
    return Chunk(at=at, text=f'data: {{"choices": [{{"delta": {text}}}]}}\n\n')


class SlowServer:
    """Sends some pieces of its first answer, then waits to be let on."""

    profile = None
    streams = True

    def __init__(self, *pieces: Chunk, then: str = "done") -> None:
        self.pieces, self.then = pieces, then
        self.came, self.go = threading.Event(), threading.Event()

    async def chat(self, call: Call, emit: Emit | None = None) -> Exchange:
        assert emit is not None
        for chunk in self.pieces:
            emit(chunk)
        self.came.set()
        while not self.go.is_set():
            await asyncio.sleep(0.002)
        body = f'{{"choices": [{{"message": {{"role": "assistant", "content": "{self.then}"}}}}]}}'
        return Exchange(status=200, body=body)


def in_flight(*pieces: Chunk) -> tuple[ak.Debugger, SlowServer, list[Event]]:
    """A debugger whose first answer has begun to come."""
    server = SlowServer(*pieces)
    came: list[Event] = []
    dbg = ak.debug(ak.Agent("m", tools=[double], server=server), "go")
    dbg.watch(came.append)
    dbg.start()
    assert server.came.wait(5)
    return dbg, server, came


PART = piece('{"content": "It is "}')
WHOLE_CALL = piece(
    '{"tool_calls": [{"index": 0, "id": "c1", "function": {"name": "double",'
    ' "arguments": "{\\"n\\": 4}"}}]}'
)


def test_a_pause_is_seen_at_once_and_can_be_taken_back() -> None:
    dbg, server, came = in_flight(PART)
    dbg.pause()
    until(lambda: dbg.pausing)
    dbg.go_on()
    until(lambda: not dbg.pausing)
    server.go.set()
    assert dbg.wait(5).stop_reason == "final"
    assert [e.asked for e in came if isinstance(e, Pausing)] == [True, False]
    assert dbg.stop_at is None


def until(holds: Any) -> None:
    """Wait for what another thread does."""
    done = threading.Event()
    for _ in range(2000):
        if holds():
            return
        done.wait(0.002)
    raise AssertionError("it never came")


def test_what_has_come_of_an_answer_can_be_asked() -> None:
    dbg, server, _ = in_flight(PART, piece('{"content": "cold"}', at=0.3))
    flight = dbg.in_flight
    assert flight is not None
    assert (flight.pieces, flight.first_piece, flight.step.turn) == (2, 0.1, 0)
    assert flight.elapsed >= 0
    server.go.set()
    dbg.wait(5)
    assert dbg.in_flight is None


def stopped(*pieces: Chunk) -> ak.Debugger:
    dbg, _, _ = in_flight(*pieces)
    dbg.stop()
    until(lambda: not dbg.running)
    return dbg


def test_what_came_of_a_stopped_answer_can_be_used() -> None:
    dbg = stopped(PART)
    assert dbg.trajectory.attempts[-1].response is not None
    dbg.use()
    turn = dbg.trajectory.turns[0]
    assert (turn.response.content, turn.response.exchange.by_hand) == ("It is ", True)
    assert [branch.change for branch in dbg.tree] == ["", "the answer"]


def test_calls_that_came_whole_come_with_it() -> None:
    dbg = stopped(
        PART,
        WHOLE_CALL,
        piece(
            '{"tool_calls": [{"index": 1, "id": "c2", "function":'
            ' {"name": "double", "arguments": "{\\"n"}}]}'
        ),
    )
    dbg.use()
    assert [call.arguments for call in dbg.pending] == [{"n": 4}]


def test_another_text_can_be_used_in_its_place() -> None:
    dbg = stopped(PART)
    assert dbg.use("It is cold.").trajectory.final == "It is cold."


def test_what_came_can_be_discarded_and_stays_on_its_branch() -> None:
    dbg = stopped(PART)
    dbg.discard()
    assert dbg.trajectory.attempts == ()
    assert len(dbg.tree["main"].trajectory.attempts) == 1
    with pytest.raises(NotFound, match="no answer broke off"):
        dbg.use()


def test_a_restart_begins_again_and_keeps_what_was() -> None:
    dbg = debugger(ONE, says("done"), ONE, says("again"))
    dbg.breakpoints.add(ak.break_on.turn(9))
    assert dbg.restart().tree.current == "main"
    dbg.run()
    dbg.restart()
    assert (len(dbg.trajectory.turns), len(dbg.breakpoints)) == (0, 1)
    assert dbg.run().final == "again"
    assert dbg.tree["main"].trajectory.final == "done"


def test_a_run_goes_to_a_turn() -> None:
    dbg = debugger(ONE, ONE, ONE, says("done"))
    assert len(dbg.run(until=2).turns) == 2
    with pytest.raises(UsageError, match="not ahead"):
        dbg.run(until=1)
    dbg.post("run_to", turn=1)
    until(lambda: len(dbg.trajectory.turns) == 1 and not dbg.running)
    dbg.post("run_to", turn=3)
    until(lambda: len(dbg.trajectory.turns) == 3 and not dbg.running)


def test_the_answers_of_a_rerun_come_one_by_one_and_one_is_taken() -> None:
    with serve(by_turn("one two", "three")) as server:
        dbg = ak.debug(ak.Agent("m", server=server.url), "go")
        dbg.run()
        came: list[Event] = []
        dbg.watch(came.append)
        dbg.rerun(0, n=3)
    arrived = [event for event in came if isinstance(event, Sampled)]
    assert sorted(event.sample for event in arrived) == [0, 1, 2]
    assert {event.sample for event in came if isinstance(event, SamplePiece)} == {0, 1, 2}
    assert len(dbg.samples) == 3
    dbg.take(2)
    assert dbg.tree.current == dbg.samples[2]
    with pytest.raises(NotFound, match="no answer 3"):
        dbg.take(3)


def test_notes_and_labels_are_saved_with_the_rollout(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    agent = ak.Agent("m", tools=[double], server=ScriptedServer([ONE, says("done")]))
    dbg = ak.debug(ak.record(agent, path), "go")
    dbg.run()
    dbg.note("it doubled", turn=0, call=0).label("good", turn=0).label("good", turn=0).label("all")
    loaded = ak.load(path)
    assert isinstance(loaded, ak.Trajectory)
    assert loaded.meta["notes"] == [
        {"note": "it doubled", "turn": 0, "call": 0},
        {"label": "good", "turn": 0},
        {"label": "all"},
    ]
    dbg.unlabel("all")
    loaded = ak.load(path)
    assert isinstance(loaded, ak.Trajectory)
    assert len(loaded.meta["notes"]) == 2
    with pytest.raises(NotFound, match="no turn 9"):
        dbg.note("?", turn=9)
    with pytest.raises(UsageError, match="cannot be a label"):
        dbg.label("a, b")


def test_what_was_said_of_a_turn_goes_where_that_turn_is_asked_for_again() -> None:
    dbg = debugger(ONE, says("done"), says("other"))
    dbg.run()
    dbg.note("first", turn=0).note("last", turn=1)
    dbg.rerun(1)
    assert [remark.text for remark in dbg.remarks] == ["first"]
    dbg.switch("main")
    assert [remark.text for remark in dbg.remarks] == ["first", "last"]


def test_a_note_in_the_past_is_of_the_whole_rollout() -> None:
    dbg = debugger(ONE, says("done"))
    dbg.run()
    dbg.goto(0)
    dbg.note("later", turn=1)
    dbg.run()
    assert [remark.turn for remark in dbg.remarks] == [1]


def test_breakpoints_have_conditions_on_arguments() -> None:
    answers = [says(None, calls("double", n=n)) for n in (1, 5, 9)]
    dbg = debugger(*answers, says("done"))
    point = dbg.breakpoints.add(ak.break_on.tool(["double"], where="n > 4 and not n == 9"))
    dbg.run()
    assert [call.arguments for call in dbg.pending] == [{"n": 5}]
    assert dbg.breakpoints.hits(point) == 1
    assert "where='n > 4 and not n == 9'" in repr(dbg.breakpoints)
    assert dbg.run().final == "done"


def test_a_breakpoint_that_is_off_stops_nothing() -> None:
    dbg = debugger(ONE, says("done"), ONE, says("done"))
    point = dbg.breakpoints.add(ak.break_on.tool("double"))
    dbg.breakpoints.turn_off(point)
    assert "(off)" in repr(dbg.breakpoints)
    assert dbg.run().final == "done"
    dbg.breakpoints.turn_on(point)
    dbg.restart()
    dbg.run()
    assert len(dbg.pending) == 1


@pytest.mark.parametrize(
    ("kind", "value", "where", "said"),
    [
        ("tool", "double", "m > 4", "no argument that double has is named 'm'"),
        ("tool", "duble", "", "no tool is named 'duble'"),
        ("tool", "double", "n = 4", "cannot be read"),
        ("tool", "double", "__import__('os')", "cannot hold"),
        ("problem", "argument_invalid_json", "", "no problem has the code"),
        ("tol", "double", "", "did you mean 'tool'"),
        ("turn", "x", "", "needs another value"),
        ("turn", "3", "n > 1", "only a breakpoint on a tool"),
    ],
)
def test_a_breakpoint_that_cannot_be_is_refused(
    kind: str, value: str, where: str, said: str
) -> None:
    dbg = debugger(ONE)
    with pytest.raises((NotFound, UsageError)) as refused:
        dbg.breakpoints.add_named(kind, value, where)
    assert said in f"{refused.value} {refused.value.hint}"


@pytest.mark.parametrize(
    ("where", "arguments", "holds"),
    [
        ("amount > 100", {"amount": 101}, True),
        ("amount > 100", {}, False),
        ("'@' in to", {"to": "a@b"}, True),
        ("'@' not in to", {}, False),
        ("to == null", {}, True),
        ("items[0].price >= 5", {"items": [{"price": 5}]}, True),
        ("len(items) > 1 or force == true", {"items": [1], "force": True}, True),
        ("lower(city) == 'oslo'", {"city": "OSLO"}, True),
        ("1 < n < 5", {"n": 3}, True),
    ],
)
def test_conditions(where: str, arguments: dict[str, Any], holds: bool) -> None:
    dbg = debugger(says(None, calls("any", **arguments)), tools=())
    dbg.breakpoints.add(ak.break_on.tool(where=where))
    dbg.run()
    assert (dbg.stop_at is not None and dbg.stop_at.when == "before") is holds


def test_a_rollout_is_gone_on_with_whichever_is_named_first() -> None:
    done = ak.rollout(ak.demo())
    agent = ak.demo()
    for dbg in (
        ak.debug(agent, done),
        ak.debug(done, agent=agent),
        ak.debug(agent=agent, prompt=done),
    ):
        assert dbg.trajectory.messages == done.messages
    assert ak.debug("Go!", agent=agent).trajectory.messages[-1]["content"] == "Go!"
    with pytest.raises(UsageError, match=r"which agent .* ak\.debug\(rollout, agent="):
        ak.debug(done)
    with pytest.raises(UsageError, match="two prompts"):
        ak.debug("Go!", "Stay!", agent=agent)

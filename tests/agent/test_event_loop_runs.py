"""Runs in the background: started, paused, stopped, watched, and asked for by a view, without a
deadlock or a lost step.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

import agentkit as ak
from agentkit.agent.events import Began, Committed, Event, Failed, Halted, Streamed
from agentkit.testing import ScriptedServer, calls, says
from tests.debugger.debugger_operations import DONE, ONE, THREE, TWO, debugger, statuses
from tests.servers.http_stub import COMPLETION, HttpServer, sse
from tests.support.paths import ROOT


class Gate:
    """A tool that waits, and a sign that it does."""

    def __init__(self) -> None:
        self.began, self.open = threading.Event(), threading.Event()

    def debugger(self, *more: Any) -> ak.Debugger:
        def wait() -> str:
            """Wait."""
            self.began.set()
            self.open.wait(20)
            return "waited"

        return ak.debug(
            ak.Agent(
                "m",
                tools=[wait],
                server=ScriptedServer([says(None, calls("wait")), *more, says("done")]),
            ),
            "go",
        )


def names(events: list[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


def test_a_run_in_the_background_returns_at_once() -> None:
    gate = Gate()
    dbg = gate.debugger()
    dbg.start()  # the gate is shut: what waited for the run would wait for good
    running = [dbg.running]
    assert gate.began.wait(5)
    assert dbg.trajectory.pending != ()
    gate.open.set()
    assert dbg.wait(5).final == "done"
    assert [*running, dbg.running] == [True, False]
    assert dbg.wait() is dbg.trajectory


def test_a_wait_can_run_out() -> None:
    gate = Gate()
    dbg = gate.debugger()
    dbg.start()
    with pytest.raises(TimeoutError):
        dbg.wait(0.05)
    assert dbg.running
    gate.open.set()
    dbg.wait(5)


def test_pause_ends_after_the_step_in_flight() -> None:
    gate = Gate()
    dbg = gate.debugger()
    dbg.start()
    gate.began.wait(5)
    dbg.pause()
    gate.open.set()
    dbg.wait(5)
    assert statuses(dbg.trajectory.turns[0]) == ["ok"]
    assert dbg.trajectory.stop_reason is None
    assert dbg.stop_at is not None
    assert dbg.stop_at.breakpoint is None
    assert dbg.stop_at.text == "paused before ask the model, turn 1"
    assert dbg.run().final == "done"
    dbg.pause()  # with nothing under way it does nothing
    assert debugger(ONE, DONE).run().final == "done"


def test_stop_cancels_the_step_in_flight() -> None:
    gate = Gate()
    dbg = gate.debugger()
    dbg.start()
    gate.began.wait(5)
    dbg.stop()  # likewise
    assert not dbg.running or dbg.wait(1)
    assert (len(dbg.pending), dbg.trajectory.stop_reason) == (1, None)
    assert dbg.stop_at is not None
    assert dbg.stop_at.text == "stopped before run wait({}) ok, turn 0"
    gate.open.set()
    assert dbg.run().final == "done"
    dbg.stop()
    assert dbg.trajectory.final == "done"


def test_stop_ends_a_run_of_another_thread_without_an_exception() -> None:
    gate = Gate()
    dbg = gate.debugger()

    def when_it_waits(action: Callable[[], None]) -> None:
        gate.began.wait(5)
        action()

    threading.Thread(target=when_it_waits, args=(dbg.stop,)).start()
    t = dbg.run()
    assert len(t.pending) == 1
    gate.began.clear()
    threading.Thread(target=when_it_waits, args=(lambda: dbg.post("stop"),)).start()
    stopped = dbg.step()
    assert not stopped
    assert "stopped before run wait" in repr(stopped)
    gate.open.set()
    assert dbg.run().final == "done"


def test_a_pause_right_after_the_start_is_heard() -> None:
    dbg = debugger(*[ONE] * 20, DONE)
    dbg.start()
    dbg.pause()
    dbg.wait(5)
    assert len(dbg.trajectory.turns) < 20
    assert dbg.trajectory.stop_reason is None
    dbg.start()
    dbg.stop()
    dbg.step()
    assert dbg.run().final == "done"


class Stubborn:
    """Takes being cancelled for a reason to go on."""

    def __init__(self) -> None:
        self.began, self.slow = threading.Event(), True
        self.release, self.late = threading.Event(), threading.Event()

    async def chat_completion(self, **kwargs: Any) -> Any:
        self.began.set()
        if self.slow:
            self.slow = False
            while not self.release.is_set():
                try:
                    await asyncio.sleep(0.05)
                except asyncio.CancelledError:
                    continue
            self.late.set()
            return {"choices": [{"message": {"content": "too late"}, "finish_reason": "stop"}]}
        return COMPLETION


@pytest.mark.parametrize("how", ["stop", "post"])
def test_a_server_that_will_not_hear_is_left_behind(how: str) -> None:
    server = Stubborn()
    dbg = ak.debug(ak.Agent("m", server=server), "go")
    received: list[Event] = []
    dbg.watch(received.append)
    dbg.start()
    server.began.wait(5)
    if how == "stop":
        dbg.stop()
    else:
        dbg.post("stop")
        while dbg.running:
            time.sleep(0.005)
    assert not dbg.running
    assert dbg.run().final == "four"
    after = dbg.trajectory
    assert not server.late.is_set(), "what was left behind was waited for"
    server.release.set()
    assert server.late.wait(5)
    time.sleep(0.1)
    assert dbg.trajectory is after
    assert names(received).count("Committed") == 1


def test_a_run_that_fails_says_so() -> None:
    def wrap(perform: Any, trajectory: Any, sample: int) -> Any:
        async def broken(step: Any, emit: Any = None) -> Any:
            raise ZeroDivisionError("a bug of the wrapper's")

        return broken

    dbg = ak.debug(ak.Agent("m", server=ScriptedServer([DONE])).with_perform(wrap), "go")
    received: list[Event] = []
    dbg.watch(received.append)
    dbg.start()
    with pytest.raises(ZeroDivisionError):
        dbg.wait(5)
    assert names(received) == ["Began", "Halted", "Failed"]
    assert "ZeroDivisionError: a bug of the wrapper's" in repr(received[-1])
    dbg.wait(5)


# events


def test_events_come_in_the_order_of_what_happens() -> None:
    dbg = debugger(TWO, DONE, DONE)
    received: list[Event] = []
    end = dbg.watch(received.append)
    dbg.run(until=ak.break_on.tool("double"))
    assert names(received) == ["Began", "Committed", "Halted"]
    halted = received[-1]
    assert isinstance(halted, Halted)
    assert (halted.stop, halted.trajectory) == (dbg.stop_at, dbg.trajectory)
    received.clear()
    dbg.next()
    dbg.run()
    assert names(received) == [
        "Began",
        "Began",
        "Committed",
        "Committed",
        "Halted",
        "Began",
        "Committed",
        "Halted",
    ]
    assert [e.trajectory for e in received if isinstance(e, Committed)][-1] is dbg.trajectory
    received.clear()
    dbg.back()
    dbg.step()
    dbg.edit(message="x")
    dbg.rerun(n=1)
    assert names(received) == [
        "Moved",
        "Began",
        "Committed",
        "Halted",
        "Moved",
        "Sampled",
        "Moved",
        "Halted",
    ]
    assert all(repr(event) for event in received)
    end()
    received.clear()
    dbg.back()
    assert received == []
    end()


def test_pieces_of_a_streamed_answer_are_told() -> None:
    events = [{"choices": [{"index": 0, "delta": {"content": part}}]} for part in ("he", "llo")]
    last = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    with HttpServer(sse(*events, last, "[DONE]")) as server:
        dbg = ak.debug(ak.Agent("m", server=server.url, stream=True), "go")
        received: list[Event] = []
        dbg.watch(received.append)
        assert dbg.run().final == "hello"
    pieces = "".join(e.chunk.text for e in received if isinstance(e, Streamed))
    assert pieces.count('"content"') == 2
    assert isinstance(received[0], Began)
    assert "".join(c.text for c in dbg.trajectory.turns[0].response.exchange.chunks) == pieces


def test_a_listener_that_raises_is_logged_once_and_reaches_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    dbg = debugger(TWO, DONE)
    received: list[Event] = []

    def broken(event: Event) -> None:
        raise ZeroDivisionError("in a view")

    dbg.watch(broken)
    dbg.watch(received.append)
    with caplog.at_level(logging.ERROR, "agentkit"):
        assert dbg.run().final == "done"
    assert len(caplog.records) == 1
    assert len(received) == 9


def test_a_listener_may_stop_and_post_but_not_wait() -> None:
    dbg = debugger(TWO, TWO, DONE)
    refusals: list[Any] = []

    def listener(event: Event) -> None:
        if isinstance(event, Committed) and len(event.trajectory.turns) == 1:
            dbg.pause()
            try:
                dbg.step()
            except ak.AgentkitError as exc:
                refusals.append(str(exc))
        if isinstance(event, Halted):
            dbg.stop()

    dbg.watch(listener)
    dbg.start()
    dbg.wait(5)
    assert len(dbg.trajectory.turns) == 1
    assert [text.partition(";")[0] for text in refusals] == ["this would wait for itself"]


# posted by a view


def test_every_action_can_be_posted() -> None:
    dbg = debugger(THREE, ONE, DONE, says("again"), says("again"))
    received: list[Event] = []
    dbg.watch(received.append)
    actions: list[tuple[str, dict[str, Any]]] = [
        ("step", {}),
        ("pending.run", {"call": 1}),
        ("pending.skip", {"call": 0, "reason": "no"}),
        ("pending.answer", {"call": 2, "value": 6}),
        ("next", {}),
        ("run", {}),
        ("back", {}),
        ("goto", {"turn": 0}),
        ("step", {}),
        ("pending.change", {"call": 0, "arguments": {"n": 9}}),
        ("pending.reject", {"call": 1, "message": "no"}),
        ("switch", {"branch": "main"}),
        ("edit", {"turn": 0, "call": 0, "result": 1}),
        ("fork", {"turn": 0}),
        ("switch", {"branch": 0}),
        ("rerun", {"n": 2}),
        ("say", {"prompt": "more"}),
        ("pause", {}),
        ("stop", {}),
    ]
    for action, arguments in actions:
        dbg.post(action, **arguments)
        dbg.wait(5)
    assert [event for event in received if isinstance(event, Failed)] == []
    assert [b.change for b in dbg.tree][1:] == [
        "the arguments of double (call 0)",
        "the result of double (call 0)",
        "fork",
        "rerun",
        "rerun",
    ]
    assert dbg.trajectory.open is not None
    assert dbg.trajectory.open.added[0].content == "more"


@pytest.mark.parametrize(
    ("action", "arguments", "refusal"),
    [
        ("nothing", {}, "no action 'nothing'"),
        ("goto", {}, "missing"),
        ("goto", {"turn": 9}, "no turn 9"),
        ("back", {"n": 3}, "fewer"),
        ("edit", {"turn": 0}, "nothing is to be changed"),
        ("edit", {"result": 1}, "no answer"),
        ("switch", {"branch": "x"}, "no branch"),
        ("pending.run", {"call": 0}, "not pending"),
        ("pending.adopt", {"place": 0}, "no answer"),
        ("step", {"x": 1}, "unexpected"),
        ("run", {"until": "pay"}, "no breakpoint"),
        ("rerun", {"n": 0}, "0 times"),
    ],
)
def test_what_cannot_be_done_comes_back_as_an_event(
    action: str, arguments: dict[str, Any], refusal: str
) -> None:
    dbg = debugger(ONE, DONE)
    received: list[Event] = []
    dbg.watch(received.append)
    before = dbg.trajectory
    dbg.post(action, **arguments)
    dbg.wait(5)
    failed = [event for event in received if isinstance(event, Failed)]
    assert len(failed) == 1
    assert refusal in failed[0].message
    assert dbg.trajectory is before


def test_what_is_posted_while_a_step_runs_is_refused() -> None:
    gate = Gate()
    dbg = gate.debugger()
    received: list[Event] = []
    dbg.watch(received.append)
    dbg.post("run")
    gate.began.wait(5)
    dbg.post("step")
    dbg.post("back")
    while names(received).count("Failed") < 2:
        time.sleep(0.01)
    gate.open.set()
    assert dbg.wait(5).final == "done"
    assert all("is running" in e.message for e in received if isinstance(e, Failed))


def test_many_debuggers_at_once() -> None:
    debuggers = [debugger(THREE, TWO, DONE) for _ in range(30)]
    for dbg in debuggers:
        dbg.start()
    for dbg in debuggers:
        assert dbg.wait(20).final == "done"


async def test_everything_works_under_a_running_event_loop() -> None:
    dbg = debugger(TWO, DONE, says("b"))
    dbg.start()
    assert dbg.wait(5).final == "done"
    dbg.rerun(turn=1)
    assert dbg.trajectory.final == "b"
    assert len(dbg.edit(turn=0, result=9).fork().tree) == 4
    assert len(dbg.tree) == 3


INTERRUPTED = """
import json, os, signal, threading, time
import agentkit as ak
from tests.servers.http_stub import Answer, COMPLETION, HttpServer
def interrupt(after):
    threading.Timer(after, os.kill, (os.getpid(), signal.SIGINT)).start()
def heard(action):
    try:
        action()
    except KeyboardInterrupt:
        return True
with HttpServer(Answer(COMPLETION), Answer(COMPLETION), Answer(COMPLETION, delay=600)) as server:
    dbg = ak.debug(ak.Agent("m", server=server.url), "go")
    dbg.step()
    interrupt(0.3)
    rerun = heard(lambda: dbg.rerun(n=3))
    branches, first = len(dbg.tree), dbg.trajectory.final
    dbg.say("more")
    dbg.start()
    dbg.stop()
    interrupt(0.3)
    dbg.start()
    wait = heard(dbg.wait)
    running = dbg.running
    dbg.stop()
    print(json.dumps([rerun, branches, first, wait, running, dbg.running]))
"""


@pytest.mark.slow
def test_an_interrupt_ends_a_rerun_and_a_wait_only_stops_waiting() -> None:
    root = ROOT
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=root,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    rerun, branches, first, wait, running, stopped = json.loads(done.stdout)
    assert rerun
    assert (branches, first) == (2, "four")
    assert wait
    assert (running, stopped) == (True, False)

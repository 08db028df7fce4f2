"""The notebook's cursor over a rollout: step, look, go back, change, go on.

Each method has the cursor's method of the same name run on the background thread, and waits for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from agentkit.agent.activity import busy
from agentkit.agent.agent import Agent, checked
from agentkit.agent.event_loop import Work, on_loop, refuse_await, run, run_async
from agentkit.agent.events import Event, InFlight
from agentkit.agent.record.replay import ReplayAgent
from agentkit.debugger.actions import Background, act
from agentkit.debugger.breakpoint_list import Breakpoints, names_to_approve
from agentkit.debugger.changing import Changing
from agentkit.debugger.cursor.cursor import Cursor
from agentkit.debugger.pending import Pending
from agentkit.debugger.stopped import Stopped, advice
from agentkit.errors import checked_keywords, names_of
from agentkit.servers.transport.shipment import opened, packed
from agentkit.trajectory.breakpoints import Stop, breakpoints_of
from agentkit.trajectory.history import request
from agentkit.trajectory.loop import RESUMABLE, next_step
from agentkit.trajectory.person.branches import Tree
from agentkit.trajectory.places import ahead_of, place_of
from agentkit.types.answer import Response
from agentkit.types.request import Request
from agentkit.types.steps import Answer, Outcome, Step
from agentkit.types.trajectory import ToolResult, Trajectory, Turn
from agentkit.types.wire import ApiError

_HEARD = 0.2
"""Seconds `stop` waits for what it stops."""


@checked_keywords
class Debugger(Changing):
    """One rollout of an agent, advanced step by step, and the tree of what else was tried.

    A step that is interrupted or fails costs that step and nothing else.
    """

    def __init__(
        self,
        agent: Agent,
        prompt: Any = None,
        *,
        approve: Iterable[str] = (),
        meta: Mapping[str, Any] | None = None,
    ) -> None:
        self.agent = checked(agent, prompt)
        names = names_to_approve(approve, agent.spec.tools)
        engine = agent.engine(agent.watched(agent.start(prompt, meta=meta)))
        self._open(Cursor(engine, approve=names, asks=not isinstance(agent, ReplayAgent)))

    def _open(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self._background = Background(cursor)
        self._started: Work[Any] | None = None

    @property
    def trajectory(self) -> Trajectory:
        """The rollout up to here, as an immutable value."""
        return self._cursor.trajectory

    @property
    def tree(self) -> Tree:
        """Every branch, as an immutable value; `switch` goes to another."""
        return self._cursor.tree

    @property
    def breakpoints(self) -> Breakpoints:
        """The breakpoints of every run; `add`, `remove`, `clear`."""
        return self._cursor.breakpoints

    @property
    def stop_at(self) -> Stop | None:
        """What stopped the last run before its end, and where; None where nothing did."""
        return self._cursor.stop_at

    @property
    def next_step(self) -> Step | None:
        """What `step` will do; None when the rollout has ended."""
        return next_step(self.trajectory)

    @property
    def replays(self) -> bool:
        """Whether the next step plays what was recorded, because the debugger has gone back."""
        step, ahead = self.next_step, self._cursor.engine.ahead
        return (
            step is not None
            and ahead is not None
            and ahead_of(self.trajectory, ahead, step) is not None
        )

    @property
    def turn(self) -> Turn | None:
        """The turn in progress, or the last one; None before the first answer."""
        return (self.trajectory.all_turns or (None,))[-1]

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The conversation so far in OpenAI's chat format."""
        return self.trajectory.messages

    @property
    def request(self) -> Request:
        """What the next model call will send."""
        return request(self.trajectory, len(self.trajectory.turns))

    @property
    def error(self) -> ApiError | None:
        """Why the last request failed, where it did; `step` asks again."""
        return self.trajectory.error

    @property
    def pending(self) -> Pending:
        """The calls that wait to be run, in order, and what can be done with each: run, skip,
        answer, change, reject, adopt.
        """
        return Pending(self._cursor)

    @property
    def running(self) -> bool:
        """Whether something is under way."""
        return self._cursor.busy or self._background.running

    def step(self) -> Response | ToolResult | Stopped:
        """Take one step and return its outcome: a model call's answer, a tool call's result, or
        `Stopped` where no step is left or the request failed.

        An interrupt is heard within a fifth of a second; the step in flight is dropped and can be
        taken again.

        Raises:
            Busy: a step is running.
        """
        refuse_await("dbg.step()", "await dbg.step_async()")
        return self._given(run(self._cursor.step()))

    async def step_async(self) -> Response | ToolResult | Stopped:
        """Take one step, awaited from any event loop."""
        return self._given(await run_async(self._cursor.step()))

    def next(self) -> Turn | Stopped:
        """Go to the end of the turn and return it: the answer, if it is still to come, and the
        results of all its calls. `Stopped` where something came before.

        Raises:
            Busy: a step is running.
        """
        refuse_await("dbg.next()", "await dbg.next_async()")
        if self._is_over():
            return self._stopped()
        before = len(self.trajectory.turns)
        return self._whole_turn(before, run(self._cursor.next()))

    async def next_async(self) -> Turn | Stopped:
        """Go to the end of the turn, awaited from any event loop."""
        if self._is_over():
            return self._stopped()
        before = len(self.trajectory.turns)
        return self._whole_turn(before, await run_async(self._cursor.next()))

    def run(self, until: Any = None) -> Trajectory:
        """Go on until the rollout stops, and return it: at a final answer, a limit, a failed
        request, or a breakpoint, which is then `stop_at`.

        Args:
            until: a breakpoint, a function of a `BreakpointContext`, or several of them, for this
                run only; a number is the start of that turn.

        Raises:
            Busy: a step is running.
            UsageError: `until` is no breakpoint.
        """
        refuse_await("dbg.run()", "await dbg.run_async()")
        run(self._cursor.run(until))
        return self.trajectory

    async def run_async(self, until: Any = None) -> Trajectory:
        """Go on until the rollout stops, awaited from any event loop."""
        await run_async(self._cursor.run(until))
        return self.trajectory

    def start(self, until: Any = None) -> None:
        """Begin a run in the background and return at once. `pause` or `stop` ends it, `wait`
        waits for it.

        Raises:
            Busy: a step is running.
            UsageError: `until` is no breakpoint.
        """
        points = until if isinstance(until, int) else breakpoints_of(until)
        if not isinstance(points, int):
            self.breakpoints.until(points)
        if self.running:
            raise busy()
        self._started = self._background.begin("run", self._cursor.run(points))

    def wait(self, timeout: float | None = None) -> Trajectory:
        """Wait until nothing is under way, and return the trajectory.

        Args:
            timeout: seconds to wait at most.

        Raises:
            TimeoutError: something still is, after so many seconds.
        """
        self._background.wait(timeout)
        started, self._started = self._started, None
        if started is not None:
            started.wait(0)
        return self.trajectory

    def pause(self) -> None:
        """Pause after the step in flight; the run can be gone on with."""
        if on_loop():
            self._cursor.pause()
        else:
            self.post("pause")

    def go_on(self) -> None:
        """Take back a pause that has not come yet: the run goes on."""
        if on_loop():
            self._cursor.go_on()
        else:
            self.post("go_on")

    @property
    def pausing(self) -> bool:
        """Whether a pause was asked for, and comes after the step in flight."""
        return self._cursor.pausing

    @property
    def in_flight(self) -> InFlight | None:
        """What has come of the step that is under way: its seconds, its first piece, its pieces."""
        return self._cursor.engine.in_flight

    def stop(self) -> None:
        """Cancel the step in flight, whether it hears of it or not; it can be taken again."""
        if on_loop():
            self._cursor.stop()
        else:
            self.post("stop")
            end = time.monotonic() + _HEARD
            while self.running and time.monotonic() < end:
                time.sleep(0.002)

    def back(self, n: int = 1) -> Debugger:
        """Go back n steps. What lies ahead is kept: steps play it again, until the tip is reached
        or something is changed.

        Raises:
            NotFound: there were fewer steps.
            Busy: a step is running.
        """
        run(self._cursor.back(n))
        return self

    def goto(self, turn: int) -> Debugger:
        """Go to the start of a turn, in the past or ahead.

        Raises:
            NotFound: there is no such turn.
            Busy: a step is running.
        """
        run(self._cursor.goto(turn))
        return self

    def switch(self, branch: Any) -> Debugger:
        """Go to the tip of a branch of the tree, given by label or place.

        Raises:
            NotFound: there is no such branch.
            Busy: a step is running.
        """
        run(self._cursor.switch(branch))
        return self

    def fork(self, turn: int | None = None) -> Debugger:
        """Make another debugger, on a branch of its own from the start of a turn, by default from
        here. This one stays where it is.

        Raises:
            NotFound: there is no such turn.
            Busy: a step is running.
        """
        other = Debugger.__new__(type(self))
        other.agent = self.agent
        other._open(run(self._cursor.clone(turn)))
        return other

    def watch(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Call the listener with everything that happens, on the engine's thread, until the
        function that this returns is called (`agentkit.agent.events`).
        """
        return self._cursor.watch(listener)

    def post(self, action: str, **arguments: Any) -> None:
        """Ask for an action by name and return at once; it is done on the engine's thread, and what
        goes wrong reaches the listeners as `Failed`. Views use it.
        """
        self._background.begin(action, act(self._cursor, action, arguments))

    def _is_over(self) -> bool:
        return self.trajectory.stop_reason not in (None, *RESUMABLE)

    def _stopped(self, stop: Stop | None = None) -> Stopped:
        stop_reason = self.trajectory.stop_reason
        return Stopped(reason=stop_reason or "stopped", error=self.error, stop=stop)

    def _whole_turn(self, before: int, stop: Stop | None) -> Turn | Stopped:
        turns = self.trajectory.turns
        return turns[-1] if len(turns) > before and not self.error else self._stopped(stop)

    def _given(self, outcome: Outcome | Stop | None) -> Response | ToolResult | Stopped:
        turn = self.turn
        if isinstance(outcome, Stop):
            return self._stopped(outcome)
        if outcome is None or self.error is not None or turn is None or turn.response is None:
            return self._stopped()
        return turn.response if isinstance(outcome, Answer) else outcome.result

    def headline(self) -> str:
        """Say what the next step does, or what can be done where there is none."""
        step = self.next_step
        if step is None:
            return advice(self.trajectory.stop_reason)
        return f"{'replay: ' if self.replays else ''}{step.summary()}"

    def notes(self) -> list[str]:
        """List what stopped it and its place in the tree, where there is either."""
        stops = [self.stop_at.text] if self.stop_at else []
        return stops + ([f"tree: {self.tree.summary()}"] if len(self.tree) > 1 else [])

    if not TYPE_CHECKING:  # a type checker should go on reporting names that are not there

        def __getattr__(self, name: str) -> NoReturn:
            known = [n for n in dir(type(self)) if not n.startswith("_")]
            names_of("a debugger", known, "dbg")(name)

    def __reduce__(self) -> tuple[Any, ...]:
        if self.running:
            raise busy()
        points = self.breakpoints
        state = {
            "agent": self.agent,
            "tree": self.tree,
            "trajectory": self.trajectory,
            "approve": points.approve,
            "points": [(point, points.is_on(point)) for point in points],
        }
        return _reopened, (type(self), packed(self, state, state.items))

    def __repr__(self) -> str:
        more = "".join(f"; {note}" for note in self.notes())
        return f"<Debugger {self.trajectory.summary()}; next: {self.headline()}{more}>"


def _reopened(kind: type[Debugger], data: bytes) -> Debugger:
    """Make a debugger anew, in another process: at the same place of the same tree."""
    state = opened(data)
    agent, tree, trajectory = state["agent"], state["tree"], state["trajectory"]
    made = kind.__new__(kind)
    made.agent = agent
    tip = tree.branch(tree.current).trajectory
    engine = agent.engine(trajectory)
    engine.ahead = None if place_of(tip) == place_of(trajectory) else tip
    asks = not isinstance(agent, ReplayAgent)
    made._open(Cursor(engine, tree, state["approve"], asks=asks))
    for point, is_on in state["points"]:
        made.breakpoints.add(point)
        if not is_on:
            made.breakpoints.turn_off(point)
    return made

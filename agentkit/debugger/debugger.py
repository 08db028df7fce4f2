"""The notebook's cursor over a rollout: step, look, go back, change, go on. Synchronous, with or
without a running event loop.

What it does happens on one background thread (`agentkit.debugger.cursor`); here it is waited for, and shown.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from typing import Any

from agentkit.agent.agent import Agent, checked
from agentkit.agent.event_loop import Work, on_loop, run, run_async, start
from agentkit.agent.events import Event, Failed
from agentkit.agent.record.replay import ReplayAgent
from agentkit.debugger.breakpoint_list import names_to_approve
from agentkit.debugger.commands import command
from agentkit.debugger.cursor import Cursor
from agentkit.debugger.ended import Ended
from agentkit.debugger.outlook import Outlook
from agentkit.debugger.pending import Pending
from agentkit.errors import Busy
from agentkit.trajectory.breakpoints import Stop, breakpoints_of
from agentkit.types.answer import Response
from agentkit.types.steps import Answer
from agentkit.types.trajectory import ToolResult, Trajectory, Turn

__all__ = ["Debugger", "Ended", "debug"]

log = logging.getLogger("agentkit")
_HEARD = 0.2
"""Seconds `stop` waits for what it stops."""


class Debugger(Outlook):
    """One rollout of an agent, advanced step by step, and the tree of what else was tried.

    A step that is interrupted or fails costs that step and nothing else.
    """

    def __init__(
        self, agent: Agent, prompt: Any = None, *, approve: Iterable[str] = (), **meta: Any
    ) -> None:
        self.agent = checked(agent)
        names = names_to_approve(approve, agent.spec.tools)
        self._begin(
            Cursor(
                agent.engine(agent.start(prompt, **meta)),
                approve=names,
                asks=not isinstance(agent, ReplayAgent),
            )
        )

    def _begin(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self._works: set[Work[Any]] = set()
        self._started: Work[Any] | None = None

    @property
    def pending(self) -> Pending:
        """The calls that wait to be run, in order, and what can be done with each: run, skip,
        answer, change, reject, adopt.
        """
        turn = self.turn
        return Pending(
            self.trajectory.pending, turn.response.recoverable if turn is not None else (), self._do
        )

    @property
    def running(self) -> bool:
        """Whether something is under way."""
        return self._cursor.busy or any(not work.future.done() for work in list(self._works))

    def step(self) -> Response | ToolResult | Ended:
        """The outcome of one step: a model call's answer, a tool call's result, or `Ended`: no step
        is left, or the request failed.

        An interrupt is heard within a fifth of a second; the step in flight is dropped and can be
        taken again.

        Raises:
            Busy: a step is running.
        """
        return self._shown(self._do("step"))

    async def step_async(self) -> Response | ToolResult | Ended:
        """The same, awaited from any event loop."""
        return self._shown(await run_async(self._command("step")))

    def next(self) -> Turn | Ended:
        """The turn, once it is whole: the answer, if it is still to come, and the results of all
        its calls. `Ended` where something held it.

        Raises:
            Busy: a step is running.
        """
        if self._has_ended():
            return self._end()
        before = len(self.trajectory.turns)
        return self._whole_turn(before, self._do("next"))

    async def next_async(self) -> Turn | Ended:
        """The same, awaited."""
        if self._has_ended():
            return self._end()
        before = len(self.trajectory.turns)
        return self._whole_turn(before, await run_async(self._command("next")))

    def run(self, until: Any = None) -> Trajectory:
        """The trajectory, once the rollout has stopped: a final answer, a limit, a failed request,
        or a breakpoint, which is then `stop_at`.

        Args:
            until: a breakpoint, a function of a moment, or several of them, for this run only.

        Raises:
            Busy: a step is running.
            UsageError: `until` is no breakpoint.
        """
        self._do("run", until=until)
        return self.trajectory

    async def run_async(self, until: Any = None) -> Trajectory:
        """The same, awaited."""
        await run_async(self._command("run", until=until))
        return self.trajectory

    def start(self, until: Any = None) -> None:
        """Nothing, at once: the run goes on in the background. `pause` or `stop` ends it, `wait`
        waits for it.

        Raises:
            Busy: a step is running.
            UsageError: `until` is no breakpoint.
        """
        points = breakpoints_of(until)
        if self.running:
            raise Busy(
                "a step of this rollout is running",
                hint="wait for it (dbg.wait()), or end it: dbg.pause(), dbg.stop()",
            )
        self._started = self._background("run", until=points)

    def wait(self, timeout: float | None = None) -> Trajectory:
        """The trajectory, once nothing is under way.

        Raises:
            TimeoutError: something still is, after so many seconds.
        """
        until = None if timeout is None else time.monotonic() + timeout
        for work in list(self._works):
            work.ended(None if until is None else max(0.0, until - time.monotonic()))
        started, self._started = self._started, None
        if started is not None:
            started.wait(0)
        return self.trajectory

    def pause(self) -> None:
        """Nothing: what is under way ends after the step in flight, and can be gone on with."""
        if on_loop():
            self._cursor.pause()
        else:
            self._background("pause")

    def stop(self) -> None:
        """Nothing: the step in flight is cancelled, whether it hears of it or not, and can be taken
        again.
        """
        if on_loop():
            self._cursor.stop()
            return
        self._background("stop")
        end = time.monotonic() + _HEARD
        while self.running and time.monotonic() < end:
            time.sleep(0.002)

    def back(self, n: int = 1) -> Debugger:
        """This debugger, n steps back. What lies ahead is kept: steps play it again, until the tip
        is reached or something is changed.

        Raises:
            NotFound: there were fewer steps.
            Busy: a step is running.
        """
        return self._then("back", n=n)

    def goto(self, turn: int) -> Debugger:
        """This debugger at the start of a turn, in the past or ahead.

        Raises:
            NotFound: there is no such turn.
            Busy: a step is running.
        """
        return self._then("goto", turn=turn)

    def switch(self, branch: Any) -> Debugger:
        """This debugger at the tip of a branch of its tree, by label or place.

        Raises:
            NotFound: there is no such branch.
            Busy: a step is running.
        """
        return self._then("switch", branch=branch)

    def edit(self, turn: int | None = None, call: int = 0, **change: Any) -> Debugger:
        """This debugger on a new branch, with one thing changed: what depended on it is dropped.
        The original stays in `tree`.

        Args:
            turn: which turn, counting from 0; by default the last that has an answer, for
                `sampling` the one in progress.
            call: which call of the turn, for `result` and `arguments`.
            change: one of `message`, `result`, `arguments`, `prompt`, `sampling`, as
                `agentkit.trajectory.edit.edit` takes them.

        Raises:
            UsageError: not exactly one thing is changed, or it cannot be used.
            NotFound: there is no such turn or call.
            Busy: a step is running.
        """
        return self._then("edit", turn=turn, call=call, **change)

    def fork(self, turn: int | None = None) -> Debugger:
        """Another debugger on a branch of its own, from the start of a turn, by default from here.
        This one stays where it is.

        Raises:
            NotFound: there is no such turn.
            Busy: a step is running.
        """
        other = Debugger.__new__(type(self))
        other.agent = self.agent
        other._begin(self._do("twin", turn=turn))
        return other

    def rerun(self, turn: int | None = None, n: int = 1) -> Debugger:
        """This debugger on the first of n new branches, each with another answer of the model to
        the same request, asked side by side.

        Args:
            turn: which turn is asked for again; by default the last that has an answer.

        Raises:
            NotFound: there is no such turn.
            Busy: a step is running.
        """
        return self._then("rerun", turn=turn, n=n)

    def say(self, prompt: Any) -> Debugger:
        """This debugger, with a message for the next turn: goes on after a final answer. Calls
        still pending are answered as cancelled.

        Raises:
            UsageError: it is neither a text nor a list of messages.
            Busy: a step is running.
        """
        return self._then("say", prompt=prompt)

    def watch(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """A function that ends it: until then the listener is told of everything that happens, on
        the engine's thread (`agentkit.agent.events`).
        """
        return self._cursor.watch(listener)

    def post(self, action: str, **arguments: Any) -> None:
        """Nothing, at once: the action is done on the engine's thread; what goes wrong is told to
        listeners as `Failed`.
        """
        self._background(action, **arguments)

    def _do(self, action: str, **arguments: Any) -> Any:
        return run(self._command(action, **arguments))

    def _then(self, action: str, **arguments: Any) -> Debugger:
        self._do(action, **arguments)
        return self

    async def _command(self, action: str, **arguments: Any) -> Any:
        return await command(self._cursor, action, arguments)

    def _background(self, action: str, **arguments: Any) -> Work[Any]:
        work = start(self._told(action, arguments))
        self._works.add(work)
        work.future.add_done_callback(lambda future: self._works.discard(work))
        return work

    async def _told(self, action: str, arguments: dict[str, Any]) -> Any:
        """A command nobody waits for: what goes wrong with it is told."""
        try:
            return await self._command(action, **arguments)
        except Exception as exc:
            message = "; ".join([f"{type(exc).__name__}: {exc}", *getattr(exc, "__notes__", ())])
            log.warning("%s: %s", action, message)
            self._cursor.tell(Failed(message=message))
            raise

    def _has_ended(self) -> bool:
        return self.trajectory.stop_reason not in (None, "error", "stopped")

    def _end(self, stop: Any = None) -> Ended:
        held = stop if isinstance(stop, Stop) else None
        return Ended(
            stop_reason=self.trajectory.stop_reason or "stopped", error=self.error, stop=held
        )

    def _whole_turn(self, before: int, stop: Stop | None) -> Turn | Ended:
        turns = self.trajectory.turns
        return turns[-1] if len(turns) > before and not self.error else self._end(stop)

    def _shown(self, outcome: Any) -> Response | ToolResult | Ended:
        turn = self.turn
        if outcome is None or self.error is not None or turn is None or isinstance(outcome, Stop):
            return self._end(outcome)
        result: Response | ToolResult = (
            turn.response if isinstance(outcome, Answer) else outcome.result
        )
        return result


def debug(
    agent: Agent, prompt: Any = None, *, approve: Iterable[str] = (), **meta: Any
) -> Debugger:
    """A debugger at the start of a rollout.

    Args:
        agent: an `ak.Agent`; also `ak.demo()` or what `ak.replay` gives, which knows its own
            prompt.
        prompt: a text, or a list of messages.
        approve: names of tools before which `run` and `next` stop; only `step` and `dbg.pending`
            run them.
        meta: kept with the trajectory: task, labels.

    Raises:
        UsageError: it is not an agent, there is no prompt, or no tool of a name to approve.
    """
    return Debugger(agent, prompt, approve=approve, **meta)

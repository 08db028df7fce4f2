"""The notebook's cursor over a rollout: step, look, go on. Synchronous, with or without a running event loop; `step_async` is awaited."""

from __future__ import annotations

from typing import Any

from agentkit.agent import Agent, checked
from agentkit.background import run, run_async
from agentkit.engine import Engine
from agentkit.errors import Busy
from agentkit.history import request
from agentkit.html import Html, el
from agentkit.loop import Answer, Outcome, Step, next_step, say
from agentkit.render import Limits, page, render, text
from agentkit.types import (
    ApiError,
    Record,
    Request,
    Response,
    StopReason,
    ToolCall,
    ToolResult,
    Trajectory,
    Turn,
    late,
    record,
)


@record
class Ended(Record):
    """There was no step to take, or the request failed. False in a condition, so `while dbg.step(): ...` ends."""

    stop_reason: StopReason
    error: ApiError | None = None
    """Why the request failed, where it did; the next step asks again."""

    def __bool__(self) -> bool:
        return False

    @property
    def advice(self) -> str:
        """What can be done from here."""
        return _advice(self.stop_reason)

    def html(self, limits: Limits) -> Html:
        """What the display shows: the error where there is one, and what can be done."""
        shown = render(self.error, limits) if self.error is not None else {}
        return page({**shown, "advice": el("p", self.advice, class_="ak-title")})

    def text(self, limits: Limits) -> str:
        """The same as plain text."""
        return "\n".join([*([text(self.error, limits)] if self.error is not None else []), self.advice])

    def summary(self) -> str:
        return f"{self.error.summary()}; {self.advice}" if self.error is not None else self.advice


def _advice(stop_reason: StopReason | None) -> str:
    if stop_reason == "error":
        return "the request failed; what came before is kept, and the next step asks again"
    if stop_reason == "stopped":
        return "the rollout is stopped; the next step goes on"
    return f"the rollout has ended ({stop_reason}); dbg.say(text) goes on with it"


class Debugger:
    """One rollout of an agent, advanced step by step. A step that is interrupted or fails costs that step and nothing else."""

    def __init__(self, agent: Agent, prompt: Any = None, **meta: Any) -> None:
        self.agent = checked(agent)
        self._engine: Engine = agent.engine(agent.start(prompt, **meta))

    @property
    def trajectory(self) -> Trajectory:
        """The rollout so far, as an immutable value."""
        return self._engine.trajectory

    @property
    def pending(self) -> tuple[ToolCall, ...]:
        """The calls that wait to be run, in order."""
        return self.trajectory.pending

    @property
    def next_step(self) -> Step | None:
        """What `step` will do; None when the rollout has ended."""
        return next_step(self.trajectory)

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

    def step(self) -> Response | ToolResult | Ended:
        """The outcome of one step: a model call's answer, a tool call's result, or `Ended`: no step is left, or the request failed.

        An interrupt is heard within a fifth of a second; the step in flight is dropped and can be taken again.

        Raises:
            Busy: a step is running.
        """
        return self._shown(run(self._engine.step()))

    async def step_async(self) -> Response | ToolResult | Ended:
        """The same, awaited from any event loop.

        Raises:
            Busy: a step is running.
        """
        return self._shown(await run_async(self._engine.step()))

    def next(self) -> Turn | Ended:
        """The turn, once it is whole: the answer, if it is still to come, and the results of all its calls.

        Raises:
            Busy: a step is running.
        """
        if self._has_ended():
            return self._end()
        run(self._engine.next())
        return self._whole_turn()

    async def next_async(self) -> Turn | Ended:
        """The same, awaited.

        Raises:
            Busy: a step is running.
        """
        if self._has_ended():
            return self._end()
        await run_async(self._engine.next())
        return self._whole_turn()

    def run(self) -> Trajectory:
        """The trajectory, once the rollout has stopped: a final answer, a limit, or a failed request.

        Raises:
            Busy: a step is running.
        """
        run(self._engine.run())
        return self.trajectory

    async def run_async(self) -> Trajectory:
        """The same, awaited.

        Raises:
            Busy: a step is running.
        """
        await run_async(self._engine.run())
        return self.trajectory

    def say(self, prompt: Any) -> Debugger:
        """This debugger, with a message for the next turn: goes on after a final answer. Calls still pending are answered as cancelled.

        Raises:
            UsageError: it is neither a text nor a list of messages.
            Busy: a step is running.
        """
        if self._engine.busy:
            raise Busy("a step of this rollout is running", mend="wait for it, or interrupt it")
        self._engine.trajectory = say(self._engine.trajectory, prompt)
        return self

    def _has_ended(self) -> bool:
        return self.trajectory.stop_reason not in (None, "error", "stopped")

    def _end(self) -> Ended:
        return Ended(stop_reason=self.trajectory.stop_reason or "stopped", error=self.error)

    def _whole_turn(self) -> Turn | Ended:
        return self._end() if self.error or not self.trajectory.turns else self.trajectory.turns[-1]

    def _shown(self, outcome: Outcome | None) -> Response | ToolResult | Ended:
        turn = self.turn
        if outcome is None or self.error is not None or turn is None:
            return self._end()
        return turn.response if isinstance(outcome, Answer) else outcome.result

    def html(self, limits: Limits) -> Html:
        """What the display shows: the conversation, and what comes next."""
        step = self.next_step
        line = f"next step: {step.summary()}" if step else _advice(self.trajectory.stop_reason)
        return page({**render(self.trajectory, limits), "next": el("p", el("strong", "Debugger"), " ", el("code", line), class_="ak-title")})

    def text(self, limits: Limits) -> str:
        """The same as plain text."""
        return f"{text(self.trajectory, limits)}\n{self!r}"

    def __repr__(self) -> str:
        step = self.next_step
        return f"<Debugger {self.trajectory.summary()}; next: {step.summary() if step else _advice(self.trajectory.stop_reason)}>"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        show = late.get("show")
        return show(self) if show else {"text/plain": repr(self)}


def debug(agent: Agent, prompt: Any = None, **meta: Any) -> Debugger:
    """A debugger at the start of a rollout.

    Args:
        agent: an `ak.Agent`; also `ak.demo()` or what `ak.replay` gives, which knows its own prompt.
        prompt: a text, or a list of messages.
        meta: kept with the trajectory: task, labels.

    Raises:
        UsageError: it is not an agent, or there is no prompt.
    """
    return Debugger(agent, prompt, **meta)

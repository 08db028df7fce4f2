"""The notebook's cursor over a rollout: step, look, go on. Synchronous, with or without a running event loop; `step_async` is awaited."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from agentkit.agent import Agent
from agentkit.background import run, run_async
from agentkit.engine import Engine
from agentkit.errors import UsageError
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
    """There was no step to take. False in a condition, so `while dbg.step(): ...` ends."""

    stop_reason: StopReason
    trajectory: Trajectory = field(compare=False, default_factory=Trajectory)

    def __bool__(self) -> bool:
        return False

    def summary(self) -> str:
        return f"{self.stop_reason}: the rollout has ended; dbg.say(text) goes on with it"


class Debugger:
    """One rollout of an agent, advanced step by step. A step that is interrupted or fails costs that step and nothing else."""

    def __init__(self, agent: Agent, prompt: Any = None, **meta: Any) -> None:
        if not isinstance(agent, Agent):
            raise UsageError(f"the agent is a {type(agent).__name__}", mend="ak.debug(ak.Agent(model, tools=[...], server=...), prompt)")
        self.agent = agent
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

    def step(self) -> Response | ToolResult | ApiError | Ended:
        """The outcome of one step: a model call's answer, a tool call's result, why a request failed, or that there is no step left.

        An interrupt is heard within a fifth of a second; the step in flight is dropped and can be taken again.

        Raises:
            Busy: a step is running.
        """
        return self._shown(run(self._engine.step()))

    async def step_async(self) -> Response | ToolResult | ApiError | Ended:
        """The same, awaited from any event loop.

        Raises:
            Busy: a step is running.
        """
        return self._shown(await run_async(self._engine.step()))

    def next(self) -> Turn | ApiError | Ended:
        """The turn, once it is whole: the answer, if it is still to come, and the results of all its calls.

        Raises:
            Busy: a step is running.
        """
        if self._has_ended():
            return self._end()
        run(self._engine.next())
        return self._whole_turn()

    async def next_async(self) -> Turn | ApiError | Ended:
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
        """
        self._engine.trajectory = say(self._engine.trajectory, prompt)
        return self

    def _has_ended(self) -> bool:
        return self.trajectory.stop_reason not in (None, "error", "stopped")

    def _end(self) -> Ended:
        return Ended(stop_reason=self.trajectory.stop_reason or "stopped", trajectory=self.trajectory)

    def _whole_turn(self) -> Turn | ApiError | Ended:
        return self.error or (self.trajectory.turns[-1] if self.trajectory.turns else self._end())

    def _shown(self, outcome: Outcome | None) -> Response | ToolResult | ApiError | Ended:
        if outcome is None:
            return self._end()
        if not isinstance(outcome, Answer):
            return outcome.result
        if self.error is not None:
            return self.error
        turn = self.turn
        return turn.response if turn is not None else self._end()

    def html(self, limits: Limits) -> Html:
        """What the display shows: the conversation, and what comes next."""
        step = self.next_step
        line = f"next step: {step.summary()}" if step else f"the rollout has ended ({self.trajectory.stop_reason}); dbg.say(text) goes on with it"
        return page({**render(self.trajectory, limits), "next": el("p", el("strong", "Debugger"), " ", line, class_="ak-title")})

    def text(self, limits: Limits) -> str:
        """The same as plain text."""
        return f"{text(self.trajectory, limits)}\n{self!r}"

    def __repr__(self) -> str:
        step = self.next_step
        return f"<Debugger {self.trajectory.summary()}; next: {step.summary() if step else 'nothing'}>"

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

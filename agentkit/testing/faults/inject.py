"""Failures on purpose, the same ones at every run: one wrapper of `Perform`, for servers and tools
alike.

Whether a step is struck follows from the seed, the rollout's prompt and sample, the turn and the
call's position, and from nothing else: not from
the order in which rollouts run beside each other. What is put in goes the way of the real thing: a
    refused request is read by `read_error` and asked again by the retries, a cut stream is read as
    a stream that was cut, a tool's exception becomes a result as any other does.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Collection
from dataclasses import field, replace
from typing import Any

from agentkit.agent.agent import Agent, checked
from agentkit.agent.perform import Perform
from agentkit.agent.record.replay import ReplayAgent
from agentkit.agent.tools.pool import Ran
from agentkit.agent.tools.runner import tool_result
from agentkit.errors import NotFound, UsageError
from agentkit.files.cassette.codec import prompt_key
from agentkit.servers.model_call import Call, Emit
from agentkit.servers.retry import Sleep, ask
from agentkit.testing.faults.injected_answers import ANSWERS, REFUSALS
from agentkit.trajectory.loop import request_error
from agentkit.types.record import Record, record
from agentkit.types.steps import Answer, ModelStep, Outcome, Result, Step, ToolStep
from agentkit.types.trajectory import ToolResult, Trajectory
from agentkit.types.wire import Chunk, Exchange

TOOLS = {
    "tool_error": "the tool raises an exception",
    "tool_timeout": "the tool runs out of time",
    "tool_slow": "the tool takes longer",
    "tool_garbage": "the tool gives text that is not what it should be",
}
"""Faults of tools, and what they do."""


@record
class Injection(Record):
    """Which faults strike, and when."""

    faults: tuple[str, ...]
    seed: int = 0
    rate: float = 1.0
    """The share of the steps that could be struck."""
    turns: frozenset[int] | None = None
    """Only these turns; None: any."""
    tools: frozenset[str] | None = None
    """Only calls of these tools; None: any."""
    samples: frozenset[int] | None = None
    """Only these samples of a batch; None: any."""
    times: int = 1
    """How many tries of one request are struck before it goes through."""
    seconds: float = 1.0
    """How long what is slow takes, and how long a rate limit asks to wait."""
    sleep: Sleep = field(default=asyncio.sleep, compare=False)

    def strikes(self, step: Step) -> str | None:
        """The fault this step meets; None for most."""
        trajectory = step.trajectory
        if self.turns is not None and step.turn not in self.turns:
            return None
        if self.samples is not None and trajectory.meta.get("sample", 0) not in self.samples:
            return None
        if (
            isinstance(step, ToolStep)
            and self.tools is not None
            and step.call.name not in self.tools
        ):
            return None
        fitting = [name for name in self.faults if (name in TOOLS) == isinstance(step, ToolStep)]
        if not fitting or self.chance(step, "whether") >= self.rate:
            return None
        return fitting[int(self.chance(step, "which") * len(fitting))]

    def chance(self, step: Step, what: str) -> float:
        """A number from 0 up to 1 that belongs to this step."""
        t = step.trajectory
        place = [
            self.seed,
            prompt_key(m.wire for m in t.prompt),
            t.meta.get("prompt_index"),
            t.meta.get("sample"),
            step.turn,
        ]
        position = step.call.position if isinstance(step, ToolStep) else None
        digest = hashlib.sha256(repr([*place, position, self.faults, what]).encode()).digest()
        return int.from_bytes(digest[:6], "big") / 2**48

    def summary(self) -> str:
        return f"{', '.join(self.faults)} at a rate of {self.rate:g}, seed {self.seed}"


def inject(
    agent: Agent,
    *faults: str,
    rate: float = 1.0,
    turn: int | Collection[int] | None = None,
    tool: str | Collection[str] | None = None,
    sample: int | Collection[int] | None = None,
    times: int = 1,
    seconds: float = 1.0,
    seed: int = 0,
) -> Agent:
    """The same agent, in whose rollouts failures happen on purpose; the same ones at every run.
    Injections can be put around each other.

    What was put in is on the record: `exchange.injected` and `result.injected`, the problem
        `fault_injected`, and the plan as `meta["injection"]`. It is saved, loaded and replayed with
        the rest.

    Args:
        faults: names out of `ak.testing.injections()`: `rate_limited`, `stream_truncated`,
            `arguments_truncated`, `tool_error`, ….
        rate: the share of the model calls, or tool calls, that are struck.
        turn: only this turn, or these.
        tool: only calls of this tool, or these; for faults of answers, only where the answer calls
            one of them.
        sample: only this sample of a batch, or these.
        times: how many tries of one request are struck before it goes through; more than the
            agent's retries makes it fail.
        seconds: how long what is slow takes, and how long a rate limit asks to wait.
        seed: another seed strikes other steps.

    Raises:
        NotFound: there is no such fault.
        UsageError: it is not an agent, or one that plays a recording.
    """
    unknown = [name for name in faults if name not in injections()]
    if unknown or not faults:
        raise NotFound(
            f"no fault is named {unknown[0]!r}" if unknown else "no fault is named",
            hint=f"there are: {', '.join(injections())}",
        )
    if isinstance(checked(agent), ReplayAgent):
        raise UsageError(
            "a replay plays what was recorded, and meets no other faults",
            hint="inject into the agent that is recorded",
        )
    if not 0 <= rate <= 1 or times < 1 or seconds < 0:
        raise UsageError("rate is from 0 to 1, times from 1 up, seconds from 0 up")
    plan = Injection(
        faults=faults,
        seed=seed,
        rate=rate,
        turns=_set(turn, int),
        tools=_set(tool, str),
        samples=_set(sample, int),
        times=times,
        seconds=seconds,
    )
    return agent.wrapped(
        lambda perform, trajectory, sample: injecting(perform, plan, retries=agent.retries)
    ).noting(injection=[plan.summary()])


def injections() -> dict[str, str]:
    """Every fault that can be put in, and what it does."""
    return {**{name: says for name, (says, _) in {**REFUSALS, **ANSWERS}.items()}, **TOOLS}


def _set(value: Any, kind: type) -> frozenset[Any] | None:
    return None if value is None else frozenset((value,) if isinstance(value, kind) else value)


def injecting(perform: Perform, plan: Injection, *, retries: int = 0) -> Perform:
    """The same, with the plan's faults; a refused request is asked again as often as a real one."""

    async def perform_or_fail(step: Step, emit: Emit | None = None) -> Outcome:
        fault = plan.strikes(step)
        if fault is None:
            return await perform(step, emit)
        if isinstance(step, ToolStep):
            return Result(
                position=step.call.position, result=await _tool_fault(perform, step, plan, fault)
            )
        return Answer(exchange=await _server_fault(perform, step, emit, plan, fault, retries))

    return perform_or_fail


async def _server_fault(
    perform: Perform, step: ModelStep, emit: Emit | None, plan: Injection, fault: str, retries: int
) -> Exchange:
    if fault in ANSWERS:
        return await _changed_answer(perform, step, emit, plan, fault)
    server = _Refusing(perform, step, plan, fault)
    nothing = Call(messages=())
    exchange = (
        await ask(server, nothing, emit, retries=retries, sleep=plan.sleep)
        if retries
        else await server.chat(nothing, emit)
    )
    return (
        replace(exchange, injected=_both(exchange.injected, fault)) if server.refused else exchange
    )


class _Refusing:
    """Stands before the server and refuses the first tries of one request."""

    profile: str | None = None

    def __init__(self, perform: Perform, step: ModelStep, plan: Injection, fault: str) -> None:
        self._perform, self._step, self._plan, self._fault = perform, step, plan, fault
        failed = [
            a.exchange
            for a in step.trajectory.attempts
            if a.turn == step.turn and fault in (a.exchange.injected or "").split(", ")
        ]
        self._tries = sum(1 + len(exchange.retries) for exchange in failed)
        self.refused = False

    async def chat(self, call: Call, emit: Emit | None = None) -> Exchange:
        """The refusal, or what the server says."""
        self._tries += 1
        if self._tries <= self._plan.times:
            self.refused = True
            _, make = REFUSALS[self._fault]
            return make(self._plan.seconds)
        outcome = await self._perform(self._step, emit)
        assert isinstance(outcome, Answer)
        return outcome.exchange


async def _changed_answer(
    perform: Perform, step: ModelStep, emit: Emit | None, plan: Injection, fault: str
) -> Exchange:
    """The real answer, changed; its pieces are told when it is whole, for what comes last decides
    where it is cut.
    """
    outcome = await perform(step, None)
    assert isinstance(outcome, Answer)
    exchange = outcome.exchange
    if request_error(exchange) is None:
        _, change = ANSWERS[fault]
        changed = change(exchange, plan.chance(step, "where"), plan.tools)
        if fault == "slow":
            await plan.sleep(plan.seconds)
            changed = _later(exchange, plan.seconds)
        if changed is not None:
            exchange = replace(changed, injected=_both(exchange.injected, fault))
    for chunk in exchange.chunks if emit else ():
        emit(chunk)  # type: ignore[misc]
    return exchange


def _later(exchange: Exchange, seconds: float) -> Exchange:
    chunks = tuple(Chunk(at=chunk.at + seconds, text=chunk.text) for chunk in exchange.chunks)
    return replace(
        exchange,
        chunks=chunks,
        elapsed=None if exchange.elapsed is None else exchange.elapsed + seconds,
    )


def _both(before: str | None, fault: str) -> str:
    return fault if before is None else f"{before}, {fault}"


async def _tool_fault(perform: Perform, step: ToolStep, plan: Injection, fault: str) -> ToolResult:
    if fault == "tool_error":
        made = tool_result(
            step.call, Ran(None, ConnectionError("the service did not answer"), 0.0, 0.0, 0.0)
        )
        return replace(made, injected=fault, started=None, elapsed=None, queued=None)
    if fault == "tool_timeout":
        made = tool_result(step.call, Ran(None, None, 0.0, plan.seconds, 0.0, timed_out=True))
        return replace(made, injected=fault, started=None, queued=None)
    outcome = await perform(step, None)
    assert isinstance(outcome, Result)
    result = outcome.result
    if fault == "tool_slow":
        await plan.sleep(plan.seconds)
        return replace(
            result,
            elapsed=(result.elapsed or 0.0) + plan.seconds,
            injected=_both(result.injected, fault),
        )
    content = "\x00\ufffd<html>502 Bad Gateway</html>" if plan.chance(step, "garbage") < 0.5 else ""
    return replace(
        result, content=content, value=None, conversion=None, injected=_both(result.injected, fault)
    )


def injected(trajectory: Trajectory) -> list[tuple[int, int | None, str]]:
    """What was put into a rollout, as (turn, call position or None for the request, faults), in
    order.
    """
    found: list[tuple[int, int | None, str]] = []
    for attempt in trajectory.attempts:
        found += (
            [(attempt.turn, None, attempt.exchange.injected)] if attempt.exchange.injected else []
        )
    for turn in trajectory.all_turns:
        found += (
            [(turn.index, None, turn.response.exchange.injected)]
            if turn.response.exchange.injected
            else []
        )
        found += [
            (turn.index, at, result.injected)
            for at, result in enumerate(turn.results)
            if result is not None and result.injected
        ]
    return sorted(found, key=lambda entry: (entry[0], -1 if entry[1] is None else entry[1]))

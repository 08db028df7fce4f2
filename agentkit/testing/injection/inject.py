"""Failures on purpose, the same ones at every run: one wrapper of `Perform`, for servers and tools
alike.

Whether a step meets a fault follows from the seed, the rollout's prompt and sample, the turn and
the call's position, and from nothing else: not from the order in which rollouts run side by side.
What is put in goes the way of the real thing: a refused request is read by `read_error` and asked
again by the retries, a cut stream is read as a stream that was cut, a tool's exception becomes a
result as any other does.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Collection
from dataclasses import field, replace
from typing import Any, TypeVar

from agentkit.agent.agent import Agent, checked
from agentkit.agent.perform import Perform
from agentkit.agent.record.replay import ReplayAgent
from agentkit.agent.tools.job import Ran
from agentkit.agent.tools.runner import tool_result
from agentkit.errors import NotFound, UsageError, checked_keywords, suggest
from agentkit.files.cassette.codec import prompt_key
from agentkit.servers.failures import transport_error
from agentkit.servers.model_call import Call, Emit
from agentkit.servers.retry import Sleep, ask
from agentkit.testing.faults.fault import Draft, Fault, Mode
from agentkit.testing.injection.client_faults import TOOL_FAULTS, answer_faults
from agentkit.testing.injection.received import changed_by, exchange_of
from agentkit.testing.injection.received_dialect import asked, received, refusing
from agentkit.testing.server.question import Question
from agentkit.testing.server.stages import refused, reply_to
from agentkit.trajectory.history import request
from agentkit.trajectory.loop import request_error
from agentkit.types.answer import Dialect
from agentkit.types.record import Record, record
from agentkit.types.steps import Answer, ModelStep, Outcome, Result, Step, ToolStep
from agentkit.types.trajectory import ToolResult, Trajectory
from agentkit.types.wire import Exchange
from agentkit.types.words import type_in_words

_Faulty = TypeVar("_Faulty", Exchange, ToolResult)
_HINT = (
    "ak.testing.injections() lists them, 'rate_limited', 'stream_truncated', 'arguments_truncated'"
    " and 'tool_error' among them"
)


@record
class Injection(Record):
    """Which faults happen, and when."""

    faults: tuple[str, ...]
    seed: int = 0
    rate: float = 1.0
    """The share of the possible steps that meet a fault."""
    turns: frozenset[int] | None = None
    """Only these turns; None: any."""
    tools: frozenset[str] | None = None
    """Only calls of these tools; None: any."""
    samples: frozenset[int] | None = None
    """Only these samples of a batch; None: any."""
    times: int = 1
    """How many tries of one request fail before it goes through."""
    seconds: float = 1.0
    """How long what is slow takes, and how long a rate limit asks to wait."""
    sleep: Sleep = field(default=asyncio.sleep, compare=False)

    def fault_of(self, step: Step) -> str | None:
        """Choose the fault this step meets; None for most."""
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
        fitting = [
            name for name in self.faults if (name in TOOL_FAULTS) == isinstance(step, ToolStep)
        ]
        if not fitting or self.chance(step, "whether") >= self.rate:
            return None
        return fitting[int(self.chance(step, "which") * len(fitting))]

    def chance(self, step: Step, what: str) -> float:
        """Draw a number from 0 up to 1 that depends on the seed and this step alone."""
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


@checked_keywords
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
    """Make failures happen in the rollouts of an agent, the same ones at every run. An agent with
    injections can be given more of them.

    What was put in is on the record: `exchange.injected` and `result.injected`, the problem
    `fault_injected`, and the plan as `meta["injection"]`. It is saved, loaded and replayed with
    the rest.

    Args:
        agent: the agent whose rollouts are to meet them.
        faults: names out of `ak.testing.injections()`: `rate_limited`, `stream_truncated`,
            `arguments_truncated`, `tool_error`, ….
        rate: the share of the model calls, or tool calls, that meet a fault.
        turn: only this turn, or these.
        tool: only calls of this tool, or these; a fault of calls in an answer then changes a call
            of one of them.
        sample: only this sample of a batch, or these.
        times: how many tries of one request fail before it goes through; more than the
            agent's retries makes it fail.
        seconds: how long what is slow takes, and how long a rate limit asks to wait.
        seed: another seed chooses other steps.

    Returns:
        An agent of its own; the one given stays as it is.

    Raises:
        NotFound: there is no such fault.
        UsageError: it is not an agent, or one that plays a recording.
    """
    if not faults:
        raise NotFound("no fault is named", hint=_HINT)
    for name in faults:
        if not isinstance(name, str):
            raise UsageError(
                f"a fault is {type_in_words(name)}, not a name",
                hint="name each by itself: ak.testing.inject(agent, 'rate_limited', 'tool_error')",
            )
        if name not in injections():
            meant = suggest(name, injections())
            raise NotFound(f"no fault is named {name!r}", hint=f"{meant} {_HINT}".strip())
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
    return agent.with_perform(
        lambda perform, trajectory, sample: injecting(perform, plan, retries=agent.retries)
    ).with_meta({"injection": [plan.summary()]})


@checked_keywords
def injections() -> dict[str, str]:
    """List every fault that `inject` can put in, and what it does."""
    return {**{name: fault.says for name, fault in answer_faults().items()}, **TOOL_FAULTS}


def _set(value: Any, kind: type) -> frozenset[Any] | None:
    return None if value is None else frozenset((value,) if isinstance(value, kind) else value)


def injecting(perform: Perform, plan: Injection, *, retries: int = 0) -> Perform:
    """Perform steps with the plan's faults in them.

    Args:
        perform: performs the steps without them.
        plan: which faults happen, and when.
        retries: how often a refused request is asked again.
    """

    async def perform_or_fail(step: Step, emit: Emit | None = None) -> Outcome:
        fault = plan.fault_of(step)
        if fault is None:
            return await perform(step, emit)
        if isinstance(step, ToolStep):
            return Result(
                position=step.call.position, result=await _tool_fault(perform, step, plan, fault)
            )
        return Answer(exchange=await _answer_fault(perform, step, emit, plan, fault, retries))

    return perform_or_fail


async def _answer_fault(
    perform: Perform, step: ModelStep, emit: Emit | None, plan: Injection, name: str, retries: int
) -> Exchange:
    fault = answer_faults()[name]
    question = _question(step, plan)
    if not fault.in_place:
        return await _changed_answer(perform, step, emit, plan, fault, question)
    if not fault.applies(None, question, fault.modes[0]):
        return await _answer(perform, step, emit)
    server = _Refusing(perform, step, plan, fault, question)
    nothing = Call(messages=())
    exchange = (
        await ask(server, nothing, emit, retries=retries, sleep=plan.sleep)
        if retries
        else await server.chat(nothing, emit)
    )
    return _marked(exchange, name) if server.refused else exchange


def _question(step: ModelStep, plan: Injection) -> Question:
    """Give the request of this step, without the fields that ask for parts of an answer (logprobs,
    token ids) which would have to be made up.
    """
    body = request(step.trajectory, step.turn).body
    for field_name in ("n", "logprobs", "return_token_ids", "stream_options"):
        body.pop(field_name, None)
    where = repr(plan.chance(step, "where"))
    model = step.trajectory.spec.model or ""
    dialect = step.trajectory.spec.dialect
    rest: dict[str, Any] = {"seconds": plan.seconds, "dialect": dialect, "native": body}
    return Question(asked(body, dialect), model, where, prompt=(), **rest)


async def _answer(perform: Perform, step: ModelStep, emit: Emit | None) -> Exchange:
    outcome = await perform(step, emit)
    assert isinstance(outcome, Answer)
    return outcome.exchange


class _Refusing:
    """A server in front of the real one that refuses the first tries of one request."""

    profile: str | None = None

    def __init__(
        self, perform: Perform, step: ModelStep, plan: Injection, fault: Fault, question: Question
    ) -> None:
        self._perform, self._step, self._plan = perform, step, plan
        self._fault, self._question = fault, question
        failed = [
            attempt.exchange
            for attempt in step.trajectory.attempts
            if attempt.turn == step.turn
            and fault.name in (attempt.exchange.injected or "").split(", ")
        ]
        self._tries = sum(1 + len(exchange.retries) for exchange in failed)
        self.refused = False

    async def chat(self, call: Call, emit: Emit | None = None) -> Exchange:
        """Refuse, or ask the real server once the tries are used up."""
        self._tries += 1
        if self._tries > self._plan.times:
            return await _answer(self._perform, self._step, emit)
        self.refused = True
        exchange = _in_place(self._fault, self._plan.seconds, self._question.dialect)
        _emit_all(exchange, emit)
        return exchange


def _in_place(fault: Fault, seconds: float, dialect: Dialect) -> Exchange:
    """Give what a client records of a fault that comes in place of an answer.

    Args:
        fault: what goes wrong.
        seconds: how long a rate limit asks to wait, and how long a time-out takes.
        dialect: the API that was asked.
    """
    if fault.failure is not None:
        return Exchange(transport_error=transport_error(fault.failure), elapsed=0.0)
    if fault.instead is not None:
        return exchange_of(fault.instead, seconds)
    refusal = fault.refusal
    assert refusal is not None
    if "retry-after" in refusal.headers:
        refusal = replace(refusal, headers={"retry-after": f"{seconds:g}"})
    return exchange_of(refused(refusal, refusing(dialect)), seconds)


async def _changed_answer(
    perform: Perform,
    step: ModelStep,
    emit: Emit | None,
    plan: Injection,
    fault: Fault,
    question: Question,
) -> Exchange:
    """Ask the model and change its answer. Its pieces are emitted when it is whole, because what
    comes last decides where it is cut.
    """
    exchange = await _answer(perform, step, None)
    if request_error(exchange) is None:
        changed = _changed(exchange, fault, question, plan)
        if changed.elapsed != exchange.elapsed:
            await plan.sleep(plan.seconds)
        exchange = changed
    _emit_all(exchange, emit)
    return exchange


def _changed(exchange: Exchange, fault: Fault, question: Question, plan: Injection) -> Exchange:
    """Give the exchange with the fault in it; the same where the fault cannot show in it."""
    manner = received(exchange)
    draft: Draft | None = manner.draft()
    mode: Mode = "stream" if exchange.chunks else "block"
    if not fault.applies(draft, question, mode):
        return exchange
    if draft is not None and fault.needs in ("calls", "parallel"):
        positions = _calls_of(draft, plan.tools)
        if not positions:
            return exchange
        draft["target"] = positions[int(question.share("call") * len(positions))]
    before = reply_to(question, manner.draft(), mode, manner)
    after = reply_to(question, draft, mode, manner, [fault])
    if before == after and fault.reply is None:
        return exchange
    return _marked(changed_by(exchange, before, after), fault.name)


def _calls_of(draft: Draft, tools: frozenset[str] | None) -> list[int]:
    """Give the positions of the calls of these tools."""
    functions = [
        call.get("function") if isinstance(call, dict) else None
        for call in draft["message"]["tool_calls"]
    ]
    return [
        position
        for position, function in enumerate(functions)
        if isinstance(function, dict) and (tools is None or function.get("name") in tools)
    ]


def _emit_all(exchange: Exchange, emit: Emit | None) -> None:
    for chunk in exchange.chunks if emit else ():
        emit(chunk)  # type: ignore[misc]


def _marked(faulty: _Faulty, name: str) -> _Faulty:
    """Note the fault on the record, beside those noted before."""
    return replace(faulty, injected=f"{faulty.injected}, {name}" if faulty.injected else name)


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
        return _marked(replace(result, elapsed=(result.elapsed or 0.0) + plan.seconds), fault)
    content = "\x00\ufffd<html>502 Bad Gateway</html>" if plan.chance(step, "garbage") < 0.5 else ""
    return _marked(replace(result, content=content, value=None, conversion=None), fault)


@checked_keywords
def injected(trajectory: Trajectory) -> list[tuple[int, int | None, str]]:
    """List what was put into a rollout, in order, as (turn, call position or None for the request,
    faults).
    """
    found: list[tuple[int, int | None, str | None]] = [
        (attempt.turn, None, attempt.exchange.injected) for attempt in trajectory.attempts
    ]
    for turn in trajectory.all_turns:
        results = [result.injected if result else None for result in turn.results]
        found.append((turn.index, None, turn.response.exchange.injected))
        found += [(turn.index, position, names) for position, names in enumerate(results)]
    made = [(turn, position, names) for turn, position, names in found if names]
    return sorted(made, key=lambda entry: (entry[0], -1 if entry[1] is None else entry[1]))

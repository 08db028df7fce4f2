"""The one seam for effects: an async function from a step to its outcome. Everything else wraps it.

    live(server, run_tool)      asks the server, runs the tools
    approving(perform, names, ask)  the same, and a person is asked before a tool is run
    budgeted(perform, budget)   the same, and results that are too long for the model are shortened
    replaying(trajectory)       what was recorded, offline; a miss is an error that says what differs, never a live call
"""

from __future__ import annotations

import asyncio
import difflib
import inspect
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from agentkit.budget import Budget
from agentkit.encoded_history import EncodedHistory, SentHistory
from agentkit.errors import ReplayMiss, UsageError
from agentkit.handwritten import rewritten, skipped
from agentkit.history import request
from agentkit.loop import Answer, ModelStep, Outcome, Result, Step, ToolStep
from agentkit.retrying import ask
from agentkit.servers import Call, ChatServer, Emit, OpenAIClient, Server
from agentkit.tool_runner import RunTool
from agentkit.types import Exchange, OpenTurn, Request, Spec, ToolCall, ToolResult, Trajectory, Turn, clip


class Perform(Protocol):
    """Performs a step. `emit` takes the pieces of a streamed answer as they come."""

    def __call__(self, step: Step, emit: Emit | None = None) -> Awaitable[Outcome]: ...


def twin_of(perform: Perform) -> Perform:
    """The same for another branch of a rollout: what writes a rollout down needs one for each, what keeps nothing of it serves all."""
    twin = getattr(perform, "twin", None)
    return perform if twin is None else twin()


def fields_of(spec: Spec, override: dict[str, Any] | None = None) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Everything a request holds besides its messages, and what is merged over it (`extra_body`)."""
    sampling = {**spec.sampling, **(override or {})}
    extra = sampling.pop("extra_body", None)
    head = {"model": spec.model} if spec.model is not None else {}
    tools = {"tools": list(spec.tools)} if spec.tools else {}
    return {**head, **tools, **sampling}, extra


def live(server: ChatServer, run_tool: RunTool, *, retries: int = 0) -> Perform:
    """Asks the server and runs the tools. Messages that a turn sends again are not made, nor encoded, again.

    Args:
        retries: how often a passing failure is asked again, where the server is reached by HTTP.
    """
    by_http = isinstance(server, (Server, OpenAIClient))
    encoded, sent = EncodedHistory(), SentHistory(dict)

    async def perform(step: Step, emit: Emit | None = None) -> Outcome:
        if isinstance(step, ToolStep):
            return Result(position=step.call.position, result=await run_tool(step))
        trajectory = step.trajectory
        fields, extra = fields_of(trajectory.spec, trajectory.open.sampling if trajectory.open else None)
        call = Call(
            messages=() if by_http else sent.messages(trajectory), encoded=encoded.encode(trajectory) if by_http else None,
            fields=fields, extra_body=extra, stream=trajectory.spec.stream,
        )  # fmt: skip
        exchange = await ask(server, call, emit, retries=retries) if retries and by_http else await server.chat(call, emit)
        task = asyncio.current_task()
        if task is not None and task.cancelling():  # the server would not hear of it; the step was given up all the same
            raise asyncio.CancelledError
        return Answer(exchange=exchange)

    return perform


def budgeted(perform: Perform, budget: Budget) -> Perform:
    """The same, with tool results shortened that do not fit the budget of their turn."""
    others: dict[int, ToolResult] = {}

    async def shorten(step: Step, emit: Emit | None = None) -> Outcome:
        outcome = await perform(step, emit)
        if isinstance(outcome, Answer):
            others.clear()
            return outcome
        outcome = Result(position=outcome.position, result=budget.shortened(outcome.result, others.values()))
        others[outcome.position] = outcome.result
        return outcome

    return shorten


Ask = Callable[[ToolCall], Any]
"""Asks a person about a call: True lets it run, a dict lets it run with these arguments, a text refuses it with this message."""


def approving(perform: Perform, names: Iterable[str] | None, ask: Ask) -> Perform:
    """The same, and before a call of these tools is run, `ask` is asked about it. What it refuses is a result the model is told of.

    Args:
        names: names of tools; None for all of them.
        ask: a function of the call, called in a thread, or an async one, awaited. It returns True (run it), a dict (run it with these arguments),
            a text (refuse it, and tell the model this), or False or None (refuse it).
    """
    asked = None if names is None else frozenset([names] if isinstance(names, str) else names)

    async def approve(step: Step, emit: Emit | None = None) -> Outcome:
        if not isinstance(step, ToolStep) or (asked is not None and step.call.name not in asked):
            return await perform(step, emit)
        call = step.call
        said = await ask(call) if inspect.iscoroutinefunction(ask) else await asyncio.to_thread(ask, call)
        if said is True:
            return await perform(step, emit)
        if isinstance(said, Mapping):
            outcome = await perform(replace(step, call=rewritten(call, said)), emit)
            return replace(outcome, arguments=dict(said)) if isinstance(outcome, Result) else outcome
        if said is not None and said is not False and not isinstance(said, str):
            mend = "return True, a dict of arguments, or a text to refuse it with"
            raise UsageError(f"the answer about a call is a {type(said).__name__}", mend=mend)
        return Result(position=call.position, result=skipped(call, said or "the user did not approve this call"))

    return approve


def replaying(recorded: Trajectory) -> Perform:
    """What was recorded, in order, offline. A step that asks for something else is a `ReplayMiss`."""
    turns = recorded.all_turns
    exchanges: dict[int, list[Exchange]] = defaultdict(list)
    for attempt in recorded.attempts:
        exchanges[attempt.turn].append(attempt.exchange)
    failed = {turn: len(found) for turn, found in exchanges.items()}
    for turn in turns:
        exchanges[turn.index].append(turn.response.exchange)
    played: dict[int, int] = defaultdict(int)
    was, now = EncodedHistory(), EncodedHistory()

    async def perform(step: Step, emit: Emit | None = None) -> Outcome:
        if isinstance(step, ToolStep):
            return _recorded_result(turns[step.turn : step.turn + 1], step)
        found = exchanges[step.turn]
        if not found:
            raise ReplayMiss(f"the recording ends before turn {step.turn}", mend="record the rollout again, to its end")
        index = min(played[step.turn], len(found) - 1)
        if index >= failed.get(step.turn, 0):  # a request that failed may have been changed before the next one
            before = _before(recorded, turns[step.turn])
            if was.key(before, request_fields(before)) != now.key(step.trajectory, request_fields(step.trajectory)):
                _check_request(before, step)
        played[step.turn] += 1
        for chunk in found[index].chunks if emit else ():
            emit(chunk)  # type: ignore[misc]
        return Answer(exchange=found[index])

    return perform


def _before(recorded: Trajectory, turn: Turn) -> Trajectory:
    """The trajectory when this turn's answer was asked for."""
    return replace(recorded, turns=recorded.turns[: turn.index], open=OpenTurn(kept=turn.kept, added=turn.added, sampling=turn.sampling))


def request_fields(trajectory: Trajectory) -> dict[str, Any]:
    """Everything the next request holds besides its messages, as it stands in the body."""
    fields, extra = fields_of(trajectory.spec, trajectory.open.sampling if trajectory.open else None)
    return {**fields, **(extra or {})}


def _check_request(before: Trajectory, step: ModelStep) -> None:
    for what, a, b in _parts(request(before, step.turn), request(step.trajectory, step.turn)):
        if a != b:
            diff = "\n".join(difflib.unified_diff(_pretty(a), _pretty(b), "recorded", "asked", lineterm="", n=1))
            raise ReplayMiss(
                f"turn {step.turn} asks with other {what} than were recorded:\n{diff[:2000]}",
                mend="replay with what was recorded, or record again; a replay never asks a server",
            )


def _parts(was: Request, now: Request) -> list[tuple[str, Any, Any]]:
    return [
        ("messages", list(was.messages), list(now.messages)), ("tools", list(was.tools), list(now.tools)),
        ("sampling", was.sampling, now.sampling), ("model", was.model, now.model),
    ]  # fmt: skip


def _pretty(value: Any) -> list[str]:
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, default=str).splitlines()


def _recorded_result(turns: tuple[Turn, ...], step: ToolStep) -> Result:
    call = step.call
    recorded = [(was, found) for turn in turns for was, found in zip(turn.tool_calls, turn.results, strict=True)]
    was, found = recorded[call.position] if call.position < len(recorded) else (None, None)
    if found is None or was is None:
        raise ReplayMiss(f"the recording holds no result for call {call.position} of turn {step.turn}: {clip(repr(call), 120)}")
    if was.name == call.name and was.sent_arguments == call.raw_arguments:  # a person changed them before it was run
        return Result(position=call.position, result=found, arguments=was.arguments)
    if (was.name, was.arguments) != (call.name, call.arguments):
        raise ReplayMiss(f"call {call.position} of turn {step.turn} is {call.summary()}; recorded is {was.summary()}")
    return Result(position=call.position, result=found)

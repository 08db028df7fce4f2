"""The one seam for effects: an async function from a step to its outcome. Everything else wraps it.

    live(server, run_tool)      asks the server, runs the tools
    budgeted(perform, budget)   the same, and results that are too long for the model are shortened
    recording(perform, write)   the same, and every finished step is written down
    replaying(trajectory)       what was recorded, offline; a miss is an error that says what differs, never a live call
"""

from __future__ import annotations

import asyncio
import difflib
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any, Protocol

from agentkit.budget import Budget
from agentkit.codec import Line, dump, model_line, tool_line
from agentkit.encoded_history import EncodedHistory
from agentkit.errors import ReplayMiss
from agentkit.history import request
from agentkit.loop import Answer, ModelStep, Outcome, Result, Step, ToolStep
from agentkit.retrying import ask
from agentkit.servers import Call, ChatServer, Emit, OpenAIClient, Server
from agentkit.tool_runner import RunTool
from agentkit.types import Exchange, Request, Spec, ToolResult, Trajectory, Turn, clip


class Perform(Protocol):
    """Performs a step. `emit` takes the pieces of a streamed answer as they come."""

    def __call__(self, step: Step, emit: Emit | None = None) -> Awaitable[Outcome]: ...


Write = Callable[[Line], None]


def fields_of(spec: Spec, override: dict[str, Any] | None = None) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Everything a request holds besides its messages, and what is merged over it (`extra_body`)."""
    sampling = {**spec.sampling, **(override or {})}
    extra = sampling.pop("extra_body", None)
    head = {"model": spec.model} if spec.model is not None else {}
    tools = {"tools": list(spec.tools)} if spec.tools else {}
    return {**head, **tools, **sampling}, extra


def live(server: ChatServer, run_tool: RunTool, *, retries: int = 0) -> Perform:
    """Asks the server and runs the tools. Messages that a turn sends again are not encoded again.

    Args:
        retries: how often a passing failure is asked again, where the server is reached by HTTP.
    """
    encoded = EncodedHistory()
    retries = retries if isinstance(server, (Server, OpenAIClient)) else 0

    async def perform(step: Step, emit: Emit | None = None) -> Outcome:
        if isinstance(step, ToolStep):
            return Result(position=step.call.position, result=await run_tool(step))
        trajectory = step.trajectory
        fields, extra = fields_of(trajectory.spec, trajectory.open.sampling if trajectory.open else None)
        fast = isinstance(server, Server)
        call = Call(
            messages=() if fast else request(trajectory, step.turn).messages, encoded=encoded.encode(trajectory) if fast else None,
            fields=fields, extra_body=extra, stream=trajectory.spec.stream,
        )  # fmt: skip
        exchange = await ask(server, call, emit, retries=retries) if retries else await server.chat(call, emit)
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


def recording(perform: Perform, write: Write, sample: int = 0) -> Perform:
    """The same, and every finished step is written before it is committed: what a crash costs is the step in flight.

    What happened to the trajectory between two steps, as calls that were answered by hand, is written with the second of them.
    """
    encoded = EncodedHistory()
    results: set[tuple[int, int]] = set()
    begun = False

    async def record(step: Step, emit: Emit | None = None) -> Outcome:
        nonlocal begun
        for line in _since(step.trajectory, results, sample) if begun else dump(step.trajectory, sample):
            write(line)
        begun = True
        results.update(_positions(step.trajectory.all_turns[-1:]))
        outcome = await perform(step, emit)
        if isinstance(outcome, Answer):
            opened = step.trajectory.open
            fields, extra = fields_of(step.trajectory.spec, opened.sampling if opened else None)
            key = encoded.key(step.trajectory, {**fields, **(extra or {})})
            write(model_line(step.turn, outcome.exchange, sample, opened, key))
        else:
            write(tool_line(step.turn, outcome.position, outcome.result, sample))
            results.add((step.turn, outcome.position))
        return outcome

    return record


def _positions(turns: Iterable[Turn]) -> Iterator[tuple[int, int]]:
    return ((turn.index, position) for turn in turns for position, result in enumerate(turn.results) if result is not None)


def _since(trajectory: Trajectory, written: set[tuple[int, int]], sample: int) -> Iterator[Line]:
    """The lines of results in the last turn that no step gave."""
    for turn in trajectory.all_turns[-1:]:
        for position, result in enumerate(turn.results):
            if result is not None and (turn.index, position) not in written:
                yield tool_line(turn.index, position, result, sample)


def replaying(recorded: Trajectory) -> Perform:
    """What was recorded, in order, offline. A step that asks for something else is a `ReplayMiss`."""
    exchanges: dict[int, list[Exchange]] = defaultdict(list)
    for attempt in recorded.attempts:
        exchanges[attempt.turn].append(attempt.exchange)
    failed = {turn: len(found) for turn, found in exchanges.items()}
    for turn in recorded.all_turns:
        exchanges[turn.index].append(turn.response.exchange)
    results = {(turn.index, position): result for turn in recorded.all_turns for position, result in enumerate(turn.results) if result}
    played: dict[int, int] = defaultdict(int)

    async def perform(step: Step, emit: Emit | None = None) -> Outcome:
        if isinstance(step, ToolStep):
            return Result(position=step.call.position, result=_recorded_result(recorded, step, results))
        found = exchanges[step.turn]
        if not found:
            raise ReplayMiss(f"the recording ends before turn {step.turn}", mend="record the rollout again, to its end")
        index = min(played[step.turn], len(found) - 1)
        if index >= failed.get(step.turn, 0):  # a request that failed may have been changed before the next one
            _check_request(recorded, step)
        played[step.turn] += 1
        for chunk in found[index].chunks if emit else ():
            emit(chunk)  # type: ignore[misc]
        return Answer(exchange=found[index])

    return perform


def _check_request(recorded: Trajectory, step: ModelStep) -> None:
    for what, a, b in _parts(request(recorded, step.turn), request(step.trajectory, step.turn)):
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


def _recorded_result(recorded: Trajectory, step: ToolStep, results: dict[tuple[int, int], ToolResult]) -> ToolResult:
    found = results.get((step.turn, step.call.position))
    calls = [call for turn in recorded.all_turns if turn.index == step.turn for call in turn.tool_calls]
    was = next((call for call in calls if call.position == step.call.position), None)
    if found is None or was is None:
        raise ReplayMiss(f"the recording holds no result for call {step.call.position} of turn {step.turn}: {clip(repr(step.call), 120)}")
    if (was.name, was.arguments) != (step.call.name, step.call.arguments):
        raise ReplayMiss(f"call {step.call.position} of turn {step.turn} is {step.call.summary()}; recorded is {was.summary()}")
    return found

"""The one seam for effects: an async function from a step to its outcome. Everything else wraps it.

    live(server, run_tool)      asks the server, runs the tools
    budgeted(perform, budget)   the same, and results that are too long for the model are shortened

Others are `agentkit.recording` (every finished step is written down), `agentkit.replaying` (what was recorded, offline) and
`agentkit.fault_injection` (failures on purpose).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, Protocol

from agentkit.budget import Budget
from agentkit.encoded_history import EncodedHistory, SentHistory
from agentkit.loop import Answer, Outcome, Result, Step, ToolStep
from agentkit.retrying import ask
from agentkit.servers import Call, ChatServer, Emit, OpenAIClient, Server
from agentkit.tool_runner import RunTool
from agentkit.types import Spec, ToolResult, Trajectory


class Perform(Protocol):
    """Performs a step. `emit` takes the pieces of a streamed answer as they come."""

    def __call__(self, step: Step, emit: Emit | None = None) -> Awaitable[Outcome]: ...


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


def request_fields(trajectory: Trajectory) -> dict[str, Any]:
    """Everything the next request holds besides its messages, as it stands in the body."""
    fields, extra = fields_of(trajectory.spec, trajectory.open.sampling if trajectory.open else None)
    return {**fields, **(extra or {})}

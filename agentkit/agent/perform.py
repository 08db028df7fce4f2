"""The one seam for effects: an async function from a step to its outcome. Everything else wraps it.

    live(server, run_tool)      asks the server, runs the tools
    approving(perform, names, ask)  the same, and a person is asked before a tool is run
    budgeted(perform, budget)   the same, and results that are too long for the model are shortened

Others are `agentkit.agent.record.recorder` (every finished step is written down), `agentkit.agent.record.player` (what
was recorded, offline) and `agentkit.testing.faults.inject` (failures on purpose).
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from agentkit.agent.tools.budget import Budget
from agentkit.agent.tools.runner import RunTool
from agentkit.errors import UsageError
from agentkit.servers.clients import OpenAIClient
from agentkit.servers.model_call import Call, ChatServer, Emit
from agentkit.servers.retry import ask
from agentkit.servers.server import Server
from agentkit.trajectory.by_hand import rewritten, skipped
from agentkit.trajectory.history import fields_of
from agentkit.trajectory.sent_history import EncodedHistory, SentHistory
from agentkit.types.answer import ToolCall
from agentkit.types.steps import Answer, Outcome, Result, Step, ToolStep
from agentkit.types.trajectory import ToolResult


class Perform(Protocol):
    """Performs a step. `emit` takes the pieces of a streamed answer as they come."""

    def __call__(self, step: Step, emit: Emit | None = None) -> Awaitable[Outcome]: ...


def twin_of(perform: Perform) -> Perform:
    """The same for another branch of a rollout: what writes a rollout down needs one for each, what
    keeps nothing of it serves all.
    """
    twin = getattr(perform, "twin", None)
    return perform if twin is None else twin()


def live(server: ChatServer, run_tool: RunTool, *, retries: int = 0) -> Perform:
    """Asks the server and runs the tools. Messages that a turn sends again are not made, nor
    encoded, again.

    Args:
        retries: how often a passing failure is asked again, where the server is reached by HTTP.
    """
    by_http = isinstance(server, (Server, OpenAIClient))
    encoded, sent = EncodedHistory(), SentHistory(dict)

    async def perform(step: Step, emit: Emit | None = None) -> Outcome:
        if isinstance(step, ToolStep):
            return Result(position=step.call.position, result=await run_tool(step))
        trajectory = step.trajectory
        fields, extra = fields_of(
            trajectory.spec, trajectory.open.sampling if trajectory.open else None
        )
        call = Call(
            messages=() if by_http else sent.messages(trajectory),
            encoded=encoded.encode(trajectory) if by_http else None,
            fields=fields,
            extra_body=extra,
            stream=trajectory.spec.stream,
        )
        exchange = (
            await ask(server, call, emit, retries=retries)
            if retries and by_http
            else await server.chat(call, emit)
        )
        task = asyncio.current_task()
        if (
            task is not None and task.cancelling()
        ):  # the server would not hear of it; the step was given up all the same
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
        outcome = Result(
            position=outcome.position, result=budget.shortened(outcome.result, others.values())
        )
        others[outcome.position] = outcome.result
        return outcome

    return shorten


Ask = Callable[[ToolCall], Any]
"""Asks a person about a call: True lets it run, a dict lets it run with these arguments, a text
refuses it with this message.
"""


def approving(perform: Perform, names: Iterable[str] | None, ask: Ask) -> Perform:
    """The same, and before a call of these tools is run, `ask` is asked about it. What it refuses
    is a result the model is told of.

    Args:
        names: names of tools; None for all of them.
        ask: a function of the call, called in a thread, or an async one, awaited. It returns True
            (run it), a dict (run it with these arguments),
            a text (refuse it, and tell the model this), or False or None (refuse it).
    """
    asked = None if names is None else frozenset([names] if isinstance(names, str) else names)

    async def approve(step: Step, emit: Emit | None = None) -> Outcome:
        if not isinstance(step, ToolStep) or (asked is not None and step.call.name not in asked):
            return await perform(step, emit)
        call = step.call
        said = (
            await ask(call)
            if inspect.iscoroutinefunction(ask)
            else await asyncio.to_thread(ask, call)
        )
        if said is True:
            return await perform(step, emit)
        if isinstance(said, Mapping):
            outcome = await perform(replace(step, call=rewritten(call, said)), emit)
            return (
                replace(outcome, arguments=dict(said)) if isinstance(outcome, Result) else outcome
            )
        if said is not None and said is not False and not isinstance(said, str):
            hint = "return True, a dict of arguments, or a text to refuse it with"
            raise UsageError(f"the answer about a call is a {type(said).__name__}", hint=hint)
        return Result(
            position=call.position,
            result=skipped(call, said or "the user did not approve this call"),
        )

    return approve

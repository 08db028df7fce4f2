"""Runs one call of a turn, and turns whatever comes of it into a `ToolResult`: nothing a tool does can end a rollout."""

from __future__ import annotations

import asyncio
import copy
import inspect
import json
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Protocol

from agentkit.loop import ToolStep
from agentkit.tool_pool import Clock, Ran, tool_pool
from agentkit.tools import Tool, as_text, error_text
from agentkit.types import ToolCall, ToolResult

RunTool = Callable[[ToolStep], Awaitable[ToolResult]]


class Dispatch(Protocol):
    """How a named tool is called: synchronously, in a thread, unless `is_async` says otherwise."""

    def names(self) -> Iterable[str]: ...
    def is_async(self, name: str) -> bool: ...
    def call(self, name: str, arguments: dict[str, Any], step: ToolStep) -> Any: ...


class Functions:
    """Dispatch over `Tool` objects by name."""

    def __init__(self, tools: Mapping[str, Tool]) -> None:
        self._tools = tools

    def names(self) -> Iterable[str]:
        return self._tools

    def is_async(self, name: str) -> bool:
        return self._tools[name].is_async

    def call(self, name: str, arguments: dict[str, Any], step: ToolStep) -> Any:
        tool = self._tools[name]
        return tool.function(**tool.bind(arguments))


def tool_runner(dispatch: Dispatch, *, timeout: float | None = None, clock: Clock = time.time) -> RunTool:
    """A function that runs a tool step and gives its result.

    Args:
        timeout: seconds one call may run; None for no limit.
        clock: Unix time in seconds; a scripted agent brings one of its own, so that its times repeat.
    """

    async def run(step: ToolStep) -> ToolResult:
        call = step.call
        known = list(dispatch.names())
        if call.name and call.name not in known:
            error = f"Unknown tool '{call.name}'. Available tools: {sorted(known)}"
            return ToolResult(call_id=call.id, name=call.name, status="unknown_tool", content=error_text(error), error=error)
        if not call.valid:
            return invalid_result(call)
        arguments = copy.deepcopy(call.arguments or {})
        try:
            ran = await _run(dispatch, call.name, arguments, step, timeout, clock)
        except TimeoutError:
            error = f"Tool execution timed out after {timeout:g} s"
            return ToolResult(
                call_id=call.id, name=call.name, status="timeout", content=error_text(error), error=error, elapsed=timeout
            )
        return tool_result(call, ran)

    return run


async def _run(dispatch: Dispatch, name: str, arguments: dict[str, Any], step: ToolStep, timeout: float | None, clock: Clock) -> Ran:
    if dispatch.is_async(name):
        return await _awaited(lambda: dispatch.call(name, arguments, step), timeout, clock)
    ran = await tool_pool().run(lambda: dispatch.call(name, arguments, step), timeout=timeout, clock=clock)
    if inspect.isawaitable(ran.value):
        return await _awaited(lambda: ran.value, timeout, clock)
    return ran


async def _awaited(begin: Callable[[], Any], timeout: float | None, clock: Clock) -> Ran:
    started = clock()
    task = asyncio.ensure_future(_outcome(begin))
    try:
        value, error = await asyncio.wait_for(task, timeout)
    except asyncio.CancelledError:
        task.cancel()
        raise
    return Ran(value, error, started, clock() - started, 0.0)


async def _outcome(begin: Callable[[], Any]) -> tuple[Any, BaseException | None]:
    """A tool's own `TimeoutError` is its error, not the limit's."""
    try:
        return await begin(), None
    except asyncio.CancelledError:
        raise
    except BaseException as exc:  # SystemExit in a tool must not end the event loop
        return None, exc


def tool_result(call: ToolCall, ran: Ran) -> ToolResult:
    """What a call that ended gave, as the model will see it."""
    times: dict[str, Any] = {"started": ran.started, "elapsed": ran.elapsed, "queued": ran.queued}
    if ran.error is not None:
        error = f"{type(ran.error).__name__}: {ran.error}"
        content = error_text(f"Tool execution failed: {error}")
        return ToolResult(call_id=call.id, name=call.name, status="error", content=content, error=error, **times)
    content, conversion = as_text(ran.value)
    value = ran.value if conversion else None
    return ToolResult(call_id=call.id, name=call.name, status="ok", content=content, conversion=conversion, value=value, **times)


def invalid_result(call: ToolCall) -> ToolResult:
    """What the model is told of a call that cannot be run: what is wrong, and to try again."""
    reasons = [p.message for p in call.problems if p.severity == "error"] or [p.message for p in call.problems if p.code != "name_unknown"]
    if not call.name:
        error = "Invalid tool call: the call has no name. Please retry with a tool name."
    else:
        error = f"Invalid JSON in tool arguments: {'; '.join(reasons) or 'unreadable'}. Please retry with valid JSON."
    return ToolResult(call_id=call.id, name=call.name, status="invalid_call", content=error_text(error), error=error)


def infrastructure_failure(content: str) -> str | None:
    """The error of a result that is JSON with a truthy `error` and a negative `exit_code`; None for all others.

    A positive exit code is the command's own and the model's business; a negative one says the sandbox failed.
    """
    if '"exit_code"' not in content or '"error"' not in content:
        return None
    try:
        data = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict) or not data.get("error"):
        return None
    code = data.get("exit_code")
    return str(data["error"]) if isinstance(code, (int, float)) and not isinstance(code, bool) and code < 0 else None

"""Run one call of a turn, and turn whatever comes of it into a `ToolResult`: nothing a tool does
can end a rollout.
"""

from __future__ import annotations

import asyncio
import copy
import inspect
import json
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Protocol

from agentkit.agent.tools.pool import Clock, Ran, tool_pool
from agentkit.agent.tools.tool import Tool
from agentkit.errors import UsageError
from agentkit.read.tool_output import as_text, error_text
from agentkit.types.answer import ToolCall
from agentkit.types.steps import ToolStep
from agentkit.types.trajectory import ToolResult

RunTool = Callable[[ToolStep], Awaitable[ToolResult]]


class Dispatch(Protocol):
    """How a named tool is called: in a thread, unless `on_loop` says that it may be called on the
    event loop.
    """

    def names(self) -> Iterable[str]: ...
    def on_loop(self, name: str) -> bool: ...
    def call(self, name: str, arguments: dict[str, Any], step: ToolStep) -> Any: ...


class Functions:
    """Dispatch over `Tool` objects by name."""

    def __init__(self, tools: Mapping[str, Tool]) -> None:
        self._tools = tools

    def names(self) -> Iterable[str]:
        return self._tools

    def on_loop(self, name: str) -> bool:
        return self._tools[name].is_async

    def call(self, name: str, arguments: dict[str, Any], step: ToolStep) -> Any:
        tool = self._tools[name]
        return tool.function(**tool.bind(arguments))


def tool_runner(
    dispatch: Dispatch, *, timeout: float | None = None, clock: Clock = time.time
) -> RunTool:
    """Make a function that runs a tool step and gives its result.

    Args:
        timeout: seconds one call may run; None for no limit.
        clock: Unix time in seconds; a scripted agent brings one of its own, so that its times
            repeat.

    Raises:
        UsageError: the limit is no number above 0.
    """

    if timeout is not None and not (isinstance(timeout, (int, float)) and timeout > 0):
        raise UsageError(
            f"a tool cannot run for {timeout!r} seconds",
            hint="give a number above 0, or None for no limit",
        )

    async def run(step: ToolStep) -> ToolResult:
        call = step.call
        known = list(dispatch.names())
        if call.name and call.name not in known:
            error = f"Unknown tool '{call.name}'"
            content = error_text(f"{error}. Available tools: {sorted(known)}")
            return ToolResult(
                call_id=call.id, name=call.name, status="unknown_tool", content=content, error=error
            )
        if not call.valid:
            return invalid_result(call)
        return tool_result(call, await _run(dispatch, step, timeout, clock))

    return run


async def _run(dispatch: Dispatch, step: ToolStep, timeout: float | None, clock: Clock) -> Ran:
    name, given = step.call.name, step.call.arguments or {}

    def begin() -> Any:
        return dispatch.call(name, copy.deepcopy(given), step)

    if dispatch.on_loop(name):
        return await _on_loop(begin, timeout, clock)
    ran = await tool_pool().run(begin, timeout=timeout, clock=clock)
    if inspect.isawaitable(ran.value) and not ran.timed_out:
        return await _on_loop(lambda: ran.value, timeout, clock)
    return ran


async def _on_loop(begin: Callable[[], Any], timeout: float | None, clock: Clock) -> Ran:
    """Await an async tool. It is not waited for beyond its time, whatever it makes of being
    cancelled.
    """
    started = clock()
    task = asyncio.ensure_future(_outcome(begin))
    try:
        done, _ = await asyncio.wait({task}, timeout=timeout)
    finally:
        task.cancel()
    if not done:
        return Ran(None, None, started, timeout or 0.0, 0.0, timed_out=True)
    value, error = (
        (None, asyncio.CancelledError("the tool was cancelled from inside"))
        if task.cancelled()
        else task.result()
    )
    return Ran(value, error, started, max(0.0, round(clock() - started, 6)), 0.0)


async def _outcome(begin: Callable[[], Any]) -> tuple[Any, BaseException | None]:
    """Make the result of a call; a tool's own `TimeoutError` is its error, not the limit's."""
    try:
        value = begin()
        return (await value if inspect.isawaitable(value) else value), None
    except asyncio.CancelledError:
        raise
    except BaseException as exc:  # SystemExit in a tool must not end the event loop
        return None, exc


def tool_result(call: ToolCall, ran: Ran) -> ToolResult:
    """Make the result of a call that has ended, as the model will see it."""
    times: dict[str, Any] = {"started": ran.started, "elapsed": ran.elapsed, "queued": ran.queued}
    if ran.timed_out:
        error = f"Tool execution timed out after {ran.elapsed:g} s"
        return ToolResult(
            call_id=call.id,
            name=call.name,
            status="timeout",
            content=error_text(error),
            error=error,
            **times,
        )
    if ran.error is not None:
        error = f"{type(ran.error).__name__}: {_text_of(ran.error)}"
        content = error_text(f"Tool execution failed: {error}")
        return ToolResult(
            call_id=call.id, name=call.name, status="error", content=content, error=error, **times
        )
    content, conversion = as_text(ran.value)
    value = ran.value if conversion else None
    return ToolResult(
        call_id=call.id,
        name=call.name,
        status="ok",
        content=content,
        conversion=conversion,
        value=value,
        **times,
    )


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # an exception whose text cannot be had is still the tool's error
        return "(its message cannot be read)"


def invalid_result(call: ToolCall) -> ToolResult:
    """Make the result of a call that cannot be run: it says what is wrong, and to try again."""
    reasons = [p.message for p in call.problems if p.severity == "error"] or [
        p.message for p in call.problems if p.code != "name_unknown"
    ]
    reason = "; ".join(reasons) or "unreadable"
    error = f"Invalid JSON: {reason}" if call.name else "Invalid tool call: the call has no name"
    advice = (
        f"Invalid JSON in tool arguments: {reason}. Please retry with valid JSON."
        if call.name
        else f"{error}. Please retry with a tool name."
    )
    return ToolResult(
        call_id=call.id,
        name=call.name,
        status="invalid_call",
        content=error_text(advice),
        error=error,
    )


def infrastructure_failure(content: str) -> str | None:
    """Give the error of a result that is JSON with a truthy `error` and a negative `exit_code`;
    None for all others.

    A positive exit code is the command's own and the model's business; a negative one says the
    sandbox failed.
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
    return (
        str(data["error"])
        if isinstance(code, (int, float)) and not isinstance(code, bool) and code < 0
        else None
    )

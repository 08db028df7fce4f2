"""Run one call of a turn, and turn whatever comes of it into a `ToolResult`: nothing a tool does
can end a rollout.
"""

from __future__ import annotations

import contextvars
import copy
import inspect
import json
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

from agentkit.agent.tools.call_output import (
    CallOutput,
    CallRecord,
    awaited,
    called,
    enter,
    raised,
    returned,
)
from agentkit.agent.tools.job import Clock, Ran
from agentkit.agent.tools.pool import tool_pool
from agentkit.agent.tools.tool import Tool
from agentkit.agent.tools.tool_loop import run_here, run_on_tool_loop
from agentkit.errors import UsageError
from agentkit.read.calls.tool_name import meant_tool
from agentkit.read.tool_output import error_text
from agentkit.types.answer import ToolCall
from agentkit.types.steps import ToolStep
from agentkit.types.trajectory import ResultStatus, ToolResult

RunTool = Callable[[ToolStep], Awaitable[ToolResult]]


Place = Literal["thread", "loop", "caller", "here"]
"""Where a tool is called: in a thread of the pool; on the event loop of async tools; awaited on the
loop of the rollout, which is its caller's; or, where it is ours and quick, there and at once.
"""
TOOL_SECONDS = 600.0
"""Seconds one call may run where nobody says otherwise."""


class Dispatch(Protocol):
    """How a named tool is called, and where."""

    def names(self) -> Iterable[str]: ...
    def place(self, name: str) -> Place: ...
    def call(self, name: str, arguments: dict[str, Any], step: ToolStep) -> Any: ...


class Functions:
    """Dispatch over `Tool` objects by name."""

    def __init__(self, tools: Mapping[str, Tool]) -> None:
        self._tools = tools

    def names(self) -> Iterable[str]:
        return self._tools

    def place(self, name: str) -> Place:
        return "loop" if self._tools[name].is_async else "thread"

    def call(self, name: str, arguments: dict[str, Any], step: ToolStep) -> Any:
        tool = self._tools[name]
        return tool.function(**tool.bind(arguments))


@dataclass(frozen=True, slots=True)
class _Runner:
    """Runs a tool step and gives its result."""

    dispatch: Dispatch
    timeout: float | None
    suggests: bool
    clock: Clock

    async def __call__(self, step: ToolStep) -> ToolResult:
        call = step.call
        if step.limit is not None:
            return too_many_result(call, step.limit)
        known = list(self.dispatch.names())
        if call.name and call.name not in known:
            return unknown_result(call, known, self.suggests)
        if not call.valid:
            return invalid_result(call)
        return await _run(self.dispatch, step, self.timeout, self.clock)


def tool_runner(
    dispatch: Dispatch,
    *,
    timeout: float | None = None,
    suggests: bool = False,
    clock: Clock = time.time,
) -> RunTool:
    """Make a function that runs a tool step and gives its result.

    Args:
        timeout: seconds one call may run; None for no limit.
        suggests: whether the result of an unknown tool names the one that was likely meant.
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
    return _Runner(dispatch, timeout, suggests, clock)


async def _run(
    dispatch: Dispatch, step: ToolStep, timeout: float | None, clock: Clock
) -> ToolResult:
    name, given = step.call.name, step.call.arguments or {}
    record, context = CallRecord(), contextvars.copy_context()
    context.run(enter, record)

    def begin() -> Any:
        return dispatch.call(name, copy.deepcopy(given), step)

    where = dispatch.place(name)

    async def on_loop(work: Callable[[], Any], seconds: float | None) -> Ran:
        run = run_here if where == "caller" else run_on_tool_loop
        return await run(lambda: awaited(work), timeout=seconds, clock=clock, context=context)

    match where:
        case "here":
            started = clock()
            ran = Ran(called(begin), None, started, max(0.0, round(clock() - started, 6)), 0.0)
        case "loop" | "caller":
            ran = await on_loop(begin, timeout)
        case _:
            ran = await tool_pool().run(
                lambda: called(begin), timeout=timeout, clock=clock, context=context
            )
            if not ran.timed_out and ran.error is None and not isinstance(ran.value, CallOutput):
                ran = await _awaited(ran, on_loop, timeout)
    return tool_result(step.call, ran, record)


async def _awaited(ran: Ran, on_loop: Callable[..., Awaitable[Ran]], timeout: float | None) -> Ran:
    """Await what a plain function has returned, in what is left of its time."""
    value, left = ran.value, timeout
    if timeout is not None:
        left = max(0.001, timeout - ran.elapsed)
    try:
        second = await on_loop(lambda: value, left)
    finally:
        if inspect.iscoroutine(value) and inspect.getcoroutinestate(value) == "CORO_CREATED":
            value.close()  # it was given up before it began
    return replace(second, started=ran.started, elapsed=ran.elapsed + second.elapsed)


def tool_result(call: ToolCall, ran: Ran, record: CallRecord | None = None) -> ToolResult:
    """Make the result of a call that has ended, as the model will see it.

    Args:
        call: the call.
        ran: what came of it: a `CallOutput`, or what it raised.
        record: what was kept of it while it ran.
    """
    output = ran.value if isinstance(ran.value, CallOutput) else returned(ran.value)
    if ran.error is not None:
        output = raised(ran.error)
    status: ResultStatus = "ok" if output.error is None else "error"
    content, error = output.content, output.error
    if ran.timed_out:
        status, error = "timeout", f"Tool execution timed out after {ran.elapsed:g} s"
        content = error_text(error)
    elif error is not None:
        content = error_text(f"Tool execution failed: {error}")
        error = f"{error} ({output.hint})" if output.hint else error
        status = "timeout" if output.timed_out else status
    return ToolResult(
        call_id=call.id,
        name=call.name,
        status=status,
        content=content,
        conversion=output.conversion if status == "ok" else None,
        value=output.value if status == "ok" else None,
        error=error,
        traceback=output.traceback,
        printed=record.console.close() if record else "",
        trajectory=record.rollout() if record else None,
        started=ran.started,
        elapsed=ran.elapsed,
        queued=ran.queued,
    )


def unknown_result(call: ToolCall, known: Iterable[str], suggests: bool) -> ToolResult:
    """Make the result of a call of a tool that is not there.

    Args:
        call: the call.
        known: the names there are.
        suggests: whether the one that was likely meant is named, where one is near.
    """
    error = f"Unknown tool '{call.name}'"
    near = meant_tool(call.name, known) if suggests else None
    meant = f". Did you mean '{near}'?" if near else ""
    content = error_text(f"{error}. Available tools: {sorted(known)}{meant}")
    return ToolResult(
        call_id=call.id, name=call.name, status="unknown_tool", content=content, error=error
    )


def too_many_result(call: ToolCall, limit: int) -> ToolResult:
    """Make the result of a call beyond the limit of its turn: it was not run."""
    error = f"Not run: only the first {limit:,} calls of one answer are run"
    content = error_text(f"{error}. Please make fewer calls at once.")
    return ToolResult(
        call_id=call.id, name=call.name, status="skipped", content=content, error=error
    )


def redacted_result(call: ToolCall) -> ToolResult:
    """Make the result of a call that was read back from where a secret in its arguments had not
    been written: it was not run.
    """
    error = "Not run: a secret in the arguments was not kept and reads [redacted]"
    content = error_text(f"{error}. Please call the tool again with the arguments it needs.")
    hint = "change the arguments of the pending call, as with dbg.pending.change, and run it then"
    return ToolResult(
        call_id=call.id,
        name=call.name,
        status="invalid_call",
        content=content,
        error=f"{error} ({hint})",
    )


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

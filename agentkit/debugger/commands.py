"""What a debugger can be asked to do, by name: its own methods, and the buttons of a view, go
through this one table.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from agentkit.debugger.cursor import Cursor
from agentkit.errors import UsageError
from agentkit.trajectory.by_hand import skipped, written_result
from agentkit.types.answer import ToolCall
from agentkit.types.steps import Result
from agentkit.types.trajectory import ToolResult

_AT_ONCE = ("pause", "stop")
_SKIPPED = "the call was skipped by the user"


async def command(cursor: Cursor, action: str, arguments: dict[str, Any]) -> Any:
    """What comes of an action, on the engine's thread.

    Raises:
        UsageError: there is no such action, or it cannot be done so.
        Busy: a step is running.
    """
    function = COMMANDS.get(action)
    if function is None:
        raise UsageError(
            f"a debugger has no action {action!r}", hint=f"it has: {', '.join(COMMANDS)}"
        )
    try:
        inspect.signature(function).bind(cursor, **arguments)
    except TypeError as exc:
        raise UsageError(f"{action}: {exc}") from None
    if action not in _AT_ONCE:
        await cursor.settle()
    given = function(cursor, **arguments)
    return await given if inspect.isawaitable(given) else given


async def _run(cursor: Cursor, call: int) -> ToolResult | None:
    outcome = await cursor.step(call)
    return outcome.result if isinstance(outcome, Result) else None


def _skip(cursor: Cursor, call: int, reason: str = _SKIPPED) -> ToolResult:
    return cursor.answer(call, skipped(cursor.pending(call), reason))


def _answer(cursor: Cursor, call: int, value: Any) -> ToolResult:
    return cursor.answer(call, written_result(cursor.pending(call), value))


def _change(cursor: Cursor, call: int, arguments: dict[str, Any]) -> ToolCall:
    cursor.pending(call)
    cursor.edit(len(cursor.trajectory.turns), call, arguments=arguments)
    return cursor.pending(call)


def _reject(
    cursor: Cursor, call: int, message: str = "the user did not approve this call"
) -> ToolResult:
    return _skip(cursor, call, message)


COMMANDS: dict[str, Callable[..., Any]] = {
    "step": Cursor.step,
    "next": Cursor.next,
    "run": Cursor.run,
    "pause": Cursor.pause,
    "stop": Cursor.stop,
    "back": Cursor.back,
    "goto": Cursor.goto,
    "fork": Cursor.fork,
    "twin": Cursor.twin,
    "edit": Cursor.edit,
    "rerun": Cursor.rerun,
    "switch": Cursor.switch,
    "say": Cursor.say,
    "pending.run": _run,
    "pending.skip": _skip,
    "pending.answer": _answer,
    "pending.change": _change,
    "pending.adopt": Cursor.adopt,
    "pending.reject": _reject,
}
"""The actions by name. The `call` of a pending call is its position in its turn, which does not
shift while others are answered.
"""

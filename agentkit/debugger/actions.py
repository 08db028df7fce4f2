"""What a view may ask of a debugger, by name. Nobody waits for it; what goes wrong with it
goes to the listeners.
"""

from __future__ import annotations

import inspect
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any

from agentkit.agent.event_loop import Work, start
from agentkit.agent.events import Failed
from agentkit.debugger.cursor.cursor import Cursor
from agentkit.errors import UsageError, suggest
from agentkit.types.words import in_line

log = logging.getLogger("agentkit")

ACTIONS = (
    "step",
    "next",
    "run",
    "run_to",
    "restart",
    "pause",
    "go_on",
    "stop",
    "back",
    "goto",
    "fork",
    "edit",
    "rerun",
    "take",
    "switch",
    "say",
    "use",
    "discard",
    "note",
    "unnote",
    "label",
    "unlabel",
    "break.add",
    "break.remove",
    "break.on",
    "break.off",
    "pending.run",
    "pending.skip",
    "pending.answer",
    "pending.change",
    "pending.adopt",
    "pending.reject",
)
"""Every action: a method of the cursor, or with `break.` of its breakpoints, or with `pending.` for
a pending call.
"""


async def act(cursor: Cursor, action: str, arguments: dict[str, Any]) -> None:
    """Do what a page asked for by name.

    Args:
        cursor: what does it.
        action: one of `ACTIONS`.
        arguments: the keywords of the cursor's method.

    Raises:
        UsageError: there is no such action, or it takes other arguments.
        Busy: a step is running.
    """
    if action not in ACTIONS:
        raise UsageError(
            f"a debugger has no action {action!r}",
            hint=suggest(action, ACTIONS, f"it has: {', '.join(ACTIONS)}"),
        )
    method = _method(cursor, action)
    try:
        inspect.signature(method).bind(**arguments)
    except TypeError as exc:
        raise UsageError(f"{action}: {exc}") from None
    given = method(**arguments)
    if inspect.isawaitable(given):
        await given


def _method(cursor: Cursor, action: str) -> Callable[..., Any]:
    kind, _, name = action.rpartition(".")
    points = cursor.breakpoints
    own: dict[str, Callable[..., Any]] = {
        "break.add": points.add_named,
        "break.remove": points.remove,
        "break.on": points.turn_on,
        "break.off": points.turn_off,
    }
    if action in own:
        return own[action]
    found: Callable[..., Any] = getattr(cursor, f"{name}_call" if kind else name)
    return found


class Background:
    """What runs of a debugger while nobody waits for it."""

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self._works: set[Work[Any]] = set()

    @property
    def running(self) -> bool:
        """Whether any of it still runs."""
        return any(not work.future.done() for work in list(self._works))

    def begin(self, action: str, coroutine: Coroutine[Any, Any, Any]) -> Work[Any]:
        """Begin it on the engine's thread; the action names it where it goes wrong."""
        work = start(self._reported(action, coroutine))
        self._works.add(work)
        work.future.add_done_callback(lambda future: self._works.discard(work))
        return work

    def wait(self, timeout: float | None) -> None:
        """Wait until all of it has ended.

        Raises:
            TimeoutError: it has not, after so many seconds.
        """
        until = None if timeout is None else time.monotonic() + timeout
        for work in list(self._works):
            work.join(None if until is None else max(0.0, until - time.monotonic()))

    async def _reported(self, action: str, coroutine: Coroutine[Any, Any, Any]) -> None:
        try:
            await coroutine
        except Exception as exc:
            message = "; ".join(
                [f"{type(exc).__name__}: {exc}", *getattr(exc, "__notes__", ())]
            )  # notes: of a caller's function
            log.warning("%s: %s", in_line(action), in_line(message))
            self._cursor.tell(Failed(message=message))
            raise

"""What one tool call gave, made in the tool's own thread or on its own loop: to write a value as
text, to read an error, or to collect a generator runs the tool's code too.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterable, Callable, Iterable
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from agentkit.agent.tools.breakpoint_call import watch_breakpoints
from agentkit.agent.tools.console import Console, console, listening
from agentkit.errors import UsageError, own_traceback
from agentkit.read.tool_output import as_text
from agentkit.servers.redaction.known_secrets import known_secrets
from agentkit.types.trajectory import Trajectory

MOST_ITEMS = 10_000
"""Items that are taken from a generator."""
_LOOP_ERRORS = (
    ("attached to a different loop", "bound to a different event loop"),
    ("no running event loop", "no current event loop", "There is no current event loop"),
    ("cannot be called from a running event loop", "This event loop is already running"),
    ("Event loop is closed",),
)
_LOOP_HINTS = (
    "async tools run on an event loop of their own: make the client inside the tool, or in a"
    " plain `def` tool use a synchronous one",
    "a plain `def` tool runs in a thread, without an event loop: make it `async def`, or call"
    " asyncio.run(...) in it",
    "an async tool runs on an event loop already: await it there, or make the tool a plain `def`",
    "the client belongs to an event loop that has ended: make it inside the tool",
)
_TRACE = 50_000
"""Characters of a traceback that are kept."""


@dataclass(slots=True)
class CallOutput:
    """What a call gave, as text: its value, or its error."""

    content: str = ""
    conversion: str | None = None
    value: Any = None
    error: str | None = None
    """Type and message."""
    hint: str = ""
    """What to do about the error, for the one who wrote the tool."""
    traceback: str | None = None
    timed_out: bool = False
    """The error is that it ran out of a time of its own."""


@dataclass(slots=True)
class CallRecord:
    """What is kept of a call while it runs."""

    console: Console = field(default_factory=Console)
    rollouts: list[Callable[[], Trajectory]] = field(default_factory=list)
    """Each gives a rollout that the tool has begun, as far as it has come."""

    def rollout(self) -> Trajectory | None:
        """Give the last rollout that got anywhere; None where none did."""
        found = [rollout() for rollout in self.rollouts]
        begun = [one for one in found if one.turns or one.open or one.attempts]
        return begun[-1] if begun else found[-1] if found else None


_record: ContextVar[CallRecord | None] = ContextVar("agentkit_call", default=None)


def note_rollout(rollout: Callable[[], Trajectory]) -> None:
    """Note a rollout that begins here, where a tool call is running.

    Args:
        rollout: gives it as far as it has come.
    """
    record = _record.get()
    if record is not None:
        record.rollouts.append(rollout)


def enter(record: CallRecord) -> None:
    """Let what is printed and begun in this context belong to a call."""
    _record.set(record)
    console.set(record.console)
    watch_breakpoints(lambda: _record.get() is not None)


def called(begin: Callable[[], Any]) -> CallOutput | Any:
    """Call a tool in a thread. What is to be awaited is returned as it is."""
    with listening():
        try:
            value = begin()
            if inspect.isawaitable(value) or inspect.isasyncgen(value):
                return value
            return returned(_collected(value) if inspect.isgenerator(value) else value)
        except BaseException as exc:  # whatever a tool raises is its result, SystemExit too
            return raised(exc)


async def awaited(begin: Callable[[], Any]) -> CallOutput:
    """Call an async tool on its loop."""
    with listening():
        try:
            value = begin()
            if inspect.isawaitable(value):
                value = await value
            if inspect.isasyncgen(value):
                value = await _collected_async(value)
            return returned(_collected(value) if inspect.isgenerator(value) else value)
        except BaseException as exc:
            return raised(exc)


def _collected(values: Iterable[Any]) -> list[Any]:
    found: list[Any] = []
    for value in values:
        _check_room(found)
        found.append(value)
    return found


async def _collected_async(values: AsyncIterable[Any]) -> list[Any]:
    found: list[Any] = []
    async for value in values:
        _check_room(found)
        found.append(value)
    return found


def _check_room(found: list[Any]) -> None:
    if len(found) >= MOST_ITEMS:
        raise UsageError(f"the tool is a generator that gives more than {MOST_ITEMS:,} items")


def returned(value: Any) -> CallOutput:
    """Make the output of a call that has returned; a tool of ours may give it itself."""
    if isinstance(value, CallOutput):
        return value
    content, conversion = as_text(value)
    return CallOutput(content, conversion, value if conversion else None)


def raised(error: BaseException) -> CallOutput:
    """Make the output of a call that has raised."""
    name, text = type(error).__name__, _text_of(error)
    if name == "CancelledError" and not text:
        text = "the tool was cancelled from inside"
    trace = None
    with suppress(BaseException):  # what an exception has for a text or a cause may raise as well
        trace = own_traceback(error)
    if trace is not None and len(trace) > _TRACE:
        trace = f"…{known_secrets()(trace)[-_TRACE:]}"  # a secret must not be cut in half
    return CallOutput(error=f"{name}: {text}", hint=_hint(text), traceback=trace)


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException:  # an exception whose text cannot be had is still the tool's error
        return "(its message cannot be read)"


def _hint(text: str) -> str:
    """Say what to do about an error of event loops; "" about any other."""
    for words, hint in zip(_LOOP_ERRORS, _LOOP_HINTS, strict=True):
        if any(word in text for word in words):
            return hint
    return ""

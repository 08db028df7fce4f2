"""The rows of a log: conversations, captured traffic, raw answers, messages, as they come."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from agentkit.errors import UsageError
from agentkit.files.foreign.logs.capture_log import captured_by_place, is_captured
from agentkit.files.foreign.logs.chat_log import (
    conversation,
    is_message,
    meta_with_nulls,
    trajectory_of,
)
from agentkit.files.foreign.logs.raw_answer import exchange_of, is_answer, rollout_of_exchange
from agentkit.read.plain import plain
from agentkit.types.trajectory import Trajectory

_HINT = 'each entry is a list of messages, or {"messages": [...]}'


def entries_of(values: Sequence[Any], tools: Any, bad: list[str] | None = None) -> list[Trajectory]:
    """Read the decoded values of a log: messages, conversations, captured traffic, raw answers.

    Args:
        values: the entries.
        tools: schemas of the tools, for entries that hold none.
        bad: takes a sentence about each entry that is none, where others are; by default such an
            entry is an error.
    """
    said = [value for value in values if value]
    if said and all(map(is_message, said)):
        return [_with_nulls(trajectory_of(said, tools), len(values) - len(said))]

    def read(place: int, value: Any) -> list[Trajectory]:
        if isinstance(value, (list, tuple)):
            return entries_of(value, tools, bad)
        return entry_of(value, f"entry {place}", tools)

    return in_order(values, read if bad is None else _lenient(read, bad))


def _with_nulls(rollout: Trajectory, nulls: int) -> Trajectory:
    return replace(rollout, meta=meta_with_nulls(rollout.meta, nulls)) if nulls else rollout


def text_entries(values: Sequence[Any], tools: Any, bad: list[str]) -> list[Trajectory]:
    """Read the entries of a text; of several, those that cannot be read are left out.

    Args:
        values: the entries.
        tools: schemas of the tools, for entries that hold none.
        bad: takes a sentence about each entry that is left out.

    Raises:
        UsageError: nothing in it can be read.
    """
    if len(values) < 2:
        return entries_of(values, tools)
    try:
        return entries_of(values, tools, bad)
    except UsageError as exc:
        raise UsageError(bad[0] if bad else exc.message, hint=_HINT) from None


def _lenient(
    read: Callable[[int, Any], list[Trajectory]], bad: list[str]
) -> Callable[[int, Any], list[Trajectory]]:
    """Make a reader that leaves out what it cannot read, and says so."""

    def careful(place: int, value: Any) -> list[Trajectory]:
        try:
            return read(place, value)
        except UsageError as exc:
            bad.append(exc.message)
            return []

    return careful


def in_order(
    items: Sequence[Any], read: Callable[[int, Any], list[Trajectory]]
) -> list[Trajectory]:
    """Read the items in order. Captured turns of one case are one rollout, which takes the place of
    its first turn.
    """
    captured = captured_by_place(enumerate(items))
    found: list[Trajectory] = []
    for place, item in enumerate(items):
        if place in captured:
            found.append(captured[place])
        elif not is_captured(item):
            found += read(place, item)
    if items and not found:
        raise UsageError(
            "no entry holds messages",
            hint="each entry is a list of messages, or {'messages': [...]}",
        )
    return found


def entry_of(value: Any, name: str, tools: Any) -> list[Trajectory]:
    """Read one entry of a log; of other traffic, as a list of models, there is no rollout."""
    if isinstance(value, Mapping) and is_answer(value):
        return [rollout_of_exchange(exchange_of(value), tools)]
    if is_message(value):
        return [trajectory_of([value], tools)]
    read = conversation(plain(value), name, tools)
    return [] if read is None else [read]

"""A fault: what it does to an answer on its way out, as data. The tables of faults are made of
these, and the server knows nothing else of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any, Literal

from agentkit.testing.server.asking import Asking, Refusal
from agentkit.testing.server.loopback import Reply
from agentkit.types.record import Record, clip, record

Needs = Literal["", "calls", "parallel", "text", "history", "forced"]
Mode = Literal["block", "stream"]
Draft = dict[str, Any]
"""An answer before it is in any server's form: `{"message": {...}, "finish_reason": ...}`."""


@record
class Fault(Record):
    """One thing a server gets wrong. Each change takes the answer at its stage, and what it is made
    for, and gives it changed.
    """

    name: str
    says: str
    """What the server does, in one line."""
    codes: tuple[str, ...] = ()
    """The problem codes it is read as, or the kind of the failed request; none where only a
    comparison shows it.
    """
    source: str = "constructed"
    """`constructed`, or `captured: ` and where."""
    divergence: str = ""
    """The divergence class a comparison with a sound server finds, where that is how it is
    known.
    """
    needs: Needs = ""
    """Which answers it strikes: with calls, with two or more, with text alone, behind a history
    with tool results, to a forced tool choice.
    """
    only: Mode | None = None
    """The mode in which it can be; None: in both."""
    message: Callable[[Draft, Asking], Draft] | None = field(default=None, compare=False)
    """On the message, before it is in the manner's form; the draft is its own copy."""
    body: Callable[[dict[str, Any], Asking], Any] | None = field(default=None, compare=False)
    """On the block body."""
    chunks: Callable[[list[Any], Asking], list[Any]] | None = field(default=None, compare=False)
    """On the data of a stream's events, the last one `[DONE]`."""
    reply: Callable[[Reply, Asking], Reply] | None = field(default=None, compare=False)
    """On the HTTP answer."""
    refusal: Refusal | None = field(default=None, compare=False)
    """Sent in the manner's own shape in place of an answer."""
    swap: bool = False
    """A stream where a block answer was asked for, or the other way round."""

    @property
    def modes(self) -> tuple[Mode, ...]:
        """Where it can be: in block answers, in streams."""
        return (self.only,) if self.only else ("block", "stream")

    @property
    def captured(self) -> bool:
        """Whether real traffic showed exactly this; everything else is constructed."""
        return self.source.startswith("captured")

    def strikes(self, draft: Mapping[str, Any] | None, asking: Asking, mode: Mode) -> bool:
        """Whether it can show in this answer; `draft` is None where there is none yet."""
        if mode not in self.modes:
            return False
        given = (draft or {}).get("message", {}).get("tool_calls") or ()
        listed = (
            [entry for entry in given if isinstance(entry, dict)] if isinstance(given, list) else ()
        )
        match self.needs:
            case "calls":
                return len(listed) > 0
            case "parallel":
                return len(listed) > 1
            case "text":
                return draft is not None and not given
            case "history":
                return any(message.get("role") == "tool" for message in asking.messages)
            case "forced":
                return asking.forced
        return True

    def summary(self) -> str:
        return f"{self.name}: {clip(self.says, 110)} ({self.source.partition(':')[0]})"


def on_arguments(
    change: Callable[[str], Any], finish: str | None = None
) -> Callable[[Draft, Asking], Draft]:
    """A change of the first call's arguments, which come as JSON text."""

    def message(draft: Draft, asking: Asking) -> Draft:
        function = first_call(draft).get("function")
        if isinstance(function, dict) and isinstance(function.get("arguments"), str):
            function["arguments"] = change(function["arguments"])
        return {**draft, "finish_reason": finish or draft["finish_reason"]}

    return message


def on_call(change: Callable[[dict[str, Any]], Any]) -> Callable[[Draft, Asking], Draft]:
    """The first call that has a function replaced by what the change makes of it."""

    def changed(calls: list[Any]) -> list[Any]:
        first = next(
            (
                i
                for i, call in enumerate(calls)
                if isinstance(call, dict) and isinstance(call.get("function"), dict)
            ),
            None,
        )
        return [change(call) if i == first else call for i, call in enumerate(calls)]

    return on_calls(changed)


def on_calls(change: Callable[[list[Any]], Any]) -> Callable[[Draft, Asking], Draft]:
    """The calls replaced by what the change makes of them."""

    def message(draft: Draft, asking: Asking) -> Draft:
        listed = draft["message"].get("tool_calls")
        if isinstance(listed, list):
            draft["message"]["tool_calls"] = change(listed)
        return draft

    return message


def on_name(change: Callable[[str], Any]) -> Callable[[Draft, Asking], Draft]:
    """A change of the first call's name."""

    def renamed(call: dict[str, Any]) -> dict[str, Any]:
        return {
            **call,
            "function": {**call["function"], "name": change(str(call["function"].get("name")))},
        }

    return on_call(renamed)


def on_message(
    change: Callable[[dict[str, Any]], dict[str, Any]], finish: Any = ...
) -> Callable[[Draft, Asking], Draft]:
    """The message replaced, its reasoning shown in every manner."""

    def message(draft: Draft, asking: Asking) -> Draft:
        changed = {**draft, "message": change(draft["message"]), "shows_reasoning": True}
        return changed if finish is ... else {**changed, "finish_reason": finish}

    return message


def first_call(draft: Draft) -> dict[str, Any]:
    """The first call, or nothing to change."""
    listed = draft["message"].get("tool_calls")
    return listed[0] if isinstance(listed, list) and listed and isinstance(listed[0], dict) else {}


def in_string(arguments: str, piece: str) -> str:
    """JSON text with a piece put at the start of its first string value, or as a value of its
    own.
    """
    at = arguments.find('": "')
    if at >= 0:
        return f"{arguments[: at + 4]}{piece}{arguments[at + 4 :]}"
    return with_field(arguments, f'"note": "{piece}"')


def with_field(arguments: str, member: str) -> str:
    """JSON text of an object with one more member behind the others."""
    inside = arguments.strip()[1:-1].strip()
    return f"{{{inside}, {member}}}" if inside else f"{{{member}}}"


def loaded(arguments: str) -> dict[str, Any]:
    """The arguments as an object; empty where they are none."""
    try:
        found = json.loads(arguments)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}

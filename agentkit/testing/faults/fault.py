"""A fault: what it does to an answer on its way out, as data. The tables of faults are made of
these; the reference server and `inject` apply them through `server/stages.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any, Literal

from agentkit.testing.faults.refusals import Refusal
from agentkit.testing.server.loopback import Reply
from agentkit.testing.server.question import Question
from agentkit.types.answer import Dialect
from agentkit.types.record import Record, clip, record

Needs = Literal["", "calls", "parallel", "text", "history", "forced", "reasoning", "custom"]
Mode = Literal["block", "stream"]
Draft = dict[str, Any]
"""An answer before it takes any server's form: `{"message": {...}, "finish_reason": ...}`.

Two more keys are optional: `shows_reasoning` (the reasoning is sent in every manner) and `target`
(the position of the call that a fault of one call changes; without it the first one).
"""
MessageChange = Callable[[Draft, Question], Draft]
"""A change of a draft; it may be made in place."""


@record
class Fault(Record):
    """One thing a server gets wrong. Each change takes the answer at its stage and the question it
    answers, and returns it changed.
    """

    name: str
    says: str
    """What the server does, in one line."""
    dialects: tuple[Dialect, ...] = ("chat",)
    """The dialects in which it can be."""
    in_stream: tuple[Dialect, ...] = ()
    """Those in which it can be in streams alone."""
    codes: tuple[str, ...] = ()
    """The problem codes it is read as, or the kind of the failed request; none where only a
    comparison shows it.
    """
    stream_codes: tuple[str, ...] | None = None
    """What it is read as in a stream, where that is something else."""
    source: str = "constructed"
    """`constructed`, or `captured: ` and where."""
    divergence: str = ""
    """The divergence class a comparison with a sound server finds, where that is how it is
    known.
    """
    needs: Needs = ""
    """Which answers it applies to: with calls, with two or more, with text alone, after a history
    with tool results, to a forced tool choice, with reasoning, with calls of custom tools.
    """
    only: Mode | None = None
    """The mode in which it can be; None: in both."""
    message: MessageChange | None = field(default=None, compare=False)
    """Changes the message, before it takes the manner's form; the draft is its own copy."""
    body: Callable[[dict[str, Any], Question], Any] | None = field(default=None, compare=False)
    """Changes the block body."""
    chunks: Callable[[list[Any], Question], list[Any]] | None = field(default=None, compare=False)
    """Changes the data of a stream's events, the last one `[DONE]`."""
    reply: Callable[[Reply, Question], Reply] | None = field(default=None, compare=False)
    """Changes the HTTP answer."""
    refusal: Refusal | None = field(default=None, compare=False)
    """Sent in the manner's own shape in place of an answer."""
    instead: Reply | None = field(default=None, compare=False)
    """Sent as it is in place of an answer."""
    failure: Exception | None = field(default=None, compare=False)
    """What a client meets in place of an answer; no server can send it, `inject` puts it in."""
    lost: Literal["", "calls", "all"] = ""
    """What the server forgets of an answer that it was to keep (Responses)."""
    swap: bool = False
    """A stream where a block answer was asked for, or the other way round."""

    @property
    def modes(self) -> tuple[Mode, ...]:
        """Where it can be: in block answers, in streams."""
        return (self.only,) if self.only else ("block", "stream")

    def modes_in(self, dialect: Dialect) -> tuple[Mode, ...]:
        """Tell where it can be in one dialect; nowhere where it is a fault of another."""
        if dialect not in self.dialects:
            return ()
        return tuple(m for m in self.modes if m == "stream" or dialect not in self.in_stream)

    def codes_in(self, mode: Mode) -> tuple[str, ...]:
        """Tell what it is read as."""
        return self.codes if mode == "block" or self.stream_codes is None else self.stream_codes

    @property
    def captured(self) -> bool:
        """Whether real traffic showed exactly this; everything else is constructed."""
        return self.source.startswith("captured")

    @property
    def in_place(self) -> bool:
        """Whether it comes in place of an answer, so that the model need not be asked."""
        return any(sent is not None for sent in (self.refusal, self.instead, self.failure))

    def applies(self, draft: Mapping[str, Any] | None, question: Question, mode: Mode) -> bool:
        """Tell whether it can show in this answer.

        Args:
            draft: the answer; None where there is none yet.
            question: what the answer is made for.
            mode: how it is sent.
        """
        if mode not in self.modes_in(question.dialect):
            return False
        calls = (draft or {}).get("message", {}).get("tool_calls") or ()
        count = sum(isinstance(entry, dict) for entry in calls) if isinstance(calls, list) else 0
        match self.needs:
            case "calls":
                return count > 0
            case "parallel":
                return count > 1
            case "reasoning":
                return bool((draft or {}).get("message", {}).get("reasoning"))
            case "custom":
                return any(isinstance(entry, dict) and "custom" in entry for entry in calls)
            case "text":
                return draft is not None and not calls
            case "history":
                return any(message.get("role") == "tool" for message in question.messages)
            case "forced":
                return question.forced
        return True

    def summary(self) -> str:
        return f"{self.name}: {clip(self.says, 110)} ({self.source.partition(':')[0]})"


def named(name: str, says: str, **rest: Any) -> Fault:
    """Make a fault that is read as the problem code of its own name.

    Args:
        name: its name, and the code.
        says: what the server does, in one line.
        rest: the other fields of `Fault`.
    """
    return Fault(name=name, says=says, codes=(name,), **rest)


def on_arguments(change: Callable[[str], Any], finish: str | None = None) -> MessageChange:
    """Change the arguments of one call, which come as JSON text.

    Args:
        change: makes the new arguments.
        finish: the new finish reason; None keeps the old one.
    """

    def message(draft: Draft, question: Question) -> Draft:
        function = target_function(draft)
        if isinstance(function.get("arguments"), str):
            function["arguments"] = change(function["arguments"])
        return {**draft, "finish_reason": finish or draft["finish_reason"]}

    return message


def on_call(change: Callable[[dict[str, Any]], Any]) -> MessageChange:
    """Replace one call, of those that have a function, by what the change makes of it."""

    def message(draft: Draft, question: Question) -> Draft:
        position = _target(draft)
        if position is not None:
            calls = draft["message"]["tool_calls"]
            calls[position] = change(calls[position])
        return draft

    return message


def on_calls(change: Callable[[list[Any]], Any]) -> MessageChange:
    """Replace the list of calls by what the change makes of it."""

    def message(draft: Draft, question: Question) -> Draft:
        calls = draft["message"].get("tool_calls")
        if isinstance(calls, list):
            draft["message"]["tool_calls"] = change(calls)
        return draft

    return message


def on_name(change: Callable[[str], str]) -> MessageChange:
    """Change the name of one call."""

    def message(draft: Draft, question: Question) -> Draft:
        function = target_function(draft)
        if function:
            function["name"] = change(str(function.get("name")))
        return draft

    return message


def on_message(
    change: Callable[[dict[str, Any]], dict[str, Any]], finish: str | None = None
) -> MessageChange:
    """Replace the message; its reasoning is then shown in every manner.

    Args:
        change: makes the new message.
        finish: the new finish reason; None keeps the old one.
    """

    def message(draft: Draft, question: Question) -> Draft:
        changed = {**draft, "message": change(draft["message"]), "shows_reasoning": True}
        return {**changed, "finish_reason": finish} if finish else changed

    return message


def _target(draft: Draft) -> int | None:
    """Give the position of the call to change; None where no entry is a call of a function."""
    calls = draft["message"].get("tool_calls")
    found = [
        position
        for position, call in enumerate(calls if isinstance(calls, list) else ())
        if isinstance(call, dict) and isinstance(call.get("function"), dict)
    ]
    wanted = draft.get("target")
    return wanted if wanted in found else found[0] if found else None


def target_function(draft: Draft) -> dict[str, Any]:
    """Give the name and arguments of the call to change; empty where there is none."""
    position = _target(draft)
    if position is None:
        return {}
    function: dict[str, Any] = draft["message"]["tool_calls"][position]["function"]
    return function


def in_string(arguments: str, piece: str) -> str:
    """Put a piece at the start of the first string value of JSON text, or into a value of its
    own.
    """
    at = arguments.find('": "')
    if at >= 0:
        return f"{arguments[: at + 4]}{piece}{arguments[at + 4 :]}"
    return with_field(arguments, f'"note": "{piece}"')


def with_field(arguments: str, member: str) -> str:
    """Add one more member after the others of an object in JSON text."""
    inside = arguments.strip()[1:-1].strip()
    return f"{{{inside}, {member}}}" if inside else f"{{{member}}}"


def loaded(arguments: str) -> dict[str, Any]:
    """Give the arguments as an object; empty where they are none."""
    try:
        found = json.loads(arguments)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}

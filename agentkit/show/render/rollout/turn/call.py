"""A call and its result, in one box."""

from __future__ import annotations

from typing import Any

from agentkit.show.html import HOLE, Child, Html, element, fragment, shape
from agentkit.show.render.limits import Limits
from agentkit.show.render.parts.block import (
    CODE,
    code,
    data,
    excerpt,
    facts,
    fold,
    note,
    short,
    status,
    whole,
)
from agentkit.show.render.parts.pretty import pretty, verbatim
from agentkit.show.render.parts.rows import box, line, sub
from agentkit.show.render.parts.words import by_hand
from agentkit.show.render.rollout.problem import problems
from agentkit.show.render.rollout.turn.result import Came
from agentkit.types.answer import ToolCall

ID = shape(fragment(facts(fragment("id ", CODE(HOLE)))))
_BOX = element("div", class_="ak-call")
_NAME = element("code", class_="ak-name")
_CALLED = shape(fragment(_NAME(HOLE), " ", HOLE))
_PLAIN_LINE = shape(line("→", _CALLED(HOLE, HOLE)))
_USUAL = frozenset({"tool_calls", "responses:function_call", "messages:tool_use"})
"""Where calls are found that are as each dialect has them."""
_WIDE = 90
"""Characters of arguments that stay on a line."""
_SHORT = 200
"""Characters of arguments that are quoted within a line."""


def call_row(
    key: str,
    call: ToolCall,
    limits: Limits,
    at: str,
    came: Came | None = None,
    *,
    position: int | None = None,
    found: bool = False,
    label: str | None = None,
) -> Html:
    """Draw a call, with what came of it under it.

    Args:
        key: the key of the row.
        call: what is drawn.
        limits: how much of it is shown.
        at: where it is, as Python.
        came: the lines of its result.
        position: its place among the calls of its turn, where a page can act on it.
        found: whether it was found in the text and not run.
        label: what is before it in place of the arrow.
    """
    wrong = came.tone if came else ""
    tone = wrong or ("found" if found else "bad" if call.status == "invalid" else "")
    if label is None and not found and _is_plain(call):
        told = _PLAIN_LINE(short(call.name or "?"), _arguments(call, limits, at))
    else:
        known = None if call.status == "ok" else status(call.status)
        what = call_body(call, limits, at, found=found)
        told = line("→" if label is None else label, what, known)
    about, lines = _about(call, limits, at), came.lines if came else ()
    return box(key, position, told, about, *lines, tone=tone)


def call_alone(call: ToolCall, limits: Limits, at: str) -> Html:
    """Draw a call that is shown beside something else: its line, and what is wrong with it."""
    known = None if call.status == "ok" else status(call.status)
    told = line("→", call_body(call, limits, at), known)
    return _BOX(told, _about(call, limits, at))


def call_body(call: ToolCall, limits: Limits, at: str, *, found: bool = False) -> Child:
    """Draw the call's name and arguments, and what is unusual in it."""
    name, changed = short(call.name or "?"), by_hand(call)
    if not found and call.origin in _USUAL and not changed:
        return _CALLED(name, _arguments(call, limits, at))
    known = facts(
        "found in the text, not run" if found else None,
        *changed,
        fragment("from ", code(call.origin)) if call.origin not in _USUAL else None,
    )
    return [_NAME(name), " ", _arguments(call, limits, at), " ", known]


def _arguments(call: ToolCall, limits: Limits, at: str) -> Html:
    if call.arguments is None or call.status == "custom":
        return data(call.raw_arguments, limits, f"{at}.raw_arguments")
    as_sent = limits.details and call.status == "ok" and call.raw_arguments.startswith("{")
    # digits, names that come twice and their order are those of the text
    text = call.raw_arguments if as_sent else pretty(call.arguments, _WIDE)
    return data(text, limits, f"{at}.arguments")


def _about(call: ToolCall, limits: Limits, at: str) -> Html | None:
    """Draw what is wrong with a call, and what was made of it."""
    if not call.problems and call.suggestion is None and _came_as_used(call):
        return None
    return sub(
        _sent(call, limits, at),
        problems(call.problems, limits),
        _suggestion(call, limits, at),
    )


def _is_plain(call: ToolCall) -> bool:
    """Tell whether name and arguments are all that its line says."""
    changed = call.sent_arguments is not None or call.adopted is not None
    return call.status == "ok" and call.origin in _USUAL and not changed


def _came_as_used(call: ToolCall) -> bool:
    """Tell whether name and arguments are what the server sent."""
    named = call.raw_name is None or call.raw_name == call.name
    return named and call.status == "ok" and call.sent_arguments is None


def _sent(call: ToolCall, limits: Limits, at: str) -> Html | None:
    """Show what the server sent, where it is not what is used."""
    sent_as, name = (
        (call.raw_arguments, "raw_arguments")
        if call.sent_arguments is None
        else (call.sent_arguments, "sent_arguments")
    )
    as_sent = call.arguments is None or (
        call.status not in ("normalized", "repaired") and call.sent_arguments is None
    )
    known = [_sent_as("name", call.raw_name, call.name)]
    if as_sent:
        return facts(*known)
    if len(sent_as) <= _SHORT:
        return facts(*known, fragment("arguments sent as ", code(sent_as)))
    if not limits.details:
        return facts(*known, fragment("arguments sent as ", excerpt(sent_as, _SHORT)))
    return fragment(
        facts(*known), fold("arguments as sent", whole(sent_as, limits, f"{at}.{name}"))
    )


def _sent_as(word: str, sent: Any, used: str) -> Html | None:
    return (
        None if sent is None or sent == used else fragment(f"{word} sent as ", code(verbatim(sent)))
    )


def _suggestion(call: ToolCall, limits: Limits, at: str) -> Html | None:
    if call.suggestion is None:
        return None
    return fragment(
        note("a guess at what was meant, never run by itself:"),
        data(pretty(call.suggestion, _WIDE), limits, f"{at}.suggestion"),
    )


def is_usual(call: ToolCall) -> bool:
    """Tell whether its id is all that is known of a call on the wire."""
    return call.raw_id == call.id and not call.id_synthetic and not call.span


def identity(call: ToolCall) -> Html | None:
    """Write the labels of a call on the wire, and where it was found."""
    if is_usual(call):
        return ID(short(call.id))
    span = f"characters {call.span[0]} to {call.span[1]}" if call.span else None
    return facts(
        fragment("id ", code(call.id), ", synthetic" if call.id_synthetic else None),
        _sent_as("id", call.raw_id, call.id),
        span,
    )

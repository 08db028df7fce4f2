"""A call and its result."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from agentkit.show.html import HOLE, Child, Html, el, fragment, shape, without_keys
from agentkit.show.render import shown
from agentkit.show.render.limits import Limits
from agentkit.show.render.parts.block import (
    CODE,
    bar,
    code,
    data,
    excerpt,
    facts,
    fold,
    note,
    row,
    short,
    status,
    whole,
)
from agentkit.show.render.parts.pretty import pretty, verbatim
from agentkit.show.render.parts.words import by_hand
from agentkit.show.render.rollout.problem import problems
from agentkit.trajectory.trouble.points import problem_count
from agentkit.types.answer import ToolCall
from agentkit.types.trajectory import ToolResult, Trajectory
from agentkit.types.words import count, seconds

_CALL = el("strong", "→ call")
_FOUND = el("strong", "→ found")
_RESULT = el("strong", "← result")
_BODY = shape(fragment(bar(CODE(HOLE), HOLE, HOLE, HOLE), HOLE, HOLE, HOLE))
_ALONE, _ANSWERED = [
    shape(row(HOLE, "call", (HOLE, _BODY(*[HOLE] * 7)), *[(HOLE, HOLE)] * outcomes))
    for outcomes in (0, 1)
]
_ID = shape(fragment("id ", CODE(HOLE), HOLE))
_SHORT = 200
"""Characters of arguments that are quoted within a line."""


def call_row(
    key: str,
    call: ToolCall,
    limits: Limits,
    at: str,
    outcome: tuple[Child, Child] | None = None,
    *,
    found: bool = False,
    label: Html | None = None,
) -> Html:
    """Draw a call, with its outcome under it where it has one.

    Args:
        key: the key of the row.
        call: what is drawn.
        limits: how much of it is shown.
        at: where it is, as Python.
        outcome: the label and the body of its result.
        found: whether it was found in the text and not run.
        label: what is beside it in place of `→ call`.
    """
    label, body = label or (_FOUND if found else _CALL), _drawn(call, limits, at, found)
    return _ANSWERED(key, label, *body, *outcome) if outcome else _ALONE(key, label, *body)


def call_body(call: ToolCall, limits: Limits, at: str, *, found: bool = False) -> Html:
    """Draw the call's name, status, arguments and problems."""
    return _BODY(*_drawn(call, limits, at, found))


def _drawn(call: ToolCall, limits: Limits, at: str, found: bool) -> tuple[Child, ...]:
    """Collect what fills a `_BODY`."""
    where = fragment("from ", code(call.origin)) if call.origin != "tool_calls" else None
    span = f"characters {call.span[0]} to {call.span[1]}" if call.span and limits.details else None
    known = facts(
        "found in the text, not run" if found else None,
        *by_hand(call),
        _identity(call) if limits.details else None,
        where,
        span,
    )
    head = short(call.name or "?"), _arguments(call, limits, at), status(call.status), known
    return (
        *head,
        _sent(call, limits, at),
        problems(call.problems, limits),
        _suggestion(call, limits, at),
    )


def _identity(call: ToolCall) -> Html:
    return _ID(short(call.id), ", synthetic" if call.id_synthetic else None)


def _arguments(call: ToolCall, limits: Limits, at: str) -> Html:
    if call.arguments is None or call.status == "custom":
        return data(call.raw_arguments, limits, f"{at}.raw_arguments")
    return data(pretty(call.arguments), limits, f"{at}.arguments")


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
    if limits.details:
        known.append(_sent_as("id", call.raw_id, call.id))
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
        note("could be read as, never run by itself:"),
        data(pretty(call.suggestion), limits, f"{at}.suggestion"),
    )


def outcome_cell(
    result: ToolResult | None, missing: str, limits: Limits, at: str, name: str | None = None
) -> tuple[Child, Child]:
    """Draw what came of a call, beside its label; `missing` is the word where nothing has
    come yet.
    """
    return _RESULT, status(missing) if result is None else result_body(result, limits, at, name)


def result_body(result: ToolResult, limits: Limits, at: str, name: str | None = None) -> Html:
    """Draw what the model sees of a result, its status and time. `name` is that of the call above
    it, not repeated.
    """
    known = facts(
        seconds(result.elapsed),
        f"waited {seconds(result.queued)} for a thread" if (result.queued or 0) >= 0.1 else None,
        f"value sent as {result.conversion}"
        if result.conversion in ("json", "text", "bytes") and limits.details
        else None,
        code(result.error) if result.error and result.error not in result.content else None,
        f"{result.injected} was put in on purpose" if result.injected else None,
    )
    parts = status(result.status), known, data(result.content, limits, f"{at}.content")
    line = bar(*parts) if result.name == name else bar(code(result.name), *parts)
    behind = [
        _full(result.full_content, limits, at)
        if result.full_content is not None and limits.details
        else None,
        *_inside(result, limits, at),
    ]
    return fragment(line, *behind) if any(behind) else line


def _inside(result: ToolResult, limits: Limits, at: str) -> list[Html | None]:
    """Draw what happened in the tool: what it printed, where it raised, the rollout of a sub-agent.
    Each is behind a click.
    """
    if not (result.printed or result.traceback or result.trajectory):
        return []
    printed, trace = result.printed, result.traceback or ""
    lines = trace.rstrip().splitlines()
    place = next((line for line in reversed(lines) if line.startswith("  File ")), trace)
    return [
        fold(
            ["printed ", facts(count(len(printed), "character"))],
            _text(printed, printed, limits, f"{at}.printed"),
        )
        if printed
        else None,
        fold("traceback", _text(trace, place, limits, f"{at}.traceback")) if trace else None,
        _sub_agent(result.trajectory, limits) if result.trajectory else None,
    ]


def _text(text: str, brief: str, limits: Limits, at: str) -> Html:
    return whole(text, limits, at) if limits.details else excerpt(brief.strip(), _SHORT)


def _sub_agent(trajectory: Trajectory, limits: Limits) -> Html:
    """Draw the rollout that ran in a tool. Its rows have no keys: those are of the rollout that the
    page shows.
    """
    room = replace(limits, size=limits.size // 4, head=10, tail=20)
    parts = shown.fragments(trajectory, room)
    rows = [without_keys(part) for key, part in parts.items() if key != "head"]
    return fold(["rollout of a sub-agent ", facts(_size(trajectory))], el("div", *rows))


def _size(trajectory: Trajectory) -> str:
    calls = sum(len(turn.tool_calls) for turn in trajectory.turns)
    problems = problem_count(trajectory)
    return " · ".join(
        [
            count(len(trajectory.turns), "turn"),
            count(calls, "call"),
            *([count(problems, "problem")] if problems else []),
            trajectory.stop_reason or "open",
        ]
    )


def _full(content: str, limits: Limits, at: str) -> Html:
    return fold(
        "the whole result; the model sees the preview above",
        whole(content, limits, f"{at}.full_content"),
    )

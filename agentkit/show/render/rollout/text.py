"""Records as plain text: a transcript for a conversation, a line for anything small. What is shown
is escaped for a terminal.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agentkit.read.choices import count_choices
from agentkit.show.render.limits import TEXT, Limits
from agentkit.show.render.parts.pretty import pretty, verbatim
from agentkit.show.render.parts.words import by_hand, ending, tokens, totals, trouble
from agentkit.show.render.rollout.outline import Kept, OutlineEntry, outline, turn_entries, window
from agentkit.show.render.rollout.table import many_lines
from agentkit.types.answer import Response, ToolCall
from agentkit.types.problem import Problem
from agentkit.types.trajectory import Attempt, Message, OpenTurn, ToolResult, Trajectory, Turn
from agentkit.types.wire import ApiError, Request
from agentkit.types.words import count, seconds, visible

_LINE = 500
"""Characters of a call's arguments or a result in a transcript."""


def text(record: Any, limits: Limits = TEXT) -> str:
    """The record as text: several lines for a conversation, an answer or a message, one line for
    everything else.
    """
    return "\n".join(_lines(record, limits))


def _lines(record: Any, limits: Limits) -> Iterator[str]:
    match record:
        case Trajectory():
            yield from _trajectory(record, limits)
        case Turn():
            yield from _entries(turn_entries(record, "turn", "turn", []), limits)
        case OpenTurn():
            yield from _entries(outline(Trajectory(open=record)), limits)
        case Response():
            yield from _answer(record, limits, None, "")
        case Request():
            yield (
                f"Request: {_line(record.model or 'no model')}, {count(len(record.tools), 'tool')}"
            )
            yield from _entries(
                [
                    OutlineEntry(f"message-{i}", Message(wire=wire), "")
                    for i, wire in enumerate(record.messages)
                ],
                limits,
            )
        case Message():
            yield from _message(record, limits)
        case ToolCall():
            yield _call(record)
        case ToolResult():
            yield _result(record, record.name)
        case [Trajectory(), *_]:
            yield from map(visible, many_lines(record, limits))
        case [Problem(), *_]:
            yield from (_problem(problem) for problem in record[: limits.items])
        case ApiError():
            yield _error(record)
        case Problem():
            yield _problem(record)
        case _:
            yield visible(repr(record))


def _trajectory(trajectory: Trajectory, limits: Limits) -> Iterator[str]:
    known = totals(trajectory)
    bits = [*known.words(), trouble(known.problems)]
    yield f"Trajectory: {', '.join(filter(None, bits))}"
    yield from _entries(outline(trajectory), limits)
    if trajectory.stop_reason:
        yield f"end: {_line(trajectory.stop_reason)}, {ending(trajectory)}"
    if trajectory.error:
        yield f"  {_error(trajectory.error)}"


def _entries(entries: list[OutlineEntry], limits: Limits) -> Iterator[str]:
    first, hidden, last = window(
        entries, lambda entry: "\n".join(_entry(entry, limits)), len, limits
    )
    yield from first
    if hidden:
        turns = sum(isinstance(entry.item, Turn) for entry in hidden)
        yield f"… {count(turns, 'turn')} and {count(len(hidden) - turns, 'message')} not shown here"
    yield from last


def _entry(entry: OutlineEntry, limits: Limits) -> Iterator[str]:
    item = entry.item
    match item:
        case Message():
            yield from _message(item, limits)
        case Kept():
            yield f"↺ history rewritten: its first {count(item.messages, 'message')} went on"
        case Attempt():
            yield f"failed request, turn {item.turn}: {_error(item.error)}"
        case Turn():
            yield from _answer(item.response, limits, item, "pending" if entry.open else "not run")


def _message(message: Message, limits: Limits) -> Iterator[str]:
    calls = message.wire.get("tool_calls")
    yield _block(f"{_line(message.role or 'no role')}:", message.content, limits)
    if calls:
        yield f"  → {_line(pretty(calls))}"


def _answer(response: Response, limits: Limits, turn: Turn | None, missing: str) -> Iterator[str]:
    finish = (
        f"finish {_line(response.finish_reason)}" if response.finish_reason else "no finish reason"
    )
    bits = [
        f"turn {turn.index}" if turn else "",
        *by_hand(response.exchange),
        seconds(response.exchange.elapsed),
        tokens(response.usage),
        finish,
    ]
    yield f"assistant [{', '.join(filter(None, bits))}]"
    if (number := count_choices(response)) > 1:
        yield f"  (the first of {number} choices; all of them: ak.sample_tree(turn))"
    if response.reasoning:
        yield (
            f"  (reasoning, {count(len(response.reasoning), 'character')})"
            f" {_line(response.reasoning.strip(), 200)}"
        )
    for said in filter(None, (response.content, response.refusal)):
        yield _block(" ", said, limits)
    yield from (f"  {_problem(problem)}" for problem in response.problems[: limits.items])
    results = turn.results if turn else ()
    for i, call in enumerate(response.tool_calls[: limits.items]):
        yield f"  {_call(call)}"
        if turn:
            result = results[i] if i < len(results) else None
            yield f"  {_result(result, call.name) if result else f'← {missing}'}"
    if (rest := len(response.tool_calls) - limits.items) > 0:
        yield f"  … {count(rest, 'more call')}"
    yield from (
        f"  found in the text, not run: {_call(call)}"
        for call in response.recoverable[: limits.items]
    )


def _call(call: ToolCall) -> str:
    used = (
        call.raw_arguments
        if call.arguments is None or call.status == "custom"
        else pretty(call.arguments, 1 << 30)
    )
    codes = ", ".join(dict.fromkeys(problem.code for problem in call.problems))
    told = (
        ""
        if call.status == "ok" and not codes
        else f"  {_line(call.status)}{f': {_line(codes)}' if codes else ''}"
    )
    told += "".join(f"  {done}" for done in by_hand(call))
    return f"→ {_line(call.name or '?')}({_line(used)}){told}"


def _result(result: ToolResult, name: str) -> str:
    who = "" if result.name == name else _line(result.name)
    injected = f"({_line(result.injected)} put in on purpose)" if result.injected else ""
    bits = [
        "←",
        who,
        _line(result.status),
        seconds(result.elapsed),
        injected,
        _line(result.content),
    ]
    return " ".join(filter(None, bits))


def _problem(problem: Problem) -> str:
    changed = f" ({_line(verbatim(problem.before), 80)})" if problem.before is not None else ""
    return f"{_line(problem.severity)} {_line(problem.code)}: {_line(problem.message)}{changed}"


def _error(error: ApiError) -> str:
    return (
        f"{_line(error.kind)}{f' {error.status}' if error.status else ''}: {_line(error.message)}"
    )


def _block(label: str, said: str, limits: Limits) -> str:
    """The text after its label, every further line indented, so that no text can pass for a line of
    ours.
    """
    shown, rest = said[: limits.text], len(said) - limits.text
    more = f" … {count(rest, 'more character')}" if rest > 0 else ""
    return f"{label} {visible(shown)}{more}".replace("\n", "\n    ").rstrip()


def _line(said: str, limit: int = _LINE) -> str:
    """The text on one line, cut, with how much was cut."""
    rest = len(said) - limit
    return visible(said[:limit]).replace("\n", "\\n") + (
        f"… {count(rest, 'more character')}" if rest > 0 else ""
    )

"""A trajectory changed by hand, as pure functions: what depended on the change is dropped, and
nothing else. The original is never touched.

Three words for three things, used so everywhere:
    replay    recorded outcomes are played again, offline; nothing is asked, nothing is run
    rerun     the model is asked again for a turn; its answer may differ
    fork      a new branch that shares everything before a turn; the branch it left stays

What depends on what:
    the prompt                       every turn
    the sampling of a turn           its answer, and everything later
    an answer                        the results of its calls, but for calls that both answers make,
                                     and every later turn
    the arguments of a call          its result, and every later turn; the turn's other results stay
    a result                         every later turn
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from agentkit.dialects.responses.chain import check_store
from agentkit.errors import NotFound, UsageError
from agentkit.read.calls.tool_call import settle_ids
from agentkit.read.plain import plain
from agentkit.trajectory.loop import apply, failure, read_answer
from agentkit.trajectory.person.by_hand import rewritten, written_answer, written_result
from agentkit.trajectory.person.prompt import prompt_messages
from agentkit.trajectory.places import (
    answered_turn,
    attempts_until,
    branched,
    opened_turn,
    reopened,
    start_of,
    turn_at,
    turn_index,
)
from agentkit.types.answer import Response, ToolCall
from agentkit.types.record import clip
from agentkit.types.steps import Answer, Result
from agentkit.types.trajectory import OpenTurn, ToolResult, Trajectory, Turn
from agentkit.types.words import type_in_words


class Unset:
    """Marks a change that was not asked for: None is a result a tool may give."""

    def __repr__(self) -> str:
        return "unset"


UNSET: Final = Unset()


def fork(trajectory: Trajectory, turn: int, change: str = "") -> Trajectory:
    """Fork the trajectory as it was at the start of a turn.

    Args:
        turn: the turn the fork leaves from.
        change: what will be different there, in words.

    Raises:
        NotFound: there is no such turn.
    """
    return branched(trajectory, start_of(trajectory, turn_index(trajectory, turn)), turn, change)


def forked_here(trajectory: Trajectory) -> Trajectory:
    """Fork the trajectory as it is."""
    return branched(trajectory, trajectory, len(trajectory.turns), "fork")


def edit(
    trajectory: Trajectory,
    turn: int | None = None,
    call: int = 0,
    *,
    message: Any = UNSET,
    result: Any = UNSET,
    arguments: Any = UNSET,
    prompt: Any = UNSET,
    sampling: Any = UNSET,
) -> Trajectory:
    """Change one thing in the trajectory. The top of this module says what that drops.

    Args:
        turn: which turn, counting from 0, from the end where it is negative; by default the last
            one that has an answer, for `sampling` the
            one in progress, for `prompt` the messages the rollout began with.
        call: which call of the turn, for `result` and `arguments`.
        message: the answer in place of the model's: a text, a message, or anything
            `ak.read_response` reads.
        result: what the tool should have returned.
        arguments: the arguments the call should have had, as a dict.
        prompt: a text in place of the last user message, or a list of messages in place of all;
            with `turn`, in place of the messages added for that turn.
        sampling: fields merged over the sampling of this turn.

    Raises:
        UsageError: not exactly one thing is changed, or it cannot be used.
        NotFound: there is no such turn or call.
    """
    asked = {
        "message": message,
        "result": result,
        "arguments": arguments,
        "prompt": prompt,
        "sampling": sampling,
    }
    named = [name for name, value in asked.items() if value is not UNSET]
    if len(named) != 1:
        hint = (
            "change one of message, result, arguments, prompt and sampling; for several, edit again"
        )
        raise UsageError(f"{' and '.join(named) or 'nothing'} is to be changed", hint=hint)
    match named[0]:
        case "message":
            return with_message(trajectory, answered_turn(trajectory, turn, or_next=True), message)
        case "result":
            return with_result(trajectory, answered_turn(trajectory, turn), call, result)
        case "arguments":
            return with_arguments(trajectory, answered_turn(trajectory, turn), call, arguments)
        case "prompt":
            return (
                with_prompt(trajectory, prompt)
                if turn is None
                else with_rewritten(trajectory, turn_index(trajectory, turn), prompt)
            )
    last = len(trajectory.turns) - (
        trajectory.stop_reason in ("final", "length", "max_turns") and trajectory.open is None
    )
    return with_sampling(
        trajectory, turn_index(trajectory, last if turn is None else turn), sampling
    )


def with_message(trajectory: Trajectory, turn: int, message: Any) -> Trajectory:
    """Write the answer of a turn by hand. Results of calls that are the same in both answers stay
    with them.

    Args:
        turn: whose answer it is.
        message: a text, a message, or anything `ak.read_response` reads.
    """
    old = turn_at(trajectory, turn)
    exchange = written_answer(message, trajectory.spec.dialect, old.response if old else None)
    response = read_answer(trajectory.spec, exchange, turn)
    error = failure(exchange, response)
    if error is not None:
        raise UsageError(
            f"this is no answer: {error.message}",
            hint="pass a text, an assistant message as a dict, or a whole chat completion",
        )
    before = replace(start_of(trajectory, turn), attempts=attempts_until(trajectory, turn))
    edited = apply(before, Answer(exchange=exchange))
    for call, result in _carried(old, response):
        edited = apply(
            edited, Result(position=call.position, result=replace(result, call_id=call.id))
        )
    return branched(trajectory, edited, turn, "the answer")


def _carried(old: Turn | OpenTurn | None, response: Response) -> list[tuple[ToolCall, ToolResult]]:
    """Pair the results of the old answer with the calls of the new one that they answer too: each
    once, those at the same place first.
    """
    given = old.response.tool_calls if old is not None and old.response is not None else ()
    results = old.results if old is not None else ()
    free = {
        call.position: (call, result)
        for call, result in zip(given, results, strict=True)
        if result is not None
    }
    found: list[tuple[ToolCall, ToolResult]] = []
    for call in sorted(
        response.tool_calls,
        key=lambda c: c.position not in free or not _same(c, free[c.position][0]),
    ):
        at = [call.position] if call.position in free else []
        match = next(
            (place for place in [*at, *free] if place in free and _same(call, free[place][0])), None
        )
        if match is not None:
            found.append((call, free.pop(match)[1]))
    return found


def _same(a: ToolCall, b: ToolCall) -> bool:
    return (a.name, a.arguments, a.raw_arguments if a.arguments is None else None) == (
        b.name,
        b.arguments,
        b.raw_arguments if b.arguments is None else None,
    )


def with_result(trajectory: Trajectory, turn: int, position: int, value: Any) -> Trajectory:
    """Give one result by hand, status `edited`.

    Args:
        turn: the turn of the call.
        position: the call's place in the turn.
        value: what the tool should have returned.
    """
    opened = reopened(trajectory, turn)
    call = _call(opened, position)
    edited = apply(opened, Result(position=call.position, result=written_result(call, value)))
    return branched(trajectory, edited, turn, f"the result of {_named(call)}")


def with_arguments(trajectory: Trajectory, turn: int, position: int, arguments: Any) -> Trajectory:
    """Change the arguments of one call; its own result is dropped, and what came after the turn.

    Args:
        turn: the turn of the call.
        position: the call's place in the turn.
        arguments: a dict in place of all its arguments.
    """
    call = _call(reopened(trajectory, turn), position)
    return branched(
        trajectory,
        changed(trajectory, turn, position, arguments),
        turn,
        f"the arguments of {_named(call)}",
    )


def changed(trajectory: Trajectory, turn: int, position: int, arguments: Any) -> Trajectory:
    """Reopen a turn with other arguments of one of its calls, which then has no result."""
    opened = reopened(trajectory, turn)
    o, response = opened_turn(opened)
    calls, results = list(response.tool_calls), list(o.results)
    calls[position], results[position] = rewritten(_call(opened, position), arguments), None
    response = replace(response, tool_calls=tuple(calls))
    return replace(opened, open=replace(o, response=response, results=tuple(results)))


def adopt(trajectory: Trajectory, turn: int, position: int) -> Trajectory:
    """Make a recoverable call of a turn's answer one of its calls, the last, which waits to be run.

    Args:
        turn: the turn of the answer.
        position: the place at which the recoverable call was read.

    Raises:
        NotFound: the answer has no recoverable call of this position.
    """
    adopted = with_adopted(trajectory, turn, position)
    return branched(trajectory, adopted, turn, f"{clip(adopted.pending[-1].name) or '?'} adopted")


def with_adopted(trajectory: Trajectory, turn: int, position: int) -> Trajectory:
    """Reopen a turn with its recoverable call of this position as one of its calls.

    Args:
        turn: the turn of the answer.
        position: the place at which the recoverable call was read.

    Raises:
        NotFound: there is none.
    """
    opened = reopened(trajectory, turn)
    o, response = opened_turn(opened)
    call = next((c for c in response.recoverable if c.position == position), None)
    if call is None:
        raise NotFound(f"there is no recoverable call {position} in turn {turn}")
    return replace(
        opened,
        open=replace(o, response=_with_call(response, call, turn), results=(*o.results, None)),
    )


def _with_call(response: Response, call: ToolCall, turn: int) -> Response:
    """Make one of the answer's recoverable calls the last of its calls, under an id of its own."""
    placed = replace(call, position=len(response.tool_calls), adopted=call.position)
    taken = {c.id for c in response.tool_calls}
    if placed.id_synthetic or placed.id in taken:
        placed = replace(
            settle_ids([replace(placed, raw_id=None)], turn)[0],
            raw_id=placed.raw_id,
            problems=placed.problems,
        )
    if placed.id in taken:
        placed = replace(placed, id=f"{placed.id}_{placed.position}")
    others = tuple(c for c in response.recoverable if c is not call)
    return replace(
        response,
        tool_calls=(*response.tool_calls, placed),
        recoverable=others,
        content=_without(response, call),
    )


def edited_again(response: Response, old: Response, turn: int) -> Response:
    """Do to an answer that was read again what a person had done to the calls of the old reading,
    as far as they are still there.

    Args:
        response: the new reading.
        old: the old reading, as it was edited.
        turn: whose answer it is.
    """
    for was in old.tool_calls:
        adopted = (was.adopted, was.name)
        call = next((c for c in response.recoverable if (c.position, c.name) == adopted), None)
        if call is not None:
            response = _with_call(response, call, turn)
    calls = list(response.tool_calls)
    for was in old.tool_calls[: len(calls)]:
        now = calls[was.position]
        unchanged = (now.name, now.raw_arguments) == (was.name, was.sent_arguments)
        if was.sent_arguments is not None and unchanged:
            calls[was.position] = rewritten(now, was.arguments)
    return replace(response, tool_calls=tuple(calls))


def _without(response: Response, call: ToolCall) -> str | None:
    """Cut the text of the call out of the content."""
    content, wire = response.content, response.wire_content
    if content is None or wire is None or call.span is None or call.status == "invalid":
        return content
    return content.replace(wire[call.span[0] : call.span[1]], "", 1).strip() or None


def with_prompt(trajectory: Trajectory, prompt: Any) -> Trajectory:
    """Go back before the first turn with another prompt: a text takes the place of the last user
    message.
    """
    messages = prompt_messages(prompt, trajectory.spec.dialect)
    if isinstance(prompt, str):
        users = [i for i, message in enumerate(trajectory.prompt) if message.role == "user"]
        messages = (*trajectory.prompt[: users[-1] if users else len(trajectory.prompt)], *messages)
    return branched(trajectory, replace(start_of(trajectory, 0), prompt=messages), 0, "the prompt")


def with_rewritten(trajectory: Trajectory, turn: int, prompt: Any) -> Trajectory:
    """Go back before a turn with other messages in place of those that the user added for it.

    Args:
        turn: the turn the messages were added for.
        prompt: a text, or a list of messages.
    """
    before = start_of(trajectory, turn)
    if turn == 0 and before.open is None:
        return with_prompt(trajectory, prompt)
    if before.open is None or not before.open.added:
        raise UsageError(
            f"nothing was said before turn {turn}",
            hint="edit a turn that messages were said for, or dbg.goto(turn) and dbg.say(...)",
        )
    said = prompt_messages(prompt, trajectory.spec.dialect)
    edited = replace(before, open=replace(before.open, added=said))
    return branched(trajectory, edited, turn, "what was said")


def with_sampling(trajectory: Trajectory, turn: int, sampling: Any) -> Trajectory:
    """Go back before a turn, which will be asked for with these fields merged over its sampling.

    Args:
        turn: the turn that is asked for so.
        sampling: fields of the request.
    """
    if not isinstance(sampling, Mapping):
        raise UsageError(
            f"the sampling is {type_in_words(sampling)}",
            hint="pass a dict: sampling={'temperature': 1.3}",
        )
    check_store(trajectory.spec, sampling)
    before = start_of(trajectory, turn)
    opened = before.open or OpenTurn()
    edited = replace(
        before, open=replace(opened, sampling={**(opened.sampling or {}), **plain(sampling)})
    )
    return branched(trajectory, edited, turn, f"sampling {clip(json.dumps(plain(sampling)), 60)}")


def _call(opened: Trajectory, position: int) -> ToolCall:
    calls = opened_turn(opened)[1].tool_calls
    if not isinstance(position, int) or not 0 <= position < len(calls):
        raise NotFound(
            f"there is no call {position!r} in turn {len(opened.turns)}",
            hint=f"it has {len(calls)}, counted from 0",
        )
    return calls[position]


def _named(call: ToolCall) -> str:
    return f"{clip(call.name) or '?'} (call {call.position})"

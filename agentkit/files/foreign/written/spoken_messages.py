"""A rollout as the messages that were said, whatever dialect they were said in."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from agentkit.files.foreign.entries import Losses
from agentkit.types.answer import ToolCall
from agentkit.types.trajectory import OpenTurn, StopReason, ToolResult, Trajectory, Turn

Message = dict[str, Any]
_PLACED = ("import", "prompt_index", "notes")
"""Meta that is agentkit's own."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """One message, and the turn whose answer it is."""

    message: Message
    turn: Turn | OpenTurn | None = None
    result: ToolResult | None = None


def spoken(trajectory: Trajectory, losses: Losses) -> list[Spoken]:
    """List the conversation as it stands at its end, in the chat form: an answer with its text,
    reasoning and calls, each result behind its call.
    """
    found = [Spoken(_given(message.wire)) for message in trajectory.prompt]
    for turn in (*trajectory.turns, *([trajectory.open] if trajectory.open else ())):
        if turn.kept is not None and turn.kept < len(found):
            losses.note("history before it was changed")
            del found[turn.kept :]
        found += [Spoken(_given(message.wire)) for message in turn.added]
        if turn.response is not None:
            found += _answer(turn, losses)
    if trajectory.attempts:
        losses.counts["attempts that failed"] += len(trajectory.attempts)
    return found


def _given(wire: Message) -> Message:
    return {key: value for key, value in wire.items() if key != "items"}


def _answer(turn: Turn | OpenTurn, losses: Losses) -> Iterator[Spoken]:
    response = turn.response
    if response is None:
        return
    calls = [_call(call, losses) for call in response.tool_calls]
    message: Message = {"role": "assistant", "content": response.content}
    if response.content is None and not calls:
        message["content"] = ""
    if response.reasoning:
        message["reasoning"] = response.reasoning
    if response.refusal:
        message["refusal"] = response.refusal
    if calls:
        message["tool_calls"] = calls
    if response.server_steps:
        losses.counts["steps of the server"] += len(response.server_steps)
    yield Spoken(message, turn=turn)
    for call, result in zip(response.tool_calls, turn.results, strict=True):
        if result is None:
            continue
        if result.trajectory is not None:
            losses.note("rollouts of sub-agents")
        told = {"role": "tool", "tool_call_id": call.id, "content": result.content}
        yield Spoken(told, result=result)


def _call(call: ToolCall, losses: Losses) -> Message:
    if call.status == "custom":
        custom = {"name": call.name, "input": call.raw_arguments}
        return {"id": call.id, "type": "custom", "custom": custom}
    written = arguments_text(call)
    if written != call.raw_arguments:
        losses.note("arguments as they came, which were no JSON")
    return {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": written},
    }


def arguments_text(call: ToolCall) -> str:
    """Write the arguments of a call: as the model wrote them where that is JSON."""
    try:
        json.loads(call.raw_arguments)
    except (ValueError, RecursionError):
        known = call.arguments
        return call.raw_arguments if known is None else json.dumps(known, ensure_ascii=False)
    return call.raw_arguments


def is_plain(text: str) -> bool:
    """Tell whether arguments are written as what reads them as JSON writes them again."""
    try:
        return json.dumps(json.loads(text), ensure_ascii=False) == text
    except (ValueError, RecursionError):
        return True  # they stay a text


def note_spacing(trajectory: Trajectory, losses: Losses) -> None:
    """Count the calls whose arguments a format holds as an object, and not as their text."""
    for call in (call for turn in trajectory.all_turns for call in turn.tool_calls):
        if call.status != "custom" and not is_plain(arguments_text(call)):
            losses.note("how the JSON of arguments was written")


def meta_of(trajectory: Trajectory) -> dict[str, Any]:
    """Give what is known of a rollout beside its conversation."""
    return {
        key: value
        for key, value in trajectory.meta.items()
        if key not in _PLACED and value is not None
    }


def note_raw(trajectory: Trajectory, losses: Losses, *kept: str) -> None:
    """Count what most formats have no place for.

    Args:
        trajectory: the rollout.
        losses: where it is counted.
        kept: which of these the format has a place for: `usage`, `tokens`, `times`, `finish`,
            `sampling`, `error`, `results` (errors of tools), `ending`.
    """
    _note_results(trajectory, losses, kept)
    if untold_ending(trajectory) is not None and ("ending" not in kept or trajectory.open):
        losses.note("how it ended")
    for turn in trajectory.all_turns:
        response = turn.response
        exchange = response.exchange
        timed = exchange.started is not None or exchange.elapsed is not None
        known: dict[str, Any] = {
            "usage": response.usage,
            "tokens": response.token_ids or response.logprobs or response.prompt_token_ids,
            "times": timed,
            "finish": response.finish_reason,
        }
        for name, value in known.items():
            if value and name not in kept:
                losses.note(_NAMES[name])
        losses.note("raw answers")
    if trajectory.spec.sampling and "sampling" not in kept:
        losses.note("sampling")
    if trajectory.error is not None and "error" not in kept:
        losses.note("the error it ended with")


def note_unspoken(trajectories: Iterable[Trajectory], losses: Losses) -> None:
    """Count the rollouts in which nothing was said: a file of messages holds nothing of them."""
    for trajectory in trajectories:
        opened = trajectory.open is not None and bool(trajectory.open.added)
        if not trajectory.prompt and not trajectory.all_turns and not opened:
            losses.note("rollouts without a message")


def note_given(listed: Iterable[Spoken], losses: Losses) -> None:
    """Count the answers that were put into a history: read again, each is one of the model."""
    for said in listed:
        if said.turn is None and said.message.get("role") == "assistant":
            losses.note("that an answer was put into the history, and no model gave it")


def untold_ending(trajectory: Trajectory) -> StopReason | None:
    """Give why a rollout ended, where its messages alone do not tell it."""
    turns = trajectory.turns
    answered = bool(turns) and trajectory.open is None and not turns[-1].tool_calls
    told = "final" if answered else None
    return trajectory.stop_reason if trajectory.stop_reason != told else None


def _note_results(trajectory: Trajectory, losses: Losses, kept: tuple[str, ...]) -> None:
    turns: list[Turn | OpenTurn] = [*trajectory.turns]
    for turn in [*turns, *([trajectory.open] if trajectory.open else [])]:
        for result in (one for one in turn.results if one is not None):
            if result.status == "edited":
                losses.note("that results were edited")
            elif result.status != "ok" and "results" not in kept:
                losses.note("errors of tools")
            if result.value is not None and result.conversion is None:
                losses.note("values of results beside their text")
            if result.printed or result.traceback:
                losses.note("what tools printed")
            if "times" not in kept and (result.started, result.elapsed) != (None, None):
                losses.note(_NAMES["times"])


_NAMES = {
    "usage": "token counts",
    "tokens": "token ids and logprobs",
    "times": "times",
    "finish": "finish reasons",
}

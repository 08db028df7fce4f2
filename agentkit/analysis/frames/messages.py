"""`ak.messages_df`: a row per message of the history."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from agentkit.analysis.frames.frame import (
    COUNT,
    IDENTITY,
    MAYBE_COUNT,
    TEXT,
    identity,
    rollout_frame,
)
from agentkit.errors import checked_keywords
from agentkit.trajectory.history import turn_messages
from agentkit.trajectory.profiles import profile_of
from agentkit.types.trajectory import Message, OpenTurn, Trajectory, Turn

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = {
    **IDENTITY,
    "message": COUNT,
    "turn": MAYBE_COUNT,
    "source": TEXT,
    "role": TEXT,
    "content": TEXT,
    "length": COUNT,
    "reasoning": TEXT,
    "calls": COUNT,
    "tool_call_id": TEXT,
    "name": TEXT,
}
_REASONING = ("reasoning", "reasoning_content")
_THOUGHTS = ("reasoning", "thinking", "redacted_thinking")
"""Items and blocks of other dialects that hold reasoning."""


@checked_keywords
def messages_df(x: Any) -> pd.DataFrame:
    """List the messages of conversations in a `pandas.DataFrame`, a row each, in the form that the
    rollout's profile sends.

    Columns:
        rollout, side, sample, prompt: as in `turns_df`. message: position in the history, from 0.
        turn: the turn it belongs to, or comes before; `<NA>` for the prompt. source: prompt, added
            (by the caller), answer, result.
        role: as sent. content: its text, "" for none. length: of the content, in
            characters.
        reasoning: what is sent back of it; `<NA>` for nothing, "" for one that is
            sealed. calls: how many tool calls it makes.
        tool_call_id: the call it answers. name: the tool or speaker it names.

    Args:
        x: one rollout or many, as for `turns_df`.

    Raises:
        UsageError: it contains no rollout.
    """
    return rollout_frame(COLUMNS, _rows, x)


def _rows(index: int, trajectory: Trajectory) -> Iterator[tuple[Any, ...]]:
    who = identity(index, trajectory)
    for position, (turn, source, message) in enumerate(_history(trajectory)):
        yield (*who, position, turn, source, *_row(message))


def _history(trajectory: Trajectory) -> list[tuple[int | None, str, Message]]:
    """List the messages with the turn and the source of each."""
    profile = profile_of(trajectory.spec)
    found: list[tuple[int | None, str, Message]] = [
        (None, "prompt", message) for message in trajectory.prompt
    ]
    turns: list[Turn | OpenTurn] = list(trajectory.turns)
    if trajectory.open:
        turns.append(trajectory.open)
    for index, turn in enumerate(turns):
        if turn.kept is not None:
            del found[turn.kept :]
        found.extend((index, "added", message) for message in turn.added)
        for position, wire in enumerate(turn_messages(turn, profile)):
            if not position and turn.response is not None and _thinks(wire):
                wire = {**wire, "reasoning": turn.response.reasoning or ""}
            found.append((index, "result" if position else "answer", Message(wire=wire)))
    return found


def _thinks(wire: dict[str, Any]) -> bool:
    """Tell whether an answer goes back item by item, and its reasoning with it."""
    items = wire.get("items")
    kinds = [item.get("type") for item in items] if isinstance(items, list) else []
    return any(kind in _THOUGHTS for kind in kinds)


def _row(message: Message) -> tuple[Any, ...]:
    wire, content = message.wire, message.content
    calls = wire.get("tool_calls")
    reasoning = next((wire[name] for name in _REASONING if isinstance(wire.get(name), str)), None)
    named = (wire.get(field) for field in ("tool_call_id", "name"))
    texts = [value if isinstance(value, str) else None for value in named]
    return (
        message.role,
        content,
        len(content),
        reasoning,
        len(calls) if isinstance(calls, list) else 0,
        *texts,
    )

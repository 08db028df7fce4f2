"""What an index holds of a rollout: a row of its own, a row a turn, a row a call, and the texts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from agentkit.files.cassette.index import group_key
from agentkit.files.columns import COLUMNS, HIDDEN, is_name, plain_value
from agentkit.trajectory.trouble.points import server
from agentkit.types.trajectory import Trajectory, Turn

TURN_FIELDS = (
    *("turn", "model", "finish_reason", "started", "elapsed", "time_to_first_token"),
    *("input_tokens", "output_tokens", "reasoning_tokens", "cached_tokens", "calls", "server"),
)
"""Columns of a turn, behind the rollout's row."""
CALL_FIELDS = ("turn", "position", "name", "status", "error", "elapsed")
"""Columns of a call, behind the rollout's row."""
OWN = tuple(column.name for column in (*COLUMNS, *HIDDEN))
"""Columns of a rollout that are not its caller's own."""


@dataclass(slots=True)
class IndexRows:
    """The rows of one rollout, and its texts in the same order."""

    rollout: dict[str, Any]
    """`OWN` and `prompt_digest`."""
    meta: dict[str, Any]
    """The caller's own, as it is."""
    prompt: str
    """All that was put before and between the answers, and the error that ended it."""
    turns: list[tuple[Any, ...]] = field(default_factory=list)
    """A row a turn, of `TURN_FIELDS`."""
    content: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    """A text a turn."""
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    """A row a call, of `CALL_FIELDS`."""
    arguments: list[str] = field(default_factory=list)
    """A text a call: its name and its arguments as they were written."""
    result: list[str] = field(default_factory=list)
    """A text a call: what the model was told of it."""


def rows_of(trajectory: Trajectory) -> IndexRows:
    """Work out the rows of a rollout that was read."""
    own = {column.name: column.of(trajectory) for column in (*COLUMNS, *HIDDEN)}
    digest = group_key(trajectory)
    put = [message.content for message in trajectory.prompt]
    put += [message.content for turn in trajectory.all_turns for message in turn.added]
    if trajectory.error:
        put.append(f"{trajectory.error.kind} {trajectory.error.message}")
    rows = IndexRows(
        rollout={**own, "prompt_digest": digest}, meta=trajectory.meta, prompt="\n".join(put)
    )
    for turn in trajectory.all_turns:
        _add_turn(rows, turn)
    return rows


def _add_turn(rows: IndexRows, turn: Turn) -> None:
    response, usage = turn.response, turn.response.usage
    counts: tuple[int | None, ...] = (None,) * 4
    if usage is not None:
        read = (usage.input_tokens, usage.output_tokens)
        counts = (*read, usage.reasoning_tokens, usage.cached_tokens)
    times = (response.exchange.started, response.exchange.elapsed, response.time_to_first_token)
    calls = response.tool_calls
    said = (turn.index, response.model, response.finish_reason)
    rows.turns.append((*said, *times, *counts, len(calls), server(turn)))
    rows.content.append(response.content or "")
    rows.reasoning.append(response.reasoning or "")
    for call in calls:
        result = turn.results[call.position] if call.position < len(turn.results) else None
        ended = (result.status, result.error, result.elapsed) if result else (None, None, None)
        rows.calls.append((turn.index, call.position, call.name, *ended))
        rows.arguments.append(f"{call.name} {call.raw_arguments}")
        rows.result.append(result.content if result else "")


def meta_values(meta: dict[str, Any]) -> dict[str, Any]:
    """Make the values of a rollout's meta that a table can hold."""
    return {name: plain_value(value) for name, value in meta.items() if is_name(name)}

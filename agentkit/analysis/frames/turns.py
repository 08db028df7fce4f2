"""`ak.turns_df`: a row per turn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from agentkit.analysis.frames.frame import (
    COUNT,
    FLAG,
    IDENTITY,
    MAYBE_COUNT,
    NUMBER,
    TEXT,
    identity,
    number,
    rollout_frame,
)
from agentkit.analysis.frames.index_frames import TURNS, chosen, index_frame
from agentkit.errors import checked_keywords
from agentkit.read.body.usage import queue_of
from agentkit.trajectory.trouble.points import ProblemPoint, points_by_turn, server
from agentkit.types.trajectory import Trajectory, Turn
from agentkit.types.wire import Usage

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = {
    **IDENTITY,
    "turn": COUNT,
    "model": TEXT,
    "server": TEXT,
    "dialect": TEXT,
    "started": NUMBER,
    "elapsed": NUMBER,
    "model_elapsed": NUMBER,
    "queue": NUMBER,
    "time_to_first_token": NUMBER,
    "generation": NUMBER,
    "tools_elapsed": NUMBER,
    "retries": COUNT,
    "input_tokens": MAYBE_COUNT,
    "output_tokens": MAYBE_COUNT,
    "reasoning_tokens": MAYBE_COUNT,
    "cached_tokens": MAYBE_COUNT,
    "cost": NUMBER,
    "content_length": COUNT,
    "reasoning_length": COUNT,
    "calls": COUNT,
    "failed_calls": COUNT,
    "finish_reason": TEXT,
    "errors": COUNT,
    "warnings": COUNT,
    "last": FLAG,
    "stop_reason": TEXT,
    "reward": NUMBER,
}


@checked_keywords
def turns_df(x: Any, *, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """List the turns of rollouts in a `pandas.DataFrame`, a row for each that has an answer, the
    open one included.

    Columns; times are in seconds, lengths in characters:
        rollout: position of the rollout in `x`, from 0. sample: its `meta["sample"]`. prompt: what
            the user asked.
        side: only of what `ak.compare` gave, and there behind `rollout`: the name of the side the
            rollout is from.
        turn: from 0. model: as the answer names it, else as it was asked for. server: host and
            port. dialect: of the answer: chat, responses, messages.
        started: Unix time when the model was asked. elapsed: model and tools together, overlaps
            counted once; `<NA>` if the model's is not known.
        model_elapsed: from sending the request to the last byte. queue: how long the request
            waited in the server, if the server reports it.
        time_to_first_token: from sending to the first piece, the queue included; `<NA>` if it
            was not streamed. generation: the rest.
        tools_elapsed: the time tools ran, overlaps counted once. retries: failed tries before the
            answer.
        input_tokens, output_tokens, reasoning_tokens, cached_tokens: what the server counted; the
            last two are parts of the first two. cost: of the answer, at the prices of its agent.
        content_length, reasoning_length: of what was read. calls: tool calls. failed_calls: those
            with a result of another status than `ok` and `edited`.
        finish_reason: the server's word. errors, warnings: how many rows of these severities
            `ak.problems_df` has for the turn.
        last: whether it is the rollout's last turn. stop_reason: the rollout's; `<NA>` while it can
            go on. reward: `meta["reward"]`.

    Args:
        x: one rollout or many: a trajectory, a debugger, an `AgentResult`, a comparison, a list of
            them, a list of messages, the path of a file of them, or what `ak.index` gave.
        columns: the names of those that are wanted; by default all. Of an index, rollout, sample,
            turn, model, server, started, model_elapsed, time_to_first_token, generation, the
            tokens, the lengths, calls, finish_reason, last, stop_reason and reward are read without
            reading a rollout, where no other is wanted.

    Raises:
        UsageError: it contains no rollout, or there is no such column.
    """
    wanted = chosen(COLUMNS, columns)
    found = index_frame(x, "turns", TURNS, wanted)
    if found is not None:
        return found
    made = rollout_frame(COLUMNS, turn_rows, x)
    return made if columns is None else made[list(wanted)]


def turn_rows(index: int, trajectory: Trajectory) -> Iterator[tuple[Any, ...]]:
    """List the rows of a rollout that has this place."""
    who, turns = identity(index, trajectory), trajectory.all_turns
    reward, found = number(trajectory.meta.get("reward")), points_by_turn(trajectory)
    for turn in turns:
        ending = (turn is turns[-1], trajectory.stop_reason, reward)
        model = turn.response.model or trajectory.spec.model
        amounts = _amounts(turn, found.get(turn.index, ()))
        answered = (turn.index, model, server(turn), turn.response.dialect)
        yield (*who, *answered, *_times(turn), *amounts, *ending)


def _times(turn: Turn) -> tuple[Any, ...]:
    exchange, first = turn.response.exchange, turn.response.time_to_first_token
    model = exchange.elapsed
    generation = max(0.0, _minus(model, first)) if first is not None and model is not None else None
    return (
        exchange.started,
        turn.elapsed,
        model,
        queue_of(exchange),
        first,
        generation,
        _tools(turn),
        len(exchange.retries),
    )


def _tools(turn: Turn) -> float | None:
    timed = any(
        result.started is not None and result.elapsed is not None for result in turn.tool_results
    )
    if not timed or turn.elapsed is None:
        return None
    return _minus(turn.elapsed, turn.response.exchange.elapsed)


def _minus(whole: float | None, part: float | None) -> float:
    return round((whole or 0.0) - (part or 0.0), 6)  # recorded times are whole microseconds


def _amounts(turn: Turn, found: Iterable[ProblemPoint]) -> tuple[Any, ...]:
    response, usage = turn.response, turn.response.usage or Usage()
    points = [(point.severity, point.source) for point in found]
    severities = [severity for severity, _ in points]
    return (
        usage.input_tokens,
        usage.output_tokens,
        usage.reasoning_tokens,
        usage.cached_tokens,
        turn.cost,
        len(response.content or ""),
        len(response.reasoning or ""),
        len(response.tool_calls),
        sum(source == "tool" for _, source in points),
        response.finish_reason,
        severities.count("error"),
        severities.count("warning"),
    )

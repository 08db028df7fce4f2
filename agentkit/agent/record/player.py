"""Replaying: a `Perform` that plays recorded outcomes again, offline. It never asks a server and
never runs a tool.

What is asked for must be what was recorded: a step that differs is a `ReplayMiss`, which says in
    what, with a diff.
"""

from __future__ import annotations

import asyncio
import difflib
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from agentkit.agent.perform import Perform
from agentkit.errors import ReplayMiss
from agentkit.servers.model_call import Emit
from agentkit.servers.retry import Sleep
from agentkit.trajectory.history import request, request_fields
from agentkit.trajectory.sent_history import EncodedHistory
from agentkit.types.answer import ToolCall
from agentkit.types.record import clip
from agentkit.types.request import Request
from agentkit.types.steps import Answer, ModelStep, Outcome, Result, Step, ToolStep
from agentkit.types.trajectory import OpenTurn, ToolResult, Trajectory, Turn
from agentkit.types.wire import Exchange

_HINT = "replay with what was recorded, or record again; a replay never asks a server"
_DIFF = 2000
"""Characters of a diff at most."""


def replaying(
    recorded: Trajectory, *, speed: float | None = None, sleep: Sleep = asyncio.sleep
) -> Perform:
    """Play what was recorded, in order. Failed requests are played too, each as often as it
    happened.

    Args:
        speed: how many times faster than it was recorded; 1 for the recorded times, None for at
            once.
    """
    turns = recorded.all_turns
    exchanges: dict[int, list[Exchange]] = defaultdict(list)
    for attempt in recorded.attempts:
        exchanges[attempt.turn].append(attempt.exchange)
    failed = {turn: len(found) for turn, found in exchanges.items()}
    for turn in turns:
        exchanges[turn.index].append(turn.response.exchange)
    played: dict[int, int] = defaultdict(int)
    was, now = EncodedHistory(), EncodedHistory()

    async def wait(seconds: float | None) -> None:
        if speed is not None and seconds:
            await sleep(seconds / speed)

    async def perform(step: Step, emit: Emit | None = None) -> Outcome:
        if isinstance(step, ToolStep):
            recorded_result = _recorded_result(turns, step)
            await wait(recorded_result.result.elapsed)
            return recorded_result
        found = exchanges[step.turn]
        if not found:
            raise ReplayMiss(
                f"the recording ends before turn {step.turn}",
                hint="record the rollout again, to its end",
            )
        index = min(played[step.turn], len(found) - 1)
        if index >= failed.get(
            step.turn, 0
        ):  # a request that failed may have been changed before the next one
            before = _before(recorded, turns[step.turn])
            if was.key(before, request_fields(before)) != now.key(
                step.trajectory, request_fields(step.trajectory)
            ):
                _check_request(before, step)
        played[step.turn] += 1
        await _tell(found[index], emit, wait)
        return Answer(exchange=found[index])

    return perform


async def _tell(exchange: Exchange, emit: Emit | None, wait: Callable[[float | None], Any]) -> None:
    """Give the pieces out, and take the recorded time where that is wanted."""
    at = 0.0
    for chunk in exchange.chunks:
        await wait(chunk.at - at)
        at = max(at, chunk.at)
        if emit:
            emit(chunk)
    await wait(max(0.0, (exchange.elapsed or 0.0) - at))


def _before(recorded: Trajectory, turn: Turn) -> Trajectory:
    """Rebuild the trajectory as it was when this turn's answer was asked for."""
    return replace(
        recorded,
        turns=recorded.turns[: turn.index],
        open=OpenTurn(kept=turn.kept, added=turn.added, sampling=turn.sampling),
    )


def _check_request(before: Trajectory, step: ModelStep) -> None:
    was, now = request(before, step.turn), request(step.trajectory, step.turn)
    differing = [(what, a, b) for what, a, b in _parts(was, now) if a != b]
    if differing:
        names = " and ".join(what for what, _, _ in differing)
        raise ReplayMiss(
            f"turn {step.turn} asks with other {names} than were"
            f" recorded:\n{difference(differing)}",
            hint=_HINT,
        )


def _parts(was: Request, now: Request) -> Iterator[tuple[str, Any, Any]]:
    a, b = list(was.messages), list(now.messages)
    in_order = sorted(map(_written, a)) == sorted(map(_written, b))
    yield "order of messages" if in_order and a != b else "messages", a, b
    yield "tools", list(was.tools), list(now.tools)
    yield "sampling", was.sampling, now.sampling
    yield "model", was.model, now.model
    yield "dialect", was.dialect, now.dialect


def difference(parts: list[tuple[str, Any, Any]]) -> str:
    """Compare what was recorded with what is asked, as a unified diff of readable JSON for each
    part.
    """
    diffs = []
    for what, a, b in parts:
        lines = difflib.unified_diff(
            _written(a).splitlines(),
            _written(b).splitlines(),
            f"recorded {what}",
            f"asked {what}",
            lineterm="",
            n=1,
        )
        diffs.append("\n".join(lines)[:_DIFF])
    return "\n".join(diffs)


def _written(value: Any) -> str:
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, default=str)


def _recorded_result(turns: tuple[Turn, ...], step: ToolStep) -> Result:
    call = step.call
    here, place = turns[step.turn] if step.turn < len(turns) else None, call.position
    there = here is not None and place < len(here.tool_calls)
    was, found = (here.tool_calls[place], here.results[place]) if here and there else (None, None)
    if was is not None and not _same(was, call):
        elsewhere = next(
            (
                f"call {w.position} of turn {turn.index}"
                for turn in turns
                for w, _ in _calls(turn)
                if _same(w, call)
            ),
            None,
        )
        order = f"; it was recorded as {elsewhere}, so the order differs" if elsewhere else ""
        raise ReplayMiss(
            f"call {call.position} of turn {step.turn} is {call.summary()}; recorded is"
            f" {was.summary()}{order}",
            hint=_HINT,
        )
    if found is None:
        raise ReplayMiss(
            f"the recording holds no result for call {call.position} of turn {step.turn}:"
            f" {clip(repr(call), 120)}",
            hint=_HINT,
        )
    changed = was is not None and was.sent_arguments is not None and was.arguments != call.arguments
    return Result(
        position=call.position,
        result=found,
        arguments=was.arguments if was is not None and changed else None,
    )


def _calls(turn: Turn) -> list[tuple[ToolCall, ToolResult | None]]:
    return list(zip(turn.tool_calls, turn.results, strict=True))


def _same(recorded: ToolCall, call: ToolCall) -> bool:
    """Tell whether this call was recorded: as it is, or as it was before a person changed its
    arguments.
    """
    return recorded.name == call.name and (
        recorded.arguments == call.arguments or recorded.sent_arguments == call.raw_arguments
    )

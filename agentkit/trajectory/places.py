"""Places in a rollout: how many steps it has had, what it was like after any of them, and what was
recorded next. Pure, and nothing is read again.

A step is an answer or the result of one call. Results of one turn count in the order of its calls,
whatever order they came in. A request that
failed is no step: it belongs to the answer that came in its place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from agentkit.errors import NotFound
from agentkit.trajectory.loop import resume, stop_reason_after
from agentkit.trajectory.person.judgements import without_judgements
from agentkit.trajectory.person.notes import remarks_until
from agentkit.types.answer import Response
from agentkit.types.request import Spec
from agentkit.types.sequences.slots import count_filled, empty_slots, with_value
from agentkit.types.steps import Answer, Outcome, Result, Step, ToolStep
from agentkit.types.trajectory import (
    Attempt,
    Message,
    OpenTurn,
    Parent,
    ToolResult,
    Trajectory,
    Turn,
)

_OF_DIALECT = ("items", "is_error")
"""Fields of a message that hold what one dialect alone can send."""


class Place(NamedTuple):
    """How far a trajectory has come."""

    turn: int
    done: int
    """Steps of this turn: 0 before its answer, 1 behind it, one more for each result."""


def place_of(trajectory: Trajectory) -> Place:
    """Find the place a trajectory has come to."""
    return Place(len(trajectory.turns), steps_of(trajectory.open))


def steps_of(turn: Turn | OpenTurn | None) -> int:
    """Count the steps a turn has had."""
    return 0 if turn is None or turn.response is None else 1 + count_filled(turn.results)


def back(trajectory: Trajectory, n: int = 1) -> Trajectory:
    """Go back to the trajectory as it was n steps ago.

    Raises:
        NotFound: it has had fewer steps.
    """
    if not isinstance(n, int) or n < 0:
        raise NotFound(f"{n!r} is no number of steps to go back")
    turn, done = place_of(trajectory)
    left = n
    while left > done and turn > 0:
        left, turn = left - done, turn - 1
        done = steps_of(trajectory.turns[turn])
    if left > done:
        raise NotFound(
            f"the rollout has had fewer than {n} steps", hint="dbg.goto(0) goes to its start"
        )
    return at(trajectory, Place(turn, done - left)) if n else trajectory


def at(trajectory: Trajectory, place: Place) -> Trajectory:
    """Go back to a place the trajectory has passed; where it is there already, it is returned
    itself.
    """
    turn, done = place
    if turn < len(trajectory.turns) and done >= steps_of(trajectory.turns[turn]):
        turn, done = turn + 1, 0
    if (turn, done) == place_of(trajectory):
        return trajectory
    start = start_of(trajectory, turn)
    there = turn_at(trajectory, turn)
    if not done or there is None or there.response is None:
        return start
    kept, left = [], done - 1
    for result in there.results:
        kept.append(result if left > 0 else None)
        left -= result is not None
    opened = OpenTurn(
        kept=there.kept,
        added=there.added,
        sampling=there.sampling,
        response=there.response,
        results=tuple(kept),
    )
    return replace(start, open=opened, attempts=attempts_until(trajectory, turn))


def start_of(trajectory: Trajectory, turn: int) -> Trajectory:
    """Go back before a turn was asked for; what the user added for it stays."""
    there = turn_at(trajectory, turn)
    opened = OpenTurn()
    if isinstance(there, OpenTurn):
        opened = replace(there, response=None, results=())
    elif there is not None:
        opened = OpenTurn(kept=there.kept, added=there.added, sampling=there.sampling)
    before = trajectory.turns[turn - 1 : turn]
    ended = (
        stop_reason_after(before[0], turn, trajectory.spec.max_turns)
        if before and there is None
        else None
    )
    return replace(
        trajectory,
        turns=trajectory.turns[:turn],
        open=opened if opened != OpenTurn() else None,
        stop_reason=ended,
        error=None,
        attempts=attempts_until(trajectory, turn - 1),
    )


def reopened(trajectory: Trajectory, turn: int) -> Trajectory:
    """Open a turn again: its answer and its results stay, later turns are gone."""
    there = turn_at(trajectory, turn)
    if there is None or there.response is None:
        raise NotFound(f"turn {turn} has no answer")
    opened = OpenTurn(
        kept=there.kept,
        added=there.added,
        sampling=there.sampling,
        response=there.response,
        results=there.results,
    )
    return replace(
        trajectory,
        turns=trajectory.turns[:turn],
        open=opened,
        stop_reason=None,
        error=None,
        attempts=attempts_until(trajectory, turn),
    )


def turn_index(trajectory: Trajectory, turn: int) -> int:
    """Count the turn from 0; the next one, which has no answer yet, counts too.

    Raises:
        NotFound: there is no such turn.
    """
    count = len(trajectory.turns) + (
        trajectory.open is not None and trajectory.open.response is not None
    )
    index = turn + count if isinstance(turn, int) and turn < 0 else turn
    if (
        not isinstance(index, int)
        or isinstance(index, bool)
        or not 0 <= index <= len(trajectory.turns)
    ):
        raise NotFound(
            f"there is no turn {turn!r}",
            hint=f"turns count from 0; the next one is {len(trajectory.turns)}",
        )
    return index


def answered_turn(trajectory: Trajectory, turn: int | None, *, or_next: bool = False) -> int:
    """Count the turn from 0; by default the last one that has an answer.

    Args:
        trajectory: whose turn.
        turn: from the end where it is negative; None for the last.
        or_next: whether the next turn, which has no answer yet, will do too.

    Raises:
        NotFound: it has no answer.
    """
    count = len(trajectory.turns) + (
        trajectory.open is not None and trajectory.open.response is not None
    )
    index = turn_index(trajectory, turn if turn is not None else max(0, count - 1))
    if index >= count and not or_next:
        raise NotFound(f"turn {index} has no answer yet", hint="take a step first")
    return index


def turn_at(trajectory: Trajectory, turn: int) -> Turn | OpenTurn | None:
    """Find the turn at this place, the open one included; None where it has not begun."""
    if turn < len(trajectory.turns):
        return trajectory.turns[turn]
    return trajectory.open if turn == len(trajectory.turns) else None


def opened_turn(opened: Trajectory) -> tuple[OpenTurn, Response]:
    """Return the open turn and its answer."""
    o = opened.open or OpenTurn()
    return o, o.response or Response()


def attempts_until(trajectory: Trajectory, until: int) -> tuple[Attempt, ...]:
    """List the failed requests up to a turn, this one included."""
    return tuple(attempt for attempt in trajectory.attempts if attempt.turn <= until)


def ahead_of(now: Trajectory, tip: Trajectory, step: Step) -> tuple[Outcome, Trajectory] | None:
    """Find what was recorded for this step on the way to the tip, and the trajectory after it; None
    where nothing was.

    Args:
        now: where the rollout has gone back to.
        tip: how far it is recorded.
        step: the step that would be taken.
    """
    turn = len(now.turns)
    there = turn_at(tip, turn)
    if there is None or there.response is None:
        return None
    if not isinstance(step, ToolStep):
        outcome: Outcome = Answer(exchange=there.response.exchange)
        return outcome, _arrived(now, tip, there, empty_slots(len(there.results)))
    position = step.call.position
    result = there.results[position] if position < len(there.results) else None
    if result is None or now.open is None:
        return None
    results = with_value(now.open.results, position, result)
    return Result(position=position, result=result), _arrived(now, tip, there, results)


def _arrived(
    now: Trajectory, tip: Trajectory, there: Turn | OpenTurn, results: Sequence[ToolResult | None]
) -> Trajectory:
    """Move the trajectory on towards the tip, with these results in its open turn; parts are the
    tip's own, not copies.
    """
    turn = len(now.turns)
    if count_filled(results) == count_filled(there.results) and results == there.results:
        return at(tip, Place(turn, steps_of(there)))
    opened = OpenTurn(
        kept=there.kept,
        added=there.added,
        sampling=there.sampling,
        response=there.response,
        results=results,
    )
    return replace(
        now, open=opened, attempts=attempts_until(tip, turn), stop_reason=None, error=None
    )


def branched(old: Trajectory, new: Trajectory, turn: int, change: str) -> Trajectory:
    """Note on the new trajectory where it left the old one. What `meta` said of the old one's end
    is left out of the new one's.

    Args:
        old: what it was changed from.
        new: what came of it.
        turn: the first turn that differs.
        change: what was changed, in words.
    """
    kept = without_judgements(new.meta, turn)
    meta = remarks_until(kept, turn, turn < len(new.all_turns))
    return replace(new, meta=meta, parent=Parent(trajectory=old, turn=turn, change=change))


def taken_up(trajectory: Trajectory, spec: Spec, meta: Mapping[str, Any]) -> Trajectory:
    """Go on with a rollout as a branch of it that is run by another spec.

    Args:
        trajectory: the rollout, as far as it came.
        spec: what it is run with from here on.
        meta: put over its own.
    """
    ended = trajectory.stop_reason
    if trajectory.pending:
        ended = None  # the calls that wait are answered first
    elif ended in ("max_turns", "length") and trajectory.turns:
        ended = stop_reason_after(trajectory.turns[-1], len(trajectory.turns), spec.max_turns)
    now = resume(replace(trajectory, spec=spec, stop_reason=ended))
    if spec.dialect != trajectory.spec.dialect:
        turns = tuple(replace(turn, added=_of_no_dialect(turn.added)) for turn in now.turns)
        now = replace(now, prompt=_of_no_dialect(now.prompt), turns=turns)
    branch = branched(trajectory, now, len(trajectory.turns), f"asked as {spec.dialect}")
    return replace(branch, meta={**branch.meta, **meta})


def _of_no_dialect(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Leave out of messages what only the dialect can send that they were written for."""
    kept = [{k: v for k, v in m.wire.items() if k not in _OF_DIALECT} for m in messages]
    return tuple(m if m.wire == w else Message(wire=w) for m, w in zip(messages, kept, strict=True))

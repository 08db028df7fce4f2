"""Where a text stands in a rollout: in what was said, thought, called and returned, whether the
page shows all of it or not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agentkit.show.render.rollout.turn.pieces import pieces
from agentkit.types.answer import Response
from agentkit.types.trajectory import Message, Trajectory
from agentkit.types.words import in_line, visible

_MOST = 2_000
"""Hits that are listed one by one; the others are only counted."""
_AROUND = 40
"""Letters shown at each side of a hit."""
KINDS = ("text", "calls", "results", "reasoning", "problems")


def hits(trajectory: Trajectory, text: str) -> dict[str, Any]:
    """Find a text, whatever its case.

    Returns:
        `hits`: for each its kind, the key of its row, which of the row's hits it is, and the words
        around it; `counts`: how many of each kind there are, those that are not listed too.
    """
    wanted = text.casefold()
    counts = dict.fromkeys(KINDS, 0)
    found: list[list[Any]] = []
    if not wanted.strip():
        return {"hits": found, "counts": counts}
    for kind, key, whole in _texts(trajectory):
        for number, at in enumerate(_places(whole, wanted)):
            counts[kind] += 1
            if len(found) < _MOST:
                around = whole[max(0, at - _AROUND) : at + len(text) + _AROUND]
                found.append([kind, key, number, in_line(around)])
    return {"hits": found, "counts": counts}


def _places(text: str, wanted: str) -> Iterator[int]:
    folded = text.casefold()
    at = folded.find(wanted)
    while at >= 0:
        yield at
        at = folded.find(wanted, at + len(wanted))


def _texts(trajectory: Trajectory) -> Iterator[tuple[str, str, str]]:
    """Walk the texts of a rollout as they are read: kind, key of the row, text."""
    for i, message in enumerate(trajectory.prompt):
        yield "text", f"prompt-{i}", visible(message.content)
    for turn in trajectory.all_turns:
        key, response = f"turn-{turn.index}", turn.response
        yield from _added(key, turn.added)
        yield from _answer(key, response)
        for position, call in enumerate(turn.tool_calls):
            place = f"{key}/call-{position}"
            yield "calls", place, visible(f"{call.name} {call.raw_arguments}")
            result = turn.results[position] if position < len(turn.results) else None
            if result is not None:
                yield "results", place, visible(result.content)
        for problem in turn.problems:
            yield "problems", f"{key}/problems", visible(f"{problem.code} {problem.message}")
    if trajectory.open is not None and trajectory.open.response is None:
        yield from _added(f"turn-{len(trajectory.turns)}", trajectory.open.added)


def _answer(key: str, response: Response) -> Iterator[tuple[str, str, str]]:
    """Walk what an answer says; a refusal stands below its last text."""
    found = [piece for piece in pieces(response) if piece.kind != "step"]
    last = [piece.name for piece in found if piece.kind == "text"][-1]
    for piece in found:
        refused = response.refusal if piece.name == last else None
        yield piece.kind, f"{key}/{piece.name}", visible(piece.text + (refused or ""))


def _added(key: str, messages: tuple[Message, ...]) -> Iterator[tuple[str, str, str]]:
    for i, message in enumerate(messages):
        yield "text", f"{key}/added-{i}", visible(message.content)

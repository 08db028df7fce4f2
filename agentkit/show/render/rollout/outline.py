"""What a conversation is made of, in the order it is read, and how much of a very long one is
shown.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple, TypeAlias, TypeVar

from agentkit.show.render.limits import Limits
from agentkit.trajectory.person.notes import Remark, remarks_of
from agentkit.trajectory.trouble.sent_problems import sent_problems
from agentkit.types.problem import Problem
from agentkit.types.trajectory import Attempt, Message, Trajectory, Turn

T = TypeVar("T")


class Kept(NamedTuple):
    """The history was rewritten: only so many of its messages went on."""

    messages: int


class Sent(NamedTuple):
    """What a server would refuse of what was sent here for the first time."""

    problems: tuple[Problem, ...]


class Lost(NamedTuple):
    """What its file has lost of the rollout."""

    problems: tuple[Problem, ...]


Item: TypeAlias = "Message | Kept | Sent | Lost | Attempt | Turn"


class OutlineEntry(NamedTuple):
    """One thing to draw, with a key that stays the same while the conversation grows."""

    key: str
    item: Item
    at: str
    """Where it is, as Python: `trajectory.turns[3]`."""
    open: bool = False
    """Whether it belongs to the turn in progress."""
    remarks: tuple[Remark, ...] = ()
    """What a person wrote to the turn and its calls."""


def outline(trajectory: Trajectory) -> list[OutlineEntry]:
    """List everything a trajectory holds, in the order of the conversation; linear."""
    return [*prompt_entries(trajectory), *entries_from(trajectory, 0)]


def prompt_entries(trajectory: Trajectory) -> list[OutlineEntry]:
    """List the messages before the first turn."""
    return [
        OutlineEntry(f"prompt-{i}", message, f"trajectory.prompt[{i}]")
        for i, message in enumerate(trajectory.prompt)
    ]


def entries_from(trajectory: Trajectory, start: int) -> list[OutlineEntry]:
    """List what a trajectory holds from this turn on."""
    entries: list[OutlineEntry] = []
    attempts: defaultdict[int, list[OutlineEntry]] = defaultdict(list)
    for i, attempt in enumerate(trajectory.attempts):
        if attempt.turn >= start:
            attempts[attempt.turn].append(
                OutlineEntry(f"attempt-{i}", attempt, f"trajectory.attempts[{i}]")
            )
    written = remarks_by_turn(trajectory)
    for i, turn in enumerate(trajectory.turns[start:], start):
        refused = [*_sent(trajectory, i), *attempts.pop(i, ())]
        place = f"turn-{i}", f"trajectory.turns[{i}]"
        entries += turn_entries(turn, *place, refused, written.get(i, ()))
    entries += _open_entries(trajectory, attempts.pop(len(trajectory.turns), []))
    entries += [entry for late in attempts.values() for entry in late]
    if trajectory.damage:
        entries.append(OutlineEntry("lost", Lost(trajectory.damage), "trajectory.damage"))
    return entries


def remarks_by_turn(trajectory: Trajectory) -> dict[int, tuple[Remark, ...]]:
    """Sort what a person wrote to turns and calls by turn."""
    found: dict[int, tuple[Remark, ...]] = {}
    for remark in remarks_of(trajectory) if trajectory.meta else ():
        if remark.turn is not None:
            found[remark.turn] = (*found.get(remark.turn, ()), remark)
    return found


def _open_entries(trajectory: Trajectory, attempts: list[OutlineEntry]) -> list[OutlineEntry]:
    turn, key = trajectory.open, f"turn-{len(trajectory.turns)}"
    attempts = [*_sent(trajectory, len(trajectory.turns)), *attempts]
    if turn is None:
        return attempts
    if turn.response:
        asked = trajectory.all_turns[-1]
        return [
            entry._replace(open=True)
            for entry in turn_entries(asked, key, "trajectory.open", attempts)
        ]
    return [*_before(turn.kept, turn.added, key, "trajectory.open"), *attempts]


def _sent(trajectory: Trajectory, turn: int) -> list[OutlineEntry]:
    """List what is wrong with what the caller gave for the request of a turn, if anything is."""
    found = tuple(sent_problems(trajectory, turn))
    if not found:
        return []
    return [OutlineEntry(f"before-{turn}/sent", Sent(found), f"trajectory.request({turn})")]


def turn_entries(
    turn: Turn,
    key: str,
    at: str,
    attempts: list[OutlineEntry],
    remarks: tuple[Remark, ...] = (),
) -> list[OutlineEntry]:
    """List one turn with what the caller did to the history before it, and the requests that failed
    on the way.
    """
    answer = OutlineEntry(key, turn, at, remarks=remarks)
    if turn.kept is None and not turn.added and not attempts:
        return [answer]
    return [*_before(turn.kept, turn.added, key, at), *attempts, answer]


def _before(
    kept: int | None, added: tuple[Message, ...], key: str, at: str
) -> Iterator[OutlineEntry]:
    if kept is not None:
        yield OutlineEntry(f"before-{key.partition('-')[2]}/kept", Kept(kept), at)
    for i, message in enumerate(added):
        yield OutlineEntry(f"before-{key.partition('-')[2]}/added-{i}", message, f"{at}.added[{i}]")


def window(
    entries: list[OutlineEntry],
    draw: Callable[[OutlineEntry], T],
    size: Callable[[T], int],
    limits: Limits,
) -> tuple[list[T], list[OutlineEntry], list[T]]:
    """Draw from the start and up to the end, and list the entries left out between; only what is
    shown is ever drawn.
    """
    first = _take(entries, draw, size, replace(limits, size=limits.size // 4), limits.head)
    rest = entries[len(first) :]
    last = _take(
        rest[::-1],
        draw,
        size,
        replace(limits, size=limits.size - sum(map(size, first))),
        limits.tail,
    )
    return first, rest[: len(rest) - len(last)], last[::-1]


def _take(
    entries: list[OutlineEntry],
    draw: Callable[[OutlineEntry], T],
    size: Callable[[T], int],
    limits: Limits,
    turns: int,
) -> list[T]:
    taken: list[T] = []
    room, others = limits.size, 4 * turns
    for entry in entries:
        if taken and min(room, turns, others) <= 0:
            break
        drawn = draw(entry)
        room -= size(drawn)
        turns -= isinstance(entry.item, Turn)
        others -= not isinstance(entry.item, Turn)
        taken.append(drawn)
    return taken

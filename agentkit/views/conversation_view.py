"""A conversation that grows: what was drawn is not drawn again, and an append costs the same whatever came before it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import is_
from typing import Any

from agentkit.html import Html
from agentkit.render.conversation import draw, end_row, head_row
from agentkit.render.outline import Entry, Limits, entries_from, prompt_entries
from agentkit.types import Trajectory
from agentkit.views.live import LiveView, Op, changes

LIVE = Limits(head=1 << 60, tail=1 << 60, size=1 << 60)
"""Every row is in the page; a single text is cut as it is in a notebook."""

Parts = dict[str, Html]


class ConversationView(LiveView):
    """A trajectory as a conversation. A view of something that holds one overrides `trajectory`."""

    def __init__(self, target: Any) -> None:
        super().__init__(target)
        self._drawn = Trajectory()
        self._head: Parts = {}
        self._prompt: Parts = {}
        self._turns: list[Parts] = []
        self._tail: Parts = {}

    @property
    def trajectory(self) -> Trajectory:
        """What is to be shown."""
        shown: Trajectory = self.target
        return shown

    def tail(self, trajectory: Trajectory) -> Parts:
        """What stands after the finished turns: the open one, and the end."""
        entries = entries_from(trajectory, len(trajectory.turns))
        return {**_drawn(entries), "end": end_row(trajectory, LIVE)}

    def rows(self) -> Mapping[str, Html]:
        return _merged([self._head, self._prompt, *self._turns, self._tail])

    def difference(self) -> list[Op]:
        trajectory = self.trajectory
        ops: list[Op] = []
        head, self._head = self._head, {"head": head_row(trajectory, LIVE)}
        prompt = self._prompt
        if trajectory.prompt is not self._drawn.prompt or not self._head:
            self._prompt = _drawn(prompt_entries(trajectory))
        ops = changes({**head, **prompt}, {**self._head, **self._prompt}) if self._prompt is not prompt else changes(head, self._head)
        start = _common(self._drawn, trajectory)
        was = _merged([*self._turns[start:], self._tail])
        self._turns[start:] = [_drawn(group) for group in _by_turn(trajectory, start)]
        self._tail = self.tail(trajectory)
        self._drawn = trajectory
        before = _last(self._turns[:start][-1:]) or _last([self._prompt]) or "head"
        return ops + changes(was, _merged([*self._turns[start:], self._tail]), before)


def _common(old: Trajectory, new: Trajectory) -> int:
    """How many turns at the start are drawn already: the very same turns, with the same failed requests before them."""
    turns = min(len(old.turns), len(new.turns))
    if not all(map(is_, old.turns, new.turns)):
        turns = next(i for i, (a, b) in enumerate(zip(old.turns, new.turns, strict=False)) if a is not b)
    shared = min(len(old.attempts), len(new.attempts))
    if not all(map(is_, old.attempts, new.attempts)):
        shared = next(i for i, (a, b) in enumerate(zip(old.attempts, new.attempts, strict=False)) if a is not b)
    return min([turns, *(attempt.turn for attempt in (*old.attempts[shared:], *new.attempts[shared:]))])


def _by_turn(trajectory: Trajectory, start: int) -> Iterable[list[Entry]]:
    entries = iter(entries_from(trajectory, start))
    for turn in trajectory.turns[start:]:
        group: list[Entry] = []
        for entry in entries:
            group.append(entry)
            if entry.item is turn:
                break
        yield group


def _drawn(entries: Iterable[Entry]) -> Parts:
    return {key: part for entry in entries for key, part in draw(entry, LIVE).items()}


def _merged(groups: Iterable[Parts]) -> Parts:
    return {key: part for group in groups for key, part in group.items()}


def _last(groups: Iterable[Parts]) -> str | None:
    return next((list(group)[-1] for group in groups if group), None)

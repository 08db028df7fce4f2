"""A conversation that grows: what was drawn is not drawn again, and an append costs the same
whatever came before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import is_
from typing import Any, ClassVar

from agentkit.show.html import Html, el
from agentkit.show.notebook.live import LiveView, Op, changes
from agentkit.show.notebook.views.turns.turn_tabs import TurnTabs
from agentkit.show.render.limits import Limits
from agentkit.show.render.parts.words import Totals
from agentkit.show.render.render import render
from agentkit.show.render.rollout.conversation import about, draw, end_row, title_bar
from agentkit.show.render.rollout.outline import (
    OutlineEntry,
    entries_from,
    prompt_entries,
    remarks_by_turn,
)
from agentkit.types.trajectory import Trajectory

LIVE = Limits(head=1 << 60, tail=1 << 60, size=1 << 60, wire=False)
"""Every row is in the page; a single text is cut as it is in a notebook."""

Parts = dict[str, Html]


class ConversationView(TurnTabs):
    """A trajectory as a conversation. The view of something that holds one overrides
    `trajectory`.
    """

    scripts: ClassVar[tuple[str, ...]] = ("turns", "tokens/spans")

    def __init__(self, target: Any) -> None:
        super().__init__(target)
        self._drawn = Trajectory()
        self._head: Parts = {}
        self._turns: list[Parts] = []
        self._totals = [Totals()]
        """What comes before each turn, and before the open one."""
        self._all_of_it = Totals()
        """What all of it comes to."""
        self._tail: Parts = {}

    @property
    def trajectory(self) -> Trajectory:
        """What is to be shown."""
        shown: Trajectory = self.target
        return shown

    def roots(self) -> dict[str, Any]:
        """Name what the place of a text begins with."""
        return {"trajectory": self.trajectory}

    @classmethod
    def counts(cls, thing: Any) -> dict[str, int]:
        """Count its turns and calls."""
        trajectory = getattr(thing, "trajectory", thing)
        turns = trajectory.all_turns if isinstance(trajectory, Trajectory) else ()
        calls = [call for turn in turns if turn.response for call in turn.response.tool_calls]
        return {"turns": len(turns), "calls": len(calls)}

    def title(self, trajectory: Trajectory, known: Totals) -> Parts:
        """Draw what is above everything and changes with every step."""
        return {
            "head": el("header", title_bar(trajectory, known), class_="ak-head", data_key="head")
        }

    def tail(self, trajectory: Trajectory) -> Parts:
        """Draw what comes after the finished turns: the open one, and the end."""
        return {
            **_draw(entries_from(trajectory, len(trajectory.turns))),
            "end": end_row(trajectory, LIVE, self._all_of_it.problems),
        }

    def rows(self) -> Mapping[str, Html]:
        """Return all that was drawn last."""
        return _merged([self._head, *self._turns, self._tail])

    def difference(self) -> list[Op]:
        """List what changed since, found from where the conversation differs."""
        trajectory, drawn = self.trajectory, self._drawn
        start = _common(drawn, trajectory)
        was = [self._head, _merged([*self._turns[start:], self._tail])]
        self._count(trajectory, start)
        self._all_of_it = self._sum(trajectory)
        self._head = {**self.title(trajectory, self._all_of_it), **self._opening(trajectory)}
        self._turns[start:] = [_draw(entries) for entries in _by_turn(trajectory, start)]
        self._tail = self.tail(trajectory)
        self._drawn = trajectory
        before = _last((self._turns[start - 1] if start else {}) or self._head)
        return (
            changes(was[0], self._head)
            + changes(was[1], _merged([*self._turns[start:], self._tail]), before)
            + self.marked(start)
        )

    def opening(self) -> list[Op]:
        """List what is marked at the turns."""
        return self.all_marks()

    def last_key(self) -> str:
        """Return the key of the row at the end."""
        return _last(self._tail or (self._turns[-1] if self._turns else self._head))

    def _count(self, trajectory: Trajectory, start: int) -> None:
        del self._totals[start + 1 :]
        for turn in trajectory.turns[start:]:
            self._totals.append(self._totals[-1].plus(trajectory, turn))

    def _sum(self, trajectory: Trajectory) -> Totals:
        done = self._totals[-1]
        if trajectory.open and trajectory.open.response:
            done = done.plus(trajectory, trajectory.all_turns[-1])
        return done.whole(trajectory)

    def _opening(self, trajectory: Trajectory) -> Parts:
        """Draw what stays while a rollout grows: how it was asked, and the prompt."""
        if self._head and all(map(is_, _origin(self._drawn), _origin(trajectory))):
            return {key: part for key, part in self._head.items() if key != "head"}
        asked = el("section", about(trajectory, LIVE), class_="ak-head ak-about", data_key="about")
        return {"about": asked, **_draw(prompt_entries(trajectory))}


class StillView(LiveView):
    """Anything that is drawn, as a widget: no part of it changes or acts."""

    def fragments(self) -> Parts:
        """Draw all of it."""
        return render(self.target, LIVE)


def _origin(trajectory: Trajectory) -> tuple[Any, ...]:
    return trajectory.spec, trajectory.prompt, trajectory.meta, trajectory.parent


def _common(old: Trajectory, new: Trajectory) -> int:
    """Count the turns at the start that are drawn already: the very same turns, with the same
    failed requests before them.
    """
    turns, shared = _same(old.turns, new.turns), _same(old.attempts, new.attempts)
    failed = (attempt.turn for attempt in (*old.attempts[shared:], *new.attempts[shared:]))
    return min([turns, *failed, *_remarked(old, new)])


def _remarked(old: Trajectory, new: Trajectory) -> Iterable[int]:
    """List the turns that a person wrote something else to."""
    if old.meta is new.meta:
        return ()
    was, now = remarks_by_turn(old), remarks_by_turn(new)
    return [turn for turn in {*was, *now} if was.get(turn) != now.get(turn)]


def _same(old: tuple[Any, ...], new: tuple[Any, ...]) -> int:
    if all(map(is_, old, new)):
        return min(len(old), len(new))
    return next(i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a is not b)


def _by_turn(trajectory: Trajectory, start: int) -> Iterable[list[OutlineEntry]]:
    """Group the entries by finished turn: it, and what came before it."""
    group: list[OutlineEntry] = []
    entries = iter(entries_from(trajectory, start))
    for turn in trajectory.turns[start:]:
        group = []
        for entry in entries:
            group.append(entry)
            if entry.item is turn:
                break
        yield group


def _last(parts: Parts) -> str:
    return next(reversed(parts))


def _draw(entries: Iterable[OutlineEntry]) -> Parts:
    return {key: part for entry in entries for key, part in draw(entry, LIVE).items()}


def _merged(groups: Iterable[Parts]) -> Parts:
    return {key: part for group in groups for key, part in group.items()}

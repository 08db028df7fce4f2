"""The tree of a debugger's branches, as a value: every branch a trajectory, with where it left the
one it came from.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from agentkit.errors import NotFound, suggest
from agentkit.types.record import Record, Viewed, clip, record
from agentkit.types.trajectory import Parent, Trajectory


@record
class Branch(Record):
    """One branch: a whole trajectory, the part it shares with its parent included."""

    label: str
    parent: str | None = None
    """The label of the branch it left; None for the first."""
    turn: int = 0
    """The turn at which it left."""
    change: str = ""
    """What is different there, in words."""
    trajectory: Trajectory

    def summary(self) -> str:
        left = (
            f" from {self.parent} at turn {self.turn}: {self.change}"
            if self.parent is not None
            else ""
        )
        return f"{self.label}{left}; {self.trajectory.summary()}"


@record
class Tree(Record, Viewed):
    """Every branch of a rollout, in the order they were made. A value: what happens later makes
    another one.
    """

    branches: tuple[Branch, ...]
    current: str
    """The label of the branch the debugger is on."""

    @classmethod
    def of(cls, trajectory: Trajectory) -> Tree:
        """Make a tree of one branch."""
        return cls(branches=(Branch(label="main", trajectory=trajectory),), current="main")

    def __len__(self) -> int:
        return len(self.branches)

    def __iter__(self) -> Iterator[Branch]:
        return iter(self.branches)

    def __getitem__(self, branch: int | str) -> Branch:
        """Find a branch by its label, or by its place."""
        return self.branch(branch)

    @property
    def trajectories(self) -> tuple[Trajectory, ...]:
        """The trajectories of all branches."""
        return tuple(branch.trajectory for branch in self.branches)

    def branch(self, branch: Any) -> Branch:
        """Find the branch with this label, or at this place, or the branch itself.

        Raises:
            NotFound: there is none.
        """
        label = branch.label if isinstance(branch, Branch) else branch
        if (
            isinstance(label, int)
            and not isinstance(label, bool)
            and -len(self.branches) <= label < len(self.branches)
        ):
            return self.branches[label]
        found = next((b for b in self.branches if b.label == label), None)
        if found is None:
            labels = [b.label for b in self.branches]
            raise NotFound(
                f"there is no branch {branch!r}",
                hint=suggest(branch, labels, f"there are: {', '.join(labels)}"),
            )
        return found

    def with_tip(self, trajectory: Trajectory) -> Tree:
        """Copy the tree, with its current branch come as far as this."""
        if self.branch(self.current).trajectory is trajectory:
            return self
        return replace(
            self,
            branches=tuple(
                replace(b, trajectory=trajectory) if b.label == self.current else b
                for b in self.branches
            ),
        )

    def on(self, branch: Any) -> Tree:
        """Copy the tree, with this branch as the current one."""
        return replace(self, current=self.branch(branch).label)

    def grown(self, *trajectories: Trajectory) -> Tree:
        """Copy the tree, with a branch for each of these, left from the current one where their
        `parent` says. The first becomes the current one.
        """
        added = []
        for number, trajectory in enumerate(trajectories, len(self.branches)):
            left = trajectory.parent or Parent(turn=0)
            added.append(
                Branch(
                    label=f"b{number}",
                    parent=self.current,
                    turn=left.turn,
                    change=left.change,
                    trajectory=trajectory,
                )
            )
        return replace(self, branches=(*self.branches, *added), current=added[0].label)

    def rows(self) -> Iterator[tuple[int, Branch]]:
        """Walk the branches as a tree is read: how deep each is, and the branch."""
        children: dict[str | None, list[Branch]] = {}
        for branch in self.branches:
            children.setdefault(branch.parent, []).append(branch)
        waiting = [(0, branch) for branch in reversed(children.get(None, []))]
        while waiting:
            depth, branch = waiting.pop()
            yield depth, branch
            waiting += [(depth + 1, child) for child in reversed(children.get(branch.label, []))]

    def summary(self) -> str:
        return (
            f"{len(self.branches)} branches, on {self.current}"
            if len(self.branches) != 1
            else f"1 branch, {self.current}"
        )


def last_words(trajectory: Trajectory) -> str:
    """Cut the last answer down to one line."""
    turns = trajectory.all_turns
    if not turns:
        return "no answer yet"
    response = turns[-1].response
    calls = ", ".join(
        f"{clip(call.name)}({clip(call.raw_arguments, 40)})" for call in response.tool_calls[:3]
    )
    return clip(calls or response.content or "no text", 80)

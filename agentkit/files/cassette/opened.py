"""A file of many rollouts as a sequence that reads each when it is looked at."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Any, overload

from agentkit.files.cassette.index import Index, index
from agentkit.types.record import Drawn
from agentkit.types.trajectory import Trajectory

_KEPT = 16
"""Rollouts that stay in memory, those looked at last."""


class Cassette(Drawn, Sequence[Trajectory]):
    """The rollouts of a file, by sample; each is read from it when it is asked for."""

    def __init__(self, entries: Index) -> None:
        self.entries = entries
        """Place, size, prompt and ending of each, without reading them."""
        self._kept: OrderedDict[int, Trajectory] = OrderedDict()

    def __len__(self) -> int:
        return len(self.entries)

    @overload
    def __getitem__(self, index: int) -> Trajectory: ...
    @overload
    def __getitem__(self, index: slice) -> Cassette: ...
    def __getitem__(self, index: int | slice) -> Trajectory | Cassette:
        if isinstance(index, slice):
            return Cassette(self.entries[index])
        entry = self.entries[index]
        if entry.sample not in self._kept:
            self._kept[entry.sample] = self.entries.load(entry)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(entry.sample)
        return self._kept[entry.sample]

    def __iter__(self) -> Iterator[Trajectory]:
        return (self.entries.load(entry) for entry in self.entries)

    @property
    def trajectories(self) -> tuple[Trajectory, ...]:
        """All its rollouts, read; what is saved of it."""
        return tuple(self)

    def __repr__(self) -> str:
        return f"<Cassette {self.entries.path.name}: {len(self)} rollout(s)>"


def open(path: Any) -> Cassette:
    """The rollouts of a file, each read when it is looked at.

    Raises:
        FileNotFoundError: there is no such file.
        CassetteError: it is not a cassette.
    """
    return Cassette(index(path))

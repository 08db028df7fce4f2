"""Where in its file each rollout is: offset and size of each run of its lines, by row."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np


class PlaceStore:
    """The places of the rollouts of one file, mapped into memory: one is found without reading the
    others.
    """

    def __init__(self, folder: Path, rows: int = 0) -> None:
        self.rows = rows
        """How many rollouts are surely there; what is behind them is what a crash left."""
        self._values = folder / "places.int64"
        self._ends = folder / "places.ends"

    def append(self, places: Sequence[Sequence[int]]) -> None:
        """Add the places of rollouts behind the last row."""
        sizes = np.fromiter(map(len, places), np.int64, len(places))
        start = int(self.ends()[-1]) if self.rows else 0
        every = np.fromiter(chain.from_iterable(places), np.int64, int(sizes.sum()))
        for path, size, new in (
            (self._values, start, every),
            (self._ends, self.rows, np.cumsum(sizes) + start),
        ):
            with path.open("ab") as file:
                file.truncate(8 * size)
                file.write(new.tobytes())
        self.rows += len(places)

    def is_whole(self) -> bool:
        """Tell whether its files are there, as long as they were."""
        if self._ends.stat().st_size < 8 * self.rows:
            return False
        return not self.rows or self._values.stat().st_size >= 8 * int(self.ends()[-1])

    def ends(self) -> Any:
        """Map how many numbers there are up to each row."""
        if not self.rows:
            return np.zeros(0, np.int64)
        return np.memmap(self._ends, np.int64, "r", shape=(self.rows,))

    def places(self, row: int) -> list[int]:
        """Read the places of one rollout."""
        ends = self.ends()
        start, stop = int(ends[row - 1]) if row else 0, int(ends[row])
        with self._values.open("rb") as file:
            file.seek(8 * start)
            found: list[int] = np.frombuffer(file.read(8 * (stop - start)), np.int64).tolist()
        return found

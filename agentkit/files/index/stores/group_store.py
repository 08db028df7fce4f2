"""What groups of rollouts are made of, a row of fixed size each: the prompt it begins with, why it
ended, and the numbers that a group is told by. Each prompt and each reason is written once.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import islice
from math import isfinite, nan
from pathlib import Path
from typing import Any

import numpy as np

NAMES = ("prompt_digest", "stop_reason")
"""Columns by the number of their value."""
NUMBERS = ("reward", "turns", "calls", "output_tokens")
"""Columns of numbers; NaN for what is none."""
_ROW = np.dtype([*((name, "<i4") for name in NAMES), *((name, "<f8") for name in NUMBERS)])


class GroupStore:
    """The rows of one file, mapped into memory: a million are grouped without reading a table."""

    def __init__(self, folder: Path, rows: int = 0, known: Sequence[int] = (0, 0)) -> None:
        self.rows = rows
        """How many rollouts are surely there; what is behind them is what a crash left."""
        self._known = list(known)
        """How many values of each of `NAMES` are."""
        self._numbers: dict[str, dict[str, int]] = {}
        """The number of each value, once rollouts are added: whoever adds many keeps the store."""
        self._folder = folder

    def append(self, values: Sequence[dict[str, Any]]) -> list[int]:
        """Add rollouts behind the last row, by their values of `NAMES` and `NUMBERS`.

        Returns:
            How many values of each of `NAMES` are new.
        """
        new = np.zeros(len(values), _ROW)
        for name in NUMBERS:
            new[name] = [_number(each.get(name)) for each in values]
        added = [self._add_names(name, new, values) for name in NAMES]
        with (self._folder / "groups.rows").open("ab") as file:
            file.truncate(_ROW.itemsize * self.rows)
            file.write(new.tobytes())
        self.rows += len(values)
        self._known = [there + more for there, more in zip(self._known, added, strict=True)]
        return added

    def is_whole(self) -> bool:
        """Tell whether its files are there, as long as they were."""
        if (self._folder / "groups.rows").stat().st_size < _ROW.itemsize * self.rows:
            return False
        pairs = zip(NAMES, self._known, strict=True)
        return all(self._path(name).read_bytes().count(b"\n") >= size for name, size in pairs)

    def _add_names(self, name: str, new: Any, values: Sequence[dict[str, Any]]) -> int:
        if name not in self._numbers:
            there = self.names(name)
            self._numbers[name] = {value: number for number, value in enumerate(there)}
            with self._path(name).open("ab") as file:
                file.truncate(sum(len(json.dumps(value)) + 1 for value in there))
        known = self._numbers[name]
        before = len(known)
        new[name] = [known.setdefault(each[name], len(known)) for each in values]
        with self._path(name).open("ab") as file:
            file.writelines(
                json.dumps(value).encode() + b"\n" for value in islice(known, before, None)
            )
        return len(known) - before

    def names(self, name: str) -> list[str]:
        """List the values of one of `NAMES`, by their number."""
        size = self._known[NAMES.index(name)]
        if not size:
            return []
        lines = self._path(name).read_text("ascii").split("\n")[:size]
        found: list[str] = json.loads(f"[{','.join(lines)}]")
        return found

    def column(self, name: str) -> Any:
        """Map a column: an array, a number a row."""
        if not self.rows:
            return np.zeros(0, _ROW)[name]
        return np.memmap(self._folder / "groups.rows", _ROW, "r", shape=(self.rows,))[name]

    def _path(self, name: str) -> Path:
        return self._folder / f"groups.{name}.names"


def _number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) and isfinite(value) else nan

"""What the cells of a table hold, by column: short texts, and for some a second value beside it.

number, text, mono   a text
reward               text, tenths of a percent of the scale
ended                words, tone
prompt               what differs, the rest
shape                ten counts
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from math import isfinite
from typing import Any, NamedTuple

from agentkit.analysis.explore.explorer import Explorer
from agentkit.analysis.explore.groups import Group, Spread
from agentkit.analysis.explore.prompts import beginning_of, parted
from agentkit.analysis.explore.table_columns import LABEL, NUMBER
from agentkit.analysis.sample_tree import finite
from agentkit.show.notebook.live import sendable
from agentkit.show.render.rollout.table import (
    cell_text,
    code_words,
    column_name,
    decimals_of,
    tone_of,
)
from agentkit.types.record import clip
from agentkit.types.words import count

GROUP_COLUMNS = ("count", "prompt", "rewards", "reward", "range", "turns", "ended", "spread")
_GROUP_NAMES = {"count": "n", "reward": "mean ± sd", "range": "min … max"}
_STEPS = 10
_MANY = 5_000
"""Rows beyond which no column is worked out only to be left out."""
_SOME = 200
_TONE = ("good", "warn", "bad", "quiet")
_LETTER = 6.3
"""Width of a letter in the table, in px."""

Cell = str | list[Any]


class NumberForm(NamedTuple):
    """How the numbers of a column are written: with so many decimals, on this scale."""

    decimals: int
    least: float
    greatest: float


class TableCells:
    """Writes the cells of a table of rollouts."""

    def __init__(self, table: Explorer) -> None:
        self.table = table
        source = table.source
        names = list(source.shown)
        if source.entries is None:
            names[names.index("problems")] = "codes"
            names.append("elapsed")
        self._names = (NUMBER, *names)
        self.same = dict(self._constant((*names, "model", "server")))
        self._looks: dict[str, NumberForm] = {}
        self._beginning: str | None = None

    def _constant(self, names: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Find what is the same in all rollouts, and worth saying."""
        table = self.table
        if len(table) < 2:
            return
        is_slow = len(table) > _MANY and not table.source.holds_columns
        for name in names:
            if table.source.reads(name):
                continue
            first = table.value(name, table.places[0])
            if any(table.value(name, place) != first for place in table.places[:_SOME]):
                continue
            if is_slow and name in ("problems", "codes", "ended", "elapsed", "server"):
                continue
            if table.source.is_constant(name, table.places):
                yield name, cell_text(first)

    @property
    def usual(self) -> tuple[str, ...]:
        """The columns that are shown as long as nobody chose: those that are not the same in all;
        labels once there are any.
        """
        labels = [LABEL] if self.table._columns.label_names else []
        return (*(name for name in self._names if name not in self.same), *labels)

    @property
    def beginning(self) -> str:
        """How all prompts begin."""
        if self._beginning is None:
            self._beginning = beginning_of(self.table.source.distinct("prompt").values)
        return self._beginning

    def constants(self, shown: Sequence[str], grouped: bool) -> list[tuple[str, str]]:
        """List what is the same in all rollouts: how their prompts begin, and columns that are not
        shown.
        """
        begins = self.beginning.strip()
        said = [("", f"“{clip(begins, 60)} …”")] if begins else []
        if grouped:
            return said
        same = ((name, value) for name, value in self.same.items() if name not in shown and value)
        return said + [(f"{self.heading(name)[1]} ", value) for name, value in same]

    def kind(self, name: str) -> str:
        """Tell how the cells of a column are drawn."""
        if name in ("reward", "ended", "prompt"):
            return name
        if name in ("codes", "tools", "model", "server"):
            return "mono"
        return self.table._columns.kind(name).replace("names", "mono")

    def look(self, name: str) -> NumberForm:
        """Find how the numbers of a column are written, from its distinct values."""
        if name not in self._looks:
            known = self.table.source.values(name)[:_MANY]
            numbers = list(finite(known)) or [0.0]
            decimals = decimals_of(known)
            if name == "elapsed":
                decimals = 1 if max(numbers) >= 10 else 2
            self._looks[name] = NumberForm(decimals, min(0.0, *numbers, 0), max(1.0, *numbers, 1))
        return self._looks[name]

    def of(self, name: str, place: int) -> Cell:
        """Write one cell."""
        value = self.table.value(name, place)
        match self.kind(name):
            case "reward":
                return self._reward(value)
            case "ended":
                return self._ending(value, place)
            case "prompt":
                return [sendable(part) for part in parted(value or "", self.beginning)]
            case "number" if isinstance(value, float) and isfinite(value):
                return f"{value:,.{self.look(name).decimals}f}"
        if name == "codes" and value:
            return code_words(value)
        return sendable(cell_text(value))

    def _reward(self, value: Any) -> Cell:
        if not isinstance(value, (int, float)) or not isfinite(value):
            return ["none" if value is None else sendable(cell_text(value)), -1]
        decimals, least, greatest = self.look("reward")
        share = (value - least) / (greatest - least)
        return [f"{value:,.{decimals}f}", round(100 * max(0.0, min(1.0, share)))]

    def _ending(self, value: Any, place: int) -> Cell:
        words = str(value)
        if words == "with problems":
            words = count(self.table.value("problems", place) or 0, "problem")
        return [sendable(words), tone_of(str(value))]

    def groups(self, all_groups: Sequence[Group]) -> GroupCells:
        """Write the cells of prompts, all on one scale."""
        return GroupCells(self, all_groups)

    def heading(self, name: str, grouped: bool = False) -> list[str | int]:
        """Write the name, heading and kind of a column."""
        if not grouped:
            return [name, sendable(column_name(name)), self.kind(name)]
        kind = {"prompt": "prompt", "rewards": "shape", "ended": "ends", "spread": "text"}
        return [name, _GROUP_NAMES.get(name, name), kind.get(name, "number")]


class GroupCells:
    """Writes the cells of prompts, whose rewards are on one scale."""

    def __init__(self, cells: TableCells, groups: Sequence[Group]) -> None:
        self._cells = cells
        spreads = [group.reward for group in groups if group.reward is not None]
        least = min((spread.least for spread in spreads), default=0.0)
        greatest = max((spread.greatest for spread in spreads), default=1.0)
        inside = least >= 0 and greatest <= 1
        self.least, self.greatest = (0.0, 1.0) if inside else (least, greatest)

    def of(self, group: Group) -> list[Cell]:
        """Write the cells of one prompt."""
        reward = group.reward
        mean = [f"{reward.mean:.3f}", f"± {reward.deviation:.2f}"] if reward else ["none", ""]
        ends = f"{reward.least:.2f} … {reward.greatest:.2f}" if reward else ""
        beginning = self._cells.beginning
        return [
            f"{group.count:,}",
            [sendable(part) for part in parted(group.prompt, beginning)],
            self._shape(group),
            mean,
            ends,
            f"{group.turns.mean:.1f}" if group.turns else "",
            self._ending(group),
            self._spread(reward),
        ]

    def _shape(self, group: Group) -> Cell:
        if "reward" not in self._cells.table.source.columns:
            return []
        counts = [0] * _STEPS
        width = self.greatest - self.least or 1.0
        values = self._cells.table.source.values("reward")
        for value in finite(values[place] for place in group.places):
            counts[min(_STEPS - 1, int((value - self.least) / width * _STEPS + 1e-9))] += 1
        return list(counts)

    def _ending(self, group: Group) -> Cell:
        if self._cells.table.source.reads("ended"):
            return []
        tones = Counter(tone_of(self._cells.table.value("ended", place)) for place in group.places)
        return [[tone, number] for tone in _TONE if (number := tones[tone])]

    def _spread(self, reward: Spread | None) -> str:
        if reward is None:
            return ""
        if reward.least == reward.greatest:
            return "all the same"
        far = reward.deviation > (self.greatest - self.least) / 5
        return "worth a look" if far else "alike"


def group_key(group: Group, column: str) -> tuple[bool, Any]:
    """Find what a prompt is sorted by; what is not known comes last."""
    reward = group.reward
    if column in ("reward", "range", "rewards", "spread"):
        if reward is None:
            return False, 0.0
        by = {"reward": reward.mean, "range": reward.least}
        return True, by.get(column, reward.deviation)
    if column == "turns":
        return group.turns is not None, group.turns.mean if group.turns else 0.0
    if column == "ended":
        ended = dict(group.stop_reasons)
        return True, ended.get("final", 0) / max(1, group.count)
    return True, group.count if column == "count" else group.prompt.casefold()


def width_of(heading: str, kind: str, cells: Sequence[Cell]) -> int:
    """Choose the width of a column by what its cells hold, in px; 0: what is left."""
    if kind == "prompt":
        return 0
    if kind == "shape":
        return 106
    longest = max((_letters(cell) for cell in cells), default=0)
    more = {"reward": 56, "ended": 20, "ends": 18, "mono": 12}.get(kind, 8)
    return round(min(180, max(longest * _LETTER + more, len(heading) * _LETTER + 14)))


def _letters(cell: Cell) -> int:
    if isinstance(cell, str):
        return len(cell)
    if cell and isinstance(cell[0], list):
        return sum(len(str(number)) + 3 for _, number in cell)
    return sum(len(part) + 1 for part in cell[:2] if isinstance(part, str) and part not in _TONE)

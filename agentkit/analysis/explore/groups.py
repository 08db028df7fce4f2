"""Rollouts of the same prompt together, and how far they spread."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import field
from math import ceil, isnan
from statistics import fmean
from typing import Any

from agentkit.analysis.explore.columns.place_array import PlaceTuple, as_array
from agentkit.analysis.explore.columns.source import Source
from agentkit.analysis.sample_tree import deviation, finite
from agentkit.files.columns import noted_task
from agentkit.types.record import Record, clip, record
from agentkit.types.words import count

_BINS = 5
_SHORT = 2**16
_MANY = 20_000
"""Numbers, all of them finite, that are not gone through one by one."""
_SPREAD = ("reward", "turns", "calls", "output_tokens")
_BARS = "▁▂▃▄▅▆▇█"


@record
class Spread(Record):
    """Numbers of a group: their mean, population standard deviation, least and greatest."""

    mean: float
    deviation: float
    least: float
    greatest: float

    def summary(self) -> str:
        return spread_text(self)


def spread_of(values: Sequence[Any]) -> Spread | None:
    """Compute the spread of those values that are finite numbers; None if there are none."""
    if len(values) > _MANY:
        return _spread_of_many(values)
    numbers = list(finite(values))
    if not numbers:
        return None
    return Spread(
        mean=fmean(numbers), deviation=deviation(numbers), least=min(numbers), greatest=max(numbers)
    )


def _spread_of_many(values: Any) -> Spread | None:
    """Compute the spread of very many values, where the last digit of the deviation is open."""
    import numpy as np

    numbers = np.asarray(values, np.float64)
    mean = fmean(numbers.tolist())
    far = np.abs(numbers - mean).max()
    scaled = (numbers - mean) / (far or 1.0)  # no square is too large
    return Spread(
        mean=mean,
        deviation=float(far * np.sqrt(np.dot(scaled, scaled) / len(numbers))),
        least=float(numbers.min()),
        greatest=float(numbers.max()),
    )


def spread_text(spread: Spread | None) -> str:
    """Write the mean and, if the values differ, how far: `0.5 ± 0.5 (0…1)`; "" for none."""
    if spread is None:
        return ""
    if spread.least == spread.greatest:
        return f"{spread.mean:.4g}"
    return f"{spread.mean:.3g} ± {spread.deviation:.2g} ({spread.least:.4g}…{spread.greatest:.4g})"


@record
class Group(Record):
    """The rollouts of one prompt."""

    key: str = field(compare=False)
    """A digest of the prompt; "" where nothing tells what was asked."""
    prompt: str
    """The start of what the user asked; where nobody said anything, the task that is noted
    (`task 5`), or the rollout (`rollout 3`).
    """
    places: Sequence[int]
    """The positions of its rollouts, in order."""
    reward: Spread | None = None
    reward_shape: str = ""
    """How its rewards lie between the least and the greatest of all groups: `█▁▁▁▃`; "" if all
    rewards are equal.
    """
    turns: Spread | None = None
    calls: Spread | None = None
    output_tokens: Spread | None = None
    stop_reasons: tuple[tuple[str, int], ...] = ()
    """How many ended for each reason, the most frequent first."""

    @property
    def count(self) -> int:
        """How many rollouts it has."""
        return len(self.places)

    def summary(self) -> str:
        reward = f", reward {spread_text(self.reward)}" if self.reward else ""
        return f"{clip(self.prompt)}: {count(self.count, 'rollout')}{reward}"


def groups_of(source: Source, places: Sequence[int]) -> tuple[Group, ...]:
    """Group the rollouts at these places by prompt, in the order in which the prompts first occur;
    linear.
    """
    import numpy as np

    if not len(places):
        return ()
    chosen = as_array(places)
    columns = _GroupColumns(source)
    ends = columns.ends("reward", chosen)
    keys = source.prompt_numbers()[chosen]
    there = np.bincount(keys) > 0
    numbers = (np.cumsum(there) - 1)[keys]
    small = np.uint16 if there.sum() <= _SHORT else np.int64  # sixteen bits are sorted by radix
    order = np.argsort(numbers.astype(small), kind="stable")
    edges = np.cumsum(np.bincount(numbers))
    first = order[np.concatenate([[0], edges[:-1]])]
    if len(chosen) > _MANY:
        many = _GroupArrays(columns, chosen[order], numbers[order], ends)
        return many.groups(edges.tolist(), np.argsort(first))
    parts = np.split(chosen[order], edges[:-1])
    return tuple(_group(columns, parts[number], ends) for number in np.argsort(first))


class _GroupColumns:
    """The columns of groups, as arrays."""

    def __init__(self, source: Source) -> None:
        names = [name for name in _SPREAD if name in source.columns]
        self.source = source
        self.numbers = {name: source.numbers(name) for name in names}
        self.reasons = source.distinct("stop_reason")

    def known(self, name: str, places: Any) -> Any:
        """Make an array of the numbers of a column."""
        import numpy as np

        if name not in self.numbers:
            return np.zeros(0)
        values = self.numbers[name][places]
        return values[~np.isnan(values)]

    def ends(self, name: str, places: Any) -> tuple[float, float]:
        """Find the least and the greatest number of a column; zeros where there is none."""
        import numpy as np

        if name not in self.numbers:
            return 0.0, 0.0
        values = self.numbers[name][places]
        least, greatest = float(np.fmin.reduce(values)), float(np.fmax.reduce(values))
        return (0.0, 0.0) if isnan(least) else (least, greatest)

    def endings(self, places: Any) -> tuple[tuple[Any, int], ...]:
        """Count why rollouts ended, the most frequent first."""
        values = self.reasons.values
        rows: list[int] = self.reasons.rows[places].tolist()
        return tuple((values[row], number) for row, number in Counter(rows).most_common())


class _GroupArrays:
    """What very many rollouts come to by group, computed for all groups at once; the last digit of
    a mean is open.
    """

    def __init__(
        self, columns: _GroupColumns, places: Any, numbers: Any, ends: tuple[float, float]
    ) -> None:
        """Compute it.

        Args:
            columns: the columns.
            places: the rollouts, group by group.
            numbers: which group each is in.
            ends: the least and the greatest of all rewards.
        """
        import numpy as np

        self.source = columns.source
        self._places = places
        self._size = int(numbers[-1]) + 1
        values = {name: every[places] for name, every in columns.numbers.items()}
        self._starts = np.flatnonzero(np.diff(numbers, prepend=-1))
        self._spreads = {
            name: self._spread(numbers, each)
            for name, each in values.items()
            if not np.isnan(each).all()
        }
        self._shapes = [""] * self._size
        if "reward" in self._spreads and ends[0] != ends[1]:
            known = ~np.isnan(values["reward"])
            scaled = (values["reward"][known] - ends[0]) / (ends[1] - ends[0]) * _BINS
            bins = np.minimum(scaled.astype(np.int64), _BINS - 1)
            self._shapes = _drawn(self._table(numbers[known], bins, _BINS))
        self._reasons = columns.reasons.values
        reasons = columns.reasons.rows[places]
        self._ended = self._table(numbers, reasons, len(self._reasons)).tolist()

    def _table(self, numbers: Any, values: Any, width: int) -> Any:
        """Count values from 0 on by group."""
        import numpy as np

        counts = np.bincount(numbers * width + values, minlength=self._size * width)
        return counts.reshape(self._size, width)

    def _spread(self, numbers: Any, values: Any) -> list[Spread | None]:
        """Compute the spread of each group; the values are group by group."""
        import numpy as np

        known = ~np.isnan(values)
        starts = self._starts
        if not known.all():
            numbers, values = numbers[known], values[known]
            starts = np.flatnonzero(np.diff(numbers, prepend=-1))
        count = np.diff(np.append(starts, len(numbers)))
        least, greatest = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
        scale = float(max(-least.min(), greatest.max())) or 1.0  # no square is too large
        share = values / scale
        mean = np.add.reduceat(share, starts) / count
        share -= np.repeat(mean, count)
        square = np.add.reduceat(np.square(share, out=share), starts) / count
        found: list[Spread | None] = [None] * self._size
        each = (numbers[starts], mean * scale, np.sqrt(square) * scale, least, greatest)
        for at, m, d, low, high in zip(*(one.tolist() for one in each), strict=True):
            found[at] = Spread(mean=m, deviation=d, least=low, greatest=high)
        return found

    def groups(self, edges: Sequence[int], order: Any) -> tuple[Group, ...]:
        """Make the groups, in an order; each ends at its edge."""
        starts = [0, *edges]
        first = self._places[starts[:-1]].tolist()
        digests = self.source.objects("prompt_digest", first)
        prompts = self.source.objects("prompt", first)
        return tuple(
            Group(
                key=str(digests[at]),
                prompt=prompts[at] or _name(self.source, first[at]),
                places=PlaceTuple(self._places[starts[at] : starts[at + 1]]),
                reward_shape=self._shapes[at],
                stop_reasons=self._endings(at),
                **{name: each[at] for name, each in self._spreads.items()},
            )
            for at in order.tolist()
        )

    def _endings(self, at: int) -> tuple[tuple[Any, int], ...]:
        pairs = zip(self._reasons, self._ended[at], strict=True)
        found = [pair for pair in pairs if pair[1]]
        return tuple(found if len(found) < 2 else sorted(found, key=lambda pair: -pair[1]))


def _name(source: Source, place: int) -> str:
    """Name a group in which nobody said anything."""
    noted = noted_task(lambda name: source.value(name, place) if name in source.columns else None)
    return f"{noted[0]} {noted[1]}" if noted else f"rollout {source.sample(place)}"


def _shape(numbers: Sequence[float], ends: tuple[float, float]) -> str:
    """Draw a small histogram in characters, for a range with these ends."""
    least, greatest = ends
    if not numbers or least == greatest:
        return ""
    scaled = ((number - least) / (greatest - least) * _BINS for number in numbers)
    return _bars(Counter(min(int(value), _BINS - 1) for value in scaled))


def _bars(bins: Mapping[int, int]) -> str:
    most = max(bins.values(), default=1)
    return "".join(_BARS[ceil(bins.get(i, 0) / most * (len(_BARS) - 1))] for i in range(_BINS))


def _drawn(counts: Any) -> list[str]:
    """Draw a histogram for each row of a table of counts; "" where it has none."""
    import numpy as np

    most = counts.max(axis=1)
    heights = np.ceil(counts / np.maximum(most, 1)[:, None] * (len(_BARS) - 1)).astype(np.int64)
    marks = np.array(list(_BARS))[heights]
    shapes = marks.view(f"<U{counts.shape[1]}")[:, 0].tolist()
    return [shape if height else "" for shape, height in zip(shapes, most.tolist(), strict=True)]


def _group(columns: _GroupColumns, places: Any, ends: tuple[float, float]) -> Group:
    members = PlaceTuple(places)
    found = {name: columns.known(name, places).tolist() for name in _SPREAD}
    spreads = {name: spread_of(values) for name, values in found.items()}
    return Group(
        key=str(columns.source.prompt_digest(members[0])),
        prompt=columns.source.value("prompt", members[0]) or _name(columns.source, members[0]),
        places=members,
        reward_shape=_shape(found["reward"], ends),
        stop_reasons=columns.endings(places),
        **spreads,
    )

"""Rollouts of the same prompt together, and how far they spread."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import field
from math import ceil
from statistics import fmean
from typing import Any

from agentkit.analysis.explore.columns.source import Source
from agentkit.analysis.sample_tree import deviation, finite
from agentkit.types.record import Record, clip, record
from agentkit.types.words import count

_BINS = 5
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
    numbers = list(finite(values))
    if not numbers:
        return None
    return Spread(
        mean=fmean(numbers), deviation=deviation(numbers), least=min(numbers), greatest=max(numbers)
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
    """A digest of the prompt."""
    prompt: str
    """The start of what the user asked."""
    places: tuple[int, ...]
    """The positions of its rollouts."""
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
    keys, rewards = source.prompts(), _numbers(source, "reward", places)
    ends = (min(rewards), max(rewards)) if rewards else (0.0, 0.0)
    found: dict[str, list[int]] = {}
    for place in places:
        found.setdefault(keys[place], []).append(place)
    return tuple(_group(source, key, members, ends) for key, members in found.items())


def _numbers(source: Source, name: str, places: Sequence[int]) -> list[float]:
    values = source.values(name) if name in source.columns else ()
    return list(finite(values[place] for place in places)) if values else []


def _shape(numbers: Sequence[float], ends: tuple[float, float]) -> str:
    """Draw a small histogram in characters, for a range with these ends."""
    least, greatest = ends
    if not numbers or least == greatest:
        return ""
    scaled = ((number - least) / (greatest - least) * _BINS for number in numbers)
    bins = Counter(min(int(value), _BINS - 1) for value in scaled)
    most = max(bins.values(), default=1)
    return "".join(_BARS[ceil(bins[i] / most * (len(_BARS) - 1))] for i in range(_BINS))


def _group(source: Source, key: str, places: list[int], ends: tuple[float, float]) -> Group:
    def column(name: str) -> list[Any]:
        values = source.values(name) if name in source.columns else None
        return [values[place] for place in places] if values is not None else []

    return Group(
        key=key,
        prompt=source.value("prompt", places[0]),
        places=tuple(places),
        reward=spread_of(column("reward")),
        reward_shape=_shape(_numbers(source, "reward", places), ends),
        turns=spread_of(column("turns")),
        calls=spread_of(column("calls")),
        output_tokens=spread_of(column("output_tokens")),
        stop_reasons=tuple(Counter(column("stop_reason")).most_common()),
    )

"""Limits of a turn: how many of its calls are run, and how much of a tool's result the model is
given; the whole of it stays on the record.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from agentkit.errors import UsageError, suggest
from agentkit.types.request import Prices
from agentkit.types.trajectory import ToolResult
from agentkit.types.words import type_in_words

MAX_CALLS = 1_000
"""Calls of one answer that are run where nobody says otherwise: more than any model means to write,
and few enough to end.
"""

_NAMES = {
    "result_characters": (
        "result_characters",
        "default_result_size",
        "max_result_size",
        "result_size",
    ),
    "turn_characters": ("turn_characters", "turn_budget", "max_turn_size"),
    "preview_characters": ("preview_characters", "preview_size"),
}


@dataclass(frozen=True, slots=True)
class Budget:
    """Sizes in characters."""

    result_characters: int = 100_000
    """A longer result is shortened."""
    turn_characters: int = 200_000
    """A result that would take its turn beyond this is shortened."""
    preview_characters: int = 1_500
    """What is left of a shortened result."""

    @classmethod
    def of(cls, config: Any) -> Budget | None:
        """Give the budget a caller means: None for none, True for the default, or an object or dict
        with sizes, under hermes-agent's names too.
        """
        if config is None or config is False:
            return None
        if isinstance(config, cls):
            return config
        found = {
            ours: size
            for ours, names in _NAMES.items()
            for name in reversed(names)
            if (size := _size(config, name)) is not None
        }
        return cls(**found)

    def shortened(self, result: ToolResult, spent: int) -> ToolResult:
        """Give the result itself where it fits, else one whose content is a preview that says what
        was cut.

        Args:
            result: what a tool gave.
            spent: characters of the other results of the turn.
        """
        size = len(result.content)
        if size <= self.preview_characters or (
            size <= self.result_characters and spent + size <= self.turn_characters
        ):
            return result
        note = (
            f"\n\n[shortened: the first {self.preview_characters:,} of {size:,} characters are"
            " shown]"
        )
        return replace(
            result,
            content=result.content[: self.preview_characters] + note,
            full_content=result.content,
        )


def _size(config: Any, name: str) -> int | None:
    value = config.get(name) if isinstance(config, dict) else getattr(config, name, None)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def checked_calls(limit: Any, name: str = "max_calls") -> int | None:
    """Check what is given as `max_calls`, or as another limit.

    Raises:
        UsageError: it is no number above 0, and not None.
    """
    if limit is None or (type(limit) is int and limit > 0):
        return limit
    raise UsageError(f"{name} is {limit!r:.60}", hint="give a whole number from 1 up, or None")


def checked_prices(prices: Any) -> Prices:
    """Check what is given as `prices`.

    Raises:
        UsageError: it is no dict of numbers, one is missing, or a name is another.
    """
    if isinstance(prices, Prices):
        return prices
    names, hint = ("input", "cached", "output"), "prices={'input': 2.5, 'output': 10}"
    hint += ", per million tokens; 'cached' where it costs less"
    if not isinstance(prices, Mapping):
        raise UsageError(f"the prices are {type_in_words(prices)}", hint=hint)
    for name, value in prices.items():
        if name not in names:
            raise UsageError(f"there is no price of {name!r}", hint=suggest(name, names, hint))
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not number or not 0 <= value < float("inf"):
            raise UsageError(f"the price of {name} is {value!r}", hint=hint)
    missing = [name for name in ("input", "output") if name not in prices]
    if missing:
        raise UsageError(f"there is no price of {' and '.join(missing)}", hint=hint)
    return Prices(**prices)

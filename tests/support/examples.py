"""How many examples a property is tried with."""

from __future__ import annotations

from hypothesis import settings


def examples(number: int) -> int:
    """Scale a number of examples as the profile does, which tries 60 where nothing is set."""
    profile = settings.default
    assert profile is not None
    return max(number * profile.max_examples // 60, 1)

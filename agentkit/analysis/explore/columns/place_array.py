"""Positions of rollouts, as numpy computes with them and as a table keeps them: in eight bytes."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any


def as_array(places: Sequence[int]) -> Any:
    """Make positions an array of int64."""
    import numpy as np

    if isinstance(places, range):
        return np.arange(places.start, places.stop, places.step, dtype=np.int64)
    return np.asarray(places, np.int64)


def as_places(found: Any) -> array[int]:
    """Make an array of int64 positions that a table can keep: its items are `int`s."""
    made = array("q")
    made.frombytes(found.astype("int64", copy=False).tobytes())
    return made

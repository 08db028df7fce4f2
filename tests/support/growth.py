"""Measure how the processor time of a piece of work grows with its size.

Other processes make a run dearer, never cheaper, so the least of several runs counts.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

FLOOR = 0.01
"""CPU seconds that are too few to compare."""
_ROUNDS = 30


def cpu_seconds(work: Callable[[], object]) -> float:
    """Measure one run without the garbage collector, which looks at everything there is."""
    gc.disable()
    try:
        began = time.process_time()
        work()
        return time.process_time() - began
    finally:
        gc.enable()


def assert_linear(
    make: Callable[[int], Callable[[], object]],
    short: int,
    long: int,
    factor: float | None = None,
    what: str = "",
) -> None:
    """Check that work grows no faster than it may.

    Both sizes are measured in turns until the least of each is within the bound.

    Args:
        make: Gives the work for a size.
        short: The smaller size.
        long: The larger size.
        factor: How many times as much the larger size may cost; without it, halfway from linear
            to quadratic.
        what: Names the work in the message.
    """
    growth = long / short
    factor = (growth + growth**2) / 2 if factor is None else factor
    few, many = make(short), make(long)
    least_few = least_many = float("inf")
    for _ in range(_ROUNDS):
        least_many = min(least_many, cpu_seconds(many))
        if least_many <= FLOOR:
            return
        least_few = min(least_few, cpu_seconds(few))
        if least_many <= factor * max(least_few, FLOOR / growth):
            return
    raise AssertionError(
        f"{what}: {growth:g} times the size costs {least_many / least_few:.1f} times as much: {least_few:.4f} s, {least_many:.4f} s"
    )


def assert_within(limit: float, work: Callable[[], object]) -> None:
    """Check that one run of three takes less than this many CPU seconds."""
    taken = []
    for _ in range(3):
        taken.append(cpu_seconds(work))
        if taken[-1] < limit:
            return
    raise AssertionError(f"{min(taken):.2f} s where {limit:g} are let")

"""How far an index is: shown in a terminal or a notebook, and on neither where nobody looks."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from agentkit.types.hooks import hook
from agentkit.types.record import Drawn
from agentkit.types.words import count

_WORTH = 16 * 2**20
"""Bytes that are taken in before anybody looks."""


class IndexProgress(Drawn):
    """How much of some files is taken in. Its display shows what was asked for, and on a live page
    how far it is and what it has cost.
    """

    def __init__(self, names: Sequence[str], size: int) -> None:
        self.names = tuple(names)
        self.size = size
        """Bytes of all the files."""
        self.done = self.earlier = 0
        """Bytes that are taken in; that were, when it began."""
        self.rollouts = 0
        self.kept = 0
        """Bytes of the index; 0 before it is ready."""
        self._begun = time.monotonic()
        self._busy = time.process_time()
        self._watching: list[Callable[[IndexProgress], None]] = []

    def watch(self, listener: Callable[[IndexProgress], None]) -> None:
        """Call the listener after each change."""
        self._watching.append(listener)

    def took(self, done: int, rollouts: int) -> None:
        """Note how far it is."""
        self.done, self.rollouts = done, rollouts
        self._tell()

    def ready(self, kept: int) -> None:
        """Note that it is ready, and what it takes on the disk."""
        self.kept = kept
        self._tell()

    def _tell(self) -> None:
        for listener in self._watching:
            listener(self)

    @property
    def title(self) -> str:
        """What was asked for, in words."""
        named = self.names[0] if len(self.names) == 1 else count(len(self.names), "file")
        return f"of {named}, {size_text(self.size)}"

    @property
    def facts(self) -> list[str]:
        """How far it is and what it has cost, in words."""
        elapsed = time.monotonic() - self._begun
        busy = time.process_time() - self._busy
        new = self.done - self.earlier
        left = (self.size - self.done) * elapsed / new if new and elapsed > 1 else 0.0
        cost = [f"{span_text(elapsed)}, {span_text(busy)} of processor time"]
        if self.kept:
            cost.append(f"{size_text(self.kept)} beside the files")
        elif left:
            cost.append(f"about {span_text(left)} left")
        return [count(self.rollouts, "rollout"), *cost]

    def __repr__(self) -> str:
        return f"<IndexProgress {self.title}>"


def size_text(size: int) -> str:
    """Write a number of bytes."""
    for unit, step in (("GB", 10**9), ("MB", 10**6), ("KB", 10**3)):
        if size >= step:
            return f"{size / step:.3g} {unit}"
    return count(size, "byte")


def span_text(seconds: float) -> str:
    """Write a time."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def shown(progress: IndexProgress, wanted: bool | None) -> Callable[[], None]:
    """Show how far an index is, and return the function that ends the display.

    Args:
        progress: what is shown.
        wanted: None: in a notebook, and in a terminal, where there is much to do; True: in any
            case; False: never.
    """
    much = progress.size - progress.earlier >= _WORTH
    if wanted is False or not (wanted or much) or hook("display")(progress):
        return lambda: None
    return _bar(progress) if wanted or sys.stderr.isatty() else lambda: None


def _bar(progress: IndexProgress) -> Callable[[], None]:
    from tqdm import tqdm

    bar: Any = tqdm(
        total=progress.size,
        initial=progress.earlier,
        file=sys.stderr,
        unit="B",
        unit_scale=True,
        desc="index",
        dynamic_ncols=True,
    )

    def update(now: IndexProgress) -> None:
        bar.set_postfix_str(", ".join(now.facts), refresh=False)
        bar.update(now.done - bar.n)

    progress.watch(update)
    close: Callable[[], None] = bar.close
    return close

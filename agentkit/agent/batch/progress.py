"""How far a batch is: counted on the event loop, shown in a terminal or a notebook, and on neither
where nobody looks.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from typing import Any, Protocol

from agentkit.files.writers.owner import process_of
from agentkit.types.hooks import hook
from agentkit.types.record import Drawn
from agentkit.types.steps import Answer, Outcome, Step
from agentkit.types.trajectory import Trajectory
from agentkit.types.words import count


class Finished(Protocol):
    """What is known of a rollout that has ended, though it may not be read yet."""

    @property
    def stop_reason(self) -> str | None: ...
    @property
    def meta(self) -> dict[str, Any]: ...


class Progress(Drawn):
    """What of a batch is done. Its display shows what was asked for, and on a live page how far it
    is.
    """

    def __init__(self, asked: int, concurrency: int) -> None:
        self.asked = asked
        self.name = ""
        self.workers = 0
        """How many workers run it; 0 where this process does."""
        """The side of a comparison."""
        self.concurrency = min(asked, concurrency)
        self.begun = self.done = self.turns = self.tokens = self.earlier = 0
        self.rewards: list[float] = []
        """Those of the rollouts that have ended."""
        self.stopping = False
        """Whether nothing further is begun."""
        self.ended: Counter[str] = Counter()
        self.held: dict[int, str] = {}
        """The rollouts that other runs are writing, each with the name of its run."""
        self._watching: list[Callable[[Progress], None]] = []

    def watch(self, listener: Callable[[Progress], None]) -> None:
        """Call the listener after each change, on the event loop."""
        self._watching.append(listener)

    def began(self) -> None:
        """Count a rollout that has begun."""
        self.begun += 1
        self._tell()

    def committed(self, step: Step, outcome: Outcome, trajectory: Trajectory) -> None:
        """Count a step that is about to be committed."""
        if isinstance(outcome, Answer) and trajectory.error is None:
            usage = trajectory.all_turns[-1].response.usage
            self.answered(usage.output_tokens or 0 if usage else 0)

    def answered(self, tokens: int) -> None:
        """Count an answer of so many tokens."""
        self.turns += 1
        self.tokens += tokens
        self._tell()

    def finished(self, trajectory: Finished, *, earlier: bool = False) -> None:
        """Count a rollout that has ended, now or in an earlier run."""
        self.begun += earlier
        self.earlier += earlier
        self.done += 1
        reward = trajectory.meta.get("reward")
        if isinstance(reward, (int, float)):
            self.rewards.append(float(reward))
        self.ended[
            "raised" if "exception" in trajectory.meta else trajectory.stop_reason or "open"
        ] += 1
        self._tell()

    def stop(self) -> None:
        """Begin no further rollout; those that run are ended, and all that ended is returned."""
        self.stopping = True
        self._tell()

    def waits(self, index: int, owner: str) -> None:
        """Take note that another run writes a rollout of the batch."""
        if self.held.get(index) != owner:
            self.held[index] = owner
            self._tell()

    def waits_no_more(self, index: int) -> None:
        """Take note that this rollout is nobody else's any more."""
        if self.held.pop(index, None) is not None:
            self._tell()

    def _tell(self) -> None:
        for listener in self._watching:
            listener(self)

    @property
    def summary(self) -> str:
        """How far it is, in words."""
        reasons = [f"{number} {reason}" for reason, number in self.ended.most_common()]
        return ", ".join(
            [
                *([f"of {self.name}"] if self.name else []),
                f"{self.begun - self.done} running",
                *([f"{len(self.held)} with {self.holders}"] if self.held else []),
                count(self.turns, "turn"),
                f"{self.tokens} tokens",
                *([f"{self.earlier:,} from the file"] if self.earlier else []),
                *reasons,
            ]
        )

    @property
    def holders(self) -> str:
        """Which runs write what this one waits for."""
        runs = set(self.held.values())
        if len(runs) > 1:
            return f"{len(runs)} other runs"
        return f"another run (process {process_of(runs.pop())})"

    def __repr__(self) -> str:
        return f"<Progress {self.title}>"

    @property
    def title(self) -> str:
        """What was asked for, in words."""
        side = f"of {self.name}, " if self.name else ""
        where = f" on {count(self.workers, 'worker')}" if self.workers else ""
        return f"{side}{count(self.asked, 'rollout')}, {self.concurrency} at once{where}"


def shown(progress: Progress, wanted: bool | None) -> Callable[[], None]:
    """Show a batch's progress, and return the function that ends the display.

    Args:
        wanted: None: in a notebook, and in a terminal that someone may look at; True: also where
            standard error is no terminal.
    """
    if wanted is False or hook("display")(progress):
        return lambda: None
    return _bar(progress) if wanted or sys.stderr.isatty() else lambda: None


def _bar(progress: Progress) -> Callable[[], None]:
    from tqdm import tqdm

    bar: Any = tqdm(
        total=progress.asked,
        file=sys.stderr,
        unit="rollout",
        desc=progress.name or None,
        dynamic_ncols=True,
    )

    def update(now: Progress) -> None:
        bar.total = now.asked
        bar.set_postfix_str(now.summary, refresh=False)
        bar.update(now.done - bar.n)

    update(progress)
    progress.watch(update)
    close: Callable[[], None] = bar.close
    return close

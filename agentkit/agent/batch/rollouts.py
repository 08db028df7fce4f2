"""What `ak.rollouts` gives: the trajectories in order, each with its place in the batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, overload

from agentkit.types.record import Drawn, clip
from agentkit.types.sequences.place import at_place
from agentkit.types.trajectory import Trajectory
from agentkit.types.words import count


class Rollouts(Drawn, Sequence[Trajectory]):
    """The rollouts of a batch, by prompt and then by sample. Each knows its place:
    `meta["prompt_index"]` and `meta["sample"]`.

    A batch that was interrupted holds what had begun, finished or not; `ak.rollouts(…,
    resume=that)` goes on with it.
    """

    def __init__(
        self,
        trajectories: Iterable[Trajectory] | Callable[[], Iterable[Trajectory]] = (),
        *,
        asked: int | None = None,
        earlier: int = 0,
    ) -> None:
        self._given = trajectories if callable(trajectories) else tuple(trajectories)
        """They, or what gives them when they are looked at: what workers have sent is read then."""
        self.asked = len(self.trajectories) if asked is None else asked
        """How many rollouts the batch was to have."""
        self.earlier = earlier
        """How many of them an earlier run had ended, so that they were not asked again."""

    @property
    def trajectories(self) -> tuple[Trajectory, ...]:
        """The rollouts, in order."""
        if not isinstance(self._given, tuple):
            self._given = tuple(self._given())
        return self._given

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_given": self.trajectories}

    def __len__(self) -> int:
        return len(self.trajectories)

    @overload
    def __getitem__(self, index: int) -> Trajectory: ...
    @overload
    def __getitem__(self, index: slice) -> Rollouts: ...
    def __getitem__(self, index: int | slice) -> Trajectory | Rollouts:
        return (
            Rollouts(self.trajectories[index])
            if isinstance(index, slice)
            else at_place(self.trajectories, index, "rollout")
        )

    def __iter__(self) -> Iterator[Trajectory]:
        return iter(self.trajectories)

    def __eq__(self, other: object) -> bool:
        return (
            self.trajectories == other.trajectories
            if isinstance(other, Rollouts)
            else NotImplemented
        )

    __hash__ = None  # type: ignore[assignment]

    @property
    def by_prompt(self) -> list[Rollouts]:
        """The samples of each prompt together, in the order of the prompts."""
        groups: dict[Any, list[Trajectory]] = {}
        for trajectory in self.trajectories:
            groups.setdefault(trajectory.meta.get("prompt_index"), []).append(trajectory)
        return [Rollouts(group) for group in groups.values()]

    @property
    def stop_reasons(self) -> dict[str, int]:
        """How many ended for which reason, the most frequent first; `open` where a rollout has not
        ended.
        """
        return dict(Counter(t.stop_reason or "open" for t in self.trajectories).most_common())

    @property
    def rewards(self) -> list[float | None]:
        """What the reward function gave for each; None where it gave none."""
        return [t.meta.get("reward") for t in self.trajectories]

    @property
    def raised(self) -> dict[int, str]:
        """By position, the exception that ended a rollout or its reward, as `Type: message`: a
        caller's mistake or a fault of the code.
        """
        found = (
            (i, t.meta.get("exception") or t.meta.get("reward_exception"))
            for i, t in enumerate(self.trajectories)
        )
        return {i: text for i, text in found if text}

    def heading(self) -> str:
        """Say how many there are, and what became of them."""
        return f"{count(len(self), 'rollout')} of {self.title}"

    @property
    def title(self) -> str:
        """What became of them, as the table says it: `3 prompts, 20 final, 4 error, mean reward
        0.5`.
        """
        prompts = len({t.meta.get("prompt_index") for t in self.trajectories})
        left = self.asked - len(self)
        again = len(self) - self.earlier
        bits = [
            count(prompts, "prompt"),
            *([f"{self.earlier:,} from the file · {again:,} asked again"] if self.earlier else []),
            *(f"{n} {reason}" for reason, n in self.stop_reasons.items()),
        ]
        if left > 0:
            bits.append(f"{left} not begun")
        rewards = [r for r in self.rewards if isinstance(r, (int, float))]
        if rewards:
            bits.append(f"mean reward {sum(rewards) / len(rewards):.3g}")
        if self.raised:
            bits.append(f"{len(self.raised)} raised {clip(next(iter(self.raised.values())), 80)}")
        return ", ".join(bits)

    def __repr__(self) -> str:
        return f"<Rollouts {self.heading()}>"

"""What several samples of one prompt have in common: the calls they share, where they part, and
what became of each branch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import field
from math import fsum, hypot, isfinite, sqrt
from typing import Any, Literal

from agentkit.analysis.alignment import call_meaning
from agentkit.errors import UsageError, checked_keywords
from agentkit.files.reader import rollouts_in
from agentkit.read.calls.known_tools import KnownTools
from agentkit.read.choices import choices_of
from agentkit.trajectory.loop import FAILED
from agentkit.types.answer import Response, ToolCall
from agentkit.types.record import Drawn, Record, clip, record
from agentkit.types.trajectory import Trajectory, Turn
from agentkit.types.words import type_in_words

BranchKind = Literal["calls", "answer", "open", "error", "limit"]


@record
class SampleBranch(Record):
    """A step that some samples took at the same place, and what they did after it."""

    kind: BranchKind
    """`calls`: it called these tools; `answer`: it answered; `limit`: the rollout was cut off;
    `error`: a request failed; `open`: it can go on.
    """
    label: str
    """The step in words: the calls with their arguments, the start of the answer, why it
    stopped.
    """
    turn: int
    """The turn it happened in."""
    samples: tuple[int, ...]
    """Which samples took it, by their position."""
    rewards: tuple[float, ...] = ()
    """The rewards of its samples that are finite numbers."""
    children: tuple[SampleBranch, ...] = ()
    """What came next, the most frequent first."""

    @property
    def count(self) -> int:
        """How many samples took it."""
        return len(self.samples)

    @property
    def mean_reward(self) -> float | None:
        """The mean of the rewards; None if none is known."""
        return mean(self.rewards) if self.rewards else None

    @property
    def reward_deviation(self) -> float:
        """The population standard deviation of the rewards; 0 if there are none."""
        return deviation(self.rewards)

    def summary(self) -> str:
        reward = f", mean reward {self.mean_reward:.3g}" if self.rewards else ""
        return f"turn {self.turn}: {clip(self.label, 100)}, {self.count} samples{reward}"


@record
class SampleTree(Record, Drawn):
    """Samples of one prompt as a tree. Two calls are the same if their names and values are; the
    order of parallel calls does not matter.
    """

    size: int
    """How many samples it was made of."""
    branches: tuple[SampleBranch, ...] = ()
    """What they did first, the most frequent first."""
    prompts: int = 1
    """How many different prompts the samples began with; more than 1 is a mistake in putting them
    together.
    """
    trajectories: tuple[Trajectory, ...] = field(default=(), compare=False)
    """The samples themselves, by their position."""

    @property
    def shared(self) -> tuple[SampleBranch, ...]:
        """The steps that all samples took, before the first at which they part."""
        path: list[SampleBranch] = []
        level = self.branches
        while len(level) == 1 and level[0].count == self.size:
            path.append(level[0])
            level = level[0].children
        return tuple(path)

    @property
    def parting(self) -> tuple[SampleBranch, ...]:
        """The branches at the place where the samples part first; empty if they never do."""
        shared = self.shared
        level = shared[-1].children if shared else self.branches
        return level if len(level) > 1 else ()

    @property
    def parts_at(self) -> int | None:
        """The turn at which the samples part first; None if all do the same."""
        return self.parting[0].turn if self.parting else None

    def walk(self) -> Iterator[tuple[int, SampleBranch]]:
        """Yield every branch with its depth, each before its children."""
        waiting = [(0, branch) for branch in reversed(self.branches)]
        while waiting:
            depth, branch = waiting.pop()
            yield depth, branch
            waiting += [(depth + 1, child) for child in reversed(branch.children)]

    def summary(self) -> str:
        where = (
            f"part at turn {self.parts_at} into {len(self.parting)} branches"
            if self.parting
            else "all do the same"
        )
        mixed = f"; they begin with {self.prompts} different prompts" if self.prompts > 1 else ""
        return f"{self.size} samples: {where}{mixed}"


class _Step:
    """A step while the tree is built."""

    __slots__ = ("children", "kind", "label", "samples", "turn")

    def __init__(self, kind: BranchKind, label: str, turn: int) -> None:
        self.kind, self.label, self.turn = kind, label, turn
        self.samples: list[int] = []
        self.children: dict[Hashable, _Step] = {}


@checked_keywords
def sample_tree(x: Any, tools: Any = None) -> SampleTree:
    """Build the tree over samples of one prompt: which calls they share and where they part, with
    counts and rewards for each branch. Linear in the number of turns.

    Args:
        x: trajectories of one prompt (a list, a part of `ak.rollouts(...)`), a debugger or its
            `tree`, each branch a sample (after `dbg.rerun(n=8)`, say), or one answer with several
            `choices` (a `Response` or a `Turn`).
        tools: schemas by which arguments are compared (`1`, `1.0` and `"1"` are the same integer);
            by default the rollouts' own.

    Raises:
        UsageError: it contains no samples.
    """
    samples = _samples(x, tools)
    if not samples:
        raise UsageError(
            f"{type_in_words(x)} holds no samples",
            hint="pass the trajectories of one prompt, or an answer with several choices",
        )
    if tools is None:
        tools = next((sample.spec.tools for sample in samples if sample.spec.tools), ())
    known = tools if isinstance(tools, KnownTools) else None
    if known is None and tools:
        known = KnownTools(tools)
    root = _Step("open", "", -1)
    for position, sample in enumerate(samples):
        _grow(root, position, sample, known)
    rewards = [sample.meta.get("reward") for sample in samples]
    prompts = {repr([message.wire for message in sample.prompt]) for sample in samples}
    return SampleTree(
        size=len(samples),
        branches=_branches(root, rewards),
        prompts=len(prompts),
        trajectories=tuple(samples),
    )


def _samples(x: Any, tools: Any) -> list[Trajectory]:
    """List the samples: the choices of answers, the branches of a debugger, else the rollouts."""
    if isinstance(x, (Response, Turn)):
        return [_as_sample(choice) for choice in choices_of(x, tools)]
    if isinstance(x, (list, tuple)) and any(isinstance(item, (Response, Turn)) for item in x):
        return [sample for item in x for sample in _samples(item, tools)]
    tree = getattr(x, "tree", None)
    return rollouts_in(x if tree is None or callable(tree) else tree)


def _as_sample(response: Response) -> Trajectory:
    """Make a rollout of one turn from one of several choices."""
    turn = Turn(index=0, response=response, results=(None,) * len(response.tool_calls))
    return Trajectory(turns=(turn,), stop_reason=None if response.tool_calls else "final")


def _grow(root: _Step, position: int, sample: Trajectory, tools: KnownTools | None) -> None:
    at = root
    for key, kind, label, turn in _steps(sample, tools):
        step = at.children.get(key)
        if step is None:
            step = at.children[key] = _Step(kind, label, turn)
        step.samples.append(position)
        at = step


def _steps(
    sample: Trajectory, tools: KnownTools | None
) -> Iterator[tuple[Hashable, BranchKind, str, int]]:
    """Yield what a sample did: key, kind, label and turn of each step."""
    for turn in sample.all_turns:
        calls = turn.tool_calls
        if calls:
            # a set, because the order of parallel calls does not matter
            meanings = frozenset(Counter(call_meaning(call, tools) for call in calls).items())
            yield ("calls", meanings), "calls", ", ".join(map(_call, calls)), turn.index
        else:
            text = " ".join((turn.response.content or turn.response.refusal or "").split())
            yield ("answer", text), "answer", text or "an empty answer", turn.index
    last = len(sample.all_turns)
    if sample.stop_reason in FAILED:
        reason = sample.error.kind if sample.error else "error"
        yield ("error", reason), "error", f"the request failed: {reason}", last
    elif sample.stop_reason in ("max_turns", "length", "stopped"):
        yield ("limit", sample.stop_reason), "limit", f"stopped: {sample.stop_reason}", last
    elif sample.stop_reason is None and sample.prompt:  # the choices of one answer are no rollouts
        yield ("open",), "open", "not ended", last


def _call(call: ToolCall) -> str:
    if call.arguments is None:
        return f"{call.name or '?'}({clip(call.raw_arguments, 80)}) {call.status}"
    arguments = ", ".join(f"{name}={value!r}" for name, value in call.arguments.items())
    return f"{call.name or '?'}({clip(arguments, 120)})"


def _branches(step: _Step, rewards: list[Any]) -> tuple[SampleBranch, ...]:
    """Make the branches below a step, from the leaves up, so that a rollout of a thousand turns
    needs no deep stack.
    """
    order = [step]
    for found in order:
        order += found.children.values()
    made: dict[int, tuple[SampleBranch, ...]] = {}
    for found in reversed(order):
        below = [_branch(child, made.pop(id(child)), rewards) for child in found.children.values()]
        made[id(found)] = tuple(sorted(below, key=lambda branch: -branch.count))
    return made[id(step)]


def finite(values: Iterable[Any]) -> Iterator[float]:
    """Yield those of the values that are finite numbers."""
    return (float(value) for value in values if isinstance(value, (int, float)) and isfinite(value))


def mean(numbers: Sequence[float]) -> float:
    """Compute the mean; no sum on the way is larger than the largest of them."""
    return fsum(number / len(numbers) for number in numbers)


def deviation(numbers: Sequence[float]) -> float:
    """Compute the population standard deviation; 0 for no numbers."""
    # `statistics.pstdev` computes in fractions, which takes a second for a hundred thousand
    if not numbers:
        return 0.0
    middle = mean(numbers) / 2  # of halves, no difference and no square is too large
    return 2 * hypot(*(number / 2 - middle for number in numbers)) / sqrt(len(numbers))


def _branch(step: _Step, children: tuple[SampleBranch, ...], rewards: list[Any]) -> SampleBranch:
    known = (rewards[position] for position in step.samples)
    numbers = tuple(finite(known))
    return SampleBranch(
        kind=step.kind,
        label=step.label,
        turn=step.turn,
        samples=tuple(step.samples),
        rewards=numbers,
        children=children,
    )

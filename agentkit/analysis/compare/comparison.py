"""What `ak.compare` returns: the divergences, what they come to, and the rollouts they were found
in.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from agentkit.analysis.alignment import CallPair, align_calls
from agentkit.analysis.compare.pairs import Cell
from agentkit.analysis.compare.prompt_outcomes import (
    Asked,
    PromptOutcome,
    asked_of,
    prompt_outcomes,
)
from agentkit.analysis.compare.repeats import CellResult
from agentkit.analysis.compare.sides import Timing, timing
from agentkit.analysis.compare.statistics import Statistic, statistics, wilson
from agentkit.analysis.divergence.answer_view import answer_views
from agentkit.analysis.divergence.classes import ORDER
from agentkit.analysis.divergence.detect import flat
from agentkit.analysis.divergence.traits import Divergence
from agentkit.analysis.frames.safe_frame import inferred_frame
from agentkit.types.hooks import hook
from agentkit.types.record import Drawn, Record, clip, record
from agentkit.types.trajectory import Trajectory
from agentkit.types.words import count

if TYPE_CHECKING:
    from pandas import DataFrame

_OF_SAMPLES = re.compile(r", \d+ of \d+$")
_IMPACT = {"breaks": 0, "changes": 1, "cosmetic": 2}


@record
class ClassFinding(Record):
    """All divergences of one class between two sides."""

    class_: str
    sides: tuple[str, str]
    prompts: int
    """In how many prompts it was found."""
    of: int
    """How many prompts the two sides have in common."""
    low: float
    """The 95 % interval (Wilson) of that rate."""
    high: float
    at: Mapping[str, int]
    """By side, the prompts in which it is this one that departs from the contract."""
    established: bool
    divergences: tuple[Divergence, ...] = ()
    explained: int = 0
    """Prompts in which it was found as a consequence of another one."""

    @property
    def severity(self) -> str:
        """The worst severity of its divergences."""
        return min(
            (d.severity for d in self.divergences), key=_IMPACT.__getitem__, default="cosmetic"
        )

    def summary(self) -> str:
        return f"{self.severity} {self.class_}: {self.prompts} of {self.of} prompts"


class Comparison(Drawn):
    """Two or more sides beside each other. Falsy where nothing differs."""

    def __init__(
        self,
        sides: Mapping[str, Sequence[Trajectory]],
        cells: Sequence[Cell],
        results: Sequence[CellResult],
        unpaired: Mapping[str, int],
    ) -> None:
        self.rollouts = {name: tuple(side) for name, side in sides.items()}
        """The rollouts of each side."""
        self.unpaired = {name: n for name, n in unpaired.items() if n}
        """By side, how many rollouts had no counterpart."""
        self._cells = tuple(cells)
        self._results = tuple(results)

    @property
    def sides(self) -> tuple[str, ...]:
        """The names of the sides."""
        return tuple(self.rollouts)

    @property
    def trajectories(self) -> tuple[Trajectory, ...]:
        """The rollouts of all sides, side by side: what other functions take for a list of
        rollouts.
        """
        return tuple(t for side in self.rollouts.values() for t in side)

    @property
    def side_of(self) -> tuple[str, ...]:
        """The name of the side that each of `trajectories` is from, which the frames have as a
        column.
        """
        return tuple(name for name, side in self.rollouts.items() for _ in side)

    @cached_property
    def divergences(self) -> tuple[Divergence, ...]:
        """Every divergence that no other explains, by prompt, turn and layer; its consequences are
        in its `explains`.
        """
        found = [d for result in self._results for d in result.divergences]
        return tuple(sorted(found, key=lambda d: (d.prompt, d.sides, d.turn, ORDER[d.class_])))

    @cached_property
    def findings(self) -> tuple[ClassFinding, ...]:
        """The divergences by class and pair of sides, bottom up."""
        prompts: dict[tuple[str, str], set[int]] = {}
        for cell in self._cells:
            prompts.setdefault(cell.names, set()).add(cell.prompt)
        grouped: dict[tuple[str, tuple[str, str]], list[Divergence]] = {}
        effects: dict[tuple[str, tuple[str, str]], set[int]] = {}
        for divergence, cause in flat(list(self.divergences)):
            key = (divergence.class_, divergence.sides)
            if cause is None:
                grouped.setdefault(key, []).append(divergence)
            else:
                effects.setdefault(key, set()).add(divergence.prompt)
        keys = sorted({*grouped, *effects}, key=lambda key: (ORDER[key[0]], key[1]))
        return tuple(
            _finding(key, grouped.get(key, []), effects.get(key, set()), len(prompts[key[1]]))
            for key in keys
        )

    @cached_property
    def asked(self) -> Asked:
        """By prompt and side, the samples; prompts that only one side was asked too."""
        return asked_of(self.rollouts, self._cells)

    @cached_property
    def outcomes(self) -> tuple[PromptOutcome, ...]:
        """What each side did with each prompt, prompt by prompt; failures and prompts that were not
        asked too.
        """
        return tuple(prompt_outcomes(self.sides, self.asked, self.divergences))

    @cached_property
    def apart(self) -> int:
        """At how many prompts one side did mostly something else than another: calls, an answer."""
        did: dict[int, set[str]] = {}
        for outcome in self.outcomes:
            if outcome.samples:
                did.setdefault(outcome.prompt, set()).add(_OF_SAMPLES.sub("", outcome.did))
        return sum(len(ways) > 1 for ways in did.values())

    @cached_property
    def noise(self) -> dict[str, int]:
        """By class of behaviour, the number of turns on which the sides differed no more than each
        does from itself.
        """
        return dict(sum((result.noise for result in self._results), Counter()))

    @cached_property
    def stats(self) -> tuple[Statistic, ...]:
        """The lines of `stats_df`."""
        found = [pair for result in self._results for pair in result.pairs]
        rows: list[Statistic] = []
        for names in dict.fromkeys(cell.names for cell in self._cells):
            rows += statistics([pair for pair in found if pair.names == names], names)
        return (*rows, *map(_class_row, self.findings))

    @cached_property
    def timings(self) -> tuple[Timing, ...]:
        """How fast each side answered."""
        return tuple(timing(name, side) for name, side in self.rollouts.items())

    @property
    def prompts(self) -> int:
        """How many prompts were compared."""
        return len({cell.prompt for cell in self._cells})

    @property
    def notes(self) -> tuple[str, ...]:
        """What to know of how they were paired, as that two prompts differ; mostly nothing."""
        return tuple(dict.fromkeys(cell.note for cell in self._cells if cell.note))

    def pairs(
        self, prompt: int = 0, sides: tuple[str, str] | None = None
    ) -> tuple[tuple[Trajectory, Trajectory], ...]:
        """List the pairs of rollouts of one prompt, sample by sample, for `ak.diff`.

        Args:
            prompt: which prompt, counted from 0.
            sides: the names of the two sides; by default the first two that were asked it.
        """
        found = [
            cell for cell in self._cells if cell.prompt == prompt and sides in (None, cell.names)
        ]
        return tuple(
            (a, b)
            for cell in found
            if cell.names == found[0].names
            for a, b in zip(cell.left, cell.right, strict=False)
        )

    @property
    def divergences_df(self) -> DataFrame:
        """A row a divergence: prompt, turn, sample, class, layer, severity, left, right, at, cause,
        hint, link, left_pointer, left_excerpt, right_pointer, right_excerpt, established, evidence,
        explained_by (the class that explains it, None for none)."""
        rows = [_divergence_row(d, cause) for d, cause in flat(list(self.divergences))]
        return _frame(rows, _DIVERGENCE_COLUMNS)

    @property
    def outcomes_df(self) -> DataFrame:
        """A row a prompt and side: prompt, side, samples, state (good, changed, broken, absent),
        did, detail.
        """
        names = ["prompt", "side", "samples", "state", "did", "detail"]
        return _frame([{name: getattr(o, name) for name in names} for o in self.outcomes], names)

    @property
    def calls_df(self) -> DataFrame:
        """A row a pair of calls: prompt, sample, turn, left, right (sides), kind (same, moved,
        arguments, name, missing, extra), left_name, right_name, left_arguments, right_arguments (as
        sent), changes (pointers into the arguments, with both values)."""
        return _frame(list(self._calls()), _CALL_COLUMNS)

    @property
    def stats_df(self) -> DataFrame:
        """A row a measure: measure, side, other, value, low, high (95 % interval), n, prompts, p,
        method, says.
        """
        return _frame([row._asdict() for row in self.stats], list(Statistic._fields))

    @property
    def timings_df(self) -> DataFrame:
        """A row a side: side, answers, latency and slowest (seconds, median and 95th percentile),
        first_token (seconds), tokens_per_second.
        """
        names = ["side", "answers", "latency", "slowest", "first_token", "tokens_per_second"]
        return _frame([{name: getattr(t, name) for name in names} for t in self.timings], names)

    def _calls(self) -> Iterator[dict[str, Any]]:
        for cell in self._cells:
            for sample, (a, b) in enumerate(zip(cell.left, cell.right, strict=False)):
                for turn, (x, y) in enumerate(zip(answer_views(a), answer_views(b), strict=False)):
                    place = (cell.prompt, sample, turn, *cell.names)
                    for pair in align_calls(x.calls, y.calls, x.tools):
                        yield dict(zip(_CALL_COLUMNS, (*place, *_call_row(pair)), strict=True))

    def __bool__(self) -> bool:
        return bool(self.divergences)

    def heading(self) -> str:
        """Summarize on one line what was compared and what was found."""
        worst: dict[str, str] = {}
        for finding in sorted(self.findings, key=lambda finding: -_IMPACT[finding.severity]):
            if finding.divergences:
                worst[finding.class_] = finding.severity
        found = Counter(worst.values())
        result = "no divergence" if self.apart else "nothing differs"
        if worst:
            numbers = ", ".join(f"{found[impact]} {impact}" for impact in _IMPACT if found[impact])
            classes = "class" if len(worst) == 1 else "classes"
            result = f"{len(worst)} {classes} of divergence ({numbers})"
        elif self.apart:
            result += f", but something else was done at {count(self.apart, 'prompt')}"
        of = count(len(self._cells), "pair") if self.notes else count(self.prompts, "prompt")
        return "; ".join((*self.notes, f"{' beside '.join(self.sides)}, {of}: {result}"))

    def __repr__(self) -> str:
        return f"<Comparison {clip(self.heading(), 400)}>"

    def issue(self) -> str:
        """Write the body of a GitHub issue: what differs, excerpts, how to repeat it; no keys."""
        body: str = hook("issue")(self)
        return body


def _finding(
    key: tuple[str, tuple[str, str]], found: list[Divergence], effects: set[int], of: int
) -> ClassFinding:
    prompts = {d.prompt for d in found}
    low, high = wilson(len(prompts), of)
    at_fault = {(d.at, d.prompt) for d in found}
    at = {name: sum(side == name for side, _ in at_fault) for name in key[1]}
    return ClassFinding(
        class_=key[0],
        sides=key[1],
        prompts=len(prompts),
        of=of,
        low=low,
        high=high,
        at=at,
        established=any(d.established for d in found),
        divergences=tuple(found),
        explained=len(effects),
    )


def _class_row(finding: ClassFinding) -> Statistic:
    value = finding.prompts / finding.of if finding.of else 0.0
    sure = "" if finding.established or not finding.divergences else "; not established"
    more = f"; in {finding.explained} as a consequence" if finding.explained else ""
    says = (
        f"in {finding.prompts} of {finding.of} prompts ({finding.low:.0%} to"
        f" {finding.high:.0%}){more}{sure}"
    )
    return Statistic(
        f"class:{finding.class_}",
        *finding.sides,
        value,
        finding.low,
        finding.high,
        finding.of,
        finding.of,
        None,
        "Wilson",
        says,
    )


def _call_row(pair: CallPair) -> tuple[Any, ...]:
    """List what the two sides call, in the order of the last of `_CALL_COLUMNS`."""
    left, right = pair.left, pair.right
    names = (left and left.name, right and right.name)
    arguments = (left and left.raw_arguments, right and right.raw_arguments)
    return pair.kind, *names, *arguments, "; ".join(c.summary() for c in pair.changes)


def _divergence_row(d: Divergence, cause: Divergence | None) -> dict[str, Any]:
    return {
        "prompt": d.prompt,
        "turn": d.turn,
        "sample": d.sample,
        "class": d.class_,
        "layer": d.layer,
        "severity": d.severity,
        "left": d.sides[0],
        "right": d.sides[1],
        "at": d.at,
        "cause": d.cause,
        "hint": d.hint,
        "link": d.link,
        "left_pointer": d.left.pointer,
        "left_excerpt": d.left.value,
        "right_pointer": d.right.pointer,
        "right_excerpt": d.right.value,
        "established": d.established,
        "evidence": d.evidence,
        "explained_by": cause.class_ if cause else None,
    }


_DIVERGENCE_COLUMNS = [
    "prompt",
    "turn",
    "sample",
    "class",
    "layer",
    "severity",
    "left",
    "right",
    "at",
    "cause",
    "hint",
    "link",
    "left_pointer",
    "left_excerpt",
    "right_pointer",
    "right_excerpt",
    "established",
    "evidence",
    "explained_by",
]
_CALL_COLUMNS = [
    "prompt",
    "sample",
    "turn",
    "left",
    "right",
    "kind",
    "left_name",
    "right_name",
    "left_arguments",
    "right_arguments",
    "changes",
]


def _frame(rows: list[dict[str, Any]], columns: list[str]) -> DataFrame:

    return inferred_frame(rows, columns=columns)

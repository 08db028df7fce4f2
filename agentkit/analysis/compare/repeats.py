"""Samples of one prompt on two sides: what differs always, what differs more than each side does
from itself, and what is noise.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations
from math import comb
from random import Random

from agentkit.analysis.compare.pairs import Cell
from agentkit.analysis.divergence.behaviour import outcome, tool_choice_semantics
from agentkit.analysis.divergence.detect import detect, fold
from agentkit.analysis.divergence.seen import Seen, seen_turns
from agentkit.analysis.divergence.traits import Divergence
from agentkit.analysis.divergence.transport import failed

SURE = 0.05
_EXACT = 12
"""Samples of both sides together up to which every way to deal them out is counted."""
_DRAWS = 2_000


@dataclass(frozen=True, slots=True)
class Did:
    """What one answer did, for counting."""

    outcome: Hashable
    tools: Hashable
    calls: int
    fits: bool
    """Whether every call can be run and fits its schema."""
    failed: bool
    chose: bool
    """Whether it obeyed the request's tool_choice."""
    text: Hashable
    cosmetic: Hashable = None


@dataclass(frozen=True, slots=True)
class Unit:
    """What the samples of two sides did at one turn of one prompt, as far as their histories
    agree.
    """

    prompt: int
    turn: int
    names: tuple[str, str]
    left: tuple[Did, ...]
    right: tuple[Did, ...]


@dataclass(frozen=True, slots=True)
class Compared:
    """What came of one cell."""

    divergences: list[Divergence]
    units: list[Unit]
    noise: Counter[str]
    """Behaviour that differed no more than a side does from itself, by class."""
    tests: list[tuple[int, float]]
    """Of divergences that were tested: their place in the list, and the p-value."""


def did(seen: Seen) -> Did:
    """What an answer did."""
    calls = seen.calls
    fits = all(
        call.valid and not any(p.code == "arguments_schema" for p in call.problems)
        for call in calls
    )
    text = (seen.answer.content or "").strip(), outcome(seen)
    chose = not any(True for _ in tool_choice_semantics(seen, seen))
    return Did(
        outcome(seen),
        frozenset(call.name for call in calls),
        len(calls),
        fits,
        failed(seen),
        chose,
        text,
    )


_LABELS: dict[str, Callable[[Did], Hashable]] = {
    "tool_selection": lambda d: d.tools,
    "parallel_calls": lambda d: d.calls,
    "arguments_value": lambda d: d.outcome,
    "arguments_schema": lambda d: d.fits,
    "tool_choice_semantics": lambda d: d.chose,
}
"""What is counted to tell a class of behaviour from noise."""


def compare_cell(cell: Cell, twins: bool | None = None, *, shared: bool = False) -> Compared:
    """Every divergence of a cell, once for each turn and class, with how often it was seen.

    Args:
        twins: whether the sides are one server's stream and block answers; None: told by what they
            say of themselves.
        shared: every turn was asked on the same history, whatever was answered before.
    """
    sides = ([seen_turns(t) for t in cell.left], [seen_turns(t) for t in cell.right])
    units = list(_units(cell, sides, shared))
    by_turn = {unit.turn: unit for unit in units}
    merged: dict[tuple[int, str], list[Divergence]] = {}
    pairs: Counter[int] = Counter()
    for sample, (a, b) in enumerate(zip(*sides, strict=False)):
        for turn, (x, y) in enumerate(zip(a, b, strict=False)):
            pairs[turn] += 1
            found = fold(detect(x, y, cell.names, twins=_twins(x, y) if twins is None else twins))
            for divergence in found:
                settled = failed(x) or failed(y)
                placed = _placed(divergence, cell.prompt, sample, turn)
                merged.setdefault(
                    (turn, divergence.class_ if not settled else f"!{divergence.class_}"), []
                ).append(placed)
            if not shared and (outcome(x) != outcome(y) or failed(x) or failed(y)):
                break
    return _judged(merged, pairs, by_turn, sides, cell)


def _judged(
    merged: dict[tuple[int, str], list[Divergence]],
    pairs: Counter[int],
    units: dict[int, Unit],
    sides: tuple[list[list[Seen]], ...],
    cell: Cell,
) -> Compared:
    kept: list[Divergence] = []
    noise: Counter[str] = Counter()
    tests: list[tuple[int, float]] = []
    for (turn, class_), found in merged.items():
        one = _union(found, pairs[turn])
        if class_ in _LABELS and turn in units:
            judged = _behaviour(one, units[turn], _LABELS[class_])
            if judged is None:
                noise[class_] += 1
                continue
            one, p = judged
            if p is not None:
                tests.append((len(kept), p))
        kept.append(one)
    defaults = _defaults(cell, sides)
    return Compared([*kept, *([defaults] if defaults else [])], list(units.values()), noise, tests)


def _placed(divergence: Divergence, prompt: int, sample: int, turn: int) -> Divergence:
    inner = tuple(_placed(effect, prompt, sample, turn) for effect in divergence.explains)
    return replace(divergence, prompt=prompt, sample=sample, turn=turn, explains=inner)


def _union(found: list[Divergence], pairs: int) -> Divergence:
    """One divergence for those of several samples: the first, with every consequence that any of
    them had.
    """
    first = found[0]
    effects = {
        effect.class_: effect for divergence in reversed(found) for effect in divergence.explains
    }
    evidence = f"{len(found)} of {pairs} samples" if pairs > 1 else ""
    both_ways = len({d.at for d in found if d.at}) > 1
    return replace(
        first,
        explains=tuple(effects.values()),
        evidence=evidence,
        established=not both_ways,
        at=None if both_ways else first.at,
    )


def _behaviour(
    divergence: Divergence, unit: Unit, label: Callable[[Did], Hashable]
) -> tuple[Divergence, float | None] | None:
    """The divergence with what the repeats say of it; None where they say noise."""
    mine, theirs = [label(d) for d in unit.left], [label(d) for d in unit.right]
    if len(mine) < 2 or len(theirs) < 2:
        told = "seen once; ask several times (n=8) to tell it from noise"
        return replace(divergence, established=False, evidence=told), None
    p = noise_p(mine, theirs)
    apart = not set(mine) & set(theirs) and len(set(mine)) == len(set(theirs)) == 1
    if p > SURE and not apart:
        return None
    told = f"{_count(mine)} against {_count(theirs)}, p = {p:.2g}"
    if p > SURE:
        told += f"; {_enough(len(mine))} samples of each would tell"
    return replace(divergence, established=p <= SURE, evidence=told), p


def _count(labels: Sequence[Hashable]) -> str:
    return f"{Counter(labels).most_common(1)[0][1]} of {len(labels)}"


def _enough(n: int) -> int:
    """Samples of each side from which two sides that never agree could not be chance."""
    while 2 / comb(2 * n, n) > SURE:
        n += 1
    return n


def noise_p(left: Sequence[Hashable], right: Sequence[Hashable]) -> float:
    """How often samples dealt out at random to two sides would differ as much as these do (a
    permutation test).

    >>> noise_p("aaaa", "aaaa"), round(noise_p("aaaa", "bbbb"), 3)
    (1.0, 0.029)
    """
    counts = Counter(left), Counter(right)
    shape = tuple(sorted((counts[0][key], counts[1][key]) for key in counts[0] | counts[1]))
    return _permutation_p(shape)


@lru_cache(4096)
def _permutation_p(shape: tuple[tuple[int, int], ...]) -> float:
    labels = [i for i, (a, b) in enumerate(shape) for _ in range(a + b)]
    size, total = sum(a for a, _ in shape), len(labels)
    if len(shape) == 1:
        return 1.0
    totals = [a + b for a, b in shape]
    seen = _apart([a for a, _ in shape], totals, size, total)
    at_least = draws = 0
    for chosen in _deals(labels, size):
        dealt = Counter(chosen)
        at_least += (
            _apart([dealt[i] for i in range(len(shape))], totals, size, total) >= seen - 1e-12
        )
        draws += 1
    return at_least / draws if total <= _EXACT else (at_least + 1) / (draws + 1)


def _deals(labels: list[int], size: int) -> Iterator[Sequence[int]]:
    if len(labels) <= _EXACT:
        yield from combinations(labels, size)
        return
    random = Random(0)  # noqa: S311
    yield from (random.sample(labels, size) for _ in range(_DRAWS))


def _apart(mine: list[int], totals: list[int], size: int, total: int) -> float:
    return sum(abs(a / size - (t - a) / (total - size)) for a, t in zip(mine, totals, strict=True))


def _units(
    cell: Cell, sides: tuple[list[list[Seen]], list[list[Seen]]], shared: bool
) -> Iterator[Unit]:
    """Turn by turn, the samples whose earlier turns all did the same; as long as both sides have
    some.
    """
    left, right = sides
    turn = 0
    while left and right:
        mine, theirs = (
            [did(t[turn]) for t in left if turn < len(t)],
            [did(t[turn]) for t in right if turn < len(t)],
        )
        if not mine or not theirs:
            return
        yield Unit(cell.prompt, turn, cell.names, tuple(mine), tuple(theirs))
        turn += 1
        if shared:
            continue
        common = Counter(d.outcome for d in mine if not d.failed) & Counter(
            d.outcome for d in theirs if not d.failed
        )
        if not common:
            return
        best = common.most_common(1)[0][0]
        left, right = (
            [
                t
                for t in side
                if turn < len(t) and not failed(t[turn - 1]) and outcome(t[turn - 1]) == best
            ]
            for side in (left, right)
        )


def _defaults(cell: Cell, sides: tuple[list[list[Seen]], ...]) -> Divergence | None:
    """Sampling left open, and one side gives its most frequent answer more often than the other its
    own.
    """
    firsts = [[t[0] for t in side if t] for side in sides]
    asked = [s.asked for side in firsts for s in side]
    if min(map(len, firsts)) < 4 or any(
        not a or {"temperature", "top_p", "top_k", "seed"} & a.keys() for a in asked
    ):
        return None
    texts = [Counter(did(s).text for s in side) for side in firsts]
    kinds = [len(t) for t in texts]
    same = [t.most_common(1)[0][1] for t in texts]
    sizes = [len(side) for side in firsts]
    from scipy.stats import fisher_exact

    p = float(fisher_exact([[same[0], sizes[0] - same[0]], [same[1], sizes[1] - same[1]]]).pvalue)
    if p > SURE:
        return None
    steady, varied = (0, 1) if same[0] * sizes[1] > same[1] * sizes[0] else (1, 0)
    cause = (
        f"no temperature was sent; {cell.names[steady]} answers in {kinds[steady]} ways,"
        f" {cell.names[varied]} in {kinds[varied]}"
    )
    return _sampling(
        cell, cause, f"{same[0]} of {sizes[0]} against {same[1]} of {sizes[1]}, p = {p:.2g}"
    )


def _sampling(cell: Cell, cause: str, evidence: str) -> Divergence:
    from agentkit.analysis.divergence.classes import CLASSES
    from agentkit.analysis.divergence.traits import Excerpt

    known, nothing = CLASSES["sampling_defaults"], Excerpt(pointer="", value=None)
    return Divergence(
        class_="sampling_defaults",
        severity=known.severity,
        sides=cell.names,
        at=None,
        left=nothing,
        right=nothing,
        cause=cause,
        hint=known.hint,
        link=known.link,
        prompt=cell.prompt,
        evidence=evidence,
    )


def _twins(a: Seen, b: Seen) -> bool:
    """Whether the same server seems to have answered once in pieces and once in one."""
    if a.streamed == b.streamed or a.answer.model is None or a.answer.model != b.answer.model:
        return False
    return _fingerprint(a) == _fingerprint(b)


def _fingerprint(seen: Seen) -> str | None:
    told = seen.envelope.body.get("system_fingerprint")
    return told or next(
        (event["system_fingerprint"] for event in seen.events if event.get("system_fingerprint")),
        None,
    )

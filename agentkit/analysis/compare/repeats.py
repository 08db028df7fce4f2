"""Samples of one prompt on two sides: what differs always, what differs more than each side does
from itself, and what is noise.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations
from math import comb
from random import Random

from agentkit.analysis.compare.pairs import Cell, asks_alike
from agentkit.analysis.divergence.answer_view import AnswerView, answer_views
from agentkit.analysis.divergence.behaviour import outcome, tool_choice_semantics
from agentkit.analysis.divergence.classes import CLASSES
from agentkit.analysis.divergence.detect import detect, fold
from agentkit.analysis.divergence.traits import Divergence, Excerpt
from agentkit.analysis.divergence.transport import failed

SURE = 0.05
_EXACT = 12
"""Samples of both sides together up to which every way to deal them out is counted."""
_DRAWS = 2_000
Samples = list[list[AnswerView]]
"""The answers of each sample of one side."""


@dataclass(frozen=True, slots=True)
class Behaviour:
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


@dataclass(frozen=True, slots=True)
class TurnPair:
    """What the samples of two sides did at one turn of one prompt, as far as their histories
    agree.
    """

    prompt: int
    turn: int
    names: tuple[str, str]
    left: tuple[Behaviour, ...]
    right: tuple[Behaviour, ...]


@dataclass(frozen=True, slots=True)
class CellResult:
    """What the comparison of one cell found."""

    divergences: list[Divergence]
    pairs: list[TurnPair]
    noise: Counter[str]
    """Behaviour that differed no more than a side does from itself, by class."""
    tests: list[tuple[int, float]]
    """The divergences that were tested: their place in the list, and the p-value."""


def behaviour_of(view: AnswerView) -> Behaviour:
    """Summarize what an answer did."""
    problems = [p for call in view.calls for p in call.problems]
    runnable = all(call.valid for call in view.calls)
    made = outcome(view)
    return Behaviour(
        outcome=made,
        tools=frozenset(call.name for call in view.calls),
        calls=len(view.calls),
        fits=runnable and not any(p.code == "arguments_schema" for p in problems),
        failed=failed(view),
        chose=not any(True for _ in tool_choice_semantics(view, view)),
        text=((view.answer.content or "").strip(), made),
    )


_COUNTED = {
    "tool_selection": "tools",
    "parallel_calls": "calls",
    "arguments_value": "outcome",
    "arguments_schema": "fits",
    "tool_choice_semantics": "chose",
}
"""The field of `Behaviour` that is counted to separate a class of behaviour from noise."""


def compare_cell(
    cell: Cell, same_server: bool | None = None, *, shared: bool = False
) -> CellResult:
    """Find every divergence of a cell, once for each turn and class, with how often it was seen.

    Args:
        cell: the samples of one request on two sides.
        same_server: whether the sides are one server's stream and block answers; None decides it
            for each pair of answers by the model and fingerprint they name.
        shared: every turn was asked on the same history, whatever was answered before.
    """
    sides = ([answer_views(t) for t in cell.left], [answer_views(t) for t in cell.right])
    for left, right, a, b in zip(cell.left, cell.right, *sides, strict=False):
        apart = not asks_alike(left, right)
        for view in (*a, *b):
            view.apart = apart
    merged: dict[tuple[int, str], list[Divergence]] = {}
    answered: Counter[int] = Counter()
    for sample, (a, b) in enumerate(zip(*sides, strict=False)):
        for turn, (x, y) in enumerate(zip(a, b, strict=False)):
            answered[turn] += 1
            forms = _same_server(x, y) if same_server is None else same_server
            either_failed = failed(x) or failed(y)
            for divergence in fold(detect(x, y, cell.names, same_server=forms)):
                # what a failure shows is no behaviour, and is kept apart from it
                key = f"!{divergence.class_}" if either_failed else divergence.class_
                placed = _placed(divergence, cell.prompt, sample, turn)
                merged.setdefault((turn, key), []).append(placed)
            if not shared and (either_failed or outcome(x) != outcome(y)):
                break  # from here on the two samples have different histories
    return _judged(merged, answered, list(_turn_pairs(cell, sides, shared)), sides, cell)


def _judged(
    merged: dict[tuple[int, str], list[Divergence]],
    answered: Counter[int],
    pairs: list[TurnPair],
    sides: tuple[Samples, Samples],
    cell: Cell,
) -> CellResult:
    """Test the divergences of behaviour against the noise of each side."""
    by_turn = {pair.turn: pair for pair in pairs}
    kept: list[Divergence] = []
    noise: Counter[str] = Counter()
    tests: list[tuple[int, float]] = []
    for (turn, class_), found in merged.items():
        one = _union(found, answered[turn])
        if class_ in _COUNTED and turn in by_turn:
            judged = _tested(one, by_turn[turn], _COUNTED[class_])
            if judged is None:
                noise[class_] += 1
                continue
            one, p = judged
            if p is not None:
                tests.append((len(kept), p))
        kept.append(one)
    defaults = _defaults(cell, sides)
    return CellResult([*kept, *([defaults] if defaults else [])], pairs, noise, tests)


def _placed(divergence: Divergence, prompt: int, sample: int, turn: int) -> Divergence:
    inner = tuple(_placed(effect, prompt, sample, turn) for effect in divergence.explains)
    return replace(divergence, prompt=prompt, sample=sample, turn=turn, explains=inner)


def _union(found: list[Divergence], answered: int) -> Divergence:
    """Merge the divergences of several samples: the first, with every consequence that any of them
    had.
    """
    first = found[0]
    effects = {
        effect.class_: effect for divergence in reversed(found) for effect in divergence.explains
    }
    evidence = f"{len(found)} of {answered} samples" if answered > 1 else ""
    both_ways = len({d.at for d in found if d.at}) > 1
    return replace(
        first,
        explains=tuple(effects.values()),
        evidence=evidence,
        established=not both_ways,
        at=None if both_ways else first.at,
    )


def _tested(
    divergence: Divergence, pair: TurnPair, field: str
) -> tuple[Divergence, float | None] | None:
    """Test a divergence of behaviour by its repeats.

    Returns:
        The divergence with its evidence, and the p-value where there are repeats; None for noise.
    """
    mine = [getattr(behaviour, field) for behaviour in pair.left]
    theirs = [getattr(behaviour, field) for behaviour in pair.right]
    if len(mine) < 2 or len(theirs) < 2:
        evidence = "seen once; ask several times (n=8) to tell it from noise"
        return replace(divergence, established=False, evidence=evidence), None
    p = noise_p(mine, theirs)
    apart = not set(mine) & set(theirs) and len(set(mine)) == len(set(theirs)) == 1
    if p > SURE and not apart:
        return None
    evidence = f"{_count(mine)} against {_count(theirs)}, p = {p:.2g}"
    if p > SURE:
        evidence += f"; {_enough(len(mine))} samples of each would tell"
    return replace(divergence, established=p <= SURE, evidence=evidence), p


def _count(labels: Sequence[Hashable]) -> str:
    return f"{Counter(labels).most_common(1)[0][1]} of {len(labels)}"


def _enough(n: int) -> int:
    """Count the samples of each side from which two sides that never agree could not be chance."""
    while 2 / comb(2 * n, n) > SURE:
        n += 1
    return n


def noise_p(left: Sequence[Hashable], right: Sequence[Hashable]) -> float:
    """Compute how often samples dealt out at random to two sides would differ as much as these do
    (a permutation test).

    >>> noise_p("aaaa", "aaaa"), round(noise_p("aaaa", "bbbb"), 3)
    (1.0, 0.029)
    """
    counts = Counter(left), Counter(right)
    shape = tuple(sorted((counts[0][key], counts[1][key]) for key in counts[0] | counts[1]))
    return _permutation_p(shape)


@lru_cache(4096)
def _permutation_p(shape: tuple[tuple[int, int], ...]) -> float:
    # Not scipy's permutation_test: its draws differ, and labels are not numbers, so it would call
    # back into Python for every draw and could not keep one result for all tables of this shape.
    labels = [i for i, (a, b) in enumerate(shape) for _ in range(a + b)]
    size, total = sum(a for a, _ in shape), len(labels)
    if len(shape) == 1:
        return 1.0
    totals = [a + b for a, b in shape]
    observed = _apart([a for a, _ in shape], totals, size, total)
    at_least = draws = 0
    for chosen in _deals(labels, size):
        dealt = Counter(chosen)
        drawn = _apart([dealt[i] for i in range(len(shape))], totals, size, total)
        at_least += drawn >= observed - 1e-12
        draws += 1
    return at_least / draws if total <= _EXACT else (at_least + 1) / (draws + 1)


def _deals(labels: list[int], size: int) -> Iterator[Sequence[int]]:
    if len(labels) <= _EXACT:
        yield from combinations(labels, size)
        return
    random = Random(0)  # noqa: S311
    yield from (random.sample(labels, size) for _ in range(_DRAWS))


def _apart(mine: list[int], totals: list[int], size: int, total: int) -> float:
    """Measure how far the shares of the labels on the two sides are apart, summed up."""
    return sum(abs(a / size - (t - a) / (total - size)) for a, t in zip(mine, totals, strict=True))


def _turn_pairs(cell: Cell, sides: tuple[Samples, Samples], shared: bool) -> Iterator[TurnPair]:
    """Pair turn by turn the samples whose earlier turns all did the same, as long as both sides
    have some.
    """
    left, right = sides
    turn = 0
    while left and right:
        mine, theirs = (
            [behaviour_of(t[turn]) for t in side if turn < len(t)] for side in (left, right)
        )
        if not mine or not theirs:
            return
        yield TurnPair(cell.prompt, turn, cell.names, tuple(mine), tuple(theirs))
        turn += 1
        if shared:
            continue
        common = _outcomes(mine) & _outcomes(theirs)
        if not common:
            return
        best = common.most_common(1)[0][0]
        left, right = _going_on(left, turn, best), _going_on(right, turn, best)


def _outcomes(behaviours: Sequence[Behaviour]) -> Counter[Hashable]:
    return Counter(behaviour.outcome for behaviour in behaviours if not behaviour.failed)


def _going_on(side: Samples, turn: int, before: Hashable) -> Samples:
    """Keep the samples that have this turn, and whose turn before it had this outcome."""
    rest = [views for views in side if turn < len(views) and not failed(views[turn - 1])]
    return [views for views in rest if outcome(views[turn - 1]) == before]


def _defaults(cell: Cell, sides: tuple[Samples, Samples]) -> Divergence | None:
    """Find that one side gives its most frequent answer more often than the other its own, where
    the request leaves the sampling open.
    """
    firsts = [[views[0] for views in side if views] for side in sides]
    if min(map(len, firsts)) < 4 or not all(_sampling_is_open(v) for side in firsts for v in side):
        return None
    texts = [Counter(behaviour_of(view).text for view in side) for side in firsts]
    same = [counted.most_common(1)[0][1] for counted in texts]
    sizes = [len(side) for side in firsts]
    from scipy.stats import fisher_exact

    p = float(fisher_exact([[same[0], sizes[0] - same[0]], [same[1], sizes[1] - same[1]]]).pvalue)
    if p > SURE:
        return None
    steady, varied = (0, 1) if same[0] * sizes[1] > same[1] * sizes[0] else (1, 0)
    cause = (
        f"no temperature was sent; {cell.names[steady]} answers in {len(texts[steady])} ways,"
        f" {cell.names[varied]} in {len(texts[varied])}"
    )
    evidence = f"{same[0]} of {sizes[0]} against {same[1]} of {sizes[1]}, p = {p:.2g}"
    return _sampling(cell, cause, evidence)


def _sampling_is_open(view: AnswerView) -> bool:
    """Tell whether the request is known and sets nothing that decides the sampling."""
    return bool(view.asked) and view.asked.keys().isdisjoint(
        ("temperature", "top_p", "top_k", "seed")
    )


def _sampling(cell: Cell, cause: str, evidence: str) -> Divergence:
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


def _same_server(a: AnswerView, b: AnswerView) -> bool:
    """Tell whether one server seems to have answered once in pieces and once in one."""
    if (
        a.streamed == b.streamed
        or a.dialect != b.dialect
        or a.answer.model is None
        or a.answer.model != b.answer.model
    ):
        return False
    return _fingerprint(a) == _fingerprint(b)


def _fingerprint(view: AnswerView) -> str | None:
    found = [event.get("system_fingerprint") for event in view.events]
    return next(filter(None, (view.envelope.body.get("system_fingerprint"), *found)), None)

"""How often, how sure, and how many samples more: rates with their intervals, paired tests between
two sides, and a sentence on each.

Samples of one prompt are not independent, so with several of them intervals come from a bootstrap
over requests; with one they are Wilson's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, pairwise
from math import ceil, sqrt
from typing import Any, NamedTuple

from agentkit.analysis.compare.repeats import SURE, Did, Unit
from agentkit.types.words import count

_DRAWS = 2_000
_POWER = 0.8


class Statistic(NamedTuple):
    """A line of `comparison.stats_df`."""

    measure: str
    """`trigger_rate`, `schema_valid`, `failed`, `agrees_with_itself` of one side; `exact_match`,
    `tool_selection`, `f1_of_calling` of two; `trigger_rate_difference`, `schema_valid_difference`,
    `match_against_noise` between them; `class:NAME` how many prompts show a class."""
    side: str
    other: str
    """"" for a measure of one side."""
    value: float
    low: float
    """Lower end of the 95 % interval."""
    high: float
    n: int
    """Samples, or pairs of them, that were counted."""
    prompts: int
    """Requests that were counted: turns of prompts, on the same history."""
    p: float | None
    """Of the test between the sides; None where nothing is tested."""
    method: str
    says: str
    """What is established, what is noise, how many samples more would tell."""


def statistics(units: Sequence[Unit], names: tuple[str, str]) -> Iterator[Statistic]:
    """The measures of two sides, first of each, then between them."""
    if not units:
        return
    for place, name in enumerate(names):
        samples = [(unit.left, unit.right)[place] for unit in units]
        yield _rate(
            "trigger_rate",
            name,
            [[bool(d.calls) for d in side] for side in samples],
            "of the answers call a tool",
        )
        yield _rate(
            "schema_valid",
            name,
            [[d.fits for d in side if d.calls] for side in samples],
            "of the answers that call fit their schemas",
        )
        yield _rate(
            "failed", name, [[d.failed for d in side] for side in samples], "of the requests failed"
        )
        own = [_with_itself(side) for side in samples]
        yield _rate(
            "agrees_with_itself",
            name,
            own,
            "of two samples of one prompt do the same",
            "pairs of samples",
        )
    exact, tools = (
        [_between(unit, lambda d: d.outcome) for unit in units],
        [_between(unit, lambda d: d.tools) for unit in units],
    )
    yield _rate(
        "exact_match",
        names[0],
        exact,
        "of pairs make the same calls with the same values",
        "pairs",
        names[1],
    )
    yield _rate(
        "tool_selection", names[0], tools, "of pairs call the same tools", "pairs", names[1]
    )
    yield _f1(units, names)
    yield _difference(
        "trigger_rate_difference",
        units,
        names,
        lambda d: bool(d.calls),
        "how often a tool is called",
    )
    yield _difference(
        "schema_valid_difference", units, names, lambda d: d.fits, "how often arguments fit"
    )
    yield _noise(units, names)


def _with_itself(side: Sequence[Did]) -> list[bool]:
    pairs = combinations(side, 2) if len(side) <= 32 else pairwise(side)
    return [a.outcome == b.outcome for a, b in pairs]


def _between(unit: Unit, label: Callable[[Did], Any]) -> list[bool]:
    return [label(a) == label(b) for a, b in zip(unit.left, unit.right, strict=False)]


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a rate; (0, 1) of nothing.

    >>> [round(x, 3) for x in wilson(9, 10)]
    [0.596, 0.982]
    """
    if not n:
        return 0.0, 1.0
    from scipy.stats import binomtest

    interval = binomtest(hits, n).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)


def _rate(
    measure: str,
    side: str,
    grouped: Sequence[Sequence[bool]],
    says: str,
    of: str = "samples",
    other: str = "",
) -> Statistic:
    groups = [group for group in grouped if group]
    n, hits = sum(map(len, groups)), sum(map(sum, groups))
    value = hits / n if n else float("nan")
    if n > len(groups) and len(groups) >= 5:
        low, high = _bootstrap([(sum(group), len(group)) for group in groups], _ratio)
        method = "bootstrap over requests"
    else:
        low, high = wilson(hits, n)
        method = "Wilson" if n == len(groups) else "Wilson, too few requests for a bootstrap"
    told = f"{value:.0%} {says} ({low:.0%} to {high:.0%}, {n} {of})" if n else f"no {of} to tell"
    return Statistic(measure, side, other, value, low, high, n, len(groups), None, method, told)


def _ratio(sums: Any) -> Any:
    """A ratio of sums, over the last axis; nothing over nothing is nothing."""
    import numpy as np

    return np.divide(
        sums[..., 0],
        sums[..., 1],
        out=np.zeros_like(sums[..., 0], dtype=float),
        where=sums[..., 1] > 0,
    )


def _bootstrap(
    rows: Sequence[Sequence[float]], statistic: Callable[[Any], Any]
) -> tuple[float, float]:
    """The 95 % percentile interval of a statistic of column sums, prompts drawn with replacement;
    the same draws at every run.
    """
    import numpy as np

    table, random = np.asarray(rows, dtype=float), np.random.default_rng(0)
    values = [
        statistic(table[random.integers(0, len(table), (100, len(table)))].sum(axis=1))
        for _ in range(_DRAWS // 100)
    ]
    low, high = np.quantile(np.concatenate(values), [0.025, 0.975])
    return float(low), float(high)


def _f1(units: Sequence[Unit], names: tuple[str, str]) -> Statistic:
    """Agreement on calling at all: the F1 of one side's calls against the other's, the same from
    both.
    """
    rows = []
    for unit in units:
        pairs = [
            (bool(a.calls), bool(b.calls)) for a, b in zip(unit.left, unit.right, strict=False)
        ]
        rows.append((2 * sum(a and b for a, b in pairs), sum(a + b for a, b in pairs)))
    both, any_, n = (
        sum(r[0] for r in rows),
        sum(r[1] for r in rows),
        sum(min(len(u.left), len(u.right)) for u in units),
    )
    value = both / any_ if any_ else 1.0
    low, high = _bootstrap(rows, _ratio) if len(rows) >= 5 and any_ else (0.0, 1.0)
    told = (
        f"F1 of calling against not calling is {value:.2f} ({low:.2f} to {high:.2f})"
        if any_
        else "no side calls a tool"
    )
    method = "bootstrap over requests" if len(rows) >= 5 else "too few requests for an interval"
    return Statistic(
        "f1_of_calling", names[0], names[1], value, low, high, n, len(rows), None, method, told
    )


def _difference(
    measure: str,
    units: Sequence[Unit],
    names: tuple[str, str],
    label: Callable[[Did], bool],
    what: str,
) -> Statistic:
    """A paired difference: McNemar's exact test over prompts, and a paired bootstrap for its
    size.
    """
    means = [
        (sum(map(label, u.left)) / len(u.left), sum(map(label, u.right)) / len(u.right))
        for u in units
    ]
    value = sum(a - b for a, b in means) / len(means)
    ahead, behind = sum(a > b for a, b in means), sum(a < b for a, b in means)
    p = mcnemar(ahead, behind)
    low, high = (
        _bootstrap([(a - b, 1.0) for a, b in means], _ratio) if len(means) >= 5 else (-1.0, 1.0)
    )
    method = "McNemar exact over requests" + (", paired bootstrap" if len(means) >= 5 else "")
    n = sum(len(u.left) + len(u.right) for u in units)
    return Statistic(
        measure,
        names[0],
        names[1],
        value,
        low,
        high,
        n,
        len(means),
        p,
        method,
        _told(what, names, ahead, behind, len(means), p, value),
    )


def mcnemar(ahead: int, behind: int) -> float:
    """The exact p-value of McNemar's test, from the prompts on which one side is ahead and those on
    which the other is.

    >>> mcnemar(0, 0), mcnemar(8, 0) < 0.01
    (1.0, True)
    """
    if not ahead + behind:
        return 1.0
    from scipy.stats import binomtest

    return float(binomtest(ahead, ahead + behind).pvalue)


def _told(
    what: str, names: tuple[str, str], ahead: int, behind: int, prompts: int, p: float, value: float
) -> str:
    if not ahead + behind:
        most = 1 - SURE ** (1 / prompts)
        return (
            f"no difference in {what} on {prompts} requests; one on more than {most:.0%} of them is"
            " ruled out"
        )
    side = names[0] if value > 0 else names[1]
    seen = f"{max(ahead, behind)} of {prompts} requests one way, {min(ahead, behind)} the other"
    if p <= SURE:
        return f"established: {side} is ahead in {what} ({seen}, p = {p:.2g})"
    needed = needed_prompts(ahead / prompts, behind / prompts)
    more = (
        f"{needed - prompts} more requests would tell"
        if needed and needed > prompts
        else "more requests would tell"
    )
    return (
        f"not established in {what} ({seen}, p = {p:.2g});"
        f" {more if ahead != behind else 'as far as it goes the sides are even'}"
    )


def needed_prompts(ahead: float, behind: float) -> int | None:
    """Prompts at which McNemar's test would find such a difference four times in five (Connor
    1987); None for no difference.

    >>> needed_prompts(0.10, 0.02), needed_prompts(0.1, 0.1)
    (145, None)
    """
    from scipy.stats import norm

    gap, apart = abs(ahead - behind), ahead + behind
    if not gap:
        return None
    a, b = float(norm.ppf(1 - SURE / 2)), float(norm.ppf(_POWER))
    return ceil((a * sqrt(apart) + b * sqrt(max(0.0, apart - gap * gap))) ** 2 / gap**2)


def _noise(units: Sequence[Unit], names: tuple[str, str]) -> Statistic:
    """Agreement between the sides against the agreement of each with itself: the floor below which
    a difference is noise.
    """
    rows = []
    for unit in units:
        own = [*_with_itself(unit.left), *_with_itself(unit.right)]
        cross = [a.outcome == b.outcome for a in unit.left[:32] for b in unit.right[:32]]
        if own and cross:
            rows.append((sum(cross) / len(cross) - sum(own) / len(own), 1.0))
    if not rows:
        told = (
            "one sample a side: what is noise cannot be told; ask each prompt several times (n=4 or"
            " more)"
        )
        return Statistic(
            "match_against_noise",
            *names,
            float("nan"),
            float("nan"),
            float("nan"),
            0,
            0,
            None,
            "none",
            told,
        )
    value = sum(r[0] for r in rows) / len(rows)
    low, high = _bootstrap(rows, _ratio) if len(rows) >= 5 else (-1.0, 1.0)
    if len(rows) < 5:
        than = f"{abs(value):.0%} {'less' if value < 0 else 'more'}"
        told = (
            f"the sides agree {than} with each other than with themselves;"
            f" {count(5 - len(rows), 'more request')} would give an interval"
        )
    elif high < 0:
        told = (
            f"established: the sides agree {-value:.0%} less with each other than with themselves"
            f" ({-high:.0%} to {-low:.0%})"
        )
    else:
        told = (
            f"noise: the sides agree with each other as with themselves ({value:+.0%}, {low:+.0%}"
            f" to {high:+.0%})"
        )
    n = sum(len(u.left) * len(u.right) for u in units)
    return Statistic(
        "match_against_noise",
        *names,
        value,
        low,
        high,
        n,
        len(rows),
        None,
        "paired bootstrap",
        told,
    )

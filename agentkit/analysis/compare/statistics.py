"""How often, how sure, and how many samples more: rates with their intervals, paired tests between
two sides, and a sentence on each.

Samples of one prompt are not independent. So with several of them intervals come from a bootstrap
over requests; with one they are Wilson's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, pairwise
from math import ceil, nan, sqrt
from typing import Any, NamedTuple

from agentkit.analysis.compare.repeats import SURE, Behaviour, TurnPair
from agentkit.types.words import count

_DRAWS = 2_000
_POWER = 0.8
_FEW = 5
"""Requests below which a bootstrap gives no interval."""
_MOST = 32
"""Samples of one side that are compared each with each; of more, neighbours are compared."""


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
    """The p-value of the test between the sides; None where nothing is tested."""
    method: str
    says: str
    """What is established, what is noise, how many samples more would tell."""


def statistics(pairs: Sequence[TurnPair], names: tuple[str, str]) -> Iterator[Statistic]:
    """Compute the measures of two sides, first of each, then between them."""
    if not pairs:
        return
    yield from _of_side(names[0], [pair.left for pair in pairs])
    yield from _of_side(names[1], [pair.right for pair in pairs])
    exact = [_matches(pair, _outcome) for pair in pairs]
    phrase = "of pairs make the same calls with the same values"
    yield _rate("exact_match", names[0], exact, phrase, "pairs", names[1])
    tools = [_matches(pair, _tools) for pair in pairs]
    yield _rate(
        "tool_selection", names[0], tools, "of pairs call the same tools", "pairs", names[1]
    )
    yield _f1(pairs, names)
    what = "how often a tool is called"
    yield _difference("trigger_rate_difference", pairs, names, _has_calls, what)
    yield _difference("schema_valid_difference", pairs, names, _fits, "how often arguments fit")
    yield _noise(pairs, names)


def _of_side(name: str, samples: Sequence[Sequence[Behaviour]]) -> Iterator[Statistic]:
    """Compute the measures of one side."""
    calling = [list(map(_has_calls, side)) for side in samples]
    yield _rate("trigger_rate", name, calling, "of the answers call a tool")
    fitting = [[b.fits for b in side if b.calls] for side in samples]
    yield _rate("schema_valid", name, fitting, "of the answers that call fit their schemas")
    failing = [[b.failed for b in side] for side in samples]
    yield _rate("failed", name, failing, "of the requests failed")
    own = [_with_itself(side) for side in samples]
    phrase = "of two samples of one prompt do the same"
    yield _rate("agrees_with_itself", name, own, phrase, "pairs of samples")


def _outcome(behaviour: Behaviour) -> Any:
    return behaviour.outcome


def _tools(behaviour: Behaviour) -> Any:
    return behaviour.tools


def _fits(behaviour: Behaviour) -> bool:
    return behaviour.fits


def _has_calls(behaviour: Behaviour) -> bool:
    return bool(behaviour.calls)


def _with_itself(side: Sequence[Behaviour]) -> list[bool]:
    """Compare the samples of one side with each other."""
    pairs = combinations(side, 2) if len(side) <= _MOST else pairwise(side)
    return [a.outcome == b.outcome for a, b in pairs]


def _matches(pair: TurnPair, label: Callable[[Behaviour], Any]) -> list[bool]:
    """Compare the samples of both sides one by one."""
    return [label(a) == label(b) for a, b in zip(pair.left, pair.right, strict=False)]


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Compute Wilson's 95 % interval of a rate; (0, 1) of nothing.

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
    phrase: str,
    of: str = "samples",
    other: str = "",
) -> Statistic:
    """Compute a rate over samples that are grouped by request.

    Args:
        measure: its name.
        side: the side it is of.
        grouped: the samples of each request, True for a hit.
        phrase: what follows the rate in its sentence.
        of: what is counted, in the plural.
        other: the other side, where it is of two.
    """
    groups = [group for group in grouped if group]
    n, hits = sum(map(len, groups)), sum(map(sum, groups))
    value = hits / n if n else nan
    if n > len(groups) and len(groups) >= _FEW:
        low, high = _bootstrap([(sum(group), len(group)) for group in groups], _ratio)
        method = "bootstrap over requests"
    else:
        low, high = wilson(hits, n)
        method = "Wilson" if n == len(groups) else "Wilson, too few requests for a bootstrap"
    says = f"{value:.0%} {phrase} ({low:.0%} to {high:.0%}, {n} {of})" if n else f"no {of} to tell"
    return Statistic(measure, side, other, value, low, high, n, len(groups), None, method, says)


def _ratio(sums: Any) -> Any:
    """Divide the two sums of the last axis; nothing over nothing is nothing."""
    import numpy as np

    hits, all_ = sums[..., 0], sums[..., 1]
    return np.divide(hits, all_, out=np.zeros_like(hits, dtype=float), where=all_ > 0)


def _bootstrap(
    rows: Sequence[Sequence[float]], statistic: Callable[[Any], Any]
) -> tuple[float, float]:
    """Compute the 95 % percentile interval of a statistic of column sums, prompts drawn with
    replacement; the draws are the same at every run.
    """
    import numpy as np

    table, random = np.asarray(rows, dtype=float), np.random.default_rng(0)
    values = []
    for _ in range(_DRAWS // 100):  # a hundred draws at a time keep the arrays small
        drawn = random.integers(0, len(table), (100, len(table)))
        values.append(statistic(table[drawn].sum(axis=1)))
    low, high = np.quantile(np.concatenate(values), [0.025, 0.975])
    return float(low), float(high)


def _f1(pairs: Sequence[TurnPair], names: tuple[str, str]) -> Statistic:
    """Compute the agreement on calling at all: the F1 of one side's calls against the other's,
    which is the same both ways.
    """
    rows, n = [], 0
    for pair in pairs:
        both = any_ = 0
        for a, b in zip(map(_has_calls, pair.left), map(_has_calls, pair.right), strict=False):
            both, any_, n = both + 2 * (a and b), any_ + a + b, n + 1
        rows.append((both, any_))
    calling = sum(any_ for _, any_ in rows)
    value = sum(both for both, _ in rows) / calling if calling else 1.0
    enough = len(rows) >= _FEW
    low, high = _bootstrap(rows, _ratio) if enough and calling else (0.0, 1.0)
    method = "bootstrap over requests" if enough else "too few requests for an interval"
    says = "no side calls a tool"
    if calling:
        says = f"F1 of calling against not calling is {value:.2f} ({low:.2f} to {high:.2f})"
    return Statistic("f1_of_calling", *names, value, low, high, n, len(rows), None, method, says)


def _difference(
    measure: str,
    pairs: Sequence[TurnPair],
    names: tuple[str, str],
    label: Callable[[Behaviour], bool],
    what: str,
) -> Statistic:
    """Compute a paired difference: McNemar's exact test over prompts, and a paired bootstrap for
    its size.
    """
    means = [
        (sum(map(label, pair.left)) / len(pair.left), sum(map(label, pair.right)) / len(pair.right))
        for pair in pairs
    ]
    gaps = [(a - b, 1.0) for a, b in means]
    value = sum(gap for gap, _ in gaps) / len(gaps)
    ahead, behind = sum(a > b for a, b in means), sum(a < b for a, b in means)
    p = mcnemar(ahead, behind)
    enough = len(means) >= _FEW
    low, high = _bootstrap(gaps, _ratio) if enough else (-1.0, 1.0)
    method = "McNemar exact over requests" + (", paired bootstrap" if enough else "")
    n = sum(len(pair.left) + len(pair.right) for pair in pairs)
    says = _verdict(what, names[0] if value > 0 else names[1], ahead, behind, len(means))
    return Statistic(measure, *names, value, low, high, n, len(means), p, method, says)


def mcnemar(ahead: int, behind: int) -> float:
    """Compute the exact p-value of McNemar's test, from the prompts on which one side is ahead and
    those on which the other is.

    >>> mcnemar(0, 0), mcnemar(8, 0) < 0.01
    (1.0, True)
    """
    if not ahead + behind:
        return 1.0
    from scipy.stats import binomtest

    return float(binomtest(ahead, ahead + behind).pvalue)


def _verdict(what: str, leader: str, ahead: int, behind: int, prompts: int) -> str:
    """Word the result of McNemar's test as a sentence.

    Args:
        what: what was compared.
        leader: the side with the greater mean.
        ahead: requests on which the first side is ahead.
        behind: requests on which the second side is.
        prompts: how many requests there are.
    """
    if not ahead + behind:
        most = 1 - SURE ** (1 / prompts)
        return (
            f"no difference in {what} on {prompts} requests; one on more than {most:.0%} of them is"
            " ruled out"
        )
    p = mcnemar(ahead, behind)
    seen = f"{max(ahead, behind)} of {prompts} requests one way, {min(ahead, behind)} the other"
    if p <= SURE:
        return f"established: {leader} is ahead in {what} ({seen}, p = {p:.2g})"
    needed = needed_prompts(ahead / prompts, behind / prompts)
    more = "more requests would tell"
    if needed is None:
        more = "as far as it goes the sides are even"
    elif needed > prompts:
        more = f"{needed - prompts} more requests would tell"
    return f"not established in {what} ({seen}, p = {p:.2g}); {more}"


def needed_prompts(ahead: float, behind: float) -> int | None:
    """Compute how many prompts McNemar's test needs to find such a difference four times in five
    (Connor 1987).

    Args:
        ahead: the share of prompts on which one side is ahead.
        behind: the share on which the other is.

    Returns:
        The number of prompts; None if there is no difference.

    >>> needed_prompts(0.10, 0.02), needed_prompts(0.1, 0.1)
    (145, None)
    """
    from scipy.stats import norm

    gap, apart = abs(ahead - behind), ahead + behind
    if not gap:
        return None
    a, b = float(norm.ppf(1 - SURE / 2)), float(norm.ppf(_POWER))
    return ceil((a * sqrt(apart) + b * sqrt(max(0.0, apart - gap * gap))) ** 2 / gap**2)


def _noise(pairs: Sequence[TurnPair], names: tuple[str, str]) -> Statistic:
    """Compare the agreement between the sides with the agreement of each with itself: the floor
    below which a difference is noise.
    """
    gaps = [gap for pair in pairs if (gap := _above_noise(pair)) is not None]
    measure = "match_against_noise"
    if not gaps:
        says = (
            "one sample a side does not show what is noise; ask each prompt several times (n=4 or"
            " more)"
        )
        return Statistic(measure, *names, nan, nan, nan, 0, 0, None, "none", says)
    value, size = sum(gaps) / len(gaps), len(gaps)
    low, high = _bootstrap([(gap, 1.0) for gap in gaps], _ratio) if size >= _FEW else (-1.0, 1.0)
    n = sum(len(pair.left) * len(pair.right) for pair in pairs)
    says = _noise_verdict(value, low, high, size)
    return Statistic(measure, *names, value, low, high, n, size, None, "paired bootstrap", says)


def _above_noise(pair: TurnPair) -> float | None:
    """Subtract the agreement of each side with itself from that between the sides; None without
    repeats.
    """
    own = [*_with_itself(pair.left), *_with_itself(pair.right)]
    cross = [a.outcome == b.outcome for a in pair.left[:_MOST] for b in pair.right[:_MOST]]
    return sum(cross) / len(cross) - sum(own) / len(own) if own and cross else None


def _noise_verdict(value: float, low: float, high: float, requests: int) -> str:
    """Word the comparison with the noise as a sentence."""
    if requests < _FEW:
        than = f"{abs(value):.0%} {'less' if value < 0 else 'more'}"
        return (
            f"the sides agree {than} with each other than with themselves;"
            f" {count(_FEW - requests, 'more request')} would give an interval"
        )
    if high < 0:
        return (
            f"established: the sides agree {-value:.0%} less with each other than with themselves"
            f" ({-high:.0%} to {-low:.0%})"
        )
    return (
        f"noise: the sides agree with each other as with themselves ({value:+.0%}, {low:+.0%} to"
        f" {high:+.0%})"
    )

"""How likely a token was, in steps of a scale and in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias

from agentkit.analysis.tokens.runs import TokenRun, entropy
from agentkit.types.words import visible

Metric: TypeAlias = Literal["logprob", "entropy", "mask"]
METRICS: tuple[Metric, ...] = ("logprob", "entropy", "mask")
PROBABILITIES = (0.9, 0.5, 0.1, 0.01)
"""A token is one step less likely below each of these."""
ENTROPIES = (0.1, 0.5, 1.0, 2.0)
"""In nats: the choice of a token was one step less sure above each of these."""


class Low(NamedTuple):
    """A token that was unlikely."""

    run: int
    place: int
    """In its run."""
    logprob: float


def step_of(run: TokenRun, i: int, metric: Metric) -> int | None:
    """Place a token on the scale of a metric.

    Args:
        run: the tokens.
        i: which of them.
        metric: what is measured.

    Returns:
        The step, 0 for the likeliest; None if nothing is known of the token.
    """
    if metric == "mask":
        return None if run.trained[i] is None else 4 * bool(run.trained[i])
    if metric == "entropy":
        known = entropy(run.tops[i])
        return None if known is None else sum(known >= limit for limit in ENTROPIES)
    logprob = run.logprobs[i]
    if logprob is None:
        return None
    probability = math.exp(min(0.0, logprob))
    return sum(probability < limit for limit in PROBABILITIES)


def least_likely(shown: Sequence[TokenRun], number: int) -> list[Low]:
    """List the sampled tokens of the lowest probability, the least likely first."""
    from heapq import nsmallest

    every = (
        (value, r, i)
        for r, run in enumerate(shown)
        for i, value in enumerate(run.logprobs)
        if value is not None and value <= 0
    )
    return [Low(r, i, value) for value, r, i in nsmallest(number, every)]


def written(run: TokenRun, i: int) -> str:
    """Write the text of a token, or its id if the text is not known."""
    text, id_ = run.texts[i], run.ids[i]
    if text is not None:
        return text
    return "⟨?⟩" if id_ is None else f"⟨{id_}⟩"


def description(run: TokenRun, i: int) -> str:
    """Describe a token to a person, on one line."""
    logprob, uncertain = run.logprobs[i], entropy(run.tops[i])
    words = [f"{visible(written(run, i))!r}", f"position {run.offset + i}"]
    words += [f"id {run.ids[i]}"] if run.ids[i] is not None else []
    words += [f"logprob {logprob:.4f} ({chance(logprob)})"] if logprob is not None else []
    words += [f"entropy {uncertain:.3f} nats"] if uncertain is not None else []
    if run.trained[i] is not None:
        words.append("trained" if run.trained[i] else "not trained")
    if run.tops[i]:
        words.append(f"instead: {alternatives(run, i)}")
    return "; ".join(words)


def chance(logprob: float) -> str:
    """Write a probability as a person reads it.

    >>> [chance(x) for x in (0.0, -0.7, -5.0, -20.0)]
    ['100 %', '49.7 %', '0.67 %', '<0.01 %']
    """
    percent = 100 * math.exp(min(0.0, logprob))
    if percent < 0.01:
        return "<0.01 %"
    return f"{percent:.2g} %" if percent < 1 else f"{percent:.3g} %"


def alternatives(run: TokenRun, i: int) -> str:
    """List the other candidates with their probabilities, on one line."""
    return ", ".join(
        f"{visible(text)!r} {chance(value)}" for text, value in run.tops[i] if text != run.texts[i]
    )

"""Where a prompt does not go on from the tokens before it, and which sampled tokens are off policy
by that: trained, though no later prompt has them as they were sampled.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from agentkit.analysis.tokens.likelihood import written
from agentkit.analysis.tokens.prefix import PrefixCheck, PrefixStep
from agentkit.analysis.tokens.runs import TokenRun

_MOST = 120
"""Tokens that are shown of what is missing from a prompt."""
_ALIKE = 4
"""Tokens that are the same where a prompt goes on with what was sampled."""


class PrefixBreak(NamedTuple):
    """A prompt that is not what came before it and more."""

    run: int
    """The run that begins with it."""
    step: PrefixStep
    missing: str
    """The sampled text that it has not, or the start of it."""


def is_sampled(run: TokenRun, i: int) -> bool:
    """Tell whether the model wrote a token; of a node, what its mask trains on."""
    return bool(run.trained[i]) if run.node is not None else i >= run.sampled_from


def breaks_of(
    runs: Sequence[TokenRun], checks: Sequence[PrefixCheck]
) -> tuple[list[PrefixBreak], list[bytearray]]:
    """Find the breaks, and for each token of each run whether it is off policy.

    Args:
        runs: those of several rollouts, one after the other.
        checks: one a rollout, with a step for each of its runs.
    """
    off = [bytearray(len(run)) for run in runs]
    found: list[PrefixBreak] = []
    first = 0
    for check in checks:
        for k, step in enumerate(check.steps):
            if step.status != "differs" or step.at is None or first + k >= len(runs):
                continue
            gone: list[tuple[TokenRun, int]] = []
            for r in range(first, first + k) if check.unit == "turn" else ():
                gone += _mark(runs[r], off[r], step.at)
            missing = _missing(gone, runs[first + k])
            found.append(PrefixBreak(first + k, step, missing))
        first += len(check.steps)
    return found, off


def _mark(run: TokenRun, off: bytearray, at: int) -> Iterator[tuple[TokenRun, int]]:
    """Mark the sampled tokens from a position of the context on; yield those that were not marked
    before.
    """
    for i in range(max(run.sampled_from, at - run.offset), len(run)):
        if not off[i]:
            off[i] = 1
            yield run, i


def _missing(gone: Sequence[tuple[TokenRun, int]], now: TokenRun) -> str:
    """Write the sampled tokens up to where the prompt goes on as they do; the first of them where
    it never does.
    """
    follow = now.ids[:_ALIKE]
    ids = [run.ids[i] for run, i in gone]
    ends = (n for n in range(1, len(ids)) if tuple(ids[n : n + _ALIKE]) == follow)
    end = next(ends, len(ids)) if len(follow) == _ALIKE and None not in follow else len(ids)
    text = "".join(written(run, i) for run, i in gone[: min(end, _MOST)])
    return f"{text}…" if end > _MOST else text

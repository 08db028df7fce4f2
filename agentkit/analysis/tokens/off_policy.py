"""Where a prompt does not go on from the tokens before it, and which sampled tokens are off policy
by that: trained, though no later prompt has them as they were sampled.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
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
        context: list[tuple[int, int]] = []
        for r, step in enumerate(check.steps[: len(runs) - first], first):
            if step.status == "differs" and step.at is not None:
                gone = _mark(runs, off, context, step.at)
                found.append(PrefixBreak(r, step, _missing(gone, runs[r])))
            if check.unit == "turn":
                insort(context, (runs[r].offset + len(runs[r]), r))
        first += len(check.steps)
    return found, off


def _mark(
    runs: Sequence[TokenRun], off: list[bytearray], context: list[tuple[int, int]], at: int
) -> list[tuple[TokenRun, int]]:
    """Mark the sampled tokens from a position of the context on, and list them.

    Args:
        runs: the runs.
        off: the marks.
        context: where the tokens of each run end that are not marked yet, in order; it is cut.
        at: the position.
    """
    gone: list[tuple[int, int]] = []
    while context and context[-1][0] > at:
        end, r = context.pop()
        begin = max(runs[r].sampled_from, at - runs[r].offset)
        last = end - runs[r].offset
        if begin < last:
            off[r][begin:last] = b"\1" * (last - begin)
            gone += ((r, i) for i in range(begin, last))
        if begin > runs[r].sampled_from:
            insort(context, (runs[r].offset + begin, r))
    return [(runs[r], i) for r, i in sorted(gone)]


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

"""How fast each side answered, from recorded times alone."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

from agentkit.types.record import Record, record
from agentkit.types.trajectory import Trajectory


@record
class Timing(Record):
    """The times of one side's answers; None where none were recorded."""

    side: str
    answers: int = 0
    latency: float | None = None
    """Median seconds from the request to the last byte."""
    slowest: float | None = None
    """The 95th percentile of the same."""
    first_token: float | None = None
    """Median seconds to the first piece of a streamed answer."""
    tokens_per_second: float | None = None
    """Output tokens of all answers over the seconds they took."""

    def summary(self) -> str:
        return f"{self.side}: {self.answers} answers"


def timing(side: str, rollouts: Iterable[Trajectory]) -> Timing:
    """The times of a side."""
    answers = [
        turn.response
        for t in rollouts
        for turn in t.all_turns
        if turn.response.exchange.elapsed is not None
    ]
    times = sorted(r.exchange.elapsed or 0.0 for r in answers)
    first = [r.time_to_first_token for r in answers if r.time_to_first_token is not None]
    counted = [
        (r.usage.output_tokens, r.exchange.elapsed or 0.0)
        for r in answers
        if r.usage and r.usage.output_tokens
    ]
    seconds = sum(t for _, t in counted)
    return Timing(
        side=side,
        answers=len(answers),
        latency=median(times) if times else None,
        slowest=times[min(len(times) - 1, int(len(times) * 0.95))] if times else None,
        first_token=median(first) if first else None,
        tokens_per_second=sum(n or 0 for n, _ in counted) / seconds if seconds else None,
    )

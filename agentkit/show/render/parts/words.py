"""The words and numbers that the HTML and the plain text share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from agentkit.trajectory.trouble.points import loose_count, problem_count, turn_count
from agentkit.types.answer import ToolCall
from agentkit.types.trajectory import Trajectory, Turn
from agentkit.types.wire import Exchange, Usage
from agentkit.types.words import count, seconds


class Mark(NamedTuple):
    """How a status looks: an icon and a tone, always beside its word."""

    icon: str
    tone: str
    """`good`, `warn`, `bad` or `quiet`; becomes a class, so it is never taken from a record."""


_OTHER = Mark("•", "quiet")
_MARKS = {
    "ok": Mark("✓", "good"),
    "normalized": Mark("≈", "warn"),
    "repaired": Mark("✎", "warn"),
    "invalid": Mark("✕", "bad"),
    "custom": Mark("◇", "quiet"),
    "error": Mark("✕", "bad"),
    "timeout": Mark("◷", "bad"),
    "cancelled": Mark("⊘", "warn"),
    "invalid_call": Mark("✕", "bad"),
    "unknown_tool": Mark("✕", "bad"),
    "skipped": Mark("↷", "quiet"),
    "edited": Mark("✎", "warn"),
    "not run": Mark("◌", "quiet"),
    "pending": Mark("◌", "warn"),
    "warning": Mark("▲", "warn"),
    "completed": Mark("✓", "good"),
    "failed": Mark("✕", "bad"),
    "info": Mark("•", "quiet"),
    "refusal": Mark("■", "warn"),
    "final": Mark("✓", "good"),
    "max_turns": Mark("■", "warn"),
    "length": Mark("■", "warn"),
    "content_filter": Mark("■", "warn"),
    "stopped": Mark("■", "quiet"),
}

ENDINGS = {
    "final": "the model gave its final answer",
    "max_turns": "the limit of model calls was reached",
    "length": "the answer was cut at the token limit",
    "error": "a request failed",
    "content_filter": "a content filter stopped the answer",
    "stopped": "stopped by the caller",
}
"""Stop reason to what it means."""


class Outcome(NamedTuple):
    """How a rollout ended, or where it is."""

    icon: str
    tone: str
    """`good`, `warn`, `bad` or `quiet`; never taken from a record."""
    words: str


_WITHOUT = {
    "final": "the model stopped without one",
    "max_turns": "the limit of model calls was reached",
    "length": "it was cut at the token limit",
    "error": "the request failed",
    "content_filter": "a content filter stopped it",
}
"""Stop reason to why there is no answer."""


def outcome_of(trajectory: Trajectory, problems: int | None = None) -> Outcome:
    """Say how a rollout ended, or where it is, as mark, tone and words: the one list of these words
    for heads, ends, tables and comparisons.

    `✓ Answered` is green and means that nothing is wrong; `▲ Answered, with 3 problems` where there
    is an answer; `✕ No answer: …` where there is none; `■ Stopped`; `◌ 2 calls wait`, `• Can go on`
    while it has not ended.

    Args:
        trajectory: the rollout.
        problems: their number, where it is known already; else they are counted.
    """
    number = problem_count(trajectory) if problems is None else problems
    more = f", with {trouble(number)}" if number else ""
    stop = trajectory.stop_reason
    if stop is None:
        waiting = waiting_calls(trajectory)
        words = f"{count(waiting, 'call')} {'waits' if waiting == 1 else 'wait'}"
        if waiting:
            return Outcome("◌", "warn", words + more)
        return Outcome("▲" if number else "•", "warn" if number else "quiet", f"Can go on{more}")
    if stop == "stopped":
        return Outcome("■", "warn" if number else "quiet", f"Stopped{more}")
    if stop not in _WITHOUT:
        return Outcome("•", "quiet", stop if len(stop) <= 60 else f"{stop[:60]}…")
    last = trajectory.turns[-1].response if trajectory.turns else None
    said = last is not None and bool((last.content or last.refusal or "").strip())
    if not said or stop in ("max_turns", "error", "content_filter"):
        return Outcome("✕", "bad", f"No answer: {_WITHOUT[stop]}")
    if stop == "length":
        return Outcome("▲", "warn", f"Answer cut at the token limit{more}")
    if last is not None and not last.content:
        return Outcome("▲", "warn", f"Refused{more}")
    return Outcome("▲", "warn", f"Answered{more}") if number else Outcome("✓", "good", "Answered")


def waiting_calls(trajectory: Trajectory) -> int:
    """Count the calls of the open turn that have no result."""
    turn = trajectory.open
    if turn is None or turn.response is None:
        return 0
    return sum(
        i >= len(turn.results) or turn.results[i] is None
        for i in range(len(turn.response.tool_calls))
    )


def ending(trajectory: Trajectory) -> str:
    """Explain a rollout's stop reason; "" while it can go on."""
    last = trajectory.turns[-1].response if trajectory.turns else None
    if (
        trajectory.stop_reason == "final"
        and last is not None
        and not (last.content or last.refusal or "").strip()
    ):
        return "the model stopped without an answer"
    return ENDINGS.get(trajectory.stop_reason or "", "")


def mark(word: str, problems: int = 0) -> Mark:
    """Choose the icon and tone of a status, severity or stop reason; a neutral one for a word
    nobody knows. Nothing with problems is green.
    """
    found = _MARKS.get(word, _OTHER)
    return _MARKS["warning"] if problems and found.tone == "good" else found


def by_hand(of: Exchange | ToolCall) -> list[str]:
    """List what a person did to an answer or a call."""
    if isinstance(of, Exchange):
        return ["written by hand"] if of.by_hand else []
    return [
        *(["adopted by hand"] if of.adopted is not None else []),
        *(["changed by hand"] if of.sent_arguments is not None else []),
    ]


def tokens(usage: Usage | None) -> str:
    """Write input and output tokens, `18 → 32 tokens (20 reasoning, 16 cached)`; "" where the
    server counted none.
    """
    if usage is None or (usage.input_tokens is None and usage.output_tokens is None):
        return ""
    known = (usage.reasoning_tokens, "reasoning"), (usage.cached_tokens, "cached")
    parts = [f"{n:,} {word}" for n, word in known if n]
    return f"{tokens_in_short(usage)} ({', '.join(parts)})" if parts else tokens_in_short(usage)


def money(cost: float | None) -> str:
    """Write a cost, `$0.0041`, `$12.30`; "" where it is not known."""
    return "" if cost is None else f"${cost:.4f}" if cost < 1 else f"${cost:,.2f}"


def tokens_in_short(usage: Usage | None) -> str:
    """Write input and output tokens, `412 → 96 tokens`; "" where the server counted none."""
    if usage is None or (usage.input_tokens is None and usage.output_tokens is None):
        return ""
    return f"{_number(usage.input_tokens)} → {_number(usage.output_tokens)} tokens"


def added(known: Any, more: Any) -> Any:
    """Add what may not be known to a sum; None as long as nothing of it is."""
    return known if more is None else (known or 0) + more


def _number(value: int | None) -> str:
    return "?" if value is None else f"{value:,}"


class Totals(NamedTuple):
    """What turns come to, added up turn by turn."""

    turns: int = 0
    calls: int = 0
    problems: int = 0
    """Without those that are only information."""
    input_tokens: int | None = None
    """None as long as no server has told."""
    output_tokens: int | None = None
    elapsed: float | None = None
    cached_tokens: int | None = None
    """Part of the input tokens, where the server tells."""
    answering: float = 0.0
    """Seconds of the answers whose output tokens are counted."""
    counted: int = 0
    """Output tokens of the answers whose seconds are known."""

    def plus(self, trajectory: Trajectory, *turns: Turn) -> Totals:
        """Add more turns of the rollout."""
        return self._plus(turns, sum([turn_count(trajectory, turn) for turn in turns]))

    def _plus(self, turns: Sequence[Turn], wrong: int) -> Totals:
        number, calls, problems, sent, received, elapsed, cached, answering, counted = self
        for turn in turns:
            calls += len(turn.response.tool_calls)
            if usage := turn.response.usage:
                sent = added(sent, usage.input_tokens)
                received = added(received, usage.output_tokens)
                cached = added(cached, usage.cached_tokens)
                if usage.output_tokens and (took := turn.response.exchange.elapsed):
                    answering, counted = answering + took, counted + usage.output_tokens
            elapsed = added(elapsed, turn.elapsed)
        number, problems = number + len(turns), problems + wrong
        return Totals(number, calls, problems, sent, received, elapsed, cached, answering, counted)

    def words(self) -> list[str]:
        """Write turns, calls, tokens and seconds, as far as they are known."""
        spent = tokens(Usage(input_tokens=self.input_tokens, output_tokens=self.output_tokens))
        return [
            count(self.turns, "turn"),
            count(self.calls, "call"),
            *filter(None, [spent, seconds(self.elapsed)]),
        ]

    def facts(self, limit: int | None = None) -> list[str]:
        """Write turns, what was read and written, speed and time, as far as they are known."""
        of = f" of {limit:,}" if limit else ""
        share = ""
        if self.cached_tokens and self.input_tokens:
            share = f" ({100 * self.cached_tokens / self.input_tokens:.0f} % cached)"
        read = None if self.input_tokens is None else f"read {self.input_tokens:,}{share}"
        written = None if self.output_tokens is None else f"written {self.output_tokens:,}"
        speed = f"{self.counted / self.answering:.0f} tok/s" if self.answering else None
        known = f"turns {self.turns:,}{of}", read, written, speed, seconds(self.elapsed)
        return [*filter(None, known)]

    def whole(self, trajectory: Trajectory) -> Totals:
        """Add what belongs to no turn: requests that failed."""
        return self._replace(problems=self.problems + loose_count(trajectory))


def totals(trajectory: Trajectory, problems: int | None = None) -> Totals:
    """Add up a rollout; `problems` is their number, where it is known already."""
    known = problem_count(trajectory) if problems is None else problems
    return Totals()._plus(trajectory.all_turns, known)


def trouble(number: int) -> str:
    """Write a number of problems in words; "" for none."""
    return count(number, "problem") if number else ""

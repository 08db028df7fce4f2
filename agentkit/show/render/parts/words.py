"""The words and numbers that the HTML and the plain text share."""

from __future__ import annotations

from typing import NamedTuple

from agentkit.trajectory.trouble.points import loose_count, turn_count
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
    "pending": Mark("◌", "warn"),
    "warning": Mark("▲", "warn"),
    "info": Mark("•", "quiet"),
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
    parts = ", ".join(
        f"{n:,} {word}"
        for n, word in ((usage.reasoning_tokens, "reasoning"), (usage.cached_tokens, "cached"))
        if n
    )
    return (
        f"{_number(usage.input_tokens)} → {_number(usage.output_tokens)}"
        f" tokens{f' ({parts})' if parts else ''}"
    )


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

    def plus(self, trajectory: Trajectory, *turns: Turn) -> Totals:
        """Add more turns of the rollout."""
        number, calls, problems, sent, received, elapsed = self
        for turn in turns:
            calls += len(turn.response.tool_calls)
            problems += turn_count(trajectory, turn)
            if usage := turn.response.usage:
                sent, received = (
                    (sent or 0) + (usage.input_tokens or 0),
                    (received or 0) + (usage.output_tokens or 0),
                )
            if (seconds := turn.elapsed) is not None:
                elapsed = (elapsed or 0) + seconds
        return Totals(number + len(turns), calls, problems, sent, received, elapsed)

    def words(self) -> list[str]:
        """Write turns, calls, tokens and seconds, as far as they are known."""
        spent = tokens(Usage(input_tokens=self.input_tokens, output_tokens=self.output_tokens))
        return [
            count(self.turns, "turn"),
            count(self.calls, "call"),
            *filter(None, [spent, seconds(self.elapsed)]),
        ]

    def whole(self, trajectory: Trajectory) -> Totals:
        """Add what belongs to no turn: requests that failed."""
        return self._replace(problems=self.problems + loose_count(trajectory))


def totals(trajectory: Trajectory) -> Totals:
    """Add up a rollout."""
    return Totals().plus(trajectory, *trajectory.all_turns).whole(trajectory)


def trouble(number: int) -> str:
    """Write a number of problems in words; "" for none."""
    return count(number, "problem") if number else ""

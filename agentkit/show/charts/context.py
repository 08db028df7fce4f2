"""`ak.charts.context`: tokens per turn, and how the context grows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from agentkit.analysis.frames.timings import TurnTokens
from agentkit.analysis.frames.turns import turns_df
from agentkit.errors import UsageError, checked_keywords
from agentkit.show.charts.bars import Bar, BarChart, BarRow
from agentkit.show.charts.columns import columns, is_frame
from agentkit.show.charts.figure import figure
from agentkit.types.words import count

if TYPE_CHECKING:
    import plotly.graph_objects as go

_COLUMNS = 120
"""Turns of the SVG beside a figure at most."""
_TOKENS = ("input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens")


@checked_keywords
def context(x: Any, *, rollout: int = 0) -> go.Figure:
    """Draw the tokens each turn read, from the cache and new, and wrote, reasoning and the rest, on
    each other.

    Args:
        x: a rollout, or several; or a frame of `ak.turns_df`.
        rollout: which of several.

    Returns:
        A `plotly.graph_objects.Figure`.

    Raises:
        UsageError: it holds no rollout.
    """
    drawn = ("rollout", "turn", *_TOKENS)
    rows = list(columns(x if is_frame(x) else turns_df(x, columns=drawn), drawn))
    turns = [TurnTokens(*counts) for of, *counts in rows if of == rollout]
    if rows and not turns:
        raise UsageError(
            f"there is no rollout {rollout} with a turn",
            hint=f"the last one is {max(of for of, *_ in rows)}",
        )
    return figure(context_chart(turns), context_chart(turns, most=_COLUMNS))


def context_chart(
    turns: Sequence[TurnTokens], *, most: int | None = None, limit: int | None = None
) -> BarChart:
    """Describe the chart.

    Args:
        turns: the tokens of the turns.
        most: how many turns are drawn at most, at even distances and the last.
        limit: what the server takes at most, where that is known.
    """
    known = [t for t in turns if t.input is not None or t.output is not None]
    step = -(-len(known) // most) or 1 if most else 1
    shown = known[::step]
    if known and shown[-1] is not known[-1]:
        shown.append(known[-1])
    return BarChart(
        title="Tokens by turn",
        summary=_summary(known) + (f", {len(shown)} shown" if step > 1 else ""),
        empty="the server reported no token counts",
        rows=tuple(_column(turn) for turn in shown),
        bars=tuple(bar for row, turn in enumerate(shown) for bar in _bars(row, turn)),
        mode="stack",
        axis="tokens",
        mark="{:,.0f}",
        whole=True,
        upright=True,
        limit=limit,
    )


def _column(turn: TurnTokens) -> BarRow:
    whole = (turn.input or 0) + (turn.output or 0)
    return BarRow(str(turn.turn), total=f"{whole:,}", turn=turn.turn)


def _summary(known: Sequence[TurnTokens]) -> str:
    tokens = f"tokens of {count(len(known), 'turn')}"
    first, last = (known[0].input, known[-1].input) if known else (None, None)
    if first is None or last is None:
        return tokens
    return f"{tokens}, the context from {first:,} to {last:,}"


def _bars(row: int, turn: TurnTokens) -> Iterator[Bar]:
    """Lay what was read from the cache, read new, thought and written on each other."""
    read, written = turn.input or 0, turn.output or 0
    cached, thought = min(turn.cached or 0, read), min(turn.reasoning or 0, written)
    parts = (
        ("cached", cached, "from the cache"),
        ("input", read - cached, "read new"),
        ("reasoning", thought, "reasoning"),
        ("output", written - thought, "written"),
    )
    at = 0
    for kind, number, what in parts:
        if number:
            hover = f"turn {turn.turn}: {number:,} {what}"
            yield Bar(row, kind, at, at + number, hover, turn=turn.turn)
        at += number

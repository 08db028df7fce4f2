"""`ak.charts.context`: tokens per turn, and how the context grows."""

from __future__ import annotations

from typing import Any

from agentkit.analysis.frames.turns import turns_df
from agentkit.errors import UsageError
from agentkit.show.charts.figure import bars, figure, is_frame, records
from agentkit.show.charts.plots import Tokens, context_svg
from agentkit.types.keywords import checked_keywords

_COLUMNS = {
    "input": "input_tokens",
    "output": "output_tokens",
    "cached": "cached_tokens",
    "reasoning": "reasoning_tokens",
}


@checked_keywords
def context(x: Any, *, rollout: int = 0) -> Any:
    """A `plotly.graph_objects.Figure`: the tokens each turn read and wrote, stacked; the parts from
    the cache and of reasoning beside them.

    Args:
        x: a rollout, or several; or a frame of `ak.turns_df`.
        rollout: which of several.

    Raises:
        UsageError: it holds no rollout.
    """
    rows = records(x if is_frame(x) else turns_df(x), ("rollout", "turn", *_COLUMNS.values()))
    if rows and not any(row["rollout"] == rollout for row in rows):
        raise UsageError(
            f"there is no rollout {rollout} with a turn",
            hint=f"the last one is {max(row['rollout'] for row in rows)}",
        )
    turns = [
        Tokens(row["turn"], *(row[name] for name in _COLUMNS.values()))
        for row in rows
        if row["rollout"] == rollout
    ]
    traces = [
        _trace(kind, turns) for kind in _COLUMNS if any(getattr(turn, kind) for turn in turns)
    ]
    known = "Tokens by turn" if traces else "Tokens by turn: the server told none"
    return figure(
        traces,
        known,
        context_svg(turns, alone=True),
        barmode="stack",
        xaxis={"title": "turn", "dtick": 1 if len(turns) <= 40 else None},
        yaxis={"title": "tokens"},
    )


def _trace(kind: str, turns: list[Tokens]) -> Any:
    part = kind in ("cached", "reasoning")
    values = [getattr(turn, kind) for turn in turns]
    return bars(
        kind,
        x=[turn.turn for turn in turns],
        y=values,
        offsetgroup="part" if part else "whole",
        alignmentgroup="turn",
        base=[turn.input or 0 for turn in turns] if kind == "reasoning" else None,
    )

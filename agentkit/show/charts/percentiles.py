"""`ak.charts.percentiles`: how long tools and servers take, over many rollouts."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from agentkit.analysis.frames.calls import tool_calls_df
from agentkit.analysis.frames.turns import turns_df
from agentkit.errors import UsageError
from agentkit.files.reader import rollouts_in
from agentkit.show.charts.figure import bars, figure, is_frame, plain_text, records
from agentkit.show.charts.plots import Spread, percentiles_svg, spread
from agentkit.types.keywords import checked_keywords


@checked_keywords
def percentiles(x: Any, calls: Any = None) -> Any:
    """A `plotly.graph_objects.Figure`: what half, nine of ten and 99 of 100 take at most, in
    seconds, per tool and per server.

    A server is named by its model and address; its times are the answer's, and to the first token
    where it was streamed.

    Args:
        x: rollouts; or a frame of `ak.turns_df`.
        calls: the frame of `ak.tool_calls_df` that belongs to `x`, where that is a frame.

    Raises:
        UsageError: it holds no rollout.
    """
    if not is_frame(x):
        found = rollouts_in(x)
        x, calls = turns_df(found), tool_calls_df(found)
    elif calls is not None and not is_frame(calls):
        raise UsageError(
            f"calls is a {type(calls).__name__}, not a frame",
            hint="pass ak.tool_calls_df(rollouts)",
        )
    spreads = spread(_times(x, calls))
    traces = [_trace(kind, spreads) for kind in ("p50", "p90", "p99")] if spreads else []
    room = 1.2 * max((s.p99 for s in spreads), default=0.0) or 1.0
    return figure(
        traces,
        "How long tools and servers take"
        if spreads
        else "How long tools and servers take: no times were recorded",
        percentiles_svg(spreads, alone=True),
        barmode="group",
        height=min(3000, 220 + 54 * len(spreads)),
        xaxis={"title": "seconds", "range": [0, room]},
        yaxis={"autorange": "reversed", "showgrid": False},
    )


def _times(turns: Any, calls: Any) -> dict[str, list[float]]:
    found: defaultdict[str, list[float]] = defaultdict(list)
    for row in records(turns, ("model", "server", "model_elapsed", "time_to_first_token")):
        name = " at ".join(filter(None, (row["model"], row["server"]))) or "the model"
        for label, value in (
            (name, row["model_elapsed"]),
            (f"{name}, first token", row["time_to_first_token"]),
        ):
            if value is not None:
                found[label].append(value)
    for row in records(calls, ("name", "elapsed")) if calls is not None else ():
        if row["elapsed"] is not None:
            found[f"tool {row['name'] or '?'}"].append(row["elapsed"])
    return found


def _trace(kind: str, spreads: list[Spread]) -> Any:
    values = [getattr(s, kind) for s in spreads]
    names = [f"{plain_text(s.name)} ({s.number:,})" for s in spreads]
    return bars(
        kind,
        orientation="h",
        y=names,
        x=[round(v, 6) for v in values],
        text=[f"{kind} {v:.3g} s" for v in values],
        textposition="outside",
        cliponaxis=False,
    )

"""`ak.charts.errors`: what went wrong, by code and turn."""

from __future__ import annotations

from collections import Counter
from typing import Any

from agentkit.analysis.frames.problems import problems_df
from agentkit.show.charts.figure import bars, figure, is_frame, plain_text, records
from agentkit.show.charts.plots import Mishap, errors_svg
from agentkit.types.keywords import checked_keywords

_SEVERITIES = ("error", "warning", "info")


@checked_keywords
def errors(x: Any) -> Any:
    """A `plotly.graph_objects.Figure`: how often each code occurs, as bars split by turn and told
    apart by severity.

    Args:
        x: one rollout or many; or a frame of `ak.problems_df`.

    Raises:
        UsageError: it holds no rollout.
    """
    rows = records(x if is_frame(x) else problems_df(x), ("code", "turn", "severity"))
    found = [Mishap(row["code"] or "", row["turn"], row["severity"] or "info") for row in rows]
    totals = Counter(m.code for m in found)
    traces = [
        _trace(severity, [m for m in found if m.severity == severity]) for severity in _SEVERITIES
    ]
    order = [
        plain_text(code) for code, _ in sorted(totals.items(), key=lambda pair: (-pair[1], pair[0]))
    ]
    return figure(
        [trace for trace in traces if trace is not None],
        "Problems by code and turn" if found else "Problems by code and turn: none",
        errors_svg(found, alone=True),
        barmode="stack",
        height=min(2000, 220 + 26 * len(totals)),
        xaxis={"title": "problems; each piece is a turn"},
        yaxis={
            "autorange": "reversed",
            "showgrid": False,
            "categoryorder": "array",
            "categoryarray": order,
        },
    )


def _trace(severity: str, found: list[Mishap]) -> Any:
    if not found:
        return None
    cells = sorted(Counter((m.code, m.turn) for m in found).items())
    told = [
        f"turn {turn}: {number} × {plain_text(code)} ({severity})" for (code, turn), number in cells
    ]
    return bars(
        severity,
        severity,
        orientation="h",
        y=[plain_text(code) for (code, _), _ in cells],
        x=[number for _, number in cells],
        text=[f"t{turn}" for (_, turn), _ in cells],
        hovertext=told,
        hoverinfo="text",
    )

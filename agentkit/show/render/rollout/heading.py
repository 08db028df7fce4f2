"""What a rollout comes to: its state and numbers on one line, and the list of what went wrong."""

from __future__ import annotations

from agentkit.show.html import Html, el
from agentkit.show.render.limits import Limits
from agentkit.show.render.parts.block import code, facts, fold, note
from agentkit.show.render.parts.rows import sign
from agentkit.show.render.parts.words import Totals, outcome_of, trouble
from agentkit.trajectory.trouble.points import ProblemPoint, problem_points
from agentkit.types.problem import Problem
from agentkit.types.trajectory import ToolResult, Trajectory
from agentkit.types.wire import ApiError
from agentkit.types.words import count

_LISTED = 20
"""Problems that the list shows."""


def state(trajectory: Trajectory, problems: int) -> Html:
    """Draw how a rollout ended, or where it is."""
    ended = outcome_of(trajectory, problems)
    icon = el("span", ended.icon, aria_hidden="true")
    return el("strong", el("span", icon, " ", ended.words, class_=f"ak-status ak-{ended.tone}"))


def numbers(trajectory: Trajectory, known: Totals) -> Html | None:
    """Write the numbers of a rollout."""
    spec, said = trajectory.spec, outcome_of(trajectory, known.problems).words
    wrong = trouble(known.problems)
    return facts(
        code(spec.model) if spec.model else None,
        *known.facts(spec.max_turns),
        None if wrong in said else wrong,
    )


def problem_list(trajectory: Trajectory, limits: Limits) -> Html | None:
    """Draw what went wrong as one table, with the turn of each; None where it is no more than one
    thing.
    """
    points = [point for point in problem_points(trajectory) if point.severity != "info"]
    if len(points) < 2:
        return None
    rows = [el("tr", *_cells(point)) for point in points[:_LISTED]]
    names = [el("th", name, scope="col") for name in ("turn", "what", "where")]
    table = el("table", el("thead", el("tr", names)), el("tbody", rows), class_="ak-table")
    rest = len(points) - len(rows)
    more = note("… ", count(rest, "more problem"), " below") if rest > 0 else None
    listed = fold(count(len(points), "problem"), table, more)
    return el("section", listed, class_="ak-wrongs", data_key="problems")


def _cells(point: ProblemPoint) -> list[Html]:
    tone = "bad" if point.severity == "error" else "warn"
    what = sign(point.severity), " ", code(point.code)
    where = [code(point.tool), ": "] if point.tool else None
    return [
        el("td", point.turn, class_="ak-number"),
        el("td", what, class_=f"ak-{tone}"),
        el("td", where, code(_message(point.cause))),
    ]


def _message(cause: Problem | ApiError | ToolResult | None) -> str:
    match cause:
        case ToolResult():
            return cause.error or cause.content
        case Problem() | ApiError():
            return cause.message
    return ""

"""The problems of one turn, each with where it is and what can be done."""

from __future__ import annotations

from agentkit.show.html import Child, Html, el
from agentkit.show.render.parts.block import CODE, code, note, status
from agentkit.trajectory.trouble.points import ProblemPoint, turn_points
from agentkit.types.problem import Problem
from agentkit.types.record import clip
from agentkit.types.trajectory import ToolResult, Trajectory
from agentkit.types.wire import ApiError


def problems_tab(trajectory: Trajectory, turn: int) -> Html:
    """Draw the problems of a turn, worst first."""
    found = sorted(turn_points(trajectory.all_turns[turn]), key=lambda p: _RANK[p.severity])
    if not found:
        return note("no problems")
    return el("ul", [_problem(point) for point in found], class_="ak-trouble")


_RANK = {"error": 0, "warning": 1, "info": 2}
_TONE = {"error": "bad", "warning": "warn", "info": "quiet"}


def _problem(point: ProblemPoint) -> Html:
    return el(
        "li",
        status(point.severity),
        el("strong", code(point.code), class_=f"ak-{_TONE[point.severity]}"),
        el("span", CODE(_message(point)), " ", el("small", _where(point)), class_="ak-told"),
        class_=f"ak-{_TONE[point.severity]}",
    )


def _message(point: ProblemPoint) -> Child:
    match point.cause:
        case Problem(message=message):
            return clip(message, 600)
        case ApiError() as error:
            return clip(f"{error.message} {error.hint}".strip(), 600)
        case ToolResult() as result:
            return clip(result.error or result.content, 600)
    return ""


def _where(point: ProblemPoint) -> Child:
    of = [f"call {point.call} of {clip(point.tool, 60)}"] if point.tool else []
    cause = point.cause
    at = [f"at {clip(cause.pointer, 80)}"] if isinstance(cause, Problem) and cause.pointer else []
    return CODE(" · ".join([*of, *at])) if of or at else None

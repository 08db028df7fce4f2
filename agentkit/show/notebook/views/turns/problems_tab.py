"""The problems of one turn, each with where it is and what can be done."""

from __future__ import annotations

from agentkit.show.html import Child, Html, el
from agentkit.show.render.parts.block import code, note
from agentkit.show.render.parts.rows import sign
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
    return el("ul", [_problem(point) for point in found], class_="ak-problems")


_RANK = {"error": 0, "warning": 1, "info": 2}
_SIDES = {"tool": "in the tool ", "call": "in the server's call of "}
"""Where it came up first: the tool, or what was sent."""
_TONE = {"error": "bad", "warning": "warn", "info": "quiet"}


def _problem(point: ProblemPoint) -> Html:
    tone, where = _TONE[point.severity], _where(point)
    said = el("code", _message(point), class_="ak-said")
    return el(
        "li",
        sign(point.severity),
        el("code", point.code, class_=f"ak-{tone}"),
        el("div", said, el("small", " ", where) if where else None, class_="ak-what"),
        class_=f"ak-problem ak-{tone} ak-of-{_mended(point)}",
    )


def _mended(point: ProblemPoint) -> str:
    """Name what mends it, other arguments or another result, and of which call."""
    if point.call is None or point.source not in ("tool", "call"):
        return point.source
    unnamed = point.code.startswith("name_") or point.code == "unknown_tool"
    ran = point.source == "tool" and point.code != "invalid_call"
    return f"{'call' if unnamed else 'result' if ran else 'arguments'}-{point.call}"


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
    cause = point.cause
    pointer = cause.pointer if isinstance(cause, Problem) else ""
    of = [_SIDES.get(point.source, "in "), code(clip(point.tool, 60))] if point.tool else []
    at = ["at ", code(clip(pointer, 80))] if pointer else []
    return [*of, " · " if of and at else "", *at] if of or at else None

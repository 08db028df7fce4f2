"""The records of a rollout, each by itself."""

from __future__ import annotations

from typing import Any

from agentkit.agent.hermes.agent_loop import AgentResult
from agentkit.analysis.reparse import Change, Reparsed
from agentkit.show.html import Child, Html, el, without_keys
from agentkit.show.render import shown
from agentkit.show.render.limits import Limits
from agentkit.show.render.parts.block import code
from agentkit.show.render.parts.rows import box, speech
from agentkit.show.render.rollout.conversation import (
    open_fragments,
    request_fragments,
    trajectory_fragments,
    turn_fragments,
)
from agentkit.show.render.rollout.message import message_row
from agentkit.show.render.rollout.problem import api_error, problems
from agentkit.show.render.rollout.raw import exchange_row
from agentkit.show.render.rollout.table import many_fragments
from agentkit.show.render.rollout.turn.answer import answer
from agentkit.show.render.rollout.turn.attempt import attempt
from agentkit.show.render.rollout.turn.call import call_row, identity
from agentkit.show.render.rollout.turn.result import came
from agentkit.trajectory.breakpoints import Stop
from agentkit.types.answer import Response, ToolCall
from agentkit.types.problem import Problem
from agentkit.types.record import clip
from agentkit.types.request import Request
from agentkit.types.trajectory import Attempt, Message, OpenTurn, ToolResult, Trajectory, Turn
from agentkit.types.wire import ApiError, Exchange

_FAILED = el("strong", "failed")


def _alone(key: str, drawn: Child) -> Html:
    """Draw a part of a turn by itself."""
    return el("section", drawn, class_="ak-turn ak-alone", data_key=key)


shown.register(Trajectory)(trajectory_fragments)
shown.register(Turn)(turn_fragments)
shown.register(OpenTurn)(open_fragments)
shown.register(Request)(request_fragments)


@shown.register(AgentResult)
def _result_of_a_loop(result: AgentResult, limits: Limits) -> dict[str, Html]:
    return trajectory_fragments(result.trajectory, limits)


@shown.register(Response)
def _response(response: Response, limits: Limits) -> dict[str, Html]:
    return answer("response", response, limits, "response")


@shown.register(ToolCall)
def _call(call: ToolCall, limits: Limits) -> dict[str, Html]:
    row = without_keys(call_row("", call, limits, "call"))
    known = el("div", identity(call), class_="ak-in") if limits.details else None
    return {"toolcall": _alone("toolcall", [row, known])}


@shown.register(ToolResult)
def _result(result: ToolResult, limits: Limits) -> dict[str, Html]:
    got = came(result, "", limits, "result")
    drawn = without_keys(box("", None, *got.lines, tone=got.tone))
    return {"toolresult": _alone("toolresult", drawn)}


@shown.register(Message)
def _message(message: Message, limits: Limits) -> dict[str, Html]:
    return {"message": message_row("message", message, limits, "message")}


@shown.register(Exchange)
def _exchange(exchange: Exchange, limits: Limits) -> dict[str, Html]:
    return {"exchange": exchange_row(exchange, limits)}


@shown.register(ApiError)
def _error(error: ApiError, limits: Limits) -> dict[str, Html]:
    return {"apierror": speech("apierror", "error", _FAILED, api_error(error, limits, "error"))}


@shown.register(Attempt)
def _attempt(failed: Attempt, limits: Limits) -> dict[str, Html]:
    return {"attempt": attempt("attempt", failed, limits, "attempt")}


@shown.register(Problem)
def _problem(problem: Problem, limits: Limits) -> dict[str, Html]:
    return {"problem": _alone("problem", problems((problem,), limits))}


@shown.register(Stop)
def _stop(stop: Stop, limits: Limits) -> dict[str, Html]:
    return {"stop": speech("stop", "aside", el("strong", "stop"), code(stop.text))}


@shown.register(list)
@shown.register(tuple)
def _several(things: Any, limits: Limits) -> dict[str, Html]:
    match things:
        case [Trajectory(), *_]:
            return many_fragments(things, limits)
        case [Problem(), *_]:
            return {"problems": _alone("problems", problems(things, limits))}
    return {"problems": speech("problems", "aside", None, code(repr(things)))}


@shown.register(Reparsed)
def reparsed_fragments(reparsed: Reparsed, limits: Limits) -> dict[str, Html]:
    """Draw the changes, then the conversation."""
    rows = [el("li", *_change(change)) for change in reparsed.changes]
    number = f": {len(rows)} changes" if rows else ": nothing changes"
    head = el("p", el("strong", "read again"), number, class_="ak-title")
    changes = el("div", head, el("ul", *rows)) if rows else head
    return {"changes": changes, **shown.fragments(reparsed.trajectory, limits)}


def _change(change: Change) -> tuple[str | Html, ...]:
    before, after = el("code", clip(change.before, 200)), el("code", clip(change.after, 200))
    return f"turn {change.turn}, {change.what}: ", before, " → ", after

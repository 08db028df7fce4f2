"""The records of a rollout, each by itself."""

from __future__ import annotations

from typing import Any

from agentkit.agent.hermes.agent_loop import AgentResult
from agentkit.analysis.reparse import Change, Reparsed
from agentkit.show.html import Html, el
from agentkit.show.render import shown
from agentkit.show.render.limits import Limits
from agentkit.show.render.parts.block import code, row
from agentkit.show.render.rollout.answer import answer, attempt
from agentkit.show.render.rollout.call import call_row, outcome_cell
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
from agentkit.trajectory.breakpoints import Stop
from agentkit.types.answer import Response, ToolCall
from agentkit.types.problem import Problem
from agentkit.types.record import clip
from agentkit.types.trajectory import Attempt, Message, OpenTurn, ToolResult, Trajectory, Turn
from agentkit.types.wire import ApiError, Exchange, Request

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
    return {"toolcall": call_row("toolcall", call, limits, "call")}


@shown.register(ToolResult)
def _result(result: ToolResult, limits: Limits) -> dict[str, Html]:
    return {"toolresult": row("toolresult", "call", outcome_cell(result, "", limits, "result"))}


@shown.register(Message)
def _message(message: Message, limits: Limits) -> dict[str, Html]:
    return {"message": message_row("message", message, limits, "message")}


@shown.register(Exchange)
def _exchange(exchange: Exchange, limits: Limits) -> dict[str, Html]:
    return {"exchange": exchange_row(exchange, limits)}


@shown.register(ApiError)
def _error(error: ApiError, limits: Limits) -> dict[str, Html]:
    cell = el("strong", "failed"), api_error(error, limits, "error")
    return {"apierror": row("apierror", "error", cell)}


@shown.register(Attempt)
def _attempt(failed: Attempt, limits: Limits) -> dict[str, Html]:
    return {"attempt": attempt("attempt", failed, limits, "attempt")}


@shown.register(Problem)
def _problem(problem: Problem, limits: Limits) -> dict[str, Html]:
    cell = el("strong", "problem"), problems((problem,), limits)
    return {"problem": row("problem", "aside", cell)}


@shown.register(Stop)
def _stop(stop: Stop, limits: Limits) -> dict[str, Html]:
    return {"stop": row("stop", "aside", (el("strong", "stop"), code(stop.text)))}


@shown.register(list)
@shown.register(tuple)
def _several(things: Any, limits: Limits) -> dict[str, Html]:
    match things:
        case [Trajectory(), *_]:
            return many_fragments(things, limits)
        case [Problem(), *_]:
            listed = problems(things, limits)
            return {"problems": row("problems", "aside", (el("strong", "problems"), listed))}
    return {"problems": row("problems", "aside", (None, code(repr(things))))}


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

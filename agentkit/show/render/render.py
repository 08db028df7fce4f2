"""Records as keyed HTML and as plain text: pure functions of what was recorded, the same at every
call.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentkit.show.html import Html, el
from agentkit.show.render.parts.block import code, row
from agentkit.show.render.parts.many import many_fragments
from agentkit.show.render.parts.text import text
from agentkit.show.render.rollout.answer import answer
from agentkit.show.render.rollout.call import call_row, outcome_cell
from agentkit.show.render.rollout.conversation import (
    open_fragments,
    request_fragments,
    trajectory_fragments,
    turn_fragments,
)
from agentkit.show.render.rollout.message import message_row
from agentkit.show.render.rollout.outline import STATIC, TEXT, WHOLE, Limits
from agentkit.show.render.rollout.problem import api_error, attempt, problems
from agentkit.show.render.rollout.raw import exchange_row
from agentkit.trajectory.breakpoints import Stop
from agentkit.types.answer import Response, ToolCall
from agentkit.types.problem import Problem
from agentkit.types.trajectory import Attempt, Message, OpenTurn, ToolResult, Trajectory, Turn
from agentkit.types.wire import ApiError, Exchange, Request

__all__ = ["STATIC", "TEXT", "WHOLE", "Limits", "page", "render", "text"]


def render(record: Any, limits: Limits = STATIC, whole: str | None = None) -> dict[str, Html]:
    """The record as fragments under keys (`prompt-0`, `turn-3`, `turn-3/call-1`, `end`), in the
    order they are read.

    Args:
        record: any record, or a sequence of trajectories or of problems.
        limits: how much is shown at most; `WHOLE` for everything.
        whole: a file that holds all of it, relative to the page: the user's own name for it, linked
            where something is left out.
    """
    match record:
        case Trajectory():
            return trajectory_fragments(record, limits, whole)
        case Turn():
            return turn_fragments(record, limits)
        case OpenTurn():
            return open_fragments(record, limits)
        case Response():
            return answer("response", record, limits, "response")
        case [Trajectory(), *_]:
            return many_fragments(record, limits)
        case Request():
            return request_fragments(record, limits)
        case _:
            key = "problems" if isinstance(record, (list, tuple)) else type(record).__name__.lower()
            return {key: _single(key, record, limits)}


def _single(key: str, record: Any, limits: Limits) -> Html:
    match record:
        case ToolCall():
            return call_row(key, record, limits, "call")
        case ToolResult():
            return row(key, "call", outcome_cell(record, "", limits, "result"))
        case Message():
            return message_row(key, record, limits, "message")
        case Exchange():
            return exchange_row(record, limits)
        case ApiError():
            return row(key, "error", (el("strong", "failed"), api_error(record, limits, "error")))
        case Attempt():
            return attempt(key, record, limits, "attempt")
        case Problem():
            return row(key, "aside", (el("strong", "problem"), problems((record,), limits)))
        case Stop():
            return row(key, "aside", (el("strong", "stop"), code(record.text)))
        case [Problem(), *_]:
            return row(key, "aside", (el("strong", "problems"), problems(record, limits)))
        case _:
            return row(key, "aside", (None, code(repr(record))))


def page(fragments: Mapping[str, Html]) -> Html:
    """The fragments as one block, ready to be shown. Its two odd classes keep Jupyter's mathematics
    away from the text.
    """
    return el("div", fragments.values(), class_="ak-root tex2jax_ignore mathjax_ignore")

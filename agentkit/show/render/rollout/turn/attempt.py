"""A model call that failed or was stopped, and is no part of the history."""

from __future__ import annotations

from agentkit.show.html import Html, el
from agentkit.show.render.limits import Limits
from agentkit.show.render.parts.block import facts, note, prose
from agentkit.show.render.rollout.problem import api_error
from agentkit.show.render.rollout.raw import raw
from agentkit.show.render.rollout.turn.call import call_alone
from agentkit.show.render.rollout.turn.thinking import thoughts
from agentkit.types.answer import Response
from agentkit.types.trajectory import Attempt
from agentkit.types.words import count, seconds


def attempt(key: str, failed: Attempt, limits: Limits, at: str) -> Html:
    """Draw a failed model call, with what came of it."""
    elapsed = seconds(failed.exchange.elapsed)
    known = facts("an attempt without an answer", elapsed)
    drawn = limits.details and limits.wire
    wire = raw(failed.exchange, limits, f"{at}.exchange.text") if drawn else None
    title = el("strong", "Turn ", failed.turn), " ", known
    return el(
        "section",
        el("header", *title, class_="ak-turn-head ak-bad"),
        el("div", api_error(failed.error, limits, f"{at}.error"), class_="ak-in"),
        _came(failed.response, limits, f"{at}.response") if failed.response else None,
        el("div", wire, class_="ak-in ak-details") if wire else None,
        class_="ak-turn ak-attempt",
        data_key=key,
    )


def _came(response: Response, limits: Limits, at: str) -> Html:
    """Draw what had come of an answer that broke off or was stopped."""
    calls = [
        call_alone(call, limits, f"{at}.tool_calls[{i}]")
        for i, call in enumerate(response.tool_calls[: limits.items])
    ]
    more = len(response.tool_calls) - len(calls)
    length = len(response.content or "") + len(response.reasoning or "")
    return el(
        "div",
        note(
            "■ what had come until then, ",
            count(length, "character"),
            ": not part of the conversation",
        ),
        thoughts(response.reasoning, limits, f"{at}.reasoning") if response.reasoning else None,
        prose(response.content, limits, f"{at}.content") if response.content else None,
        calls,
        note("… ", count(more, "more call"), " not shown") if more else None,
        class_="ak-in ak-came",
    )

"""A model call that failed or was stopped, and is no part of the history."""

from __future__ import annotations

from agentkit.show.html import Html, el, fragment
from agentkit.show.render.limits import Limits
from agentkit.show.render.parts.block import code, facts, note, prose, status
from agentkit.show.render.rollout.problem import api_error
from agentkit.show.render.rollout.raw import raw
from agentkit.show.render.rollout.turn.call import call_alone
from agentkit.show.render.rollout.turn.thinking import thoughts
from agentkit.types.answer import Response
from agentkit.types.trajectory import Attempt
from agentkit.types.wire import ApiError
from agentkit.types.words import count, seconds

_BODY = 2000
"""Characters of what a server said that are shown at once."""


def attempt(key: str, failed: Attempt, limits: Limits, at: str) -> Html:
    """Draw a model call that gave no answer: what was tried and what the server said, or what had
    come until it was stopped.
    """
    stopped, exchange = failed.error.stopped, failed.exchange
    number = 1 + len(exchange.retries)
    word = "stopped" if stopped else count(number, "attempt") + " without an answer"
    known = facts(word, seconds(exchange.elapsed))
    drawn = limits.details and limits.wire
    wire = raw(exchange, limits, f"{at}.exchange.text") if drawn else None
    title = el("strong", "Turn ", failed.turn), " ", known
    told = None if stopped else _failed(failed, limits, at)
    return el(
        "section",
        el("header", *title, class_="ak-turn-head" if stopped else "ak-turn-head ak-bad"),
        el("div", told, class_="ak-in") if told else None,
        _came(failed.response, limits, f"{at}.response") if failed.response else None,
        el("div", wire, class_="ak-in ak-details") if wire else None,
        class_="ak-turn ak-attempt",
        data_key=key,
    )


def _failed(failed: Attempt, limits: Limits, at: str) -> Html:
    """Draw what was tried, where it was more than once, and what the server said at last."""
    tries = (*failed.exchange.retries, failed.error)
    rows = [
        el(
            "tr",
            el("td", str(i + 1), class_="ak-number"),
            el("td", status("error"), " ", code(" ".join(_kind(error)))),
            el("td", code(error.message)),
        )
        for i, error in enumerate(tries[: limits.items])
    ]
    text = failed.exchange.text
    said = text and text.strip() != failed.error.message and limits.details
    return fragment(
        el("table", rows, class_="ak-tries") if len(tries) > 1 else None,
        api_error(failed.error, limits, f"{at}.error"),
        el("pre", text[:_BODY], class_="ak-data ak-said-raw") if said else None,
    )


def _kind(error: ApiError) -> list[str]:
    return [*([str(error.status)] if error.status else []), error.kind]


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

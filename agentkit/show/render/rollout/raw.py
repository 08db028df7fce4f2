"""The wire, one click away: the answer as it came, and what was asked beside the messages."""

from __future__ import annotations

from agentkit.dialects.codecs import CODECS
from agentkit.servers.redaction.secret_names import masked
from agentkit.show.html import HOLE, Child, Html, el, fragment, shape
from agentkit.show.render.limits import Limits
from agentkit.show.render.parts.block import bar, code, facts, fold, note, status, whole
from agentkit.show.render.parts.pretty import pretty
from agentkit.show.render.parts.rows import speech
from agentkit.show.render.rollout.problem import failed_tries
from agentkit.types.request import Request, Spec
from agentkit.types.wire import Exchange
from agentkit.types.words import count, seconds

_PLAIN = shape(fragment(facts(fragment("HTTP ", HOLE), HOLE)))
_RAW = shape(fold("as it came", HOLE, HOLE, HOLE, kind="raw"))
_PLAIN_RAW = shape(_RAW(_PLAIN(HOLE, HOLE), None, HOLE))
_PER_RUN = ("date",)
"""Headers that say when, not what."""


def raw(exchange: Exchange, limits: Limits, at: str, *more: Child) -> Html | None:
    """Draw the answer behind a click, laid out where it is JSON; None where there is none."""
    text = exchange.text
    if not text:
        return fold("as it came", *more, kind="raw") if any(more) else None
    shown = whole(body(exchange, text, limits), limits, at)
    if _is_plain(exchange) and not more:
        return _PLAIN_RAW(exchange.status, _size(text), shown)
    return _RAW(_wire_facts(exchange, text), more, shown)


def body(exchange: Exchange, text: str, limits: Limits) -> str:
    """Return the answer's text, laid out where it is JSON and not far beyond what is shown
    of it.
    """
    if not exchange.body or len(text) > 4 * limits.text:
        return text
    answer = exchange.raw
    return answer if isinstance(answer, str) else pretty(answer)


def _is_plain(exchange: Exchange) -> bool:
    """Tell whether an answer came in one piece, with a status."""
    return bool(exchange.status and not exchange.chunks)


def _size(text: str) -> str:
    return count(len(text), "character")


def _wire_facts(exchange: Exchange, text: str) -> Html | None:
    """Write the facts of the wire. The address stays out: it differs from run to run, and can hold
    a key.
    """
    size = _size(text)
    if _is_plain(exchange):
        return _PLAIN(exchange.status, size)
    chunks = f"streamed in {count(len(exchange.chunks), 'chunk')}" if exchange.chunks else None
    return facts(f"HTTP {exchange.status}" if exchange.status else None, size, chunks)


def headers(exchange: Exchange, limits: Limits) -> Html | None:
    """Draw the kept headers of the answer; None where there are none."""
    shown = [
        [el("li", code(f"{name}: {value}"))]
        for name, value in exchange.headers
        if name.lower() not in _PER_RUN
    ]
    listed = el("ul", shown) if limits.details else None
    return fold(count(len(shown), "header"), listed) if shown else None


def retries(exchange: Exchange, limits: Limits) -> Html | None:
    """Draw the tries that failed before this answer; None where it came at once."""
    if not exchange.retries:
        return None
    title = f"{count(len(exchange.retries), 'failed try')} before this answer"
    return fold(title, failed_tries(exchange.retries) if limits.details else None)


def exchange_row(exchange: Exchange, limits: Limits) -> Html:
    """Draw an exchange by itself: status, time, failed tries, headers and the answer."""
    failed, text = exchange.transport_error, exchange.text
    error = bar(status("error"), code(failed.kind), code(failed.message)) if failed else None
    answer = (
        whole(body(exchange, text, limits), limits, "exchange.text") if text else note("no answer")
    )
    known = bar(_wire_facts(exchange, text), facts(seconds(exchange.elapsed)))
    parts = known, error, retries(exchange, limits), headers(exchange, limits), answer
    return speech("exchange", "assistant", el("strong", "exchange"), *parts)


def asked(spec: Spec, limits: Limits) -> Html:
    """Draw what every request of a rollout holds beside its messages, and how answers are read."""
    tools = {"tools": list(spec.tools)} if spec.tools else {}
    fields = masked(
        {"model": spec.model, **spec.sampling, **({"stream": True} if spec.stream else {}), **tools}
    )
    reading = {
        "profile": spec.profile,
        "parser": spec.parser,
        "policy": spec.policy,
        "max_turns": spec.max_turns,
    }
    title = [
        "request ",
        facts(code(spec.model) if spec.model else None, count(len(spec.tools), "tool")),
    ]
    shown = [whole(pretty(part), limits, "trajectory.spec") for part in (fields, reading)]
    return fold(title, shown[0], note("how answers are read"), shown[1])


def request_head(request: Request, limits: Limits) -> Html:
    """Draw the fields of a request beside its messages."""
    codec = CODECS.get(request.dialect)
    listed = codec.history if codec else "messages"
    fields = {name: value for name, value in request.body.items() if name != listed}
    known = facts(
        code(request.model) if request.model else None,
        count(len(request.messages), "message"),
        count(len(request.tools), "tool"),
    )
    shown = (
        fold("fields beside the messages", whole(pretty(masked(fields)), limits, "request.body"))
        if limits.details
        else None
    )
    return el(
        "header", bar(el("strong", "Request"), known), shown, class_="ak-head", data_key="head"
    )

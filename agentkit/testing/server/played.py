"""A recorded exchange, played again: the bytes that came, in the pieces they came in; or its
message, where another form is asked for.
"""

from __future__ import annotations

import json
from typing import Any

from agentkit.read.stream.assembly import Assembly
from agentkit.read.stream.sse import SSE
from agentkit.testing.scripted import as_choice
from agentkit.testing.server.loopback import Reply
from agentkit.types.wire import Exchange

_NOT_PLAYED = frozenset({"content-encoding", "content-length", "transfer-encoding", "connection"})


def reply_of(exchange: Exchange) -> Reply:
    """The exchange as it came; one that broke off breaks off again."""
    headers = {name: value for name, value in exchange.headers if name not in _NOT_PLAYED}
    pieces = [chunk.text for chunk in exchange.chunks] or None
    kind = {"content-type": "text/event-stream; charset=utf-8"} if pieces else {}
    cut = exchange.transport_error is not None and (pieces is not None or bool(exchange.body))
    length = len(exchange.body.encode()) + 1 if cut and pieces is None else None
    return Reply(
        exchange.body, exchange.status or 200, {**kind, **headers}, pieces, cut=cut, length=length
    )


def is_answer(exchange: Exchange) -> bool:
    """Whether it holds a message that can be put into another form."""
    return (
        exchange.transport_error is None
        and (exchange.status or 200) < 300
        and bool(choice_of(exchange).get("message"))
    )


def is_completion(body: Any) -> bool:
    """Whether a body has the form of a chat completion, a message in its first choice."""
    choices = body.get("choices") if isinstance(body, dict) else None
    first = choices[0] if isinstance(choices, list) and choices else None
    return isinstance(first, dict) and isinstance(first.get("message"), dict)


def choice_of(exchange: Exchange) -> dict[str, Any]:
    """The message of the exchange and its finish reason; empty where it holds none."""
    body = _assembled(exchange) if exchange.chunks else exchange.raw
    return as_choice(body) if isinstance(body, dict) and body.get("choices") else {}


def _assembled(exchange: Exchange) -> Any:
    assembly, events = Assembly(), SSE()
    for event in (*events.feed(exchange.text), *events.finish()):
        try:
            data = json.loads(event.data)
        except ValueError:
            continue
        if isinstance(data, dict):
            assembly.add(data)
    return assembly.body() if assembly.chunks else None

"""An answer that came from any server, so that faults can be applied to it as to one that the
reference server makes: its own form, and what a client records of a reply.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from agentkit.servers.arrival import Arrival
from agentkit.servers.failures import transport_error
from agentkit.testing.faults.fault import Draft
from agentkit.testing.faults.wire_faults import NEVER
from agentkit.testing.scripted import as_choice
from agentkit.testing.server.loopback import Reply
from agentkit.testing.server.manners.openai_manner import OpenAI
from agentkit.testing.server.pieces import Step
from agentkit.testing.server.question import Question
from agentkit.testing.server.recorded import body_of, events_of, is_completion
from agentkit.testing.server.stages import draft_of
from agentkit.types.wire import ApiError, Chunk, Exchange


class Received(OpenAI):
    """The form in which an answer came: everything but the message and its finish reason stays as
    it is. A stream is cut into pieces again where its message is changed.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._events = [data for _, data in events_of(exchange)]
        self._whole = body_of(exchange)
        self._draft = draft_of(as_choice(self._whole)) if is_completion(self._whole) else None
        name = "reasoning_content"
        self._reasoning = name if self._draft and name in self._message() else "reasoning"

    def _message(self) -> Mapping[str, Any]:
        message: Mapping[str, Any] = self._whole["choices"][0]["message"]
        return message

    def draft(self) -> Draft | None:
        """Give the answer as a draft of its own; None where it is no chat completion."""
        return copy.deepcopy(self._draft)

    def sent_headers(self, *, stream: bool) -> dict[str, str]:
        headers = dict(self._exchange.headers)
        if stream != bool(self._exchange.chunks):
            headers["content-type"] = "text/event-stream" if stream else "application/json"
        return headers

    def body(self, draft: Mapping[str, Any] | None, question: Question) -> Any:
        if draft is None or draft == self._draft:
            return self._whole
        choice, *others = self._whole["choices"]
        message = {self._field(name): value for name, value in draft["message"].items()}
        changed = {**choice, "message": message, "finish_reason": draft["finish_reason"]}
        return {**self._whole, "choices": [changed, *others]}

    def block_text(self, data: Any) -> str:
        return self.dumps(data)

    def chunks(self, draft: Mapping[str, Any] | None, question: Question) -> list[Any]:
        if draft is None or (self._events and draft == self._draft):
            return copy.deepcopy(self._events)
        first, *others, done = super().chunks({**draft, "shows_reasoning": True}, question)
        came, usage = self._whole["choices"][0], self._whole.get("usage")
        first["choices"][0].update({k: came[k] for k in ("logprobs", "token_ids") if k in came})
        if "prompt_token_ids" in self._whole:
            first["prompt_token_ids"] = self._whole["prompt_token_ids"]
        counts = [{**self._head(question), "choices": [], "usage": usage}] if usage else []
        return [first, *others, *counts, done]

    def delta(self, step: Step, question: Question, index: int) -> dict[str, Any]:
        made = super().delta(step, question, index)
        return {self._field(name): value for name, value in made.items()}

    def finish(self, finish: Any, question: Question) -> Any:
        return finish

    def _head(self, question: Question) -> dict[str, Any]:
        elsewhere = ("choices", "usage", "prompt_token_ids")
        kept = {name: value for name, value in self._whole.items() if name not in elsewhere}
        return {**kept, "object": "chat.completion.chunk"}

    def _field(self, name: str) -> str:
        return self._reasoning if name == "reasoning" else name


def changed_by(exchange: Exchange, before: Reply, after: Reply) -> Exchange:
    """Give what a client records of a reply that a fault has changed.

    Args:
        exchange: what it recorded without the fault.
        before: the reply without the fault.
        after: the reply with it.
    """
    kept, late = exchange, after.delay
    if (before.pieces, before.content) != (after.pieces, after.content):
        times = [at for at, _ in events_of(exchange)]
        kept = replace(exchange, body=_body(after), chunks=_chunks(after, times))
    if after.pieces is not None and not exchange.chunks:  # no stream was asked for
        kept = replace(kept, body=kept.text, chunks=())
    failure = _failure(after, 0.0) if after.cut or before.headers != after.headers else None
    return replace(
        kept,
        status=exchange.status if before.status == after.status else after.status,
        headers=tuple(after.headers.items()),
        chunks=tuple(Chunk(at=chunk.at + late, text=chunk.text) for chunk in kept.chunks),
        transport_error=failure or exchange.transport_error,
        elapsed=None if exchange.elapsed is None else exchange.elapsed + late,
    )


def exchange_of(reply: Reply, seconds: float) -> Exchange:
    """Give what a client records of a reply that was made in place of an answer.

    Args:
        reply: what the server sends.
        seconds: the client's limit of time.
    """
    failure = _failure(reply, seconds)
    if failure is not None:
        return Exchange(transport_error=failure, elapsed=0.0)
    return Exchange(
        status=reply.status,
        headers=tuple(reply.headers.items()),
        body=_body(reply),
        chunks=_chunks(reply, []),
        elapsed=0.0,
    )


def _failure(reply: Reply, seconds: float) -> ApiError | None:
    """Why a client has no complete answer; None where it has one.

    Args:
        reply: what the server sends.
        seconds: the client's limit of time.
    """
    from aiohttp.http_exceptions import BadStatusLine

    if reply.raw is not None:
        return transport_error(BadStatusLine(reply.raw.decode("latin-1").strip()))
    if reply.delay >= NEVER:
        return transport_error(TimeoutError(), seconds=seconds)
    if reply.cut:
        return transport_error(ConnectionResetError("Connection reset by peer"))
    return _compressed(reply).transport_error if "content-encoding" in reply.headers else None


def _compressed(reply: Reply) -> Exchange:
    """Take a reply in as a client does, up to the limit of its size."""
    arrival = Arrival(clock=lambda: 0.0, stream=False)
    arrival.answered(reply.status, reply.headers)
    if arrival.inflates():
        arrival.feed(reply.content)
    return arrival.exchange()


def _body(reply: Reply) -> str:
    return "" if reply.pieces is not None else reply.content.decode(errors="replace")


def _chunks(reply: Reply, times: list[float]) -> tuple[Chunk, ...]:
    """Give the pieces of a streamed reply, each at the time that has its place; where there are
    more pieces than times, the rest at the last time.
    """
    pieces = reply.pieces or ()
    padded = [*times, *[times[-1] if times else 0.0] * len(pieces)]
    return tuple(Chunk(at=at, text=str(piece)) for piece, at in zip(pieces, padded, strict=False))

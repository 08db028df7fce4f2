"""Asking again after a passing failure: a few times, visibly, and never once a piece of the answer
has come.

Rate limits, server errors and connections that broke before the answer began are asked again,
wherever the server reports them: as a status, in an answer sent as a success, or in a stream before
its first token. Exhausted quota, configuration faults and a server that is not there are not:
waiting does not cure them. A server that says `x-should-retry` is obeyed.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace

from agentkit.read.body.finish_words import broken_kind
from agentkit.read.failure.answer_error import brings_text, value_of
from agentkit.read.response import read_response
from agentkit.read.stream.sse import SSE
from agentkit.read.stream.stream_error import answer_error, answer_failure, events_of
from agentkit.servers.model_call import Call, ChatServer, Emit
from agentkit.trajectory.loop import request_error
from agentkit.types.wire import ApiError, Chunk, Exchange

PASSING = frozenset(
    {
        "rate_limited",
        "server_error",
        "connection_reset",
        "tool_use_failed",
        "generation_aborted",
        "body_empty",
        "stream_no_finish",
    }
)
"""Problem codes of failures that may be gone a moment later."""
LONGEST_WAIT = 30.0
"""Seconds; a server that asks for a longer wait is not waited for."""
_LONGEST_OPENING = 2**16
"""Characters of a stream that are kept back at most; what begins with so many that are no token is
given out as it comes.
"""

_ENDING = 4096
"""Characters at the end of an answer in which its finish reason is looked for."""
_STATUS = re.compile(r'"status":\s*"(completed)"')
"""What a whole answer of Responses and each of its items say of themselves."""
_FINISH = re.compile(r'"(?:finish|stop)_reason"\s*:\s*(?:\{[^{}]*?"type"\s*:\s*)?"([^"\\]{1,60})"')
"""A finish reason, which SGLang writes as an object."""

_REFUSALS = frozenset({400, 404, 405, 415, 422, 501})
_OF_STREAMING = re.compile(r"\bstream", re.I)
log = logging.getLogger("agentkit")

Sleep = Callable[[float], Awaitable[None]]


class Blockwise:
    """A server that is asked for the whole answer once it has refused to stream one. The refusal is
    on the record, as a failed try, and is told once.
    """

    def __init__(self, server: ChatServer) -> None:
        self._server = server
        self.profile = server.profile
        self._refused = False

    async def chat(self, call: Call, emit: Emit | None = None) -> Exchange:
        """Ask for the answer: in pieces, as long as the server has not refused that."""
        if not call.stream or self._refused:
            return await self._server.chat(replace(call, stream=False), emit)
        answer = await self._server.chat(call, emit)
        error = request_error(answer)
        if error is None or error.status not in _REFUSALS or not _OF_STREAMING.search(answer.text):
            return answer
        self._refused = True
        log.warning("the server does not stream; its answers are asked for as a whole")
        answer = await self._server.chat(replace(call, stream=False), emit)
        return replace(answer, retries=(error, *answer.retries))


async def ask(
    server: ChatServer, call: Call, emit: Emit | None, *, retries: int, sleep: Sleep = asyncio.sleep
) -> Exchange:
    """Ask until an answer comes or no try is left.

    Args:
        server: what to ask.
        call: the request.
        emit: called with each piece of a streamed answer; with those before the first token only
            when one has come, or no more try is made.
        retries: tries after the first, at most.
        sleep: waits for seconds; another in tests.

    Returns:
        The answer of the last try; the errors of those before it are its `retries`.
    """
    opening = Opening(emit) if emit is not None else None
    answer = await server.chat(call, opening)
    given_out = opening is not None and opening.begun
    if retries > 0 and not given_out and passing_error(answer) is not None:
        answer = await _asked_again(server, call, opening, answer, retries, sleep)
    if opening is not None:
        opening.begin()
    return answer


async def _asked_again(
    server: ChatServer,
    call: Call,
    opening: Opening | None,
    first: Exchange,
    retries: int,
    sleep: Sleep,
) -> Exchange:
    """Ask again after a first answer that was a passing failure."""
    from tenacity import (
        AsyncRetrying,
        RetryCallState,
        retry_if_result,
        stop_after_attempt,
        wait_exponential,
        wait_random,
    )

    failed: list[ApiError] = []
    come = [first]
    backoff = wait_exponential(multiplier=0.5, max=8) + wait_random(0, 0.5)

    async def answer() -> Exchange:
        if come:
            return come.pop()
        if opening is not None:
            opening.forget()
        return await server.chat(call, opening)

    def passing(exchange: Exchange) -> bool:
        given_out = opening is not None and opening.begun
        error = None if given_out else passing_error(exchange)
        if error is not None:
            failed.append(error)
        return error is not None

    def wait(state: RetryCallState) -> float:
        asked_for = failed[-1].retry_after
        return backoff(state) if asked_for is None else asked_for

    tries = AsyncRetrying(
        stop=stop_after_attempt(retries + 1),
        wait=wait,
        retry=retry_if_result(passing),
        sleep=sleep,
        retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
    )
    exchange: Exchange = await tries(answer)
    return replace(exchange, retries=(*exchange.retries, *failed[:retries]))


def passing_error(exchange: Exchange) -> ApiError | None:
    """Find the failure that may be gone a moment later; None where there is none, or where a piece
    of the answer has come.
    """
    error = (
        request_error(exchange)
        or answer_error(exchange.text, exchange.headers, before_text=True)
        or wordless_failure(exchange)
    )
    if error is None or not error.retryable or (error.retry_after or 0) > LONGEST_WAIT:
        return None
    asked_for = dict(exchange.headers).get("x-should-retry", "").strip().lower() == "true"
    late = error.kind == "timeout" and exchange.transport_error is None  # the server's own
    if not (asked_for or late or error.kind in PASSING):
        return None
    if exchange.chunks and has_text(exchange.text):
        return None
    return error


def wordless_failure(exchange: Exchange) -> ApiError | None:
    """Find why a success holds nothing at all: an empty body, a stream of nothing, or a finish
    reason that says that the answer broke off before its first token.
    """
    end = exchange.text[-_ENDING:]
    words = _FINISH.findall(end) or ([] if exchange.chunks else _STATUS.findall(end))
    known = words or (len(exchange.text) > _ENDING and not _is_open(exchange))
    if end.strip() and known and not any(map(broken_kind, words)):
        return None
    response = read_response(exchange)
    if response.content or response.reasoning or response.tool_calls:
        return None
    return answer_failure(exchange, response)


def _is_open(exchange: Exchange) -> bool:
    """Tell whether a stream is one of Responses, whose first events repeat the request at any
    length, and nothing in it says that the answer is complete.
    """
    begun = any('"response.created"' in chunk.text for chunk in exchange.chunks[:4])
    return begun and '"response.completed"' not in exchange.text


def has_text(text: str) -> bool:
    """Tell whether a piece of an answer is in it: text, reasoning or a call."""
    return any(brings_text(value_of(event.data)) for event in events_of(text))


class Opening:
    """Keeps the pieces of a stream back until one brings text, reasoning or a call: what came
    before, an error above all, may have to be asked for again and is then seen by nobody.

    Args:
        emit: gets the pieces.
    """

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self.begun = False
        """Whether pieces have been given out."""
        self.forget()

    def __call__(self, chunk: Chunk) -> None:
        if self.begun:
            self._emit(chunk)
            return
        self._kept.append(chunk)
        self._size += len(chunk.text)
        came = any(brings_text(value_of(event.data)) for event in self._sse.feed(chunk.text))
        if came or self._size > _LONGEST_OPENING:
            self.begin()

    def begin(self) -> None:
        """Give out what was kept back, and everything from now on as it comes."""
        self.begun = True
        for chunk in self._kept:
            self._emit(chunk)
        self._kept.clear()

    def forget(self) -> None:
        """Drop what was kept back: the request is asked again."""
        self._sse = SSE()
        self._kept: list[Chunk] = []
        self._size = 0

"""Asking again after a passing failure: a few times, visibly, and never once a piece of the answer
has come.

Rate limits, server errors and connections that broke before the answer began are asked again.
Exhausted quota, configuration faults and a server that is not there are not: waiting does not cure
them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from agentkit.servers.model_call import Call, ChatServer, Emit
from agentkit.trajectory.loop import request_error
from agentkit.types.wire import ApiError, Exchange

PASSING = frozenset({"rate_limited", "server_error", "connection_reset"})
"""Problem codes of failures that may be gone a moment later."""
LONGEST_WAIT = 30.0
"""Seconds; a server that asks for a longer wait is not waited for."""

Sleep = Callable[[float], Awaitable[None]]


async def ask(
    server: ChatServer, call: Call, emit: Emit | None, *, retries: int, sleep: Sleep = asyncio.sleep
) -> Exchange:
    """Ask until an answer comes or no try is left.

    Args:
        server: what to ask.
        call: the request.
        emit: called with each piece of a streamed answer.
        retries: tries after the first, at most.
        sleep: waits for seconds; another in tests.

    Returns:
        The answer of the last try; the errors of those before it are its `retries`.
    """
    from tenacity import (
        AsyncRetrying,
        RetryCallState,
        retry_if_result,
        stop_after_attempt,
        wait_exponential,
        wait_random,
    )

    failed: list[ApiError] = []
    backoff = wait_exponential(multiplier=0.5, max=8) + wait_random(0, 0.5)

    def passing(exchange: Exchange) -> bool:
        error = request_error(exchange)
        if (
            error is None
            or error.kind not in PASSING
            or exchange.chunks
            or (error.retry_after or 0) > LONGEST_WAIT
        ):
            return False
        failed.append(error)
        return True

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
    exchange: Exchange = await tries(server.chat, call, emit)
    before = failed[:retries]
    return replace(exchange, retries=(*exchange.retries, *before)) if before else exchange

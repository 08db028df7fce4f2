"""Passing failures are asked again: few times, visibly, never after a piece of the answer, never
where waiting does not hint it.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

import agentkit as ak
from agentkit.servers.model_call import Call, Emit
from agentkit.servers.retry import ask
from agentkit.types.wire import ApiError, Chunk, Exchange

OK = Exchange(
    status=200,
    body=json.dumps(
        {
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": "hi"},
                    "finish_reason": "stop",
                }
            ]
        }
    ),
)
BUSY = Exchange(status=503, body='{"error": {"message": "The model is overloaded"}}')
LIMITED = Exchange(
    status=429, body='{"error": {"message": "Rate limit reached. Please try again in 7s."}}'
)
CALL = Call(messages=[{"role": "user", "content": "hi"}])


class Answers:
    profile: str | None = None

    def __init__(self, *exchanges: Exchange) -> None:
        self.left = list(exchanges)
        self.asked = 0

    async def chat(self, call: Call, emit: Emit | None = None) -> Exchange:
        self.asked += 1
        return self.left.pop(0)


def asked(server: Answers, retries: int = 2) -> tuple[Exchange, list[float]]:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    return asyncio.run(ask(server, CALL, None, retries=retries, sleep=sleep)), waits


def test_a_passing_failure_is_asked_again_and_stays_on_the_record() -> None:
    exchange, waits = asked(Answers(BUSY, LIMITED, OK))
    assert exchange.status == 200
    assert [error.kind for error in exchange.retries] == ["server_error", "rate_limited"]
    assert 0.4 < waits[0] < 1.5
    assert waits[1] == 7.0


def test_the_last_failure_is_the_answer() -> None:
    server = Answers(BUSY, BUSY, LIMITED, OK)
    exchange, waits = asked(server)
    assert (exchange.status, server.asked, len(waits)) == (429, 3, 2)
    assert [error.kind for error in exchange.retries] == ["server_error", "server_error"]


@pytest.mark.parametrize(
    "exchange",
    [
        Exchange(
            status=429,
            body='{"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}',
        ),
        Exchange(status=500, body='{"error": {"message": "tools param requires --jinja flag"}}'),
        Exchange(status=400, body='{"error": {"message": "bad"}}'),
        Exchange(status=429, body='{"error": {"message": "Rate limit. Try again in 10m"}}'),
        Exchange(
            transport_error=ApiError(kind="connection_failed", message="refused", retryable=True)
        ),
        Exchange(
            chunks=(Chunk(at=0.1, text="data: {}"),),
            transport_error=ApiError(kind="connection_reset", message="cut", retryable=True),
        ),
    ],
)
def test_what_waiting_does_not_mend_is_asked_once(exchange: Exchange) -> None:
    server = Answers(exchange, OK)
    assert asked(server)[0] == exchange
    assert server.asked == 1


def test_a_stub_is_never_asked_twice() -> None:
    count = 0

    class Stub:
        async def chat_completion(self, **kwargs: Any) -> Any:
            nonlocal count
            count += 1
            raise RuntimeError("server_error: overloaded")

    trajectory = ak.rollout(ak.Agent("m", server=Stub()), "hi")
    assert (trajectory.stop_reason, count) == ("error", 1)

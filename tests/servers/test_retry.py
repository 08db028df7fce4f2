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
from agentkit.servers.retry import Opening, ask
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
            chunks=(Chunk(at=0.1, text='data: {"choices":[{"delta":{"content":"a"}}]}\n\n'),),
            transport_error=ApiError(kind="connection_reset", message="cut", retryable=True),
        ),
    ],
)
def test_what_waiting_does_not_mend_is_asked_once(exchange: Exchange) -> None:
    server = Answers(exchange, OK)
    assert asked(server)[0] == exchange
    assert server.asked == 1


HEAD = 'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n'
TOKEN = 'data: {"choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n'
END = 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'


def streamed(*texts: str, **rest: Any) -> Exchange:
    return Exchange(status=200, chunks=tuple(Chunk(at=0.1, text=text) for text in texts), **rest)


RESET = ApiError(kind="connection_reset", message="cut", retryable=True)
IN_A_SUCCESS = [
    (
        Exchange(status=200, body='{"error": {"message": "overloaded", "code": 503}}'),
        "server_error",
    ),
    (Exchange(status=200, body='{"error": {"message": "slow down", "code": 429}}'), "rate_limited"),
    (
        Exchange(
            status=200,
            body='{"choices": [{"error": {"code": 502, "message": "Upstream error"}}]}',
        ),
        "server_error",
    ),
    (streamed('data: {"error":{"code":429,"message":"slow down"}}\n\n'), "rate_limited"),
    (
        streamed(
            ": OPENROUTER PROCESSING\n\n", HEAD, 'data: {"error":{"code":502,"message":"x"}}\n\n'
        ),
        "server_error",
    ),
    (streamed('error: {"code":500,"message":"slot unavailable"}\n\n'), "server_error"),
    (streamed('event: error\ndata: {"message":"overloaded","code":503}\n\n'), "server_error"),
    (streamed(": ping\n\n", HEAD, transport_error=RESET), "connection_reset"),
]
"""Passing failures that a server reports, or meets, behind a status of success."""


def broken_off(finish: Any, **message: Any) -> Exchange:
    choice = {"index": 0, "message": {"role": "assistant", "content": None, **message}}
    return Exchange(status=200, body=json.dumps({"choices": [{**choice, "finish_reason": finish}]}))


@pytest.mark.parametrize(
    ("exchange", "kind"),
    [
        (broken_off("error"), "generation_aborted"),
        (broken_off({"type": "abort", "message": "shutting down"}), "generation_aborted"),
        (broken_off("insufficient_system_resource"), "server_error"),
        (broken_off("MALFORMED_FUNCTION_CALL"), "tool_use_failed"),
        (Exchange(status=200, body=""), "body_empty"),
        (
            Exchange(status=200, chunks=(Chunk(at=0.1, text="data: [DONE]\n\n"),)),
            "stream_no_finish",
        ),
    ],
)
def test_an_answer_that_broke_off_before_its_first_token_is_asked_again(
    exchange: Exchange, kind: str
) -> None:
    answer, _ = asked(Answers(exchange, OK))
    assert answer.body == OK.body
    assert [error.kind for error in answer.retries] == [kind]


@pytest.mark.parametrize(
    "exchange",
    [
        broken_off("error", content="It is"),
        broken_off("error", reasoning_content="hm"),
        broken_off("content_filter"),
        broken_off("stop"),
        broken_off("length"),
    ],
)
def test_what_brought_text_or_will_end_the_same_is_asked_once(exchange: Exchange) -> None:
    server = Answers(exchange, OK)
    assert asked(server)[0] is exchange
    assert server.asked == 1


@pytest.mark.parametrize(("exchange", "kind"), IN_A_SUCCESS)
def test_a_passing_failure_in_a_success_is_asked_again(exchange: Exchange, kind: str) -> None:
    server = Answers(exchange, OK)
    answer, _ = asked(server)
    assert (server.asked, answer.body) == (2, OK.body)
    assert [error.kind for error in answer.retries] == [kind]


@pytest.mark.parametrize(
    "exchange",
    [
        streamed(HEAD, TOKEN, 'data: {"error":{"code":503,"message":"overloaded"}}\n\n'),
        streamed(TOKEN + 'data: {"error":{"code":429,"message":"slow"}}\n\n'),
        streamed('data: {"error":{"code":401,"message":"bad key"}}\n\n'),
        streamed('data: {"error":{"code":429,"message":"exceeded your current quota"}}\n\n'),
        streamed(HEAD, TOKEN, END),
        Exchange(status=200, body='{"error": {"message": "no such model", "code": 404}}'),
    ],
)
def test_what_began_or_will_not_pass_in_a_success_is_asked_once(exchange: Exchange) -> None:
    server = Answers(exchange, OK)
    assert asked(server)[0] == exchange
    assert server.asked == 1


@pytest.mark.parametrize(
    ("status", "said", "again"),
    [
        (400, "true", True),
        (409, " True ", True),
        (503, "false", False),
        (429, "False", False),
        (503, "perhaps", True),
        (400, "", False),
    ],
)
def test_a_server_that_says_whether_to_try_again_is_obeyed(
    status: int, said: str, again: bool
) -> None:
    refused = Exchange(
        status=status, body='{"error": {"message": "no"}}', headers=(("x-should-retry", said),)
    )
    server = Answers(refused, OK)
    assert (asked(server)[0].status == 200) is again
    assert server.asked == 1 + again


def test_our_own_time_out_is_not_waited_for_again_and_the_servers_is() -> None:
    ours = ApiError(kind="timeout", message="no complete answer", status=200, retryable=True)
    server = Answers(Exchange(status=200, transport_error=ours), OK)
    assert (asked(server)[0].transport_error, server.asked) == (ours, 1)
    assert asked(Answers(Exchange(status=504, body="<html>504</html>"), OK))[0].body == OK.body


class Streams(Answers):
    async def chat(self, call: Call, emit: Emit | None = None) -> Exchange:
        exchange = await super().chat(call, emit)
        for chunk in exchange.chunks:
            assert emit is not None
            emit(chunk)
        return exchange


@pytest.mark.parametrize("retries", [1, 2])
def test_the_pieces_of_a_failed_try_are_not_given_out(retries: int) -> None:
    failed = streamed(": ping\n\n", HEAD, 'data: {"error":{"code":503,"message":"busy"}}\n\n')
    good = streamed(HEAD, TOKEN, END)
    seen: list[Chunk] = []

    async def sleep(seconds: float) -> None:
        assert not seen

    server = Streams(failed, good)
    answer = asyncio.run(ask(server, CALL, seen.append, retries=retries, sleep=sleep))
    assert tuple(seen) == good.chunks == answer.chunks
    assert [error.kind for error in answer.retries] == ["server_error"]


@pytest.mark.parametrize("retries", [0, 1])
def test_the_pieces_of_the_last_try_are_given_out(retries: int) -> None:
    failed = streamed(HEAD, 'data: {"error":{"code":503,"message":"busy"}}\n\n')
    seen: list[Chunk] = []

    async def sleep(seconds: float) -> None: ...

    server = Streams(failed, failed)
    answer = asyncio.run(ask(server, CALL, seen.append, retries=retries, sleep=sleep))
    assert tuple(seen) == failed.chunks
    assert (len(answer.retries), server.asked) == (retries, retries + 1)


def test_pieces_are_given_out_as_they_come_from_the_first_token_on() -> None:
    seen: list[Chunk] = []
    opening = Opening(seen.append)
    for text, count in ((": ping\n\n", 0), (HEAD, 0), (TOKEN[:30], 0), (TOKEN[30:], 4), (END, 5)):
        opening(Chunk(at=0.0, text=text))
        assert len(seen) == count
    endless: list[Chunk] = []
    opening = Opening(endless.append)
    for _ in range(100):
        opening(Chunk(at=0.0, text=f": {'.' * 1000}\n\n"))
    assert len(endless) == 100  # what no token follows is not kept back for ever


def test_a_stub_is_never_asked_twice() -> None:
    count = 0

    class Stub:
        async def chat_completion(self, **kwargs: Any) -> Any:
            nonlocal count
            count += 1
            raise RuntimeError("server_error: overloaded")

    trajectory = ak.rollout(ak.Agent("m", server=Stub()), "hi")
    assert (trajectory.stop_reason, count) == ("error", 1)

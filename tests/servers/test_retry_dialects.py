"""What is asked again in Responses and Messages, and what is not."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

import agentkit as ak
from agentkit.servers.clients import streams
from agentkit.servers.model_call import Call
from agentkit.servers.retry import Blockwise, Opening, ask
from agentkit.types.answer import Dialect
from agentkit.types.wire import Chunk, Exchange
from tests.servers.dialect_stub import (
    BODIES,
    STREAMS,
    message,
    response,
    response_events,
    written,
)
from tests.servers.http_stub import Answer, HttpServer
from tests.servers.test_retry import CALL, OK, RESET, Answers, Streams, asked, streamed

RESPONSES, THEIRS = STREAMS["responses"], STREAMS["messages"]
OVERLOADED = (
    'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Over"}}\n\n'
)
FAILED = response(status="failed", output=[], error={"code": "server_error", "message": "x"})
FAILING = written(response_events(FAILED))
LONG = written(response_events(response(output=[], instructions="a" * 9000, status="completed")))


@pytest.mark.parametrize(
    ("exchange", "kind"),
    [
        (streamed(OVERLOADED), "server_error"),
        (streamed(*THEIRS[:3], OVERLOADED), "server_error"),
        (streamed(*THEIRS[:3], transport_error=RESET), "connection_reset"),
        (streamed(*THEIRS[:2]), "stream_no_finish"),
        (streamed(*FAILING), "server_error"),
        (streamed(*RESPONSES[:4], FAILING[-1]), "server_error"),
        (streamed(*RESPONSES[:3], transport_error=RESET), "connection_reset"),
        (streamed(*LONG[:2]), "stream_no_finish"),
        (Exchange(status=200, body=json.dumps(FAILED)), "server_error"),
        (Exchange(status=529, body=OVERLOADED[19:]), "server_error"),
        (
            Exchange(status=200, body=json.dumps(response(status="cancelled", output=[]))),
            "generation_aborted",
        ),
    ],
)
def test_a_passing_failure_is_asked_again_in_each_dialect(exchange: Exchange, kind: str) -> None:
    answer, _ = asked(Answers(exchange, OK))
    assert answer.body == OK.body
    assert [error.kind for error in answer.retries] == [kind]


def first_words(pieces: list[str]) -> list[int]:
    """How many pieces have come when each kind of text, reasoning or call has begun."""
    kinds = ("_text.delta", "text_delta", "arguments.delta", "thinking_delta", '"{')
    return [n for n, piece in enumerate(pieces, 1) if any(kind in piece for kind in kinds)]


@pytest.mark.parametrize("dialect", ["responses", "messages"])
def test_nothing_is_asked_again_once_a_piece_has_come(dialect: Dialect) -> None:
    pieces = STREAMS[dialect]
    came = first_words(pieces)
    for ending in ({"transport_error": RESET}, {"more": OVERLOADED}, {"more": FAILING[-1]}):
        for count in came:
            error: Any = ending.get("transport_error")
            texts = [*pieces[:count], *([ending["more"]] if error is None else [])]
            exchange = streamed(*map(str, texts), transport_error=error)
            server = Answers(exchange, OK)
            assert asked(server)[0] is exchange
            assert server.asked == 1


@pytest.mark.parametrize(
    "exchange",
    [
        streamed(*RESPONSES),
        streamed(*THEIRS),
        streamed(*LONG),
        Exchange(status=200, body=json.dumps(message(content=[], stop_reason="refusal"))),
        Exchange(status=200, body=json.dumps(message(content=[], stop_reason="end_turn"))),
        Exchange(
            status=200,
            body=json.dumps(
                response(
                    status="incomplete",
                    output=[],
                    incomplete_details={"reason": "max_output_tokens"},
                )
            ),
        ),
        Exchange(status=401, body='{"type":"error","error":{"type":"authentication_error"}}'),
    ],
)
def test_an_end_in_each_dialect_is_asked_once(exchange: Exchange) -> None:
    server = Answers(exchange, OK)
    assert asked(server)[0] is exchange
    assert server.asked == 1


@pytest.mark.parametrize("dialect", ["responses", "messages"])
def test_the_pieces_of_a_failed_try_are_given_out_in_no_dialect(dialect: Dialect) -> None:
    pieces = STREAMS[dialect]
    failed, good = streamed(*pieces[:3], OVERLOADED), streamed(*pieces)
    seen: list[Chunk] = []

    async def sleep(seconds: float) -> None:
        assert not seen

    answer = asyncio.run(ask(Streams(failed, good), CALL, seen.append, retries=1, sleep=sleep))
    assert tuple(seen) == good.chunks == answer.chunks
    opening = Opening(seen.append)
    seen.clear()
    first = first_words(pieces)[0]
    for number, piece in enumerate(pieces, 1):
        opening(Chunk(at=0.0, text=piece))
        assert len(seen) == (number if number >= first else 0)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "3", "anthropic-ratelimit-tokens-remaining": "0"}, 3.0),
        (
            {
                "anthropic-ratelimit-requests-remaining": "0",
                "anthropic-ratelimit-requests-reset": "2026-11-30T22:00:09Z",
                "anthropic-ratelimit-tokens-remaining": "0",
                "anthropic-ratelimit-tokens-reset": "2026-11-30T22:00:04Z",
                "anthropic-ratelimit-input-tokens-remaining": "9000",
                "anthropic-ratelimit-input-tokens-reset": "2026-11-30T22:00:29Z",
                "date": "Mon, 30 Nov 2026 22:00:00 GMT",
            },
            9.0,
        ),
    ],
)
def test_the_wait_that_anthropic_asks_for_is_kept(headers: dict[str, str], seconds: float) -> None:
    body = '{"type":"error","error":{"type":"rate_limit_error","message":"slow down"}}'
    limited = Exchange(status=429, body=body, headers=tuple(headers.items()))
    answer, waits = asked(Answers(limited, OK))
    assert answer.body == OK.body
    assert waits == [seconds]


@pytest.mark.parametrize(
    "headers",
    [
        {"anthropic-ratelimit-tokens-remaining": "0"},
        {
            "anthropic-ratelimit-tokens-remaining": "0",
            "anthropic-ratelimit-tokens-reset": "soon",
            "date": "Mon, 30 Nov 2026 22:00:00 GMT",
        },
        {
            "anthropic-ratelimit-tokens-remaining": "0",
            "anthropic-ratelimit-tokens-reset": "2026-11-30T22:00:09",
            "date": "Mon, 30 Nov 2026 22:00:00 GMT",
        },
    ],
)
def test_a_wait_that_cannot_be_counted_is_none(headers: dict[str, str]) -> None:
    assert ak.read_error(429, headers, '{"error":{"message":"slow"}}').retry_after is None


@pytest.mark.parametrize("dialect", ["chat", "responses", "messages"])
def test_a_server_that_refuses_to_stream_is_asked_for_a_block(dialect: Dialect) -> None:
    def answer(asked: Any) -> Answer:
        if asked.json.get("stream"):
            return Answer({"error": {"message": "stream is not supported"}}, status=400)
        return Answer(BODIES[dialect])

    call = Call(
        messages=[{"role": "user", "content": "hi"}],
        fields={"model": "m"},
        dialect=dialect,
        stream=True,
    )
    with HttpServer(answer) as http:
        server = ak.Server(http.url)
        blockwise = Blockwise(server)

        async def main() -> list[Exchange]:
            return [await blockwise.chat(call), await blockwise.chat(call)]

        first, second = asyncio.run(main())
        assert streams(server)
    assert [bool(asked.json.get("stream")) for asked in http.requests] == [True, False, False]
    assert first.raw == second.raw == BODIES[dialect]
    assert [error.status for error in first.retries] == [400]

"""Clients of the openai and anthropic packages, and `ak.Server`, in each dialect."""

from __future__ import annotations

import asyncio
import importlib
import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

import agentkit as ak
from agentkit.errors import UsageError
from agentkit.read.response import read_response
from agentkit.servers.clients import as_server, streams
from agentkit.servers.model_call import Call
from agentkit.servers.transfer import http_library
from agentkit.types.answer import Dialect
from agentkit.types.wire import Exchange
from tests.servers.dialect_stub import (
    ARGUMENTS,
    BODIES,
    STREAMS,
    TEXT,
    THOUGHT,
    block_of,
    message,
    stream_of,
)
from tests.servers.http_stub import Answer, HttpServer, OneByOne
from tests.servers.server_stub import KEY, MESSAGES, closed_port, everything, kind

SERVED: dict[Dialect, str] = {
    "chat": "/v1/chat/completions",
    "responses": "/v1/responses",
    "messages": "/v1/messages",
}


def client(name: str, url: str, **options: Any) -> Any:
    """A client by the name of its class, or an `ak.Server`."""
    if name == "ak.Server":
        return ak.Server(url, KEY)
    package, _, kind = name.partition(".")
    sdk: Any = importlib.import_module(package)
    base = url.removesuffix("/v1") if package == "anthropic" else url
    if "Azure" in kind:
        options |= {"azure_endpoint": base, "api_version": "v"}
    else:
        options |= {"base_url": base}
    return getattr(sdk, kind)(api_key=KEY, **options)


def through(given: Any, call: Call, emit: Any = None) -> Exchange:
    """The exchange through a client, which is closed after it."""

    async def main() -> Exchange:
        try:
            return await as_server(given).chat(call, emit)
        finally:
            closed = given.aclose() if isinstance(given, ak.Server) else given.close()
            if closed is not None:
                await closed

    return asyncio.run(main())


WAYS: list[tuple[str, Dialect]] = [
    (name, dialect)
    for name in ("ak.Server", "openai.OpenAI", "openai.AsyncOpenAI")
    for dialect in SERVED
] + [("anthropic.Anthropic", "messages"), ("anthropic.AsyncAnthropic", "messages")]


@pytest.fixture(params=WAYS, ids=" ".join)
def way(request: pytest.FixtureRequest) -> tuple[str, Dialect]:
    """Each client with each dialect that it is asked in."""
    found: tuple[str, Dialect] = request.param
    return found


def call(dialect: Dialect, **options: Any) -> Call:
    return Call(messages=MESSAGES, fields={"model": "m"}, dialect=dialect, **options)


def is_read(exchange: Exchange, dialect: Dialect) -> None:
    """Check that all of the answer has been read."""
    response = read_response(exchange)
    if dialect == "chat":
        assert response.content in ("four", TEXT)
        return
    assert (response.dialect, response.content, response.reasoning) == (dialect, TEXT, THOUGHT)
    assert [c.arguments for c in response.tool_calls] == [json.loads(ARGUMENTS)]


def test_a_block_comes_as_it_was_sent(way: tuple[str, Dialect]) -> None:
    name, dialect = way
    with HttpServer(block_of(dialect)) as http:
        exchange = through(client(name, http.url), call(dialect))
    asked = http.requests[0]
    assert asked.path == SERVED[dialect]
    assert exchange.url == http.url.removesuffix("/v1") + SERVED[dialect]
    assert exchange.raw == BODIES[dialect]
    assert exchange.transport_error is None
    assert ("anthropic-version" in asked.headers) is (dialect == "messages")
    assert KEY in asked.headers.get("authorization", "") + asked.headers.get("x-api-key", "")
    is_read(exchange, dialect)


def test_a_stream_comes_piece_by_piece(way: tuple[str, Dialect]) -> None:
    name, dialect = way
    pieces = OneByOne(STREAMS[dialect])
    with HttpServer(replace(stream_of(dialect), pieces=pieces)) as http:
        exchange = through(client(name, http.url), call(dialect, stream=True), pieces.emit)
    got = pieces.told
    assert http.requests[0].json["stream"] is True
    assert "".join(chunk.text for chunk in got) == exchange.text == "".join(STREAMS[dialect])
    assert len(got) == len(STREAMS[dialect])
    assert exchange.transport_error is None
    is_read(exchange, dialect)


def test_errors_are_data_and_not_tried_again(way: tuple[str, Dialect]) -> None:
    name, dialect = way

    def busy(asked: Any) -> Answer:
        error = {"type": "overloaded_error", "message": json.dumps(asked.headers)}
        return Answer({"type": "error", "error": error}, status=529, headers={"Retry-After": "3"})

    with HttpServer(busy) as http:
        exchange = through(client(name, http.url), call(dialect))
        assert len(http.requests) == 1
    assert (exchange.status, exchange.transport_error) == (529, None)
    assert dict(exchange.headers)["retry-after"] == "3"
    assert KEY not in everything(exchange)
    assert "[redacted]" in exchange.body
    url = f"http://127.0.0.1:{closed_port()}/v1"
    refused = through(client(name, url), call(dialect)).transport_error
    assert refused
    assert refused.kind == "connection_failed"
    assert f"is the server running at {url}?" in refused.hint + "/v1?" * (name[:4] == "anth")


def test_a_stream_that_is_cut_keeps_its_pieces(way: tuple[str, Dialect]) -> None:
    name, dialect = way
    answer = Answer(pieces=STREAMS[dialect][:3], cut=True)
    with HttpServer(answer) as http:
        exchange = through(client(name, http.url), call(dialect, stream=True))
    assert kind(exchange) == "connection_reset"
    assert exchange.text == "".join(STREAMS[dialect][:3])


@pytest.mark.parametrize("name", ["openai.AzureOpenAI", "openai.AsyncAzureOpenAI"])
@pytest.mark.parametrize("deployment", [{}, {"azure_deployment": "mine"}])
def test_an_azure_client_asks_responses_under_its_endpoint(
    name: str, deployment: dict[str, str]
) -> None:
    with HttpServer(block_of("responses")) as http:
        through(client(name, http.url, **deployment), call("responses"))
        through(client(name, http.url, **deployment), call("chat"))
    where = deployment.get("azure_deployment", "m")
    assert [asked.path for asked in http.requests] == [
        "/v1/openai/responses?api-version=v",
        f"/v1/openai/deployments/{where}/chat/completions?api-version=v",
    ]


# anthropic clients


@pytest.mark.parametrize("name", ["Anthropic", "AsyncAnthropic"])
def test_an_anthropic_client_is_used_as_it_is(name: str) -> None:
    anthropic: Any = importlib.import_module("anthropic")
    with HttpServer(block_of("messages")) as http:
        given = getattr(anthropic, name)(
            base_url=http.url.removesuffix("/v1"),
            api_key=None,
            auth_token=KEY,
            default_headers={"X-Own": "1", "anthropic-version": "2030-01-01"},
        )
        exchange = through(given, call("messages"))
    headers = http.requests[0].headers
    assert headers["authorization"] == f"Bearer {KEY}"
    assert headers["x-own"] == "1"
    assert headers["anthropic-version"] == "2030-01-01"
    assert exchange.raw == message()


def test_the_time_limit_of_an_anthropic_client_counts() -> None:
    with HttpServer(Answer(delay=2.0)) as http:
        for name in ("anthropic.Anthropic", "anthropic.AsyncAnthropic"):
            late = through(client(name, http.url, timeout=0.2), call("messages"))
            assert kind(late) == "timeout"


def test_a_base_url_of_an_anthropic_client_may_end_in_v1() -> None:
    anthropic: Any = importlib.import_module("anthropic")
    with HttpServer(block_of("messages")) as http:
        through(anthropic.Anthropic(base_url=http.url, api_key=KEY), call("messages"))
    assert http.requests[0].path == "/v1/messages"


def test_a_mock_transport_of_an_anthropic_client() -> None:
    http = http_library("anthropic")
    anthropic: Any = importlib.import_module("anthropic")
    transport = http.MockTransport(lambda request: http.Response(200, json=message()))
    for given in (
        anthropic.Anthropic(api_key=KEY, http_client=http.Client(transport=transport)),
        anthropic.AsyncAnthropic(api_key=KEY, http_client=http.AsyncClient(transport=transport)),
    ):
        assert through(given, call("messages")).raw == message()


@pytest.mark.parametrize("name", ["Anthropic", "AsyncAnthropic"])
def test_an_agent_over_an_anthropic_client_speaks_messages(name: str) -> None:
    """A model that asks for a tool, is given its result, and answers."""
    http = http_library("anthropic")
    anthropic: Any = importlib.import_module("anthropic")
    final = message(content=[{"type": "text", "text": "Warm."}], stop_reason="end_turn")
    asked: list[Any] = []

    def answer(request: Any) -> Any:
        asked.append(json.loads(request.content))
        return http.Response(200, json=final if len(asked) > 1 else message())

    def weather(city: str, days: int) -> str:
        """Tell the weather."""
        return f"warm in {city} for {days} days"

    library = http.AsyncClient if "Async" in name else http.Client
    own = library(transport=http.MockTransport(answer))
    agent = ak.Agent(
        "m", tools=[weather], server=getattr(anthropic, name)(api_key=KEY, http_client=own)
    )
    assert agent.spec.dialect == "messages"
    assert streams(agent.server)
    trajectory = ak.rollout(agent, "And in Zürich?")
    assert (trajectory.stop_reason, len(trajectory.turns)) == ("final", 2)
    back = asked[1]["messages"]
    assert back[1] == {"role": "assistant", "content": message()["content"]}
    assert back[2]["content"][0]["content"] == "warm in Zürich for 2 days"


def test_an_anthropic_client_speaks_nothing_else() -> None:
    given = client("anthropic.Anthropic", "http://localhost:1/v1")
    with pytest.raises(UsageError, match="cannot be asked in the dialect 'responses'") as caught:
        ak.Agent("m", server=given, dialect="responses")
    assert caught.value.hint == "it speaks messages"


@pytest.mark.parametrize("name", ["AnthropicVertex", "AsyncAnthropicVertex"])
def test_a_client_that_writes_requests_anew_is_refused(name: str) -> None:
    anthropic: Any = importlib.import_module("anthropic")
    given = getattr(anthropic, name)(region="eu", project_id="p", access_token=KEY)
    with pytest.raises(UsageError, match=f"a client of type {name}") as caught:
        ak.Agent("m", server=given)
    assert "dialect='messages'" in caught.value.hint


# objects with a chat_completion


def test_an_object_is_asked_in_what_it_says_it_speaks() -> None:
    asked: list[dict[str, Any]] = []

    async def chat_completion(**fields: Any) -> dict[str, Any]:
        asked.append(fields)
        return message()

    silent = SimpleNamespace(chat_completion=chat_completion)
    with pytest.raises(UsageError, match="cannot be asked in the dialect 'messages'") as caught:
        ak.Agent("m", server=silent, dialect="messages")
    assert "dialect=" in caught.value.hint
    speaks = SimpleNamespace(chat_completion=chat_completion, dialect="messages")
    server = as_server(speaks)
    extra = Call(
        messages=MESSAGES, fields={"model": "m"}, extra_body={"top_k": 3}, dialect="messages"
    )
    is_read(asyncio.run(server.chat(extra)), "messages")
    assert asked[0]["messages"] == MESSAGES
    assert (asked[0]["model"], asked[0]["top_k"]) == ("m", 3)
    assert ak.Agent("m", server=speaks).spec.dialect == "messages"

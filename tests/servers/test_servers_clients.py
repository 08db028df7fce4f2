"""Openai clients of every kind, and objects with a `chat_completion` of every shape, as servers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletion

from agentkit.errors import ReplayMiss
from agentkit.servers.clients import as_server
from agentkit.servers.model_call import Call
from agentkit.servers.transfer import http_library
from agentkit.types.wire import Exchange
from tests.servers.http_stub import COMPLETION, Answer, HttpServer, OneByOne
from tests.servers.server_stub import (
    CALL,
    HELLO,
    KEY,
    MESSAGES,
    STREAM,
    closed_port,
    echo,
    everything,
    kind,
)

http = http_library()  # httpx2 with openai 3, httpx before

# openai clients

CLIENTS: dict[str, Callable[[str], Any]] = {
    "sync": lambda url: openai.OpenAI(base_url=url, api_key=KEY, default_headers={"X-Own": "1"}),
    "async": lambda url: openai.AsyncOpenAI(
        base_url=url, api_key=KEY, default_headers={"X-Own": "1"}
    ),
    "aiohttp": lambda url: openai.AsyncOpenAI(
        base_url=url,
        api_key=KEY,
        default_headers={"X-Own": "1"},
        http_client=openai.DefaultAioHttpClient(),
    ),
    "azure": lambda url: openai.AzureOpenAI(
        azure_endpoint=url, api_key=KEY, api_version="v", default_headers={"X-Own": "1"}
    ),
    "async azure": lambda url: openai.AsyncAzureOpenAI(
        azure_endpoint=url, api_key=KEY, api_version="v", default_headers={"X-Own": "1"}
    ),
}


def through(client: Any, call: Call, emit: Any = None) -> Exchange:
    """The exchange through an openai client, which is closed after it."""

    async def main() -> Exchange:
        try:
            return await as_server(client).chat(call, emit)
        finally:
            closed = client.close()
            if closed is not None:
                await closed

    return asyncio.run(main())


@pytest.mark.parametrize("name", CLIENTS)
def test_an_openai_client_is_used_as_it_is(name: str) -> None:
    with HttpServer() as http:
        exchange = through(CLIENTS[name](http.url), CALL)
    asked = http.requests[0]
    assert exchange.status == 200
    assert exchange.raw == COMPLETION
    assert exchange.transport_error is None
    assert asked.json == {"model": "m", "temperature": 1.0, "messages": MESSAGES}
    assert asked.headers["x-own"] == "1"
    if "azure" in name:
        assert asked.path == "/v1/openai/deployments/m/chat/completions?api-version=v"
        assert asked.headers["api-key"] == KEY
    else:
        assert asked.path == "/v1/chat/completions"
        assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert exchange.url.endswith(asked.path)


@pytest.mark.parametrize("name", CLIENTS)
def test_an_openai_clients_errors_are_data_and_not_tried_again(name: str) -> None:
    with HttpServer(lambda asked: Answer({"error": dict(asked.headers)}, status=500)) as http:
        exchange = through(CLIENTS[name](http.url), CALL)
        assert len(http.requests) == 1
    assert exchange.status == 500
    assert exchange.transport_error is None
    assert KEY not in everything(exchange)
    assert "[redacted]" in exchange.body
    refused = through(CLIENTS[name](f"http://127.0.0.1:{closed_port()}"), CALL).transport_error
    assert refused
    assert refused.kind == "connection_failed"
    assert "is the server running at" in refused.hint


@pytest.mark.parametrize("name", CLIENTS)
def test_an_openai_client_streams(name: str) -> None:
    pieces = OneByOne([HELLO, HELLO, "data: [DONE]\n\n"])
    with HttpServer(Answer(pieces=pieces)) as http:
        exchange = through(CLIENTS[name](http.url), STREAM, pieces.emit)
    assert [c.text for c in pieces.told] == [HELLO, HELLO, "data: [DONE]\n\n"]
    assert exchange.chunks == tuple(pieces.told)
    with HttpServer(Answer(pieces=[HELLO], cut=True)) as http:
        cut = through(CLIENTS[name](http.url), STREAM)
    assert kind(cut) == "connection_reset"
    assert cut.text == HELLO


def test_the_time_limit_of_an_openai_client_counts() -> None:
    with HttpServer(Answer(delay=2.0)) as http:
        for make in (openai.OpenAI, openai.AsyncOpenAI):
            assert (
                kind(through(make(base_url=http.url, api_key=KEY, timeout=0.2), CALL)) == "timeout"
            )


def test_a_deployment_of_an_azure_client_is_kept() -> None:
    with HttpServer() as http:
        client = openai.AzureOpenAI(
            azure_endpoint=http.url,
            azure_deployment="mine",
            azure_ad_token="ad-token-0123",
            api_version="v",
        )
        exchange = through(client, CALL)
    assert http.requests[0].path == "/v1/openai/deployments/mine/chat/completions?api-version=v"
    assert exchange.status == 200
    assert http.requests[0].headers["authorization"] == "Bearer ad-token-0123"


@pytest.mark.parametrize("status", [200, 503])
def test_a_mock_transport_of_the_callers(status: int) -> None:
    def answer(request: Any) -> Any:
        return http.Response(
            status,
            json={
                "model": json.loads(request.content)["model"],
                "auth": request.headers["authorization"],
            },
        )

    transport = http.MockTransport(answer)
    clients = (
        openai.OpenAI(api_key=KEY, http_client=http.Client(transport=transport)),
        openai.AsyncOpenAI(api_key=KEY, http_client=http.AsyncClient(transport=transport)),
    )
    for client in clients:
        exchange = through(client, CALL)
        assert exchange.status == status
        assert exchange.raw == {"model": "m", "auth": "Bearer [redacted]"}
        assert kind(exchange) is None


def test_a_reasoning_model_of_openai_gets_the_new_name() -> None:
    seen: list[Any] = []

    def answer(request: Any) -> Any:
        seen.append(json.loads(request.content))
        return http.Response(200, json=COMPLETION)

    client = openai.OpenAI(
        api_key=KEY, http_client=http.Client(transport=http.MockTransport(answer))
    )
    through(client, Call(messages=MESSAGES, fields={"model": "o3", "max_tokens": 5}))
    assert seen[0] == {"model": "o3", "max_completion_tokens": 5, "messages": MESSAGES}


def test_a_key_from_a_function_is_redacted_too() -> None:
    with HttpServer(echo) as http:
        exchange = through(openai.OpenAI(base_url=http.url, api_key=lambda: KEY), CALL)
    assert http.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in everything(exchange)


# objects with chat_completion

CALLED = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def hybrid() -> ChatCompletion:
    """An SDK message that holds plain dicts as tool calls: vLLM's ToolCallTranslator."""
    completion = ChatCompletion.model_construct(**COMPLETION)
    message = SimpleNamespace(role="assistant", content="", tool_calls=[CALLED])
    completion.choices = [SimpleNamespace(index=0, message=message, finish_reason="tool_calls")]  # type: ignore[list-item]
    return completion


class Stub:
    """A `chat_completion` that notes its arguments and spoils them."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.kwargs: dict[str, Any] = {}

    async def chat_completion(self, **kwargs: Any) -> Any:
        self.kwargs = json.loads(json.dumps(kwargs))
        kwargs["messages"].append("spoilt")
        kwargs["messages"][0]["content"] = "spoilt"
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


def stubbed(answer: Any, call: Call = CALL) -> Exchange:
    return asyncio.run(as_server(Stub(answer)).chat(call))


@pytest.mark.parametrize(
    ("fields", "extra", "kwargs"),
    [
        ({"n": 1, "temperature": 1.0}, None, {"n": 1, "temperature": 1.0}),
        ({"model": None, "max_tokens": None, "tools": []}, {}, {}),
        (
            {"model": "m", "max_tokens": 9, "tools": [{"a": [1]}]},
            {"k": {"a": 1}},
            {"model": "m", "max_tokens": 9, "tools": [{"a": [1]}], "extra_body": {"k": {"a": 1}}},
        ),
    ],
)
def test_a_stub_is_called_as_the_original_loop_called_it(
    fields: dict[str, Any], extra: Any, kwargs: dict[str, Any]
) -> None:
    stub, messages = Stub(COMPLETION), [{"role": "user", "content": "x"}]
    asyncio.run(
        as_server(stub).chat(Call(messages=messages, fields=fields, extra_body=extra, stream=True))
    )
    assert stub.kwargs == {"messages": [{"role": "user", "content": "x"}], **kwargs}
    assert messages == [{"role": "user", "content": "x"}]


@pytest.mark.parametrize(
    "answer",
    [
        COMPLETION,
        ChatCompletion.model_validate({**COMPLETION, "created": 1}),
        json.dumps(COMPLETION),
        json.dumps(COMPLETION).encode(),
        SimpleNamespace(choices=[SimpleNamespace(message=SimpleNamespace(content="four"))]),
    ],
    ids=["dict", "SDK object", "text", "bytes", "attributes"],
)
def test_an_answer_of_any_shape_becomes_its_json(answer: Any) -> None:
    exchange = stubbed(answer)
    assert exchange.raw["choices"][0]["message"]["content"] == "four"
    assert exchange.status is None
    assert exchange.transport_error is None
    assert exchange.started is not None
    assert exchange.elapsed is not None


def test_dicts_inside_an_sdk_object() -> None:
    assert stubbed(hybrid()).raw["choices"][0]["message"]["tool_calls"] == [CALLED]


def test_a_stub_need_not_be_async() -> None:
    stub = SimpleNamespace(chat_completion=lambda **kwargs: {"choices": []})
    assert asyncio.run(as_server(stub).chat(CALL)).raw == {"choices": []}


def status_error(status: int, body: str) -> openai.APIStatusError:
    request = http.Request(
        "POST", "http://h/v1/chat/completions", headers={"Authorization": f"Bearer {KEY}"}
    )
    response = http.Response(status, text=body, request=request, headers={"retry-after": "7"})
    return openai.APIStatusError(f"Error code: {status} {KEY}", response=response, body=None)


REQUEST = http.Request("POST", "http://h")


@pytest.mark.parametrize(
    ("raised", "expected", "message"),
    [
        (RuntimeError("boom"), "server_error", "RuntimeError: boom"),
        (KeyError("x"), "server_error", "KeyError: 'x'"),
        (TimeoutError(), "timeout", "TimeoutError"),
        (openai.APITimeoutError(REQUEST), "timeout", "APITimeoutError: Request timed out."),
        (
            openai.APIConnectionError(request=REQUEST),
            "connection_failed",
            "APIConnectionError: Connection error.",
        ),
        (
            ConnectionRefusedError(111, "refused"),
            "connection_failed",
            "ConnectionRefusedError: [Errno 111] refused",
        ),
        (
            ConnectionResetError(104, "reset"),
            "connection_reset",
            "ConnectionResetError: [Errno 104] reset",
        ),
    ],
)
def test_what_a_stub_raises_is_data(raised: Exception, expected: str, message: str) -> None:
    error = stubbed(raised).transport_error
    assert error
    assert (error.kind, error.message) == (expected, message)


def test_an_answer_inside_an_exception_is_kept() -> None:
    exchange = stubbed(status_error(429, f'{{"error":{{"message":"slow down {KEY}"}}}}'))
    error = exchange.transport_error
    assert exchange.status == 429
    assert exchange.body == '{"error":{"message":"slow down [redacted]"}}'
    assert error
    assert (error.kind, error.retryable, error.retry_after) == ("rate_limited", True, 7.0)
    assert error.message == "APIStatusError: Error code: 429 [redacted]"


def test_the_cause_of_a_wrapper_is_looked_at() -> None:
    wrapper = RuntimeError(f"RetryError[{object()!r}]")
    wrapper.__cause__ = status_error(503, "busy")
    error = stubbed(wrapper).transport_error
    assert error
    assert error.kind == "server_error"
    assert error.status == 503
    assert " at 0x" not in error.message


def test_what_agentkit_raises_on_purpose_passes_through() -> None:
    with pytest.raises(ReplayMiss):
        stubbed(ReplayMiss("nothing recorded"))


def test_cancelling_a_stub() -> None:
    with pytest.raises(asyncio.CancelledError):
        stubbed(asyncio.CancelledError())

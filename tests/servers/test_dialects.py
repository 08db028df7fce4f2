"""A server asked in each dialect: where the request goes, and under which headers."""

from __future__ import annotations

import asyncio
import json
from typing import Any, get_args

import pytest

import agentkit as ak
from agentkit.errors import UsageError
from agentkit.read.failure.error import address_hint
from agentkit.servers.address import auth_headers, choose_key, parse_address
from agentkit.servers.model_call import Call
from agentkit.servers.server import Server
from agentkit.types.answer import Dialect
from tests.servers.http_stub import Answer, HttpServer
from tests.servers.server_stub import KEY, MESSAGES, everything

DIALECTS: tuple[Dialect, ...] = get_args(Dialect)
ANTHROPIC = "https://api.anthropic.com"
SECOND = "tok-anthropic-0123456789"


def call(dialect: Dialect, **options: Any) -> Call:
    return Call(messages=MESSAGES, fields={"model": "m"}, dialect=dialect, **options)


def asked(url_end: str, dialect: Dialect, **options: Any) -> Any:
    """What a server is asked when its base URL ends so, `/v1` being its own."""
    with HttpServer() as http:
        url = http.url.removesuffix("/v1") + url_end
        asyncio.run(Server(url, **options).chat(call(dialect)))
    return http.requests[0]


@pytest.mark.parametrize(
    ("url_end", "dialect", "path"),
    [
        ("/v1", "chat", "/v1/chat/completions"),
        ("/v1", "responses", "/v1/responses"),
        ("/v1", "messages", "/v1/messages"),
        ("", "messages", "/v1/messages"),
        ("/", "messages", "/v1/messages"),
        ("/v1/", "messages", "/v1/messages"),
        ("/anthropic", "messages", "/anthropic/v1/messages"),
        ("/v1/messages", "messages", "/v1/messages"),
        ("/v1/messages", "chat", "/v1/chat/completions"),
        ("/v1/responses?api-version=v", "responses", "/v1/responses?api-version=v"),
        ("", "responses", "/responses"),
        ("", "chat", "/chat/completions"),
    ],
)
def test_each_dialect_has_its_path(url_end: str, dialect: Dialect, path: str) -> None:
    assert asked(url_end, dialect).path == path


@pytest.mark.parametrize(
    ("url", "dialect", "base"),
    [
        ("http://h/v1", None, "http://h/v1"),
        ("http://h/v1/chat/completions", "chat", "http://h/v1"),
        ("http://h/v1/responses/", "responses", "http://h/v1"),
        ("http://h/v1/messages", "messages", "http://h/v1"),
        (ANTHROPIC, "messages", ANTHROPIC),
        (f"{ANTHROPIC}/v1/chat/completions", "chat", f"{ANTHROPIC}/v1"),
        ("https://api.anthropic.com.evil.net", None, "https://api.anthropic.com.evil.net"),
    ],
)
def test_a_url_may_say_what_is_spoken_there(url: str, dialect: Any, base: str) -> None:
    server = Server(url, key=KEY)
    assert (server.url, server.dialect) == (base, dialect)
    assert Server(url, key=KEY, dialect="responses").dialect == "responses"


def test_an_agent_speaks_what_its_server_says() -> None:
    server = Server("http://localhost:1/v1", dialect="messages")
    assert ak.Agent("m", server=server).spec.dialect == "messages"
    assert ak.Agent("m", server=server, dialect="responses").spec.dialect == "responses"
    assert ak.Agent("m", server="http://localhost:1/v1").spec.dialect == "chat"
    assert ak.Agent("m", server="http://localhost:1/v1/responses").spec.dialect == "responses"


def test_a_dialect_of_no_such_name_is_told() -> None:
    with pytest.raises(UsageError, match="no dialect is named 'message'") as caught:
        Server("http://localhost:1/v1", dialect="message")  # type: ignore[arg-type]
    assert "messages" in caught.value.hint
    with pytest.raises(UsageError, match="no dialect is named 'response'"):
        ak.Agent("m", server="http://localhost:1/v1", dialect="response")  # type: ignore[arg-type]


def test_without_a_url_messages_go_to_anthropic(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    assert Server(dialect="messages").url == ANTHROPIC
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://localhost:1")
    assert Server(dialect="messages").url == "http://localhost:1"
    server: Any = ak.Agent("m", dialect="messages").server
    assert server.url == "http://localhost:1"


def test_a_missing_v1_is_hinted_at_where_it_is_missing() -> None:
    with HttpServer(Answer("", status=404)) as http:
        bare = http.url.removesuffix("/v1")
        hints = {
            dialect: address_hint(asyncio.run(Server(bare).chat(call(dialect))))
            for dialect in DIALECTS
        }
    assert hints["chat"].endswith(f": {bare}/v1")
    assert hints["responses"].endswith(f": {bare}/v1")
    assert hints["messages"] == ""  # it is there


# keys


def sent(url: str, dialect: Dialect, key: str | None = None, **own: str) -> dict[str, str]:
    """The headers that say who asks."""
    address = parse_address(url)
    return auth_headers(address, choose_key(address, key, own), own, dialect)


VERSION = {"anthropic-version": "2023-06-01"}


def test_anthropic_gets_its_key_under_its_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", SECOND)
    assert sent(ANTHROPIC, "messages") == {"x-api-key": KEY, **VERSION}
    assert sent(ANTHROPIC, "messages", "other-key-1") == {"x-api-key": "other-key-1", **VERSION}
    assert sent(ANTHROPIC, "chat") == {"Authorization": f"Bearer {KEY}"}
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    assert sent(ANTHROPIC, "messages") == {"Authorization": f"Bearer {SECOND}", **VERSION}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_keys_of_anthropic_go_to_no_other_host(
    monkeypatch: pytest.MonkeyPatch, dialect: Dialect
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", SECOND)
    for url in ("https://api.anthropic.com.evil.net", "http://localhost:1/v1", "https://h/v1"):
        assert KEY not in repr(sent(url, dialect))
        assert SECOND not in repr(sent(url, dialect))
    with pytest.raises(UsageError, match="no key"):
        Server("http://api.anthropic.com")  # never unencrypted over the internet


def test_without_a_key_for_anthropic_the_hint_names_the_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("ANTHROPIC_AUTH_TOKEN", raising=False)
    with pytest.raises(UsageError, match="no key") as caught:
        Server(ANTHROPIC)
    assert "ANTHROPIC_API_KEY" in caught.value.hint


def test_other_servers_of_messages_get_the_key_where_either_looks() -> None:
    headers = asked("/v1", "messages", key=KEY).headers
    assert headers["authorization"] == f"Bearer {KEY}"
    assert headers["x-api-key"] == KEY
    assert headers["anthropic-version"] == "2023-06-01"
    for dialect in ("chat", "responses"):
        headers = asked("/v1", dialect, key=KEY).headers
        assert headers["authorization"] == f"Bearer {KEY}"
        assert not {"x-api-key", "anthropic-version"} & headers.keys()


def test_a_header_of_the_callers_own_wins() -> None:
    own = {"Anthropic-Version": "2030-01-01", "X-API-Key": "mine-0123456789"}
    headers = asked("/v1", "messages", key=KEY, headers=own).headers
    assert headers["anthropic-version"] == "2030-01-01"
    assert headers["x-api-key"] == "mine-0123456789"
    assert headers["authorization"] == f"Bearer {KEY}"
    headers = asked("/v1", "messages", key=KEY, headers={"Authorization": "Bearer m"}).headers
    assert headers["authorization"] == "Bearer m"
    assert "x-api-key" not in headers


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("stream", [False, True])
def test_no_key_comes_back_in_any_dialect(dialect: Dialect, stream: bool) -> None:
    own = {"X-Api-Key": SECOND} if dialect == "messages" else {"X-Own-Auth": SECOND}

    def echo(asked: Any) -> Answer:
        return Answer({"type": "error", "error": {"message": json.dumps(asked.headers)}}, 401)

    with HttpServer(echo) as http:
        server = Server(http.url, KEY, own)
        exchange = asyncio.run(server.chat(call(dialect, stream=stream)))
    assert exchange.status == 401
    assert "[redacted]" in exchange.body
    for secret in (KEY, SECOND):
        assert secret in repr(http.requests[0].headers)
        assert secret not in everything(exchange)
        assert secret not in repr(server)

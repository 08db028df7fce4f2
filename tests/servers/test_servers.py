"""Servers: what is sent, where it goes, which keys go with it, and that none of them stays on the
record.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest

from agentkit.dialects.json_body import encode_json
from agentkit.errors import UsageError
from agentkit.read.failure.error import address_hint
from agentkit.servers.address import choose_key, parse_address
from agentkit.servers.model_call import Call, needs_completion_tokens, request_body
from agentkit.servers.redaction.redactor import Redactor
from agentkit.servers.server import Server
from tests.servers.http_stub import COMPLETION, Answer, HttpServer
from tests.servers.server_stub import CALL, KEY, MESSAGES, STREAM, ask, echo, everything

# what is sent


def test_a_block_answer_is_kept_as_it_came() -> None:
    body = json.dumps(COMPLETION, indent=1)
    answer = Answer(
        body,
        headers={
            "X-Request-Id": "req-1",
            "Set-Cookie": "a=b",
            "X-RateLimit-Remaining": "3",
            "Server": "uvicorn",
        },
    )
    exchange = ask(CALL, answer)
    assert (exchange.status, exchange.body, exchange.chunks, exchange.transport_error) == (
        200,
        body,
        (),
        None,
    )
    assert dict(exchange.headers) == {
        "content-type": "application/json",
        "server": "uvicorn",
        "x-ratelimit-remaining": "3",
        "x-request-id": "req-1",
    }
    assert exchange.url.endswith("/v1/chat/completions")
    assert exchange.started is not None
    assert exchange.elapsed is not None
    assert exchange.elapsed > 0


def test_the_body_uses_the_encoded_history_as_it_stands() -> None:
    with HttpServer() as http:
        call = Call(
            messages=[],
            encoded=[b'{"role":"user","content":"kept"}'],
            fields={"model": "m", "tools": []},
            extra_body={"top_k": 5},
        )
        asyncio.run(Server(http.url).chat(call))
    asked = http.requests[0]
    assert asked.json == {
        "model": "m",
        "top_k": 5,
        "messages": [{"role": "user", "content": "kept"}],
    }
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["authorization"] == "Bearer EMPTY"


@pytest.mark.parametrize(
    ("fields", "extra", "sent"),
    [
        ({}, None, {}),
        ({"model": None, "max_tokens": None, "tools": []}, None, {}),
        ({"model": "m", "n": 1}, {"model": "other"}, {"model": "other", "n": 1}),
        ({"temperature": 0.5, "logprobs": None}, {}, {"temperature": 0.5, "logprobs": None}),
    ],
)
def test_fields_and_extra_body_are_merged(
    fields: dict[str, Any], extra: dict[str, Any] | None, sent: dict[str, Any]
) -> None:
    body = json.loads(request_body(Call(messages=MESSAGES, fields=fields, extra_body=extra)))
    assert body == {**sent, "messages": MESSAGES}


def test_a_stream_asks_for_usage_unless_the_caller_says_otherwise() -> None:
    def sent(**fields: Any) -> Any:
        return json.loads(request_body(Call(messages=MESSAGES, fields=fields, stream=True)))

    assert sent()["stream"] is True
    assert sent()["stream_options"] == {"include_usage": True}
    assert sent(stream_options={"include_usage": False})["stream_options"] == {
        "include_usage": False
    }
    assert "stream_options" not in sent(stream_options=None)


def test_what_is_not_json_is_the_callers_mistake() -> None:
    with pytest.raises(UsageError, match="not JSON"):
        request_body(Call(messages=[{"role": "user", "content": object()}]))
    with pytest.raises(UsageError):
        request_body(Call(messages=MESSAGES, fields={"temperature": float("nan")}))


def test_lone_surrogates_are_sent_as_escapes() -> None:
    assert encode_json(["a\udc80é"]) == b'["a\\udc80\\u00e9"]'


def test_a_large_history_is_sent() -> None:
    with HttpServer() as http:
        call = Call(messages=[{"role": "user", "content": "x" * 3_000_000}])
        assert asyncio.run(Server(http.url).chat(call)).status == 200
    assert http.requests[0].json["messages"] == call.messages


@pytest.mark.parametrize(
    ("model", "needed"),
    [
        ("o1", True),
        ("o3-mini", True),
        ("gpt-5", True),
        ("gpt-5.1-mini", True),
        ("ft:o4-mini:x", True),
        ("gpt-4o", False),
        ("gpt-4.1", False),
        ("gpt-35-turbo", False),
        ("olmo", False),
        (None, False),
    ],
)
def test_models_that_want_max_completion_tokens(model: str | None, needed: bool) -> None:
    assert needs_completion_tokens(model) is needed


@pytest.mark.parametrize(
    ("setting", "name"),
    [(True, "max_completion_tokens"), (False, "max_tokens"), (None, "max_tokens")],
)
def test_max_tokens_is_renamed_on_request(setting: bool | None, name: str) -> None:
    with HttpServer() as http:
        call = Call(messages=MESSAGES, fields={"model": "o3", "max_tokens": 7})
        asyncio.run(Server(http.url, max_completion_tokens=setting).chat(call))
    assert http.requests[0].json == {"model": "o3", "messages": MESSAGES, name: 7}


def test_headers_and_query_of_the_caller_are_sent() -> None:
    with HttpServer() as http:
        server = Server(
            f"{http.url}?api-version=1&api_key=querysecret1",
            key=KEY,
            headers={"X-Title": "t"},
            params={"region": "eu"},
        )
        exchange = asyncio.run(server.chat(CALL))
    asked = http.requests[0]
    assert asked.path == "/v1/chat/completions?api-version=1&api_key=querysecret1&region=eu"
    assert asked.headers["x-title"] == "t"
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert "querysecret1" not in exchange.url + repr(server) + server.url
    assert "api-version=1" in exchange.url


def test_credentials_in_the_url_become_a_header() -> None:
    with HttpServer() as http:
        server = Server(http.url.replace("http://", "http://me:p%40ssword1@"))
        exchange = asyncio.run(server.chat(CALL))
    assert http.requests[0].headers["authorization"] == "Basic bWU6cEBzc3dvcmQx"
    assert "ssword" not in repr(server) + repr(vars(server)) + exchange.url


# addresses


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ("", "/chat/completions"),
        ("/", "/chat/completions"),
        ("/v1", "/v1/chat/completions"),
        ("/v1/", "/v1/chat/completions"),
        ("/v1/chat/completions", "/v1/chat/completions"),
        ("/v1/chat/completions/", "/v1/chat/completions"),
        ("/api/v1 ", "/api/v1/chat/completions"),
    ],
)
def test_urls_as_people_write_them(given: str, path: str) -> None:
    with HttpServer() as http:
        asyncio.run(Server(http.url.removesuffix("/v1") + given).chat(CALL))
    assert http.requests[0].path == path


@pytest.mark.parametrize(
    "url",
    [
        "localhost:8000/v1",
        "127.0.0.1:8000",
        "ftp://h/v1",
        "http://",
        "http:///v1",
        "http://h:x/",
        "http://a b/",
        "x",
        "//h/v1",
    ],
)
def test_what_is_no_url_is_told_at_once(url: str) -> None:
    with pytest.raises(UsageError, match="is not the URL") as caught:
        Server(url)
    assert "http://localhost:8000/v1" in caught.value.hint


def test_a_bad_url_is_shown_without_its_credentials() -> None:
    with pytest.raises(UsageError) as caught:
        Server("htp://me:hunter22@host/v1?key=hunter33")
    assert "hunter" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "body"),
    [(404, '{"detail":"Not Found"}'), (405, ""), (200, "<!doctype html><title>UI</title>")],
)
def test_a_missing_v1_is_hinted_at(status: int, body: str) -> None:
    with HttpServer(Answer(body, status=status)) as http:
        bare = http.url.removesuffix("/v1")
        exchange = asyncio.run(Server(bare).chat(CALL))
        assert exchange.transport_error is None
        assert exchange.body == body
        assert f"{bare}/v1" in address_hint(exchange)
        assert address_hint(asyncio.run(Server(http.url).chat(CALL))) == ""


@pytest.mark.parametrize(
    ("status", "body", "word"),
    [
        (403, "<html>denied</html>", "web page"),
        (501, "<!DOCTYPE HTML><p>Unsupported method ('POST').", "web page"),
        (407, "", "HTTPS_PROXY"),
    ],
)
def test_an_answer_of_another_program_is_hinted_at(status: int, body: str, word: str) -> None:
    with HttpServer(Answer(body, status=status)) as http:
        assert word in address_hint(asyncio.run(Server(http.url).chat(CALL)))


# keys

KEYED = {
    "OPENAI_API_KEY": "sk-openai-1",
    "OPENROUTER_API_KEY": "sk-or-1",
    "AGENTKIT_API_KEY": "sk-other-1",
}


@pytest.mark.parametrize(
    ("url", "environment", "key"),
    [
        ("https://api.openai.com/v1", KEYED, "sk-openai-1"),
        ("https://eu.api.openai.com/v1", KEYED, "sk-openai-1"),
        ("https://api.openai.com.evil.net/v1", KEYED, "sk-other-1"),
        ("https://evilapi.openai.com/v1", {"OPENAI_API_KEY": "sk-openai-1"}, "EMPTY"),
        ("https://openrouter.ai/api/v1", KEYED, "sk-or-1"),
        ("https://models.example.com/v1", {"OPENAI_API_KEY": "sk-openai-1"}, "EMPTY"),
        ("http://models.example.com/v1", KEYED, "EMPTY"),
        ("http://localhost:8000/v1", KEYED, "sk-other-1"),
        ("http://10.0.0.3:8000/v1", KEYED, "sk-other-1"),
        ("http://vllm:8000/v1", {"OPENAI_API_KEY": "sk-openai-1"}, "EMPTY"),
    ],
)
def test_a_key_of_the_environment_goes_to_its_own_host_only(
    monkeypatch: pytest.MonkeyPatch, url: str, environment: dict[str, str], key: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert choose_key(parse_address(url), None, {}) == key
    assert choose_key(parse_address(url), " given\n", {}) == "given"
    assert choose_key(parse_address(url), None, {"authorization": "Bearer x"}) is None


@pytest.mark.parametrize("url", [None, "https://openrouter.ai/api/v1", "http://api.openai.com/v1"])
def test_a_missing_key_is_told_with_the_mend(
    monkeypatch: pytest.MonkeyPatch, url: str | None
) -> None:
    if url and url.startswith("http:"):
        monkeypatch.setenv("OPENAI_API_KEY", KEY)  # never unencrypted over the internet
    with pytest.raises(UsageError, match="no key") as caught:
        Server(url)
    assert "_API_KEY" in caught.value.hint


@pytest.mark.parametrize(
    "given", [{"key": "sk-typographic…"}, {"key": "sk-a\nb"}, {"headers": {"X-A": "b\r\nX-C: d"}}]
)
def test_what_cannot_be_a_header_is_told_without_showing_it(given: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="no header can carry") as caught:
        Server("http://localhost/v1", **given)
    assert "typographic…" not in str(caught.value)


@pytest.mark.parametrize("given", [{"timeout": 0}, {"connections": 0}])
def test_limits_must_be_positive(given: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        Server("http://localhost/v1", **given)


def test_nothing_of_openais_environment_goes_to_another_host(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    secrets = {
        "OPENAI_API_KEY": "sk-leak-a1",
        "OPENAI_ADMIN_KEY": "sk-leak-b1",
        "OPENAI_ORG_ID": "org-leak-1",
        "OPENAI_PROJECT_ID": "proj-leak-1",
        "OPENAI_CUSTOM_HEADERS": "Authorization: Bearer leak-c1\nX-Own: leak-d1",
        "OPENAI_WEBHOOK_SECRET": "leak-e1",
    }
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    with HttpServer() as http:
        asyncio.run(Server(http.url).chat(CALL))
    assert "leak" not in repr(http.requests[0])
    assert http.requests[0].headers["authorization"] == "Bearer EMPTY"


# secrets


def test_a_key_that_the_server_repeats_is_redacted(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with HttpServer(echo, Answer(f"<p>{KEY}</p>", status=500)) as http:
        server = Server(
            http.url, key=KEY, headers={"X-Gateway-Token": "gw-abcdef12", "X-Title": "visible"}
        )
        first, second = asyncio.run(server.chat(CALL)), asyncio.run(server.chat(CALL))
    assert http.requests[0].headers["authorization"] == f"Bearer {KEY}"
    shown = " ".join(
        [
            *map(everything, (first, second)),
            repr(server),
            repr(vars(server)),
            str(vars(server)),
            caplog.text,
        ]
    )
    assert KEY not in shown
    assert json.dumps(KEY)[1:-1] not in shown
    assert "gw-abcdef12" not in shown
    assert "[redacted]" in first.body
    assert "visible" in first.body
    assert second.body == "<p>[redacted]</p>"


def test_a_key_cut_between_pieces_of_a_stream_is_redacted() -> None:
    pieces: list[bytes | str | float] = [
        f"data: {KEY[:5]}",
        KEY[5:12],
        KEY[12:],
        " end s",
        "k-\n\n",
    ]
    exchange = ask(STREAM, Answer(pieces=pieces), key=KEY)
    assert exchange.text == "data: [redacted] end sk-\n\n"


def test_redaction_does_not_depend_on_where_a_text_is_cut() -> None:
    redact, text = (
        Redactor(["aab-aac1", "c-d2/e34"]),
        "x aaab-aac1 c-d2/e34 aab-aac aab-aac1c-d2%2Fe34",
    )
    whole = redact(text)
    for cut in range(len(text)):
        first = redact(text[:cut])
        held = redact.unfinished(first)
        sent, rest = first[: len(first) - held], first[len(first) - held :]
        assert sent + redact(rest + text[cut:]) == whole


@pytest.mark.parametrize("secret", ["EMPTY", "ollama", "test", "lm-studio", "none"])
def test_placeholders_are_no_secrets(secret: str) -> None:
    assert Redactor([secret])(f"the {secret} word") == f"the {secret} word"


@pytest.mark.parametrize(
    ("key", "shown"),
    [("abc1", "[redacted]"), ("supersecret", "[redacted]"), ("EMPTY", "Bearer EMPTY")],
)
def test_a_short_key_is_redacted_where_it_stands_as_one(key: str, shown: str) -> None:
    exchange = ask(CALL, lambda asked: Answer(f"abc1: {asked.headers['authorization']}"), key=key)
    assert exchange.body == f"abc1: {shown}"

"""An agent's requests pass through `ak.watch` unchanged, and are there as flows and in the record."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

import agentkit as ak
from agentkit.errors import UsageError
from tests.servers.http_stub import COMPLETION, Answer, HttpServer, sse

KEY = "sk-proj-0123456789abcdefghij"
MESSAGES: Any = [{"role": "user", "content": "2+2 in Zürich?"}]
DELTA = {"choices": [{"index": 0, "delta": {"content": "hi"}}]}

pytestmark = pytest.mark.slow


@pytest.fixture
def http() -> Iterator[HttpServer]:
    with HttpServer(Answer(COMPLETION), sse(DELTA, "[DONE]")) as server:
        yield server


def test_requests_pass_and_are_flows(http: HttpServer, tmp_path: Path) -> None:
    record = tmp_path / "session.jsonl"
    watch = ak.watch(http.url, record=record)
    with openai.OpenAI(base_url=watch.url, api_key=KEY) as client:
        ask: Any = client.chat.completions.create
        assert ask(model="m", messages=MESSAGES).choices[0].message.content == "four"
        pieces = list(ask(model="m", messages=MESSAGES, stream=True))
        assert [piece.choices[0].delta.content for piece in pieces] == ["hi"]
    watch.close()
    assert [asked.headers["authorization"] for asked in http.requests] == [f"Bearer {KEY}"] * 2
    assert [asked.path for asked in http.requests] == ["/v1/chat/completions"] * 2
    block, stream = watch.flows
    assert json.loads(block.body)["messages"] == MESSAGES
    assert block.exchange is not None
    assert block.exchange.raw == COMPLETION
    assert stream.exchange is not None
    assert "".join(chunk.text for chunk in stream.exchange.chunks).endswith("data: [DONE]\n\n")
    assert not watch.failures
    assert repr(watch) == f"<Watch {http.url}: 2 requests, closed>"
    lines = record.read_text().splitlines()
    assert [json.loads(line).get("number") for line in lines] == [None, 0, 1]
    assert KEY not in record.read_text()
    assert KEY not in repr([(flow.headers, flow.body, flow.exchange) for flow in watch.flows])


def test_the_environment_leads_agents_here_and_is_restored(
    http: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("NO_PROXY", "example.org")
    watch = ak.watch(http.url)
    assert watch.env["OPENAI_BASE_URL"].endswith("/v1")
    assert not watch.env["ANTHROPIC_BASE_URL"].endswith("/v1")
    assert watch.env["NO_PROXY"] == "example.org,127.0.0.1,localhost"
    assert KEY not in watch.env.values()
    with watch, openai.OpenAI() as client:
        assert os.environ["OPENAI_BASE_URL"] == watch.url
        client.chat.completions.create(model="m", messages=MESSAGES)
    assert "OPENAI_BASE_URL" not in os.environ
    assert os.environ["NO_PROXY"] == "example.org"
    watch.close()
    assert len(watch.flows) == 1


def test_a_label_in_the_path_is_known(http: HttpServer) -> None:
    watch = ak.watch(http.url)
    with openai.OpenAI(base_url=watch.url_for("run 7/a"), api_key=KEY) as client:
        client.chat.completions.create(model="m", messages=MESSAGES)
    watch.close()
    assert [(flow.label, flow.path) for flow in watch.flows] == [
        ("run 7/a", "/v1/chat/completions")
    ]


@pytest.mark.parametrize("server", ["", 3, [], ["openai", "openai"]])
def test_what_is_no_server_is_refused(server: Any) -> None:
    with pytest.raises(UsageError) as caught:
        ak.watch(server)
    assert caught.value.hint

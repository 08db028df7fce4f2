"""An agent's requests pass through `ak.watch` unchanged, and are there as flows and in the record."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

import agentkit as ak
from agentkit.errors import FileInUse, UsageError
from tests.servers.http_stub import COMPLETION, Answer, HttpServer, sse
from tests.tap.tapped import ask

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
    known = "2 requests, 2 rollouts, closed, recorded in 'session.jsonl'"
    assert repr(watch) == f"<Watch {http.url}: {known}>"
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


def test_a_record_has_one_tap_and_no_other_file_is_written_to(
    http: HttpServer, tmp_path: Path
) -> None:
    record, notes = tmp_path / "session.jsonl", tmp_path / "notes.md"
    first = ak.watch(http.url, record=record)
    taken = f"close it with w.close\\(\\), or take its place with port={first.port}"
    with pytest.raises(UsageError, match=taken):
        ak.watch(http.url, record=record)
    with (
        openai.OpenAI(base_url=http.url, api_key=KEY) as client,
        pytest.raises(UsageError, match="writes 'session"),
    ):
        ak.watch(client, record=record)
    with pytest.raises(FileInUse):
        ak.save(COMPLETION, record)
    second = ak.watch(http.url, record=record, port=first.port)
    assert not first.alive
    second.close()
    ak.watch(http.url, record=record).close()
    assert [path.name for path in tmp_path.iterdir()] == ["session.jsonl"]
    notes.write_text("# Notes")
    with pytest.raises(UsageError, match="something else"):
        ak.watch(http.url, record=notes)
    assert notes.read_text() == "# Notes"


def test_a_tap_that_is_closed_leads_no_agent(
    http: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    watch = ak.watch(http.url)
    before = dict(os.environ)
    with pytest.raises(KeyError), watch, watch:
        raise KeyError
    assert dict(os.environ) == before
    watch.close()
    with pytest.raises(UsageError, match="nothing any more"), watch:
        pass
    assert dict(os.environ) == before


@pytest.mark.parametrize(
    "text",
    [
        '{"agentkit":"flows","version":1,"servers":{}}\n',
        '{"agentkit":"flows","version":1,"servers":{}}\n{"number":0,"pa',
        '{"agentkit":"flows","ver',
    ],
)
def test_a_record_that_has_seen_nothing_yet_is_an_empty_list(tmp_path: Path, text: str) -> None:
    record = tmp_path / "session.jsonl"
    record.write_text(text)
    assert ak.load(record) == ak.load(record, all=True) == []
    assert len(ak.explore(record)) == 0
    assert len(ak.turns_df(record)) == 0


def test_a_long_header_passes_and_one_that_is_too_long_is_refused_in_words() -> None:
    lengths: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        lengths.append(len(head))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        writer.close()

    async def main() -> tuple[Any, Any, list[str]]:
        server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=2**21)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        watch = await asyncio.to_thread(ak.watch, url)
        long, longer = [
            await asyncio.to_thread(ask, watch.url, headers={"Cookie": KEY + "x" * size})
            for size in (500_000, 2**20 + 1)
        ]
        await asyncio.to_thread(watch.close)
        server.close()
        return long, longer, watch.failures

    passed, refused, failures = asyncio.run(main())
    assert passed.body == b"{}"
    assert lengths[0] > 500_000
    assert len(lengths) == 1
    assert refused.status.startswith("431")
    assert "longer than 1,048,576 bytes" in json.loads(refused.body)["error"]["message"]
    assert KEY not in str(failures)
    assert "longer than 1,048,576 bytes" in failures[0]

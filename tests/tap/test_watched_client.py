"""A watched client: what its copy sends and gets is seen, byte for byte, without a port."""

from __future__ import annotations

import gc
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

import agentkit as ak
from agentkit.errors import UsageError
from agentkit.testing import by_turn, calls, says, serve
from agentkit.testing.server.reference_server import ReferenceServer
from tests.servers.http_stub import COMPLETION, Answer, HttpServer, sse

KEY = "sk-proj-0123456789abcdefghij"
HELLO: Any = {"model": "m", "messages": [{"role": "user", "content": "Oslo in Zürich?"}]}
SCRIPT = by_turn(says(None, calls("get_weather", city="Oslo")), "It is cold.")
DELTA = {"choices": [{"index": 0, "delta": {"content": "hi"}}]}


@pytest.fixture
def http() -> Iterator[HttpServer]:
    with HttpServer(Answer(COMPLETION), sse(DELTA, "[DONE]")) as server:
        yield server


@pytest.fixture
def reference() -> Iterator[ReferenceServer]:
    with serve(lambda _: "It is cold.") as server:
        yield server


def test_what_a_copy_sends_is_seen_and_the_client_stays(http: HttpServer, tmp_path: Path) -> None:
    record = tmp_path / "session.jsonl"
    with openai.OpenAI(base_url=http.url, api_key=KEY) as client:
        before = client._client._transport
        w = ak.watch(client, record=record)
        ask: Any = w.client.chat.completions.create
        assert ask(**HELLO).choices[0].message.content == "four"
        assert len(w.flows) == 1
        pieces = list(ask(**HELLO, stream=True))
        assert [piece.choices[0].delta.content for piece in pieces] == ["hi"]
        block, stream = w.flows
        w.close()
        assert client._client._transport is before
        client.chat.completions.create(**HELLO)
        assert len(w.flows) == 2
    assert block.body.encode() == http.requests[0].body
    assert block.path == http.requests[0].path == "/v1/chat/completions"
    assert block.exchange is not None
    assert block.exchange.raw == COMPLETION
    assert stream.exchange is not None
    assert "".join(c.text for c in stream.exchange.chunks).endswith("data: [DONE]\n\n")
    assert stream.exchange.transport_error is None
    lines = [json.loads(line) for line in record.read_text("utf-8").splitlines()]
    assert [line.get("number") for line in lines] == [None, 0, 1]
    assert KEY not in record.read_text("utf-8")
    assert KEY not in repr([(f.headers, f.body, f.exchange) for f in w.flows])
    assert not w.failures


async def test_async_clients_are_seen_too(reference: ReferenceServer) -> None:
    async with openai.AsyncOpenAI(base_url=reference.url, api_key=KEY) as client:
        w = ak.watch(client)
        answer = await w.client.responses.create(model="m", input="hi")
        async with w.client.responses.stream(model="m", input="hi") as events:
            kinds = [event.type async for event in events]
        flows = w.flows
        w.close()
    assert answer.output_text == "It is cold."
    assert kinds[-1] == "response.completed"
    assert [flow.path for flow in flows] == ["/v1/responses"] * 2
    assert [bool(flow.exchange and flow.exchange.chunks) for flow in flows] == [False, True]
    assert [json.loads(a.body) for a in reference.asked] == [json.loads(f.body) for f in flows]


@pytest.mark.parametrize("stream", [False, True])
def test_an_anthropic_client_is_seen_and_answered_again(stream: bool, tmp_path: Path) -> None:
    record = tmp_path / "session.jsonl"

    def run(client: Any) -> str:
        asked: Any = {**HELLO, "max_tokens": 99}
        if not stream:
            text: str = client.messages.create(**asked).content[0].text
            return text
        with client.messages.stream(**asked) as events:
            return "".join(events.text_stream)

    with serve(lambda _: "It is cold.", manner="anthropic") as server:
        base = server.url.removesuffix("/v1")
        with anthropic.Anthropic(base_url=base, api_key=KEY) as client:
            w = ak.watch(client, record=record)
            assert run(w.client) == "It is cold."
            (flow,) = w.flows
            w.close()
    assert flow.path == "/v1/messages"
    assert dict(flow.headers)["anthropic-version"]
    assert KEY not in record.read_text("utf-8")
    with (
        serve(record=record) as replay,
        anthropic.Anthropic(base_url=replay.env["ANTHROPIC_BASE_URL"], api_key=KEY) as client,
    ):
        assert run(client) == "It is cold."
        assert not replay.misses


def test_what_a_client_did_is_a_rollout() -> None:
    tools: Any = [{"type": "function", "function": {"name": "get_weather", "parameters": {}}}]
    with serve(SCRIPT) as server, openai.OpenAI(base_url=server.url, api_key=KEY) as client:
        w = ak.watch(client)
        asked: list[Any] = list(HELLO["messages"])
        ask: Any = w.client.chat.completions.create
        message = ask(model="m", messages=asked, tools=tools).choices[0].message
        result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "4 degrees"}
        ask(model="m", messages=[*asked, message, result], tools=tools)
        (rollout,) = w.rollouts
        w.close()
    assert rollout.final == "It is cold."
    assert [call.name for turn in rollout.turns for call in turn.tool_calls] == ["get_weather"]
    assert [r.content for r in rollout.turns[0].tool_results if r] == ["4 degrees"]


def test_each_try_is_a_flow() -> None:
    with (
        HttpServer(Answer({"error": {"message": "slow"}}, status=429), Answer(COMPLETION)) as http,
        openai.OpenAI(base_url=http.url, api_key=KEY) as client,
    ):
        w = ak.watch(client)
        w.client.chat.completions.create(**HELLO)
        flows = w.flows
        w.close()
    assert [f.exchange.status for f in flows if f.exchange] == [429, 200]
    assert [dict(f.headers)["x-stainless-retry-count"] for f in flows] == ["0", "1"]


def test_what_fails_fails_as_before() -> None:
    with openai.OpenAI(base_url="http://127.0.0.1:9/v1", api_key=KEY, max_retries=0) as client:
        w = ak.watch(client)
        with pytest.raises(openai.APIConnectionError):
            w.client.chat.completions.create(**HELLO)
        (flow,) = w.flows
        w.close()
    assert flow.exchange is not None
    assert flow.exchange.transport_error is not None


def test_a_stream_that_is_left_is_kept_as_far_as_it_came() -> None:
    with (
        serve(lambda _: "one two three four five six seven") as server,
        openai.OpenAI(base_url=server.url, api_key=KEY) as client,
    ):
        w = ak.watch(client)
        stream = w.client.chat.completions.create(**HELLO, stream=True)
        next(iter(stream))
        stream.close()
        (flow,) = w.flows
        w.close()
    assert flow.exchange is not None
    assert flow.exchange.chunks


def test_labels_and_copies_of_the_copy(reference: ReferenceServer) -> None:
    w = ak.watch(openai.OpenAI(base_url=reference.url, api_key=KEY))
    gc.collect()  # the client that was given lives as long as it is watched
    w.client.with_options(max_retries=0).chat.completions.create(**HELLO)
    w.client_for("run-7").chat.completions.create(**HELLO)
    ak.watch(w.client).client.chat.completions.create(**HELLO)
    assert [flow.label for flow in w.flows] == ["", "run-7", ""]
    assert repr(w) == f"<Watch {reference.url}: 3 requests, 3 rollouts, 0 in flight>"
    w.close()


def test_a_client_of_another_http_library(reference: ReferenceServer) -> None:
    httpx = pytest.importorskip("httpx")
    with httpx.Client() as http:
        w = ak.watch(openai.OpenAI(base_url=reference.url, api_key=KEY, http_client=http))
        stream = w.client.chat.completions.create(**HELLO, stream=True)
        assert "".join(c.choices[0].delta.content or "" for c in stream) == "It is cold."
        assert len(w.flows) == 1
        w.close()


def test_who_follows_is_told_of_pieces(reference: ReferenceServer) -> None:
    w = ak.watch(openai.OpenAI(base_url=reference.url, api_key=KEY))
    heard: list[str] = []
    told = threading.Event()

    def follower(kind: str, number: int) -> None:
        heard.append(f"{kind} {number}")
        if kind == "piece":
            told.set()

    stop = w.follow(follower)
    stream = iter(w.client.chat.completions.create(**HELLO, stream=True))
    first = next(stream)
    assert told.wait(10)
    assert "ended 0" not in heard
    text = "".join(c.choices[0].delta.content or "" for c in [first, *stream])
    assert len(w.flows) == 1
    stop()
    w.client.chat.completions.create(**HELLO, stream=True).close()
    w.close()
    assert text == "It is cold."
    assert "ended 0" in heard
    assert "piece 1" not in heard


def test_a_client_has_no_port(reference: ReferenceServer) -> None:
    w = ak.watch(openai.OpenAI(base_url=reference.url, api_key=KEY))
    assert w.env == {}
    for ask in (lambda: w.port, lambda: w.url, lambda: w.url_for("run-7")):
        with pytest.raises(UsageError, match="without a port"):
            ask()
    w.close()


@pytest.mark.slow
@pytest.mark.parametrize("dialect", ["chat", "responses", "messages"])
def test_what_a_tap_recorded_answers_the_agent_again(dialect: Any, tmp_path: Path) -> None:
    record = tmp_path / "session.jsonl"

    def run(url: str, *, stream: bool) -> ak.Trajectory:
        server = ak.Server(url, KEY)
        agent = ak.Agent("m", tools=[get_weather], server=server, dialect=dialect, stream=stream)
        return ak.rollout(agent, "Oslo?")

    manner: Any = "anthropic" if dialect == "messages" else "openai"
    with serve(SCRIPT, manner=manner) as server:
        w = ak.watch(server.url, record=record)
        tapped = run(w.url, stream=True)
        w.close()
    with serve(record=record) as replay:
        assert run(replay.url, stream=True) == tapped
        assert run(replay.url, stream=False).final == tapped.final == "It is cold."
    assert not replay.misses
    assert not replay.unused


def get_weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"4 degrees in {city}"

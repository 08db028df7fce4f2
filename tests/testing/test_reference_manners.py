"""The reference server's manners: vLLM's against captured traffic, byte for byte in its shapes;
OpenAI's and SGLang's against their documentation.
"""

from __future__ import annotations

import http.client
import json
from typing import Any

import pytest

from agentkit.testing import calls, says, serve
from agentkit.testing.server.recorded import choice_of
from agentkit.types.wire import Chunk, Exchange
from tests.read.shapes import shape, stream_shape
from tests.support.corpus import captured

SERVERS = ("hermes-qwen3", "hermes-no-reasoning", "no-parsers", "wrong-parser")
NOT_PLAYED = {
    "stop-string": "a script applies no stop strings, so no `stop_reason` comes of them",
    "logprobs-ids": "it asks for prompt_logprobs, which are not made up",
    "hist-tool-content-null": "one of pydantic's long reports on a field",
    "required-max-tokens-30/stream": "how a cut call is cut into pieces depends on the tokenizer and the parser",
    "max-tokens-30/stream": "how a cut call is cut into pieces depends on the tokenizer and the parser",
    "required-max-tokens-20/stream": "how a cut call is cut into pieces depends on the tokenizer and the parser",
    "rollout-04/turn0/stream": "the pythonic parser sends an empty text with the finish reason, hermes an empty delta",
}
"""Captured cases that are not compared, and why."""


def rows() -> list[Any]:
    return [
        pytest.param(name, row, id=f"{name}: {row['case']}")
        for name in SERVERS
        for row in captured(name)
        if row["path"].endswith("/chat/completions") and row["case"] not in NOT_PLAYED
    ]


def ask(
    url: str, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], str]:
    """Status, headers and body of one request; a text is sent as it is."""
    host = url.removeprefix("http://").removesuffix("/v1")
    connection = http.client.HTTPConnection(host, timeout=60)
    data = body if isinstance(body, (str, type(None))) else json.dumps(body)
    connection.request(method, path, data, {"content-type": "application/json", **(headers or {})})
    answer = connection.getresponse()
    found = (
        answer.status,
        {name.lower(): value for name, value in answer.getheaders()},
        answer.read().decode(),
    )
    connection.close()
    return found


def exchange_of(row: dict[str, Any]) -> Exchange:
    chunks = tuple(Chunk(at=0.0, text=text) for _, text in row.get("chunks", ()))
    return Exchange(body=row.get("body", ""), chunks=chunks, status=row["status"])


def script_of(exchange: Exchange) -> Any:
    """The message of a captured answer, without the ids its server gave."""
    choice = choice_of(exchange) or says("not reached")
    listed = choice["message"].get("tool_calls") or ()
    message = {
        **choice["message"],
        "tool_calls": [{k: v for k, v in call.items() if k != "id"} for call in listed],
    }
    return lambda messages: {**choice, "message": message}


@pytest.mark.parametrize(("name", "row"), rows())
def test_vllms_shapes_are_those_that_were_captured(name: str, row: dict[str, Any]) -> None:
    exchange = exchange_of(row)
    request = row["request"]
    sent = request.get("$raw", request)
    with serve(
        script_of(exchange),
        manner="vllm",
        model="tiny",
        context=2048,
        tool_parser=name != "no-parsers",
    ) as server:
        status, headers, text = ask(server.url, "POST", row["path"], sent)
    assert (status, headers["content-type"]) == (row["status"], row["headers"]["content-type"])
    if exchange.chunks:
        assert stream_shape(text) == stream_shape(exchange.text)
    elif status == 200:
        assert shape(json.loads(text)) == shape(json.loads(exchange.text))
    else:
        assert text == exchange.text


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/version", {"version": "0.32.0"}),
        ("/v1/nothing", {"detail": "Not Found"}),
    ],
)
def test_vllms_other_paths(path: str, found: Any) -> None:
    with serve([], manner="vllm", model=["tiny", "lora"]) as server:
        assert json.loads(ask(server.url, "GET", path)[2]) == found
        assert ask(server.url, "GET", "/health")[::2] == (200, "")
        assert ask(server.url, "GET", "/v1/chat/completions")[::2] == (
            405,
            '{"detail":"Method Not Allowed"}',
        )
        models = json.loads(ask(server.url, "GET", "/v1/models")[2])["data"]
        assert [(model["id"], model["owned_by"], model["max_model_len"]) for model in models] == [
            ("tiny", "vllm", 32768),
            ("lora", "vllm", 32768),
        ]
        tokenized = json.loads(ask(server.url, "POST", "/tokenize", {"prompt": "Oslo is cold."})[2])
        assert list(tokenized) == ["count", "max_model_len", "tokens", "token_strs"]
        assert tokenized["count"] == len(tokenized["tokens"]) == 4


ANSWER = says("Look.", calls("add", a=1), reasoning="Sum.")
TOOLS = [{"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}]
REQUEST = {"model": "m", "messages": [{"role": "user", "content": "1+?"}], "tools": TOOLS}
STREAM = {**REQUEST, "stream": True, "stream_options": {"include_usage": True}}


def body_of(
    manner: Any, request: dict[str, Any] = REQUEST, answer: Any = ANSWER, **options: Any
) -> Any:
    with serve([answer], manner=manner, **options) as server:
        return json.loads(ask(server.url, "POST", "/v1/chat/completions", request)[2])


def chunks_of(manner: Any, request: dict[str, Any] = STREAM, answer: Any = ANSWER) -> list[Any]:
    with serve([answer], manner=manner) as server:
        text = ask(server.url, "POST", "/v1/chat/completions", request)[2]
    events = [event.removeprefix("data: ") for event in text.split("\n\n") if event]
    assert events[-1] == "[DONE]"
    return [json.loads(event) for event in events[:-1]]


def test_openais_answer() -> None:
    body = body_of("openai")
    (choice,) = body["choices"]
    assert list(body) == [
        "id",
        "object",
        "created",
        "model",
        "choices",
        "usage",
        "service_tier",
        "system_fingerprint",
    ]
    assert list(choice["message"]) == ["role", "content", "tool_calls", "refusal", "annotations"]
    assert choice["message"]["tool_calls"][0]["id"].startswith("call_")
    assert len(choice["message"]["tool_calls"][0]["id"]) == 29
    assert body["usage"]["completion_tokens_details"]["reasoning_tokens"] == 2
    assert "Sum." not in json.dumps(body)


def test_openais_stream() -> None:
    first, *_, finish, usage = chunks_of(
        "openai", answer=says(None, calls("add", a=1), calls("add", a=2))
    )
    assert first["choices"][0]["delta"]["role"] == "assistant"
    (call,) = first["choices"][0]["delta"]["tool_calls"]
    assert list(call) == ["index", "id", "type", "function"]
    assert call["function"] == {"name": "add", "arguments": ""}
    assert first["usage"] is None
    assert finish["choices"][0]["delta"] == {}
    assert finish["choices"][0]["finish_reason"] == "tool_calls"
    assert usage["choices"] == []
    assert (
        usage["usage"]["total_tokens"]
        == usage["usage"]["prompt_tokens"] + usage["usage"]["completion_tokens"]
    )


def test_sglangs_answer() -> None:
    body = body_of("sglang")
    (choice,) = body["choices"]
    assert list(choice) == ["index", "message", "logprobs", "finish_reason", "matched_stop"]
    assert list(choice["message"]) == ["role", "content", "reasoning_content", "tool_calls"]
    (call,) = choice["message"]["tool_calls"]
    assert list(call) == ["id", "index", "type", "function"]
    assert len(call["id"]) == len("call_") + 24
    silent = body_of("sglang", answer=says(None, calls("add", a=1)))["choices"][0]["message"]
    assert silent["content"] == ""
    assert body_of("sglang", answer="2")["choices"][0]["message"]["tool_calls"] is None


def test_sglangs_stream() -> None:
    chunks = chunks_of("sglang")
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    begun, *more = [delta["tool_calls"][0] for delta in deltas if delta.get("tool_calls")]
    assert begun["function"] == {"name": "add", "arguments": ""}
    assert all(
        piece["id"] is None and piece["function"]["name"] is None and piece["type"] == "function"
        for piece in more
    )
    assert "".join(piece["function"]["arguments"] for piece in more) == '{"a": 1}'
    assert [delta["reasoning_content"] for delta in deltas if delta.get("reasoning_content")] == [
        "Sum",
        ".",
    ]
    assert chunks[-1]["choices"] == []


@pytest.mark.parametrize(
    ("manner", "finish"), [("openai", "stop"), ("vllm", "stop"), ("sglang", "tool_calls")]
)
def test_the_finish_reason_of_a_named_choice(manner: str, finish: str) -> None:
    named = {**REQUEST, "tool_choice": {"type": "function", "function": {"name": "add"}}}
    assert body_of(manner, named)["choices"][0]["finish_reason"] == finish


@pytest.mark.parametrize(
    ("manner", "request_", "status", "word"),
    [
        ("openai", {"model": "m"}, 400, "Missing required parameter: 'messages'"),
        ("openai", {**REQUEST, "model": "nope"}, 404, "model_not_found"),
        ("openai", {**REQUEST, "tools": []}, 400, "empty array"),
        (
            "openai",
            {**REQUEST, "messages": [{"role": "tool", "tool_call_id": "x", "content": "1"}]},
            400,
            "must be a response to",
        ),
        (
            "openai",
            {**REQUEST, "messages": [{"role": "user", "content": "a " * 40_000}]},
            400,
            "context_length_exceeded",
        ),
        ("openai", "{", 400, "could not parse the JSON body"),
        ("sglang", {"model": "m"}, 400, "Field required"),
        ("sglang", {**REQUEST, "messages": []}, 400, "Messages cannot be empty."),
        ("sglang", {**REQUEST, "model": "nope"}, 200, "nope"),
        (
            "sglang",
            {**REQUEST, "tools": [], "tool_choice": "required"},
            400,
            "Tools cannot be empty if tool choice is set to required.",
        ),
        (
            "sglang",
            {**REQUEST, "messages": [{"role": "user", "content": "a " * 40_000}]},
            400,
            "longer than the model's context length",
        ),
        ("sglang", "{", 400, "json_invalid"),
        (
            "vllm",
            {**REQUEST, "messages": [{"role": "user", "content": "a " * 40_000}]},
            400,
            "maximum context length",
        ),
        ("vllm", {**REQUEST, "tools": []}, 400, "`tools` must not be an empty array."),
        (
            "vllm",
            {**REQUEST, "messages": []},
            400,
            "Cannot apply chat template to an empty conversation.",
        ),
        ("vllm", {**REQUEST, "messages": "hi"}, 400, "Input should be a valid list"),
    ],
)
def test_what_a_server_refuses(manner: Any, request_: Any, status: int, word: str) -> None:
    with serve([ANSWER], manner=manner, model="m") as server:
        found, _, text = ask(server.url, "POST", "/v1/chat/completions", request_)
    assert found == status
    assert word in text


@pytest.mark.parametrize("manner", ["openai", "vllm", "sglang"])
def test_a_key_is_asked_for_and_never_kept(manner: Any) -> None:
    with serve(lambda messages: ANSWER, manner=manner, key="sk-right-0123456789") as server:
        keys = [
            {"Authorization": f"Bearer {key}"} for key in ("sk-wrong-999", "sk-right-0123456789")
        ]
        sent = [
            ask(server.url, "POST", "/v1/chat/completions", REQUEST, headers) for headers in keys
        ]
        none = ask(server.url, "POST", "/v1/chat/completions", REQUEST)
    assert [status for status, _, _ in (*sent, none)] == [401, 200, 401]
    assert "sk-" not in repr(server.asked)
    assert "sk-" not in sent[0][2]
    assert server.asked[0].json == REQUEST


def test_token_ids_go_on_from_turn_to_turn() -> None:
    asked = {**REQUEST, "return_token_ids": True, "logprobs": True, "top_logprobs": 2}
    script = lambda messages: says(None, calls("add", a=1), reasoning="Sum.")  # noqa: E731
    with serve(script, manner="vllm") as server:
        first = json.loads(ask(server.url, "POST", "/v1/chat/completions", asked)[2])
        message = first["choices"][0]["message"]
        history = [
            *REQUEST["messages"],
            message,
            {"role": "tool", "tool_call_id": "x", "content": "2"},
        ]
        second = json.loads(
            ask(server.url, "POST", "/v1/chat/completions", {**asked, "messages": history})[2]
        )
    ids = first["prompt_token_ids"] + first["choices"][0]["token_ids"]
    assert second["prompt_token_ids"][: len(ids)] == ids
    assert [len(token["top_logprobs"]) for token in first["choices"][0]["logprobs"]["content"]] == [
        2
    ] * len(first["choices"][0]["token_ids"])


def test_without_a_parser_calls_stay_text() -> None:
    body = body_of("sglang", tool_parser=False)
    assert body["choices"][0]["finish_reason"] == "stop"
    assert (
        '<tool_call>\n{"name": "add", "arguments": {"a": 1}}\n</tool_call>'
        in body["choices"][0]["message"]["content"]
    )
    assert "--tool-call-parser" in body_of("vllm", tool_parser=False)["error"]["message"]

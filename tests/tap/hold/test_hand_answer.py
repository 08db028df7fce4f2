"""Answers that a person writes: in the dialect and the form that the agent asked for, as the
official clients read them.
"""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest
from anthropic import Anthropic
from openai import OpenAI

import agentkit as ak
from agentkit.errors import UsageError
from agentkit.read.failure.error import read_error
from agentkit.read.response import read_response
from agentkit.tap.hold.awaited_form import AnswerForm, form_of
from agentkit.tap.hold.hand_answer import error_body, error_event, hand_answer
from agentkit.types.answer import Response
from agentkit.types.wire import Chunk, Exchange
from tests.support.dialect_answers import DIALECTS, answer
from tests.tap.hold.agent_requests import PATHS, body

FORMS = [(dialect, streams) for dialect in DIALECTS for streams in (False, True)]
QUESTION = [{"role": "user", "content": "?"}]


def written(dialect: Any, streams: bool, *parts: Any, asked: str = "") -> str:
    form = AnswerForm(dialect=dialect, streams=streams, counts=True, model="m")
    return form.text(hand_answer(parts, form, 3, asked))


def read(text: str, streams: bool) -> Response:
    chunks = (Chunk(at=0.0, text=text),) if streams else ()
    return read_response(Exchange(body="" if streams else text, chunks=chunks, status=200))


@pytest.mark.parametrize(("dialect", "streams"), FORMS)
def test_a_text_and_calls_are_read_as_they_were_given(dialect: Any, streams: bool) -> None:
    called = ak.testing.calls("get", city="Oslo")
    new = read(written(dialect, streams, "I pay, é. ", ("pay", {"amount": 5}), called), streams)
    assert new.dialect == dialect
    assert (new.content or "").strip() == "I pay, é."
    assert [(c.name, c.arguments) for c in new.tool_calls] == [
        ("pay", {"amount": 5}),
        ("get", {"city": "Oslo"}),
    ]
    assert len({call.id for call in new.tool_calls}) == 2
    assert all(call.valid and not call.id_synthetic for call in new.tool_calls)
    assert [p for p in new.problems if p.severity != "info"] == []
    assert (new.usage and new.usage.total_tokens, new.model) == (0, "m")


@pytest.mark.parametrize(("dialect", "streams"), FORMS)
@pytest.mark.parametrize("given", DIALECTS)
def test_a_whole_answer_of_any_dialect_is_taken(given: Any, dialect: Any, streams: bool) -> None:
    whole = answer(given, 1, "Said.", [{"value": 4}])
    for part in (whole, Exchange(body=json.dumps(whole)), read_response(whole)):
        new = read(written(dialect, streams, part), streams)
        assert new.dialect == dialect
        assert new.content == "Said."
        assert [call.arguments for call in new.tool_calls] == [{"value": 4}]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_ids_of_the_conversation_are_not_given_again(dialect: Any) -> None:
    asked = '{"id": "call_byhand3x0"}'
    (call,) = read(written(dialect, False, ("pay", {}), asked=asked), False).tool_calls
    assert call.id not in ("call_byhand3x0", "")


@pytest.mark.parametrize("parts", [(), (5,), ("",), (None,), ({"type": "x"},), ({"role": "user"},)])
def test_what_is_no_answer_is_refused(parts: tuple[Any, ...]) -> None:
    with pytest.raises(UsageError):
        written("chat", False, *parts)


def transport(text: str, streams: bool, status: int = 200) -> httpx2.Client:
    kind = "text/event-stream" if streams else "application/json"

    def respond(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, text=text, headers={"content-type": kind})

    return httpx2.Client(transport=httpx2.MockTransport(respond))


@pytest.mark.parametrize("streams", [False, True])
def test_the_openai_client_reads_them(streams: bool) -> None:
    parts = ("I pay.", ("pay", {"amount": 5}))
    text = written("chat", streams, *parts)
    client: Any = OpenAI(api_key="k", http_client=transport(text, streams))
    if streams:
        with client.chat.completions.stream(model="m", messages=QUESTION) as stream:
            message = stream.get_final_completion().choices[0].message
    else:
        message = client.chat.completions.create(model="m", messages=QUESTION).choices[0].message
    assert message.content == "I pay."
    assert json.loads(message.tool_calls[0].function.arguments) == {"amount": 5}
    text = written("responses", streams, *parts)
    client = OpenAI(api_key="k", http_client=transport(text, streams))
    if streams:
        with client.responses.stream(model="m", input="?") as stream:
            response = stream.get_final_response()
    else:
        response = client.responses.create(model="m", input="?")
    assert response.output_text == "I pay."
    assert json.loads(response.output[-1].arguments) == {"amount": 5}


@pytest.mark.parametrize("streams", [False, True])
def test_the_anthropic_client_reads_them(streams: bool) -> None:
    text = written("messages", streams, "I pay.", ("pay", {"amount": 5}))
    client: Any = Anthropic(api_key="k", http_client=transport(text, streams))
    asked = {"model": "m", "max_tokens": 9, "messages": QUESTION}
    if streams:
        with client.messages.stream(**asked) as stream:
            message = stream.get_final_message()
    else:
        message = client.messages.create(**asked)
    assert [block.type for block in message.content] == ["text", "tool_use"]
    assert message.content[1].input == {"amount": 5}
    assert message.stop_reason == "tool_use"


@pytest.mark.parametrize(
    ("status", "kind"), [(429, "rate_limited"), (500, "server_error"), (401, "auth_failed")]
)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_error_is_read_as_the_error_it_is(dialect: Any, status: int, kind: str) -> None:
    body_text = json.dumps(error_body(status, "", dialect))
    assert read_error(status, {}, body_text).kind == kind
    assert "by hand" in body_text
    late = error_event(error_body(status, "no", dialect), dialect)
    assert not read(late, True).usable


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_request_says_which_form_it_waits_for(dialect: str) -> None:
    block = form_of(json.loads(body(dialect)), PATHS[dialect])
    stream = form_of(json.loads(body(dialect, stream=True)), PATHS[dialect])
    assert block is not None
    assert stream is not None
    assert (block.dialect, block.streams, block.model) == (dialect, False, "m")
    assert stream.streams
    assert form_of({"input": "x"}, "/v1/embeddings") is None
    assert form_of(None, PATHS[dialect]) is None

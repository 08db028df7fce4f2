"""Answers that a person changes: captured ones of vLLM in three dialects, and what OpenAI and
Anthropic send beside (constructed). Block or stream, only what is changed differs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from agentkit.dialects.messages.blocks.event_list import event_list
from agentkit.dialects.responses.events_out import body_events, numbered
from agentkit.errors import NotFound, UsageError
from agentkit.read.response import read_response
from agentkit.tap.hold.changed_answer import changed_answer
from agentkit.testing.server.recorded import events_of
from agentkit.types.wire import Chunk, Exchange
from tests.support.dialect_answers import DIALECTS, answer
from tests.support.paths import CORPUS

NEW = {"amount": 7, "to": ["ü"]}
TEXT = "Another text, ü."


def captured() -> Iterator[Any]:
    """Walk the captured answers that hold a message, by dialect and form."""
    seen: dict[tuple[Any, ...], int] = {}
    for path in sorted([*CORPUS.glob("captures/*.jsonl"), *CORPUS.glob("dialects/*.jsonl")]):
        for line in path.read_text("utf-8").splitlines():
            entry = json.loads(line)
            chunks = tuple(Chunk(at=at, text=text) for at, text in entry.get("chunks") or ())
            body = entry.get("body") or ""
            body = "" if chunks else body if isinstance(body, str) else json.dumps(body)
            exchange = Exchange(body=body, chunks=chunks, status=entry.get("status", 200))
            response = read_response(exchange) if exchange.text else None
            if response is None or not response.usable:
                continue
            form = "stream" if chunks else "block"
            key = (response.dialect, form, len(response.tool_calls), bool(response.content))
            seen[key] = seen.get(key, 0) + 1
            if seen[key] <= 3:
                name = f"{path.stem}-{entry.get('case')}"
                yield pytest.param(exchange, id="-".join(map(str, (*key, name))))


CAPTURED = list(captured())


@pytest.mark.parametrize("exchange", CAPTURED)
def test_arguments_are_changed_alone(exchange: Exchange) -> None:
    old = read_response(exchange)
    for place in range(len(old.tool_calls)):
        made = changed_answer(exchange, arguments=NEW, call=place)
        new = read_response(made)
        assert bool(made.chunks) == bool(exchange.chunks)
        assert [call.id for call in new.tool_calls] == [call.id for call in old.tool_calls]
        assert new.tool_calls[place].arguments == NEW
        for call, other in zip(old.tool_calls, new.tool_calls, strict=True):
            assert call.position == place or call.raw_arguments == other.raw_arguments
        assert (new.wire_content, new.reasoning) == (old.wire_content, old.reasoning)
        assert (new.finish_reason, new.usage, new.id) == (old.finish_reason, old.usage, old.id)
        assert new.dialect == old.dialect


@pytest.mark.parametrize("exchange", CAPTURED)
def test_the_text_is_changed_alone(exchange: Exchange) -> None:
    old = read_response(exchange)
    made = changed_answer(exchange, text=TEXT)
    new = read_response(made)
    assert bool(made.chunks) == bool(exchange.chunks)
    assert new.wire_content == TEXT
    assert [(c.id, c.arguments) for c in new.tool_calls] == [
        (c.id, c.arguments) for c in old.tool_calls
    ]
    assert (new.finish_reason, new.usage, new.id) == (old.finish_reason, old.usage, old.id)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_block_keeps_every_other_byte(dialect: Any) -> None:
    body = answer(dialect, 1, "Old text.", [{"value": 1}, {"value": 22222}])
    text = json.dumps(body, indent=2)
    made = changed_answer(Exchange(body=text, status=200), arguments={"value": 3}, call=1)
    new = '{\\"value\\": 3}' if dialect != "messages" else '{"value":3}'
    old = '{\\"value\\": 22222}' if dialect != "messages" else json.dumps({"value": 22222})
    squeezed = "".join(text.split())
    assert "".join(made.body.split()) == squeezed.replace(
        "".join(old.split()), "".join(new.split())
    )
    made = changed_answer(Exchange(body=text, status=200), text="New.")
    assert made.body == text.replace("Old text.", "New.")


@pytest.mark.parametrize("size", [1, 7, 64, 10**6])
@pytest.mark.parametrize("dialect", ["responses", "messages"])
def test_a_stream_keeps_its_events_and_its_pieces(dialect: Any, size: int) -> None:
    """However the network cuts it."""
    body = answer(dialect, 1, "A text of some length.", [{"value": 1}, {"value": 22222}])
    usage = {"usage": {"input_tokens": 1, "output_tokens": 1}} if dialect == "messages" else {}
    events = (
        [*numbered(body_events(body))]
        if dialect == "responses"
        else event_list({**body, **usage, "stop_sequence": None}, {})
    )
    text = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    chunks = tuple(Chunk(at=float(at), text=piece) for at, piece in enumerate(pieces))
    made = changed_answer(Exchange(chunks=chunks, status=200), arguments={"value": 3}, call=1)
    made = changed_answer(made, text="New.")
    assert [chunk.at for chunk in made.chunks] == [chunk.at for chunk in chunks]
    sent = [data for _, data in events_of(made)]
    assert [each["type"] for each in sent] == [each["type"] for each in events]
    new = read_response(made)
    assert [call.arguments for call in new.tool_calls] == [{"value": 1}, {"value": 3}]
    assert new.content == "New."
    assert new.problems == read_response(Exchange(chunks=chunks, status=200)).problems


def test_what_no_model_sampled_has_no_likelihood() -> None:
    """Constructed: logprobs and token ids of a text that is changed."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": "Old."},
        "logprobs": {"content": [{"token": "Old.", "logprob": -0.1}]},
        "token_ids": [7],
        "finish_reason": "stop",
    }
    text = json.dumps({"object": "chat.completion", "choices": [choice]})
    new = read_response(changed_answer(Exchange(body=text, status=200), text="New."))
    assert (new.content, new.logprobs, list(new.token_ids)) == ("New.", (), [])


def test_headers_that_frame_the_old_text_are_left_out() -> None:
    text = json.dumps(answer("chat", 1, "Old."))
    headers = (("content-length", "9"), ("content-encoding", "gzip"), ("x-request-id", "r1"))
    made = changed_answer(Exchange(body=text, status=200, headers=headers), text="New.")
    assert made.headers == (("x-request-id", "r1"),)


@pytest.mark.parametrize("body", ["", "<html>", '{"error": {"message": "no"}}', "[]"])
def test_what_holds_no_message_is_refused(body: str) -> None:
    with pytest.raises(UsageError, match="no message"):
        changed_answer(Exchange(body=body, status=200), text="x")


def test_a_call_that_is_not_there_is_refused() -> None:
    text = json.dumps(answer("chat", 1, None, [{"value": 1}]))
    with pytest.raises(NotFound, match="no call 1"):
        changed_answer(Exchange(body=text, status=200), arguments={}, call=1)

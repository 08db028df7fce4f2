"""Responses and Messages of the reference server beside captured ones, and as the openai and
anthropic packages read them: their accumulators are strict.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest

import agentkit as ak
from agentkit.testing import by_turn, calls, says, serve
from agentkit.testing.server.drafts import draft_from
from agentkit.testing.server.recorded import body_of
from tests.read.shapes import shape
from tests.support.paths import CORPUS
from tests.testing.test_reference_manners import ask, exchange_of

anthropic: Any = importlib.import_module("anthropic")
TEXT, THOUGHT = "It is cold: 4°C, “brr”.", "I need the weather of Oslo."
ASKED = says("Let me see.", calls("get_weather", city="Oslo"), reasoning=THOUGHT)
SCRIPT = by_turn(ASKED, TEXT)
USER: Any = {"role": "user", "content": "Oslo?"}
SCHEMA: Any = {"type": "object", "properties": {"city": {"type": "string"}}}
FLAT: Any = {"type": "function", "name": "get_weather", "parameters": SCHEMA}
TOOL: Any = {"name": "get_weather", "input_schema": SCHEMA}
SPOKEN = (
    ("openai", "responses"),
    ("vllm", "responses"),
    ("sglang", "responses"),
    ("anthropic", "messages"),
    ("vllm", "messages"),
    ("sglang", "messages"),
)


def get_weather(city: str) -> str:
    """Weather."""
    return f"{city}: cold"


# Beside what was captured


def rows() -> list[Any]:
    lines = (CORPUS / "dialects" / "vllm.jsonl").read_text(encoding="utf-8").splitlines()
    found = [json.loads(line) for line in lines]
    return [pytest.param(row, id=f"{row['dialect']}: {row['case']}") for row in found]


def script_of(row: dict[str, Any]) -> Any:
    """The answer of a captured exchange, without the ids its server gave."""
    body = body_of(exchange_of(row))
    if row["status"] != 200 or row["method"] != "POST" or "count_tokens" in row["path"]:
        return "not reached"
    draft = draft_from(body)
    message = {**draft["message"]}
    if row.get("chunks") and message.get("content") == "\n\n" and "tool_calls" in message:
        message["content"] = None  # the server puts it in by itself
    listed = message.get("tool_calls") or ()
    message["tool_calls"] = [{k: v for k, v in call.items() if k != "id"} for call in listed]
    return {"message": message, "finish_reason": draft["finish_reason"]}


def events(text: str) -> list[Any]:
    """The events of a stream by name and shape, those that repeat once."""
    found: list[Any] = []
    for event in text.strip().split("\n\n"):
        name, _, data = event.partition("\ndata: ")
        if (entry := (name, shape(json.loads(data)))) not in found[-1:]:
            found.append(entry)
    return found


@pytest.mark.parametrize("row", rows())
def test_vllms_shapes_are_those_that_were_captured(row: dict[str, Any]) -> None:
    answer = script_of(row)
    with serve(lambda messages: answer, manner="vllm", model="tiny", context=2048) as server:
        status, headers, text = ask(server.url, row["method"], row["path"], row["request"])
    exchange = exchange_of(row)
    assert (status, headers["content-type"]) == (row["status"], row["headers"]["content-type"])
    if row.get("chunks"):
        assert events(text) == events(exchange.text)
    elif status == 200:
        assert shape(json.loads(text)) == shape(json.loads(exchange.text))
    else:
        assert text == exchange.text


# As the packages read it


@pytest.fixture
def clients() -> Iterator[Any]:
    """Makes clients of a package for the URL of a server, and closes them."""
    made: list[Any] = []

    def client(server: Any, package: Any) -> Any:
        kind: Any = openai.OpenAI
        url = server.url
        if package is anthropic:
            kind, url = anthropic.Anthropic, server.url.removesuffix("/v1")
        made.append(kind(base_url=url, api_key="x", max_retries=0))
        return made[-1]

    yield client
    for each in made:
        each.close()


@pytest.mark.parametrize("manner", ["openai", "vllm", "sglang"])
def test_a_plain_openai_client_of_responses(manner: Any, clients: Any) -> None:
    with serve(SCRIPT, manner=manner) as server:
        client = clients(server, openai)
        block = client.responses.create(model="m", input=[USER], tools=[FLAT])
        assert [item.type for item in block.output] == ["reasoning", "message", "function_call"]
        assert (block.status, block.output_text) == ("completed", "Let me see.")
        assert block.output[-1].arguments == '{"city": "Oslo"}'
        with client.responses.stream(model="m", input=[USER], tools=[FLAT]) as stream:
            seen = list(stream)
            final = stream.get_final_response()
        texts = [event.delta for event in seen if event.type == "response.output_text.delta"]
        assert "".join(texts) == "Let me see."
        assert [item.type for item in final.output] == [item.type for item in block.output]
        assert final.output[-1].arguments == block.output[-1].arguments
        assert final.usage.total_tokens == block.usage.total_tokens
        numbers = [event.sequence_number for event in seen if hasattr(event, "sequence_number")]
        assert sorted(set(numbers)) == list(range(max(numbers) + 1))
        back = [item.model_dump(exclude_none=True) for item in block.output]
        result = {"call_id": block.output[-1].call_id, "output": "cold"}
        result["type"] = "function_call_output"
        answered = client.responses.create(model="m", input=[USER, *back, result], tools=[FLAT])
        assert answered.output_text == TEXT


@pytest.mark.parametrize("manner", ["anthropic", "vllm", "sglang"])
def test_a_plain_anthropic_client(manner: Any, clients: Any) -> None:
    asked: Any = {"model": "m", "max_tokens": 2000, "tools": [TOOL]}
    asked["thinking"] = {"type": "enabled", "budget_tokens": 1024}
    with serve(SCRIPT, manner=manner) as server:
        client = clients(server, anthropic)
        block = client.messages.create(messages=[USER], **asked)
        assert [part.type for part in block.content] == ["thinking", "text", "tool_use"]
        assert (block.stop_reason, block.content[-1].input) == ("tool_use", {"city": "Oslo"})
        with client.messages.stream(messages=[USER], **asked) as stream:
            texts = [event.text for event in stream if event.type == "text"]
            final = stream.get_final_message()
        assert "".join(texts) == "Let me see."
        hidden = 1 if manner == "sglang" else 0  # its streams have no thinking
        kinds = [part.type for part in block.content][hidden:]
        assert [part.type for part in final.content] == kinds
        assert (final.stop_reason, final.content[-1].input) == ("tool_use", {"city": "Oslo"})
        assert final.usage.output_tokens == block.usage.output_tokens
        result = {"type": "tool_result", "tool_use_id": final.content[-1].id, "content": "cold"}
        history = [USER, {"role": "assistant", "content": final.content}]
        history.append({"role": "user", "content": [result]})
        answered = client.messages.create(messages=history, **asked)
        assert answered.content[-1].text == TEXT
        count = client.messages.count_tokens(model="m", messages=[USER])
        assert count.input_tokens == block.usage.input_tokens


def test_the_thoughts_of_openai_are_a_summary_and_a_secret(clients: Any) -> None:
    with serve(SCRIPT) as server:
        client = clients(server, openai)
        asked: Any = {"model": "m", "input": [USER], "tools": [FLAT]}
        include: Any = ["reasoning.encrypted_content"]
        bare = client.responses.create(**asked).output[0]
        assert (bare.summary, bare.encrypted_content) == ([], None)
        full = client.responses.create(include=include, reasoning={"summary": "auto"}, **asked)
        assert full.output[0].summary[0].text == THOUGHT
        assert full.output[0].encrypted_content
        items = [item.model_dump(exclude_none=True) for item in full.output]
        items[0]["encrypted_content"] = items[0]["encrypted_content"][:-1] + "?"
        with pytest.raises(openai.BadRequestError, match="could not be verified"):
            client.responses.create(model="m", input=[USER, *items])


def refused_items(items: list[dict[str, Any]]) -> dict[str, Any]:
    """What OpenAI refuses, by what it says, made of the items of one answer."""
    thought, text, call = items
    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "cold"}
    return {
        "without its required following item": [USER, thought],
        "without its required 'reasoning' item": [USER, text, call, result],
        "No tool output found for function call": [USER, thought, text, call],
        "No tool call found for function call output": [USER, result],
    }


def test_what_openai_refuses_of_a_history(clients: Any) -> None:
    with serve(SCRIPT) as server:
        client = clients(server, openai)
        output = client.responses.create(model="m", input=[USER], tools=[FLAT]).output
        items = [item.model_dump(exclude_none=True) for item in output]
        for wording, history in refused_items(items).items():
            with pytest.raises(openai.BadRequestError, match=wording):
                client.responses.create(model="m", input=history)
        with pytest.raises(openai.BadRequestError) as caught:
            client.responses.create(model="m", previous_response_id="resp_0", input=[USER])
        assert caught.value.code == "previous_response_not_found"


def test_what_anthropic_refuses_of_a_history(clients: Any) -> None:
    thinking = {"type": "enabled", "budget_tokens": 1024}
    asked: Any = {"model": "m", "max_tokens": 2000, "thinking": thinking}
    with serve(SCRIPT, manner="anthropic") as server:
        client = clients(server, anthropic)
        answer = client.messages.create(messages=[USER], **asked)
        thought, text, call = (part.model_dump(exclude_none=True) for part in answer.content)
        result = {"type": "tool_result", "tool_use_id": call["id"], "content": "cold"}
        blank, foreign = {"type": "text", "text": "\n\n"}, {**thought, "signature": "0" * 32}
        changed = {**thought, "thinking": "Another thought."}
        for wording, blocks, results in [
            ("ids were found without `tool_result`", [thought, text, call], []),
            ("unexpected `tool_use_id`", [thought, text], [result]),
            ("must contain non-whitespace text", [thought, blank, call], [result]),
            ("Invalid `signature`", [foreign, text, call], [result]),
            ("cannot be modified", [changed, text, call], [result]),
            ("Expected `thinking`", [text, call], [result]),
        ]:
            history = [USER, {"role": "assistant", "content": blocks}]
            history.append({"role": "user", "content": [*results, {"type": "text", "text": "Go"}]})
            with pytest.raises(anthropic.BadRequestError, match=wording):
                client.messages.create(messages=history, **asked)
        request = {"model": "m", "messages": [USER]}
        for headers, message in [
            ({}, "anthropic-version: header is required"),
            ({"anthropic-version": "2023-06-01"}, "max_tokens: Field required"),
        ]:
            _, _, body = ask(server.url, "POST", "/v1/messages", request, headers)
            assert json.loads(body)["error"]["message"] == message


@pytest.mark.parametrize(
    ("fault", "of_openai", "of_anthropic"),
    [
        ("rate_limited", openai.RateLimitError, anthropic.RateLimitError),
        ("auth_failed", openai.AuthenticationError, anthropic.AuthenticationError),
        ("server_error", openai.InternalServerError, anthropic.InternalServerError),
    ],
)
def test_the_packages_raise_what_they_should(
    fault: str, of_openai: Any, of_anthropic: Any, clients: Any
) -> None:
    with serve(SCRIPT, faults=fault) as server, pytest.raises(of_openai):
        list(clients(server, openai).responses.create(model="m", input="Oslo?", stream=True))
    with serve(SCRIPT, manner="anthropic", faults=fault) as server:
        client = clients(server, anthropic)
        with pytest.raises(of_anthropic):
            list(client.messages.create(model="m", max_tokens=9, messages=[USER], stream=True))


def test_an_error_in_a_stream_reaches_the_packages(clients: Any) -> None:
    with serve(SCRIPT, faults="stream_error_event") as server:
        client = clients(server, openai)
        *_, last = client.responses.create(model="m", input="Oslo?", stream=True)
        assert (last.type, last.code) == ("error", "server_error")
    with serve(SCRIPT, manner="anthropic", faults="stream_error_event") as server:
        client = clients(server, anthropic)
        with pytest.raises(anthropic.APIStatusError, match="Overloaded"):
            list(client.messages.create(model="m", max_tokens=9, messages=[USER], stream=True))


# Our own agent


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("manner", "dialect"), SPOKEN)
def test_an_agent_speaks_each_dialect_with_each_server(
    manner: Any, dialect: Any, stream: bool
) -> None:
    with serve(SCRIPT, manner=manner) as server:
        agent = ak.Agent(
            "m", tools=[get_weather], server=server.url, dialect=dialect, stream=stream
        )
        rollout = ak.rollout(agent, "Oslo?")
    assert (rollout.stop_reason, rollout.final) == ("final", TEXT)
    assert [turn.problems for turn in rollout.turns] == [(), ()]
    assert rollout.turns[0].tool_calls[0].arguments == {"city": "Oslo"}
    assert rollout.turns[0].response.dialect == dialect


@pytest.mark.parametrize(("manner", "dialect"), [("openai", "messages"), ("anthropic", "chat")])
def test_a_server_answers_no_dialect_that_it_does_not_speak(manner: Any, dialect: Any) -> None:
    with serve(SCRIPT, manner=manner) as server:
        rollout = ak.rollout(ak.Agent("m", server=server.url, dialect=dialect), "Oslo?")
    assert rollout.error is not None
    assert rollout.error.kind == "endpoint_not_found"


@pytest.mark.parametrize("dialect", ["chat", "responses", "messages"])
def test_a_script_without_a_network_answers_in_each_dialect(dialect: Any) -> None:
    server = ak.testing.ScriptedServer(SCRIPT, dialect=dialect)
    rollout = ak.rollout(ak.Agent("m", tools=[get_weather], server=server), "Oslo?")
    assert (rollout.final, rollout.problems) == (TEXT, ())
    assert rollout.turns[0].reasoning == THOUGHT
    assert rollout.turns[0].response.dialect == dialect


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("manner", "dialect"), SPOKEN)
def test_what_was_recorded_is_played_byte_for_byte(manner: Any, dialect: Any, stream: bool) -> None:
    def rollout_of(script: Any) -> ak.Trajectory:
        with serve(script, manner=manner) as server:
            agent = ak.Agent(
                "m", tools=[get_weather], server=server.url, dialect=dialect, stream=stream
            )
            return ak.rollout(agent, "Oslo?")

    recorded = rollout_of(SCRIPT)
    played = rollout_of(recorded)
    texts = [[turn.response.exchange.text for turn in t.turns] for t in (recorded, played)]
    assert texts[0] == texts[1]


@pytest.mark.parametrize(("asked", "manner"), [("chat", "vllm"), ("messages", "anthropic")])
def test_what_was_recorded_is_played_in_another_dialect(asked: Any, manner: Any) -> None:
    with serve(SCRIPT, manner="vllm") as server:
        agent = ak.Agent("m", tools=[get_weather], server=server.url, dialect="responses")
        recorded = ak.rollout(agent, "Oslo?")
    with serve(recorded, manner=manner) as server:
        agent = ak.Agent("m", tools=[get_weather], server=server.url, dialect=asked)
        played = ak.rollout(agent, "Oslo?")
    assert (played.final, played.problems) == (TEXT, ())
    assert played.turns[0].tool_calls[0].id == recorded.turns[0].tool_calls[0].id


# What is kept


@pytest.mark.parametrize(("manner", "store"), [("openai", None), ("vllm", True), ("sglang", None)])
def test_an_answer_that_is_kept_can_be_had_again(manner: Any, store: Any, clients: Any) -> None:
    with serve(SCRIPT, manner=manner, store=store) as server:
        client = clients(server, openai)
        answer = client.responses.create(model="m", input="Oslo?")
        assert client.responses.retrieve(answer.id) == answer
        unkept = client.responses.create(model="m", input="Oslo?", store=False)
        with pytest.raises(openai.NotFoundError, match="not found"):
            client.responses.retrieve(unkept.id)
        if manner == "openai":
            client.responses.delete(answer.id)
            with pytest.raises(openai.NotFoundError):
                client.responses.retrieve(answer.id)

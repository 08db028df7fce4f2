"""Answers in the Responses and Messages dialects: told by what they hold, in any envelope and form,
and read as chat completions are. All data is constructed but for the captures of vLLM 0.32.
"""

from __future__ import annotations

import json
from functools import partial
from itertools import accumulate
from types import SimpleNamespace
from typing import Any

import pytest
from openai.types.responses import Response as SdkResponse
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from agentkit import read_response, read_stream
from agentkit.read.stream.growing import Growing
from agentkit.types.answer import Response
from agentkit.types.wire import Chunk
from tests.support.corpus import captured
from tests.support.growth import assert_linear
from tests.support.paths import CORPUS

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
CALL = {
    "type": "function_call",
    "id": "fc_1",
    "call_id": "call_1",
    "name": "get_weather",
    "arguments": '{"city": "Oslo"}',
    "status": "completed",
}
USE = {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Oslo"}}
DIALECTS = ("responses", "messages")


def stream(name: str) -> str:
    return str(json.loads((CORPUS / "stream" / f"{name}.json").read_text("utf-8"))["text"])


def events(name: str) -> list[dict[str, Any]]:
    lines = stream(name).splitlines()
    return [json.loads(line[6:]) for line in lines if line.startswith("data: {")]


def responses(*items: Any, status: str = "completed", **fields: Any) -> dict[str, Any]:
    """A Responses body with these output items."""
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "model": "m",
        "status": status,
        "error": None,
        "incomplete_details": None,
        "output": list(items),
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        **fields,
    }


def messages(*blocks: Any, stop_reason: str | None = "end_turn", **fields: Any) -> dict[str, Any]:
    """A Messages body with these blocks."""
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m"}
    return {**head, "content": list(blocks), "stop_reason": stop_reason, **fields}


def output(text: str) -> dict[str, Any]:
    part = {"type": "output_text", "text": text, "annotations": []}
    return {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "status": "completed",
        "content": [part],
    }


def codes(response: Response) -> list[str]:
    return sorted(p.code for p in response.all_problems)


def essence(response: Response) -> tuple[Any, ...]:
    calls = [(c.id, c.name, c.arguments, c.status) for c in response.tool_calls]
    return response.dialect, response.content, response.reasoning, calls, codes(response)


BODIES = {
    "responses": responses(output("It is cold."), CALL),
    "messages": messages({"type": "text", "text": "It is cold."}, USE, stop_reason="tool_use"),
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_it_is_told_by_what_it_holds(dialect: str) -> None:
    response = read_response(BODIES[dialect], [WEATHER])
    assert response.dialect == dialect
    assert (response.content, codes(response)) == ("It is cold.", [])
    assert [call.arguments for call in response.tool_calls] == [{"city": "Oslo"}]
    for name in ("object", "type"):
        less = {key: value for key, value in BODIES[dialect].items() if key != name}
        assert read_response(less, [WEATHER]) == response


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    ("envelope", "pointer"),
    [
        (lambda body: {"response": body}, "/response"),
        (lambda body: {"message": body}, "/message"),
        (lambda body: {"data": [body]}, "/data/0"),
        (lambda body: {"custom_id": "a", "response": {"status_code": 200, "body": body}}, ""),
        (lambda body: {"custom_id": "a", "result": {"type": "succeeded", "message": body}}, ""),
        (lambda body: {"result": json.dumps(body)}, "/result"),
    ],
)
def test_it_is_found_in_an_envelope(dialect: str, envelope: Any, pointer: str) -> None:
    plain = read_response(BODIES[dialect], [WEATHER])
    response = read_response(envelope(BODIES[dialect]), [WEATHER])
    assert {p.code for p in response.problems} == {"nested_envelope"}
    assert response.problems[0].pointer.startswith(pointer)
    assert essence(response)[:4] == essence(plain)[:4]


def test_items_without_a_body_are_read() -> None:
    response = read_response([output("It is cold."), CALL], [WEATHER])
    assert (response.dialect, response.content, codes(response)) == (
        "responses",
        "It is cold.",
        [],
    )
    assert essence(read_response(output("Hi")))[:2] == ("responses", "Hi")
    broken = read_response([{**CALL, "arguments": "{"}], [WEATHER])
    assert broken.tool_calls[0].problems[0].pointer == "/0/arguments"


def test_a_message_of_blocks_alone_is_messages_by_what_it_holds() -> None:
    response = read_response({"role": "assistant", "content": [USE]}, [WEATHER])
    assert (response.dialect, len(response.tool_calls), codes(response)) == ("messages", 1, [])
    text = {"role": "assistant", "content": [{"type": "text", "text": "Hi"}]}
    assert read_response(text).dialect == "chat"
    mistral = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}
    assert read_response({"role": "assistant", "content": [mistral]}).dialect == "chat"


@pytest.mark.parametrize(
    "body",
    [
        {"input_tokens": 79},
        {"input_tokens": 79, "context_management": {"original_input_tokens": 79}},
        {"object": "response.input_tokens", "input_tokens": 79},
        {"object": "response.compaction", "id": "cmp_1", "output": [output("Hi")]},
        {"type": "message", "role": "assistant", "content": None},
    ],
)
def test_what_other_endpoints_answer_is_no_message(body: dict[str, Any]) -> None:
    response = read_response(body)
    assert codes(response) == ["message_missing"]
    assert not response.usable


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (responses(output("Hi"), status="completed"), []),
        (
            responses(
                output("Hi"),
                status="incomplete",
                incomplete_details={"reason": "max_output_tokens"},
            ),
            ["finish_length"],
        ),
        (
            responses(
                output("Hi"), status="incomplete", incomplete_details={"reason": "content_filter"}
            ),
            ["finish_content_filter"],
        ),
        (responses(output("Hi"), status="cancelled"), ["generation_aborted"]),
        (responses(status="queued"), ["finish_missing"]),
        (responses(output("Hi"), status="in_progress"), ["finish_missing"]),
        (responses(CALL, status="odd"), ["finish_nonstandard"]),
        (responses({**CALL, "arguments": '{"city": "Os'}), None),
        (
            responses(status="failed", error={"code": "server_error", "message": "No."}),
            ["empty_response", "error_in_200"],
        ),
        (messages({"type": "text", "text": "Hi"}, stop_reason="max_tokens"), ["finish_length"]),
        (
            messages({"type": "text", "text": "Hi"}, stop_reason="refusal"),
            ["finish_content_filter"],
        ),
        (messages(USE), ["finish_stop_with_tool_calls"]),
        (
            messages({"type": "text", "text": "Hi"}, stop_reason="tool_use"),
            ["finish_tool_calls_without_calls"],
        ),
        (messages({"type": "text", "text": "Hi"}, stop_reason=None), ["finish_missing"]),
        (messages({"type": "text", "text": "Hi"}, stop_reason="odd"), ["finish_nonstandard"]),
        (messages(), ["empty_response"]),
    ],
)
def test_the_end_of_an_answer_means_the_same_in_each(
    body: dict[str, Any], expected: list[str] | None
) -> None:
    response = read_response(body, [WEATHER])
    if expected is None:
        expected = ["arguments_truncated", "finish_hides_truncation"]
    assert codes(response) == expected
    assert not response.paused


def test_a_call_that_is_not_complete_is_never_run() -> None:
    response = read_response(responses({**CALL, "status": "incomplete"}), [WEATHER])
    call = response.tool_calls[0]
    assert (call.valid, call.suggestion) == (False, {"city": "Oslo"})
    assert codes(response) == ["arguments_truncated", "finish_hides_truncation"]


def test_a_pause_is_no_error() -> None:
    step = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}
    response = read_response(messages(step, stop_reason="pause_turn"))
    assert response.paused
    assert response.usable
    assert codes(response) == []
    assert [step.name for step in response.server_steps] == ["web_search"]


def test_policies_and_parsers_are_those_of_chat() -> None:
    text = '<tool_call>{"name": "get_weather", "arguments": {"city": "Oslo"}}</tool_call>'
    for body in (responses(output(text)), messages({"type": "text", "text": text})):
        assert len(read_response(body, [WEATHER]).recoverable) == 1
        run = read_response(body, [WEATHER], parser="hermes", turn=3)
        assert [call.id for call in run.tool_calls] == ["call_3_0"]
    broken = responses({**CALL, "arguments": "{'city': 'Oslo'}"})
    read = [
        read_response(broken, [WEATHER], policy).tool_calls[0] for policy in ("strict", "repair")
    ]
    assert [call.valid for call in read] == [False, True]


def as_object(value: Any) -> Any:
    """A value as an object with attributes, dicts left at every second level."""
    if isinstance(value, list):
        return [as_object(item) for item in value]
    if not isinstance(value, dict):
        return value
    return SimpleNamespace(**{key: value[key] for key in value})


@pytest.mark.parametrize("dialect", DIALECTS)
def test_objects_and_mixtures_read_the_same(dialect: str) -> None:
    body = BODIES[dialect]
    whole = read_response(body, [WEATHER])
    key = "output" if dialect == "responses" else "content"
    assert read_response(as_object(body), [WEATHER]) == whole
    assert read_response({**body, key: as_object(body[key])}, [WEATHER]) == whole


def test_an_sdk_body_reads_the_same() -> None:
    whole = read_response(BODIES["responses"], [WEATHER])
    assert read_response(SdkResponse.model_validate(BODIES["responses"]), [WEATHER]) == whole
    mixed = SdkResponse.model_construct(**BODIES["responses"])
    assert read_response(mixed, [WEATHER]) == whole


def test_sdk_events_read_as_their_text() -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
    objects = [adapter.validate_python(event) for event in events("responses_all")]
    assert essence(read_stream(objects)) == essence(read_stream(stream("responses_all")))
    for dialect in DIALECTS:
        made = [as_object(event) for event in events(f"{dialect}_all")]
        assert essence(read_stream(made)) == essence(read_stream(stream(f"{dialect}_all")))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_stream_reads_as_its_body(dialect: str) -> None:
    read = read_stream(stream(f"{dialect}_all"), [WEATHER])
    name = "response" if dialect == "responses" else "message"
    last = events(f"{dialect}_all")[-1 if dialect == "responses" else 0][name]
    if dialect == "messages":
        last = {**last, "content": list(read.items), "stop_reason": "tool_use"}
        last["usage"] = {"input_tokens": 20, "output_tokens": 9}
    block = read_response(last, [WEATHER])
    assert essence(block) == essence(read)
    assert block.usage == read.usage
    assert block.items == read.items


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_first_token_and_the_gaps_are_those_of_deltas(dialect: str) -> None:
    parts = [f"{part}\n\n" for part in stream(f"{dialect}_all").strip().split("\n\n")]
    times = list(accumulate([0.5] * len(parts)))
    read = read_stream([Chunk(at=at, text=part) for at, part in zip(times, parts, strict=True)])
    first = next(i for i, part in enumerate(parts) if "Look " in part)
    assert read.time_to_first_token == pytest.approx(times[first])
    assert len(read.token_gaps) >= 5


@pytest.mark.parametrize("dialect", DIALECTS)
def test_it_can_be_seen_to_grow(dialect: str) -> None:
    growing = Growing()
    text = stream(f"{dialect}_all")
    for at in range(0, len(text), 40):
        growing.feed(text[at : at + 40])
    assert (growing.text, growing.reasoning) == ("It is cold.", "Look first.")
    assert [(call.name, call.arguments) for call in growing.calls] == [
        ("get_weather", '{"city": "Oslo"}')
    ]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_problems_lead_to_their_place(dialect: str) -> None:
    broken = (
        responses({**CALL, "arguments": "{"})
        if dialect == "responses"
        else messages({**USE, "input": "{"}, stop_reason="tool_use")
    )
    response = read_response({"result": broken}, [WEATHER])
    pointers = {p.pointer for p in response.tool_calls[0].problems}
    root = "/result/output/0" if dialect == "responses" else "/result/content/0"
    assert all(pointer.startswith(root) for pointer in pointers)


def captured_answers(case: str) -> dict[tuple[str, str], Response]:
    """The answers of one vLLM 0.32 to the same question, by dialect and kind."""
    found = {}
    for row in captured("three-dialects"):
        if row["case"].removesuffix("/stream") == case:
            chunks = [Chunk(at=at, text=text) for at, text in row.get("chunks") or ()]
            read = read_stream(chunks) if chunks else read_response(row["body"])
            found[row["dialect"], "stream" if chunks else "block"] = read
    assert len(found) == 6
    return found


def test_one_answer_is_the_same_in_three_dialects() -> None:
    answers = captured_answers("rollout-00/turn0")
    calls = {
        json.dumps([(call.name, call.arguments) for call in read.tool_calls])
        for read in answers.values()
    }
    assert len(calls) == 1
    assert len({(read.reasoning or "").strip() for read in answers.values()}) == 1
    for (dialect, kind), read in answers.items():
        assert (read.dialect, codes(read)) == (dialect, []), (dialect, kind)
        assert (read.time_to_first_token is not None) == (kind == "stream")
        counted = read.usage.input_tokens if read.usage else None
        assert counted == (None if (dialect, kind) == ("chat", "stream") else 79)


def test_a_cut_is_told_in_three_dialects() -> None:
    for key, read in captured_answers("max-32").items():
        assert "finish_length" in codes(read), key
        assert not any(call.valid for call in read.tool_calls), key


@pytest.mark.slow
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_long_stream_of_a_dialect_is_read_in_linear_time(dialect: str) -> None:
    given = [f"data: {json.dumps(event)}\n\n" for event in events(f"{dialect}_all")]
    part = next(i for i, event in enumerate(given) if "It is" in event and "delta" in event)
    assert_linear(
        lambda size: partial(read_stream, "".join(given[:part]) + given[part] * size), 1500, 6000
    )

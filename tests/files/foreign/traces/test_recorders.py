"""What recorders write beside the plain case, in constructed spans: answers in several messages,
choices, streams told twice, ids that answer nothing, counts and words under names of their own.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

import agentkit as ak
from agentkit.types.trajectory import Trajectory

ASKED = [{"role": "user", "content": "Cold?"}]
CALLS = [
    {"id": name, "function": {"name": "weather", "arguments": json.dumps({"city": name})}}
    for name in ("oslo", "bergen")
]


def span(number: int, attributes: dict[str, Any], **rest: Any) -> dict[str, Any]:
    """Write a span of a model as an SDK does."""
    context = {"trace_id": "0xab", "span_id": f"0x{number:02x}"}
    times = {"start_time": number * 10, "end_time": number * 10 + 2, "parent_id": "0xff"}
    return {"name": "chat", "context": context, "attributes": attributes, **times, **rest}


def one(*spans: Any) -> Trajectory:
    """Read the one rollout of spans."""
    (rollout,) = ak.load(list(spans), all=True)
    return rollout


def lost(rollout: Trajectory) -> dict[str, int]:
    """Give what an import lost."""
    counts: dict[str, int] = rollout.meta["import"]["lost"]
    return counts


def inference(*messages: dict[str, Any]) -> dict[str, Any]:
    """Write an answer as OpenInference does: an item of Responses as a message."""
    asked = [{"message.role": "user", "message.content": "Cold?"}]
    return {
        "openinference.span.kind": "LLM",
        "llm.input_messages": asked,
        "llm.output_messages": [{"message": one} for one in messages],
    }


def test_an_answer_in_several_messages_is_one() -> None:
    said = {"role": "assistant", "contents": [{"message_content": {"type": "text", "text": "Hm."}}]}
    asked = [{"role": "assistant", "tool_calls": [{"tool_call": call}]} for call in CALLS]
    (turn,) = one(span(1, inference(said, *asked))).all_turns
    assert turn.response.content == "Hm."
    assert [call.id for call in turn.tool_calls] == ["oslo", "bergen"]


def test_parts_in_several_messages_are_one_answer() -> None:
    parts = [
        {"type": "reasoning", "content": "Far."},
        {"type": "text", "content": "Hm."},
        {"type": "tool_call", "id": "c", "name": "weather", "arguments": {"city": "Oslo"}},
    ]
    answer = [{"role": "assistant", "parts": [part]} for part in parts]
    asked = {"gen_ai.operation.name": "chat", "gen_ai.input.messages": ASKED}
    (turn,) = one(span(1, {**asked, "gen_ai.output.messages": answer})).all_turns
    assert (turn.response.reasoning, turn.response.content) == ("Far.", "Hm.")
    assert [call.name for call in turn.tool_calls] == ["weather"]


CHOICES = {
    "parts": {
        "gen_ai.operation.name": "chat",
        "gen_ai.input.messages": ASKED,
        "gen_ai.output.messages": [
            {
                "role": "assistant",
                "parts": [{"type": "text", "content": t}],
                "finish_reason": "stop",
            }
            for t in ("One.", "Two.")
        ],
    },
    "asked for": {
        **inference(*({"role": "assistant", "content": t} for t in ("One.", "Two."))),
        "llm.invocation_parameters": json.dumps({"n": 2}),
    },
    "messages": {
        "langfuse.observation.type": "generation",
        "langfuse.observation.input": json.dumps(ASKED),
        "langfuse.observation.output": json.dumps(
            [{"role": "assistant", "content": t} for t in ("One.", "Two.")]
        ),
    },
}


@pytest.mark.parametrize("name", CHOICES)
def test_of_several_choices_the_first_is_the_answer_and_the_others_are_counted(name: str) -> None:
    rollout = one(span(1, CHOICES[name]))
    assert rollout.final == "One."
    assert lost(rollout) == {"choices of an answer beside the first": 1}


def test_choices_in_events_are_counted() -> None:
    events = [{"name": "gen_ai.user.message", "attributes": {"content": "Cold?"}}]
    events += [
        {
            "name": "gen_ai.choice",
            "attributes": {"message": {"content": t}, "finish_reason": "stop"},
        }
        for t in ("One.", "Two.")
    ]
    rollout = one(span(1, {"gen_ai.operation.name": "chat"}, events=events))
    assert rollout.final == "One."
    assert lost(rollout) == {"choices of an answer beside the first": 1}


def test_an_item_of_responses_that_stands_alone_is_a_call() -> None:
    item = {"type": "function_call", "call_id": "c", "name": "pay", "arguments": '{"amount": 3}'}
    attributes = {
        "langfuse.observation.type": "generation",
        "langfuse.observation.input": json.dumps({"input": ASKED}),
        "langfuse.observation.output": json.dumps(item),
    }
    (turn,) = one(span(1, attributes)).all_turns
    assert [(call.id, call.arguments) for call in turn.tool_calls] == [("c", {"amount": 3})]
    assert not turn.response.content


RAW: dict[str, Any] = {
    "responses": {
        "id": "resp_1",
        "object": "response",
        "status": "completed",
        "output": [
            {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"},
            {
                "type": "message",
                "id": "msg_1",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "Yes."}],
            },
        ],
    },
    "messages": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "stop_reason": "end_turn",
        "content": [
            {"type": "thinking", "thinking": "Far.", "signature": "s"},
            {"type": "text", "text": "Yes."},
        ],
    },
}


@pytest.mark.parametrize("dialect", RAW)
def test_a_raw_answer_of_any_dialect_is_the_exchange(dialect: str) -> None:
    said = inference({"role": "assistant", "content": "Yes."})
    rollout = one(span(1, {**said, "output.value": json.dumps(RAW[dialect])}))
    (turn,) = rollout.turns
    assert turn.response.content == "Yes."
    assert {**turn.raw, "imported": None} == {**RAW[dialect], "imported": None}


def test_words_and_counts_of_langfuse_spans_are_taken_over() -> None:
    attributes = {
        "langfuse.observation.type": "generation",
        "langfuse.observation.input": json.dumps(ASKED),
        "langfuse.observation.output": json.dumps({"role": "assistant", "content": "Yes."}),
        "langfuse.observation.model.name": "m",
        "langfuse.observation.usage_details": json.dumps(
            {"prompt_tokens": 7, "completion_tokens": 2}
        ),
        "langfuse.observation.model.parameters": json.dumps(
            {"temperature": 0.5, "max_tokens": "Infinity"}
        ),
        "langfuse.observation.metadata.finish_reason": '"stop"',
    }
    rollout = one(span(1, attributes))
    (turn,) = rollout.turns
    assert (rollout.spec.model, turn.response.finish_reason) == ("m", "stop")
    assert turn.usage is not None
    assert (turn.usage.input_tokens, turn.usage.output_tokens) == (7, 2)
    assert rollout.spec.sampling == {"temperature": 0.5}
    failed = {**attributes, "langfuse.observation.level": "ERROR"}
    failed["langfuse.observation.status_message"] = "overloaded"
    del failed["langfuse.observation.output"]
    (attempt,) = one(span(1, failed)).attempts
    assert "overloaded" in str(attempt.error)


def test_counts_of_langfuse_are_whole_though_its_server_takes_parts_out() -> None:
    details = {"input": 20, "input_cached_tokens": 80, "output": 5, "output_reasoning_tokens": 3}
    row = {
        "id": "t",
        "observations": [
            {
                "id": "o",
                "traceId": "t",
                "type": "GENERATION",
                "input": ASKED,
                "output": {"role": "assistant", "content": "Yes."},
                "modelParameters": {"temperature": 1, "max_tokens": "Infinity"},
                "usageDetails": {**details, "total": 108},
            }
        ],
    }
    rollout = one(row)
    usage = rollout.turns[0].usage
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (100, 8, 108)
    assert (usage.cached_tokens, usage.reasoning_tokens) == (80, 3)
    assert rollout.spec.sampling == {"temperature": 1}


def test_the_word_for_the_end_of_openinference_is_taken_over() -> None:
    said = inference({"role": "assistant", "content": "Yes."})
    (turn,) = one(span(1, {**said, "llm.finish_reason": "length"})).turns
    assert turn.response.finish_reason == "length"


def test_a_stream_that_logfire_tells_of_twice_is_one_request() -> None:
    def twice(number: int, asked: list[Any], said: str) -> list[Any]:
        shared = {"gen_ai.request.model": "m", "request_data": json.dumps({"messages": asked})}
        answer = json.dumps({"message": {"role": "assistant", "content": said}})
        end = {"start_time": number * 10 + 7, "end_time": number * 10 + 7}
        log = {**shared, "logfire.span_type": "log", "response_data": answer}
        return [
            span(number, {**shared, "logfire.span_type": "span"}),
            span(number + 100, log, **end),
        ]

    further = [*ASKED, {"role": "assistant", "content": "Yes."}, {"role": "user", "content": "So?"}]
    rollout = one(*twice(1, ASKED, "Yes."), *twice(2, further, "A coat."))
    assert [(turn.response.content, turn.started, turn.elapsed) for turn in rollout.turns] == [
        ("Yes.", 10.0, 7.0),
        ("A coat.", 20.0, 7.0),
    ]
    assert rollout.attempts == ()


def test_results_whose_ids_are_those_of_no_call_are_joined_in_order() -> None:
    def asked(messages: list[Any], answer: Any) -> dict[str, Any]:
        shared = {"gen_ai.operation.name": "chat", "gen_ai.input.messages": messages}
        return {**shared, "gen_ai.output.messages": [answer]}

    calls = [{"type": "tool_call", "id": f"fc_{n}", "name": "w", "arguments": {}} for n in "ab"]
    first = {"role": "assistant", "parts": calls}
    results = [
        {
            "role": "tool",
            "parts": [{"type": "tool_call_response", "id": f"call_{n}", "response": n}],
        }
        for n in "ab"
    ]
    last = {"role": "assistant", "parts": [{"type": "text", "content": "Yes."}]}
    history = [*ASKED, {"role": "assistant", "parts": calls[:1]}]
    history += [{"role": "assistant", "parts": calls[1:]}, *results]
    rollout = one(span(1, asked(ASKED, first)), span(2, asked(history, last)))
    assert [result.content for result in rollout.turns[0].tool_results] == ["a", "b"]
    assert rollout.final == "Yes."
    assert [one["role"] for one in rollout.messages] == [
        *("user", "assistant", "tool", "tool", "assistant")
    ]
    assert [turn.kept for turn in rollout.turns] == [None, None]
    assert "ids of results that are those of no call, which are joined in order" in lost(rollout)


def test_a_request_whose_messages_were_not_recorded_is_told() -> None:
    answer = [{"role": "assistant", "parts": [{"type": "text", "content": "Yes."}]}]
    rollout = one(span(1, {"gen_ai.operation.name": "chat", "gen_ai.output.messages": answer}))
    assert rollout.final == "Yes."
    assert lost(rollout) == {"requests whose messages were not recorded": 1}


@pytest.mark.parametrize("dialect", ["chat", "responses"])
def test_counts_that_langsmith_takes_out_of_a_raw_answer_are_its_usage(dialect: str) -> None:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Y"}}
    chat = {"id": "c", "object": "chat.completion", "choices": [choice]}
    counts = {"input_tokens": 7, "output_tokens": 2, "total_tokens": 9}
    details = {"input_token_details": {"cache_read": 5}, "output_token_details": {"reasoning": 1}}
    body = chat if dialect == "chat" else RAW["responses"]
    run = {
        "id": "r",
        "run_type": "llm",
        "inputs": {"messages": ASKED},
        "outputs": {**body, "usage_metadata": {**counts, **details}},
    }
    (turn,) = one(run).turns
    assert turn.usage is not None
    assert (turn.usage.input_tokens, turn.usage.output_tokens) == (7, 2)
    assert (turn.usage.cached_tokens, turn.usage.reasoning_tokens) == (5, 1)


def test_an_output_of_nothing_is_no_answer() -> None:
    run = {"id": "r", "run_type": "llm", "inputs": {"messages": ASKED}, "error": "HTTP 404"}
    rollout = one({**run, "outputs": {"output": None}})
    assert rollout.turns == ()
    assert [attempt.error.message for attempt in rollout.attempts] == ["HTTP 404"]


PARTS = {
    "gen_ai.operation.name": "chat",
    "gen_ai.input.messages": ASKED,
    "gen_ai.output.messages": [{"role": "assistant", "parts": [{"type": "text", "content": "Y"}]}],
}


def test_a_span_that_is_written_when_it_begins_and_when_it_ends_is_one() -> None:
    begun = {name: PARTS[name] for name in list(PARTS)[:2]}
    rollout = one(span(1, begun, end_time=None), span(1, PARTS))
    assert (rollout.final, rollout.attempts, lost(rollout)) == ("Y", (), {})
    pending = {**begun, "logfire.span_type": "pending_span"}
    rollout = one(
        span(2, pending, parent_id="0x01"), span(1, {**PARTS, "logfire.span_type": "span"})
    )
    assert (rollout.final, rollout.attempts) == ("Y", ())


def test_of_spans_of_one_id_that_differ_one_is_read_and_the_other_counted() -> None:
    other = [{"role": "assistant", "parts": [{"type": "text", "content": "N"}]}]
    twice = [span(1, PARTS), span(1, PARTS), span(1, {**PARTS, "gen_ai.output.messages": other})]
    rollout = one(*twice)
    assert rollout.final == "Y"
    assert lost(rollout) == {"spans with the id of another": 1}


def test_times_of_javascript_are_read() -> None:
    times = {"start_time": [1767225600, 0], "end_time": [1767225602, 500000000]}
    (turn,) = one(span(1, PARTS, **times)).turns
    assert (turn.started, turn.elapsed) == (1767225600.0, 2.5)


def test_counts_of_the_ai_sdk_alone_are_read() -> None:
    attributes = {
        "ai.operationId": "ai.generateText.doGenerate",
        "ai.prompt.messages": json.dumps(ASKED),
        "ai.response.text": "Yes.",
        "ai.usage.inputTokens": 7,
        "ai.usage.outputTokens": 4,
        "ai.usage.reasoningTokens": 3,
        "ai.usage.cachedInputTokens": 2,
    }
    usage = one(span(1, attributes)).turns[0].usage
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens) == (7, 4)
    assert (usage.reasoning_tokens, usage.cached_tokens) == (3, 2)


def test_a_trace_that_jaeger_gives_is_read() -> None:
    def row(name: str, attributes: dict[str, Any], above: str | None = None) -> dict[str, Any]:
        written = {k: v if isinstance(v, str) else json.dumps(v) for k, v in attributes.items()}
        references = [{"refType": "CHILD_OF", "traceID": "ab", "spanID": above}] if above else []
        return {
            "traceID": "ab",
            "spanID": name,
            "operationName": "chat",
            "references": references,
            "startTime": 1767225600000000,
            "duration": 2000000,
            "tags": [{"key": k, "type": "string", "value": v} for k, v in written.items()],
            "logs": [],
            "processID": "p1",
        }

    spans = [row("01", {"gen_ai.operation.name": "invoke_agent"}), row("02", PARTS, "01")]
    trace = {"traceID": "ab", "spans": spans, "processes": {"p1": {"serviceName": "x"}}}
    rollout = one({"data": [trace], "total": 0})
    assert (rollout.final, rollout.turns[0].elapsed) == ("Y", 2.0)
    failed = row("01", {**PARTS, "error": True, "otel.status_description": "HTTP 500"})
    failed["tags"] = [tag for tag in failed["tags"] if "output" not in tag["key"]]
    (attempt,) = one({"data": [{**trace, "spans": [failed]}]}).attempts
    assert attempt.error.message == "HTTP 500"

"""What a Messages body is read as (all bodies are constructed)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentkit.dialects.messages.answer import read
from agentkit.read.response import read_response
from agentkit.types.answer import Response
from agentkit.types.wire import Usage

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=12,
)
KINDS = [
    "text",
    "thinking",
    "redacted_thinking",
    "tool_use",
    "server_tool_use",
    "mcp_tool_use",
    "mcp_tool_result",
    "web_search_tool_result",
    "container_upload",
    "compaction",
    "fallback",
    "of_tomorrow",
]
FIELDS = [
    "type",
    "text",
    "thinking",
    "signature",
    "data",
    "id",
    "name",
    "input",
    "tool_use_id",
    "content",
    "is_error",
]
BLOCK = st.dictionaries(st.sampled_from(FIELDS), JSON | st.sampled_from(KINDS), max_size=6)


def answer(*blocks: Any, **fields: Any) -> Response:
    """Read a body with these blocks."""
    body = {"type": "message", "role": "assistant", "content": list(blocks)}
    return read_response({"stop_reason": "end_turn", **body, **fields})


def codes(response: Response) -> list[str]:
    return [found.code for found in response.all_problems]


def use(given: Any, **more: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": "toolu_1", "name": "search", "input": given, **more}


def test_every_kind_of_block_has_its_place() -> None:
    blocks = [
        {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "b3BhcXVl"},
        {"type": "text", "text": "It is ", "citations": None},
        {"type": "text", "text": "so.", "citations": [{"type": "char_location"}]},
        use({"q": "ü"}, caller={"type": "direct"}),
        {"type": "container_upload", "file_id": "file_1"},
    ]
    read = answer(*blocks, id="msg_1", model="m", stop_reason="tool_use")
    assert (read.id, read.model, read.content, read.reasoning) == ("msg_1", "m", "It is so.", "hm")
    assert [block.kind for block in read.reasoning_blocks] == ["text", "encrypted"]
    assert [block.raw for block in read.reasoning_blocks] == blocks[:2]
    assert [(c.id, c.arguments, c.origin) for c in read.tool_calls] == [
        ("toolu_1", {"q": "ü"}, "messages:tool_use")
    ]
    assert [step.kind for step in read.server_steps] == ["container_upload"]
    assert list(read.items) == blocks
    assert codes(read) == []


def test_thinking_that_is_not_shown_is_kept_with_its_signature() -> None:
    block = {"type": "thinking", "thinking": "", "signature": "c2ln"}
    read = answer(block, {"type": "text", "text": "yes"})
    assert [(b.kind, b.raw) for b in read.reasoning_blocks] == [("encrypted", block)]
    assert read.reasoning is None
    assert read.items[0] == block


@pytest.mark.parametrize(
    ("kind", "content", "more", "status"),
    [
        ("web_search_tool_result", [{"type": "web_search_result", "url": "u"}], {}, "completed"),
        (
            "web_search_tool_result",
            {"type": "web_search_tool_result_error", "error_code": "unavailable"},
            {},
            "failed",
        ),
        ("mcp_tool_result", [{"type": "text", "text": "no"}], {"is_error": True}, "failed"),
        (
            "bash_code_execution_tool_result",
            {"type": "bash_code_execution_result", "return_code": 1, "stdout": "", "stderr": "x"},
            {},
            "completed",
        ),
    ],
)
def test_what_the_server_ran_and_what_came_of_it_are_one_step(
    kind: str, content: Any, more: dict[str, Any], status: str
) -> None:
    asked = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "it", "input": {}}
    came = {"type": kind, "tool_use_id": "srvtoolu_1", "content": content, **more}
    read = answer(asked, came, {"type": "text", "text": "done"})
    [step] = read.server_steps
    assert (step.name, step.id, step.status) == ("it", "srvtoolu_1", status)
    assert (step.raw, step.outcome) == (asked, came)
    assert (read.tool_calls, codes(read)) == ((), [])


def test_a_step_without_a_result_and_a_result_without_a_step_stay_apart() -> None:
    asked = {"type": "mcp_tool_use", "id": "mcptoolu_1", "name": "ask", "input": {}}
    came = {"type": "web_fetch_tool_result", "tool_use_id": "srvtoolu_0", "content": {}}
    read = answer(came, asked, stop_reason="pause_turn")
    assert [(s.kind, s.name, s.status) for s in read.server_steps] == [
        ("web_fetch_tool_result", "web_fetch", "completed"),
        ("mcp_tool_use", "ask", None),
    ]


def test_a_model_that_took_over_is_named_as_the_server_names_it() -> None:
    sent = {"type": "fallback", "from": {"model": "a"}, "to": {"model": "b"}}
    of_an_sdk = {"type": "fallback", "from_": {"model": "a"}, "to": {"model": "b"}}
    for block in (sent, of_an_sdk):
        read = answer(block, {"type": "text", "text": "hi"})
        assert (read.items[0], read.server_steps[0].raw, codes(read)) == (sent, sent, [])


@pytest.mark.parametrize("block", [{"type": "of_tomorrow", "x": 1}, {}, "text", 7, {"type": 3}])
def test_a_block_that_is_not_known_is_kept_and_named(block: Any) -> None:
    read = answer({"type": "text", "text": "hi"}, block)
    assert codes(read) == ["item_unknown"]
    assert read.problems[0].pointer == "/content/1"
    assert [step.raw for step in read.server_steps] == [block]
    assert (read.items[1], read.content) == (block, "hi")


@pytest.mark.parametrize(
    ("given", "raw", "arguments", "found"),
    [
        ({}, "{}", {}, []),
        ({"a": 1.5}, '{"a": 1.5}', {"a": 1.5}, []),
        ('{"a": 1}', '"{\\"a\\": 1}"', {"a": 1}, ["arguments_double_encoded"]),
        ('{"a": 1', '{"a": 1', None, ["finish_hides_truncation", "arguments_truncated"]),
        ([1], "[1]", None, ["arguments_not_object"]),
        (None, "", {}, ["arguments_null"]),
    ],
)
def test_an_input_is_read_as_arguments_are(
    given: Any, raw: str, arguments: Any, found: list[str]
) -> None:
    read = answer(use(given), stop_reason="tool_use")
    [call] = read.tool_calls
    assert (call.raw_arguments, call.arguments) == (raw, arguments)
    assert codes(read) == found


def test_a_call_without_an_input_is_a_call_without_arguments() -> None:
    block = use(None)
    del block["input"]
    [call] = answer(block, stop_reason="tool_use").tool_calls
    assert call.arguments == {}
    assert [found.code for found in call.problems] == ["arguments_null"]


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("end_turn", []),
        ("stop_sequence", []),
        ("pause_turn", []),
        ("compaction", []),
        ("max_tokens", ["finish_length"]),
        ("model_context_window_exceeded", ["finish_length"]),
        ("refusal", ["finish_content_filter"]),
    ],
)
def test_the_word_for_the_end_is_the_servers(word: str, found: list[str]) -> None:
    read = answer({"type": "text", "text": "x"}, stop_reason=word)
    assert (read.finish_reason, codes(read)) == (word, found)


def test_the_servers_words_on_a_refusal_are_its_text() -> None:
    details = {"type": "refusal", "category": "cyber", "explanation": "not this"}
    read = answer(stop_reason="refusal", stop_details=details)
    assert read.refusal == "not this"
    assert set(codes(read)) >= {"refusal", "finish_content_filter"}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (
            {
                "input_tokens": 6,
                "cache_read_input_tokens": 1069,
                "cache_creation_input_tokens": 85,
                "output_tokens": 7,
                "output_tokens_details": {"thinking_tokens": 3},
            },
            Usage(input_tokens=1160, output_tokens=7, reasoning_tokens=3, cached_tokens=1069),
        ),
        (
            {"input_tokens": 9, "output_tokens": 0, "cache_read_input_tokens": None},
            Usage(input_tokens=9, output_tokens=0),
        ),
        ({"input_tokens": None, "output_tokens": True}, Usage()),
        ({"input_tokens": 3.0, "output_tokens": "4"}, Usage(input_tokens=3)),
        ({}, None),
        ("none", None),
    ],
)
def test_usage_counts_all_that_was_read(raw: Any, expected: Usage | None) -> None:
    assert answer({"type": "text", "text": "x"}, usage=raw).usage == expected


@settings(max_examples=100)
@given(st.dictionaries(st.sampled_from(["content", "usage", "stop_reason", "id"]), JSON))
def test_no_body_makes_the_reading_fail(body: dict[str, Any]) -> None:
    read(body)
    read_response({"type": "message", **body})


@settings(max_examples=150)
@given(st.lists(BLOCK, max_size=5), st.sampled_from(["end_turn", "max_tokens", None]))
def test_no_blocks_make_the_reading_fail(blocks: list[dict[str, Any]], word: str | None) -> None:
    read = answer(*blocks, stop_reason=word)
    assert len(read.items) == len(blocks)
    assert all(isinstance(call.raw_arguments, str) for call in read.tool_calls)
    json.dumps(read.problems[0].message if read.problems else "")

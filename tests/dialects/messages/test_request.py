"""A history and its fields as the body of a Messages request (all constructed)."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentkit.dialects.messages.request import _with_calls, body, encode, native_messages
from agentkit.errors import UsageError
from tests.support.growth import assert_linear

USER = {"role": "user", "content": "hi"}


def sent(
    *messages: dict[str, Any], extra: dict[str, Any] | None = None, **fields: Any
) -> dict[str, Any]:
    """Return the body that is sent."""
    parts = [encode(message) for message in messages]
    written: dict[str, Any] = json.loads(body(parts, fields, extra, False))
    return written


def call(ident: str, arguments: Any = '{"a": 1}', name: str = "f") -> dict[str, Any]:
    return {"id": ident, "type": "function", "function": {"name": name, "arguments": arguments}}


def result(ident: str, content: Any = "1", **more: Any) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": ident, "content": content, **more}


def test_what_stands_at_the_start_is_the_system_text() -> None:
    system, messages = native_messages(
        [
            {"role": "system", "content": "Be brief."},
            {"role": "developer", "content": "Be kind."},
            USER,
            {"role": "system", "content": "It is late."},
        ]
    )
    assert system == "Be brief.\n\nBe kind."
    assert messages == [USER, {"role": "system", "content": "It is late."}]


def test_a_system_text_in_blocks_keeps_what_is_cached() -> None:
    block = {"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}
    found = sent({"role": "system", "content": [block]}, {"role": "system", "content": "b"}, USER)
    assert found["system"] == [block, {"type": "text", "text": "b"}]
    assert sent(USER, system="own")["system"] == "own"
    assert sent({"role": "system", "content": "b"}, USER, system="own")["system"] == "own\n\nb"


def test_the_items_of_an_answer_go_back_untouched() -> None:
    items = [
        {"type": "thinking", "thinking": "", "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "eA=="},
        {"type": "text", "text": "\n\n"},
        {"type": "tool_use", "id": "a", "name": "f", "input": {"b": 1, "a": 2}, "caller": None},
    ]
    message = {"role": "assistant", "content": "other", "items": items, "tool_calls": [call("a")]}
    assert sent(USER, message)["messages"][1] == {
        "role": "assistant",
        "content": [items[0], items[1], items[3]],
    }


def test_results_stand_first_in_one_message_with_what_the_user_says_next() -> None:
    answer = {"role": "assistant", "content": None, "tool_calls": [call("a"), call("b")]}
    found = sent(
        USER,
        answer,
        result("a"),
        {"role": "user", "content": "go on"},
        result("b", "boom", is_error=True),
        {"role": "user", "content": [{"type": "text", "text": "now"}]},
        {"role": "assistant", "content": "ok"},
    )
    assert found["messages"] == [
        USER,
        {
            "role": "assistant",
            "content": [
                {"type": "tool_use", "id": "a", "name": "f", "input": {"a": 1}},
                {"type": "tool_use", "id": "b", "name": "f", "input": {"a": 1}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "a", "content": "1"},
                {"type": "tool_result", "tool_use_id": "b", "content": "boom", "is_error": True},
                {"type": "text", "text": "go on"},
                {"type": "text", "text": "now"},
            ],
        },
        {"role": "assistant", "content": "ok"},
    ]


def test_results_in_native_blocks_are_joined_too() -> None:
    own = {"tool_use_id": "a", "type": "tool_result", "content": "1"}
    found = sent({"role": "user", "content": [own]}, {"role": "user", "content": "next"})
    assert found["messages"] == [
        {"role": "user", "content": [own, {"type": "text", "text": "next"}]}
    ]


@pytest.mark.parametrize(
    ("arguments", "given"),
    [
        ('{"a": 1}', {"a": 1}),
        ('"{\\"a\\": 1}"', {"a": 1}),
        ('{"a": ', {}),
        ("[1]", {}),
        (None, {}),
        ({"a": 1}, {"a": 1}),
    ],
)
def test_an_input_is_always_an_object(arguments: Any, given: Any) -> None:
    message = {"role": "assistant", "content": "x", "tool_calls": [call("a", arguments)]}
    [text, use] = sent(message)["messages"][0]["content"]
    assert (text, use["input"]) == ({"type": "text", "text": "x"}, given)


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user", "content": " \n"},
        {"role": "user", "content": [{"type": "text", "text": ""}]},
        {"role": "assistant", "content": ""},
        {"role": "assistant", "content": None, "items": [{"type": "text", "text": "\n"}]},
        {"role": "assistant", "content": None, "items": []},
    ],
)
def test_a_message_without_words_is_not_sent(message: Any) -> None:
    assert sent(USER, message)["messages"] == [USER]


@pytest.mark.parametrize(
    ("part", "block"),
    [
        (
            {"type": "image_url", "image_url": {"url": "https://a/b.png", "detail": "low"}},
            {"type": "image", "source": {"type": "url", "url": "https://a/b.png"}},
        ),
        (
            {"type": "image_url", "image_url": "data:image/png;base64,QUJD"},
            {
                "type": "image",
                "source": {"type": "base64", "media_type": "image/png", "data": "QUJD"},
            },
        ),
        (
            {
                "type": "file",
                "file": {"file_data": "data:application/pdf;base64,QQ==", "filename": "a.pdf"},
            },
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "QQ=="},
                "title": "a.pdf",
            },
        ),
        (
            {"type": "file", "file": {"file_id": "file_1"}},
            {"type": "document", "source": {"type": "file", "file_id": "file_1"}},
        ),
        (
            {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}},
            {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}},
        ),
        ({"type": "search_result", "title": "t"}, {"type": "search_result", "title": "t"}),
        ({"type": "input_audio", "input_audio": {}}, {"type": "input_audio", "input_audio": {}}),
    ],
)
def test_parts_become_blocks(part: Any, block: Any) -> None:
    for role in ("user", "system"):
        assert sent(USER, {"role": role, "content": [part]})["messages"][1]["content"] == [block]
    inner = sent(USER, result("a", [part]))["messages"][1]["content"]
    assert next(b for b in inner if b["type"] == "tool_result")["content"] == [block]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {"max_tokens": 4096}),
        ({"max_tokens": 7}, {"max_tokens": 7}),
        ({"max_completion_tokens": 7}, {"max_tokens": 7}),
        ({"max_tokens": None}, {"max_tokens": 4096}),
        ({"stop": "a"}, {"stop_sequences": ["a"]}),
        ({"stop": ["a", "b"]}, {"stop_sequences": ["a", "b"]}),
        ({"tool_choice": "auto"}, {"tool_choice": {"type": "auto"}}),
        ({"tool_choice": "none"}, {"tool_choice": {"type": "none"}}),
        ({"tool_choice": "required"}, {"tool_choice": {"type": "any"}}),
        (
            {"tool_choice": {"type": "function", "function": {"name": "f"}}},
            {"tool_choice": {"type": "tool", "name": "f"}},
        ),
        (
            {"tool_choice": {"type": "tool", "name": "f"}, "parallel_tool_calls": False},
            {"tool_choice": {"type": "tool", "name": "f", "disable_parallel_tool_use": True}},
        ),
        ({"parallel_tool_calls": False}, {}),
        ({"user": "u"}, {"metadata": {"user_id": "u"}}),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "n", "schema": {"type": "object"}},
                }
            },
            {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}},
        ),
        ({"response_format": {"type": "text"}}, {}),
        ({"reasoning_effort": "minimal"}, {"output_config": {"effort": "low"}}),
        ({"reasoning_effort": "none"}, {"thinking": {"type": "disabled"}}),
        (
            {"reasoning_effort": "high", "output_config": {"effort": "max"}},
            {"output_config": {"effort": "max"}},
        ),
        (
            {"thinking": {"type": "adaptive"}, "top_k": 3, "temperature": 0.5},
            {"thinking": {"type": "adaptive"}, "top_k": 3, "temperature": 0.5},
        ),
        ({"stream_options": {"include_usage": True}}, {}),
        ({"seed": 3}, {"seed": 3}),
    ],
)
def test_fields_have_their_names_here(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    assert sent(USER, **fields) == {"max_tokens": 4096, **expected, "messages": [USER]}


@pytest.mark.parametrize(
    ("tool", "expected"),
    [
        (
            {
                "type": "function",
                "function": {
                    "name": "f",
                    "description": "d",
                    "parameters": {"type": "object"},
                    "strict": True,
                },
            },
            {"name": "f", "description": "d", "input_schema": {"type": "object"}, "strict": True},
        ),
        (
            {"type": "function", "function": {"name": "f"}, "cache_control": {"type": "ephemeral"}},
            {
                "name": "f",
                "input_schema": {"type": "object", "properties": {}},
                "cache_control": {"type": "ephemeral"},
            },
        ),
        (
            {"type": "web_search_20250305", "name": "web_search", "max_uses": 2},
            {"type": "web_search_20250305", "name": "web_search", "max_uses": 2},
        ),
        (
            {"name": "f", "input_schema": {"type": "object"}},
            {"name": "f", "input_schema": {"type": "object"}},
        ),
    ],
)
def test_tools_are_written_as_they_are_here(tool: Any, expected: Any) -> None:
    found = sent(USER, tools=[tool], parallel_tool_calls=False)
    assert found["tools"] == [expected]
    assert found["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}


def test_what_is_merged_over_wins_and_may_be_the_messages() -> None:
    found = sent(USER, extra={"max_tokens": 3, "messages": []}, max_tokens=9)
    assert found == {"max_tokens": 3, "messages": []}
    assert json.loads(body([], {}, None, True))["stream"] is True


def test_what_utf8_cannot_carry_is_escaped_and_what_is_no_json_is_refused() -> None:
    assert b"\\ud800" in encode({"role": "user", "content": "\ud800"})
    odd: dict[str, Any] = {"role": "user", "content": [{"type": "image", "source": object()}]}
    with pytest.raises(UsageError):
        encode(odd)


def test_what_is_cached_is_said_on_the_block() -> None:
    cached = {"cache_control": {"type": "ephemeral"}}
    assert sent({**USER, **cached})["messages"][0]["content"] == [
        {"type": "text", "text": "hi", **cached}
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
PART = JSON | st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "image_url", "file", "refusal", "tool_result", "tool_use"])},
    optional=dict.fromkeys(["text", "image_url", "file", "id"], JSON),
)
CALL = JSON | st.fixed_dictionaries(
    {"id": JSON, "function": JSON | st.fixed_dictionaries({"name": JSON, "arguments": JSON})},
    optional={"custom": JSON},
)
MESSAGE = st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "user", "assistant", "tool", "developer"]) | JSON},
    optional={
        "content": JSON | st.lists(PART, max_size=3),
        "tool_calls": JSON | st.lists(CALL, max_size=2),
        "tool_call_id": JSON,
        "items": JSON,
    },
)
NAMES = ["max_tokens", "stop", "tools", "tool_choice", "response_format", "reasoning_effort"]
NAMES += ["user", "metadata", "parallel_tool_calls", "output_config", "system"]


@settings(max_examples=150)
@given(st.lists(MESSAGE, max_size=5), st.dictionaries(st.sampled_from(NAMES), JSON))
def test_no_history_and_no_fields_make_the_writing_fail(
    messages: list[dict[str, Any]], fields: dict[str, Any]
) -> None:
    found = sent(*messages, **fields)
    roles = [message["role"] for message in found["messages"]]
    assert len(roles) <= len(messages)
    assert "tool" not in roles


@pytest.mark.slow
def test_the_work_grows_with_the_history() -> None:
    def work(size: int) -> Callable[[], object]:
        calls = [call(str(i)) for i in range(size)]
        answer = {"role": "assistant", "content": None, "tool_calls": calls}
        history: list[dict[str, Any]] = [USER, answer]
        history += [result(str(i), "word " * 9) for i in range(size)]
        parts = [encode(message) for message in history]
        return partial(body, parts, {}, None, False)

    assert_linear(work, 4000, 32000)


@pytest.mark.slow
def test_calls_that_are_in_the_content_already_are_found_in_time_linear_in_them() -> None:
    def make(size: int) -> Any:
        calls = [
            {"id": f"c{at}", "function": {"name": "f", "arguments": "{}"}} for at in range(size)
        ]
        blocks = [
            {"type": "tool_use", "id": call["id"], "name": "f", "input": {}} for call in calls
        ]
        return lambda: _with_calls(blocks, calls)

    assert len(make(3)()) == 3
    assert_linear(make, 2000, 8000, what="calls of one turn")

"""A conversation in chat form as a Responses request: input items, results as their calls want
them, fields under their names. The conversations are constructed.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit.dialects.responses import request
from agentkit.errors import UsageError
from tests.dialects.responses.constructed import call, text

PICTURE = "data:image/png;base64,AA=="


def sent(
    messages: list[dict[str, Any]], fields: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    """Write a request and read its body."""
    extra, stream = more.get("extra"), more.get("stream", False)
    parts = [request.encode(message) for message in messages]
    written: dict[str, Any] = json.loads(request.body(parts, fields or {}, extra, stream))
    return written


def fields_of(**fields: Any) -> dict[str, Any]:
    """Write the fields of a request without messages."""
    written = sent([], fields)
    assert written.pop("input") == []
    return written


@pytest.mark.parametrize(
    ("message", "items"),
    [
        ({"role": "system", "content": "Be kind."}, [{"role": "system", "content": "Be kind."}]),
        ({"role": "developer", "content": "x"}, [{"role": "developer", "content": "x"}]),
        ({"role": "user", "content": "hi", "name": "a"}, [{"role": "user", "content": "hi"}]),
        (
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "see"},
                    {"type": "image_url", "image_url": {"url": PICTURE, "detail": "low"}},
                    {"type": "file", "file": {"file_id": "file-1"}},
                    {"type": "input_text", "text": "native"},
                ],
            },
            [
                {
                    "role": "user",
                    "content": [
                        {"type": "input_text", "text": "see"},
                        {"type": "input_image", "image_url": PICTURE, "detail": "low"},
                        {"type": "input_file", "file_id": "file-1"},
                        {"type": "input_text", "text": "native"},
                    ],
                }
            ],
        ),
        (
            {
                "role": "assistant",
                "content": "I add.",
                "reasoning_content": "hm",
                "tool_calls": [
                    {"id": "c", "type": "function", "function": {"name": "a", "arguments": "{}"}},
                    {"id": "d", "type": "custom", "custom": {"name": "sh", "input": "ls"}},
                ],
            },
            [
                {"role": "assistant", "content": "I add."},
                {"type": "function_call", "call_id": "c", "name": "a", "arguments": "{}"},
                {"type": "custom_tool_call", "call_id": "d", "name": "sh", "input": "ls"},
            ],
        ),
        (
            {"role": "assistant", "content": None, "refusal": "no"},
            [
                {
                    "type": "message",
                    "role": "assistant",
                    "content": [{"type": "refusal", "refusal": "no"}],
                }
            ],
        ),
        (
            {"role": "tool", "tool_call_id": "c", "content": "3"},
            [{"type": "function_call_output", "call_id": "c", "output": "3"}],
        ),
        (
            {
                "role": "tool",
                "tool_call_id": "c",
                "content": [{"type": "image_url", "image_url": PICTURE}],
            },
            [
                {
                    "type": "function_call_output",
                    "call_id": "c",
                    "output": [{"type": "input_image", "image_url": PICTURE}],
                }
            ],
        ),
        ({"role": "assistant", "content": "x", "items": [text("y")]}, [text("y")]),
        ({"role": "assistant", "content": "x", "items": []}, []),
        (
            {"role": "assistant", "content": [{"type": "text", "text": "x"}]},
            [
                {
                    "type": "message",
                    "role": "assistant",
                    "content": [{"type": "output_text", "text": "x", "annotations": []}],
                }
            ],
        ),
        ({"type": "item_reference", "id": "rs_1"}, [{"type": "item_reference", "id": "rs_1"}]),
        (
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "a"}]},
            [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "a"}]}],
        ),
    ],
)
def test_a_message_becomes_items(message: dict[str, Any], items: list[dict[str, Any]]) -> None:
    assert request.input_items(message) == items
    assert sent([message])["input"] == items


def test_items_of_an_answer_go_back_byte_for_byte_beside_their_results() -> None:
    sealed = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA", "x": 1}
    answer = [sealed, call(), call(number=2)]
    history: list[dict[str, Any]] = [
        {"role": "user", "content": "add"},
        {"role": "assistant", "content": None, "items": answer},
        {"role": "tool", "tool_call_id": "call_1", "content": "1"},
        {"role": "tool", "tool_call_id": "call_2", "content": "2"},
    ]
    written = sent(history)["input"]
    assert [list(item) for item in written[1:4]] == [list(item) for item in answer]
    assert written[1:4] == answer
    assert [item["call_id"] for item in written[4:]] == ["call_1", "call_2"]


@pytest.mark.parametrize(
    ("made", "content", "result"),
    [
        (
            {"type": "custom_tool_call", "call_id": "c", "name": "sh", "input": "ls"},
            "a.py",
            {"type": "custom_tool_call_output", "call_id": "c", "output": "a.py"},
        ),
        (
            {"type": "computer_call", "call_id": "c", "action": {"type": "wait"}},
            [{"type": "image_url", "image_url": {"url": PICTURE}}],
            {
                "type": "computer_call_output",
                "call_id": "c",
                "output": {"type": "computer_screenshot", "image_url": PICTURE},
            },
        ),
        (
            {"type": "shell_call", "call_id": "c", "action": {"max_output_length": 9}},
            "a.py",
            {
                "type": "shell_call_output",
                "call_id": "c",
                "output": [
                    {"stdout": "a.py", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}}
                ],
                "max_output_length": 9,
            },
        ),
        (
            {"type": "shell_call", "call_id": "c", "action": {}},
            '{"error": "no shell"}',
            {
                "type": "shell_call_output",
                "call_id": "c",
                "output": [
                    {
                        "stdout": "",
                        "stderr": '{"error": "no shell"}',
                        "outcome": {"type": "exit", "exit_code": 1},
                    }
                ],
            },
        ),
        (
            {"type": "local_shell_call", "call_id": "c", "id": "l", "action": {}},
            "a.py",
            {"type": "local_shell_call_output", "id": "c", "output": "a.py"},
        ),
        (
            {"type": "apply_patch_call", "call_id": "c", "operation": {}},
            '{"error": "does not apply"}',
            {
                "type": "apply_patch_call_output",
                "call_id": "c",
                "status": "failed",
                "output": '{"error": "does not apply"}',
            },
        ),
        (
            {"type": "tool_search_call", "call_id": "c", "execution": "client", "arguments": {}},
            '[{"type": "function", "name": "a"}]',
            {
                "type": "tool_search_output",
                "call_id": "c",
                "execution": "client",
                "status": "completed",
                "tools": [{"type": "function", "name": "a"}],
            },
        ),
        (
            {"type": "mcp_approval_request", "id": "c", "name": "pay", "arguments": "{}"},
            "true",
            {"type": "mcp_approval_response", "approval_request_id": "c", "approve": True},
        ),
        (
            {"type": "mcp_approval_request", "id": "c", "name": "pay", "arguments": "{}"},
            "too dear",
            {
                "type": "mcp_approval_response",
                "approval_request_id": "c",
                "approve": False,
                "reason": "too dear",
            },
        ),
        (
            {**call(), "call_id": "c", "caller": {"type": "program", "caller_id": "p"}},
            "3",
            {
                "type": "function_call_output",
                "call_id": "c",
                "output": "3",
                "caller": {"type": "program", "caller_id": "p"},
            },
        ),
        (call(), "3", {"type": "function_call_output", "call_id": "c", "output": "3"}),
    ],
)
def test_a_result_is_what_its_call_wants(
    made: dict[str, Any], content: Any, result: dict[str, Any]
) -> None:
    history = [
        {"role": "assistant", "content": None, "items": [{"type": "x"}, made]},
        {"role": "tool", "tool_call_id": "c", "content": content},
    ]
    assert sent(history)["input"][-1] == result


def test_a_text_that_looks_like_a_call_changes_nothing() -> None:
    quoted = 'see "type":"custom_tool_call"'
    history = [
        {"role": "user", "content": quoted},
        {"role": "tool", "tool_call_id": "c", "content": quoted},
    ]
    assert sent(history)["input"][-1]["type"] == "function_call_output"


@pytest.mark.parametrize(
    ("fields", "written"),
    [
        ({"max_tokens": 5}, {"max_output_tokens": 5}),
        ({"max_completion_tokens": 5}, {"max_output_tokens": 5}),
        ({"max_tokens": 5, "max_output_tokens": 7}, {"max_output_tokens": 7}),
        ({"max_tokens": None}, {}),
        ({"temperature": 1, "top_p": 0.5}, {"temperature": 1, "top_p": 0.5}),
        ({"reasoning_effort": "low"}, {"reasoning": {"effort": "low"}}),
        (
            {"reasoning": {"summary": "auto"}, "reasoning_effort": "low"},
            {"reasoning": {"summary": "auto", "effort": "low"}},
        ),
        (
            {"logprobs": True, "top_logprobs": 3},
            {"include": ["message.output_text.logprobs"], "top_logprobs": 3},
        ),
        ({"logprobs": False}, {}),
        (
            {"response_format": {"type": "json_object"}},
            {"text": {"format": {"type": "json_object"}}},
        ),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "n", "schema": {}, "strict": True},
                },
                "verbosity": "low",
            },
            {
                "text": {
                    "format": {"type": "json_schema", "name": "n", "schema": {}, "strict": True},
                    "verbosity": "low",
                }
            },
        ),
        ({"tool_choice": "required"}, {"tool_choice": "required"}),
        (
            {"tool_choice": {"type": "function", "function": {"name": "a"}}},
            {"tool_choice": {"type": "function", "name": "a"}},
        ),
        (
            {
                "tool_choice": {
                    "type": "allowed_tools",
                    "allowed_tools": {
                        "mode": "auto",
                        "tools": [{"type": "function", "function": {"name": "a"}}],
                    },
                }
            },
            {
                "tool_choice": {
                    "type": "allowed_tools",
                    "mode": "auto",
                    "tools": [{"type": "function", "name": "a"}],
                }
            },
        ),
        (
            {"tools": [{"type": "function", "function": {"name": "a", "description": "d"}}]},
            {
                "tools": [
                    {
                        "type": "function",
                        "name": "a",
                        "description": "d",
                        "parameters": {"type": "object", "properties": {}},
                        "strict": False,
                    }
                ]
            },
        ),
        (
            {
                "tools": [
                    {"type": "web_search"},
                    {
                        "type": "custom",
                        "custom": {
                            "name": "sh",
                            "format": {
                                "type": "grammar",
                                "grammar": {"syntax": "regex", "definition": "."},
                            },
                        },
                    },
                ]
            },
            {
                "tools": [
                    {"type": "web_search"},
                    {
                        "type": "custom",
                        "name": "sh",
                        "format": {"type": "grammar", "syntax": "regex", "definition": "."},
                    },
                ]
            },
        ),
        ({"stream_options": {"include_usage": True}}, {}),
        ({"previous_response_id": "resp_1", "store": True, "stop": ["x"]}, None),
    ],
)
def test_fields_have_their_names(fields: dict[str, Any], written: dict[str, Any] | None) -> None:
    assert fields_of(**fields) == (fields if written is None else written)


@pytest.mark.parametrize(
    ("fields", "include"),
    [
        ({"model": "gpt-5.2"}, ["reasoning.encrypted_content"]),
        ({"model": "openai/o4-mini"}, ["reasoning.encrypted_content"]),
        ({"model": "gpt-5-chat-latest"}, None),
        ({"model": "gpt-4o"}, None),
        ({"model": "qwen3"}, None),
        ({"model": "o3", "include": []}, []),
        ({"model": "o3", "previous_response_id": "resp_1"}, None),
        (
            {"model": "o3", "logprobs": True},
            ["message.output_text.logprobs", "reasoning.encrypted_content"],
        ),
    ],
)
def test_encrypted_reasoning_is_asked_of_models_that_have_it(
    fields: dict[str, Any], include: list[str] | None
) -> None:
    written = fields_of(**fields)
    assert written.get("include") == include
    assert "store" not in written


def test_what_is_merged_over_wins() -> None:
    written = sent([], {"max_tokens": 5}, extra={"max_output_tokens": 9, "x": 1}, stream=True)
    assert written == {"max_output_tokens": 9, "x": 1, "stream": True, "input": []}
    assert sent([{"role": "user", "content": "a"}], extra={"input": "b"}) == {"input": "b"}


def test_text_that_no_utf8_can_hold_is_escaped() -> None:
    written = sent([{"role": "user", "content": "\ud800"}], {"model": "\udfff"})
    assert (written["model"], written["input"][0]["content"]) == ("\udfff", "\ud800")


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(UsageError, match="not JSON"):
        sent([], {"temperature": float("nan")})


@given(
    st.dictionaries(
        st.sampled_from(["role", "content", "tool_calls", "items", "type", "refusal", "name"]),
        st.none()
        | st.sampled_from(["user", "assistant", "tool"])
        | st.lists(st.dictionaries(st.sampled_from(["type", "text", "custom"]), st.text())),
    )
)
def test_any_message_is_written(message: dict[str, Any]) -> None:
    assert isinstance(sent([message])["input"], list)

"""What is refused of a Messages request before it is sent (all requests are constructed)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentkit.dialects.messages.preflight import request_problems, signature_problems
from agentkit.dialects.messages.request import native_messages
from agentkit.read.response import read_response
from agentkit.trajectory.profiles import get_profile
from agentkit.types.problem import SEVERITIES

USER = {"role": "user", "content": "hi"}
THINKING = {"type": "thinking", "thinking": "hm", "signature": "c2ln"}
ENABLED: dict[str, Any] = {
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "max_tokens": 2048,
}


def text(value: Any) -> dict[str, Any]:
    return {"type": "text", "text": value}


def use(ident: Any = "a", **more: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": ident, "name": "f", "input": {}, **more}


def result(ident: Any = "a") -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": ident, "content": "1"}


def says(*blocks: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def answers(*blocks: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


def found(*messages: Any, profile: str = "generic", **fields: Any) -> list[tuple[str, str]]:
    """List the codes and pointers of what is refused."""
    body = {"max_tokens": 9, **fields}
    problems = request_problems(messages, body, get_profile(profile))
    return [(p.code, p.pointer) for p in problems]


@pytest.mark.parametrize(
    "history",
    [
        [USER],
        [
            USER,
            answers(THINKING, text("x"), use(), use("b")),
            says(result("b"), result(), text("?")),
        ],
        [USER, answers(use()), answers(use("b")), says(result()), says(result("b"))],
        [USER, answers(use()), says(result()), answers(use()), says(result())],
        [USER, answers(text("x")), says(text("y")), {"role": "system", "content": "late"}],
        [USER, answers({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}})],
        [USER, answers({"type": "redacted_thinking", "data": "eA=="}, text("x")), USER],
        [says({"type": "image", "source": {"type": "url", "url": "https://a/b"}})],
        [USER, answers(text("so far"))],
    ],
)
def test_what_anthropic_takes_is_no_problem(history: Any) -> None:
    assert found(*history) == []


@pytest.mark.parametrize(
    ("history", "code", "pointer"),
    [
        ([USER, answers(use())], "history_tool_result_missing", "/messages/1/content/0"),
        (
            [USER, answers(use()), says(text("x"))],
            "history_tool_result_missing",
            "/messages/1/content/0",
        ),
        (
            [says(result())],
            "history_orphan_tool_result",
            "/messages/0/content/0/tool_use_id",
        ),
        (
            [USER, answers(use()), says(result(), result())],
            "history_orphan_tool_result",
            "/messages/2/content/1/tool_use_id",
        ),
        (
            [USER, answers(use()), says(text("x"), result())],
            "history_role_order",
            "/messages/2/content/1",
        ),
        (
            [USER, answers(use(), use()), says(result())],
            "history_id_format",
            "/messages/1/content/1/id",
        ),
        ([answers(text("x")), USER], "history_role_order", "/messages/0/role"),
        (
            [{"role": "system", "content": "x"}, USER],
            "history_role_order",
            "/messages/0/role",
        ),
        ([USER, {"role": "tool", "content": "x"}], "history_role_order", "/messages/1/role"),
        ([], "history_role_order", "/messages"),
        ([says(text(" \n"))], "history_bad_content", "/messages/0/content/0"),
        ([says()], "history_bad_content", "/messages/0/content"),
        ([{"role": "user", "content": ""}], "history_bad_content", "/messages/0/content"),
        ([{"role": "user"}], "history_bad_content", "/messages/0/content"),
        ([says({"type": "image_url"})], "history_bad_content", "/messages/0/content/0"),
        ([says("x")], "history_bad_content", "/messages/0/content/0"),
        ([USER, answers(THINKING), USER], "history_bad_content", "/messages/1/content/0"),
        ([USER, answers(text("so far "))], "history_bad_content", "/messages/1/content"),
        (
            [says({"type": "image", "source": {"type": "base64", "media_type": "image/tiff"}})],
            "history_bad_content",
            "/messages/0/content/0/source/media_type",
        ),
        (
            [says({"type": "image", "source": "x"})],
            "history_bad_content",
            "/messages/0/content/0/source",
        ),
        (
            [USER, answers({**THINKING, "signature": ""}, text("x")), USER],
            "reasoning_unsigned",
            "/messages/1/content/0",
        ),
        (
            [USER, answers({**THINKING, "signature": 32 * "a"}, text("x")), USER],
            "reasoning_unsigned",
            "/messages/1/content/0",
        ),
        (
            [USER, answers(use(input="{}")), says(result())],
            "history_bad_arguments",
            "/messages/1/content/0/input",
        ),
        (
            [USER, answers(use(name="my.tool")), says(result())],
            "history_bad_name",
            "/messages/1/content/0/name",
        ),
    ],
)
def test_what_anthropic_refuses_is_found(history: Any, code: str, pointer: str) -> None:
    assert found(*history) == [(code, pointer)]


def test_an_id_of_another_form_is_found_on_both_sides() -> None:
    assert found(USER, answers(use("a:1")), says(result("a:1"))) == [
        ("history_id_format", "/messages/1/content/0/id"),
        ("history_id_format", "/messages/2/content/0/tool_use_id"),
    ]


def test_thinking_that_is_not_what_was_signed_is_found() -> None:
    other = {**THINKING, "thinking": "something else"}
    history = (USER, answers(other, text("x")), USER)
    problems = request_problems(history, {"max_tokens": 9}, get_profile("generic"), {"c2ln": "hm"})
    assert [p.code for p in problems] == ["reasoning_unsigned"]
    assert found(USER, answers(THINKING, text("x")), USER, answers(other, text("y")), USER) == [
        ("reasoning_unsigned", "/messages/3/content/0")
    ]


def test_an_answer_with_calls_begins_with_its_thinking_while_that_is_enabled() -> None:
    history = (USER, answers(use()), says(result()))
    assert found(*history, **ENABLED) == [("history_reasoning_missing", "/messages/1/content/0")]
    assert found(*history, thinking={"type": "adaptive"}) == []
    assert found(*history, answers(text("x")), USER, **ENABLED) == []
    assert found(USER, answers(THINKING, use()), says(result()), **ENABLED) == []


TOOL = {"name": "f", "input_schema": {"type": "object"}}


@pytest.mark.parametrize(
    ("fields", "code", "pointer"),
    [
        ({"max_tokens": None}, "bad_request", "/max_tokens"),
        ({"max_tokens": 0}, "bad_request", "/max_tokens"),
        (
            {"max_tokens": 9000, "thinking": {"type": "enabled", "budget_tokens": 9}},
            "bad_request",
            "/thinking/budget_tokens",
        ),
        ({**ENABLED, "max_tokens": 1024}, "bad_request", "/max_tokens"),
        (
            {**ENABLED, "tools": [TOOL], "tool_choice": {"type": "any"}},
            "tool_choice_unsupported",
            "/tool_choice",
        ),
        ({"tool_choice": {"type": "any"}}, "tool_choice_unsupported", "/tool_choice"),
        ({"tools": [TOOL], "tool_choice": "auto"}, "tool_choice_unsupported", "/tool_choice"),
        ({"tools": [{"name": "f"}]}, "schema_rejected", "/tools/0/input_schema"),
        ({"tools": [{**TOOL, "name": "a b"}]}, "history_bad_name", "/tools/0/name"),
    ],
)
def test_fields_that_are_refused_are_found(fields: dict[str, Any], code: str, pointer: str) -> None:
    assert found(USER, **fields) == [(code, pointer)]


def test_vllm_takes_odd_histories_and_no_blocks_that_it_does_not_know() -> None:
    odd = (says(result("a:1"), text("")), answers(use("x"), {**THINKING, "signature": ""}))
    assert found(*odd, profile="vllm") == []
    assert found(says({"type": "document", "source": {}}), profile="vllm") == [
        ("history_bad_content", "/messages/0/content/0")
    ]
    server = {"type": "web_search_20250305", "name": "web_search"}
    assert found(USER, profile="vllm", tools=[server]) == [
        ("schema_rejected", "/tools/0/input_schema")
    ]
    assert found(USER, tools=[server]) == []


@pytest.mark.parametrize(
    ("signature", "count"), [(32 * "a", 1), ("", 1), (None, 1), ("c2lnbmVk" * 40, 0)]
)
def test_a_signature_that_cannot_be_one_is_told(signature: Any, count: int) -> None:
    blocks = [{**THINKING, "signature": signature}, text("x")]
    read = read_response({"type": "message", "content": blocks, "stop_reason": "end_turn"})
    assert [p.code for p in signature_problems(read)] == count * ["reasoning_unsigned"]


def test_what_is_written_from_a_chat_history_is_taken() -> None:
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{bad"}}
    system, messages = native_messages(
        [
            {"role": "system", "content": "Be brief."},
            USER,
            {"role": "assistant", "content": "\n\n", "tool_calls": [call, {**call, "id": "b"}]},
            {"role": "tool", "tool_call_id": "a", "content": ""},
            {"role": "user", "content": "?"},
            {"role": "tool", "tool_call_id": "b", "content": "2"},
            {"role": "assistant", "content": ""},
            USER,
        ]
    )
    assert (system, found(*messages)) == ("Be brief.", [])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
KINDS = ["text", "tool_use", "tool_result", "thinking", "image", "of_tomorrow"]
BLOCK = JSON | st.fixed_dictionaries(
    {"type": st.sampled_from(KINDS)},
    optional=dict.fromkeys(["id", "tool_use_id", "text", "source", "signature", "input"], JSON),
)
MESSAGE = JSON | st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "system"]), "content": st.lists(BLOCK) | JSON}
)


@settings(max_examples=150)
@given(st.lists(MESSAGE, max_size=5), st.sampled_from(["generic", "vllm"]), JSON)
def test_no_request_makes_the_check_fail(messages: Any, profile: str, odd: Any) -> None:
    fields = dict.fromkeys(["thinking", "tools", "tool_choice", "max_tokens"], odd)
    for problem in request_problems(messages, fields, get_profile(profile)):
        assert problem.code in SEVERITIES

"""What OpenAI and others refuse of input items is found before it is sent. The items are
constructed; the wordings are those of servers.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit.dialects.responses.preflight import input_problems
from agentkit.trajectory.profiles import get_profile
from tests.dialects.responses.constructed import call, text

USER = {"role": "user", "content": "add"}
SEALED = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAA-_="}
OUTPUT = {"type": "function_call_output", "call_id": "call_1", "output": "3"}
GOOD = [USER, SEALED, call(), OUTPUT, text("3")]


def found(
    items: list[Any], profile: str = "openai", chained: bool = False
) -> list[tuple[str, str]]:
    """List codes and pointers."""
    problems = input_problems(items, get_profile(profile), chained=chained)
    return [(p.code, p.pointer) for p in problems]


@pytest.mark.parametrize("profile", ["openai", "generic", "deepseek"])
def test_a_good_history_passes(profile: str) -> None:
    assert found(GOOD, profile) == []


REFUSED: dict[str, tuple[list[Any], list[tuple[str, str]]]] = {
    "No tool call found for function call output": (
        [USER, OUTPUT],
        [("history_orphan_tool_result", "/input/1")],
    ),
    "No tool output found for function call": (
        [USER, call()],
        [("history_tool_result_missing", "/input/1")],
    ),
    "two results": (
        [USER, call(), OUTPUT, OUTPUT],
        [("history_orphan_tool_result", "/input/3")],
    ),
    "a result before its call": (
        [USER, OUTPUT, call()],
        [("history_orphan_tool_result", "/input/1"), ("history_tool_result_missing", "/input/2")],
    ),
    "a result of another kind": (
        [
            {"type": "custom_tool_call", "call_id": "call_1", "name": "sh", "input": ""},
            OUTPUT,
        ],
        [("history_orphan_tool_result", "/input/1/type")],
    ),
    "of type 'reasoning' was provided without its required following item (end)": (
        [USER, SEALED],
        [("history_role_order", "/input/1")],
    ),
    "without its required following item (reversed)": (
        [USER, call(), SEALED, OUTPUT],
        [("history_role_order", "/input/2")],
    ),
    "without its required following item (a message without its id)": (
        [USER, SEALED, {"role": "assistant", "content": "42"}, USER],
        [("history_role_order", "/input/1")],
    ),
    "Duplicate item found with id": (
        [USER, text("a"), text("a")],
        [("history_id_format", "/input/2/id")],
    ),
    "Expected an ID that begins with 'fc'": (
        [{**call(), "id": "call_1"}, OUTPUT],
        [("history_id_format", "/input/0/id")],
    ),
    "string too long": (
        [{**call(), "call_id": "c" * 65}, {**OUTPUT, "call_id": "c" * 65}],
        [("history_id_format", "/input/0/call_id")],
    ),
    "no call_id": (
        [{**call(), "call_id": None}, {**OUTPUT, "call_id": None}],
        [("history_id_format", "/input/0/call_id")],
    ),
    "a name with a dot": (
        [call("my.tool"), OUTPUT],
        [("history_bad_name", "/input/0/name")],
    ),
    "no name": ([{**call(), "name": ""}, OUTPUT], [("history_bad_name", "/input/0/name")]),
    "arguments as an object": (
        [{**call(), "arguments": {}}, OUTPUT],
        [("history_bad_arguments", "/input/0/arguments")],
    ),
    "The encrypted content could not be verified": (
        [{**SEALED, "encrypted_content": "gAA [redacted]"}, text("a")],
        [("reasoning_unsigned", "/input/0/encrypted_content")],
    ),
    "reasoning without a summary": (
        [{"type": "reasoning", "id": "rs_1"}, text("a")],
        [("history_bad_content", "/input/0/summary")],
    ),
    "Invalid value: 'input_text'. Supported values are: 'output_text' and 'refusal'": (
        [{"role": "assistant", "content": [{"type": "input_text", "text": "a"}]}],
        [("history_bad_content", "/input/0/content/0")],
    ),
    "Invalid value: 'text'": (
        [{"role": "user", "content": [{"type": "text", "text": "a"}]}],
        [("history_bad_content", "/input/0/content/0")],
    ),
    "Invalid value: 'tool'": (
        [{"role": "tool", "content": "a"}],
        [("history_role_order", "/input/0/role")],
    ),
    "no content": ([{"role": "user"}], [("history_bad_content", "/input/0/content")]),
    "no output": (
        [call(), {**OUTPUT, "output": None}],
        [("history_bad_content", "/input/1/output")],
    ),
    "a computer call without a picture": (
        [
            {"type": "computer_call", "call_id": "c", "action": {}},
            {"type": "computer_call_output", "call_id": "c", "output": "clicked"},
        ],
        [("history_bad_content", "/input/1/output")],
    ),
    "half a surrogate pair": (
        [{"role": "user", "content": "\ud83d"}],
        [("history_bad_content", "/input/0")],
    ),
    "no object": (["hi"], [("history_bad_content", "/input/0")]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_found(name: str) -> None:
    items, problems = REFUSED[name]
    assert found(items) == problems


def test_a_result_may_be_of_a_call_that_the_server_keeps() -> None:
    assert found([OUTPUT], chained=True) == []


def test_a_search_of_tools_takes_either_result() -> None:
    search = {"type": "tool_search_call", "call_id": "call_1", "execution": "client"}
    output = {"type": "tool_search_output", "call_id": "call_1", "execution": "client"}
    assert found([search, OUTPUT]) == found([search, output]) == []


def test_servers_differ() -> None:
    between = [call(), text("now the other"), call(number=2), OUTPUT]
    between.append({**OUTPUT, "call_id": "call_2"})
    assert found(between, "deepseek") == [("history_tool_result_missing", "/input/1")]
    assert found(between) == []
    assert found([USER, SEALED], "vllm") == [("history_bad_content", "/input/1/encrypted_content")]
    assert found([{**call(), "id": "uuid-1"}, OUTPUT], "deepseek") == []


VLLM: list[tuple[list[Any], str]] = [
    ([{"type": "web_search_call", "id": "ws_1"}], "/input/0/type"),
    (
        [{**text("a"), "content": [{"type": "refusal", "refusal": "no"}]}],
        "/input/0/content",
    ),
    (
        [{"role": "assistant", "content": [{"type": "output_text", "text": "a"}]}],
        "/input/0",
    ),
]


@pytest.mark.parametrize(("items", "pointer"), VLLM)
def test_what_vllm_refuses_is_found(items: list[Any], pointer: str) -> None:
    assert found(items, "vllm") == [("history_bad_content", pointer)]
    assert found(items) == []


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["type", "role", "id", "call_id", "content", "output", "summary"]),
            st.none()
            | st.sampled_from(["message", "reasoning", "function_call", "function_call_output"])
            | st.lists(st.none() | st.dictionaries(st.just("type"), st.none() | st.text()))
            | st.integers(),
        )
        | st.none(),
        max_size=5,
    )
)
def test_any_items_are_checked(items: list[Any]) -> None:
    for profile in ("openai", "vllm", "deepseek"):
        found(items, profile)

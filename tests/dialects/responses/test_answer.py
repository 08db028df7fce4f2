"""Responses bodies: every item of the newest `openai` package has its place, an unknown one is kept,
and nothing raises. The bodies are constructed.
"""

from __future__ import annotations

import json
from typing import Any, get_args

import openai.types.responses as sdk
import pytest
from hypothesis import given
from hypothesis import strategies as st

import agentkit as ak
from agentkit.dialects.responses import answer
from agentkit.dialects.responses.items import item_kinds
from tests.dialects.responses.constructed import body, text

TYPES = {
    get_args(kind.model_fields["type"].annotation)[0]
    for kind in get_args(get_args(sdk.ResponseOutputItem)[0])
}
"""The types of output items that the package knows."""
CALLS: list[tuple[dict[str, Any], str, dict[str, Any]]] = [
    ({"type": "computer_call", "action": {"type": "click", "x": 1}}, "computer", {"x": 1}),
    ({"type": "computer_call", "actions": [{"type": "wait"}]}, "computer", {}),
    ({"type": "shell_call", "action": {"commands": ["ls"]}}, "shell", {"commands": ["ls"]}),
    ({"type": "local_shell_call", "action": {"command": ["ls"]}}, "local_shell", {}),
    ({"type": "apply_patch_call", "operation": {"path": "a.py"}}, "apply_patch", {"path": "a.py"}),
    (
        {"type": "tool_search_call", "execution": "client", "arguments": {"goal": "pay"}},
        "tool_search",
        {"goal": "pay"},
    ),
    ({"type": "mcp_approval_request", "name": "pay", "arguments": '{"a": 1}'}, "pay", {"a": 1}),
]
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "id",
                    "call_id",
                    "content",
                    "text",
                    "summary",
                    "arguments",
                    "input",
                    "action",
                    "name",
                    "output",
                    "logprobs",
                    "top_logprobs",
                    "token",
                    "encrypted_content",
                    "execution",
                    "status",
                    "usage",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


def test_every_item_of_the_package_is_known() -> None:
    for kind in TYPES - {"message", "reasoning"}:
        read = ak.read_response(body({"type": kind, "id": "x_1", "name": "n"}))
        assert "item_unknown" not in {p.code for p in read.problems}, kind
        calls = [call for call in read.tool_calls if call.origin == f"responses:{kind}"]
        assert len(calls) + len(read.server_steps) == 1, kind


@pytest.mark.parametrize(("item", "name", "arguments"), CALLS)
def test_a_call_for_the_client_has_its_action_as_arguments(
    item: dict[str, Any], name: str, arguments: dict[str, Any]
) -> None:
    (call,) = ak.read_response(body({"id": "i_1", "call_id": "call_1", **item})).tool_calls
    assert (call.name, call.item_id, call.status) == (name, "i_1", "ok")
    assert call.id == ("i_1" if "approval" in item["type"] else "call_1")
    assert arguments.items() <= (call.arguments or {}).items()


def test_what_the_server_does_itself_is_a_step_with_what_came_of_it() -> None:
    items = [
        {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"query": "q"}},
        {"type": "mcp_call", "id": "mcp_1", "name": "ask", "output": "42", "arguments": "{}"},
        {"type": "tool_search_call", "id": "ts_1", "execution": "server", "arguments": {}},
        {
            "type": "shell_call",
            "call_id": "c",
            "environment": {"type": "container_reference", "container_id": "k"},
            "action": {"commands": ["ls"]},
        },
    ]
    read = ak.read_response(body(*items))
    found = [(step.name, step.id, step.status) for step in read.server_steps]
    assert found == [
        ("web_search", "ws_1", "completed"),
        ("ask", "mcp_1", None),
        ("tool_search", "ts_1", None),
        ("shell", "c", None),
    ]
    assert [step.raw for step in read.server_steps] == items
    assert not read.tool_calls


def test_an_unknown_item_or_part_is_kept_and_named() -> None:
    part = {"type": "hologram", "data": "…"}
    items = [{"type": "dance", "id": "d_1"}, {**text("a"), "content": [part]}, 7]
    read = ak.read_response(body(*items))
    assert [p.code for p in read.problems if p.code == "item_unknown"] == ["item_unknown"] * 3
    assert [p.pointer for p in read.problems if p.code == "item_unknown"] == [
        "/output/0/type",
        "/output/1/content/0",
        "/output/2",
    ]
    assert [step.kind for step in read.server_steps] == ["dance", "unknown"]
    assert list(read.items) == items


def test_texts_are_joined_as_the_package_does() -> None:
    data = body(text("One", " two"), {"type": "reasoning", "summary": []}, text(" three"))
    for item in data["output"]:
        item.setdefault("id", "i")
        item.setdefault("status", "completed")
    data |= {"created_at": 1, "parallel_tool_calls": True, "tool_choice": "auto", "tools": []}
    assert ak.read_response(data).content == sdk.Response.model_validate(data).output_text


def test_an_object_of_the_package_is_read_as_its_dict() -> None:
    data = body(
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}]},
        {**text("Hi"), "status": "completed", "phase": "commentary"},
        {"type": "function_call", "id": "f", "call_id": "c", "name": "add", "arguments": "{}"},
        usage={"input_tokens": 5, "output_tokens": 2, "total_tokens": 7},
    )
    for whole in (sdk.Response.construct(**data), {**data, "output": list(data["output"])}):
        read = ak.read_response(whole)
        assert (read.content, read.reasoning) == ("Hi", "hm")
        assert [(c.id, c.item_id, c.name) for c in read.tool_calls] == [("c", "f", "add")]
        assert read.usage is not None
        assert read.usage.input_tokens == 5
        assert not read.problems


def test_reasoning_has_summary_text_and_what_is_encrypted() -> None:
    item = {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": "in short"}],
        "content": [{"type": "reasoning_text", "text": "at length"}],
        "encrypted_content": "gAAA",
    }
    read = ak.read_response(body(item, text("ok")))
    assert [(b.kind, b.text) for b in read.reasoning_blocks] == [
        ("summary", "in short"),
        ("text", "at length"),
        ("encrypted", ""),
    ]
    assert read.reasoning_blocks[-1].raw == item


@pytest.mark.parametrize(
    ("fields", "finish", "code"),
    [
        ({}, "completed", None),
        ({"status": "incomplete"}, "incomplete", "generation_aborted"),
        (
            {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
            "max_output_tokens",
            "finish_length",
        ),
        (
            {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}},
            "content_filter",
            "finish_content_filter",
        ),
        ({"status": "cancelled"}, "cancelled", "generation_aborted"),
        ({"status": 3}, None, None),
    ],
)
def test_the_finish_is_the_status_or_why_it_is_incomplete(
    fields: dict[str, Any], finish: str | None, code: str | None
) -> None:
    read = ak.read_response(body(text("a"), **fields))
    assert read.finish_reason == finish
    assert code is None or code in {p.code for p in read.problems}


def test_tokens_are_counted_and_their_likelihoods_read() -> None:
    item = text("Hi")
    top = [{"token": "Hi", "logprob": -0.5}, {"token": "Ho", "logprob": -2}]
    item["content"][0]["logprobs"] = [{"token": "Hi", "logprob": -0.5, "top_logprobs": top}, 3]
    usage = {
        "input_tokens": 90,
        "input_tokens_details": {"cached_tokens": 64},
        "output_tokens": 7,
        "output_tokens_details": {"reasoning_tokens": 5},
        "total_tokens": 97,
    }
    copies = {"output_messages": [{"message": "Hi", "tokens": [5, 6], "type": "raw"}]}
    read = ak.read_response(body(item, usage=usage, **copies))
    assert read.usage is not None
    assert (read.usage.cached_tokens, read.usage.reasoning_tokens) == (64, 5)
    assert read.usage.total_tokens == 97
    assert [(t.token, t.logprob, t.top) for t in read.logprobs] == [
        ("Hi", -0.5, (("Hi", -0.5), ("Ho", -2.0)))
    ]
    assert list(read.token_ids) == [5, 6]


@given(st.lists(ANY_JSON, max_size=4), ANY_JSON, ANY_JSON)
def test_any_body_is_read_and_keeps_its_items(items: list[Any], more: Any, usage: Any) -> None:
    kinds = [*sorted(TYPES), "message"]
    typed = [
        {**item, "type": kinds[len(str(item)) % len(kinds)]} if isinstance(item, dict) else item
        for item in items
    ]
    for output in (items, typed, more):
        data = {"object": "response", "output": output, "usage": usage, "incomplete_details": more}
        parts = answer.read(data)
        assert list(parts.items) == (output if isinstance(output, list) else [])
        ak.read_response(json.dumps(data))


def test_kinds_are_told_apart() -> None:
    assert not item_kinds.STEPS & {"function_call", "message", "reasoning", "custom_tool_call"}


def test_counts_under_the_names_of_chat_completions_are_read() -> None:
    details = {"completion_tokens_details": {"reasoning_tokens": 1}}
    counts = {"prompt_tokens": 7, "completion_tokens": 2, **details}
    usage = answer.read_usage(counts)
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens, usage.reasoning_tokens) == (7, 2, 1)

"""A Responses answer written back: into the history as it came but for what a person has changed,
and as the body and the events of a server, which are read as the answer itself.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from openai.types.responses import Response as SdkResponse

import agentkit as ak
from agentkit.dialects.responses.answer_out import body_out, items
from agentkit.dialects.responses.events_out import events_out
from agentkit.trajectory import history
from agentkit.trajectory.person.by_hand import rewritten
from agentkit.trajectory.profiles import profile_of
from agentkit.types.answer import Response
from agentkit.types.request import Spec
from agentkit.types.trajectory import ToolResult
from tests.dialects.responses.constructed import BODIES, body, call, stream, text

REASONING = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAAB"}
CUSTOM = {
    "type": "custom_tool_call",
    "id": "ctc_2",
    "call_id": "call_2",
    "name": "sh",
    "input": "ls",
}
SHELL = {
    "type": "shell_call",
    "id": "sh_3",
    "call_id": "call_3",
    "action": {"commands": ["ls"]},
    "status": "completed",
}
ALL = body(REASONING, text("I add."), call(), CUSTOM, SHELL)


@given(BODIES)
def test_what_is_written_is_read_as_the_answer(data: dict[str, Any]) -> None:
    read = ak.read_response(data)
    assert items(read) == data["output"]
    block = ak.read_response(json.loads(json.dumps(body_out(read))))
    streamed = ak.read_stream(stream(events_out(read)))
    assert block == read
    assert block.items == read.items
    quiet = {"error_in_200", "stream_error_event"}
    for other in (block, streamed):
        assert other.items == read.items
        assert other.finish_reason == read.finish_reason
        assert (other.content, other.reasoning) == (read.content, read.reasoning)
        assert other.tool_calls == read.tool_calls
        codes = [sorted({p.code for p in r.all_problems} - quiet) for r in (other, read)]
        assert codes[0] == codes[1]


def test_an_answer_that_never_ended_has_no_end() -> None:
    read = ak.read_response({**ALL, "status": None})
    events = events_out(read)
    assert events[-1]["type"] == "response.output_item.done"
    assert "stream_no_finish" in {p.code for p in ak.read_stream(stream(events)).problems}


def test_events_are_those_of_the_package_in_its_order() -> None:
    names = [event["type"].removeprefix("response.") for event in events_out(ak.read_response(ALL))]
    assert list(dict.fromkeys(names)) == [
        "created",
        "in_progress",
        "output_item.added",
        "output_item.done",
        "content_part.added",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "custom_tool_call_input.delta",
        "custom_tool_call_input.done",
        "completed",
    ]


def test_the_package_takes_the_body() -> None:
    for read in (ak.read_response(ALL), ak.read_response(_CHAT)):
        parsed = SdkResponse.model_validate(body_out(read))
        assert parsed.output_text == read.content


def _changed(read: Response, position: int, **arguments: Any) -> Response:
    calls = list(read.tool_calls)
    calls[position] = rewritten(calls[position], arguments)
    return replace(read, tool_calls=tuple(calls))


@pytest.mark.parametrize(
    ("position", "arguments", "place", "fields"),
    [
        (0, {"a": 2}, 2, {"arguments": '{"a": 2}'}),
        (1, {"input": "pwd"}, 3, {"input": "pwd"}),
        (2, {"commands": ["pwd"]}, 4, {"action": {"commands": ["pwd"]}}),
    ],
)
def test_changed_arguments_change_their_item_alone(
    position: int, arguments: dict[str, Any], place: int, fields: dict[str, Any]
) -> None:
    written = items(_changed(ak.read_response(ALL), position, **arguments))
    expected = list(ALL["output"])
    expected[place] = {**expected[place], **fields}
    assert written == expected


def test_a_dropped_call_is_left_out() -> None:
    read = ak.read_response(ALL)
    written = items(replace(read, tool_calls=read.tool_calls[1:]))
    assert written == [item for item in ALL["output"] if item["type"] != "function_call"]


def test_a_call_without_an_id_gets_that_of_its_result() -> None:
    made = [{**call(), "call_id": None}, {**call(number=2), "call_id": "call_3"}, SHELL]
    read = ak.read_response(body(*made), turn=4)
    ids = [entry.id for entry in read.tool_calls]
    assert [item["call_id"] for item in items(read)] == ids
    assert len(set(ids)) == 3


def test_arguments_that_are_no_text_go_back_as_text() -> None:
    made = {**call(), "arguments": {"a": 1}}
    (written,) = items(ak.read_response(body(made)))
    assert written == {**made, "arguments": '{"a": 1}'}


def test_broken_arguments_go_back_as_they_came() -> None:
    made = call(arguments='{"a": ')
    assert items(ak.read_response(body(made))) == [made]


def test_calls_that_came_wrapped_go_back_one_by_one() -> None:
    uses = [{"recipient_name": f"functions.{n}", "parameters": {"x": 1}} for n in ("a", "b")]
    made = call("multi_tool_use.parallel", json.dumps({"tool_uses": uses}))
    read = ak.read_response(body(made, call(number=2)), tools=["a", "b", "add"])
    written = items(read)
    assert [item["call_id"] for item in written] == [entry.id for entry in read.tool_calls]
    assert [item["name"] for item in written] == ["a", "b", "add"]
    assert written[-1] == call(number=2)


def test_an_adopted_call_leaves_the_text_and_becomes_an_item() -> None:
    said = 'I look.\n<tool_call>\n{"name": "add", "arguments": {"a": 1}}\n</tool_call>'
    read = ak.read_response(body(REASONING, text(said)), parser="hermes")
    first, message, made = items(read)
    assert first == REASONING
    assert message["content"][0]["text"] == "I look."
    assert (made["type"], made["call_id"]) == ("function_call", read.tool_calls[0].id)
    only = ak.read_response(body(text(said.removeprefix("I look.\n"))), parser="hermes")
    assert [item["type"] for item in items(only)] == ["function_call"]


def test_a_text_written_anew_takes_the_place_of_the_old() -> None:
    read = ak.read_response(body(REASONING, text("old", " text"), text("more", label="msg_2")))
    written = items(replace(read, wire_content="new", content="new"))
    assert written[0] == REASONING
    assert [part["text"] for part in written[1]["content"]] == ["new"]
    assert written[1]["id"] == "msg_1"
    assert len(written) == 2


_CHAT = {
    "id": "chatcmpl-7",
    "model": "m",
    "choices": [
        {
            "finish_reason": "tool_calls",
            "message": {
                "role": "assistant",
                "content": "Hi",
                "reasoning_content": "hm",
                "tool_calls": [
                    {
                        "id": "call_1",
                        "type": "function",
                        "function": {"name": "add", "arguments": "{}"},
                    },
                    {"id": "call_2", "type": "custom", "custom": {"name": "sh", "input": "ls"}},
                ],
            },
        }
    ],
    "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
}


def test_a_chat_answer_becomes_a_message_and_calls() -> None:
    read = ak.read_response(_CHAT)
    assert items(read) == [
        {"role": "assistant", "content": "Hi"},
        {"type": "function_call", "call_id": "call_1", "name": "add", "arguments": "{}"},
        {"type": "custom_tool_call", "call_id": "call_2", "name": "sh", "input": "ls"},
    ]
    written = body_out(read)
    again = ak.read_stream(stream(events_out(read)))
    assert [item["type"] for item in written["output"]] == [
        *("reasoning", "message", "function_call", "custom_tool_call"),
    ]
    labels = [item["id"] for item in written["output"]]
    assert len(set(labels)) == 4
    assert (again.content, again.reasoning) == ("Hi", "hm")
    assert [c.id for c in again.tool_calls] == ["call_1", "call_2"]
    assert again.usage is not None
    assert again.usage.total_tokens == 7
    assert not again.all_problems


@pytest.mark.parametrize(
    ("word", "status", "reason"),
    [
        ("stop", "completed", None),
        ("length", "incomplete", "max_output_tokens"),
        ("content_filter", "incomplete", "content_filter"),
        ("abort", "failed", None),
    ],
)
def test_the_end_of_a_chat_answer_becomes_a_status(
    word: str, status: str, reason: str | None
) -> None:
    choice = {"finish_reason": word, "message": {"role": "assistant", "content": "Hi"}}
    written = body_out(ak.read_response({"choices": [choice]}))
    assert written["status"] == status
    assert (written["incomplete_details"] or {}).get("reason") == reason


def test_a_result_names_its_call_whatever_the_server_wants_of_chat_messages() -> None:
    made = {**call(), "call_id": f"resp_{'x' * 60}:call_0"}
    read = ak.read_response(body(made))
    profile = profile_of(Spec(model="gpt-5", dialect="responses", profile="openai"))
    result = ToolResult(call_id=read.tool_calls[0].id, name="add", status="ok", content="3")
    message = history.tool_message(read.tool_calls[0], result, profile)
    assert message["tool_call_id"] == items(read)[0]["call_id"]


def test_ids_never_collide() -> None:
    bare = [{k: v for k, v in text("a").items() if k != "id"} for _ in range(2)]
    taken = body_out(ak.read_response(body(*bare)))["output"][1]["id"]
    made = body_out(ak.read_response(body({**text("a"), "id": taken}, bare[0])))["output"]
    assert len({item["id"] for item in made}) == 2

"""Histories that are not whole, or not what they were: named by an id, cut, changed, or text
(constructed requests, see `foreign_agent`).
"""

from __future__ import annotations

import json

from tests.trajectory.stitch.foreign_agent import (
    SYSTEM,
    TOOL,
    TRANSFER,
    USER,
    Json,
    assistant,
    call,
    result,
    user,
    wire,
)

# ids instead of a history


def test_a_chain_of_responses_is_rebuilt() -> None:
    tap = wire()
    item = {
        "type": "function_call",
        "id": "fc",
        "call_id": "a",
        "name": "get_weather",
        "arguments": '{"city": "Paris"}',
    }
    body: Json = {"model": "m", "tools": [], "input": [{"role": "user", "content": "Weather?"}]}
    tap.answer(
        tap.send("/v1/responses", body),
        json.dumps({"id": "resp_1", "object": "response", "status": "completed", "output": [item]}),
    )
    new = {
        **body,
        "previous_response_id": "resp_1",
        "input": [
            {"type": "function_call_output", "call_id": "a", "output": "21"},
            {"role": "user", "content": "In short."},
        ],
    }
    said = {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "output_text", "text": "21."}],
    }
    tap.answer(
        tap.send("/v1/responses", new),
        json.dumps({"id": "resp_2", "object": "response", "status": "completed", "output": [said]}),
    )
    assert (tap.link(1).previous, tap.link(1).ground) == (0, "id")
    (rollout,) = tap.stitcher.rollouts
    assert rollout.turns[0].tool_results[0].content == "21"
    assert [m["role"] for m in rollout.messages] == [
        "user",
        "assistant",
        "tool",
        "user",
        "assistant",
    ]
    request = rollout.turns[1].request
    assert request is not None
    assert request.body["previous_response_id"] == "resp_1"


def test_a_thread_of_messages_is_rebuilt() -> None:
    tap = wire()
    use = {"type": "tool_use", "id": "t", "name": "get_weather", "input": {"city": "Paris"}}
    body: Json = {
        "model": "m",
        "max_tokens": 9,
        "tools": [],
        "thread": {"type": "create"},
        "messages": [USER],
    }
    tap.answer(
        tap.send("/v1/messages", body),
        json.dumps(
            {
                "id": "msg_1",
                "type": "message",
                "role": "assistant",
                "content": [use],
                "stop_reason": "tool_use",
            }
        ),
    )
    new: Json = {
        "model": "m",
        "max_tokens": 9,
        "thread": {"type": "continue", "previous_message_id": "msg_1"},
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "t", "content": "21", "is_error": True}
                ],
            }
        ],
    }
    second = tap.send("/v1/messages", new)
    assert tap.link(second).previous == 0
    (rollout,) = tap.stitcher.rollouts
    assert [m["role"] for m in rollout.messages] == ["user", "assistant", "tool"]
    assert rollout.turns[0].tool_results[0].status == "error"


def test_a_conversation_holds_its_requests_together() -> None:
    tap = wire()
    said = {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "output_text", "text": "Hello."}],
    }
    for text in ("Hello", "More"):
        body = {"model": "m", "conversation": {"id": "conv_1"}, "input": text}
        tap.answer(
            tap.send("/v1/responses", body),
            json.dumps(
                {"id": f"r{text}", "object": "response", "status": "completed", "output": [said]}
            ),
        )
    assert tap.link(1).previous == 0
    assert len(tap.stitcher.rollouts) == 1


# histories that are not what they were


def test_a_window_goes_on_with_less() -> None:
    tap = wire()
    tap.ask([SYSTEM, USER], assistant(call("a")))
    full = [SYSTEM, USER, assistant(call("a")), result("a")]
    tap.ask(full, assistant(call("b")))
    cut = tap.ask([SYSTEM, USER, assistant(call("b")), result("b")], assistant(content="21"))
    assert (tap.link(cut).relation, tap.link(cut).previous) == ("compaction", 1)
    (rollout,) = tap.stitcher.rollouts
    assert [p.code for p in rollout.turns[2].problems] == ["history_shortened"]
    request = rollout.turns[2].request
    assert request is not None
    assert [m["role"] for m in request.messages] == [
        "system",
        "user",
        "assistant",
        "tool",
    ]


def test_a_summary_goes_on_with_less() -> None:
    tap = wire()
    tap.ask([SYSTEM, USER], assistant(call("a")))
    tap.ask([SYSTEM, USER, assistant(call("a")), result("a")], assistant(call("b")))
    told = user("A summary: it was asked for the weather.")
    cut = tap.ask([SYSTEM, told, assistant(call("b")), result("b")])
    assert tap.link(cut).relation == "compaction"


def test_results_that_were_cleared_are_told() -> None:
    tap = wire()
    tap.ask([SYSTEM, USER], assistant(call("a")))
    tap.ask([SYSTEM, USER, assistant(call("a")), result("a")], assistant(call("b")))
    cleared = [
        SYSTEM,
        USER,
        assistant(call("a")),
        result("a", "[cleared]"),
        assistant(call("b")),
        result("b"),
    ]
    number = tap.ask(cleared, assistant(content="21"))
    assert (tap.link(number).relation, tap.link(number).previous) == ("continue", 1)
    (rollout,) = tap.stitcher.rollouts
    assert [p.code for p in rollout.turns[2].problems] == ["history_changed"]
    assert rollout.turns[2].kept == 3
    request = rollout.turns[2].request
    assert request is not None
    assert request.messages[3]["content"] == "[cleared]"


def test_a_handoff_and_a_clock_change_the_system_alone() -> None:
    tap = wire()
    tap.ask([SYSTEM, USER], assistant(call("a", "{}", "transfer")), tools=[TRANSFER])
    other = {"role": "system", "content": "You know the weather. It is 12:01."}
    answer = result("a", '{"assistant": "weather"}')
    tap.ask([other, USER, assistant(call("a", "{}", "transfer")), answer], assistant(call("b")))
    (rollout,) = tap.stitcher.rollouts
    assert tap.link(1).relation == "continue"
    request = rollout.request(1)
    assert request.messages[0] == other
    assert request.body["tools"] == [TOOL]
    assert not rollout.problems  # the new tools are known


def test_calls_that_are_written_as_text() -> None:
    tap = wire()
    tap.ask([SYSTEM, USER], assistant(call("a")))
    text = "Calling tools:\n[{'id': 'a', 'type': 'function', 'function': {'name': 'get_weather'}}]"
    history = [SYSTEM, USER, assistant(content=text), user("Observation:\n21")]
    tap.ask(history, assistant(content="21"))
    assert (tap.link(1).previous, tap.link(1).ground) == (0, "id")
    (rollout,) = tap.stitcher.rollouts
    assert rollout.turns[0].tool_results[0].content == "Observation:\n21"
    assert [p.code for p in rollout.problems] == []


def test_a_text_that_the_agent_wrote_more_behind() -> None:
    tap = wire()
    tap.ask([SYSTEM, USER], assistant(content="Thought: I look."), tools=None)
    longer = assistant(content="Thought: I look.\nCalling tools:\n[{'id': 'call_1'}]")
    tap.ask([SYSTEM, USER, longer, user("Observation:\n21")], tools=None)
    assert tap.link(1).previous == 0


FORM = (
    "[[ ## question ## ]]\nWeather in {city}, please?\n\n[[ ## trajectory ## ]]\n{done}\nRespond."
)


def test_one_text_that_grows() -> None:
    tap = wire()
    said = "[[ ## thought ## ]]\nthink\n\n[[ ## tool ## ]]\nget_weather\n\n[[ ## completed ## ]]\n"
    for city in ("Paris", "Oslo"):
        tap.ask([user(FORM.format(city=city, done=""))], assistant(content=said), tools=None)
    done = "[[ ## thought_0 ## ]]\nthink\n\n[[ ## tool_0 ## ]]\nget_weather\n21\n"
    grown = tap.ask([user(FORM.format(city="Oslo", done=done))], tools=None)
    assert (tap.link(grown).previous, tap.link(grown).ground) == (1, "likeness")
    other = tap.ask([user(FORM.format(city="Rome", done=""))], tools=None)
    assert tap.link(other).relation == "start"

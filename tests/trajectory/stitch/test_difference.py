"""What differs between two requests is said in words, and how they are written makes no difference
(constructed bodies of the three dialects).
"""

from __future__ import annotations

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from agentkit.trajectory.stitch.difference import closest, differences
from agentkit.trajectory.stitch.units import units

TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": {}}}
ASKED = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Weather in Paris?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "c1", "function": {"name": "get_weather", "arguments": '{"city":  "Paris"}'}}
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "21"},
    ],
    "tools": [TOOL],
    "temperature": 0,
}


def changed(place: int, **fields: Any) -> dict[str, Any]:
    messages = [dict(message) for message in ASKED["messages"]]  # type: ignore[attr-defined]
    messages[place].update(fields)
    return {**ASKED, "messages": messages}


def test_a_result_that_differs_is_shown() -> None:
    assert differences(ASKED, changed(3, content="22")) == [
        "message 3 (result): '22' in place of '21', from character 1"
    ]


def test_everything_beside_the_messages_is_compared() -> None:
    other = {**changed(0, content="Be long."), "model": "n", "tools": [], "top_p": 1}
    del other["temperature"]
    assert differences(ASKED, other) == [
        "the model is 'n' in place of 'm'",
        "the system text: 'Be long.' in place of 'Be brief.', from character 3",
        "tools that are gone: get_weather",
        "`temperature` is not asked for (it was 0)",
        "`top_p` is asked for: 1",
    ]


def test_messages_behind_are_counted() -> None:
    shorter = {**ASKED, "messages": ASKED["messages"][:2]}  # type: ignore[index]
    assert differences(ASKED, shorter) == ["2 messages fewer"]
    assert differences(shorter, ASKED) == ["2 messages more"]


def test_a_call_says_which_of_its_members_differs() -> None:
    call = {"id": "c1", "function": {"name": "get_weather", "arguments": '{"city": "Oslo"}'}}
    (found,) = differences(ASKED, changed(2, tool_calls=[call]))
    assert found.startswith("message 2 (call): the arguments: ")


def test_how_a_history_is_written_makes_no_difference() -> None:
    rewritten = {
        **ASKED,
        "stream": True,
        "messages": [
            {"role": "developer", "content": [{"type": "text", "text": "Be brief."}]},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Weather in Paris?", "cache_control": {"type": "e"}}
                ],
            },
            {
                "role": "assistant",
                "content": "",
                "reasoning_content": "Thinking.",
                "tool_calls": [
                    {
                        "id": "c1",
                        "index": 0,
                        "type": "function",
                        "function": {
                            "name": "get_weather",
                            "arguments": '{"city":"Paris"}',
                            "parsed_arguments": None,
                        },
                    }
                ],
            },
            {"role": "tool", "name": "x", "tool_call_id": "c1", "content": [{"text": "21"}]},
        ],
    }
    assert differences(ASKED, rewritten) == []


def test_the_dialects_say_the_same() -> None:
    responses = {
        "model": "m",
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "Weather in Paris?"}]},
            {"type": "reasoning", "id": "rs", "summary": []},
            {
                "type": "function_call",
                "call_id": "c1",
                "id": "fc",
                "status": "completed",
                "name": "get_weather",
                "arguments": '{"city":"Paris"}',
            },
            {"type": "function_call_output", "call_id": "c1", "output": "21"},
        ],
    }
    native = {
        "model": "m",
        "system": "Be brief.",
        "messages": [
            {"role": "user", "content": "Weather in Paris?"},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "…", "signature": "s"},
                    {
                        "type": "tool_use",
                        "id": "c1",
                        "name": "get_weather",
                        "input": {"city": "Paris"},
                    },
                ],
            },
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "c1",
                        "is_error": False,
                        "content": [{"type": "text", "text": "21"}],
                    }
                ],
            },
        ],
    }
    assert units(responses) == units(native) == units(ASKED)


def test_the_closest_is_the_one_that_differs_latest() -> None:
    first = {**ASKED, "messages": ASKED["messages"][:2]}  # type: ignore[index]
    assert closest(changed(3, content="22"), [first, changed(1, content="Rome?"), ASKED]) == 2
    assert closest(ASKED, []) is None
    assert closest(None, [ASKED]) is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=4), v, max_size=3),
    max_leaves=8,
)
hostile = st.dictionaries(
    st.sampled_from(["messages", "input", "contents", "tools", "system", "instructions", "model"]),
    json_values
    | st.lists(
        st.dictionaries(
            st.sampled_from(["role", "content", "tool_calls", "type", "tool_call_id", "text"]),
            st.sampled_from(["user", "assistant", "tool", "system"]) | json_values,
        ),
        max_size=3,
    ),
)


@given(hostile, hostile)
@example({"messages": [{"role": "user", "content": {}}]}, {"contents": [{}]})
def test_no_request_makes_it_fail(a: dict[str, Any], b: dict[str, Any]) -> None:
    assert differences(a, a) == []
    assert all(isinstance(sentence, str) for sentence in differences(a, b))
    closest(a, [b, a])

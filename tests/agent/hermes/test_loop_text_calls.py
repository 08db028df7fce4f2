"""`AgentLoop` and calls that stand in the text: run once and cleaned away, reported where broken,
and never from inside a thought.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

import agentkit as ak
from tests.agent.hermes.loop_cases import SHAPES, USER, Stub, answer, call, contents, loop
from tests.agent.hermes.test_loop_faults import Dispatch, codes, paired

shaped = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)

TEXT_CALL = '<tool_call>\n{"name": "echo", "arguments": {"text": "a"}}\n</tool_call>'


@shaped
async def test_a_call_in_the_text_is_run_where_tools_were_given(shape: Any) -> None:
    server = Stub(answer(f"Let me see. {TEXT_CALL}", finish="stop"), answer("done"), shape=shape)
    result = await loop(server).run(list(USER))
    assistant = result.messages[1]
    assert assistant["content"] == "Let me see."
    assert [c["function"] for c in assistant["tool_calls"]] == [
        {"name": "echo", "arguments": '{"text": "a"}'}
    ]
    assert result.messages[2]["tool_call_id"] == assistant["tool_calls"][0]["id"]
    assert "tool_call_in_content" in [p.code for p in result.trajectory.turns[0].problems]
    assert (result.turns_used, result.finished_naturally) == (2, True)


async def test_a_call_in_the_text_is_text_where_no_tools_were_given() -> None:
    result = await ak.AgentLoop(Stub(answer(TEXT_CALL)), [], set()).run(list(USER))
    assert (result.turns_used, result.finished_naturally) == (1, True)
    assert result.messages[-1]["content"] == TEXT_CALL


async def test_text_calls_can_be_turned_off() -> None:
    result = await loop(Stub(answer(TEXT_CALL)), text_calls=None).run(list(USER))
    assert (result.turns_used, result.finished_naturally) == (1, True)
    assert [c.name for c in result.trajectory.turns[0].response.recoverable] == ["echo"]


async def test_structured_calls_win_over_text() -> None:
    server = Stub(answer(TEXT_CALL, call("echo", {"text": "b"})), answer("done"))
    result = await loop(server).run(list(USER))
    assert [json.loads(told)["args"] for told in contents(result.messages)] == [{"text": "b"}]


# what went wrong with them before

GOOD = '<tool_call>{"name": "echo", "arguments": {"text": "a"}}</tool_call>'


async def in_text(content: str, **message: Any) -> tuple[ak.AgentResult, Dispatch]:
    dispatch = Dispatch()
    result = await loop(
        Stub(answer(content, finish="stop", **message), answer("done")), dispatch=dispatch
    ).run(list(USER))
    assert paired(result.messages)
    return result, dispatch


@pytest.mark.parametrize(
    "broken",
    [
        '<tool_call>{"name": "echo", "arg</tool_call>',
        "<tool_call>not json</tool_call>",
        "<tool_call></tool_call>",
    ],
)
async def test_a_broken_block_does_not_take_the_good_one_with_it(broken: str) -> None:
    for content in (f"{GOOD}\n{broken}", f"{broken}\n{GOOD}"):
        result, dispatch = await in_text(content)
        assert dispatch.given == [{"text": "a"}]
        assert result.turns_used == 2
        reported = result.trajectory.turns[0]
        assert any(p.severity == "error" for p in reported.problems) or "markup_leak" in codes(
            reported
        )


async def test_a_closing_tag_inside_a_string_is_text() -> None:
    inside = {"text": "he said </tool_call> and <tool_call> {}"}
    result, dispatch = await in_text(
        f"<tool_call>{json.dumps({'name': 'echo', 'arguments': inside})}</tool_call>"
    )
    assert dispatch.given == [inside]
    assert result.messages[1]["content"] == ""


@pytest.mark.parametrize(
    "thought",
    [
        "<think>I could {call}</think>No.",
        "I could {call}</think>No.",
        "<think>I could {call}",
        "[THINK]{call}[/THINK]No.",
    ],
)
async def test_a_call_inside_a_think_block_is_never_run(thought: str) -> None:
    result, dispatch = await in_text(thought.replace("{call}", GOOD))
    assert (dispatch.given, result.turns_used) == ([], 1)
    assert "<tool_call>" in (result.reasoning_per_turn[0] or "")


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
async def test_a_call_inside_a_reasoning_field_is_never_run(field: str) -> None:
    result, dispatch = await in_text("No.", **{field: GOOD})
    assert (dispatch.given, result.turns_used, result.finished_naturally) == ([], 1, True)


async def test_a_call_inside_a_code_fence_is_never_run() -> None:
    _, dispatch = await in_text(f"It looks like this:\n```\n{GOOD}\n```\n")
    assert dispatch.given == []


@pytest.mark.parametrize(
    ("before", "after", "left"),
    [("", "", ""), ("First. ", "", "First."), ("First. ", " Then.", "First.  Then.")],
)
async def test_the_markup_of_a_call_that_is_run_leaves_the_content(
    before: str, after: str, left: str
) -> None:
    result, dispatch = await in_text(before + GOOD + after)
    assert dispatch.given == [{"text": "a"}]
    assert result.messages[1]["content"].split() == left.split()
    assert len(result.messages[1]["tool_calls"]) == 1
    assert (
        result.trajectory.turns[0].raw["choices"][0]["message"]["content"] == before + GOOD + after
    )

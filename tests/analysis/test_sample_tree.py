"""Samples of one prompt as a tree: what they share, where they part, and what each branch was
worth.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import agentkit as ak
from agentkit.analysis.sample_tree import sample_tree
from agentkit.errors import NoFile, UsageError
from agentkit.read.choices import choices_of
from agentkit.show.notebook.static_view import mimebundle
from agentkit.trajectory.loop import apply, start
from agentkit.types.request import Spec
from agentkit.types.steps import Answer, Result
from agentkit.types.trajectory import ToolResult, Trajectory
from agentkit.types.wire import Exchange

SCHEMA = {
    "type": "function",
    "function": {
        "name": "add",
        "parameters": {
            "type": "object",
            "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        },
    },
}


def answer(text: str | None, *calls: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": text}
    if calls:
        message["tool_calls"] = [
            {
                "id": f"c{i}",
                "type": "function",
                "function": {"name": name, "arguments": json.dumps(arguments)},
            }
            for i, (name, arguments) in enumerate(calls)
        ]
    return {"index": 0, "message": message, "finish_reason": "tool_calls" if calls else "stop"}


def sample(*answers: dict[str, Any], reward: float | None = None) -> Trajectory:
    t = start("go", Spec(tools=(SCHEMA,)), {} if reward is None else {"reward": reward})
    for choice in answers:
        t = apply(t, Answer(exchange=Exchange(body=json.dumps({"choices": [choice]}))))
        for call in t.pending:
            t = apply(
                t,
                Result(
                    position=call.position,
                    result=ToolResult(call_id=call.id, name=call.name, status="ok", content="1"),
                ),
            )
    return t


def test_samples_share_a_path_and_part() -> None:
    first = answer(None, ("add", {"a": 1, "b": 2}))
    tree = sample_tree(
        [
            sample(first, answer("3"), reward=1),
            sample(first, answer("3"), reward=1.0),
            sample(first, answer("4"), reward=0),
        ]
    )
    assert [branch.label for branch in tree.shared] == ["add(a=1, b=2)"]
    assert tree.parts_at == 1
    assert [(b.label, b.count, b.mean_reward) for b in tree.parting] == [
        ("3", 2, 1.0),
        ("4", 1, 0.0),
    ]
    assert tree.shared[0].rewards == (1.0, 1.0, 0.0)


def test_order_of_parallel_calls_and_spelling_of_values_make_no_branch() -> None:
    one = answer(None, ("add", {"a": 1, "b": 2}), ("add", {"a": 3, "b": 4}))
    other = answer(None, ("add", {"b": "4", "a": 3.0}), ("add", {"b": 2, "a": 1}))
    tree = sample_tree([sample(one, answer("x")), sample(other, answer("x"))])
    assert tree.parts_at is None
    assert [branch.count for _, branch in tree.walk()] == [2, 2]


def test_endings_are_branches_of_their_own() -> None:
    cut = apply(start("go"), Answer(exchange=Exchange(status=500, body="{}")))
    tree = sample_tree([sample(answer("done")), cut, start("go")])
    assert {branch.kind for branch in tree.parting} == {"answer", "error", "open"}


def test_the_choices_of_one_answer() -> None:
    body = {
        "choices": [
            {**answer(None, ("add", {"a": 1, "b": 1})), "index": 0},
            {**answer("two"), "index": 1},
            {**answer("two"), "index": 2},
        ]
    }
    response = ak.read_response(body)
    assert [len(choice.tool_calls) for choice in choices_of(response)] == [1, 0, 0]
    tree = sample_tree(response)
    assert tree.size == 3
    assert [(branch.kind, branch.count) for branch in tree.parting] == [("answer", 2), ("calls", 1)]
    shown = mimebundle(response)
    assert "the first of 3 choices" in shown["text/html"]
    assert "the first of 3 choices" in shown["text/plain"]


def test_the_choices_of_a_stream() -> None:
    def piece(index: int, text: str, finish: str | None = None) -> str:
        return f"data: {json.dumps({'choices': [{'index': index, 'delta': {'content': text}, 'finish_reason': finish}]})}\n\n"

    pieces = [
        piece(0, "he"),
        piece(1, "by"),
        piece(0, "llo"),
        piece(1, "e"),
        piece(0, "", "stop"),
        piece(1, "", "stop"),
        "data: [DONE]\n\n",
    ]
    response = ak.read_stream(pieces)
    assert [choice.content for choice in choices_of(response)] == ["hello", "bye"]
    assert "the first of 2 choices" in mimebundle(response)["text/html"]


def test_calls_and_parts_of_an_answer_are_no_choices() -> None:
    def piece(**delta: Any) -> str:
        return f"data: {json.dumps({'choices': [{'index': 0, 'delta': delta}]})}\n\n"

    streamed = ak.read_stream(
        [
            piece(
                tool_calls=[
                    {"index": i, "id": f"c{i}", "function": {"name": "add", "arguments": "{}"}}
                ]
            )
            for i in range(2)
        ]
    )
    split = ak.read_response({"choices": [answer("both"), answer(None, ("add", {"a": 1, "b": 1}))]})
    for response in (streamed, split, ak.read_response('"message" and "message"')):
        assert "the first of" not in mimebundle(response)["text/plain"]


def test_what_holds_no_samples_is_refused() -> None:
    with pytest.raises(UsageError, match="holds no samples"):
        sample_tree([])
    with pytest.raises(UsageError, match="an int holds no rollout"):
        sample_tree(3)
    with pytest.raises(NoFile, match="there is no file 'text'"):
        sample_tree("text")


@pytest.mark.slow
def test_a_long_rollout_needs_no_deep_stack_and_is_shown() -> None:
    steps = [answer(None, ("add", {"a": i, "b": 0})) for i in range(3000)]
    tree = sample_tree([sample(*steps[:50], answer("x"))])
    assert len(tree.shared) == 51
    long = sample_tree([sample(*steps)])
    assert "more steps are not shown" in long._repr_mimebundle_()["text/html"]
    assert repr(long) == "<SampleTree 1 samples: all do the same>"


@given(st.lists(st.lists(st.integers(0, 2), max_size=4), min_size=1, max_size=8))
def test_every_sample_is_in_exactly_one_leaf(paths: list[list[int]]) -> None:
    samples = [
        sample(*(answer(None, ("add", {"a": step, "b": 0})) for step in path), answer("end"))
        for path in paths
    ]
    tree = sample_tree(samples)
    leaves = [i for _, branch in tree.walk() if not branch.children for i in branch.samples]
    assert sorted(leaves) == list(range(len(samples)))
    for _, branch in tree.walk():
        assert not branch.children or sum(child.count for child in branch.children) == branch.count


def test_text_and_html_say_the_same_and_escape() -> None:
    tree = sample_tree([sample(answer("<script>alert(1)</script>")), sample(answer("no"))])
    bundle = tree._repr_mimebundle_()
    assert "<script" not in bundle["text/html"]
    assert "1 of 2" in bundle["text/html"]
    assert "1 of 2" in bundle["text/plain"]
    assert "they part at turn 0, 2 ways" in bundle["text/plain"]


def test_the_branches_of_a_debugger_are_samples() -> None:
    dbg = ak.debug(ak.demo(), "Do I need a coat in Oslo?")
    dbg.run()
    dbg.rerun(turn=1, n=4)
    for tree in (ak.sample_tree(dbg), ak.sample_tree(dbg.tree)):
        assert tree.size == 5
        assert next(branch.label for branch in tree.shared) == "get_weather(city='Oslo')"
        assert tree.shared[0].samples == (0, 1, 2, 3, 4)
    shown = tree._repr_mimebundle_()["text/html"]
    assert 'title="samples 0, 1, 2, 3, 4"' in shown

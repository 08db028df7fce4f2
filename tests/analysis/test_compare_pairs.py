"""Which rollouts `ak.compare` puts beside each other, and what it says where they did not ask the
same. All are constructed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import agentkit as ak
from agentkit.errors import UsageError
from agentkit.show.render.limits import STATIC, TEXT
from agentkit.types.trajectory import Trajectory
from tests.analysis.test_compare import agent, asks, classes


def raw(text: str, tokens: int = 9) -> dict[str, Any]:
    """An answer that comes without its request."""
    usage = {"prompt_tokens": tokens, "completion_tokens": 3, "total_tokens": tokens + 3}
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {
        "id": "x",
        "object": "chat.completion",
        "model": "m",
        "choices": [choice],
        "usage": usage,
    }


def counted(tokens: int, prompt: str, *tools: str) -> Trajectory:
    """A rollout whose prompt is so many tokens."""
    schemas = [{"type": "function", "function": {"name": name}} for name in tools]
    asked = {"model": "m", "messages": [{"role": "user", "content": prompt}]}
    request = {**asked, **({"tools": schemas} if schemas else {})}
    (rollout,) = ak.load({"request": request, "response": raw("yes", tokens)}, all=True)
    return rollout


def test_two_rollouts_of_different_prompts_are_compared_and_that_is_said_first() -> None:
    found = ak.compare({"a": counted(9, "Pay the bill."), "b": counted(90, "Where is Oslo?")})
    line = "the prompts differ: a was asked 'Pay the bill.', b was asked 'Where is Oslo?'"
    assert found.notes == (line,)
    assert repr(found).startswith(f"<Comparison {line}; a beside b, 1 pair: ")
    assert found.text(TEXT).splitlines()[0].startswith(f"Comparison: {line}")
    assert line in found.html(STATIC)
    assert "usage" not in classes(found), "the prompts are of different lengths"


def test_the_same_prompt_of_another_length_is_still_told() -> None:
    found = ak.compare({"a": counted(9, "Pay."), "b": counted(90, "Pay.")})
    assert found.notes == ()
    assert "usage" in classes(found)


def test_prompts_that_differ_later_say_where() -> None:
    def of(*texts: str) -> Trajectory:
        said = [{"role": ("user", "assistant")[i % 2], "content": t} for i, t in enumerate(texts)]
        return ak.rollout(agent("done"), said)

    found = ak.compare({"a": of("Hi.", "Hi!", "Pay."), "b": of("Hi.", "Hi!", "Sleep.")})
    assert found.notes[0].startswith("the prompts differ at message 2: a was asked 'Pay.'")
    found = ak.compare({"a": of("Hi."), "b": of("Hi.", "Hi!", "Sleep.")})
    assert found.notes == ("the prompts differ: a has 1 message, b has 3 messages",)


def test_a_prompt_asked_with_other_tools_is_of_another_length() -> None:
    few, many = counted(9, "Pay."), counted(90, "Pay.", "pay", "book")
    assert "usage" not in classes(ak.compare({"a": few, "b": many}))


def test_rollouts_without_a_prompt_are_paired_by_their_task_and_else_in_their_order() -> None:
    city = {name: ak.rollout(agent(asks()), name) for name in ("Oslo", "Rome", "Lima")}
    bare = {name: replace(t, prompt=(), meta={"task": name}) for name, t in city.items()}
    tasks = ak.compare({"a": list(bare.values()), "b": list(reversed(bare.values()))})
    assert (tasks.prompts, tasks.notes, classes(tasks)) == (3, (), set())
    unknown = [replace(t, meta={}) for t in bare.values()]
    found = ak.compare({"a": unknown, "b": [replace(t) for t in unknown]})
    assert found.notes == ("nothing tells what was asked: the rollouts are paired in their order",)
    assert (found.prompts, classes(found)) == (3, set())
    with pytest.raises(UsageError, match="no prompt was asked on two sides"):
        ak.compare({"a": unknown, "b": [replace(t) for t in unknown[:2]]})


def test_answers_without_their_requests_are_paired_in_their_order() -> None:
    texts = ("one", "two", "three")
    found = ak.compare({"a": [*map(raw, texts)], "b": [*map(raw, texts)]})
    assert found.prompts == 3
    assert not found
    assert ak.compare({"a": raw("one"), "b": raw("one")}).notes == ()

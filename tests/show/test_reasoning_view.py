"""The reasoning beside the calls it led to, and what a check shows of itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import agentkit as ak
from agentkit.analysis.tokens.prefix import prefix_check
from agentkit.errors import UsageError
from agentkit.read.managed import read_managed
from agentkit.show.notebook.static_view import mimebundle, standalone
from agentkit.show.render.limits import STATIC, TEXT, WHOLE
from agentkit.types.answer import ReasoningBlock, Response
from agentkit.types.trajectory import Trajectory, Turn
from agentkit.types.wire import Usage
from tests.read.test_managed import node
from tests.show.render_samples import HOSTILE, call, filled, weather
from tests.show.test_html import read
from tests.support.captures import conversation


def test_source_length_and_share() -> None:
    view = ak.view(weather()).reasoning
    assert len(view) == 2
    first = view[0]
    assert (first.sources, len(first.text), first.share) == (("reasoning_content",), 77, 20 / 42)
    assert not view[1].known
    text = read(view.html(STATIC)).text
    for said in (
        "from reasoning_content",
        "77 characters",
        "20 of 42 output tokens, 48 %",
        "get_weather",
        "Yes, take a coat",
        "no reasoning",
        "1 of 2 turns",
    ):
        assert said in text
    assert "<details" not in view.html(STATIC), "find-in-page reaches all of it"


def test_real_reasoning_is_searched() -> None:
    view = ak.view(
        [conversation("hermes-qwen3", "rollout-00"), conversation("hermes-qwen3", "rollout-03")]
    ).reasoning
    assert len(view) == 4
    assert [(one.rollout, one.turn) for one in view.filter("KYIV")] == [(1, 0), (1, 1)]
    assert [one.turn for one in view.filter("look", tool="lookup")] == [0]
    assert len(view.filter(source="reasoning")) == 4
    assert len(view.filter("kyiv").filter("two")) == 1
    assert "matching 'kyiv', tool='x'" in repr(view.filter("kyiv").filter(tool="x"))
    assert isinstance(view[1:], type(view))
    with pytest.raises(UsageError, match="no regular expression"):
        view.filter("(")


def test_encrypted_reasoning_is_counted() -> None:
    block = ReasoningBlock(source="reasoning_details", kind="encrypted")
    sealed = Response(reasoning_blocks=(block,), usage=Usage(output_tokens=10, reasoning_tokens=8))
    view = ak.view(Trajectory(turns=(Turn(index=0, response=sealed),))).reasoning
    assert "1 part encrypted" in read(view.html(STATIC)).text
    assert "80 %" in view.text(TEXT)


@pytest.mark.slow
def test_many_turns_are_bounded() -> None:
    turn = weather().turns[0]
    view = ak.view(
        replace(weather(), turns=tuple(replace(turn, index=i) for i in range(2000)))
    ).reasoning
    assert "1,800 more turns not shown here" in read(view.html(STATIC)).text
    assert len(view.html(STATIC)) < 1_000_000
    assert "not shown" not in read(view.html(WHOLE)).text


CHECKS: list[Any] = [
    lambda: prefix_check(conversation("hermes-qwen3", "rollout-03")),
    lambda: prefix_check(conversation("hermes-no-reasoning", "rollout-00")),
    lambda: prefix_check(conversation("hermes-qwen3", "rollout-01")),
    lambda: prefix_check(Trajectory()),
    lambda: read_managed({"nodes": [node(), node(tokens=[1])]}),
    lambda: read_managed({"nodes": []}),
]


@pytest.mark.parametrize("make", CHECKS, ids=range(len(CHECKS)))
def test_a_check_shows_itself(make: Any) -> None:
    made = make()
    shown = mimebundle(made)
    assert shown == mimebundle(make())
    assert shown["text/plain"]
    assert standalone(made)


def test_a_check_shows_both_sides() -> None:
    text = read(prefix_check(conversation("hermes-qwen3", "rollout-03")).html(STATIC)).text
    for said in (
        "differs from position 88 on",
        "reasoning_stripped",
        "'<think>\\nTwo calls'",
        "87 of 135 trained tokens off policy",
        "497 201 264",
    ):
        assert said in text


def test_a_thousand_steps_show_what_matters() -> None:
    made = prefix_check(conversation("hermes-qwen3", "rollout-03"))
    step = replace(made.steps[0], status="extends")
    many = replace(
        made,
        steps=(
            *(replace(step, position=i) for i in range(999)),
            replace(made.steps[1], position=999),
        ),
    )
    assert 'data-key="step-999"' in many.html(STATIC)
    assert "800 turns that extend not shown here" in read(many.html(STATIC)).text


@pytest.mark.parametrize("said", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_texts_are_only_texts(said: str) -> None:
    state = read_managed({"nodes": [node(full_text=said, metadata={"finish_reason": said})]})
    for made in (ak.view(filled(said)).reasoning, state):
        page = standalone(made)
        page.encode()
        made.text(TEXT).encode()
        assert not {tag for tag, _ in read(page).tags} & {"script", "img", "a", "iframe"}
    assert ak.view(
        Trajectory(
            turns=(Turn(index=0, response=Response(reasoning=said, tool_calls=(call(said),))),)
        )
    ).reasoning.html(STATIC)

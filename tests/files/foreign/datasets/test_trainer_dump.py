"""Rendered texts of trainers are divided into turns, also where a tokenizer left the markers out.
All rows are constructed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import agentkit as ak
from agentkit.types.trajectory import Trajectory
from tests.files.foreign.datasets.rows import BARE, CALL, VERL

ASKED = "system\nBe brief.\nuser\nHow high is the tide in Brest?\nassistant\n"


def first(row: Any) -> Trajectory:
    return ak.load([row], all=True)[0]


def said(rollout: Trajectory) -> list[tuple[str, str]]:
    return [(message["role"], message["content"]) for message in rollout.messages]


def generation(asked: str, answered: str) -> Trajectory:
    return first({**VERL, "input": asked, "output": answered})


def test_a_text_without_markers_says_what_one_with_them_says() -> None:
    assert said(first(BARE)) == said(first(VERL))
    assert first(BARE).turns[0].tool_calls == first(VERL).turns[0].tool_calls


@pytest.mark.parametrize(
    "asked",
    [
        "What do I say as a\nuser\nof the ferry?\n",  # no role begins it
        "system\nBe brief.\nuser\nHow high?\n",  # nobody answers
        "user\nWhat are the roles?\nsystem\nuser\nassistant\n",  # words, and no conversation
        "user\nOne.\nuser\nTwo.\nassistant\n",
    ],
)
def test_a_text_that_only_speaks_of_roles_is_one_message(asked: str) -> None:
    rollout = generation(asked, "Six metres.")
    assert said(rollout) == [("user", asked), ("assistant", "Six metres.")]


def test_an_answer_that_only_speaks_of_roles_is_one_answer() -> None:
    text = "The roles are:\nsystem\nuser\nassistant\nand that is all."
    assert generation(ASKED, text).final == text


def test_what_a_template_wrote_of_the_answer_is_part_of_it() -> None:
    for asked in (ASKED, VERL["input"]):
        rollout = generation(f"{asked}<think>\n", f"I look.\n</think>\n\n{CALL}")
        assert [message.role for message in rollout.prompt] == ["system", "user"]
        assert rollout.open is not None
        assert rollout.open.response is not None
        assert rollout.open.response.reasoning == "I look."
        assert [call.name for call in rollout.open.response.tool_calls] == ["tide"]


def test_a_user_who_speaks_again_is_heard_in_its_place() -> None:
    rollout = generation(ASKED, "Six metres.\nuser\nAnd in Dover?\nassistant\nSeven.")
    assert [turn.response.content for turn in rollout.turns] == ["Six metres.", "Seven."]
    assert [message.content for message in rollout.turns[1].added] == ["And in Dover?"]


def test_a_call_that_is_broken_is_still_told_where_calls_are_text() -> None:
    (problem,) = generation(ASKED, CALL.replace("}", "", 1)).problems
    assert problem.code.startswith("arguments_")


def test_a_noted_length_is_drawn_where_no_tokens_were_counted() -> None:
    rows = [{**BARE, "step": step, "output": BARE["output"] + "!" * step} for step in (1, 2, 2)]
    table = ak.explore(rows)
    whole = len(BARE["output"])
    assert table.over("step")["output_length"].tolist() == [whole + 1, whole + 2]
    axis = table.axis()
    assert axis is not None
    assert [point.length for point in axis.points] == [whole + 1, whole + 2]
    assert "output length" in table.html()
    assert "output_length" not in table[0].fork(0, server="http://localhost:1/v1").trajectory.meta


def test_a_noted_length_is_not_drawn_beside_tokens() -> None:
    runs = ak.rollouts(ak.demo(), ["Do I need a coat in Oslo?"], n=2, progress=False)
    noted = [
        replace(run, meta={**run.meta, "step": step, "response_length": 9})
        for step, run in enumerate(runs)
    ]
    axis = ak.explore(noted).axis()
    assert axis is not None
    assert all(point.output_tokens and point.length is None for point in axis.points)

"""Rows that models are tuned on: a prompt with its completion, pairs, calls as messages."""

from __future__ import annotations

from typing import Any

import pytest

import agentkit as ak
from agentkit.types.trajectory import Trajectory
from tests.files.foreign.datasets.rows import ASKED, END, PAIR, START, SWIFT, WENT_ON

GOOD, BAD = ({"role": "assistant", "content": text} for text in ("Six.", "No idea."))
HI = {"role": "user", "content": "Hi"}
TIDE = "How high is the tide?"
PAIRS: dict[str, dict[str, Any]] = {
    "messages": {"prompt": [HI], "chosen": [GOOD], "rejected": [BAD]},
    "the prompt in both": {"chosen": [HI, GOOD], "rejected": [HI, BAD]},
    "the prompt beside and in both": {
        "prompt": "Hi",
        "messages": [HI, GOOD],
        "chosen": [HI, GOOD],
        "rejected": [HI, BAD],
    },
    "texts": {"prompt": "Hi", "chosen": "Six.", "rejected": "No idea."},
    "a question": {"question": "Hi", "chosen": "Six.", "rejected": "No idea."},
    "an instruction": {"instruction": "Hi", "input": "", "chosen": "Six.", "rejected": "No idea."},
    "turns": {
        "conversations": [{"from": "human", "value": "Hi"}],
        "chosen": {"from": "gpt", "value": "Six."},
        "rejected": {"from": "gpt", "value": "No idea."},
    },
    "a rejected text": {"messages": [HI, GOOD], "rejected_response": "No idea."},
    "a rejected message": {"messages": [HI, GOOD], "rejected_response": [BAD]},
    "rejected messages": {"messages": [HI, GOOD], "rejected_messages": [HI, BAD]},
    "dialogues": {
        "chosen": "\n\nHuman: Hi\n\nAssistant: Six.",
        "rejected": "\n\nHuman: Hi\n\nAssistant: No idea.",
    },
}


def loaded(*rows: Any) -> list[Trajectory]:
    return ak.load(list(rows), all=True)


@pytest.mark.parametrize("name", PAIRS)
def test_both_answers_of_a_pair_are_rollouts_of_one_prompt(name: str) -> None:
    chosen, rejected = loaded(PAIRS[name])
    assert [one.meta["labels"] for one in (chosen, rejected)] == ["chosen", "rejected"]
    assert [m.content for m in chosen.prompt] == [m.content for m in rejected.prompt] == ["Hi"]
    assert (chosen.final, rejected.final) == ("Six.", "No idea.")
    assert (len(chosen.turns), len(rejected.turns)) == (1, 1)


def test_the_scores_of_a_pair_are_the_rewards_of_its_sides() -> None:
    chosen, rejected = loaded({**PAIR, "chosen_model": "a", "rejected_model": "b", "source": "s"})
    assert (chosen.meta["reward"], rejected.meta["reward"]) == (9.0, 2.0)
    assert (chosen.spec.model, rejected.spec.model) == ("a", "b")
    assert chosen.meta.keys() == rejected.meta.keys() == {"reward", "labels", "source", "import"}


def test_system_text_and_history_go_before_both_answers() -> None:
    row = {"system": "Be brief.", "history": [["Hi", "Hello"]], "instruction": TIDE}
    for one in loaded({**row, "chosen": "Six.", "rejected": "No."}):
        assert [m.content for m in one.prompt] == ["Be brief.", "Hi"]
        assert one.turns[0].response.content == "Hello"
    (one, _) = loaded({"system": "Be brief.", "question": TIDE, "chosen": "6", "rejected": "7"})
    assert [m.role for m in one.prompt] == ["system", "user"]


def test_a_pair_that_cannot_be_read_costs_itself(caplog: pytest.LogCaptureFixture) -> None:
    assert len(loaded(PAIR, {"chosen": "Six.", "rejected": "No."}, PAIR)) == 4
    assert "its answers have no prompt" in caplog.text


def test_a_logged_step_is_its_rows_with_what_each_reward_function_gave() -> None:
    rendered = f"{START}user\n{TIDE}{END}\n{START}assistant\n"
    step = {
        "step": [3, 3],
        "prompt": [rendered, rendered],
        "completion": ["Six.", "No."],
        "right": [1.0, 0.0],
        "advantages": [0.7, -0.7],
    }
    good, bad = loaded(step)
    assert (good.prompt[0].content, good.final, bad.final) == (TIDE, "Six.", "No.")
    assert [one.meta["reward"] for one in (good, bad)] == [1.0, 0.0]
    assert (bad.meta["advantage"], bad.meta["step"]) == (-0.7, 3)
    row = {"step": 3, "prompt": TIDE, "completion": "Six.", "a": 1.0, "b": 0.5, "advantage": 0.1}
    (one,) = loaded(row)
    assert one.meta["labels"] == {"a": 1.0, "b": 0.5}
    assert "reward" not in one.meta


def test_the_label_of_a_completion_is_kept_and_examples_of_its_prompt_are_no_turns() -> None:
    (one,) = loaded({"prompt": [HI, GOOD, ASKED], "completion": WENT_ON, "label": False})
    assert one.meta["label"] is False
    assert len(one.prompt) == 3
    assert len(one.turns) == 2


def test_calls_in_messages_of_their_own_are_one_answer_with_what_was_said_before() -> None:
    call = SWIFT["messages"][2]
    messages = [*SWIFT["messages"][:3], call, SWIFT["messages"][3], *SWIFT["messages"][3:]]
    (one,) = loaded({**SWIFT, "messages": messages})
    first, _ = one.turns
    assert (first.reasoning, first.response.content) == ("I look.", None)
    assert [call.name for call in first.tool_calls] == ["tide", "tide"]
    assert [result.content for result in first.tool_results] == ["6", "6"]
    assert one.meta["weights"] == [None, False]


def test_a_call_follows_what_the_model_said_in_turns_too() -> None:
    said = [
        {"from": "human", "value": TIDE},
        {"from": "gpt", "value": "I look."},
        {"from": "function_call", "value": '{"name": "tide", "arguments": {}}'},
        {"from": "observation", "value": "6"},
        {"from": "gpt", "value": "Six."},
    ]
    (one,) = loaded({"conversations": said})
    assert [turn.response.content for turn in one.turns] == ["I look.", "Six."]
    assert one.turns[0].tool_results[0].content == "6"


@pytest.mark.parametrize(
    "row",
    [
        {"query": TIDE, "response": "Six."},
        {"instruction": TIDE, "context": "", "response": "Six."},
        {"prompt": TIDE, "completion": "Six."},
    ],
)
def test_a_question_and_its_answer_have_several_names(row: dict[str, str]) -> None:
    (one,) = loaded(row)
    assert ([m.content for m in one.prompt], one.final) == ([TIDE], "Six.")

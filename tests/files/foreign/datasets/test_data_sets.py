"""Rows of data sets and trainers: question, call, result and answer are read from each alike."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import agentkit as ak
from agentkit.errors import AgentkitError
from agentkit.types.trajectory import Trajectory
from tests.files.foreign.datasets.rows import ATROPOS, GLAIVE, HERMES, PARTS, ROWS, SLIME
from tests.files.foreign.mutation import mutated


def first(row: Any) -> Trajectory:
    found = ak.load([copy.deepcopy(row)], all=True)
    return found[0]


@pytest.mark.parametrize("name", ROWS)
def test_a_row_is_a_question_a_call_its_result_and_an_answer(name: str) -> None:
    rollout = first(ROWS[name])
    assert rollout.prompt[-1].content == "How high is the tide in Brest?"
    called, _ = rollout.turns
    assert [(c.name, c.arguments) for c in called.tool_calls] == [("tide", {"port": "Brest"})]
    (result,) = called.tool_results
    assert "6" in result.content
    assert "<" not in result.content
    assert (rollout.final, rollout.stop_reason) == ("Six metres.", "final")
    codes = {problem.code for turn in rollout.turns for problem in turn.problems}
    assert codes == set()  # also where the calls are text: the form has them so
    assert rollout.meta["import"]["lost"] == {}


@pytest.mark.parametrize("name", ROWS)
def test_a_row_is_shown_saved_and_gone_on_from(name: str, tmp_path: Path) -> None:
    rollout = first(ROWS[name])
    page = ak.view(rollout)
    assert "Six metres." in page.text()
    assert "text/html" in page._repr_mimebundle_()
    assert len(ak.turns_df(rollout)) == 2
    ak.save(rollout, tmp_path / "kept.jsonl")
    assert ak.load(tmp_path / "kept.jsonl") == rollout
    agent = ak.Agent("m", server=ak.testing.ScriptedServer([ak.testing.says("On.")]))
    dbg = ak.debug(agent, rollout)
    dbg.say("And now?")
    assert dbg.run().final == "On."


def test_what_is_said_of_a_row_is_in_its_meta() -> None:
    meta = first(GLAIVE).meta
    assert (meta["sample"], meta["weights"]) == (4, [None, 0])
    assert first(GLAIVE).prompt[0].content == "Be brief."
    assert first(GLAIVE).spec.tools[0]["function"]["name"] == "tide"
    assert first(PARTS).meta["weights"] == [1.0, None]
    meta = first(SLIME).meta
    assert (meta["reward"], meta["target"], meta["sample"]) == (1.0, "6", 3)


def test_text_calls_are_read_by_the_parser_of_their_format() -> None:
    rollout = first(HERMES)
    assert rollout.spec.parser == "hermes"
    assert rollout.spec.model == "hermes-4"
    assert rollout.spec.tools[0]["function"]["name"] == "tide"
    assert rollout.turns[0].reasoning == "I look."
    assert rollout.turns[0].response.raw["imported"]["value"].startswith("<think>")


def test_a_rollout_that_was_not_completed_says_so() -> None:
    cut = {**HERMES, "conversations": HERMES["conversations"][:4], "completed": False}
    assert first(cut).stop_reason == "stopped"


def test_a_group_is_a_rollout_for_each_answer() -> None:
    good, bad = ak.load([ATROPOS], all=True)
    assert (good.meta["reward"], bad.meta["reward"]) == (1.0, -1.0)
    assert [m["group"] for m in (good.meta, bad.meta)] == [0, 0]
    assert bad.final == "No idea."
    assert [list(turn.response.token_ids) for turn in good.turns] == [[3], [5, 6]]
    assert list(good.turns[1].response.prompt_token_ids) == [1, 2, 3, 4]
    assert [one.logprob for one in good.turns[1].response.logprobs] == [-0.2, -0.3]


def test_tokens_are_divided_by_the_mask_or_not_at_all() -> None:
    rollout = first({"rollout_id": 9, "samples": [SLIME]})
    assert rollout.meta["step"] == 9
    assert [list(turn.response.token_ids) for turn in rollout.turns] == [[4, 5, 6], [9, 10, 11]]
    whole = first({**SLIME, "loss_mask": None})
    assert [list(turn.response.token_ids) for turn in whole.turns] == [[], []]


def test_several_rewards_of_a_sample_are_labels() -> None:
    meta = first({**SLIME, "reward": {"right": 1.0, "form": 0.5}}).meta
    assert meta["labels"] == {"right": 1.0, "form": 0.5}
    assert "reward" not in meta


def test_a_pair_is_two_rollouts() -> None:
    asked, answered = PARTS["messages"][0], PARTS["messages"][3]
    row = {"chosen_messages": [asked, answered], "rejected_messages": [asked, answered]}
    assert [one.meta["labels"] for one in ak.load([row], all=True)] == ["chosen", "rejected"]


def test_a_bare_list_of_turns_is_one_conversation() -> None:
    (rollout,) = ak.load(GLAIVE["conversations"], all=True)
    assert rollout.final == "Six metres."


def test_an_instruction_is_answered_by_its_output() -> None:
    row = {
        "instruction": "Name the sea.",
        "input": "It is near Brest.",
        "output": "The Atlantic.",
        "system": "Be brief.",
        "history": [["Hi", "Hello"]],
        "split": "train",
    }
    (rollout,) = ak.load([row], all=True)
    assert [m.content for m in rollout.prompt] == ["Be brief.", "Hi"]
    assert rollout.turns[1].added[0].content == "Name the sea.\nIt is near Brest."
    assert (rollout.final, rollout.meta["split"]) == ("The Atlantic.", "train")
    with pytest.raises(AgentkitError, match="looks like Alpaca"):
        ak.load([{**row, "history": [[1, 2]]}])


def test_what_is_not_understood_is_counted() -> None:
    odd = copy.deepcopy(GLAIVE)
    odd["conversations"][0]["colour"] = "blue"
    odd["conversations"][1]["value"] = "tide(Brest)"
    rollout = first(odd)
    assert rollout.meta["import"]["lost"] == {
        "conversations[].colour": 1,
        "conversations[].function_call that is no call": 1,
    }
    assert rollout.turns[0].response.content == "tide(Brest)"


@given(st.data())
def test_no_row_raises_anything_but_our_errors(data: Any) -> None:
    row = data.draw(st.sampled_from(list(ROWS.values())))
    broken = mutated(row, data.draw)
    for form in ([broken], json.dumps(broken)):
        try:
            for rollout in ak.load(form, all=True):
                ak.view(rollout).text()
        except AgentkitError:
            pass

"""Trajectories of mini-swe-agent and SWE-agent, of each age."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agentkit.types.trajectory import Trajectory
from tests.files.foreign.evals import swe_cases as cases
from tests.files.foreign.evals.one import load_one


def calls(rollout: Trajectory) -> list[list[tuple[str, Any]]]:
    return [[(c.name, c.arguments) for c in turn.tool_calls] for turn in rollout.all_turns]


def test_a_fenced_action_is_a_call_and_what_the_user_writes_next_its_result() -> None:
    rollout = load_one(json.dumps(cases.MINI_LIST))
    assert calls(rollout) == [
        [("bash", {"command": "ls tides"})],
        [],
        [("bash", {"command": "echo DONE"})],
    ]
    assert rollout.turns[0].tool_results[0].content.endswith("brest\n</output>")
    assert "I look." in (rollout.turns[0].response.content or "")
    assert rollout.turns[2].added[0].content.startswith("Please always")
    assert rollout.turns[2].tool_results[0].content == ""


def test_mini_swe_of_version_1_names_model_limit_and_cost() -> None:
    rollout = load_one(cases.MINI_V1)
    assert calls(rollout) == [[("bash", {"command": "ls"})]]
    assert rollout.stop_reason == "max_turns"
    assert rollout.spec.model == "acme/tide-1"
    assert rollout.spec.sampling == {"temperature": 0.0}
    assert rollout.meta["cost"] == 0.5


def test_mini_swe_of_version_2_keeps_the_raw_answer_and_the_error() -> None:
    rollout = load_one(cases.MINI_V2)
    (turn,) = rollout.turns
    assert turn.raw["id"] == "chatcmpl-1"
    assert turn.usage.output_tokens == 3
    (result,) = turn.tool_results
    assert (result.status, result.error) == ("error", "it took too long")
    assert rollout.stop_reason == "error"
    assert rollout.meta["error"]["exception_str"] == "boom"
    assert rollout.meta["import"]["lost"] == {"info.config.agent": 1}


def test_mini_swe_over_responses_is_read_item_by_item() -> None:
    rollout = load_one(cases.MINI_RESPONSES)
    assert calls(rollout) == [[("bash", {"command": "ls"})]]
    assert rollout.turns[0].response.dialect == "responses"
    assert rollout.turns[0].tool_results[0].content == "brest"


def test_swe_agents_actions_are_calls_of_its_shell() -> None:
    rollout = load_one(cases.SWE_OLD)
    assert len(rollout.prompt) == 4  # the demonstration is no turn of this rollout
    assert calls(rollout) == [[("bash", {"command": "ls -F"})], [("bash", {"command": "submit"})]]
    assert rollout.turns[0].tool_results[0].content == "tides/\nbash-$"
    assert rollout.turns[0].tool_results[0].value == "tides/\n"
    assert rollout.turns[1].tool_results[0].content == "diff --git"
    assert rollout.stop_reason == "final"
    assert rollout.meta["submission"] == "diff --git"
    lost = rollout.meta["import"]["lost"]
    assert lost == {"trajectory[] that the history does not hold": 1}


def test_swe_agents_function_calls_have_times_thoughts_and_limits() -> None:
    rollout = load_one(cases.SWE_CALLS)
    (turn,) = rollout.turns
    assert calls(rollout) == [[("find_file", {"file_name": "tides"})]]
    assert turn.reasoning == "where?"
    assert turn.tool_results[0].elapsed == 0.25
    assert turn.raw["imported"]["state"] == {"open_file": "n/a"}
    assert rollout.meta["task"] == "tides-1"
    assert rollout.spec.model == "tide-1"
    assert rollout.stop_reason == "max_turns"
    assert rollout.meta["import"]["lost"] == {"trajectory[].query": 1}


def test_swe_agents_steps_alone_are_enough() -> None:
    rollout = load_one(cases.SWE_STEPS)
    assert rollout.prompt[0].content == "Count."
    assert calls(rollout) == [[("bash", {"command": "ls"})]]
    assert rollout.turns[0].tool_results[0].elapsed == 0.5
    assert rollout.meta["import"]["lost"] == {"attempts[] that were not chosen": 1}


@pytest.mark.parametrize("case", [cases.MINI_LIST, cases.SWE_OLD])
def test_ids_that_are_made_for_actions_are_each_of_one_call(case: Any) -> None:
    rollout = load_one(json.dumps(case))
    places = [(turn.index, call) for turn in rollout.turns for call in turn.tool_calls]
    assert len(places) > 1
    assert [call.id for _, call in places] == [f"call_{turn}_{c.position}" for turn, c in places]
    results = [result for turn in rollout.turns for result in turn.tool_results]
    assert [result.call_id for result in results] == [call.id for _, call in places][: len(results)]

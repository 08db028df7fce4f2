"""The tau benchmarks as rollouts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import agentkit as ak
from agentkit.errors import CassetteError
from tests.files.foreign.evals.bench_cases import FEW_SHOT, GYM, TAU, TAU2
from tests.files.foreign.evals.one import load_one


def test_a_tau_bench_run_has_its_task_reward_and_results() -> None:
    first, second = ak.load(TAU, all=True)
    assert [m.content for m in first.prompt] == ["# Policy", "When is high tide in Brest?"]
    assert first.turns[0].tool_calls[0].arguments == {"port": "Brest"}
    assert first.turns[0].tool_results[0].content == "14:20"
    assert first.turns[1].response.content == "At 14:20."
    assert first.open is not None
    assert [m.content for m in first.open.added] == ["###STOP###"]
    assert (first.meta["task"], first.meta["sample"], first.meta["reward"]) == (3, 2, 1.0)
    assert first.meta["import"] == {"format": "tau-bench", "lost": {}}
    assert second.meta["error"] == "RateLimitError"
    assert second.stop_reason == "error"


def test_the_few_shot_text_is_its_speakers_turns_without_calls() -> None:
    rollout = load_one(FEW_SHOT)
    assert rollout.prompt[0].content == "When is\nhigh tide?"
    assert rollout.turns[-1].response.content == "At 14:20."
    assert rollout.meta["import"]["lost"] == {"messages_display: a call": 1}


def test_a_tau2_simulation_is_the_agents_side() -> None:
    rollout = load_one(json.dumps(TAU2))
    assert rollout.spec.model == "tide-1"
    assert rollout.spec.sampling == {"top_p": 1}
    greeting, asked, told = rollout.turns
    assert greeting.response.content == "Hi!"
    assert [m.content for m in asked.added] == ["Switch it on.", "It is on."]
    assert [(r.status, r.content) for r in asked.tool_results] == [
        ("ok", "14:20"),
        ("error", "Error: no port"),
    ]
    assert asked.usage.input_tokens == 9
    assert asked.elapsed == 1.5
    assert told.response.finish_reason == "stop"
    assert told.raw["id"] == "chatcmpl-1"
    assert rollout.meta["reward"] == 0.5
    assert rollout.meta["sample"] == 1
    assert rollout.meta["labels"] == {"db_check": {"db_match": True}}
    assert len(rollout.meta["user_calls"]) == 2
    assert rollout.meta["import"]["lost"] == {
        "info.environment_info.policy": 1,
        "messages[].audio_path": 1,
    }


def test_a_voice_call_without_messages_says_so() -> None:
    voice = {"id": "s", "task_id": "7", "termination_reason": "user_stop", "ticks": [{}]}
    with pytest.raises(CassetteError, match="the ticks of a voice call"):
        ak.load(voice)


def test_a_tau2_folder_keeps_each_simulation_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "simulations").mkdir()
    head = {key: value for key, value in TAU2.items() if key != "simulations"}
    (tmp_path / "results.json").write_text(json.dumps({**head, "simulation_index": []}))
    for place in range(2):
        one = tmp_path / "simulations" / f"sim_{place}.json"
        one.write_text(json.dumps(TAU2["simulations"][0]))
    (tmp_path / "simulations" / "torn.json").write_text("{")
    found = ak.load(tmp_path, all=True)
    assert [rollout.spec.model for rollout in found] == ["tide-1", "tide-1"]


def test_a_rollout_of_nemo_gym_is_its_items_behind_what_was_asked() -> None:
    rollout = load_one(GYM)
    assert [m.role for m in rollout.prompt] == ["system", "user", "assistant", "user"]
    called, last = rollout.turns
    assert called.reasoning == "?"
    assert [(c.name, c.arguments) for c in called.tool_calls] == [("tide", {"port": "Brest"})]
    assert [result.content for result in called.tool_results] == ["14:20"]
    assert last.response.content == rollout.final == "At 14:20."
    assert (rollout.spec.model, rollout.spec.dialect) == ("tide-1", "responses")
    assert rollout.spec.sampling == {"temperature": 0.5}
    assert rollout.spec.tools[0]["name"] == "tide"
    meta = rollout.meta
    assert (meta["group"], meta["sample"], meta["reward"]) == (3, 2, 1.0)
    assert meta["expected_answer"] == "14:20"
    assert meta["usage"]["total_tokens"] == 14  # of the whole rollout; no turn's is known
    assert last.usage is None
    assert meta["import"] == {"format": "NeMo Gym", "lost": {}}


def test_a_row_of_nemo_gym_without_an_answer_is_its_prompt_and_reward() -> None:
    silent = {**GYM[0], "response": {"output": []}, "reward": 0.0}
    rollout, other = ak.load([silent, {**GYM[0], "response": {"error": "x"}}, *GYM], all=True)
    assert (len(rollout.prompt), len(rollout.turns), rollout.meta["reward"]) == (4, 0, 0.0)
    assert other.meta["reward"] == 1.0


def test_a_label_that_is_null_is_absent() -> None:
    rollout = load_one([{**TAU[1], "info": {"reward_info": None, "user_cost": 0}}])
    assert rollout.meta["labels"] == {"user_cost": 0}
    assert (rollout.meta["reward"], rollout.meta["sample"]) == (0.0, 0)
    assert "labels" not in load_one([{**TAU[1], "info": {"reward_info": None}}]).meta


def test_transitions_are_the_history_after_each_step() -> None:
    output = GYM[0]["response"]["output"]
    steps = [output[: end + 1] for end in range(len(output))]
    plain, stepwise = load_one(GYM), load_one([{**GYM[0], "response": {"output": steps}}])
    assert stepwise.turns == plain.turns
    assert not stepwise.meta["import"]["lost"]
    other = load_one([{**GYM[0], "response": {"output": [output[:1] * 2, output]}}])
    assert other.meta["import"]["lost"] == {
        "response.output[] that is no beginning of the last one": 1
    }

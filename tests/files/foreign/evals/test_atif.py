"""ATIF: steps, sub-agents, continuations."""

from __future__ import annotations

import json
from pathlib import Path

import agentkit as ak
from tests.files.foreign.evals.atif_cases import FURTHER, NEW, SAILOR
from tests.files.foreign.evals.one import load_one


def test_a_step_of_the_agent_is_a_turn_with_its_results_and_tokens() -> None:
    rollout = load_one(NEW)
    assert [m.content for m in rollout.prompt] == ["You know the sea.", "When is high tide?"]
    first, last = rollout.turns
    assert [(c.name, c.arguments) for c in first.tool_calls] == [
        ("sailor", {"q": "?"}),
        ("tide", {}),
    ]
    assert [r.content for r in first.tool_results] == ["At 14:20.", "14:20"]
    assert first.reasoning == "hm"
    assert list(first.response.token_ids) == [4, 5]
    assert list(first.response.prompt_token_ids) == [1, 2, 3]
    assert first.response.logprobs[1].logprob == -0.2
    assert (first.usage.input_tokens, first.usage.cached_tokens) == (3, 1)
    assert [m.content for m in last.added] == ["A step that no model gave."]
    assert last.response.content == "ls"
    assert rollout.open is not None
    assert rollout.open.added[0].content == "tides"  # it came of no call
    assert (rollout.spec.model, rollout.meta["session"]) == ("tide-1", "s1")
    assert rollout.spec.tools[0]["function"]["name"] == "sailor"
    assert rollout.meta["import"]["lost"] == {
        "a content part that is no text": 1,
        "steps[].colour": 1,
    }


def test_a_sub_agent_in_the_same_file_is_a_rollout_in_its_call() -> None:
    inner = load_one(json.dumps(NEW)).turns[0].tool_results[0].trajectory
    assert inner is not None
    assert inner.final == "At 14:20."
    assert inner.spec.model == "tide-0"


def test_a_folder_is_one_rollout_with_what_it_goes_on_in(tmp_path: Path) -> None:
    agent = tmp_path / "agent"
    agent.mkdir()
    (agent / "trajectory.json").write_text(json.dumps(NEW))
    (agent / "trajectory.cont-1.json").write_text(json.dumps(FURTHER))
    (agent / "trajectory.sub.json").write_text(json.dumps(SAILOR))
    trial = {"task_name": "brest", "verifier_result": {"rewards": {"reward": 0.5}}}
    (tmp_path / "result.json").write_text(json.dumps(trial))
    (rollout,) = ak.load(tmp_path, all=True)
    third = rollout.turns[2]
    assert third.kept == 0  # the history begins anew
    assert [m.content for m in third.added] == ["A summary.", "Copied.", "Go on."]
    assert [m["content"] for m in rollout.request(2).messages] == [
        "A summary.",
        "Copied.",
        "Go on.",
    ]
    assert third.tool_results[0].trajectory is not None
    assert (rollout.meta["task"], rollout.meta["reward"]) == ("brest", 0.5)


def test_trajectories_that_name_themselves_end() -> None:
    loop = {**SAILOR, "subagent_trajectories": None}
    loop["steps"] = [*SAILOR["steps"], NEW["steps"][2]]
    loop["subagent_trajectories"] = [{**loop, "subagent_trajectories": []}]
    assert len(load_one(json.dumps(loop)).turns) == 2


def test_one_screen_of_several_commands_is_what_the_last_gave() -> None:
    step = {**NEW["steps"][2], "observation": {"results": [{"content": "screen"}]}}
    rollout = load_one({**SAILOR, "steps": [SAILOR["steps"][0], step]})
    assert [result.content for result in rollout.turns[0].tool_results] == ["", "screen"]
    assert rollout.meta["import"]["lost"] == {
        "observation.results[] of several calls, kept at the last": 1
    }

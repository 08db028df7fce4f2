"""verifiers' results and traces, and prime-rl's step folders."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import agentkit as ak
from tests.files.foreign.evals.one import load_one
from tests.files.foreign.evals.verifiers_cases import EPISODE, FAILED_EPISODE, RESULTS, TRACE


def test_a_result_is_its_prompt_and_its_completion() -> None:
    first, second = ak.load(RESULTS, all=True)
    assert [m.role for m in first.prompt] == ["system", "user", "assistant", "user"]
    assert first.turns[0].tool_calls[0].name == "tide"
    assert first.turns[0].tool_results[0].content == "14:20"
    assert first.turns[1].response.content == "At 14:20."
    assert (first.meta["task"], first.meta["sample"], first.meta["reward"]) == ("tides", 4, 1.0)
    assert first.meta["duration"] == 1.5
    assert second.meta["labels"] == {"pace": 0.5}
    assert second.meta["error"]["message"] == "boom"
    assert second.spec.tools[0]["function"]["name"] == "tide"
    assert not second.meta["import"]["lost"]


def test_a_results_tokens_are_those_of_its_steps() -> None:
    waiting = ak.load(RESULTS, all=True)[1].open
    assert waiting is not None
    response = waiting.response
    assert response is not None
    assert list(response.token_ids) == [3, 4]
    assert list(response.prompt_token_ids) == [1, 2]
    assert [one.logprob for one in response.logprobs] == [-0.1, -0.2]
    assert response.finish_reason == "tool_calls"
    assert response.reasoning == "hm"
    assert response.raw["imported"]["step"]["advantage"] == 0.25


def test_a_folder_of_a_run_names_the_model(tmp_path: Path) -> None:
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
        lines = "\n".join(json.dumps(row) for row in RESULTS)
        (tmp_path / place / "results.jsonl").write_text(lines)
        run = {"env_id": "sea", "model": "tide-1", "sampling_args": {"temperature": 1.0}}
        (tmp_path / place / "metadata.json").write_text(json.dumps(run))
    found = ak.load(tmp_path, all=True)
    assert [rollout.spec.model for rollout in found] == ["tide-1"] * 4
    assert found[1].meta["task"] == "sea"
    assert found[0].spec.sampling == {"temperature": 1.0}


def test_a_branch_of_a_trace_is_a_rollout_with_its_tokens() -> None:
    main, side = ak.load([EPISODE], all=True)
    first, last = main.turns
    assert list(first.response.prompt_token_ids) == [1, 2, 3]
    assert list(first.response.token_ids) == [4, 5]
    assert list(last.response.prompt_token_ids) == [1, 2, 3, 4, 5, 6, 7]
    assert [one.logprob for one in last.response.logprobs] == [-0.3]
    assert first.raw["imported"]["advantages"] == [0.5, 0.5]
    assert (first.usage.input_tokens, first.usage.cached_tokens) == (3, 1)
    assert (first.started, first.response.exchange.elapsed) == (1767225600.0, 2.0)
    assert [m.role for m in side.prompt] == ["user", "assistant", "user"]
    assert side.turns[0].response.content == "Again."
    assert (main.meta["branch"], side.meta["branch"]) == (0, 1)
    assert main.meta["import"]["lost"] == {"nodes[].message.provider_state": 1, "trace.colour": 1}


def test_a_trace_says_of_which_step_and_group_it_is() -> None:
    main = ak.load([EPISODE], all=True)[0]
    assert main.spec.sampling == {"temperature": 0.5}
    assert main.meta["reward"] == 2.0
    assert main.meta["labels"] == {"found": 1.0}
    assert (main.meta["step"], main.meta["group"], main.meta["split"]) == (7, "g1", "train")
    assert (main.meta["task"], main.meta["agent"]) == ("brest", "solver")
    assert [(a.turn, a.error.kind) for a in main.attempts] == [(1, "rate_limited")]
    assert main.stop_reason == "final"


def test_an_episode_without_a_trace_is_named(caplog: pytest.LogCaptureFixture) -> None:
    assert len(ak.load([EPISODE, FAILED_EPISODE], all=True)) == 2
    assert "an episode without a trace: no box" in caplog.text


def test_a_step_folder_of_prime_rl_is_its_traces(tmp_path: Path) -> None:
    for kind in ("train", "eval"):
        folder = tmp_path / "rollouts" / "step_7" / kind / "effective"
        folder.mkdir(parents=True)
        (folder / "traces.jsonl").write_text(json.dumps(EPISODE) + "\n")
    assert len(ak.load(tmp_path, all=True)) == 4


def test_a_trace_alone_is_read() -> None:
    lonely = {**TRACE, "nodes": TRACE["nodes"][:2]}
    assert load_one(json.dumps(lonely)).pending[0].name == "tide"


def test_an_early_row_has_its_metrics_flat_and_its_prompt_twice() -> None:
    asked = {"role": "user", "content": "When?"}
    row = {
        "id": 3,
        "prompt": [asked],
        "completion": [{**asked, "tool_calls": None}, {"role": "assistant", "content": "14:20"}],
        "task": "default",
        "reward": 1.0,
        "generation_ms": 100.0,
        "scoring_ms": 1.0,
        "correct": 1.0,
        "turns": 1.0,
    }
    rollout = load_one([row])
    assert [m.content for m in rollout.prompt] == ["When?"]
    assert rollout.turns[0].added == ()
    assert (rollout.meta["sample"], rollout.meta["labels"]) == (3, {"correct": 1.0})
    assert rollout.meta["import"]["lost"] == {}


def test_a_zero_is_a_value_and_no_metric_is_null() -> None:
    nothing = {"task": 0, "example_id": 0, "reward": 0, "generation_ms": 0}
    row = {**RESULTS[0], **nothing, "timing": {"generation_ms": 9, "total": 9}}
    rollout = load_one([{**row, "metrics": {"pace": None, "exact": 0}}])
    kept = ("task", "sample", "reward", "duration", "labels")
    assert [rollout.meta[name] for name in kept] == [0, 0, 0, 0.0, {"exact": 0}]


def test_the_time_of_a_whole_rollout_is_not_under_the_name_of_a_column() -> None:
    table = ak.explore(ak.load(RESULTS, all=True)).frame
    assert table["duration"].tolist() == [1.5, 2.5]
    assert table["elapsed"].isna().all()


def test_a_trace_keeps_what_is_known_of_its_task() -> None:
    data = {"idx": 0, "prompt": "When?", "answer": "14:20", "level": 3, "resources": {"cpu": 1}}
    task = {"type": "Tide", "data": data}
    meta = ak.load({**TRACE, "task": task}, all=True)[0].meta
    assert (meta["task"], meta["answer"]) == (0, "14:20")
    assert meta["data"] == {"idx": 0, "level": 3}


def test_a_row_that_failed_with_calls_to_answer_says_so() -> None:
    second = ak.load(RESULTS, all=True)[1]
    assert (second.stop_reason, len(second.pending)) == ("error", 1)

"""Rollouts written in the formats of other tools: what is written is read again, and what a format
has no place for is told.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import agentkit as ak
from agentkit.errors import UsageError
from agentkit.types.trajectory import Trajectory
from tests.files.foreign.datasets.rows import PARTS, SLIME
from tests.files.foreign.logs.test_api_files import ITEMS, MESSAGES
from tests.files.foreign.logs.traffic import HAR

FORMATS = ("atif", "otel", "openai", "finetune", "verifiers", "sharegpt", "parquet")
SOURCES: dict[str, Any] = {
    "chat": [HAR],
    "parts": [PARTS],
    "text calls": [SLIME],
    "responses": ITEMS,
    "messages": MESSAGES,
}


SLIME_MESSAGES = [
    {"role": "user", "content": "When is high tide?"},
    {"role": "assistant", "content": "At 14:20."},
]


def first(source: Any) -> Trajectory:
    (rollout,) = ak.load(source, all=True)
    return rollout


def said(rollout: Trajectory) -> list[Any]:
    """What every format holds: who said what, calls and results."""
    found: list[Any] = [(m.role, m.content) for m in rollout.prompt]
    for turn in rollout.all_turns:
        found += [(m.role, m.content) for m in turn.added]
        calls = [(call.name, call.arguments) for call in turn.tool_calls]
        found.append(("assistant", turn.response.content or "", calls))
        found += [("tool", r.content) for r in turn.results if r is not None]
    return found


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", SOURCES)
def test_what_is_written_is_read_again(name: str, format: str, tmp_path: Path) -> None:
    rollout = first(SOURCES[name])
    path = ak.save(rollout, tmp_path / "written", format=format)
    again = first(path)
    assert said(again) == said(rollout)
    named = [tool["function"]["name"] for tool in again.spec.tools]
    assert named == [tool["function"]["name"] for tool in rollout.spec.tools]
    if format != "finetune":  # messages and tools alone
        assert again.meta.get("reward") == rollout.meta.get("reward")
        assert again.spec.model == rollout.spec.model
        assert [t.reasoning for t in again.turns] == [t.reasoning for t in rollout.turns]


def test_atif_holds_steps_calls_observations_and_tokens(tmp_path: Path) -> None:
    path = ak.save(first([SLIME]), tmp_path / "run.json", format="atif")
    document = json.loads(path.read_text())
    assert document["schema_version"] == "ATIF-v1.8"
    assert [step["step_id"] for step in document["steps"]] == [1, 2, 3, 4]
    assert [step["source"] for step in document["steps"]] == ["system", "user", "agent", "agent"]
    called = document["steps"][2]
    (call,) = called["tool_calls"]
    assert (call["function_name"], call["arguments"]) == ("tide", {"port": "Brest"})
    (result,) = called["observation"]["results"]
    assert (result["source_call_id"], result["content"]) == (call["tool_call_id"], "6")
    assert called["metrics"]["completion_token_ids"] == [4, 5, 6]
    assert called["metrics"]["logprobs"] == [-0.1, -0.2, -0.3]
    assert document["extra"]["reward"] == 1.0
    many = ak.save([first([SLIME]), first([PARTS])], tmp_path / "runs.jsonl", format="atif")
    assert len(many.read_text().splitlines()) == 2


def test_spans_hold_messages_usage_and_tools(tmp_path: Path) -> None:
    path = ak.save(first([HAR]), tmp_path / "spans.json", format="otel")
    (resource,) = json.loads(path.read_text())["resourceSpans"]
    spans = resource["scopeSpans"][0]["spans"]
    assert [span["name"] for span in spans] == [
        *("invoke_agent", "chat m", "execute_tool tide", "chat m"),
    ]
    root, chat, tool, _ = spans
    assert {span["traceId"] for span in spans} == {root["traceId"]}
    assert chat["parentSpanId"] == tool["parentSpanId"] == root["spanId"]
    assert len({span["spanId"] for span in spans}) == 4
    known = {one["key"]: one["value"] for one in chat["attributes"]}
    (output,) = json.loads(known["gen_ai.output.messages"]["stringValue"])
    assert output["finish_reason"] == "tool_call"
    assert output["parts"][0]["arguments"] == {"port": "Brest"}
    assert (chat["startTimeUnixNano"], chat["endTimeUnixNano"]) == (
        *("1704067200000000000", "1704067200250000000"),
    )


def test_a_reward_is_the_result_of_an_evaluation(tmp_path: Path) -> None:
    path = ak.save(first([SLIME]), tmp_path / "spans.json", format="otel")
    root = json.loads(path.read_text())["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    (event,) = root["events"]
    values = {one["key"]: one["value"] for one in event["attributes"]}
    assert event["name"] == "gen_ai.evaluation.result"
    assert values["gen_ai.evaluation.score.value"] == {"doubleValue": 1.0}


LABELLED = {
    "messages": SLIME_MESSAGES,
    "reward": 0.25,
    "labels": {"exact": 1, "kind": "tide", "passed": True, "checks": {"port": 0.5}},
    "sample": 7,
    "task": "tides",
    "model": "m",
}


@pytest.mark.parametrize("format", [one for one in FORMATS if one != "finetune"])
def test_reward_labels_sample_and_task_are_read_again(format: str, tmp_path: Path) -> None:
    rollout = first([LABELLED])
    again = first(ak.save(rollout, tmp_path / "written", format=format))
    kept = ("reward", "labels", "task", "sample")
    assert {key: again.meta.get(key) for key in kept} == {key: LABELLED[key] for key in kept}
    assert again.spec.model == "m"


def test_scores_of_other_tools_are_labels() -> None:
    told = {"gen_ai.evaluation.name": "Relevance", "gen_ai.evaluation.score.label": "pass"}
    span = {
        "name": "chat m",
        "traceId": "a" * 32,
        "spanId": "b" * 16,
        "attributes": {
            "gen_ai.operation.name": "chat",
            "gen_ai.output.messages": [
                {"role": "assistant", "parts": [{"type": "text", "content": "Hi"}]}
            ],
        },
        "events": [{"name": "gen_ai.evaluation.result", "attributes": told}],
    }
    assert first([span]).meta["labels"] == {"Relevance": "pass"}


def test_what_is_left_out_is_told_in_one_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ak.save(first([SLIME]), tmp_path / "train.jsonl", format="finetune")
    (record,) = caplog.records
    line = record.getMessage()
    assert line.startswith("train.jsonl: left out: ")
    assert "meta.reward (1)" in line
    assert "token ids and logprobs (2)" in line
    assert "raw answers (2)" in line


def test_examples_are_chosen_by_reward_and_turns_by_weight(tmp_path: Path) -> None:
    good, bad = first([SLIME]), first([{**SLIME, "reward": -1.0}])
    unknown = first([PARTS])
    path = ak.save(
        [good, bad, unknown],
        tmp_path / "train.jsonl",
        format="finetune",
        min_reward=0.5,
        weight=lambda turn: not turn.tool_calls,
    )
    (line,) = path.read_text().splitlines()
    weights = [m.get("weight") for m in json.loads(line)["messages"] if m["role"] == "assistant"]
    assert weights == [0, 1]
    with pytest.raises(UsageError, match="none of 1 rollouts has a reward of 2"):
        ak.save(bad, tmp_path / "train.jsonl", format="finetune", min_reward=2)
    assert len(ak.load(ak.save([good, bad], tmp_path / "kept.jsonl", min_reward=0), all=True)) == 1


def test_weights_of_a_data_set_are_kept(tmp_path: Path) -> None:
    path = ak.save(first([PARTS]), tmp_path / "train.jsonl", format="finetune")
    messages = json.loads(path.read_text())["messages"]
    assert [m.get("weight") for m in messages if m["role"] == "assistant"] == [1, None]


def test_a_name_in_parquet_is_parquet(tmp_path: Path) -> None:
    path = ak.save([first([SLIME]), first([PARTS])], tmp_path / "rows.parquet")
    assert path.read_bytes()[:4] == b"PAR1"
    one, two = ak.load(path, all=True)
    assert one.meta["reward"] == 1.0
    assert "reward" not in two.meta


def test_a_format_that_is_not_there_is_refused_with_the_one_meant(tmp_path: Path) -> None:
    rollout = first([SLIME])
    with pytest.raises(UsageError, match="did you mean 'sharegpt'"):
        ak.save(rollout, tmp_path / "x.jsonl", format="share_gpt")
    with pytest.raises(UsageError, match="there are: atif, otel"):
        ak.save(rollout, tmp_path / "x.jsonl", format="excel")
    with pytest.raises(UsageError, match="no place for the weight"):
        ak.save(rollout, tmp_path / "x.jsonl", format="atif", weight=bool)
    with pytest.raises(UsageError, match="no place for the weight"):
        ak.save(rollout, tmp_path / "x.jsonl", weight=bool)


@pytest.mark.parametrize("format", FORMATS)
def test_no_known_secret_is_written(
    format: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_API_KEY", "sk-acme-0123456789abcdefghij")
    rollout = first([[{"role": "user", "content": "sk-acme-0123456789abcdefghij"}]])
    path = ak.save(rollout, tmp_path / "x", format=format)
    assert b"sk-acme-0123456789" not in path.read_bytes()


def test_messages_in_parquet_are_structs_and_parts_come_back(tmp_path: Path) -> None:
    from pyarrow import parquet, types

    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    shown = [{"type": "text", "text": "Look."}, image]
    like = '[{"type": "text", "text": "no part, but text"}]'
    said = {"role": "assistant", "content": "I see."}
    given = [
        ak.load([{"role": "user", "content": content}, said]) for content in (shown, like, "Hi")
    ]
    path = ak.save(given, tmp_path / "rows.parquet")
    assert types.is_struct(parquet.read_table(path).schema.field("messages").type.value_type)
    one, two, three = ak.load(path, all=True)
    assert one.messages[0]["content"] == shown
    assert two.messages[0]["content"] == [{"type": "text", "text": like}]
    assert three.messages[0]["content"] == "Hi"


def test_messages_that_are_no_structs_are_text_in_parquet(tmp_path: Path) -> None:
    said = {"role": "assistant", "content": "I see."}
    given = [ak.load([{"role": "user", "content": "Hi", "name": n}, said]) for n in ("a", 7)]
    path = ak.save(given, tmp_path / "rows.parquet")
    assert [one.messages[0]["name"] for one in ak.load(path, all=True)] == ["a", 7]

"""What a format cannot hold is named in the line of the log; all else comes back as it was."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import agentkit as ak
from agentkit.testing import ScriptedServer, says
from agentkit.types.trajectory import Trajectory
from tests.files.foreign.evals.inspect_cases import HEAD
from tests.files.foreign.evals.swe_cases import MINI_V1

FORMATS = ("atif", "otel", "openai", "finetune", "verifiers", "sharegpt", "parquet")
CALL = {"id": "c1", "function": "tide", "arguments": {}, "type": "function"}
ASKED = {"role": "user", "content": "When is high tide?"}


def one(source: Any) -> Trajectory:
    (rollout,) = ak.load(source, all=True)
    return rollout


def written(
    rollout: Trajectory, format: str, folder: Path, caplog: pytest.LogCaptureFixture
) -> tuple[Trajectory, str]:
    """Write a rollout and read it again; with what was said to be left out."""
    caplog.clear()
    path = ak.save(rollout, folder / "written", format=format)
    told = "\n".join(record.getMessage() for record in caplog.records)
    return one(path), told


def failed(kind: str) -> Trajectory:
    """Load a constructed sample of Inspect whose tool failed."""
    error = {"type": kind, "message": "no port"}
    messages = [
        ASKED,
        {"role": "assistant", "content": "", "source": "generate", "tool_calls": [CALL]},
        {"role": "tool", "content": "no port", "tool_call_id": "c1", "error": error},
        {"role": "assistant", "content": "I cannot.", "source": "generate"},
    ]
    return one({**HEAD, "samples": [{"id": 1, "epoch": 1, "messages": messages}]})


@pytest.mark.parametrize("kind", ["parsing", "timeout", "approval", "permission"])
@pytest.mark.parametrize("format", FORMATS)
def test_how_a_call_came_out_comes_back_or_is_named(
    format: str, kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rollout = failed(kind)
    (result,) = rollout.turns[0].tool_results
    assert result.status != "ok"
    again, told = written(rollout, format, tmp_path, caplog)
    (read,) = again.turns[0].tool_results
    if format in ("atif", "otel"):
        assert (read.status, read.error) == (result.status, result.error)
        assert "errors of tools" not in told
    else:
        assert "errors of tools (1)" in told
    assert read.content == result.content


BEHIND: list[dict[str, Any]] = [
    ASKED,
    {"role": "assistant", "content": "At 14:20."},
    {"role": "user", "content": "And low tide?"},
    {"role": "user", "content": "In Brest."},
]


@pytest.mark.parametrize("messages", [BEHIND, BEHIND[:1], BEHIND[:2]])
@pytest.mark.parametrize("format", FORMATS)
def test_what_was_said_behind_the_last_answer_is_written(
    format: str,
    messages: list[dict[str, Any]],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    rollout = one([messages])
    again, _ = written(rollout, format, tmp_path, caplog)
    assert [(m["role"], m["content"]) for m in again.messages] == [
        (m["role"], m["content"]) for m in messages
    ]
    assert again.stop_reason == rollout.stop_reason


@pytest.mark.parametrize("format", FORMATS)
def test_a_result_behind_the_last_answer_is_written_or_named(
    format: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stray = {"role": "tool", "tool_call_id": "c9", "content": "14:20"}
    again, told = written(one([[*BEHIND[:2], stray]]), format, tmp_path, caplog)
    if format == "atif":
        assert "results that answer no call (1)" in told
    else:
        assert again.messages[-1]["content"] == "14:20"


@pytest.mark.parametrize("text", ["print(1)", '{"a": 1}'])
@pytest.mark.parametrize("format", FORMATS)
def test_an_input_of_a_custom_call_comes_back_as_the_text_it_was(
    format: str, text: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    custom = {"id": "c1", "type": "custom", "custom": {"name": "python", "input": text}}
    rollout = one(
        [
            [
                ASKED,
                {"role": "assistant", "content": "I compute.", "tool_calls": [custom]},
                {"role": "tool", "tool_call_id": "c1", "content": "1"},
                {"role": "assistant", "content": "1"},
            ]
        ]
    )
    again, told = written(rollout, format, tmp_path, caplog)
    if format == "sharegpt":
        assert "that calls were custom (their input is kept as arguments) (1)" in told
        [call] = again.turns[0].tool_calls
        assert (call.status, call.arguments) == ("ok", {"input": text})
        return
    (call,) = again.turns[0].tool_calls
    assert (call.status, call.raw_arguments, call.name) == ("custom", text, "python")
    assert not call.problems
    assert again.turns[0].tool_results[0].content == "1"


def test_arguments_that_are_no_object_come_back_from_atif(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = {"id": "c1", "type": "function", "function": {"name": "tide", "arguments": '{"a'}}
    rollout = one([[ASKED, {"role": "assistant", "content": None, "tool_calls": [broken]}]])
    for format in ("atif", "otel"):
        again, _ = written(rollout, format, tmp_path, caplog)
        (call,) = again.pending
        assert (call.status, call.raw_arguments) == ("invalid", '{"a')


@pytest.mark.parametrize("status", ["Submitted", "LimitsExceeded", "TimeExceeded", "Crash"])
@pytest.mark.parametrize("format", FORMATS)
def test_why_a_rollout_ended_comes_back_or_is_named(
    format: str, status: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rollout = one({**MINI_V1, "info": {**MINI_V1["info"], "exit_status": status}})
    assert rollout.stop_reason is not None
    again, told = written(rollout, format, tmp_path, caplog)
    named = "how it ended (1)" in told
    unheld = format == "finetune" or (format == "verifiers" and status in ("TimeExceeded", "Crash"))
    assert named is unheld
    if not unheld:
        assert again.stop_reason == rollout.stop_reason


@pytest.mark.parametrize("format", ["openai", "sharegpt", "parquet"])
@pytest.mark.parametrize(
    "meta", [{"id": "s0"}, {"id": "s0", "sample": 0}, {"sample": 0}, {"score": 0, "reward": 1}]
)
def test_meta_comes_back_under_its_own_name(
    format: str, meta: dict[str, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rollout = one([{"messages": BEHIND[:2], **meta}])
    again, told = written(rollout, format, tmp_path, caplog)
    kept = {key: value for key, value in again.meta.items() if key != "import"}
    assert kept == meta
    assert "meta." not in told


def test_meta_that_a_row_would_read_otherwise_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rollout = replace(one([{"messages": BEHIND[:2]}]), meta={"seed": 3, "system": "harbour"})
    again, told = written(rollout, "openai", tmp_path, caplog)
    assert "meta.seed (1)" in told
    assert again.spec.sampling == {}
    again, told = written(rollout, "sharegpt", tmp_path, caplog)
    assert "meta.system (1)" in told
    assert again.prompt == rollout.prompt


def test_the_last_results_of_a_rollout_are_not_said_twice(tmp_path: Path) -> None:
    path = ak.save(one(MINI_V1), tmp_path / "spans.json", format="otel")
    assert "messages_behind" not in json.dumps(json.loads(path.read_text()))


SPELLED = (
    '{"a":1,  "b":"é"}',
    '{"a": 1, "b": "é"}',
    '{ "b" : "\\u00e9" }',
    '{"a": 1.0, "a": 1e2}',
    '{\n  "a": []\n}',
)


@pytest.mark.parametrize("calls", [SPELLED[:1], SPELLED[1:2], SPELLED])
@pytest.mark.parametrize("content", [None, "I look it up."])
@pytest.mark.parametrize("format", FORMATS)
def test_the_text_of_arguments_comes_back_or_is_named(
    format: str,
    content: str | None,
    calls: tuple[str, ...],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    listed = [
        {"id": f"c{place}", "type": "function", "function": {"name": "tide", "arguments": text}}
        for place, text in enumerate(calls)
    ]
    said = [ASKED, {"role": "assistant", "content": content, "tool_calls": listed}]
    results = [{"role": "tool", "tool_call_id": call["id"], "content": "14:20"} for call in listed]
    rollout = one([{"messages": [*said, *results]}])
    again, told = written(rollout, format, tmp_path, caplog)
    (before, after) = (
        [call.raw_arguments for call in each.turns[0].tool_calls] for each in (rollout, again)
    )
    odd = sum(text != SPELLED[1] for text in calls)
    if format == "otel":
        assert (f"how the JSON of arguments was written ({odd})" in told) == bool(odd)
        assert [call.arguments for call in again.turns[0].tool_calls] == [
            call.arguments for call in rollout.turns[0].tool_calls
        ]
    else:
        assert before == after == list(calls)
        assert "arguments" not in told


@pytest.mark.parametrize("format", FORMATS)
def test_arguments_that_were_mended_are_named(
    format: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A call whose arguments are read from what is no JSON is written with those that were read."""
    agent = ak.Agent(
        "m", [tide], policy="repair", server=ScriptedServer([says(None, *broken()), says("Done.")])
    )
    rollout = ak.rollout(agent, "When is high tide?")
    assert rollout.turns[0].tool_calls[0].status == "repaired"
    again, told = written(rollout, format, tmp_path, caplog)
    assert again.turns[0].tool_calls[0].arguments == {"port": "Brest"}
    assert "arguments as they came, which were no JSON (1)" in told


def tide(port: str) -> str:
    """The tide."""
    return f"14:20 in {port}"


def broken() -> list[dict[str, Any]]:
    """Constructed: a call whose arguments have a comma too many."""
    function = {"name": "tide", "arguments": '{"port": "Brest",}'}
    return [{"id": "c1", "type": "function", "function": function}]

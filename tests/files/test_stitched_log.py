"""A flow log as rollouts: loaded whole, and while it is still written."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

import agentkit as ak
from agentkit.files.foreign.logs.flow_log import flow_line, head_line
from agentkit.files.foreign.logs.stitched_log import GrowingLog
from agentkit.types.wire import Flow
from tests.trajectory.stitch.foreign_agent import (
    SYSTEM,
    USER,
    assistant,
    call,
    result,
    wire,
)


def run_of(name: str) -> list[Flow]:
    """Record a run of two turns (constructed)."""
    tap = wire()
    tap.ask([SYSTEM, USER], assistant(call(name)))
    tap.ask([SYSTEM, USER, assistant(call(name)), result(name)], assistant(content="It is 21."))
    return tap.flows


def written(path: Path, *lines: str) -> Path:
    path.write_text(head_line({"": "http://localhost:1/v1"}) + "".join(lines))
    return path


def test_a_log_is_loaded_as_rollouts(tmp_path: Path) -> None:
    lines = [flow_line(flow) for flow in run_of("a")]
    rollout = ak.load(written(tmp_path / "flows.jsonl", *reversed(lines)))
    assert isinstance(rollout, ak.Trajectory)
    assert rollout.final == "It is 21."
    (found,) = rollout.turns[0].tool_results
    assert (found.content, found.elapsed) == ("21", 0.75)
    assert rollout.turns[1].raw["choices"][0]["message"]["content"] == "It is 21."
    assert ak.turns_df(tmp_path / "flows.jsonl")["rollout"].tolist() == [0, 0]


def test_a_bad_line_costs_itself_and_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lines = [flow_line(flow) for flow in run_of("a")]
    path = written(tmp_path / "flows.jsonl", lines[0], lines[1][:50] + "\n", lines[1])
    with caplog.at_level(logging.WARNING, "agentkit"):
        (rollout,) = ak.load(path, all=True)
    assert rollout.final == "It is 21."
    assert "line 3 is torn" in caplog.text


def test_a_log_without_a_flow_holds_no_rollout(tmp_path: Path) -> None:
    assert ak.load(written(tmp_path / "flows.jsonl")) == []


def test_a_stitched_rollout_is_saved_and_loaded(tmp_path: Path) -> None:
    rollout = ak.load(written(tmp_path / "flows.jsonl", *map(flow_line, run_of("a"))))
    assert ak.load(ak.save(rollout, tmp_path / "saved.jsonl")) == rollout


def test_a_log_is_read_while_it_grows(tmp_path: Path) -> None:
    first, second = (flow_line(flow) for flow in run_of("a"))
    path = written(tmp_path / "flows.jsonl")
    log = GrowingLog(path)
    assert log.rollouts == []
    with path.open("a") as file:
        file.write(first + second[:30])
        file.flush()
        (rollout,) = log.rollouts
        assert [c.name for c in rollout.pending] == ["get_weather"]
        file.write(second[30:])
    assert [len(rollout.turns) for rollout in log.rollouts] == [2]
    assert ak.turns_df(log)["rollout"].tolist() == [0, 0]
    assert log.problems == ()


def test_another_file_of_the_name_is_read_anew(tmp_path: Path) -> None:
    path = written(tmp_path / "flows.jsonl", *map(flow_line, run_of("a")))
    log = GrowingLog(path)
    assert len(log.rollouts) == 1
    written(path, flow_line(run_of("b")[0]))
    (rollout,) = log.rollouts
    assert json.loads(rollout.turns[0].response.exchange.body if rollout.turns else "null") is None
    assert [c.id for c in rollout.pending] == ["b"]

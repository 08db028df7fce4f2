"""Traces that are written can be sent to a collector as they are: each rollout has an id of its own
in whatever file, and the span around it has times.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import agentkit as ak

RUN = ak.rollout(ak.demo(), "Do I need a coat in Oslo?")


def spans(rollouts: Any, path: Path) -> list[dict[str, Any]]:
    ak.save(rollouts, path, format="otel")
    (resource,) = json.loads(path.read_text())["resourceSpans"]
    (scope,) = resource["scopeSpans"]
    found: list[dict[str, Any]] = scope["spans"]
    return found


def trace_of(rollout: Any, path: Path) -> str:
    (found,) = {span["traceId"] for span in spans(rollout, path)}
    return str(found)


def test_rollouts_of_two_files_are_two_traces(tmp_path: Path) -> None:
    other = ak.rollout(ak.demo(), "Weather in Rome and Cairo?")
    odd = ak.load([{"role": "user", "content": "\ud800"}, {"role": "assistant", "content": "?"}])
    ids = [trace_of(each, tmp_path / "trace.json") for each in (RUN, other, odd)]
    assert len({*ids}) == 3
    assert trace_of(RUN, tmp_path / "again.json") == ids[0]
    both = spans([RUN, RUN], tmp_path / "both.json")
    assert len({span["traceId"] for span in both}) == 2


def test_the_span_around_a_rollout_has_its_times(tmp_path: Path) -> None:
    root, *inside = spans(RUN, tmp_path / "trace.json")
    assert root["name"] == "invoke_agent"
    assert int(root["startTimeUnixNano"]) == min(int(one["startTimeUnixNano"]) for one in inside)
    assert int(root["endTimeUnixNano"]) == max(int(one["endTimeUnixNano"]) for one in inside)


def test_where_no_time_is_known_none_is_written(tmp_path: Path) -> None:
    chat = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}]
    for span in spans(ak.load(chat), tmp_path / "trace.json"):
        assert not {"startTimeUnixNano", "endTimeUnixNano"} & span.keys()


@pytest.mark.parametrize("format", ["atif", "otel", "openai", "finetune", "verifiers", "sharegpt"])
def test_half_a_surrogate_pair_is_written_as_json_has_it(format: str, tmp_path: Path) -> None:
    odd = ak.load([{"role": "user", "content": "\ud800"}, {"role": "assistant", "content": "?"}])
    path = ak.save(odd, tmp_path / "odd.jsonl", format=format)
    assert "\\ud800" in path.read_text()
    assert ak.load(path, all=True)[0].prompt[0].content == "\ud800"

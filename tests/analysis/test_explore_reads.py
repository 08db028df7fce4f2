"""What of a file is read for a table: the index where it says enough, each rollout once else."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import agentkit as ak
from agentkit.files.cassette.index import Index


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Counter[int]:
    """How often each rollout of a file was read, by sample."""
    count: Counter[int] = Counter()
    load = Index.load

    def counted(self: Index, entry: Any) -> ak.Trajectory:
        count[entry.sample] += 1
        return load(self, entry)

    monkeypatch.setattr(Index, "load", counted)
    return count


def recorded(path: Path) -> Path:
    ak.rollouts(ak.demo(), [f"Weather in Oslo? {n}" for n in range(6)], record=path)
    return path


def test_a_table_of_a_file_reads_no_rollout(tmp_path: Path, read: Counter[int]) -> None:
    path = recorded(tmp_path / "run.jsonl")
    read.clear()
    table = ak.explore(path)
    assert len(table.filter("tools~get_weather elapsed>0 codes!=nothing error=none")) == 6
    assert len(table.frame) == 6
    assert not read


def test_the_table_of_a_file_is_that_of_its_rollouts(tmp_path: Path) -> None:
    path = recorded(tmp_path / "run.jsonl")
    of_file, of_values = ak.explore(path).frame, ak.explore(ak.load(path, all=True)).frame
    columns = [name for name in of_values.columns if name != "sample"]
    assert of_file[columns].equals(of_values[columns])


def test_a_rollout_of_an_older_file_is_read_once_for_all_columns(
    tmp_path: Path, read: Counter[int]
) -> None:
    path = recorded(tmp_path / "run.jsonl")
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    old = [line for line in lines if line.get("sample") == 2 and line.pop("columns", None)]
    assert len(old) == 1
    ours = [json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines]
    path.write_text("".join(ours), "utf-8")
    read.clear()
    assert len(ak.explore(path).frame) == 6
    assert read == {2: 1}


def test_a_long_final_answer_is_read_for_it_alone(tmp_path: Path, read: Counter[int]) -> None:
    server = ak.testing.ScriptedServer(["short", "long " * 200])
    path = tmp_path / "run.jsonl"
    agent = ak.record(ak.Agent("m", server=server), path)
    for prompt in ("a", "b"):
        ak.rollout(agent, prompt)
    read.clear()
    table = ak.explore(path)
    assert table.frame["final"].tolist() == ["short", "long " * 200]
    assert read == {1: 1}

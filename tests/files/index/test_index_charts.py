"""Charts of an index and of a file are those of its rollouts, and few of them are read."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import agentkit as ak
from agentkit.analysis.frames.turns import turn_rows
from agentkit.files.index.sidecars.sidecar import Sidecar
from agentkit.show.charts import percentiles
from agentkit.testing import by_turn, calls, says
from tests.benchmarks.kept_memory import run
from tests.support.paths import CORPUS

CASSETTES = sorted((CORPUS / "cassettes" / "version_1").glob("*.jsonl"))


def lookup(key: str) -> str:
    """Look it up."""
    if key == "b":
        raise ValueError("no such key")
    return f"found {key}"


@pytest.fixture
def troubled(tmp_path: Path) -> Path:
    """Six constructed rollouts, one of which has a tool that failed, and one an odd answer."""
    path = tmp_path / "troubled.jsonl"
    for key in ("a", "b", "a", "c"):
        server = ak.testing.ScriptedServer(by_turn(says(None, calls("lookup", key=key)), "Done"))
        ak.rollouts(ak.Agent("m", tools=[lookup], server=server), [f"find {key}"], record=path)
    for text in ("Done", "<think>hm"):
        server = ak.testing.ScriptedServer(by_turn(text))
        ak.rollouts(ak.Agent("m", server=server), [f"say {text}"], record=path)
    return path


def drawn(x: Any, rollout: int) -> list[Any]:
    """Draw every chart of rollouts."""
    charts = ak.charts
    made = [charts.percentiles(x), charts.errors(x), charts.latency(x, rollout=rollout)]
    return [figure.to_dict() for figure in made]


def check(path: Path) -> None:
    found, rollouts = ak.index(path, progress=False), ak.load(path, all=True)
    for holder, held in ((path, rollouts), (found, list(found))):
        for rollout in {0, len(held) - 1} if held else ():
            assert drawn(holder, rollout) == drawn(held, rollout)
        pd.testing.assert_frame_equal(ak.problems_df(holder), ak.problems_df(held or holder))


@pytest.mark.parametrize("path", CASSETTES, ids=lambda path: path.stem)
def test_charts_of_an_index_are_those_of_its_rollouts(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / path.name
    copy.write_bytes(path.read_bytes())
    check(copy)


def test_charts_of_constructed_rollouts(many: Path, troubled: Path, tmp_path: Path) -> None:
    for path in (many, troubled, Path(ak.save(run(3, stream=True), tmp_path / "kept.jsonl"))):
        check(path)
    table = ak.explore(ak.index(many)).filter("reward<0.5").sort("-turns")
    assert drawn(table, 3) == drawn(list(table), 3)


def test_percentiles_and_steps_of_an_index_read_no_rollout(
    many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = ak.index(many)
    table = ak.explore(found).filter("reward<0.5")
    monkeypatch.setattr(Sidecar, "rollout", None)
    assert ak.charts.percentiles(found).data
    assert ak.charts.percentiles(table).data
    assert len(table.over("training_step"))
    assert table.axes
    assert table.axis(table.axes[0]) is None  # two hundred rollouts are one step


def test_problems_and_latency_of_an_index_read_what_they_show(
    troubled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    load = Sidecar.rollout

    def counted(self: Sidecar, row: int) -> ak.Trajectory:
        read.append(row)
        return load(self, row)

    monkeypatch.setattr(Sidecar, "rollout", counted)
    found = ak.index(troubled)
    assert set(ak.problems_df(found)["rollout"]) == {1, 5}
    assert read == [1, 5]
    ak.charts.latency(found, rollout=3)
    assert read == [1, 5, 3]
    with pytest.raises(ak.AgentkitError, match="no rollout 6"):
        ak.charts.latency(found, rollout=6)


def test_percentiles_of_a_file_keep_no_rollout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = ak.save(run(20, stream=True), tmp_path / "kept.jsonl")
    alive: list[int] = []

    def watched(index: int, trajectory: Any) -> Any:
        alive.append(sum(type(one) is ak.Trajectory for one in gc.get_objects()))
        yield from turn_rows(index, trajectory)

    monkeypatch.setattr("agentkit.show.charts.columns.turn_rows", watched)
    assert percentiles.percentiles(path).data
    assert len(alive) == 20
    assert max(alive) - min(alive) <= 3

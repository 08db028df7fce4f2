"""Rollouts in which tools failed are found by a filter, and names that none has are told."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import agentkit as ak
from agentkit.analysis.explore.explorer import Explorer
from agentkit.files.cassette.index import Index
from agentkit.testing import ScriptedServer, calls, says
from agentkit.types.trajectory import Trajectory

FAIL, DOUBLE = calls("fail", n=1), calls("double", n=1)
SCRIPTS: list[list[Any]] = [
    [says("done")],
    [says(None, DOUBLE), says("done")],
    [says(None, FAIL, DOUBLE), says("done")],
    [says(None, FAIL, FAIL), says(None, calls("double", m=1), calls("missing")), says("done")],
]
COUNTS = [0, 0, 1, 4, 0]
"""Failed tools of each: raised, a missing argument, a tool that is not there; the last has a call
that somebody skipped.
"""
FORMS: dict[str, Callable[[list[Trajectory], Path], Explorer]] = {
    "in memory": lambda made, path: ak.explore(made),
    "a file": lambda made, path: ak.explore(path),
    "an index": lambda made, path: ak.explore(ak.index(path, progress=False)),
}


def double(n: int) -> int:
    """Double it."""
    return 2 * n


def fail(n: int) -> int:
    """Fail."""
    raise LookupError(f"no {n}")


def agent(script: list[Any]) -> ak.Agent:
    return ak.Agent("m", [double, fail], ScriptedServer(script))


@pytest.fixture
def made() -> list[Trajectory]:
    rollouts = [
        ak.rollout(agent(script), "go", meta={"step": place % 2})
        for place, script in enumerate(SCRIPTS)
    ]
    dbg = ak.debug(agent([says(None, FAIL), says("done")]), "go", meta={"step": 0})
    dbg.step()
    dbg.pending.skip(0)
    return [*rollouts, dbg.run()]


@pytest.fixture(params=FORMS)
def table(request: pytest.FixtureRequest, made: list[Trajectory], tmp_path: Path) -> Explorer:
    ak.save(made, path := tmp_path / "run.jsonl")
    return FORMS[request.param](made, path)


def test_rollouts_with_failed_tools_are_found(table: Explorer) -> None:
    assert table.frame["tool_errors"].tolist() == COUNTS
    assert list(table.filter("tool_errors>0").places) == [2, 3]
    assert list(table.filter("tool_errors=0").places) == [0, 1, 4]
    assert list(table.sort("tool_errors", descending=True).places)[:2] == [3, 2]
    found = table.histogram("tool_errors")
    assert found is not None
    assert sum(found.counts) == len(COUNTS)


def test_they_are_as_many_as_over_counts(table: Explorer) -> None:
    found = table.over("step")
    kept = table.filter("tool_errors>0").frame["step"]
    assert found["tool_errors"].tolist() == [(kept == step).sum() for step in found["step"]]


def test_sql_has_them(table: Explorer) -> None:
    found = table.sql("select tool_errors from rollouts order by row")
    assert found["tool_errors"].tolist() == COUNTS


def test_an_older_file_is_read_where_its_lines_hold_no_number(
    made: list[Trajectory], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ak.save(made, path := tmp_path / "run.jsonl")
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    for line in lines:
        line.get("columns", {}).pop("tool_errors", None)
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), "utf-8")
    read: list[int] = []
    load = Index.load

    def counted(self: Index, entry: Any) -> Trajectory:
        read.append(entry.sample)
        return load(self, entry)

    monkeypatch.setattr(Index, "load", counted)
    assert list(ak.explore(path).filter("tool_errors>1").places) == [3]
    assert set(read) == {2, 3}  # of the others, the problems they name say it


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("codes=tool_error", ["codes=tool_error", "did you mean", "tool_errors>0"]),
        ("codes=tool:LookupErr", ["did you mean 'tool:LookupError'"]),
        ("codes=zzz", ["there are ", "tool:LookupError"]),
        ("tools=dubble,fail", ["tools=dubble", "did you mean 'double'"]),
        ('codes="a\nb"', ["codes=a"]),
    ],
)
def test_a_name_that_no_rollout_has_is_told(
    table: Explorer, caplog: pytest.LogCaptureFixture, query: str, said: list[str]
) -> None:
    with caplog.at_level(logging.WARNING, "agentkit"):
        table.filter(query)
    (told,) = caplog.messages
    assert [part for part in said if part not in told] == []
    assert "\n" not in told


@pytest.mark.parametrize(
    "query", ["codes=none", "codes=tool:LookupError", "tools=fail", "codes!=zzz", "codes~zzz"]
)
def test_nothing_is_told_of_names_that_are_there(
    table: Explorer, caplog: pytest.LogCaptureFixture, query: str
) -> None:
    table.filter(query)
    assert caplog.messages == []

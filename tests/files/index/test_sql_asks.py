"""A query in SQL asks the tables of the rollouts, and does nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

import agentkit as ak
from agentkit.analysis.explore.explorer import Explorer
from agentkit.errors import UsageError
from agentkit.testing import says
from agentkit.testing.scripted import ScriptedServer
from tests.benchmarks.constructed_rollouts import write

WRITES = (
    *("copy (select 1) to '{folder}/out.csv'", "copy rollouts to '{folder}/out.parquet'"),
    *("export database '{folder}/out'", "attach '{folder}/out.db' as a", "select 1; checkpoint"),
    *("select 1; copy (select 1) to '{folder}/out.csv'", "vacuum", "checkpoint", "begin"),
    "explain analyze copy (select 1) to '{folder}/many.jsonl.index/out.csv'",
    *("create table x as select 1", "create temp table x as select 1", "create macro f(a) as a"),
    *("create or replace view rollouts as select 1", "insert into calls values (1)"),
    *("delete from rollouts", "update turns set row = 1", "drop view rollouts", "use temp"),
)
READS = (
    *("select * from read_csv('{folder}/other.csv')", "select * from '{folder}/other.csv'"),
    *("select * from read_text('{folder}/other.csv')", "select * from glob('{folder}/*')"),
    *("select * from sniff_csv('{folder}/other.csv')", "select * from own_frame"),
    "select * from read_json('http://127.0.0.1:9/never.json')",
)
LOADS = ("install httpfs", "load httpfs", "load '{folder}/x.duckdb_extension'", "set threads = 1")
ASKS = (
    *("from rollouts limit 1", "describe rollouts", "summarize turns", "explain select 1"),
    *("with a as (select 1 as n) select n from a", "values (1)", "show tables"),
    "pivot rollouts on turns using count(*) group by stop_reason",
)


@pytest.fixture(params=["index", "rows"])
def table(tmp_path: Path, request: pytest.FixtureRequest) -> Explorer:
    """Thirty constructed rollouts, and another file beside them."""
    write(path := tmp_path / "many.jsonl", 30)
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    return ak.explore(ak.index(path) if request.param == "index" else path)


def test_what_does_more_than_ask_is_refused(table: Explorer, tmp_path: Path) -> None:
    own_frame = table.frame
    assert len(own_frame) == 30
    there = sorted(tmp_path.rglob("*"))
    for query in (*WRITES, *READS, *LOADS):
        with pytest.raises(UsageError) as refused:
            table.sql(query.format(folder=tmp_path))
        assert refused.value.hint
        assert len(table.sql("select * from rollouts")) == 30, query
    assert sorted(tmp_path.rglob("*")) == there
    for what in (5, None, b"select 1"):
        with pytest.raises(UsageError, match="the query is of type"):
            table.sql(what)  # type: ignore[arg-type]


@pytest.mark.parametrize("query", ASKS)
def test_what_only_asks_is_answered(table: Explorer, query: str) -> None:
    assert len(table.sql(query))
    assert len(table.filter("turns>1").sql(query))


def test_a_column_is_there_whichever_rollouts_are_asked(tmp_path: Path) -> None:
    made = [
        ak.rollout(ak.demo(), "go", meta={"reward": 1, "name": "a"} if n else {}) for n in (0, 1)
    ]
    ak.save(made, path := tmp_path / "two.jsonl")
    query = 'select count("meta.reward") as n, sum("meta.reward") as s, max("meta.name") as m'
    tables = [ak.explore(path), ak.explore(made), ak.explore(ak.index(path))]
    for table in tables:
        few = table[:1].sql(f"{query} from rollouts where file is null or file = 'two.jsonl'")
        assert few["n"].tolist() == [0]
        assert few[["s", "m"]].isna().all(axis=None)
        assert set(table[:1].sql("from rollouts").columns) == set(
            tables[0].sql("from rollouts").columns
        )


def test_half_a_surrogate_pair_costs_no_query(tmp_path: Path) -> None:
    answers = [says("a\ud800b", reasoning="\udfffx"), says("한국어 \ud7ff 天")]
    agents = [ak.Agent(server=ScriptedServer([one]), model="m") for one in answers]
    made = [ak.rollout(agent, "go \udc00") for agent in agents]
    ak.save(made, path := tmp_path / "odd.jsonl")
    query = "select content, reasoning, prompt_text from turns join rollouts using (row) order by 1"
    tables = [ak.explore(path).sql(query), ak.explore(ak.index(path)).sql(query)]
    for found in tables:
        assert found["content"].tolist() == ["a\ufffdb", "한국어 \ud7ff 天"]
        assert found["reasoning"].tolist() == ["\ufffdx", ""]
        assert found["prompt_text"].tolist() == ["go \ufffd"] * 2
    for table in (ak.explore(path), ak.explore(ak.index(path))):
        assert list(table.filter("content~a\ud800b").places) == [0]


def test_a_row_is_the_rollout_of_its_number(tmp_path: Path) -> None:
    write(path := tmp_path / "many.jsonl", 12)
    lines = path.read_bytes().splitlines(keepends=True)
    late = [line for line in lines if b'"sample":3,' in line and b'"step"' in line]
    path.write_bytes(b"".join(line for line in lines if line not in late))
    before = ak.index(path)
    path.write_bytes(path.read_bytes() + b"".join(late))
    for found, there in ((before, [7]), (ak.index(path), [3, 7])):
        told = found.sql('select row, "meta.reward" as reward, turns from rollouts order by row')
        assert told["row"].tolist() == list(range(12))
        assert told["reward"].tolist() == [rollout.meta["reward"] for rollout in found]
        assert told["turns"].tolist() == [len(rollout.all_turns) for rollout in found]
        few = (
            ak.explore(found).filter("rollout=3,7").sql("select distinct row from turns order by 1")
        )
        assert few["row"].tolist() == there

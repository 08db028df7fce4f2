"""An index answers as the rollouts themselves would, however its file came to be."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pandas as pd
import pytest

import agentkit as ak
from agentkit.analysis.explore.columns import source
from agentkit.analysis.frames.index_frames import CALLS, TURNS
from agentkit.files.cassette.index import PromptWords, entry_of
from agentkit.files.cassette.scan import Scan
from agentkit.files.index.file_index import index
from agentkit.files.index.index_rows import rows_of
from agentkit.files.index.plain_lines import rows_of_lines
from agentkit.files.index.rollout_index import RolloutIndex
from agentkit.files.index.sidecars import cassette_sidecar
from agentkit.files.index.sidecars.cassette_sidecar import CassetteSidecar
from agentkit.files.index.sidecars.sidecar import Sidecar
from agentkit.files.writers.lock import lock_of
from tests.benchmarks.kept_memory import run
from tests.support.paths import CORPUS

CASSETTES = sorted((CORPUS / "cassettes" / "version_1").glob("*.jsonl"))


@pytest.mark.parametrize("path", CASSETTES, ids=lambda path: path.stem)
def test_rows_of_lines_are_those_of_the_rollout(path: Path) -> None:
    again = path.read_bytes()
    with path.open("rb") as file:
        found = Scan().read(file).whole()
    prompts = PromptWords()
    for sample, one in found.items():
        places = zip(one.spans[::2], one.spans[1::2], strict=True)
        lines = b"".join(again[at : at + size] for at, size in places).splitlines(keepends=True)
        if not one.odd and one.ended:
            fast = rows_of_lines(entry_of(sample, one, prompts), lines)
            whole = next(
                iter(ak.cassette.open(path)[at] for at in range(len(found)) if at == sample)
            )
            assert fast is None or asdict(fast) == asdict(rows_of(whole))


def test_rows_of_recorded_lines_are_those_of_the_rollout(tmp_path: Path, many: Path) -> None:
    ak.rollouts(ak.demo(), [f"Weather in Oslo? {n}" for n in range(6)], record=tmp_path / "r.jsonl")
    for path in (tmp_path / "r.jsonl", many):
        with path.open("rb") as file:
            found = Scan().read(file).whole()
        prompts, data = PromptWords(), path.read_bytes()
        for place, rollout in enumerate(ak.load(path, all=True)):
            one = found[place]
            spans = zip(one.spans[::2], one.spans[1::2], strict=True)
            lines = [line for at, size in spans for line in data[at : at + size].splitlines(True)]
            fast = rows_of_lines(entry_of(place, one, prompts), lines)
            assert fast is not None
            whole = asdict(rows_of(rollout))
            for name in ("problems", "codes", "ended"):  # the constructed ones count none
                if path == many:
                    whole["rollout"].pop(name), fast.rollout.pop(name)
            assert asdict(fast) == whole


def test_an_index_answers_as_the_rollouts_would(many: Path) -> None:
    rollouts, found = ak.load(many, all=True), index(many)
    assert len(found) == 200
    assert found[17] == rollouts[17]
    assert found.column("turns").to_pylist() == [len(one.turns) for one in rollouts]
    assert found.column("meta.reward").to_pylist() == [one.meta["reward"] for one in rollouts]
    word = rollouts[5].turns[0].reasoning.split()[0]  # type: ignore[union-attr]
    for kinds in (["reasoning"], ["prompt"], ["content", "result"]):
        wanted = [any(word in text for text in texts(one, kinds)) for one in rollouts]
        assert found.holding(word, kinds, exact=True).tolist() == wanted
        folded = [
            any(word.casefold() in t.casefold() for t in texts(one, kinds)) for one in rollouts
        ]
        assert found.holding(word.upper(), kinds).tolist() == folded
    everywhere = ["prompt", "content", "reasoning", "arguments", "result"]
    whole = [
        any(word.casefold() in t.casefold().split() for t in texts(one, everywhere))
        for one in rollouts
    ]
    assert found.holding_word(word).tolist() == whole


def texts(rollout: ak.Trajectory, kinds: list[str]) -> list[str]:
    rows = rows_of(rollout)
    return [
        t for kind in kinds for t in ([rows.prompt] if kind == "prompt" else getattr(rows, kind))
    ]


def test_sql_reads_tables_and_texts(many: Path) -> None:
    found = index(many)
    frame = found.sql("select count(*) as n, sum(turns) as turns from rollouts")
    assert frame["n"][0] == 200
    assert frame["turns"][0] == sum(found.column("turns").to_pylist())
    calls = found.sql("select count(*) as n from calls where arguments like '%limit%'")
    assert calls["n"][0] == sum(found.column("calls").to_pylist())
    with pytest.raises(ak.AgentkitError) as refused:
        found.sql("select nothing from rollouts")
    assert refused.value.hint


def test_a_growing_file_is_taken_in_from_where_it_was_left(many: Path) -> None:
    lines = many.read_bytes().splitlines(keepends=True)
    for stop in (1, 2, 101, 102, 507, len(lines) - 1, len(lines)):
        many.write_bytes(b"".join(lines[:stop]))
        found = index(many)
        assert list(found) == ak.load(many, all=True)
        assert found.sql("select count(*) as n from rollouts")["n"][0] == len(found)
    size = sum(path.stat().st_size for path in CassetteSidecar(many).folder.iterdir())
    assert index(many) is not None
    assert sum(path.stat().st_size for path in CassetteSidecar(many).folder.iterdir()) == size


def test_rollouts_side_by_side_are_taken_in_as_they_end(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    ak.rollouts(ak.demo(), [f"Weather in Oslo? {n}" for n in range(8)], record=path)
    lines = path.read_bytes().splitlines(keepends=True)
    for stop in range(3, len(lines) + 1, 5):
        path.write_bytes(b"".join(lines[:stop]))
        assert list(index(path)) == ak.load(path, all=True)
    path.write_bytes(b"".join(lines))
    assert list(index(path)) == ak.load(path, all=True)


def test_a_rollout_that_goes_on_has_one_row(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    agent = ak.record(ak.demo(), path)
    debugger = ak.debug(agent, "Weather in Oslo?")
    debugger.run()
    assert len(index(path)) == 1
    debugger.say("And in Rome?")
    debugger.run()
    found = index(path)
    assert list(found) == ak.load(path, all=True)
    assert found.sql("select count(*) as n from rollouts")["n"][0] == len(found)


def test_another_file_under_the_name_is_indexed_anew(many: Path) -> None:
    assert len(index(many)) == 200
    ak.save(ak.rollout(ak.demo()), many)
    assert list(index(many)) == [ak.load(many)]


def test_an_index_that_was_broken_off_goes_on(many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentkit.files.index.sidecars.cassette_sidecar._WINDOW", 100_000)
    monkeypatch.setattr("agentkit.files.index.sidecars.cassette_sidecar.PART", 32)
    steps = CassetteSidecar(many).refresh()
    for _ in range(4):
        next(steps)
    del steps
    begun = CassetteSidecar(many).state.end
    assert 0 < begun < many.stat().st_size
    found = index(many)
    assert list(found) == ak.load(many, all=True)
    assert isinstance(found, RolloutIndex)


def test_what_a_crash_left_behind_the_last_part_is_no_text(many: Path) -> None:
    index(many)
    folder = CassetteSidecar(many).folder
    for path in (*folder.glob("*.utf8"), *folder.glob("*.ends"), *folder.glob("*.int64")):
        with path.open("ab") as file:
            file.write(b"left by a crash " * 4)
    found = index(many)
    assert not found.holding("left by a crash").any()
    assert list(found) == ak.load(many, all=True)
    with many.open("ab") as file:
        file.write(many.read_bytes().splitlines(keepends=True)[0].replace(b":0,", b":200,", 1))
    again = index(many)
    assert len(again) == 201
    assert not again.holding("left by a crash").any()


def test_one_process_at_a_time_writes_an_index(many: Path) -> None:
    lines = many.read_bytes().splitlines(keepends=True)
    many.write_bytes(b"".join(lines[:400]))
    before = len(index(many))
    many.write_bytes(b"".join(lines))
    with lock_of(CassetteSidecar(many).folder / "state.json").used(alone=True):
        assert len(index(many)) == before
    assert len(index(many)) == 200


def test_frames_take_an_index(many: Path) -> None:
    pd.testing.assert_frame_equal(ak.turns_df(index(many)), ak.turns_df(many))


@pytest.mark.parametrize("path", [*CASSETTES, None], ids=lambda path: path.stem if path else "many")
def test_frames_by_column_are_those_of_the_rollouts(
    path: Path | None, tmp_path: Path, many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if path is not None:
        many.write_bytes(path.read_bytes())
    found, rollouts = index(many, progress=False), ak.load(many, all=True)
    if len(found) != len(rollouts):  # a line without an end is taken in when it has one
        return
    turns, calls = ak.turns_df(rollouts), ak.tool_calls_df(rollouts)
    calls = calls[~calls["recoverable"]].reset_index(drop=True)
    kept = [name for name in turns.columns if name in TURNS]
    got = [name for name in calls.columns if name in CALLS]
    monkeypatch.setattr(RolloutIndex, "__getitem__", None)
    monkeypatch.setattr(RolloutIndex, "__iter__", None)
    pd.testing.assert_frame_equal(ak.turns_df(found, columns=kept), turns[kept])
    pd.testing.assert_frame_equal(ak.tool_calls_df(found, columns=got), calls[got])


def test_columns_that_an_index_does_not_hold_are_read(many: Path) -> None:
    wanted = ["prompt", "turn", "server"]
    frame = ak.turns_df(index(many), columns=wanted)
    pd.testing.assert_frame_equal(frame, ak.turns_df(many)[wanted])
    with pytest.raises(ak.AgentkitError, match="no column"):
        ak.turns_df(many, columns=["promt"])


def test_answers_with_the_empty_fields_of_a_server_are_not_read_for_the_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As vLLM sends them: `annotations`, `audio` and others, null."""
    rollouts = run(12, stream=False)
    path = ak.save(rollouts, tmp_path / "kept.jsonl")
    with monkeypatch.context() as patched:
        patched.setattr(cassette_sidecar, "rows_of", None)
        found = ak.index(path, progress=False)
    assert list(found) == rollouts
    plain = ak.explore(rollouts)
    queries = ("cloudy", "arguments~gamma", "word=gamma", "prompt~3")
    places = {query: list(plain.filter(query).places) for query in queries}
    with monkeypatch.context() as patched:
        patched.setattr(source, "rows_of", None)
        searched = ak.explore(path)
        for query in queries:
            assert list(searched.filter(query).places) == places[query]
            assert list(ak.explore(found).filter(query).places) == places[query]
        calls = "select name, arguments, result from calls order by all"
        pd.testing.assert_frame_equal(searched.sql(calls), found.sql(calls))
    pd.testing.assert_frame_equal(plain.sql(calls), found.sql(calls))


def test_frames_and_charts_of_a_table_are_read_by_column(
    many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = ak.explore(ak.index(many)).filter("reward<0.5").sort("-turns")
    columns = ["rollout", "turn", "input_tokens", "content_length", "reward", "last"]
    slow = ak.turns_df(list(table), columns=columns)
    drawn = ak.charts.context(list(table), rollout=3).to_dict()
    calls = ak.tool_calls_df(list(table), columns=["rollout", "name", "arguments"])
    monkeypatch.setattr(Sidecar, "rollout", None)
    pd.testing.assert_frame_equal(ak.turns_df(table, columns=columns), slow)
    quick = ak.tool_calls_df(table, columns=["rollout", "name", "arguments"])
    pd.testing.assert_frame_equal(quick, calls)
    assert ak.charts.context(table, rollout=3).to_dict() == drawn

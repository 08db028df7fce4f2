"""Files of other forms are indexed as they are read."""

from __future__ import annotations

import json
import logging
import zipfile
from pathlib import Path

import pytest

import agentkit as ak
from agentkit.files.index.file_index import sidecar_of
from agentkit.files.index.index_progress import IndexProgress, size_text
from tests.benchmarks.constructed_rollouts import write


def conversation(number: int) -> dict[str, object]:
    """Make a constructed conversation of its own."""
    asked = {"role": "user", "content": f"How far is place {number}?"}
    return {"messages": [asked, {"role": "assistant", "content": f"{number} km, as ever"}]}


def lines(*values: object) -> str:
    return "".join(json.dumps(value) + "\n" for value in values)


def test_each_line_of_a_log_is_read_at_its_place(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(lines(*map(conversation, range(9))))
    found = ak.index(path)
    assert sidecar_of(path).way == "lines"
    assert list(found) == ak.load(path, all=True)
    assert found.holding("7 KM").tolist() == [number == 7 for number in range(9)]
    with path.open("a") as file:
        file.write(lines(conversation(9)) + '{"messages": [{"role": "us')
    again = ak.index(path)
    assert len(again) == 10
    assert again[9].prompt[0].content == "How far is place 9?"


def test_a_line_that_cannot_be_read_costs_itself(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(lines(*map(conversation, range(30))) + "{broken\n" + lines(conversation(30)))
    with caplog.at_level(logging.WARNING):
        found = ak.index(path)
    assert len(found) == 31
    assert "is left out" in caplog.text


def test_rows_of_a_known_format_are_read_at_their_place(tmp_path: Path) -> None:
    call = json.dumps([{"name": "far", "arguments": {"place": "Oslo"}}])
    tool = json.dumps([{"name": "far", "description": "", "parameters": {}}])
    rows = [
        {"id": n, "query": f"How far is {n}?", "answers": call, "tools": tool} for n in range(3)
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text(lines(*rows))
    found = ak.index(path)
    assert sidecar_of(path).way == "lines"
    assert list(found) == ak.load(path, all=True)


def test_a_file_that_is_one_value_is_read_at_once(tmp_path: Path) -> None:
    path = tmp_path / "log.json"
    path.write_text(json.dumps([conversation(n) for n in range(4)]))
    assert list(ak.index(path)) == ak.load(path, all=True)
    path.write_text(json.dumps([conversation(n) for n in range(6)]))
    assert list(ak.index(path)) == ak.load(path, all=True)
    assert ak.index(path).sql("select count(*) as n from turns")["n"][0] == 6


def test_a_folder_is_the_files_in_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path / "a.jsonl", 3)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "b.jsonl").write_text(lines(*map(conversation, range(2))))
    (tmp_path / "notes.txt").write_text("no rollouts")
    with caplog.at_level(logging.WARNING):
        found = ak.index(tmp_path)
    assert [path.name for path in found.paths] == ["a.jsonl", "b.jsonl"]
    assert "notes.txt" in caplog.text
    assert len(found) == 5
    assert len(ak.index(tmp_path)) == 5
    assert len(ak.index(str(tmp_path / "*.jsonl"))) == 3
    files = found.sql("select file, count(*) as n from rollouts group by all order by file")
    assert files["n"].tolist() == [3, 2]


def test_what_holds_no_rollouts_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no rollouts")
    with pytest.raises(ak.AgentkitError):
        ak.index(tmp_path / "notes.txt")
    with pytest.raises(FileNotFoundError):
        ak.index(tmp_path / "nothing.jsonl")


def test_progress_says_what_was_asked_for_and_what_it_cost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "many.jsonl"
    write(path, 40)
    ak.index(path, progress=True)
    shown = capsys.readouterr().err
    assert "40 rollouts" in shown
    assert "processor time" in shown
    now = IndexProgress(["a.jsonl", "b.jsonl"], 4_500_000_000)
    assert now.title == "of 2 files, 4.5 GB"
    assert size_text(1) == "1 byte"


LETTERS = (
    "Café ÉTÉ",
    "die Straße",
    "DIE STRASSE",
    "İstanbul",
    "ISPARTA ısı",
    "ПРИВЕТ, мир",
    "हिन्दी",
)


@pytest.mark.parametrize(
    "asked", ["été", "STRASSE", "straße", "İSTANBUL", "привет", "МИР", "हिन्दी"]
)
def test_letters_outside_ascii_are_found_alike(tmp_path: Path, asked: str) -> None:
    said = [{"role": "assistant", "content": text} for text in LETTERS]
    asks = {"role": "user", "content": "?"}
    path = tmp_path / "letters.jsonl"
    path.write_text(lines(*({"messages": [asks, answer]} for answer in said)), "utf-8")
    found, folded = ak.index(path), asked.casefold()
    wanted = [folded in text.casefold() for text in LETTERS]
    assert any(wanted)
    assert found.holding(asked).tolist() == wanted
    assert found.holding(asked, exact=True).tolist() == [asked in text for text in LETTERS]
    assert found.holding_word(asked).tolist() == wanted
    plain, indexed = ak.explore(ak.load(path, all=True)), ak.explore(found)
    for query in (f"word={asked}", f"content~{asked}", asked):
        places = list(plain.filter(query).places)
        assert list(indexed.filter(query).places) == places
        assert places == [place for place, there in enumerate(wanted) if there]


def test_no_reader_takes_an_index_for_rollouts(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    told = {"role": "tool", "tool_call_id": "c", "content": json.dumps(conversation(9))}
    call = {"id": "c", "type": "function", "function": {"name": "find", "arguments": "{}"}}
    asked = [{"role": "user", "content": "hi"}, {"role": "assistant", "tool_calls": [call]}, told]
    runs = tmp_path / ".kept" / "runs"
    runs.mkdir(parents=True)
    (runs / "a.jsonl").write_text(lines({"messages": asked}, conversation(1)))
    write(runs / "b.jsonl", 3)
    (runs / ".ipynb_checkpoints").mkdir()
    write(runs / ".ipynb_checkpoints" / "b.jsonl", 3)
    before = ak.load(runs, all=True)
    assert len(ak.index(runs)) == len(before) == 5
    (runs / "a.jsonl.labels.json").write_text("{}")
    packed = tmp_path / "runs.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for path in filter(Path.is_file, sorted(runs.rglob("*"))):
            archive.write(path, path.relative_to(runs))
    with caplog.at_level(logging.DEBUG):
        for opened in (runs, f"{runs}/*", f"{runs}/**/*", f"{tmp_path}/.k*/**", packed):
            found = ak.load(opened, all=True)
            assert [one.prompt for one in found] == [one.prompt for one in before]
            assert len(ak.explore(opened).frame) == len(found)
        assert len(ak.index(f"{runs}/**/*")) == 5
    assert not caplog.text


def test_an_index_of_several_files_calls_them_as_their_rollouts_do(tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    (folder / "sub").mkdir(parents=True)
    for name in ("b.jsonl", "a.jsonl", "sub/c.jsonl"):
        write(folder / name, 5)
    for what in (folder, str(folder / "*.jsonl")):
        plain, indexed = ak.explore(what), ak.explore(ak.index(what, progress=False))
        names = [plain.value("file", place) for place in range(len(plain))]
        assert [indexed.value("file", place) for place in range(len(indexed))] == names
        assert [rollout.file for rollout in indexed] == names
        asked = f'file="{names[-1]}"'
        assert list(indexed.filter(asked).places) == list(plain.filter(asked).places) != []
        for table in (plain, indexed):
            assert table.sql("select file from rollouts order by row")["file"].tolist() == names
    assert ak.index(folder / "a.jsonl")[0].file == ak.load(folder / "a.jsonl", all=True)[0].file

"""An index whose file or whose own files became others: told, or made anew, and never believed.

All rollouts are constructed.
"""

from __future__ import annotations

import json
import os
import unicodedata
from pathlib import Path

import pytest

import agentkit as ak
from agentkit.errors import FileError, UsageError
from agentkit.files.index.sidecars.sidecar import Sidecar
from agentkit.files.writers.lock import lock_of
from agentkit.testing import by_turn, calls, says
from tests.benchmarks.constructed_rollouts import block, write


@pytest.fixture
def many(tmp_path: Path) -> Path:
    path = tmp_path / "many.jsonl"
    write(path, 60)
    return path


def answers(path: Path) -> None:
    """Assert that the index answers as the file does."""
    found, rollouts = ak.index(path, progress=False), ak.load(path, all=True)
    assert list(found) == rollouts
    indexed, plain = ak.explore(found), ak.explore(rollouts)
    for query in ("reward<0.5", "task", "tools=pay", "word=task"):
        assert list(indexed.filter(query).places) == list(plain.filter(query).places)
    assert [g.places for g in indexed.groups()] == [g.places for g in plain.groups()]
    assert found.sql("select count(content) as n from turns")["n"][0] > len(rollouts)


FILES = [
    *("content.utf8", "result.ends", "prompt.folded.utf8", "reasoning.folded.ends"),
    *("00000.rollouts.parquet", "00000.calls.parquet", "00000.rows.npy", "00000.digests.npy"),
    *("places.int64", "places.ends", "groups.rows", "groups.stop_reason.names"),
]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("how", ["gone", "cut", "zeros", "noise"])
def test_a_damaged_index_is_made_anew(
    many: Path, name: str, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    ak.index(many, progress=False)
    file = Path(f"{many}.index") / name
    if how == "gone":
        file.unlink()
    else:
        data = file.read_bytes()
        noise = bytes(255 - byte for byte in data)
        file.write_bytes({"cut": data[:7], "zeros": bytes(len(data)), "noise": noise}[how])
    answers(many)
    assert [record.getMessage() for record in caplog.records] == [
        "the index of many.jsonl is damaged, and made anew"
    ]


@pytest.mark.parametrize("how", ["in place", "beside it", "and grown"])
def test_a_file_that_was_written_anew_is_indexed_anew(many: Path, how: str) -> None:
    """Of the same length or longer, and with the same beginning."""
    opened = ak.index(many, progress=False)
    first, *rest = many.read_text().splitlines(keepends=True)
    other = first + "".join(rest).replace("pay", "say").replace('"reward":0.', '"reward":3.')
    if how == "and grown":
        other += block(10_000, 10_010)
    if how == "in place":
        many.write_text(other)
    else:
        (many.parent / "other").write_text(other)
        os.replace(many.parent / "other", many)
        with pytest.raises(FileError, match="not the file any more") as caught:
            opened[40]
        assert "ak.index(path)" in str(caught.value)
    answers(many)


def test_a_rollout_is_not_read_from_a_file_that_was_cut(many: Path) -> None:
    opened = ak.index(many, progress=False)
    lines = many.read_bytes().splitlines(keepends=True)
    many.write_bytes(b"".join(lines[: len(lines) // 2]))
    with pytest.raises(FileError, match="not the file any more"):
        opened[59]
    assert len(ak.explore(opened).refresh()) < 60
    answers(many)


def test_an_index_that_another_process_brings_up_to_date_says_so(
    many: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ak.index(many, progress=False)
    with many.open("a") as file:
        file.write(block(10_000, 10_010))
    with lock_of(Path(f"{many}.index") / "state.json").used(alone=True):
        assert len(ak.index(many, progress=False)) == 60
    assert "not brought up to date: another process is at it; it has 60 rollouts" in caplog.text
    assert len(ak.index(many, progress=False)) == 70


def test_a_full_disk_is_told_with_what_to_do(many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*given: object) -> None:
        raise FileError("no room", hint="resume", errno=28, filename=many)

    with monkeypatch.context() as patched:
        patched.setattr(Sidecar, "_write", full)
        with pytest.raises(FileError, match="make room and ask again"):
            ak.index(many, progress=False)
    answers(many)


def test_a_letter_with_a_mark_is_found_however_it_is_written(tmp_path: Path) -> None:
    """As one code point or two, in texts, words, columns, with an index and without."""
    said = [unicodedata.normalize(form, "Im Café wartet Zoë.") for form in ("NFC", "NFD")]
    server = ak.testing.ScriptedServer(by_turn(says(said[0], calls("a")), said[1]))
    again = ak.testing.ScriptedServer(
        by_turn(
            says(said[1]),
        )
    )

    def a() -> str:
        """Do it."""
        return json.dumps(said[1])  # with escapes

    rollouts = [
        ak.rollout(ak.Agent("m", tools=[a], server=server), said[1]),
        ak.rollout(ak.Agent("m", tools=[a], server=again), said[0]),
        ak.rollout(ak.Agent("m", server=ak.testing.ScriptedServer(by_turn("Cafe Zoe"))), "no"),
    ]
    path = ak.save(rollouts, tmp_path / "marks.jsonl")
    for table in (ak.explore(ak.index(path)), ak.explore(path), ak.explore(rollouts)):
        for form in ("NFC", "NFD"):
            for query in (
                "café",
                "CAFÉ",
                'content~"café w"',
                "prompt~zoë",
                "word=Café",
                "word=zoë",
            ):
                asked = unicodedata.normalize(form, query)
                assert list(table.filter(asked).places) == [0, 1], (query, form)
            escaped = unicodedata.normalize(form, "result~Café")
            assert list(table.filter(escaped).places) == [0]


ODD = ("100%", "_", "it's", '"a\\"b"', "%", "x' or 1=1 --", '"; drop view rollouts; --"', "\\\\")


@pytest.mark.parametrize("text", ODD)
def test_signs_of_sql_are_letters_like_others(many: Path, text: str) -> None:
    indexed, plain = ak.explore(ak.index(many)), ak.explore(many)
    quoted = json.dumps(text)
    for query in (quoted, f"prompt~{quoted}", f"arguments~{quoted}", f"model={quoted}"):
        assert list(indexed.filter(query).places) == list(plain.filter(query).places)
    assert len(indexed.sql("select * from rollouts")) == 60


@pytest.mark.parametrize(
    "query", ["drop view rollouts", "select 1; drop view calls", "alter view turns rename to t"]
)
def test_a_query_leaves_the_tables(many: Path, query: str) -> None:
    for table in (ak.explore(ak.index(many)), ak.explore(many)):
        with pytest.raises(UsageError):
            table.sql(query)
        for empty in ("", "  ", "-- nothing"):
            with pytest.raises(UsageError, match="nothing is asked"):
                table.sql(empty)
        assert table.filter("turns>1").sql("select count(*) as n from rollouts")["n"][0] == 60

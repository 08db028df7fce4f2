"""An index outlives what breaks it off, and what becomes of its file."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import agentkit as ak
from agentkit.errors import FileError
from agentkit.files.index.index_part import Part
from agentkit.files.index.sidecars.cassette_sidecar import CassetteSidecar
from agentkit.files.index.sidecars.sidecar import Sidecar
from agentkit.files.index.stores.word_store import WordStore
from tests.benchmarks.constructed_rollouts import write

_SMALL = """
import os, signal, sys
from agentkit.files.index.sidecars import cassette_sidecar, sidecar
from agentkit.files.index.stores.word_store import WordStore
import agentkit as ak
cassette_sidecar._WINDOW, cassette_sidecar.PART = 100_000, 32
"""
"""A process of its own, with parts of a few rollouts."""
_KILLED = f"""{_SMALL}
written = WordStore.write
def write(self, part, digests):
    if part == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    written(self, part, digests)
WordStore.write = write
ak.index(sys.argv[1], progress=False)
"""
_WHOLE = f"{_SMALL}\nprint(len(ak.index(sys.argv[1], progress=False)))"


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of a few rollouts."""
    monkeypatch.setattr("agentkit.files.index.sidecars.cassette_sidecar._WINDOW", 100_000)
    monkeypatch.setattr("agentkit.files.index.sidecars.cassette_sidecar.PART", 32)


def is_whole(path: Path) -> None:
    """Assert that the index of a file, brought up to date, holds what the file does."""
    found, rollouts = ak.index(path, progress=False), ak.load(path, all=True)
    assert list(found) == rollouts
    counts = found.sql("select count(*) as n, sum(turns) as turns from rollouts")
    assert counts["n"][0] == len(rollouts)
    assert counts["turns"][0] == sum(len(one.turns) for one in rollouts)
    groups, plain = ak.explore(found).groups(), ak.explore(rollouts).groups()
    assert [(g.prompt, g.places, g.reward) for g in groups] == [
        (g.prompt, g.places, g.reward) for g in plain
    ]
    last = next(at for at in reversed(range(len(rollouts))) if rollouts[at].turns)
    words = str(rollouts[last].turns[0].response.content).split()
    assert found.holding(words[1], exact=True).tolist()[last]
    assert found.holding_word(words[1]).tolist()[last]


@pytest.mark.slow
def test_a_process_that_is_killed_leaves_an_index_that_goes_on(many: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", _KILLED, str(many)], check=False)
    assert killed.returncode == -signal.SIGKILL
    begun = CassetteSidecar(many).state
    assert len(begun.parts) == 3
    assert 0 < begun.end < many.stat().st_size
    is_whole(many)
    assert CassetteSidecar(many).state.parts[:3] == begun.parts


@pytest.mark.slow
def test_two_processes_index_the_same_file_at_once(many: Path) -> None:
    started = [
        subprocess.Popen([sys.executable, "-c", _WHOLE, str(many)], stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    seen = [int(process.communicate()[0]) for process in started]
    assert [process.returncode for process in started] == [0, 0]
    assert max(seen) == 200
    assert min(seen) > 0
    is_whole(many)


@pytest.mark.usefixtures("small")
def test_an_interrupt_leaves_what_was_written(many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(WordStore, "write", _once(WordStore.write, KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            ak.index(many, progress=False)
    assert len(CassetteSidecar(many).state.parts) == 1
    is_whole(many)


def _once(work: Callable[..., Any], error: type[BaseException]) -> Callable[..., Any]:
    """Let it work once, then fail."""
    done: list[int] = []

    def call(*args: Any) -> Any:
        if done:
            raise error
        done.append(1)
        return work(*args)

    return call


def test_a_file_that_was_cut_is_indexed_anew(many: Path) -> None:
    is_whole(many)
    lines = many.read_bytes().splitlines(keepends=True)
    many.write_bytes(b"".join(lines[: len(lines) // 2]))
    is_whole(many)


def test_a_file_that_is_gone_is_told_and_left_out_of_its_folder(tmp_path: Path, many: Path) -> None:
    write(tmp_path / "other.jsonl", 3)
    assert len(ak.index(tmp_path, progress=False)) == 203
    many.unlink()
    assert len(ak.index(tmp_path, progress=False)) == 3
    with pytest.raises(FileNotFoundError):
        ak.index(many, progress=False)


@pytest.mark.parametrize("damage", [b"{broken\n", b"\x00" * 40 + b"\n", b"[]\n", b"\n"])
def test_a_damaged_line_costs_no_other_rollout(many: Path, damage: bytes) -> None:
    lines = many.read_bytes().splitlines(keepends=True)
    whole = ak.load(many, all=True)
    ends = [at + 1 for at, line in enumerate(lines) if b'"step":"end"' in line]
    many.write_bytes(b"".join([*lines[: ends[9]], damage, *lines[ends[9] :]]))
    assert list(ak.index(many, progress=False)) == whole
    is_whole(many)


def test_a_rollout_with_a_damaged_line_is_as_it_is_loaded(many: Path) -> None:
    lines = many.read_bytes().splitlines(keepends=True)
    at = next(at for at, line in enumerate(lines) if b'"step":"model"' in line and at > 50)
    lines[at] = lines[at][:40] + b"\n"
    many.write_bytes(b"".join(lines))
    is_whole(many)


def test_where_nothing_can_be_written_what_is_indexed_is_asked(
    many: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    lines = many.read_bytes().splitlines(keepends=True)
    many.write_bytes(b"".join(lines[:400]))
    before = len(ak.index(many, progress=False))
    many.write_bytes(b"".join(lines))

    def refuse(*args: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Part, "write", refuse)
    found = ak.index(many, progress=False)
    assert len(found) == before
    assert found[3] == ak.load(many, all=True)[3]
    assert "is not brought up to date" in caplog.text
    monkeypatch.undo()
    is_whole(many)


def test_a_folder_that_cannot_be_written_is_told(
    many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **named: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(FileError) as refused:
        ak.index(many, progress=False)
    assert refused.value.hint
    assert not Sidecar.size.fget(CassetteSidecar(many))  # type: ignore[attr-defined]


def test_duckdb_fetches_no_extension(many: Path) -> None:
    found = ak.index(many, progress=False)
    settings = found.sql(
        "select name, value from duckdb_settings() where name like 'auto%known_extensions'"
    )
    assert dict(zip(settings["name"], settings["value"], strict=True)) == {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }
    with pytest.raises(ak.AgentkitError):
        found.sql("select * from read_csv('https://127.0.0.1:9/never.csv')")
    used = found.sql("select extension_name from duckdb_extensions() where installed_from != ''")
    assert not len(used)

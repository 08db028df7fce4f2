"""The file of a flow log stays whole while the disk is full and when somebody takes it away."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from agentkit.files.foreign.logs.flow_file import FlowFile

HEAD = "head\n"


def full_disk(patch: pytest.MonkeyPatch, room: int) -> None:
    """Let so many bytes be written, and none behind them."""
    write, left = os.write, [room]

    def written(file: int, data: bytes) -> int:
        if not left[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        count = write(file, data[: left[0]])
        left[0] -= count
        return count

    patch.setattr(os, "write", written)


@pytest.mark.parametrize("room", [0, 1, 3])
def test_a_line_for_which_there_is_no_room_leaves_nothing_behind(tmp_path: Path, room: int) -> None:
    path = tmp_path / "session.jsonl"
    file = FlowFile(str(path), HEAD)
    file.keep("first\n")
    with pytest.MonkeyPatch.context() as patch:
        full_disk(patch, room)
        with pytest.raises(OSError, match="No space"):
            file.keep("second\n")
    file.keep("third\n")
    file.close()
    assert path.read_text() == "head\nfirst\nthird\n"


def test_what_cannot_be_taken_back_costs_itself_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "session.jsonl"
    file = FlowFile(str(path), HEAD)

    def refuse(file: int, size: int) -> None:
        raise OSError(errno.EPERM, "it is append-only")

    monkeypatch.setattr(os, "ftruncate", refuse)
    with pytest.MonkeyPatch.context() as patch:
        full_disk(patch, 3)
        with pytest.raises(OSError, match="No space"):
            file.keep("second\n")
    file.keep("third\n")
    file.close()
    assert path.read_text().splitlines() == ["head", "sec", "third"]


@pytest.mark.parametrize("moved", [False, True])
def test_a_file_that_is_taken_away_is_begun_anew(tmp_path: Path, moved: bool) -> None:
    path = tmp_path / "session.jsonl"
    file = FlowFile(str(path), HEAD)
    assert not file.keep("first\n")
    if moved:
        path.rename(tmp_path / "kept.jsonl")
    else:
        path.unlink()
    assert file.keep("second\n")
    assert not file.keep("third\n")
    file.close()
    assert path.read_text() == "head\nsecond\nthird\n"


def test_a_folder_that_is_gone_fails_each_time_and_comes_back(tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    folder.mkdir()
    path = folder / "session.jsonl"
    file = FlowFile(str(path), HEAD)
    path.unlink()
    folder.rmdir()
    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            file.keep("first\n")
    folder.mkdir()
    assert file.keep("second\n")
    file.close()
    assert path.read_text() == "head\nsecond\n"


def test_without_a_path_nothing_is_written() -> None:
    file = FlowFile(None, HEAD)
    assert not file.keep("first\n")
    file.close()

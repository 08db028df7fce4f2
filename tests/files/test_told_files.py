"""A line of the log about a file names it once, wherever the file lies."""

from __future__ import annotations

import json
import logging
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import agentkit as ak

SAID = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
ROW = json.dumps({"messages": SAID}) + "\n"
# constructed: what is no rollout, or is one in part
BAD = {
    "README.md": b"# Runs",
    "notes.json": b"not json",
    "nothing.jsonl": b"",
    "packed.jsonl.gz": b"\x1f\x8b cut",
    "damaged.zip": b"PK\x03\x04 cut",
    "part.jsonl": (ROW + "{cut\n" + ROW).encode(),
    "other.json": b'{"lines": [1, 2]}',
}


def folder(path: Path) -> Path:
    runs = path / "runs"
    (runs / "deep").mkdir(parents=True)
    (runs / "good.jsonl").write_text(ROW * 2)
    for name, data in BAD.items():
        (runs / name).write_bytes(data)
        (runs / "deep" / name).write_bytes(data)
    return runs


def archive(path: Path) -> Path:
    runs = folder(path)
    packed = path / "runs.zip"
    with zipfile.ZipFile(packed, "w") as file:
        for one in sorted(runs.rglob("*.*")):
            file.write(one, one.relative_to(runs))
    return packed


@pytest.mark.parametrize("made", [folder, archive])
@pytest.mark.parametrize(
    "read", [lambda path: ak.load(path, all=True), lambda path: ak.index(path, progress=False)]
)
def test_a_file_that_is_left_out_is_named_once(
    made: Callable[[Path], Path],
    read: Callable[[Path], Any],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = made(tmp_path)
    with caplog.at_level(logging.WARNING, "agentkit"):
        assert len(read(path)) >= 2
    told = [record.getMessage() for record in caplog.records]
    assert told
    for line in told:
        assert max(line.count(name) for name in BAD) == 1, line

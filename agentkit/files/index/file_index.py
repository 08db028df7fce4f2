"""`ak.index`: files, folders and patterns of files as one index, of each a folder beside it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from agentkit.errors import AgentkitError, NoFile, checked_keywords
from agentkit.files.cassette.index import is_cassette
from agentkit.files.index.index_progress import IndexProgress, shown
from agentkit.files.index.rollout_index import RolloutIndex
from agentkit.files.index.rollout_tables import check_packages
from agentkit.files.index.sidecars.cassette_sidecar import CassetteSidecar
from agentkit.files.index.sidecars.foreign_sidecar import LineSidecar, WholeSidecar, row_reader
from agentkit.files.index.sidecars.sidecar import Sidecar
from agentkit.files.path import files_in, is_pattern, paths_like, to_open
from agentkit.types.words import file_line

_log = logging.getLogger("agentkit")
_HEAD = b'{"agentkit":'
"""How the first line of a rollout in a cassette begins."""


@checked_keywords
def index(paths: Any, *, progress: bool | None = None) -> RolloutIndex:
    """Index files of rollouts, each in a folder beside it, and open the index.

    What is indexed stays indexed: a second call takes in only what was added to the files since,
    and a call that was broken off goes on. The files stay as they are.

    Args:
        paths: a path, a folder, a pattern of paths, or a list of them: cassettes, and whatever else
            `ak.load` reads.
        progress: whether to show how far it is and what it costs; by default in a notebook and in a
            terminal, where there is much to do.

    Raises:
        FileNotFoundError: there is no such file.
        CassetteError: a file that was named holds no rollouts.
        UsageError: duckdb or pyarrow is not installed.
    """
    check_packages()
    found = list(_sidecars(paths))
    sidecars = [sidecar for sidecar, _ in found]
    sizes = [sidecar.path.stat().st_size for sidecar in sidecars]
    now = IndexProgress([sidecar.path.name for sidecar in sidecars], sum(sizes))
    now.earlier = sum(min(each.state.end, size) for each, size in zip(sidecars, sizes, strict=True))
    end = shown(now, progress)
    try:
        return RolloutIndex(_refreshed(found, sizes, now))
    finally:
        end()


def _refreshed(
    found: Sequence[tuple[Sidecar, bool]], sizes: Sequence[int], now: IndexProgress
) -> list[Sidecar]:
    """Bring each index up to date; what was found in a folder and holds no rollouts is left out."""
    before = rollouts = 0
    whole: list[Sidecar] = []
    for (sidecar, named), size in zip(found, sizes, strict=True):
        try:
            for done, _ in sidecar.refresh():
                now.took(before + done, rollouts + sidecar.rollouts)
            whole.append(sidecar)
        except AgentkitError as exc:
            if named:
                raise
            _log.warning("%s, and is left out", file_line(sidecar.path.name, exc.message))
        before += size
        rollouts += sidecar.rollouts
    now.took(before, rollouts)
    now.ready(sum(sidecar.size for sidecar in whole))
    return whole


def _sidecars(paths: Any) -> Iterator[tuple[Sidecar, bool]]:
    """Open the index of each file, and tell whether the file was named."""
    if isinstance(paths, (list, tuple)):
        for each in paths:
            yield from _sidecars(each)
        return
    found, named = _files(paths)
    if not found:
        raise NoFile(f"there is no file in {str(paths)!r}", hint="name a file", filename=paths)
    base = None if named or is_pattern(paths) else to_open(paths).absolute().parent
    for path in found:
        sidecar = sidecar_of(path)
        if base is not None:
            sidecar.name = path.absolute().relative_to(base).as_posix()
        yield sidecar, named


def _files(paths: Any) -> tuple[list[Path], bool]:
    """List the files that are meant, and tell whether each was named."""
    if is_pattern(paths):
        return [to_open(path) for path in paths_like(paths) if not path.is_dir()], False
    path = to_open(paths)
    if not path.is_dir():
        return [path], True
    return files_in(path), False


def rollouts_up_to(path: Path, limit: int) -> int:
    """Count the rollouts of a file, up to a limit; 0 for one that is not read line by line."""
    begins = _HEAD if is_cassette(path) else b""
    if not begins and row_reader(path) is None:
        return 0
    with path.open("rb") as file:
        return sum(1 for _ in islice((line for line in file if line.startswith(begins)), limit))


def sidecar_of(path: Path) -> Sidecar:
    """Open the index of a file, which may be empty so far.

    Raises:
        CassetteError: the file holds no rollouts.
    """
    if is_cassette(path):
        return CassetteSidecar(path)
    if row_reader(path) is not None:
        return LineSidecar(path)
    return WholeSidecar(path)

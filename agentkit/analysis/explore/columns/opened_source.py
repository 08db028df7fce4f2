"""Which source a table of rollouts is made of: by their index where there are many, else as they
are.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from agentkit.analysis.explore.columns.index_source import IndexSource
from agentkit.analysis.explore.columns.source import Source
from agentkit.errors import UsageError
from agentkit.files.cassette.index import Cassette
from agentkit.files.index.file_index import index, rollouts_up_to
from agentkit.files.index.rollout_index import RolloutIndex
from agentkit.files.index.rollout_tables import check_packages
from agentkit.files.path import INDEX, path_in
from agentkit.files.reader import rollout_sequence
from agentkit.types.words import in_line

_log = logging.getLogger("agentkit")
_MANY = 10_000
"""Rollouts beyond which a file is asked by an index."""
_SMALL = 10 * 2**20
"""Bytes of a file that surely does not hold so many."""


def source_of(x: Any) -> tuple[Source, Path | None]:
    """Open the rollouts that a value holds, and tell in which file they are."""
    if isinstance(x, RolloutIndex):
        return IndexSource(x), x.paths[0] if len(x.paths) == 1 else None
    path = path_in(x)
    if path is not None and is_large(path):
        there = Path(f"{path}{INDEX}").exists()
        found = index(path, progress=None if there else True)
        if len(found) > _MANY:
            return IndexSource(found), found.paths[0]
    rollouts = rollout_sequence(x)
    file = rollouts.entries.path if isinstance(rollouts, Cassette) else getattr(x, "file", None)
    samples = x.samples if hasattr(x, "file") and hasattr(x, "samples") else None
    return Source(rollouts, samples), file


def is_large(path: Any) -> bool:
    """Tell whether a file may hold so many rollouts that it is indexed, and can be."""
    file = Path(path)
    if not file.is_file() or file.stat().st_size < _SMALL:
        return False
    if rollouts_up_to(file, _MANY + 1) <= _MANY:
        return False
    try:
        check_packages()
    except UsageError as exc:
        _log.warning("%s holds many rollouts: %s", in_line(file.name), in_line(str(exc)))
        return False
    return True

"""The index of a file of another form: by line where each is a rollout, else of all it holds."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from agentkit.errors import AgentkitError
from agentkit.files.foreign.format import EachRow
from agentkit.files.foreign.formats import format_of
from agentkit.files.foreign.input.file_set import values_set
from agentkit.files.foreign.input.json_log import with_messages
from agentkit.files.foreign.logs.capture_log import is_captured
from agentkit.files.foreign.logs.chat_log import is_message
from agentkit.files.foreign.logs.rows import entries_of
from agentkit.files.gate import opened
from agentkit.files.index.index_part import Part
from agentkit.files.index.index_rows import rows_of
from agentkit.files.index.sidecars.sidecar import PART, Sidecar
from agentkit.files.path import is_packed, system_errors
from agentkit.files.reader import rollouts_in
from agentkit.types.trajectory import Trajectory
from agentkit.types.words import file_line

_log = logging.getLogger("agentkit")
_FIRST = 20
"""Lines by which it is told whether each is a rollout."""
_LONGEST = 2**24
"""Bytes of a line that is looked at for it."""
_PART_BYTES = 64 * 2**20
_STEP = 512
"""Lines after which it is said how far it is."""
RowReader = Callable[[Any], list[Trajectory]]


class LineSidecar(Sidecar):
    """The index of a file in which each line is a rollout of another form."""

    way = "lines"

    def _refresh(self) -> Iterator[tuple[int, int]]:
        """Take in the lines behind those that are indexed."""
        size, read, part = self.path.stat().st_size, row_reader(self.path), Part()
        if read is None:
            return
        with system_errors(self.path), self.path.open("rb") as file:
            offset = file.seek(self.state.end)
            for number, line in enumerate(file):
                if not line.endswith(b"\n") and not _value(line):
                    break  # it is still being written
                for place, rollout in enumerate(self._rollouts(line, read)):
                    part.add(self.state.samples, [offset, len(line), place], rows_of(rollout))
                    self.state.samples += 1
                offset += len(line)
                if len(part) >= PART // 2 or part.size >= _PART_BYTES:
                    self._commit(part, offset)
                    part = Part()
                if number % _STEP == 0:
                    yield offset, size
        self._commit(part, offset)

    def _commit(self, part: Part, end: int) -> None:
        self._write(part)
        self.state.end = end
        self._save()

    def _rollouts(self, line: bytes, read: RowReader) -> list[Trajectory]:
        """Read a line; one that cannot be read costs itself, and is told."""
        if not line.strip():
            return []
        try:
            return [opened(rollout) for rollout in read(_decoded(line))]
        except (AgentkitError, ValueError, RecursionError) as exc:
            _log.warning("%s, and is left out", file_line(self.path.name, str(exc)))
            return []

    def load(self, places: list[int]) -> Trajectory:
        """Read one rollout from its line."""
        offset, size, place = places
        with system_errors(self.path), self.path.open("rb") as file:
            file.seek(offset)
            line = file.read(size)
        read = row_reader(self.path)
        return self._rollouts(line, read)[place] if read else rollouts_in(self.path)[place]


class WholeSidecar(Sidecar):
    """The index of a file that is read at once."""

    way = "whole"
    _loaded: tuple[int, list[Trajectory]] = (0, [])

    @property
    def is_current(self) -> bool:
        """Whether the file is the one that was taken in."""
        return bool(self.state.changed) and self.state.changed == self._changed

    @property
    def _changed(self) -> int:
        return self.path.stat().st_mtime_ns

    def _is_of_file(self, state: Any) -> bool:
        return bool(state.changed == self._changed)

    def _is_other(self) -> bool:
        return not self._is_of_file(self.state)

    def _refresh(self) -> Iterator[tuple[int, int]]:
        """Take in all that the file holds."""
        size, changed, part = self.path.stat().st_size, self._changed, Part()
        for place, rollout in enumerate(self._all()):
            part.add(place, [0, 0, place], rows_of(rollout))
            if len(part) >= PART // 2:
                self._write(part)
                part = Part()
        self._write(part)
        self.state.end, self.state.changed = size, changed
        self._save()
        yield size, size

    def _check(self) -> None:
        """Refuse a file that holds no rollouts, before anything is put beside it."""
        self._all()

    def _all(self) -> list[Trajectory]:
        if self._loaded[0] != self._changed:
            self._loaded = self._changed, rollouts_in(self.path)
        return self._loaded[1]

    def load(self, places: list[int]) -> Trajectory:
        """Read the file, and give one of its rollouts."""
        return self._all()[places[-1]]


def row_reader(path: Path) -> RowReader | None:
    """Find what reads a line of a file; None where its lines are no rollouts of their own."""
    if is_packed(path):
        return None
    with system_errors(path), path.open("rb") as file:
        lines = list(islice(iter(lambda: file.readline(_LONGEST), b""), _FIRST))
    values = [value for line in lines if line.strip() for value in _value(line)]
    whole = [line for line in lines if line.strip() and line.endswith(b"\n")]
    if (
        len(values) < 2
        or len(values) < len(whole)
        or not all(isinstance(v, Mapping) for v in values)
    ):
        return None
    found = format_of(values_set(values, path.name))
    if found is not None:
        read = found.read
        return _row_of(read) if isinstance(read, EachRow) else None
    if any(is_message(value) or is_captured(value) or "messages" not in value for value in values):
        return None
    return lambda value: entries_of([value], None)


def _row_of(read: EachRow) -> RowReader:
    return lambda value: [read.row(value)]


def _value(line: bytes) -> list[Any]:
    """Decode a line; none where it is no JSON."""
    try:
        return [_decoded(line)]
    except (ValueError, RecursionError):
        return []


def _decoded(line: bytes) -> Any:
    return with_messages(json.loads(line.decode("utf-8", "replace")))

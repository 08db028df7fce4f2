"""The index of a cassette: gone on with where it was left, up to date as the file grows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from agentkit.files.cassette.codec import sample_of
from agentkit.files.cassette.index import PromptWords, entry_of
from agentkit.files.cassette.line.line_text import decode_lines
from agentkit.files.cassette.scan import Found, Scan
from agentkit.files.gate import opened
from agentkit.files.index.index_part import Part
from agentkit.files.index.index_rows import IndexRows, rows_of
from agentkit.files.index.plain_lines import rows_of_lines
from agentkit.files.index.sidecars.sidecar import PART, Sidecar
from agentkit.files.path import system_errors
from agentkit.types.trajectory import Trajectory

_WINDOW = 32 * 2**20
"""Bytes of the file that are gone through at a time."""
_PART_BYTES = 128 * 2**20
"""Bytes of the lines of a part, about at most."""


class CassetteSidecar(Sidecar):
    """The index of one cassette."""

    way = "cassette"

    def _refresh(self) -> Iterator[tuple[int, int]]:
        """Take in what the file holds beyond what is indexed."""
        size = self.path.stat().st_size
        with system_errors(self.path), self.path.open("rb") as file:
            scan, part = self._scan(file), Part()
            while scan.end < size:
                before = scan.end
                scan.read(_Window(file, _WINDOW))  # type: ignore[arg-type]
                if scan.end == before:
                    break  # a line that is still being written
                self._take(scan.take(), scan, part, file)
                if len(part) >= PART // 2 or part.size >= _PART_BYTES:
                    self._commit(part, scan)
                    part = Part()
                yield scan.end, size
            if scan.end == self.state.end:
                return
            self._take_open(scan, part, file)
            self._commit(part, scan)

    def _scan(self, file: BinaryIO) -> Scan:
        """Make a scan that goes on where the index ends."""
        scan = Scan()
        if not self.state.end:
            return scan
        for sample in sorted({*self._samples(), *map(int, self.state.opened)}):
            scan.numbers.begin(sample)
            scan.begun.append(sample)
        for name, places in self.state.opened.items():
            scan.rollouts[int(name)] = self._found_again(int(name), places, file)
        scan.end = self.state.end
        return scan

    def _samples(self) -> list[int]:
        import pyarrow.parquet as pq

        paths = [self.part_path(number, "rollouts") for number in range(len(self.state.parts))]
        known = [pq.read_table(path, columns=["sample"]).column(0).to_pylist() for path in paths]
        return sorted({sample for each in known for sample in each})

    def _found_again(self, sample: int, places: list[int], file: BinaryIO) -> Found:
        """Scan the lines of a rollout once more that had not ended."""
        own = Scan()
        for line, offset in _lines_at(file, places):
            own.take_line(line, offset)
        found = own.rollouts.get(next(iter(own.rollouts), -1)) or Found(sample, odd=True)
        found.sample = sample
        return found

    def _take(self, ended: dict[int, Found], scan: Scan, part: Part, file: BinaryIO) -> None:
        """Take in rollouts that have ended; what is full is written."""
        prompts = PromptWords()
        for index, found in ended.items():
            if index in scan.revived:
                scan.revived.discard(index)
                self._drop(index, found)
            elif str(index) in self.state.live:
                self.state.dropped.append(self.state.live.pop(str(index)))
            self.state.opened.pop(str(index), None)
            part.add(index, found.spans.tolist(), self._rows(index, found, prompts, file))
            if len(part) >= PART:
                self._write(part)
                part.__init__()  # type: ignore[misc]

    def _drop(self, index: int, found: Found) -> None:
        """Leave the row of a rollout that has gone on, and read it from all its places."""
        import pyarrow.parquet as pq

        for number in range(len(self.state.parts)):
            table = pq.read_table(
                self.part_path(number, "rollouts"),
                columns=["row", "sample"],
                filters=[("sample", "=", index)],
            )
            for row in table.column("row").to_pylist():
                self.state.dropped.append(row)
                found.spans = type(found.spans)("q", [*self.places.places(row), *found.spans])

    def _rows(self, index: int, found: Found, prompts: PromptWords, file: BinaryIO) -> IndexRows:
        places = found.spans.tolist()
        lines = [line for line, _ in _lines_at(file, places)]
        if found.complete:
            rows = rows_of_lines(entry_of(index, found, prompts), lines)
            if rows is not None:
                return rows
        return rows_of(opened(sample_of(decode_lines(lines), for_row=True)))

    def _take_open(self, scan: Scan, part: Part, file: BinaryIO) -> None:
        """Take in what there is of the rollouts that have not ended."""
        prompts = PromptWords()
        self.state.dropped += self.state.live.values()
        self.state.live, self.state.opened = {}, {}
        for index, found in scan.rollouts.items():
            if index in scan.revived:
                self._drop(index, found)
            self.state.opened[str(index)] = found.spans.tolist()
            self.state.live[str(index)] = self.state.count("rollouts") + len(part)
            part.add(index, found.spans.tolist(), self._rows(index, found, prompts, file))

    def _commit(self, part: Part, scan: Scan) -> None:
        """Write a part and how far the index has come with it."""
        self._write(part)
        self.state.end = scan.end
        self.state.opened |= {
            str(index): found.spans.tolist() for index, found in scan.rollouts.items()
        }
        self._save()

    def load(self, places: list[int]) -> Trajectory:
        """Read one rollout from its places in the file."""
        with system_errors(self.path), self.path.open("rb") as file:
            lines = [line for line, _ in _lines_at(file, places)]
        return opened(sample_of(decode_lines(lines)))


class _Window:
    """Some whole lines of a file, from where it is read."""

    def __init__(self, file: BinaryIO, limit: int) -> None:
        self._file = file
        self._limit = limit

    def seek(self, offset: int) -> int:
        return self._file.seek(offset)

    def read(self, size: int) -> bytes:
        return self._file.read(size)

    def __iter__(self) -> Iterator[bytes]:
        left = self._limit
        while left > 0 and (line := self._file.readline()):
            if not line.endswith(b"\n"):
                return  # it is still being written
            left -= len(line)
            yield line


def _lines_at(file: BinaryIO, places: list[int]) -> Iterator[tuple[bytes, int]]:
    """Read the lines at some places of a file, each with its offset."""
    for offset, size in zip(places[::2], places[1::2], strict=True):
        file.seek(offset)
        for text in file.read(size).split(b"\n"):
            if text:
                yield text + b"\n", offset
            offset += len(text) + 1

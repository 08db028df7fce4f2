"""The index of one file, in a folder beside it: built in parts, gone on with where it was left, and
brought up to date as the file grows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import BinaryIO

from agentkit.files.cassette.codec import sample_of
from agentkit.files.cassette.index import PromptWords, entry_of
from agentkit.files.cassette.line.line_text import decode_lines
from agentkit.files.cassette.scan import Found, Scan
from agentkit.files.gate import opened
from agentkit.files.index.index_part import KINDS, Part
from agentkit.files.index.index_rows import IndexRows, rows_of
from agentkit.files.index.plain_lines import rows_of_lines
from agentkit.files.index.stores.place_store import PlaceStore
from agentkit.files.index.stores.text_store import TextStore
from agentkit.files.index.stores.word_store import WordStore, digests_of
from agentkit.files.path import system_errors, write_whole
from agentkit.types.trajectory import Trajectory

VERSION = 2
SUFFIX = ".index"
"""What the folder of an index is called behind the name of its file."""
_WINDOW = 32 * 2**20
"""Bytes of the file that are gone through at a time."""
_PART = 16_384
"""Rollouts of a part at most; a row in it has 16 bits in the index of words."""
_PART_BYTES = 128 * 2**20
"""Bytes of the lines of a part, about at most."""
_HEAD = 4096
"""Bytes at the beginning by which a file is known again."""


@dataclass(slots=True)
class IndexState:
    """How far an index has come."""

    version: int = VERSION
    head: str = ""
    """Digest of the file's first bytes."""
    head_size: int = 0
    end: int = 0
    """Offset behind the last line that was taken in."""
    parts: list[dict[str, int]] = field(default_factory=list)
    """How many rows each table of a part has."""
    opened: dict[str, list[int]] = field(default_factory=dict)
    """The rollouts that had not ended, by sample: their places in the file."""
    dropped: list[int] = field(default_factory=list)
    """Rows of rollouts that have gone on since."""
    live: dict[str, int] = field(default_factory=dict)
    """The rows of the rollouts that had not ended, by sample."""

    def count(self, table: str) -> int:
        """Add up the rows of a table."""
        return sum(part[table] for part in self.parts)


class Sidecar:
    """The index of one file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.folder = path.with_name(path.name + SUFFIX)
        self.state = self._read_state()

    def texts(self, kind: str) -> TextStore:
        """Open the texts of a kind."""
        table = {"prompt": "rollouts", "content": "turns", "reasoning": "turns"}.get(kind, "calls")
        return TextStore(self.folder, kind, self.state.count(table))

    @property
    def places(self) -> PlaceStore:
        """Where its rollouts are."""
        return PlaceStore(self.folder, self.state.count("rollouts"))

    @property
    def words(self) -> WordStore:
        """The words of its rollouts."""
        return WordStore(self.folder)

    def _read_state(self) -> IndexState:
        try:
            data = json.loads((self.folder / "state.json").read_text("utf-8"))
            state = IndexState(**data)
        except (OSError, ValueError, TypeError):
            return IndexState()
        return state if state.version == VERSION and self._is_of_file(state) else IndexState()

    def _is_of_file(self, state: IndexState) -> bool:
        """Tell whether the file is the one that was indexed, and only grew."""
        if not self.path.exists() or self.path.stat().st_size < state.end:
            return False
        return _digest(self.path, state.head_size) == state.head

    def refresh(self) -> Iterator[tuple[int, int]]:
        """Take in what the file holds beyond what is indexed, part by part; what was done stays
        where it is broken off.

        Yields:
            After each step, how many bytes are taken in, and how many there are.

        Raises:
            CassetteError: it is no cassette.
        """
        size = self.path.stat().st_size
        if size == self.state.end:
            return
        with system_errors(self.folder):
            self.folder.mkdir(exist_ok=True)
        state = self.state
        if not state.head_size:
            state.head_size = min(size, _HEAD)
            state.head = _digest(self.path, state.head_size)
        with system_errors(self.path), self.path.open("rb") as file:
            scan, part = self._scan(file), Part()
            while scan.end < size:
                before = scan.end
                scan.read(_Window(file, _WINDOW))  # type: ignore[arg-type]
                if scan.end == before:
                    break  # a line that is still being written
                self._take(scan.take(), scan, part, file)
                if len(part) >= _PART // 2 or part.size >= _PART_BYTES:
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

    def part_path(self, number: int, table: str) -> Path:
        """Name the file of a table of a part."""
        return self.folder / f"{number:05}.{table}.parquet"

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
            if len(part) >= _PART:
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
        if not found.odd and found.ended:
            rows = rows_of_lines(entry_of(index, found, prompts), lines)
            if rows is not None:
                return rows
        return rows_of(opened(sample_of(decode_lines(lines))))

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
        text = json.dumps(asdict(self.state))
        write_whole(self.folder / "state.json", [text])

    def _write(self, part: Part) -> None:
        if not len(part):
            return
        number, first = len(self.state.parts), self.state.count("rollouts")
        stores = {kind: self.texts(kind) for kind in KINDS}
        digests = []
        with system_errors(self.folder):
            self.places.append(part.places)
            counts = part.write(self.folder, number, first)
            folded = {kind: [text.casefold() for text in part.texts(kind)] for kind in KINDS}
            for kind, store in stores.items():
                store.append(part.texts(kind), folded[kind])
            at = dict.fromkeys(KINDS, 0)
            for rows in part.rows:
                own: list[str] = []
                for kind in KINDS:
                    size = 1 if kind == "prompt" else len(getattr(rows, kind))
                    own += folded[kind][at[kind] : at[kind] + size]
                    at[kind] += size
                digests.append(digests_of(own))
            self.words.write(number, digests)
        self.state.parts.append(counts)

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


def _digest(path: Path, size: int) -> str:
    with path.open("rb") as file:
        return hashlib.sha256(file.read(size)).hexdigest()

"""The index of one file, in a folder beside it: tables in parts, texts, words and places, and how
far it has come.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from agentkit.errors import FileInUse
from agentkit.files.index.index_part import KINDS, Part
from agentkit.files.index.stores.place_store import PlaceStore
from agentkit.files.index.stores.text_store import TextStore
from agentkit.files.index.stores.word_store import WordStore, digests_of
from agentkit.files.path import system_errors, write_whole
from agentkit.files.writers.lock import lock_of
from agentkit.types.trajectory import Trajectory

VERSION = 2
SUFFIX = ".index"
"""What the folder of an index is called behind the name of its file."""
PART = 16_384
"""Rollouts of a part at most; a row in it has 16 bits in the index of words."""
_HEAD = 4096
"""Bytes at the beginning by which a file is known again."""
_OURS = frozenset({".parquet", ".npy", ".utf8", ".ends", ".int64"})
"""How the files of an index end, its state apart."""
Way = Literal["", "cassette", "lines", "whole"]
"""How a file is read: a cassette's lines, a rollout a line, or all of it at once."""


@dataclass(slots=True)
class IndexState:
    """How far an index has come."""

    version: int = VERSION
    way: Way = ""
    head: str = ""
    """Digest of the file's first bytes."""
    head_size: int = 0
    end: int = 0
    """Offset behind the last line that was taken in."""
    changed: int = 0
    """When a file that is read at once was written, in nanoseconds."""
    samples: int = 0
    """How many rollouts of a foreign file are taken in."""
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


class Sidecar(ABC):
    """The index of one file."""

    way: Way

    def __init__(self, path: Path) -> None:
        self.path = path
        self.folder = path.with_name(path.name + SUFFIX)
        self.state = self._read_state()

    @abstractmethod
    def load(self, places: list[int]) -> Trajectory:
        """Read one rollout from its places in the file."""

    @abstractmethod
    def _refresh(self) -> Iterator[tuple[int, int]]:
        """Take in what the file holds beyond what is indexed."""

    def _check(self) -> None:  # noqa: B027  (most find out as they go)
        """Refuse a file that holds no rollouts, before anything is put beside it."""

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

    @property
    def rollouts(self) -> int:
        """How many rollouts are taken in."""
        return self.state.count("rollouts") - len(self.state.dropped)

    @property
    def size(self) -> int:
        """Bytes that the index takes."""
        return sum(path.stat().st_size for path in self.folder.glob("*"))

    def part_path(self, number: int, table: str) -> Path:
        """Name the file of a table of a part."""
        return self.folder / f"{number:05}.{table}.parquet"

    def _read_state(self) -> IndexState:
        try:
            data = json.loads((self.folder / "state.json").read_text("utf-8"))
            state = IndexState(**data)
        except (OSError, ValueError, TypeError):
            return IndexState()
        known = (state.version, state.way) == (VERSION, self.way)
        return state if known and self._is_of_file(state) else IndexState()

    def _is_of_file(self, state: IndexState) -> bool:
        """Tell whether the file is the one that was indexed, and only grew."""
        if not self.path.exists() or self.path.stat().st_size < state.end:
            return False
        return _digest(self.path, state.head_size) == state.head

    @property
    def is_current(self) -> bool:
        """Whether all that the file holds is taken in."""
        return self.path.stat().st_size == self.state.end

    def refresh(self) -> Iterator[tuple[int, int]]:
        """Take in what the file holds beyond what is indexed, part by part; what was done stays
        where it is broken off. Where another process is at it, what that has done is taken.

        Yields:
            After each step, how many bytes are taken in, and how many there are.

        Raises:
            CassetteError: it is no cassette.
        """
        if self.is_current:
            return
        self._check()
        with system_errors(self.folder):
            self.folder.mkdir(exist_ok=True)
        try:
            with lock_of(self.folder / "state.json").used(alone=True):
                self.state = self._read_state()
                if not self.state.head_size:
                    self._begin()
                yield from self._refresh()
        except FileInUse:
            self.state = self._read_state()
            if not self.state.end:
                raise

    def _begin(self) -> None:
        """Begin anew: whoever still reads the files of an index before keeps them."""
        with system_errors(self.folder):
            for path in self.folder.iterdir():
                if path.suffix in _OURS or path.name == "state.json":
                    path.unlink()
        state = self.state
        state.way = self.way
        state.head_size = min(self.path.stat().st_size, _HEAD)
        state.head = _digest(self.path, state.head_size)

    def _save(self) -> None:
        """Write how far the index has come."""
        write_whole(self.folder / "state.json", [json.dumps(asdict(self.state))])

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


def _digest(path: Path, size: int) -> str:
    with path.open("rb") as file:
        return hashlib.sha256(file.read(size)).hexdigest()

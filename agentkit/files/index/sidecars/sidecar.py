"""The index of one file, in a folder beside it: tables in parts, texts, words and places, and how
far it has come.
"""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import time
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from agentkit.errors import AgentkitError, FileError, FileInUse
from agentkit.files.index.index_part import KINDS, TABLES, Part
from agentkit.files.index.stores.group_store import NAMES, GroupStore
from agentkit.files.index.stores.place_store import PlaceStore
from agentkit.files.index.stores.text_store import TextStore
from agentkit.files.index.stores.word_store import WordStore, digests_of
from agentkit.files.path import INDEX, system_errors, write_whole
from agentkit.files.writers.lock import lock_of
from agentkit.types.trajectory import Trajectory
from agentkit.types.words import count, in_line

_log = logging.getLogger("agentkit")
VERSION = 6
PART = 16_384
"""Rollouts of a part at most; a row in it has 16 bits in the index of words."""
_BLOCKS, _BLOCK = 64, 1024
"""So many blocks of so many bytes, from the beginning to the end of what is taken in, are what a
file is known by again.
"""
_MARKED = 4096
"""Bytes at the beginning, the middle and the end of a file of the index that are summed up."""
_OURS = frozenset({".parquet", ".npy", ".utf8", ".ends", ".int64", ".rows", ".names"})
"""How the files of an index end, its state apart."""
_READ_ONLY = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
"""What says that nothing can be written where the file is: what is indexed is still asked."""
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_TRIES, _PAUSE = 300, 0.1
"""Asked again so often, so many seconds apart, while another process begins the index."""
Way = Literal["", "cassette", "lines", "whole"]
"""How a file is read: a cassette's lines, a rollout a line, or all of it at once."""


@dataclass(slots=True)
class IndexState:
    """How far an index has come."""

    version: int = VERSION
    way: Way = ""
    end: int = 0
    """Offset behind the last line that was taken in."""
    digest: str = ""
    """What the file is known by, up to there."""
    changed: int = 0
    """When a file that is read at once was written, in nanoseconds."""
    samples: int = 0
    """How many rollouts of a foreign file are taken in."""
    parts: list[dict[str, int]] = field(default_factory=list)
    """How many rows each table of a part has, how many prompts and reasons to end that none
    before it has, and how many bytes its files."""
    opened: dict[str, list[int]] = field(default_factory=dict)
    """The rollouts that had not ended, by sample: their places in the file."""
    dropped: list[int] = field(default_factory=list)
    """Rows of rollouts that have gone on since."""
    marks: dict[str, list[int]] = field(default_factory=dict)
    """By file of the index: its bytes, and a checksum of some of them."""
    live: dict[str, int] = field(default_factory=dict)
    """The rows of the rollouts that had not ended, by sample."""

    def count(self, table: str) -> int:
        """Add up the rows of a table, or the values of one of `NAMES`."""
        return sum(part[table] for part in self.parts)


class Sidecar(ABC):
    """The index of one file."""

    way: Way
    _is_told = False
    """Whether it was told that the index is damaged."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()  # stays the same wherever the process goes
        self.name = str(path)
        """What the file is called among several, as `ak.load` calls it."""
        self.folder = self.path.with_name(path.name + INDEX)
        self.state = self._read_state()
        self._grouping = self.groups
        """The same while it is written."""

    def rollout(self, row: int) -> Trajectory:
        """Read the rollout of a row from the file.

        Raises:
            FileError: it cannot be read, or is another file by now.
        """
        with system_errors(self.path):
            if self._is_other():
                raise FileError(
                    f"{self.path.name!r} is not the file any more that was indexed",
                    hint="open it anew: ak.index(path), table.refresh()",
                    filename=self.path,
                )
        return self.load(self.places.places(row))

    def _is_other(self) -> bool:
        """Tell whether another file has taken the place of the one that was opened."""
        found = self.path.stat()
        return found.st_ino != self._inode or found.st_size < self.state.end

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
    def groups(self) -> GroupStore:
        """What groups of its rollouts are made of."""
        known = list(map(self.state.count, NAMES))
        return GroupStore(self.folder, self.state.count("rollouts"), known)

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
        self._inode = self.path.stat().st_ino if self.path.exists() else 0
        try:
            data = json.loads((self.folder / "state.json").read_text("utf-8"))
            state = IndexState(**data)
        except (OSError, ValueError, TypeError):
            return IndexState()
        known = (state.version, state.way) == (VERSION, self.way)
        if not known or not self._is_of_file(state):
            return IndexState()
        if not self._is_whole(state):
            if not self._is_told:
                _log.warning("the index of %s is damaged, and made anew", in_line(self.path.name))
            self._is_told = True
            return IndexState()
        return state

    def _is_of_file(self, state: IndexState) -> bool:
        """Tell whether the file is the one that was indexed, and only grew."""
        if not self.path.exists() or self.path.stat().st_size < state.end:
            return False
        return _digest(self.path, state.end) == state.digest

    def _is_whole(self, state: IndexState) -> bool:
        """Tell whether each file of the index is there, and as long as it was."""
        self.state = state
        texts = map(self.texts, KINDS)
        try:
            for name, (size, mark) in state.marks.items():
                if _mark(self.folder / name, size) != mark:
                    return False
            are_whole = self.places.is_whole() and self.groups.is_whole()
            return (are_whole and all(store.is_whole() for store in texts)) and all(
                part["bytes"] == self._part_size(number) for number, part in enumerate(state.parts)
            )
        except (OSError, ValueError):
            return False

    def _part_size(self, number: int) -> int:
        """Add up the bytes of the files of a part."""
        tables = [self.part_path(number, table) for table in TABLES]
        return sum(path.stat().st_size for path in (*tables, *self.words.paths(number)))

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
            FileError: nothing can be written, and there is no index yet.
        """
        if self.is_current:
            return
        self._check()
        with system_errors(self.folder):
            self.folder.mkdir(exist_ok=True)
        for left in reversed(range(_TRIES)):
            try:
                with lock_of(self.folder / "state.json").used(alone=True):
                    self.state = self._read_state()
                    self._grouping = self.groups
                    if not self.state.end:
                        self._begin()
                    yield from self._refresh()
                return
            except (FileInUse, FileError) as exc:
                self.state = self._read_state()
                is_kept = isinstance(exc, FileInUse) or exc.errno in _READ_ONLY
                if not is_kept or not (self.state.end or (left and isinstance(exc, FileInUse))):
                    raise _with_hint(exc) from None
                if self.state.end:
                    self._say_older(exc)
                    return
            time.sleep(_PAUSE)

    def _say_older(self, exc: AgentkitError) -> None:
        name, there = in_line(self.path.name), count(self.rollouts, "rollout")
        why = exc.message if isinstance(exc, FileError) else "another process is at it"
        _log.warning("the index of %s is not brought up to date: %s; it has %s", name, why, there)

    def _begin(self) -> None:
        """Begin anew: whoever still reads the files of an index before keeps them."""
        with system_errors(self.folder):
            for path in self.folder.iterdir():
                if path.suffix in _OURS or path.name == "state.json":
                    path.unlink()
        self.state.way = self.way

    def _save(self) -> None:
        """Write how far the index has come."""
        with system_errors(self.path):
            self.state.digest = _digest(self.path, self.state.end)
        write_whole(self.folder / "state.json", [json.dumps(asdict(self.state))])

    def _add_marks(self) -> None:
        """Note what the files of the index are known by: a machine that lost its power may leave
        files of the right length, and nothing in them.
        """
        last = f"{len(self.state.parts) - 1:05}."
        for path in self.folder.iterdir():
            grows = not path.name[:5].isdigit()
            if path.suffix in _OURS and (grows or path.name.startswith(last)):
                size = path.stat().st_size
                self.state.marks[path.name] = [size, _mark(path, size)]

    def _write(self, part: Part) -> None:
        if not len(part):
            return
        number, first = len(self.state.parts), self.state.count("rollouts")
        stores = {kind: self.texts(kind) for kind in KINDS}
        digests = []
        with system_errors(self.folder):
            self.places.append(part.places)
            counts = part.write(self.folder, number, first)
            grouped = [{**rows.rollout, "reward": rows.meta.get("reward")} for rows in part.rows]
            counts |= zip(NAMES, self._grouping.append(grouped), strict=True)
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
            counts["bytes"] = self._part_size(number)
            self.state.parts.append(counts)
            self._add_marks()


def _with_hint(exc: FileInUse | FileError) -> FileInUse | FileError:
    """Say of a full disk that the index goes on where it is."""
    if not isinstance(exc, FileError) or exc.errno not in _FULL:
        return exc
    hint = "make room and ask again: what is indexed is kept"
    return FileError(exc.message, hint=hint, errno=exc.errno, filename=exc.filename)


def _mark(path: Path, size: int) -> int:
    """Sum up the beginning, the middle and the end of a file of so many bytes."""
    found = 0
    with path.open("rb") as file:
        for place in (0, size // 2, max(0, size - _MARKED)):
            file.seek(place)
            found = zlib.crc32(file.read(min(_MARKED, size - place)), found)
    return found


def _digest(path: Path, end: int) -> str:
    """Digest blocks of a file, evenly spaced up to an end."""
    found = hashlib.sha256(str(end).encode())
    with path.open("rb") as file:
        for number in range(_BLOCKS):
            file.seek(max(0, end - _BLOCK) * number // (_BLOCKS - 1))
            found.update(file.read(min(_BLOCK, end)))
    return found.hexdigest()

"""The cassette that grows a line a step: its writer, and who may write it."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from io import FileIO
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from agentkit.errors import CassetteError, FileInUse, UsageError
from agentkit.files.cassette.codec import encode_line
from agentkit.files.cassette.line.line_text import decoded
from agentkit.files.cassette.lines import Line, dump, torn_line
from agentkit.files.cassette.scan import Scan
from agentkit.files.path import system_errors, to_write
from agentkit.files.writers.lock import is_file, lock_of
from agentkit.files.writers.owner import Owner
from agentkit.servers.redaction.known_secrets import Known
from agentkit.types.trajectory import Trajectory
from agentkit.types.words import count

_log = logging.getLogger("agentkit")
_MARK = 64
"""Bytes of the last line by which a writer knows its file again."""
_TRIES = 5
_STEP = 65_536
"""Bytes that are read at a time to find where the last line starts."""


class CassetteWriter:
    """The writer of a cassette. Each line reaches the operating system, whole, before the next
    step begins.

    Several threads and processes may append to one file: a lock on the file keeps their lines apart
        and their rollouts numbered. A line that cannot be written, as on a full disk, is taken
        back, so that the rest stays whole. Keys of the server, and those in environment
        variables, are taken out of every line, also where a prompt, a model or a tool repeats them.
    """

    _begun: set[int] | None = None
    """In a forked child, the rollouts it has begun; the others are its parent's."""
    _owner: Owner | None = None
    """Who writes the rollouts that no run has begun."""

    def __init__(self, path: Path, keep: bool = False) -> None:
        self.path = path
        self.use = lock_of(path)
        self._kept = False
        if keep:
            self.keep()
        self._lock = threading.Lock()
        self.scan = Scan()
        """What is in the file, as far as this writer has looked."""
        self.file = 0
        """Which file of the path it is: how often another took its place. A rollout of one before
        it may have the index that one in this has.
        """
        self._here: set[int] = set()
        """The rollouts that are written by this process, and are in the file."""
        self._known: Any = None
        self._mark: tuple[int, int, bytes] | None = None
        """Inode of the file, where the last line that was written ends, and its last bytes."""
        self._secrets = Known()
        self.look()

    def keep(self) -> None:
        """Keep the file in use for as long as this writer lives.

        Raises:
            FileInUse: another process replaces it.
        """
        if not self._kept:
            self.use.keep(self)
            self._kept = True

    def look(self) -> None:
        """Make sure that the file is a cassette which can be written, before a model is paid for.

        Raises:
            UsageError: it is something else.
            FileError: it cannot be written.
        """
        with self.locked() as file:
            self.catch_up(file)

    def begin(self, trajectory: Trajectory, owner: str | None = None) -> int:
        """Begin a rollout: write all there is of it.

        Args:
            trajectory: what there is of it.
            owner: the name of the run that writes it; by default this writer owns it.

        Returns:
            The sample index under which it goes on.
        """
        self.use.ensure(self)
        with self.locked() as file:
            self.catch_up(file)
            return self.append_rollout(file, trajectory, owner or self._own_name())

    def _own_name(self) -> str | None:
        """Give the name of this writer's own owner; None where the file system has no locks."""
        if self._owner is None:
            with suppress(OSError):
                self._owner = Owner(self.path)
        return self._owner.name if self._owner else None

    def write(self, line: Line, file: int | None = None) -> bool:
        """Append one line.

        Args:
            line: the line.
            file: as `write_text` takes it.

        Returns:
            Whether it was written, as `write_text` says.
        """
        return self.write_text(encode_line(line), line.get("sample"), file)

    def write_text(self, text: str, sample: Any, file: int | None = None) -> bool:
        """Append one line that is text already.

        Args:
            text: the line with its end, as `encode_line` makes it.
            sample: the rollout's index in the file, as the line has it.
            file: which file its rollout was begun in; by default the one that is there.

        Returns:
            Whether it was written. It was not where the file has been removed, emptied or replaced
            since its rollout began: that has to begin anew first.

        Raises:
            FileInUse: the line belongs to a rollout of the process that this one was forked from.
            FileError: it cannot be written.
        """
        if self._begun is not None and not self.use.alone and sample not in self._begun:
            raise FileInUse(
                f"the process this one was forked from records this rollout in {self.path.name!r}",
                hint="begin a rollout of its own in the child",
            )
        with self.locked() as opened:
            if not self._is_marked(opened):
                self._begin_anew()
            if sample not in self._here or file not in (None, self.file):
                return False
            self.append_text(opened, [text], sample)
            return True

    def after_fork(self) -> None:
        """Leave the rollouts that are under way to the parent."""
        self._lock = threading.Lock()
        self._begun = set()
        self._owner = None

    @contextmanager
    def locked(self) -> Iterator[FileIO]:
        """Open the file, with nobody else appending meanwhile."""
        with self._lock, system_errors(self.path):
            for attempt in range(_TRIES):
                with FileIO(self.path, "a+") as file, alone(file):
                    # who waited for the lock may have a file that was removed meanwhile
                    if is_file(file.fileno(), self.path) or attempt == _TRIES - 1:
                        yield file
                        return

    def append_rollout(
        self, file: FileIO, trajectory: Trajectory, owner: str | None, place: int | None = None
    ) -> int:
        """Begin a rollout in the file that is locked, after catching up.

        Args:
            file: as `locked` gives it.
            trajectory: what there is of the rollout.
            owner: the name of the run that writes it.
            place: the sample index it takes; by default the next.
        """
        sample = self.scan.next_sample if place is None else place
        first, *others = dump(trajectory, sample)
        self.append(file, [{**first, "owner": owner} if owner else first, *others])
        self.catch_up(file)
        self.go_on(sample)
        return sample

    def go_on(self, sample: int) -> None:
        """Take note that this process goes on with a rollout that is in the file."""
        self._here.add(sample)
        if self._begun is not None:
            self._begun.add(sample)

    def append(self, file: FileIO, lines: list[Line]) -> None:
        """Append lines to the file that is locked: all of them, or none."""
        self.append_text(file, list(map(encode_line, lines)), lines[0].get("sample", 0))

    def append_text(self, file: FileIO, lines: list[str], sample: Any) -> None:
        """Append lines that are text already, of this rollout, to the file that is locked."""
        size = file.seek(0, os.SEEK_END)
        if size and os.pread(file.fileno(), 1, size - 1) != b"\n":
            size, torn = self._mended(file, size, sample)
            lines = [*lines, *torn]
        redact = self._secrets.redact
        data = "".join(map(redact, lines)).encode()
        try:
            left = data
            while left:
                left = left[file.write(left) or 0 :]
        except OSError:
            file.truncate(size)
            raise
        tail = data[-_MARK:]
        self._mark = (os.fstat(file.fileno()).st_ino, size + len(data), tail)

    def _mended(self, file: FileIO, size: int, sample: Any) -> tuple[int, list[str]]:
        """Put what a crash left of the last line into a line of its own, so that it neither runs
        into the next one nor is told of whenever the file is read. Give the size of the file then,
        and that line.
        """
        start, torn = _last_line(file, size)
        if decoded(torn) is not None:  # by other hands, and whole but for its end
            file.write(b"\n")
            return size + 1, []
        file.truncate(start)
        _log.warning(
            "%s: its last line was torn by a crash; the step is lost, its text is kept",
            self.path.name,
        )
        return start, [encode_line(torn_line(torn.decode("utf-8", "replace"), sample))]

    def catch_up(self, file: FileIO) -> None:
        """Take note of what others have written; a file that was removed, emptied or replaced
        begins anew.

        Raises:
            UsageError: it is no cassette.
        """
        size, inode = file.seek(0, os.SEEK_END), os.fstat(file.fileno()).st_ino
        known = (inode, os.pread(file.fileno(), min(self.scan.end, 256), 0))
        if size < self.scan.end or known != self._known or not self._is_marked(file):
            self._begin_anew()
        with open(file.fileno(), "rb", closefd=False) as reader:
            try:
                self.scan.read(reader)
            except CassetteError as exc:
                name = self.path.name
                raise UsageError(
                    f"{name!r} exists and is not a cassette: {exc.message}",
                    hint="choose another file name, or remove it",
                ) from None
        self._known = (inode, os.pread(file.fileno(), min(self.scan.end, 256), 0))

    def _is_marked(self, file: FileIO) -> bool:
        """Tell whether the line that was written last is still where it was."""
        if self._mark is None:
            return True
        inode, end, tail = self._mark
        there = os.pread(file.fileno(), len(tail), end - len(tail))
        return there == tail and os.fstat(file.fileno()).st_ino == inode

    def _begin_anew(self) -> None:
        """Forget what was in the file, which is another one now."""
        if self._here:
            _log.warning(
                "%s was removed, emptied or replaced while it was written; %s begins anew in it",
                self.path.name,
                count(len(self._here), "rollout"),
            )
        self.scan, self._mark = Scan(), None
        self.file += bool(self._here)
        self._here.clear()


def _last_line(file: FileIO, size: int) -> tuple[int, bytes]:
    """Read the last line of a file, which has no end: where it starts, and what it holds."""
    tail, start = b"", size
    while start and b"\n" not in tail:
        step = min(_STEP, start)
        start -= step
        tail = os.pread(file.fileno(), step, start) + tail
    cut = tail.rfind(b"\n") + 1
    return start + cut, tail[cut:]


@contextmanager
def alone(file: FileIO) -> Iterator[None]:
    """Keep others from appending meanwhile, where the system has a lock for that."""
    try:
        import fcntl
    except ImportError:  # Windows; there a line is still one write
        yield
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
    except OSError:  # a file system without locks
        yield
        return
    try:
        yield
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)


_cassettes: WeakValueDictionary[Path, CassetteWriter] = WeakValueDictionary()


def _after_fork() -> None:
    for writer in list(_cassettes.values()):
        writer.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def used(path: Any, *, alone: bool) -> AbstractContextManager[None]:
    """Hold a file in use: alone, where rollouts in it go on; without a path, nothing is held.

    Raises:
        FileInUse: another run or process writes it, and one of the two must be alone.
        UsageError: it is no path, or a folder.
        NoFile: its folder is not there.
    """
    return nullcontext() if path is None else lock_of(to_write(path)).used(alone=alone)


def cassette(path: Any, *, keep: bool = False) -> CassetteWriter:
    """Open the writer of a file: one for all who record there.

    Args:
        path: the file; it is made where it is missing.
        keep: keep the file in use for as long as the writer lives.

    Raises:
        FileInUse: another process goes on with its rollouts.
        UsageError: the file exists and is not a cassette, or it is no file's path.
        NoFile: its folder is not there.
        OSError: it cannot be written.
    """
    target = to_write(path).resolve()
    writer = _cassettes.get(target)
    if writer is None:
        writer = _cassettes[target] = CassetteWriter(target, keep)
    else:
        if keep:
            writer.keep()
        writer.look()
    return writer

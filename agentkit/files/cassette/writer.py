"""The cassette that grows a line a step: its writer, and who may write it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from io import FileIO
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from agentkit.errors import CassetteError, FileInUse, UsageError
from agentkit.files.cassette.codec import encode_line
from agentkit.files.cassette.lines import Line, dump
from agentkit.files.cassette.scan import Scan
from agentkit.files.lock import lock_of
from agentkit.files.path import to_write
from agentkit.servers.redaction.redactor import Redactor
from agentkit.servers.redaction.secret_values import environment_secrets
from agentkit.types.trajectory import Trajectory


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

    def __init__(self, path: Path, keep: bool = False) -> None:
        self.path = path
        self.use = lock_of(path)
        self._kept = False
        if keep:
            self.keep()
        self._lock = threading.Lock()
        self._scan = Scan()
        self._known: Any = None
        self._redact = Redactor(environment_secrets(os.environ))
        self.look()

    def guard(self, redact: Redactor) -> None:
        """Keep these secrets out of the file as well."""
        self._redact = self._redact.joined(redact)

    def keep(self) -> None:
        """Keep the file in use for as long as this writer lives.

        Raises:
            FileInUse: another process goes on with its rollouts.
        """
        if not self._kept:
            self.use.keep(self)
            self._kept = True

    def look(self) -> None:
        """Make sure that the file is a cassette which can be written, before a model is paid for.

        Raises:
            UsageError: it is something else.
            OSError: it cannot be written.
        """
        with self._locked() as file:
            self._catch_up(file)

    def begin(self, trajectory: Trajectory) -> int:
        """Begin a rollout: write all there is of it.

        Returns:
            The sample index under which it goes on.
        """
        self.use.ensure(self)
        with self._locked() as file:
            self._catch_up(file)
            sample = 1 + max(self._scan.rollouts, default=-1)
            self._append(file, dump(trajectory, sample))
            self._catch_up(file)
            if self._begun is not None:
                self._begun.add(sample)
            return sample

    def write(self, line: Line) -> None:
        """Append one line.

        Raises:
            FileInUse: the line belongs to a rollout of the process that this one was forked from.
        """
        if self._begun is not None and not self.use.alone and line.get("sample") not in self._begun:
            raise FileInUse(
                f"the process this one was forked from records this rollout in {self.path.name!r}",
                hint="begin a rollout of its own in the child",
            )
        with self._locked() as file:
            self._append(file, [line])

    def after_fork(self) -> None:
        """Leave the rollouts that are under way to the parent."""
        self._lock = threading.Lock()
        self._begun = set()

    @contextmanager
    def _locked(self) -> Iterator[FileIO]:
        with self._lock, FileIO(self.path, "a+") as file, alone(file):
            yield file

    def _append(self, file: FileIO, lines: list[Line]) -> None:
        size = file.seek(0, os.SEEK_END)
        data = "".join(self._redact(encode_line(line)) for line in lines).encode()
        if (
            size and (file.seek(-1, os.SEEK_END), file.read(1))[1] != b"\n"
        ):  # a torn line must not run into the next
            data = b"\n" + data
        try:
            while data:
                data = data[file.write(data) or 0 :]
        except OSError:
            file.truncate(size)
            raise

    def _catch_up(self, file: FileIO) -> None:
        """Take note of what others have written; a file that was removed, emptied or replaced
        begins anew.
        """
        size, inode = file.seek(0, os.SEEK_END), os.fstat(file.fileno()).st_ino
        file.seek(0)
        known = (inode, file.read(min(self._scan.end, 256)))
        if size < self._scan.end or known != self._known:
            self._scan = Scan()
        with open(self.path, "rb") as reader:
            try:
                self._scan.read(reader)
            except CassetteError as exc:
                name = self.path.name
                raise UsageError(
                    f"{name!r} exists and is not a cassette: {exc.message}",
                    hint="choose another file name, or remove it",
                ) from None
        file.seek(0)
        self._known = (inode, file.read(min(self._scan.end, 256)))


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

"""Who writes a file: a lock on a companion of it, which the system lets go of with the process that
held it, in whatever way that ends.

Rollouts that are appended do not hurt each other, and each has one writer (see `owner`),
so those who append share the lock; who replaces the file must be its only writer. Readers need no
lock. Windows shares no locks and keeps no lines apart, so there a file has one process.
"""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary, finalize

from agentkit.errors import FileInUse

fcntl: Any
msvcrt: Any
try:
    import fcntl
except ImportError:
    fcntl = None
try:
    import msvcrt
except ImportError:
    msvcrt = None

_TAKEN = {errno.EAGAIN, errno.EACCES, errno.EWOULDBLOCK}
"""What says that another has the lock; every other error says that there are no locks here."""

_TRIES, _PAUSE = 20, 0.01
"""Asked again so often, so many seconds apart: a holder that leaves has the companion for itself
while it removes it.
"""


class FileLock:
    """The lock of one file in this process, for all who write it here.

    A companion carries it and not the file itself, which may be emptied, removed or replaced
    meanwhile. Where the file system knows no locks, or no companion can be made, nothing is locked
    and nothing fails.
    """

    def __init__(self, target: Path) -> None:
        self._name = target.name
        self._companion = target.with_name(f".{target.name}.lock")
        self._guard = threading.RLock()  # a finalizer may run in the thread that holds it
        self._fd: int | None = None
        self._keepers = 0
        self._runs = 0
        self.alone = False
        """Whether one run of this process has the file for itself."""

    def keep(self, owner: object) -> None:
        """Share the lock for as long as the owner lives.

        Raises:
            FileInUse: another process has the file for itself.
        """
        with self._guard:
            self._keepers += 1
            forget = finalize(owner, self._forget)
            try:
                self._take()
            except BaseException:
                forget()
                raise

    def ensure(self, owner: object) -> None:
        """Share the lock with whoever holds it here; without any, keep it for the owner. A forked
        child takes one of its own.

        Raises:
            FileInUse: another process has the file for itself.
        """
        with self._guard:
            if self._keepers or self._runs:
                self._take()
            else:
                self.keep(owner)

    @contextmanager
    def used(self, *, alone: bool) -> Iterator[None]:
        """Hold the lock during a run.

        Raises:
            FileInUse: another run or another process writes the file, and one of the two must be
                alone.
        """
        pid = os.getpid()
        with self._guard:
            if self.alone or (alone and self._runs):
                raise self._in_use("another run of this process")
            self._runs += 1
            try:
                self._take(alone=alone)
            except BaseException:
                self._runs -= 1
                raise
            self.alone = alone
        try:
            yield
        finally:
            if pid == os.getpid():  # a forked child has no part in its parent's run
                self._leave()

    def _leave(self) -> None:
        with self._guard:
            self._runs -= 1
            if self.alone and self._keepers and self._fd is not None and fcntl:
                with suppress(OSError):
                    try_lock(self._fd, alone=False)
            self.alone = False
            self._drop_unused()

    def _forget(self) -> None:
        with self._guard:
            self._keepers -= 1
            self._drop_unused()

    def _take(self, *, alone: bool = False) -> None:
        """Lock the companion. A lock that is shared already becomes that of one alone."""
        if self._fd is not None and not (alone and fcntl):
            return
        tries = _TRIES
        while True:
            try:
                fd = self._fd = (
                    self._fd
                    if self._fd is not None
                    else os.open(self._companion, os.O_RDWR | os.O_CREAT, 0o666)
                )
                taken = try_lock(fd, alone=alone)
            except OSError:
                self._close()
                return
            if taken and is_file(fd, self._companion):
                return
            if taken or not (
                alone and self._keepers and self._share_again(fd)
            ):  # a change that fails loses the shared lock
                self._close()
            if not taken:
                if not tries:
                    raise self._in_use("another process")
                tries -= 1
                time.sleep(_PAUSE)

    def _share_again(self, fd: int) -> bool:
        try:
            return try_lock(fd, alone=False)
        except OSError:
            return False

    def _drop_unused(self) -> None:
        if self._fd is None or self._keepers or self._runs:
            return
        with suppress(OSError):
            if not fcntl:  # Windows removes no file that somebody has open
                self._close()
                self._companion.unlink()
            elif try_lock(self._fd, alone=True) and is_file(self._fd, self._companion):
                self._companion.unlink()
        self._close()

    def _close(self) -> None:
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)

    def _in_use(self, whose: str) -> FileInUse:
        return FileInUse(
            f"{whose} is writing {self._name!r}, and two would destroy what it holds",
            hint=(
                "choose another path, or wait until it has ended: an agent of ak.record keeps its"
                " file as long as it is there, and so does a tap of ak.watch until w.close()"
            ),
        )

    def after_fork(self) -> None:
        """Leave the lock to the parent; a copy of it in the child would outlive the parent."""
        self._guard = threading.RLock()
        self._runs, self.alone = 0, False
        self._close()


def try_lock(fd: int, *, alone: bool) -> bool:
    """Try to take the lock, without waiting.

    Raises:
        OSError: there are no locks here.
    """
    try:
        if fcntl:
            fcntl.flock(fd, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        elif msvcrt:
            os.lseek(fd, 0, os.SEEK_SET)
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
    except OSError as exc:
        if exc.errno in _TAKEN:
            return False
        raise
    return True


def is_file(fd: int, path: Path) -> bool:
    """Tell whether a file is still the one that was opened; its last holder may have removed it."""
    try:
        return os.path.samestat(os.fstat(fd), os.stat(path))
    except OSError:
        return False


_locks: WeakValueDictionary[Path, FileLock] = WeakValueDictionary()
_locks_guard = threading.Lock()


def lock_of(path: Path) -> FileLock:
    """Look up the lock of this file: one for all who write it here."""
    target = path.resolve()
    with _locks_guard:
        lock = _locks.get(target)
        if lock is None:
            lock = _locks[target] = FileLock(target)
        return lock


def _after_fork() -> None:
    global _locks_guard
    _locks_guard = threading.Lock()
    for lock in list(_locks.values()):
        lock.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

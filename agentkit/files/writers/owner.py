"""Who writes a rollout: a run, by a name that is in the file, and by a lock on a companion of that
name. The system lets go of the lock with the process, in whatever way that ends; so another run can
tell what a living one still writes from what a dead one has left.
"""

from __future__ import annotations

import os
import re
import secrets
from contextlib import suppress
from glob import escape
from pathlib import Path
from weakref import WeakSet, finalize

from agentkit.errors import FileInUse
from agentkit.files.writers.lock import is_file, try_lock

_NAME = re.compile(r"(\d{1,10})-[0-9a-f]{12}")
"""Process id and a random part. What a file says is only looked up where it has this form."""
_TRIES = 20
_BEHIND = ".lock"
_SHORT = 50
"""Characters of a file's name in that of a companion, which the system must still take."""


class Owner:
    """A run that writes rollouts of a file, until it is closed or its process ends."""

    def __init__(self, target: Path) -> None:
        """Take a name and lock its companion.

        Raises:
            OSError: there are no locks here, or no companion can be made.
        """
        self.name = ""
        self._fd: int | None = None
        for _ in range(_TRIES):  # who cleans up may take the companion before it is locked
            self.name = f"{os.getpid()}-{secrets.token_hex(6)}"
            path = _companion(target, self.name)
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
            try:
                taken = try_lock(fd, alone=True) and is_file(fd, path)
            except OSError:
                os.close(fd)
                path.unlink(missing_ok=True)
                raise
            if taken:
                self._fd, self._path = fd, path
                break
            os.close(fd)
        _owners.add(self)
        self.close = finalize(self, _let_go, fd, path)
        """Let go of what is owned; a later call does nothing."""

    def after_fork(self) -> None:
        """Leave it to the parent; a copy of the lock in the child would outlive the parent."""
        if self.close.detach() is not None and self._fd is not None:
            os.close(self._fd)


_owners: WeakSet[Owner] = WeakSet()


def _let_go(fd: int, path: Path) -> None:
    with suppress(OSError):  # Windows removes no file that somebody has open
        path.unlink()
    os.close(fd)
    with suppress(OSError):
        path.unlink(missing_ok=True)


def _companion(target: Path, name: str) -> Path:
    return target.with_name(f"{_before(target)}{name}{_BEHIND}")


def _before(target: Path) -> str:
    return f".{target.name[:_SHORT]}."


def process_of(name: str) -> int | None:
    """Tell the process of an owner by its name."""
    found = _NAME.fullmatch(name)
    return int(found[1]) if found else None


def is_alive(target: Path, name: str | None) -> bool:
    """Tell whether a run of this name still writes the file."""
    if name is None or not _NAME.fullmatch(name):
        return False
    path = _companion(target, name)
    try:
        fd = os.open(path, os.O_RDWR)
    except OSError:
        return False
    try:
        if not try_lock(fd, alone=True):
            return True
        path.unlink(missing_ok=True)  # its process has ended without closing it
        return False
    except OSError:
        return True
    finally:
        os.close(fd)


def clean_up(target: Path) -> None:
    """Remove the companions that dead processes have left."""
    before = _before(target)
    for path in target.parent.glob(f"{escape(before)}*{_BEHIND}"):
        is_alive(target, path.name[len(before) : -len(_BEHIND)])


def owner_of(target: Path) -> Owner:
    """Become an owner of rollouts of this file.

    Raises:
        FileInUse: nothing here can tell whether another run writes them.
    """
    try:
        return Owner(target)
    except OSError as exc:
        raise FileInUse(
            f"another run may be writing {target.name!r}, and nothing here can tell: the file"
            f" system has no locks ({exc.strerror})",
            hint=(
                "copy the file to a local disk and resume there, or go on in another file:"
                " ak.rollouts(…, resume=ak.load(path, all=True), record=another)"
            ),
        ) from exc


def _after_fork() -> None:
    for owner in list(_owners):
        owner.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

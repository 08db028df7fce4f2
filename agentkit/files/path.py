"""Paths a user gives, checked before anything is read or written, and files written whole."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from agentkit.errors import NoFile, UsageError
from agentkit.types.record import clip


def to_write(path: Any) -> Path:
    """The path, where a file can stand there.

    Raises:
        UsageError: it is no path, or a folder.
        NoFile: its folder is not there.
    """
    target = _path(path)
    if not target.resolve().parent.is_dir():
        raise NoFile(
            f"there is no folder {str(target.parent)!r}", hint="make it first, or choose another"
        )
    return target


def to_read(path: Any) -> Path:
    """The path, where a file stands there.

    Raises:
        UsageError: it is no path, or a folder.
        NoFile: there is no such file.
    """
    target = _path(path)
    if not target.exists():
        hint = f"a text is read as the path of a file; the working directory is {str(Path.cwd())!r}"
        raise NoFile(f"there is no file {clip(str(target), 200)!r}", hint=hint)
    return target


def _path(path: Any) -> Path:
    if not isinstance(path, (str, os.PathLike)):
        raise UsageError(f"the path is a {type(path).__name__}", hint="name a file: 'run.jsonl'")
    target = Path(path)
    if target.is_dir():
        raise UsageError(f"{str(target)!r} is a folder", hint="name a file in it")
    return target


def write_whole(target: Path, texts: Iterable[str]) -> None:
    """Written beside the target and moved over it, so that a crash leaves the old file."""
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with open(handle, "w", encoding="utf-8", newline="\n") as file:
            file.writelines(texts)
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask

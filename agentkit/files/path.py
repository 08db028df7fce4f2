"""Paths a user gives, checked before anything is read or written, and files written whole."""

from __future__ import annotations

import glob
import os
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from agentkit.errors import NoFile, UsageError
from agentkit.types.record import clip

_RAW = ("{", "[", "<", "data:", "event:", ":")
"""How a raw answer begins, and JSON: no path does, unless it ends in a file's name."""
_FILE_NAME = re.compile(r'[^\n"]+\.\w{1,8}')
_LONGEST_PATH = 4096


def to_write(path: Any) -> Path:
    """Check a path that is to be written.

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
    """Check a path that is to be read.

    Raises:
        UsageError: it is no path, or a folder.
        NoFile: there is no such file.
    """
    target = _path(path)
    if not _exists(target):
        hint = f"a text is read as the path of a file; the working directory is {str(Path.cwd())!r}"
        raise NoFile(f"there is no file {clip(str(target), 200)!r}", hint=hint)
    return target


def _path(path: Any) -> Path:
    if not isinstance(path, (str, os.PathLike)):
        raise UsageError(f"the path is a {type(path).__name__}", hint="name a file: 'run.jsonl'")
    if path == "":
        raise UsageError("the path is an empty text", hint="name a file: 'run.jsonl'")
    target = Path(path)
    if _exists(target) and target.is_dir():
        raise UsageError(f"{str(target)!r} is a folder", hint="name a file in it")
    return target


def write_whole(target: Path, texts: Iterable[str]) -> None:
    """Write a file beside the target and move it over it, so that a crash leaves the old file."""
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


def path_in(x: Any) -> Path | None:
    """Tell which file a value names: a path, or a text that is one; None where it is anything else,
    as the text of a raw answer or a pattern of several paths.
    """
    if not isinstance(x, (str, os.PathLike)) or is_url(x):
        return None
    path = Path(x)
    if isinstance(x, str) and x.lstrip().startswith(_RAW) and not _FILE_NAME.fullmatch(x):
        return path if _is_there(x) else None
    return None if glob.has_magic(str(path)) and not _is_there(str(path)) else path


def is_pattern(x: Any) -> bool:
    if isinstance(x, str) and x.lstrip().startswith(_RAW) and not _FILE_NAME.fullmatch(x):
        return False
    return isinstance(x, (str, os.PathLike)) and glob.has_magic(str(x))


def is_url(x: Any) -> bool:
    return isinstance(x, str) and x.startswith(("http://", "https://"))


def _is_there(text: str) -> bool:
    if len(text) > _LONGEST_PATH or "\n" in text or "\0" in text:
        return False
    return _exists(Path(text))


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name that is too long for the system
        return False

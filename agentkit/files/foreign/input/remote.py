"""Files behind a URL of a file system: `s3://`, `hf://`, `gs://`, `memory://`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import PurePosixPath
from typing import Any

from agentkit.errors import FileError, NoFile, UsageError
from agentkit.files.foreign.input.file_set import FileSet, bytes_set
from agentkit.files.path import is_beside

_MAGIC = ("*", "?", "[")
_MAGIC_BEHIND = re.compile(r"[^/]*[*?\[].*", re.DOTALL)
"""The part of a path from its first folder or file on that is a pattern."""


def remote_sets(url: str) -> list[FileSet]:
    """Make a source of a file, the files of a folder, or each that a pattern fits.

    Raises:
        UsageError: fsspec, or its part for this kind of URL, is not installed.
        NoFile: there is no such file.
        FileError: it cannot be read.
    """
    try:
        import fsspec
    except ImportError:
        raise UsageError(
            f"{url!r} lies in a file system that is not this machine's",
            hint="pip install fsspec, and s3fs, gcsfs or huggingface_hub for its kind",
        ) from None
    try:
        system, path = fsspec.core.url_to_fs(url)
        return _sets(system, path, url)
    except (ImportError, ValueError) as exc:
        raise UsageError(f"{url!r} cannot be opened: {exc}", hint="look at its first word") from exc
    except FileNotFoundError as exc:
        raise NoFile(
            f"there is no file {url!r}", hint="look at its name and at your rights", filename=url
        ) from exc
    except OSError as exc:
        raise FileError(
            f"{url!r} cannot be read: {exc}", hint="look at your rights and the network"
        ) from exc


def _sets(system: Any, path: str, url: str) -> list[FileSet]:
    if any(sign in path for sign in _MAGIC):
        found = sorted(system.glob(path))
        if not found:
            raise FileNotFoundError(url)
        files = _named(_MAGIC_BEHIND.sub("", path), found)
        return [_set(system, one) for one in files.values() if not system.isdir(one)]
    if not system.isdir(path):
        return [_set(system, path)]
    inside = _named(path, sorted(system.find(path)))
    members = {name: _reader(system, one) for name, one in inside.items()}
    return [FileSet(name=_name(path), members=members)]


def _named(folder: str, paths: Iterable[str]) -> dict[str, str]:
    """Name files from a folder, without what lies beside rollouts."""
    named = {path.removeprefix(folder).lstrip("/"): path for path in paths}
    return {name: path for name, path in named.items() if not is_beside(PurePosixPath(name))}


def _set(system: Any, path: str) -> FileSet:
    return bytes_set(_name(path), _reader(system, path)())


def _name(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


def _reader(system: Any, path: str) -> Callable[[], bytes]:
    return lambda: bytes(system.cat_file(path))

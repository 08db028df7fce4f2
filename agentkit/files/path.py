"""Paths a user gives, checked before anything is read or written, and files written whole."""

from __future__ import annotations

import errno
import glob
import os
import re
import stat
import tempfile
from codecs import BOM_UTF16_BE, BOM_UTF16_LE, BOM_UTF32_BE, BOM_UTF32_LE
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from agentkit.errors import AgentkitError, CassetteError, FileError, NoFile, UsageError
from agentkit.types.record import clip
from agentkit.types.words import type_in_words, with_article

_NUMBER = re.compile(r"[0-9]{1,18}")
_RAW = ("{", "[", "<", "data:", "event:", ":")
"""How a raw answer begins, and JSON: no path does, unless it ends in a file's name."""
_FILE_NAME = re.compile(r'[^\n"]+\.\w{1,8}')
_REMOTE = re.compile(r"(?!(?:https?|file)://)[A-Za-z][A-Za-z0-9+.-]{1,30}(?:://|::)\S")
_HERE = "file://"
_LONGEST_PATH = 4096
_LOOK = 64
"""Bytes of a file that are looked at to tell what it is."""
_WORDS = 4
"""Bytes from which on zeros between ASCII letters are no accident."""
_PACKED = (
    (b"\x1f\x8b", "packed with gzip", "unpack it first: gunzip -k {name}"),
    (b"BZh", "packed with bzip2", "unpack it first: bunzip2 -k {name}"),
    (b"\xfd7zXZ\x00", "packed with xz", "unpack it first: unxz -k {name}"),
    (b"\x28\xb5\x2f\xfd", "packed with zstd", "unpack it first: unzstd {name}"),
    (b"PK\x03\x04", "a zip archive", "unpack it first: unzip {name}"),
    (b"SQLite format 3\x00", "a SQLite database", "write its rows into a JSONL file first"),
)
"""How files begin that hold something else than text, what they are, and what to do."""
UNPACKED = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PK\x03\x04", b"PAR1")
"""How files begin that are unpacked on reading: gzip, zstd, zip, Parquet."""
INDEX = ".index"
"""What the folder of an index is called behind the name of its file."""
_NOTES = ".labels.json"
"""How a file ends that holds the labels of a table of rollouts."""
_KINDS: dict[str, Callable[[int], bool]] = {
    "folder": stat.S_ISDIR,
    "pipe": stat.S_ISFIFO,
    "device": lambda mode: stat.S_ISCHR(mode) or stat.S_ISBLK(mode),
    "socket": stat.S_ISSOCK,
}
_NO_ROOM = (
    "make room, then go on with ak.rollouts(…, resume=path): what was finished is in the file"
)
_SYSTEM_HINTS = {
    errno.ENOSPC: _NO_ROOM,
    errno.EDQUOT: _NO_ROOM,
    errno.EFBIG: f"the limit of a file's size is reached (ulimit -f); {_NO_ROOM}",
    errno.EACCES: "give yourself the right to it (chmod), or choose another path",
    errno.EPERM: "give yourself the right to it (chmod), or choose another path",
    errno.EROFS: "the disk can only be read; choose another path",
    errno.ENOENT: "its folder or the file was removed; make it again, or choose another path",
    errno.ENAMETOOLONG: "choose a shorter name",
}
_SYSTEM_HINT = "look whether the disk is there and well, or choose another path"


def to_write(path: Any) -> Path:
    """Check a path that is to be written.

    Raises:
        UsageError: it is no path, or a folder, a device or a pipe.
        NoFile: its folder is not there.
    """
    target = _path(path)
    try:
        target.stat()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        pass
    except (OSError, ValueError) as exc:  # too long, a circle of links, a letter that no name has
        raise UsageError(
            f"{clip(ascii(str(target)), 200)} names no file: {getattr(exc, 'strerror', '') or exc}",
            hint="choose another name: 'run.jsonl'",
        ) from None
    if not target.resolve().parent.is_dir():
        raise NoFile(
            f"there is no folder {str(target.parent)!r}",
            hint="make it first, or choose another",
            filename=target.parent,
        )
    return target


def to_append(path: Any) -> Path:
    """Check a path that lines are to be added to; an empty file is made where there is none.

    Raises:
        UsageError: it is no path, or a folder, a device or a pipe.
        FileError: it cannot be written.
    """
    target = to_write(path)
    with system_errors(target), target.open("ab"):
        return target


def to_read(path: Any) -> Path:
    """Check a path that is to be read.

    Raises:
        UsageError: it is no path, or a folder, a device or a pipe.
        NoFile: there is no such file.
        FileError: the system does not let it be read.
        CassetteError: it is packed, or text of another encoding.
    """
    target = _path(path)
    if not _exists(target):
        hint = f"a text is read as the path of a file; the working directory is {str(Path.cwd())!r}"
        name = clip(str(target), 200)
        raise NoFile(f"there is no file {name!r}", hint=hint, filename=target)
    with system_errors(target), open(target, "rb") as file:
        start = file.read(_LOOK)
    _refuse_packed(target, start)
    return target


def to_open(path: Any) -> Path:
    """Check a path that is to be read as whatever it holds: a folder and a packed file too.

    Raises:
        UsageError: it is no path, or a device or a pipe.
        NoFile: there is no such file.
        FileError: the system does not let it be read.
        CassetteError: it is packed in a way that is not read, or text of another encoding.
    """
    if isinstance(path, (str, os.PathLike)) and path != "":
        target = _local(path)
        if _kind(target) == "folder":
            return target
    return _path(path) if is_packed(path) else to_read(path)


def is_packed(path: Any) -> bool:
    """Tell whether a file is an archive, or packed in a way that is unpacked on reading."""
    target = _path(path)
    if not _exists(target):
        return False
    with system_errors(target), open(target, "rb") as file:
        return file.read(_LOOK).startswith(UNPACKED)


def _refuse_packed(target: Path, start: bytes) -> None:
    """Refuse what is no UTF-8 text.

    Raises:
        CassetteError: it is packed, or text of another encoding.
    """
    name = target.name
    for sign, what, hint in _PACKED:
        if start.startswith(sign):
            raise CassetteError(f"{name!r} is {what}", hint=hint.format(name=name))
    encoding = _encoding(start)
    if encoding:
        hint = (
            "write it as UTF-8: from pathlib import Path;"
            f" Path('utf8-{name}').write_text(Path({name!r}).read_text({encoding!r}), 'utf-8')"
        )
        raise CassetteError(f"{name!r} is text in {encoding.upper()}", hint=hint)


def _encoding(start: bytes) -> str | None:
    """Tell the encoding of a text that is not UTF-8, by its mark or by the zeros between ASCII."""
    for mark, encoding in ((BOM_UTF32_LE, "utf-32"), (BOM_UTF32_BE, "utf-32")):
        if start.startswith(mark):
            return encoding
    if start.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return "utf-16"
    if len(start) >= _WORDS and start.isascii():
        if not any(start[1::2]) and all(start[::2]):
            return "utf-16-le"
        if not any(start[::2]) and all(start[1::2]):
            return "utf-16-be"
    return None


def _path(path: Any) -> Path:
    if not isinstance(path, (str, os.PathLike)) or isinstance(os.fspath(path), bytes):
        raise UsageError(f"the path is {type_in_words(path)}", hint="name a file: 'run.jsonl'")
    if path == "":
        raise UsageError("the path is an empty text", hint="name a file: 'run.jsonl'")
    target = _local(path)
    kind = _kind(target)
    if kind == "folder":
        raise UsageError(f"{str(target)!r} is a folder", hint="name a file in it")
    if kind is not None:
        raise UsageError(
            f"{str(target)!r} is {with_article(kind)}, and no file",
            hint="write what it gives into a file first, and name that",
        )
    return target


def _kind(path: Path) -> str | None:
    """Tell what is there where it is neither a file nor nothing; it is not opened, as a pipe that
    nobody writes would never let go.
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return None
    if stat.S_ISREG(mode):
        return None
    return next((name for name, fits in _KINDS.items() if fits(mode)), "special file")


@contextmanager
def system_errors(path: Path) -> Iterator[None]:
    """Make errors of the system, while a file is read or written, errors with a hint.

    Raises:
        FileError: the system does not read or write it.
    """
    try:
        yield
    except AgentkitError:
        raise
    except OSError as exc:
        code = exc.errno
        said = exc.strerror or str(exc)
        kind = NoFile if code == errno.ENOENT else FileError
        raise kind(
            f"{path.name!r} cannot be read or written: {said}",
            hint=_SYSTEM_HINTS.get(code or 0, _SYSTEM_HINT),
            errno=code,
            filename=path,
        ) from exc


def write_whole(target: Path, texts: Iterable[str] | bytes) -> None:
    """Write a file beside the target and move it over it, so that a crash leaves the old file."""
    with system_errors(target):
        _write_whole(target, texts)


def _write_whole(target: Path, texts: Iterable[str] | bytes) -> None:
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:100]}.")
    try:
        # half a surrogate pair, which a model may write, is written as JSON escapes it
        said = (text.encode(errors="backslashreplace") for text in texts if isinstance(text, str))
        with open(handle, "wb") as file:
            file.writelines([texts] if isinstance(texts, bytes) else said)
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
    if not isinstance(x, (str, os.PathLike)) or is_url(x) or is_remote(x):
        return None
    path = _local(x)
    if isinstance(x, str) and x.lstrip().startswith(_RAW) and not _FILE_NAME.fullmatch(x):
        return path if _is_there(x) else None
    return None if glob.has_magic(str(path)) and not _is_there(str(path)) else path


def is_pattern(x: Any) -> bool:
    if isinstance(x, str) and x.lstrip().startswith(_RAW) and not _FILE_NAME.fullmatch(x):
        return False
    named = isinstance(x, (str, os.PathLike)) and not is_url(x) and not is_remote(x)
    return named and glob.has_magic(str(x))


def is_url(x: Any) -> bool:
    return isinstance(x, str) and x.startswith(("http://", "https://"))


def is_remote(x: Any) -> bool:
    """Tell whether a value is the URL of a file in a file system that is not this machine's."""
    return isinstance(x, str) and _REMOTE.match(x) is not None


def _local(path: str | os.PathLike[str]) -> Path:
    """Give the path that a text names, as a path or as a URL of this machine's file system."""
    if is_remote(path):
        raise UsageError(
            f"{str(path)!r} is no file of this machine",
            hint="ak.load reads it where it is; for all else copy it here first",
        )
    if isinstance(path, str) and path[: len(_HERE)].lower() == _HERE:
        return Path(url2pathname(urlsplit(path).path))
    return Path(path)


def _is_there(text: str) -> bool:
    if len(text) > _LONGEST_PATH or "\n" in text or "\0" in text:
        return False
    return _exists(Path(text))


def is_beside(path: PurePath) -> bool:
    """Tell whether a file of a folder or an archive, named from there, is hidden or something that
    we put beside rollouts: it holds none of its own.
    """
    *folders, name = path.parts
    hidden = any(part.startswith(".") and part != ".." for part in path.parts)
    return hidden or name.endswith(_NOTES) or any(part.endswith(INDEX) for part in folders)


def files_in(folder: Path) -> list[Path]:
    """List the files of a folder and of those in it, in order, without what lies beside runs."""
    inside = (path for path in folder.rglob("*") if not is_beside(path.relative_to(folder)))
    return sorted((path for path in inside if path.is_file()), key=_in_order)


def _in_order(path: PurePath) -> tuple[list[str], tuple[str, ...]]:
    """Order paths as people count, `9.jsonl` before `10.jsonl`: what a trainer writes next comes
    behind what it has written.
    """
    return [
        _NUMBER.sub(lambda digits: digits[0].zfill(18), part) for part in path.parts
    ], path.parts


def paths_like(pattern: Any) -> list[Path]:
    """List the files and folders that a pattern fits, sorted, without what lies beside rollouts,
    unless the pattern names that, and without a folder of which it fits a part.

    Raises:
        NoFile: there is none.
    """
    named, pattern = 0, _local(pattern)
    for part in pattern.parts:
        if glob.has_magic(part):
            break
        named += 1
    found = []
    for path in sorted(map(Path, glob.glob(str(pattern), recursive=True)), key=_in_order):
        inside = path / "any" if path.is_dir() else path
        below = PurePath(*(part.lstrip(".") for part in inside.parts[named:]))  # as glob has it
        if not is_beside(below):
            found.append(path)
    if not found:
        raise NoFile(
            f"there is no file like {str(pattern)!r}",
            hint=f"the working directory is {str(Path.cwd())!r}",
            filename=pattern,
        )
    parents = {parent for path in found for parent in path.parents}
    return [path for path in found if path not in parents]


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name that is too long for the system
        return False

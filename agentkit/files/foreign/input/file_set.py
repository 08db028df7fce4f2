"""A source: one file, archive, folder or value that is to be told apart and read."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from agentkit.errors import CassetteError
from agentkit.files.foreign.input.json_log import json_values, with_messages
from agentkit.files.foreign.input.table_rows import PARQUET, parquet_rows
from agentkit.files.foreign.input.yaml_log import yaml_values
from agentkit.files.path import files_in, is_beside, system_errors

_GZIP = b"\x1f\x8b"
_ZIP = b"PK\x03\x04"
_ZSTD = b"\x28\xb5\x2f\xfd"
_DEEPEST = 4
"""How often what is unpacked may be packed again: some archives hold themselves."""
_LARGE = 256 * 2**20
_RATIO = 200
"""Bytes that a file may amount to, and times its packed size; one that is larger by both is made to
fill the memory.
"""
_ZSTD_METHOD = 93
"""How a zip archive names members that are packed with zstd."""


@dataclass(frozen=True)
class FileSet:
    """What is to be read: the members of an archive or a folder, one file, or decoded values."""

    name: str
    """What to call it in an error."""
    members: Mapping[str, Callable[[], bytes]] = field(default_factory=dict)
    """The bytes of each member by its name; a single file is its own only member."""
    given: Sequence[Any] | None = None
    """The decoded values, where they came without a file."""
    bad: list[str] = field(default_factory=list)
    """A sentence about each line that could not be read."""
    depth: int = 0
    """How often it was unpacked."""

    @cached_property
    def text(self) -> str:
        """The text of a single file; "" for anything else."""
        if len(self.members) != 1:
            return ""
        (read,) = self.members.values()
        return read().decode("utf-8-sig", errors="replace")

    @cached_property
    def values(self) -> Sequence[Any]:
        """The decoded values of a single JSON, JSON Lines or YAML file, or the rows of a Parquet
        file; empty for anything else.
        """
        if self.given is not None:
            return self.given
        bad: list[str] = []
        try:
            found = json_values(self.text, repr(self.name), bad) if self.text.strip() else []
        except CassetteError:
            return yaml_values(self.text)
        if len(bad) > len(found):  # lines of another text may be JSON by themselves
            if whole := yaml_values(self.text):
                return whole
            if self.text.lstrip()[:1] not in ("{", "["):
                return []
        self.bad.extend(bad)
        return [with_messages(row) for row in found]

    @property
    def first(self) -> Any:
        """The first value; None where there is none."""
        return self.values[0] if self.values else None

    def member(self, name: str) -> Any:
        """Decode the JSON of one member.

        Raises:
            CassetteError: it is no JSON.
        """
        text = self.members[name]().decode("utf-8-sig", errors="replace")
        values = json_values(text, repr(name))
        return values[0] if len(values) == 1 else values

    def apart(self) -> list[FileSet]:
        """Divide it into its members, each as a source of its own."""
        return [self._apart(f"{self.name}/{name}", read) for name, read in self.members.items()]

    def _apart(self, name: str, read: Callable[[], bytes]) -> FileSet:
        try:
            return bytes_set(name, read(), self.depth)
        except CassetteError as exc:  # one member costs the others nothing
            self.bad.append(exc.message)
            return FileSet(name=name)


def values_set(values: Iterable[Any], name: str = "the value") -> FileSet:
    """Make a source of decoded values."""
    return FileSet(name=name, given=list(values))


def path_set(path: Path) -> FileSet:
    """Make a source of a file, packed or not, or of the files of a folder."""
    if path.is_dir():
        members = {str(p.relative_to(path)): _reader(p) for p in files_in(path)}
        if len(members) == 1:  # which may be packed
            ((name, read),) = members.items()
            return bytes_set(name, read())
        return FileSet(name=path.name, members=members)
    with system_errors(path):
        with path.open("rb") as file:
            begin = file.read(len(_ZIP))
        if begin == _ZIP:  # of a large archive each member is read when it is asked for
            return FileSet(name=path.name, members=_zip_members(path.name, path), depth=1)
        return bytes_set(path.name, path.read_bytes())


def _reader(path: Path) -> Callable[[], bytes]:
    def read() -> bytes:
        with system_errors(path):
            return path.read_bytes()

    return read


def bytes_set(name: str, data: bytes, depth: int = 0) -> FileSet:
    """Make a source of a file's bytes; what is packed is unpacked.

    Args:
        name: what to call it.
        data: its bytes.
        depth: how often it was unpacked already.

    Raises:
        CassetteError: it is packed in a way that is damaged, or needs a package that is not here.
    """
    if depth > _DEEPEST and data.startswith((_GZIP, _ZSTD, _ZIP)):
        raise CassetteError(f"{name!r} is packed again and again", hint="unpack it by hand")
    if data.startswith(_GZIP):
        inner = _unpacked(name, _gunzip, data)
        return bytes_set(name.removesuffix(".gz"), inner, depth + 1)
    if data.startswith(_ZSTD):
        inner = _unpacked(name, _zstd(), data)
        return bytes_set(name.removesuffix(".zst"), inner, depth + 1)
    if data.startswith(PARQUET):
        return FileSet(name=name, given=parquet_rows(name, data))
    if data.startswith(_ZIP):
        return FileSet(name=name, members=_zip_members(name, data), depth=depth + 1)
    return FileSet(name=name, members={name: lambda: data}, depth=depth)


Unpack = Callable[[bytes, int], bytes]
"""What unpacks at most this many bytes."""


def _unpacked(name: str, unpack: Unpack, data: bytes) -> bytes:
    most = max(_LARGE, _RATIO * len(data))
    try:
        found = unpack(data, most + 1)
    except Exception as exc:
        raise _unreadable(name, exc) from exc
    _refuse_blown_up(name, len(found), len(data))
    return found


def _refuse_blown_up(name: str, size: int, packed: int) -> None:
    if size > max(_LARGE, _RATIO * packed):
        raise CassetteError(
            f"{name!r} is packed and amounts to more than {_RATIO} times its size",
            hint="no rollouts are packed so well; unpack it by hand where that is right",
        )


def _gunzip(data: bytes, most: int) -> bytes:
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
        return file.read(most)


def _zstd() -> Unpack:
    try:
        from zstandard import ZstdDecompressor
    except ImportError:
        raise CassetteError(
            "it is packed with zstd", hint="pip install zstandard, or unpack it: unzstd FILE"
        ) from None

    def unpack(data: bytes, most: int) -> bytes:
        with ZstdDecompressor().stream_reader(io.BytesIO(data), read_across_frames=True) as reader:
            return bytes(reader.read(most))

    return unpack


def _zip_members(name: str, source: bytes | Path) -> dict[str, Callable[[], bytes]]:
    try:
        archive = zipfile.ZipFile(io.BytesIO(source) if isinstance(source, bytes) else source)
    except zipfile.BadZipFile as exc:
        raise CassetteError(
            f"{name!r} is a zip archive that is damaged: {exc}",
            hint="fetch it again, or mend it: zip -FF",
        ) from exc
    every = (info for info in archive.infolist() if not info.is_dir())
    inside = [info for info in every if not is_beside(PurePosixPath(info.filename))]
    return {info.filename: _member_reader(archive, info, source) for info in inside}


def _member_reader(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, source: bytes | Path
) -> Callable[[], bytes]:
    def read() -> bytes:
        _refuse_blown_up(info.filename, info.file_size, info.compress_size)
        try:
            return archive.read(info)
        except NotImplementedError as exc:
            if info.compress_type == _ZSTD_METHOD:
                return _unpacked(info.filename, _zstd(), _packed(info, source))
            raise _unreadable(info.filename, exc) from exc
        except Exception as exc:
            raise _unreadable(info.filename, exc) from exc

    return read


def _unreadable(name: str, exc: Exception) -> CassetteError:
    return CassetteError(
        f"{name!r} is packed and cannot be unpacked: {exc}",
        hint="it is cut or damaged: fetch it again",
    )


def _packed(info: zipfile.ZipInfo, source: bytes | Path) -> bytes:
    """Read the packed bytes of a member, which Python unpacks by itself from 3.14 on."""
    with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
        file.seek(info.header_offset + 26)  # the lengths of name and extra field are there
        lengths = file.read(4)
        start = int.from_bytes(lengths[:2], "little") + int.from_bytes(lengths[2:], "little")
        file.seek(info.header_offset + 30 + start)
        return file.read(info.compress_size)

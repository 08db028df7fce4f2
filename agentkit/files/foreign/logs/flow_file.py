"""The file of a flow log while a tap writes to it: whole lines, whatever becomes of the disk and of
the file meanwhile.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from agentkit.files.foreign.logs.flow_log import HEAD_START

_BLOCK = 2**20
"""Bytes that are read at once from the end of a file."""


class FlowFile:
    """Appends lines to a flow log.

    Args:
        path: where it lies; None for none.
        head: its first line; of a file that is gone on with, the first of what is new.
        again: whether the file is gone on with by what wrote it before, so that it needs no head.

    Raises:
        OSError: it cannot be written.
    """

    def __init__(self, path: str | None, head: str, *, again: bool = False) -> None:
        self._path, self._head, self._again = path, head, again
        self._file: int | None = None
        self._torn = False
        if path is not None:
            self._open(path)

    def keep(self, line: str) -> bool:
        """Write a line; a file that was deleted or moved away is begun anew, as the agent runs on.

        Returns:
            Whether the file was begun anew.

        Raises:
            OSError: it could not be written; no part of it stays.
        """
        if self._path is None:
            return False
        anew = self._file is None or self._is_gone(self._file, self._path)
        if anew:
            self.close()
            self._open(self._path)
        self._append(line)
        return anew

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            file, self._file = self._file, None
            os.close(file)

    def _open(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._torn = _is_torn(path)
        if not self._again or not os.fstat(self._file).st_size:
            self._append(self._head)

    @staticmethod
    def _is_gone(file: int, path: str) -> bool:
        try:
            return not os.path.samestat(os.fstat(file), os.stat(path))
        except FileNotFoundError:
            return True
        except OSError:  # nothing is known of it
            return False

    def _append(self, line: str) -> None:
        file = self._file
        if file is None:
            return
        rest = line.encode("utf-8", "surrogatepass")
        if self._torn:
            rest = b"\n" + rest
        begun = os.fstat(file).st_size
        try:
            while rest:
                rest = rest[os.write(file, rest) :]
                # another line must not go on with what is left of one
                self._torn = True
        except OSError:
            with suppress(OSError):
                os.ftruncate(file, begun)
                self._torn = False
            raise
        self._torn = False


def _is_torn(path: str) -> bool:
    """Tell whether a file ends in the middle of a line: whoever wrote it was killed."""
    with suppress(OSError), open(path, "rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"
    return False


def lines_from_end(path: Path) -> Iterator[str]:
    """Read the whole lines of a file, the last one first; none where it cannot be read."""
    with suppress(OSError), path.open("rb") as file:
        left = file.seek(0, os.SEEK_END)
        rest, is_last = b"", True
        while left:
            begin = max(0, left - _BLOCK)
            file.seek(begin)
            rest, *lines = (file.read(left - begin) + rest).split(b"\n")
            left = begin
            if is_last and lines:  # behind the last newline lies nothing, or half a line
                lines.pop()
                is_last = False
            for line in reversed(lines):
                yield line.decode("utf-8", "surrogatepass")
        if not is_last:
            yield rest.decode("utf-8", "surrogatepass")


def is_record(path: Path) -> bool:
    """Tell whether a file is one that a tap may go on with: a flow log, or none or nothing yet."""
    with suppress(OSError), path.open("rb") as file:
        begun = file.read(len(HEAD_START)).decode("utf-8", "replace")
        return HEAD_START.startswith(begun) or begun.startswith('{"number":')
    return True

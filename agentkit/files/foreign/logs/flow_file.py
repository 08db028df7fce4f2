"""The file of a flow log while a tap writes to it: whole lines, whatever becomes of the disk and of
the file meanwhile.
"""

from __future__ import annotations

import os
from contextlib import suppress


class FlowFile:
    """Appends lines to a flow log.

    Args:
        path: where it lies; None for none.
        head: its first line; of a file that is gone on with, the first of what is new.

    Raises:
        OSError: it cannot be written.
    """

    def __init__(self, path: str | None, head: str) -> None:
        self._path, self._head = path, head
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
        self._torn = False
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

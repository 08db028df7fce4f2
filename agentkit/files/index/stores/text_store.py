"""Texts of one kind, appended and searched: as they are and with their case folded, each a file of
UTF-8 and a file of the offsets at which they end.

Both are laid out as Arrow lays out strings, so that SQL reads them where they lie, and both are
mapped into memory: the operating system keeps of them what is used.
"""

from __future__ import annotations

import mmap
import os
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

FOLDED = ".folded"
_FIRST_OF_SEVERAL = 0xC2
"""The lowest byte with which UTF-8 begins a letter of several."""
_HALF = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")
_UNKNOWN = "\ufffd".encode()
_PIECE = 16 * 2**20
"""Bytes that are searched at a time, during which no other thread runs."""


class TextStore:
    """The texts of one kind of one file of rollouts, by row."""

    def __init__(self, folder: Path, kind: str, rows: int = 0) -> None:
        self.kind = kind
        self.rows = rows
        """How many texts are surely there; what is behind them is what a crash left."""
        self._base = folder / kind

    def append(self, texts: Sequence[str], folded: Sequence[str]) -> None:
        """Add texts behind the last row, as they are and with their case folded."""
        for suffix, written in (("", texts), (FOLDED, folded)):
            data = [text.encode("utf-8", "surrogatepass") for text in written]
            ends = np.cumsum([len(one) for one in data], dtype=np.int64)
            start = self._end(suffix)
            with open(f"{self._base}{suffix}.utf8", "ab") as file:
                file.truncate(start)
                file.writelines(data)
            with open(f"{self._base}{suffix}.ends", "ab") as file:
                file.truncate(8 * self.rows)
                file.write((ends + start).tobytes())
        self.rows += len(texts)

    def _end(self, suffix: str) -> int:
        return int(self.ends(suffix)[-1]) if self.rows else 0

    def ends(self, suffix: str = "") -> Any:
        """Map the offsets at which the texts end: an array of int64, one a row."""
        if not self.rows:
            return np.zeros(0, np.int64)
        return np.memmap(f"{self._base}{suffix}.ends", np.int64, "r", shape=(self.rows,))

    def is_whole(self) -> bool:
        """Tell whether its files are there, as long as they were."""
        for suffix in ("", FOLDED):
            if os.path.getsize(f"{self._base}{suffix}.ends") < 8 * self.rows:
                return False
            if os.path.getsize(f"{self._base}{suffix}.utf8") < self._end(suffix):
                return False
        return True

    def text(self, row: int) -> str:
        """Read one text."""
        ends = self.ends()
        start = int(ends[row - 1]) if row else 0
        with open(f"{self._base}.utf8", "rb") as file:
            file.seek(start)
            return file.read(int(ends[row]) - start).decode("utf-8", "surrogatepass")

    def texts(self, start: int, stop: int) -> list[str]:
        """Read the folded texts of some neighbouring rows."""
        if start == stop:
            return []
        ends = self.ends(FOLDED)
        edges = [int(ends[start - 1]) if start else 0, *ends[start:stop].tolist()]
        with open(f"{self._base}{FOLDED}.utf8", "rb") as file:
            file.seek(edges[0])
            data = file.read(edges[-1] - edges[0])
        cuts = [edge - edges[0] for edge in edges]
        pairs = pairwise(cuts)
        return [data[a:b].decode("utf-8", "surrogatepass") for a, b in pairs]

    def arrow(self, *, clean: bool = False) -> Any:
        """Give all texts as an Arrow array of large strings over the mapped file.

        Args:
            clean: whether what is half a surrogate pair, and no UTF-8, is U+FFFD in it.
        """
        import pyarrow as pa

        starts = pa.py_buffer(np.concatenate([[0], self.ends()]).astype(np.int64).tobytes())
        if not self._end(""):
            return pa.LargeStringArray.from_buffers(self.rows, starts, pa.py_buffer(b""))
        data = self._mapped("", mmap.ACCESS_COPY if clean else mmap.ACCESS_READ)
        for found in _HALF.finditer(data) if clean else ():
            data[found.start() : found.end()] = _UNKNOWN  # of as many bytes, in a copy of its page
        return pa.LargeStringArray.from_buffers(self.rows, starts, pa.py_buffer(data))

    def is_odd(self) -> bool:
        """Tell whether half a surrogate pair is in the texts."""
        return bool(self._end("")) and _HALF.search(self._mapped("")) is not None

    def _mapped(self, suffix: str, access: int = mmap.ACCESS_READ) -> mmap.mmap:
        with open(f"{self._base}{suffix}.utf8", "rb") as file:
            return mmap.mmap(file.fileno(), self._end(suffix), access=access)

    def holding(self, text: str, groups: Any, *, exact: bool = False) -> Any:
        """Find which groups of rows contain a text.

        Args:
            text: what is searched for; anything but an empty text.
            groups: an array of int64, the row behind the last one of each group (a rollout's).
            exact: whether its case counts.

        Returns:
            A sorted array of the groups' numbers.
        """
        suffix = "" if exact else FOLDED
        if not self.rows or not self._end(suffix):
            return np.zeros(0, np.int64)
        needle = (text if exact else text.casefold()).encode("utf-8", "surrogatepass")
        ends = np.concatenate([[0], self.ends(suffix)])
        stops, rows = ends[groups].tobytes(), ends[1:].tobytes()
        with self._mapped(suffix) as data:
            if _lacks(data, needle):
                return np.zeros(0, np.int64)
            return np.fromiter(_found(data, needle, stops, rows), np.int64)


def _lacks(data: mmap.mmap, needle: bytes) -> bool:
    """Tell whether a letter that is looked for begins with a byte that is nowhere, as the marks of
    letters that are written apart: one byte is looked for at several times the speed of a text.
    """
    firsts = {byte for byte in needle if byte >= _FIRST_OF_SEVERAL}
    return any(_next(data, bytes([byte]), 0) < 0 for byte in firsts)


def _found(data: mmap.mmap, needle: bytes, group_ends: bytes, row_ends: bytes) -> Iterator[int]:
    """Find the groups in which a text stands, each once; never across two rows."""
    stops, ends = memoryview(group_ends).cast("q"), memoryview(row_ends).cast("q")
    size, place, group, row = len(needle), 0, 0, 0
    while (at := _next(data, needle, place)) >= 0:
        row = bisect_right(ends, at, row)
        if at + size > ends[row]:
            place = at + 1
            continue
        group = bisect_right(stops, at, group)
        yield group
        place = stops[group]


def _next(data: mmap.mmap, needle: bytes, place: int) -> int:
    """Find where the needle stands next, in pieces: other threads run between them."""
    end, size = len(data), len(needle)
    while place < end:
        stop = min(end, place + _PIECE)
        at = data.find(needle, place, min(end, stop + size - 1))
        if at >= 0:
            return at
        place = stop
    return -1

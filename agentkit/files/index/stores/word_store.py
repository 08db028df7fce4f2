"""Which rollouts hold a word: for each part of an index the digests of its words, sorted, each with
the row of a rollout.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

_WORD = re.compile(r"\w+")


def words_of(folded: str) -> list[str]:
    """List the words of a text whose case is folded."""
    return _WORD.findall(folded)


def holds_word(folded: str, word: str) -> bool:
    """Tell whether a whole word stands in a text, the case of both folded. A letter with marks that
    are characters of their own, as the small form of a Turkish İ, is a part of its word.
    """
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", folded) is not None


def digests_of(folded: Iterable[str]) -> list[int]:
    """Digest the words of texts whose case is folded, in any alphabet, each once."""
    words = " ".join(set(_WORD.findall("\n".join(folded))))
    return list(map(crc32, words.encode("utf-8", "surrogatepass").split(b" "))) if words else []


class WordStore:
    """The words of the rollouts of one file, by part."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, part: int, digests: Sequence[list[int]]) -> None:
        """Write the digests of the words of a part's rollouts, a list for each."""
        sizes = list(map(len, digests))
        every = np.fromiter(chain.from_iterable(digests), np.uint64, sum(sizes))
        rows = np.repeat(np.arange(len(digests), dtype=np.uint64), sizes)
        pairs = np.sort(every << np.uint64(32) | rows)
        np.save(self._path(part, "digests"), (pairs >> np.uint64(32)).astype(np.uint32))
        np.save(self._path(part, "rows"), (pairs & np.uint64(0xFFFFFFFF)).astype(np.uint16))

    def rows(self, part: int, word: str) -> Any:
        """Find the rows of a part whose rollouts hold a word; two words in four thousand million
        have one digest.
        """
        digest = np.uint32(crc32(word.casefold().encode("utf-8", "surrogatepass")))
        digests = np.load(self._path(part, "digests"), mmap_mode="r")
        start, stop = (int(np.searchsorted(digests, digest, side)) for side in ("left", "right"))
        found = np.load(self._path(part, "rows"), mmap_mode="r")[start:stop]
        return np.asarray(found, np.int64)

    def paths(self, part: int) -> list[Path]:
        """Name the files of a part."""
        return [self._path(part, what) for what in ("digests", "rows")]

    def _path(self, part: int, what: str) -> Path:
        return self._folder / f"{part:05}.{what}.npy"

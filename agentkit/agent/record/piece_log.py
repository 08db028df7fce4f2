"""The pieces of an answer, written down while it comes, so that a process that is killed leaves
what it had read. A few lines a second at most, and none where the answer is there sooner.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from agentkit.files.cassette.json_records import to_json
from agentkit.files.cassette.lines import Line
from agentkit.servers.model_call import Emit
from agentkit.types.trajectory import Trajectory
from agentkit.types.wire import Chunk

log = logging.getLogger("agentkit")

_EVERY = 0.3
"""Seconds between two lines."""


class Writer(Protocol):
    """Where the lines go: `agentkit.files.store.cassette(path)`."""

    @property
    def file(self) -> int:
        """Which file of its path it writes: another one was there before, or none."""

    def begin(self, trajectory: Trajectory) -> int:
        """Begin a new rollout, write all there is of it, and return its index."""

    def write(self, line: Line, file: int) -> bool:
        """Append a line; False where the file is not the one that its rollout was begun in."""


class PieceLog:
    """Takes the pieces of one answer, as they are passed on to whoever else wants them.

    Args:
        writer: where the lines go.
        file: which file the rollout was begun in.
        sample: the rollout's index in the file.
        turn: the turn that the answer is of.
        emit: takes the pieces as well.
    """

    def __init__(
        self, writer: Writer, file: int, sample: int, turn: int, emit: Emit | None
    ) -> None:
        self._writer, self._file, self._emit = writer, file, emit
        self._sample, self._turn, self._written = sample, turn, 0
        self._pieces: list[Chunk] = []
        self._timer: asyncio.TimerHandle | None = None

    def __call__(self, chunk: Chunk) -> None:
        self._pieces.append(chunk)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_EVERY, self._write)
        if self._emit is not None:
            self._emit(chunk)

    def close(self) -> None:
        """Write nothing more: what came is on the line of the answer itself."""
        if self._timer is not None:
            self._timer.cancel()

    def _write(self) -> None:
        pieces, self._pieces, self._timer = self._pieces, [], None
        line: Line = {"step": "stream", "sample": self._sample, "turn": self._turn}
        line |= {"from": self._written, "chunks": [to_json(piece) for piece in pieces]}
        self._written += len(pieces)
        try:
            self._writer.write(line, self._file)
        except Exception:  # the line of the answer will say so, to whom it concerns
            log.warning("the pieces of an answer could not be written", exc_info=True)

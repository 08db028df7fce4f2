"""One rollout that a worker runs, as its batch sees it: what has come of it, read as a file is read
and written down as it comes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from agentkit.agent.batch.progress import Progress
from agentkit.files.cassette.codec import RolloutReading, begun, sample_of
from agentkit.files.cassette.lines import Line, dump
from agentkit.files.claims import RunWriter
from agentkit.types.trajectory import Trajectory


class RemoteRollout:
    """One rollout. It has what a batch needs of an engine.

    Args:
        run: runs it.
        start: what it begins with, or goes on from.
        known: its meta as the file has it.
        writer: the file's.
        place: its sample index in the file, where it is there.
        progress: counts its answers.
    """

    def __init__(
        self,
        run: Callable[[RemoteRollout], Awaitable[None]],
        start: Trajectory,
        *,
        known: dict[str, Any],
        writer: RunWriter | None,
        place: int | None,
        progress: Progress,
    ) -> None:
        self._run = run
        if start.all_turns or start.attempts:  # values of tools that cannot be sent are in no line
            start = _of_lines(start)
        self.start, self.known, self.progress = start, known, progress
        self.trajectory = start
        """What a batch makes of it once it has ended; until then `so_far` is what there is."""
        self._meta = start.meta
        self._first = start
        self._writer, self._place = writer, place
        self._file = writer.file if writer is not None and place is not None else 0
        self._reading = RolloutReading(replace(start, meta=known), None)
        self._running = False

    @property
    def so_far(self) -> Trajectory:
        """What there is of it."""
        return self._found() if self._running else self.trajectory

    async def run(self) -> None:
        """Run it to its end."""
        self._running = True
        try:
            await self._run(self)
        finally:
            self.trajectory, self._running = self._found(), False

    def finish(self) -> None:
        """Write nothing more: the worker has."""

    def take(self, line: Line) -> None:
        """Take in what happened."""
        self._reading.take(line)
        if self._writer is None:
            return
        if self._place is None:
            self._begin(replace(self._first, meta=self.known))
        if not self._writer.write({**line, "sample": self._place}, self._file):
            self._begin(self._reading.found())

    def begin_anew(self, lines: list[Line]) -> None:
        """Take in a rollout that does not go on from what was there."""
        self._reading = RolloutReading(begun(lines[0]), lines[0])
        for line in lines[1:]:
            self._reading.take(line)
        if self._writer is not None:
            self._begin(sample_of(lines))

    def hand_over(self) -> None:
        """Let another worker go on from what has come: of a turn that was not whole, its answer."""
        found = self._found()
        self.known = found.meta
        self.start = _of_lines(found)
        self._reading = RolloutReading(self.start, None)

    def _begin(self, trajectory: Trajectory) -> None:
        assert self._writer is not None
        self._place, self._file = self._writer.begin(trajectory), self._writer.file

    def _found(self) -> Trajectory:
        found = self._reading.found()
        return replace(found, meta={**found.meta, **self._meta}, spec=self._first.spec)


def _of_lines(trajectory: Trajectory) -> Trajectory:
    again = sample_of(dump(trajectory, 0))
    return replace(again, meta=trajectory.meta, spec=trajectory.spec, damage=())

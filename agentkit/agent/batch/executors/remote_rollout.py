"""One rollout that a worker runs, as its batch sees it: what has come of it, read as a file is read
and written down as it comes.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from agentkit.agent.batch.progress import Progress
from agentkit.files.cassette.codec import RolloutReading, sample_of
from agentkit.files.cassette.lines import dump
from agentkit.files.claims import RunWriter
from agentkit.servers.transport.shipment import opened
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
        self._first = start
        self._writer, self._place = writer, place
        self._file = writer.file if writer is not None and place is not None else 0
        self._lines: list[str] = []
        """What has come since `start`, which is read only where it is asked for: that costs ten
        times as much as to take over the rollout that the worker has in the end."""
        self._whole: Trajectory | None = None
        self._ended: Trajectory | None = None

    @property
    def so_far(self) -> Trajectory:
        """What there is of it."""
        return self._ended or self._found()

    @property
    def trajectory(self) -> Trajectory:
        """What there is of it, or what its batch makes of it."""
        return self.so_far

    @trajectory.setter
    def trajectory(self, value: Trajectory) -> None:
        self._ended = value

    async def run(self) -> None:
        """Run it to its end."""
        await self._run(self)
        self._ended, self._lines = self._found(), []

    def finish(self) -> None:
        """Write nothing more: the worker has."""

    def take(self, text: str) -> None:
        """Take in a line of what happened."""
        self._lines.append(text)
        if self._writer is None:
            return
        if self._place is None:
            self._begin(replace(self._first, meta=self.known))
        if not self._writer.write({**json.loads(text), "sample": self._place}, self._file):
            self._begin(self._read())

    def begin_anew(self, texts: list[str]) -> None:
        """Take in a rollout that does not go on from what was there."""
        self.start = sample_of(map(json.loads, texts))
        self.known = self.start.meta
        self._lines = []
        if self._writer is not None:
            self._begin(self.start)

    def end(self, data: bytes | None) -> None:
        """Take over the rollout as the worker has it; None where it cannot be sent."""
        with suppress(Exception):  # what a tool gave is of a module that is not here
            self._whole = None if data is None else opened(data)

    def hand_over(self) -> None:
        """Let another worker go on from what has come."""
        found = self._found()
        self.known, self.start, self._lines = found.meta, _of_lines(found), []

    def _begin(self, trajectory: Trajectory) -> None:
        assert self._writer is not None
        self._place, self._file = self._writer.begin(trajectory), self._writer.file

    def _read(self) -> Trajectory:
        reading = RolloutReading(replace(self.start, meta=self.known), None)
        for text in self._lines:
            reading.take(json.loads(text))
        return reading.found()

    def _found(self) -> Trajectory:
        found = self._whole or self._read()
        meta = {**found.meta, **self._first.meta}
        return replace(found, meta=meta, spec=self._first.spec)


def _of_lines(trajectory: Trajectory) -> Trajectory:
    again = sample_of(dump(trajectory, 0))
    return replace(again, meta=trajectory.meta, spec=trajectory.spec, damage=())

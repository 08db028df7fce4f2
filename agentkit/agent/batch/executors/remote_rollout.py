"""One rollout that a worker runs, as its batch sees it: the outcomes of its steps, which are read
when somebody looks at it, and its lines, which are written down as they come.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, NamedTuple

from agentkit.agent.batch.progress import Progress
from agentkit.files.cassette.codec import RolloutReading, sample_of
from agentkit.files.cassette.line.line_steps import after
from agentkit.files.cassette.lines import dump
from agentkit.files.claims import RunWriter
from agentkit.servers.transport.shipment import opened as read
from agentkit.trajectory.loop import apply, resume
from agentkit.types.steps import Outcome
from agentkit.types.trajectory import StopReason, Trajectory

_PLACE = re.compile(r'\A(\{"step":"\w+","sample":)\d+')
_PIECES = '{"step":"stream"'


class WrittenStep(NamedTuple):
    """What came of one step, as a worker has sent it."""

    outcome: bytes | None
    """The outcome; None where it cannot be sent."""
    lines: list[str]
    """The same as a cassette has it, where the outcome may not be read here."""

    def after(self, trajectory: Trajectory) -> Trajectory:
        """Give the rollout after this step."""
        try:
            outcome: Outcome | None = None if self.outcome is None else read(self.outcome)
        except Exception:  # what a tool gave is of a module that is not here
            if not self.lines:
                raise
            outcome = None
        if outcome is not None:
            return apply(trajectory, outcome)
        for line in map(json.loads, self.lines):
            trajectory = after(trajectory, line)
        return trajectory


class RemoteRollout:
    """One rollout. It has what a batch needs of an engine.

    Args:
        run: runs it.
        start: what it begins with, or goes on from.
        known: its meta as the file has it.
        writer: the file's.
        place: its sample index in the file, where it is there.
        progress: counts its answers.
        opened: what is done to it where it is read; None: nothing.
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
        opened: Callable[[Trajectory], Trajectory] | None = None,
    ) -> None:
        self._run = run
        if start.all_turns or start.attempts:  # values of tools that cannot be sent are in no line
            start = _of_lines(start)
        self.start, self.known, self.progress = start, known, progress
        self.recorded = writer is not None
        """Whether its lines are asked for."""
        self.stop_reason: StopReason | None = None
        """Why it has ended."""
        self.meta = start.meta
        """What is known of it, with its reward where it has ended."""
        self._first, self._opened = start, opened
        self._writer, self._place = writer, place
        self._file = writer.file if writer is not None and place is not None else 0
        self._steps: list[WrittenStep] = []
        """What has come since `start`."""
        self._pieces: list[str] = []
        """Lines of an answer that is still coming."""
        self._whole: Trajectory | None = None

    @property
    def trajectory(self) -> Trajectory:
        """What there is of it, or what its batch makes of it."""
        if self._whole is not None:
            return self._whole
        found = self._found()
        if self.stop_reason is not None:
            self._whole, self._steps, self._pieces = found, [], []
        return found

    @trajectory.setter
    def trajectory(self, value: Trajectory) -> None:
        self._whole, self.stop_reason, self.meta = value, value.stop_reason, value.meta

    so_far = trajectory

    async def run(self) -> None:
        """Run it to its end."""
        await self._run(self)

    def add_step(self, outcome: bytes | None, lines: list[str], tokens: int | None) -> None:
        """Take in what came of a step.

        Args:
            outcome: the outcome, as it is sent.
            lines: the same as lines, where it may not be read here.
            tokens: how many an answer had; None: it is none.
        """
        self._steps.append(WrittenStep(outcome, lines))
        self._pieces.clear()
        if tokens is not None:
            self.progress.answered(tokens)

    def take(self, text: str) -> None:
        """Write down a line of what happened."""
        if text.startswith(_PIECES):
            self._pieces.append(text)
        if self._writer is None:
            return
        if self._place is None:
            self._begin(self._writer, replace(self._first, meta=self.known))
        if not self._put(self._writer, text):  # the file is another one
            self._begin(self._writer, self._read())
            self._put(self._writer, text)

    def begin_anew(self, texts: list[str]) -> None:
        """Write down a rollout that does not go on from what is in the file."""
        if self._writer is not None:
            self._begin(self._writer, sample_of(map(json.loads, texts)))

    def end(self, stop_reason: StopReason | None, meta: dict[str, Any]) -> None:
        """Take in why it has ended, and what became known of it."""
        self.stop_reason, self.meta = stop_reason, {**self.meta, **meta}

    def hand_over(self) -> None:
        """Let another worker go on from what has come."""
        if self._steps or self._pieces:
            found = self._read()
            self.known, self.start = found.meta, _of_lines(found)
            self._steps, self._pieces = [], []

    def _put(self, writer: RunWriter, text: str) -> bool:
        place = self._place or 0
        return writer.write_text(_PLACE.sub(rf"\g<1>{place}", text, count=1), place, self._file)

    def _begin(self, writer: RunWriter, trajectory: Trajectory) -> None:
        self._place, self._file = writer.begin(trajectory), writer.file

    def _read(self) -> Trajectory:
        trajectory = self.start
        if self._steps or self.stop_reason is not None:
            trajectory = resume(trajectory)
        for step in self._steps:
            trajectory = step.after(trajectory)
        if self._pieces:
            reading = RolloutReading(trajectory, None)
            for text in self._pieces:
                reading.take(json.loads(text))
            trajectory = reading.found()
        return replace(trajectory, meta=self.meta)

    def _found(self) -> Trajectory:
        found = replace(self._read(), spec=self._first.spec)
        return found if self._opened is None else self._opened(found)


def _of_lines(trajectory: Trajectory) -> Trajectory:
    again = sample_of(dump(trajectory, 0))
    return replace(again, meta=trajectory.meta, spec=trajectory.spec, damage=())

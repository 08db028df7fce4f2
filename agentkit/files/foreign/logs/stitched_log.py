"""A flow log as the rollouts of the agents whose requests are in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from heapq import heappop, heappush
from pathlib import Path
from typing import Any

from agentkit.files.foreign.format import ForeignFormat
from agentkit.files.foreign.input.file_set import FileSet
from agentkit.files.foreign.logs.flow_log import HEAD_START, FlowReading, is_flow, is_flow_head
from agentkit.files.path import system_errors, to_read
from agentkit.trajectory.stitch.stitcher import Stitcher
from agentkit.types.problem import Problem
from agentkit.types.trajectory import Trajectory
from agentkit.types.wire import Flow


def stitched(flows: Iterable[Flow]) -> Stitcher:
    """Stitch requests that have ended, in the order in which they came and were answered.

    Args:
        flows: the requests with their answers, in whatever order.
    """
    stitcher = Stitcher()
    ends: list[tuple[float, int, Flow]] = []
    for flow in sorted(flows, key=lambda flow: flow.number):
        now = float("inf") if flow.started is None else flow.started
        while ends and ends[0][0] <= now:
            stitcher.add(heappop(ends)[2])
        stitcher.add(replace(flow, exchange=None))
        heappush(ends, (_end(flow), flow.number, flow))
    while ends:
        stitcher.add(heappop(ends)[2])
    return stitcher


def _end(flow: Flow) -> float:
    """Give the time at which an answer had come; a time before all others where that is unknown."""
    elapsed = flow.exchange.elapsed if flow.exchange else None
    if flow.started is None or elapsed is None:
        return float("-inf")
    return flow.started + (flow.waited or 0.0) + elapsed


def _fits(source: FileSet) -> bool:
    row = next((value for value in source.values if isinstance(value, Mapping)), None)
    if row is None:  # only half of the first line has been written
        return source.given is None and source.text.startswith(HEAD_START)
    return is_flow_head(row) or is_flow(row)


def _read(source: FileSet) -> list[Trajectory]:
    """Read the rollouts of a source, its lines by their bytes where it has some."""
    reading = FlowReading()
    lines: Iterable[Any] = source.values
    if len(source.members) == 1:
        (read,) = source.members.values()
        lines = read().split(b"\n")
    flows = list(reading.take(lines))
    source.bad[:] = [problem.message for problem in reading.problems]
    return stitched(flows).rollouts


FLOWS = ForeignFormat("a flow log", _fits, _read, may_be_empty=True)


class GrowingLog:
    """A flow log that is still written: each look reads what is new, and no more.

    log = GrowingLog("session.jsonl")
    ak.turns_df(log)        # all readers take it
    """

    def __init__(self, path: Any) -> None:
        self.path: Path = to_read(path)
        """Where the file lies."""
        self.stitcher = Stitcher()
        """Where each request belongs."""
        self._reading = FlowReading()
        self._read = 0

    @property
    def rollouts(self) -> list[Trajectory]:
        """The rollouts as far as they are written."""
        for flow in self._reading.take(self._lines()):
            self.stitcher.add(flow)
        return self.stitcher.rollouts

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What could not be read so far."""
        return tuple(self._reading.problems)

    def _lines(self) -> Iterator[bytes]:
        """Give the whole lines that have come since the last look."""
        with system_errors(self.path), self.path.open("rb") as file:
            if self.path.stat().st_size < self._read:  # another file of this name
                self.stitcher, self._reading, self._read = Stitcher(), FlowReading(), 0
            file.seek(self._read)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                self._read += len(line)
                yield line

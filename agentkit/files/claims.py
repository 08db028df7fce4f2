"""What a run of a batch may write of its file: each sample has one living writer.

A run takes a rollout up under the lock of the file, and puts its name on it there. What another
living run has taken, it leaves alone and waits for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Hashable, Mapping
from dataclasses import replace
from io import FileIO
from pathlib import Path
from typing import Any, Literal, NamedTuple

from agentkit.errors import FileInUse
from agentkit.files.cassette.codec import prompt_key, sample_of
from agentkit.files.cassette.line.line_steps import ENDED
from agentkit.files.cassette.line.line_text import decode_lines
from agentkit.files.cassette.lines import Line, owner_line
from agentkit.files.cassette.scan import Found, Scan
from agentkit.files.cassette.writer import CassetteWriter, cassette
from agentkit.files.path import to_write
from agentkit.files.writers.owner import Owner, clean_up, is_alive, owner_of
from agentkit.types.trajectory import Trajectory


class Claim(NamedTuple):
    """What became of the wish to write one rollout."""

    state: Literal["taken", "held", "done"]
    """`held` by another living run, `done` by one, or `taken`: this run is its writer."""
    place: int
    """Its sample index in the file."""
    trajectory: Trajectory
    """What there is of it; where it is held, the start that was asked for."""
    owner: str | None = None
    """The run that holds it."""


class RunWriter:
    """The writer of one run, which owns the rollouts it begins and those it takes up."""

    writer: CassetteWriter
    """The file's, once it is open."""

    def __init__(self, path: Path, owner: Owner | None) -> None:
        """Write for this owner; without one, as where there are no locks, nobody is told apart."""
        self.path = path
        """The file's; writers of one file are one to an agent."""
        self.owner = owner
        self._open = True
        self._places: dict[Hashable, int] = {}
        self._awaited: set[Hashable] = set()
        self._given: set[int] = set()
        """The rollouts that a job of this run has."""
        self._scan: Scan | None = None
        self._looked = 0
        self._by_start: defaultdict[tuple[str, str], list[int]] = defaultdict(list)

    def open(self) -> None:
        """Open the file; it is made where it is missing.

        Raises:
            UsageError: it exists and is not a cassette.
            FileError: it cannot be written.
        """
        self.writer = cassette(self.path)

    @property
    def name(self) -> str | None:
        """The name of the run, as the file has it."""
        return self.owner.name if self.owner else None

    def close(self) -> None:
        """Let go of everything; what a step that was left behind still brings is not written."""
        self._open = False
        if self.owner is not None:
            self.owner.close()
            clean_up(self.path)  # of a run that was killed beside this one

    def begin(self, trajectory: Trajectory) -> int:
        """Begin a rollout: write all there is of it, and return its sample index."""
        if not self._open:
            return -1
        place = self.writer.begin(trajectory, self.name)
        self._given.add(place)
        return place

    @property
    def file(self) -> int:
        """Which file of the path it is, as `CassetteWriter.file` says."""
        return self.writer.file

    def write(self, line: Line, file: int) -> bool:
        """Append one line, and tell whether it was written, as `CassetteWriter.write` does."""
        return self.writer.write(line, file) if self._open else True

    def write_text(self, text: str, sample: int, file: int) -> bool:
        """Append one line that is text already, as `CassetteWriter.write_text` does."""
        return self.writer.write_text(text, sample, file) if self._open else True

    def place(self, job: Hashable, place: int) -> None:
        """Say which rollout of the file is that of a job."""
        self._places[job] = place
        self._given.add(place)

    def claim(
        self,
        job: Hashable,
        start: Trajectory,
        *,
        alike: Container[int] = frozenset(),
        reward: bool = False,
    ) -> Claim:
        """Take up the rollout of a job, or begin it.

        Args:
            job: what asks; one rollout is given to one job of a run.
            start: the rollout before its first step.
            alike: the places of prompts that have rollouts of their own.
            reward: whether one that has ended must have a reward to be done.
        """
        self.writer.use.ensure(self.writer)
        with self.writer.locked() as file:
            self.writer.catch_up(file)
            place = self._place_of(job, start, alike)
            if place is None:
                place = self._begin(file, start)
                self.place(job, place)
                return Claim("taken", place, start)
            self.place(job, place)
            return self._taken(file, job, place, start, reward)

    def _begin(self, file: FileIO, start: Trajectory) -> int:
        vacant = self.writer.scan.vacant
        return self.writer.append_rollout(file, start, self.name, vacant)

    def _taken(
        self, file: FileIO, job: Hashable, place: int, start: Trajectory, reward: bool
    ) -> Claim:
        """Take a rollout that is in the file, where nobody holds it."""
        found = self.writer.scan.rollouts[place]
        own = found.owner == self.name
        held = not own and is_alive(self.writer.path, found.owner)
        if held and not found.ended:
            self._awaited.add(job)
            return Claim("held", place, start, found.owner)
        there = _read(file, found)
        ended = there.stop_reason in ENDED
        if (ended and (not reward or "reward" in there.meta)) or (
            found.ended and not ended and job in self._awaited
        ):
            return Claim("done", place, there)
        if held:
            self._awaited.add(job)
            return Claim("held", place, start, found.owner)
        if self.writer.scan.numbers.of(place) != place:  # in files that were joined
            place = self._begin(file, there)
            self.place(job, place)
            return Claim("taken", place, there)
        if self.name is not None and (not own or there.damage):
            mark = owner_line(self.name, place, mended=bool(there.damage))
            self.writer.append(file, [mark])
            self.writer.catch_up(file)
        self.writer.go_on(place)
        return Claim("taken", place, replace(there, damage=()))

    def _place_of(self, job: Hashable, start: Trajectory, alike: Container[int]) -> int | None:
        """Find the rollout of a job: the one it has already, or one of the same prompt and sample
        that no other job has, in this run or elsewhere. One that was begun at the same place of the
        prompts comes first, then one that has ended, then one that nobody holds.
        """
        scan = self.writer.scan
        if scan is not self._scan:
            if self._scan is not None:
                self._places.clear()
                self._given.clear()
            self._scan, self._looked = scan, 0
            self._by_start.clear()
        place = self._places.get(job)
        if place is not None and place in scan.rollouts:
            return place
        self._look(scan)
        key = _key([message.wire for message in start.prompt], start.meta.get("sample"))
        own, found = place_of(start.meta), []
        for one in self._by_start.get(key, ()):
            there = place_of(scan.rollouts[one].meta)
            if one not in self._given and (there == own or there not in alike):
                found.append((there != own, self._rank(scan.rollouts[one]), one))
        return min(found)[-1] if found else None

    def _look(self, scan: Scan) -> None:
        """Take note of the rollouts that have come."""
        new, self._looked = scan.begun[self._looked :], len(scan.begun)
        for place in new:
            found = scan.rollouts[place]
            self._by_start[_key(found.prompt, found.meta.get("sample"))].append(place)

    def _rank(self, found: Found) -> int:
        if found.ended and found.stop_reason in ENDED:
            return 0
        return 2 if found.owner != self.name and is_alive(self.writer.path, found.owner) else 1


def run_writer(path: Any, *, alone: bool) -> RunWriter:
    """Make the writer of one run, which is to be opened.

    Args:
        path: the file.
        alone: whether the run must know which rollouts nobody else writes.

    Raises:
        FileInUse: it must, and the file system has no locks.
        UsageError: it is no file's path.
        NoFile: its folder is not there.
    """
    target = to_write(path).resolve()
    clean_up(target)
    owner: Owner | None = None
    try:
        owner = owner_of(target)
    except FileInUse:
        if alone:
            raise
    return RunWriter(target, owner)


def place_of(meta: Mapping[str, Any]) -> int:
    """Give the place of a rollout's prompt among the prompts of its batch; -1 where none is known.
    A damaged file may say anything of it.
    """
    place = meta.get("prompt_index")
    return place if type(place) is int else -1


def _key(prompt: list[object], sample: object) -> tuple[str, str]:
    wires = [wire for wire in prompt if isinstance(wire, dict)]
    return prompt_key(wires), repr(sample)


def _read(file: FileIO, found: Found) -> Trajectory:
    """Read one rollout of the file that is locked."""

    texts = []
    for offset, size in zip(found.spans[::2], found.spans[1::2], strict=True):
        file.seek(offset)
        texts.append(file.read(size) or b"")
    return sample_of(decode_lines(line + b"\n" for line in b"\n".join(texts).split(b"\n")))

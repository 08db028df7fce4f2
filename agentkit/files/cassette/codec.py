"""A rollout in its file: versioned JSON lines, one step a line. The cassette and the saved
trajectory are this one format.

    {"agentkit": 1, "kind": "rollout", "sample": 0, "spec": {…}, "prompt": […], "meta": {…}}
    {"step": "model", "sample": 0, "turn": 0, "request_key": "…", "exchange": {…}}
    {"step": "tool", "sample": 0, "turn": 0, "position": 0, "result": {…}}
    {"step": "end", "sample": 0, "stop_reason": "final", "totals": {…}}

A step "stream" holds pieces of an answer that is still coming, numbered from 0; the line of the
answer itself takes their place. A step "adopt" and a step "change" hold what a person did to the
calls of the answer before them. A step "open" holds the caller's messages for a turn that has no
answer yet; "close" ends a turn whose calls were not all answered; "meta" adds to the rollout's meta
what became known later, as its reward. An "end" sums up for whoever looks at the file without
reading all of it.

A line of a model step holds the raw exchange, not its reading: loading reads it again. What the
caller did before a turn is on that turn's line (`kept`, `added`, `sampling`). The rollout of a
sub-agent is on the line of the tool it ran in, as a list of its own lines (`result.trajectory`).
Lines of several samples may be mixed, and a rollout may go on after its end. A torn line is what a
crash leaves; it is ignored, and told. A line that cannot be what it stands for costs its own
rollout its steps from there on, as `damage`, and no other rollout anything.

The first line, or a step "owner", names the run that writes the rollout (see `writers/owner`);
"mended" on it says that the run goes on from what could be read. A step "torn" holds the text of a
torn line that the next writer found; a step "damage" what had been lost before a rollout was saved.

Version 1 is read for good and only gains fields. Fields and kinds of lines that this version does
not know are kept, and saved again (`Unknown`).
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from agentkit.errors import CassetteError
from agentkit.files.cassette.line.line_steps import (
    MISFIT,
    after,
    begun,
    pieces_of,
    reason_of,
    with_given,
)
from agentkit.files.cassette.line.line_text import (
    NO_LINE,
    RESTORE,
    Numbering,
    Unread,
    checked_version,
    decode_lines,
    described,
    encode_line,
    is_line,
)
from agentkit.files.cassette.line.plain_rollout import plain_rollout
from agentkit.files.cassette.lines import NOTES, Line
from agentkit.read.plain import plain
from agentkit.trajectory.loop import broken_off, interrupted
from agentkit.types.problem import Problem, problem
from agentkit.types.record import clip, late
from agentkit.types.trajectory import Trajectory
from agentkit.types.wire import Chunk
from agentkit.types.words import count

__all__ = [
    "MISFIT",
    "Numbering",
    "RolloutReading",
    "after",
    "begun",
    "decode_lines",
    "encode_line",
    "in_order",
    "load_lines",
    "load_samples",
    "prompt_key",
    "refusal",
    "request_key",
    "sample_of",
    "with_given",
]

KILLED = "its process was gone before the whole answer had come"
STRAY = 2
"""So many steps without a first line are a rollout that lost it; a single one is a wrong line."""
_TWICE = frozenset({"end", "close", "adopt", "change", "meta"})
"""Lines that always fit, and of which nobody writes the same one twice in a row."""


def request_key(body: Mapping[str, Any]) -> str:
    """Make a short digest of a request's body, equal for requests that ask the same."""
    text = json.dumps(plain(body), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def prompt_key(prompt: Iterable[Mapping[str, Any]]) -> str:
    """Make a short digest of the messages, as they are on the wire, that a rollout begins with."""
    return request_key({"prompt": list(prompt)})


def load_lines(lines: Iterable[Line | Unread]) -> list[Trajectory]:
    """Read the trajectories of a file, in the order of their sample index; every raw exchange is
    read again. What of a rollout cannot be read is its `damage`.

    Raises:
        CassetteError: no rollout of them can be read.
    """
    return in_order(load_samples(lines))


def in_order(samples: Mapping[int, Trajectory]) -> list[Trajectory]:
    """List rollouts in the order of their sample index."""
    return [samples[index] for index in sorted(samples)]


def load_samples(
    lines: Iterable[Line | Unread], *, for_rows: bool = False
) -> dict[int, Trajectory]:
    """Read the trajectories of a file by sample index.

    Args:
        lines: those of the file.
        for_rows: for a table; those that had no problem, by their last line, are not looked
            through for problems again.

    Raises:
        CassetteError: no rollout of them can be read.
    """
    reading = _Reading()
    for line in lines:
        reading.take(line)
    reason = reading.refused
    if reason is not None and not any(found.readable for found in reading.samples.values()):
        raise reason
    return reading.trajectories(for_rows=for_rows)


def sample_of(lines: Iterable[Line | Unread], *, for_row: bool = False) -> Trajectory:
    """Read the lines of one rollout alone; it may be that none of them can be read."""
    reading = _Reading()
    for line in lines:
        reading.take(line)
    found = reading.trajectories(for_rows=for_row).values()
    lost = problem("file_damaged", "its first line cannot be read")
    return next(iter(found), Trajectory(damage=(lost,)))


class RolloutReading:
    """One rollout while its lines are read.

    A line that does not fit is passed over, and so are those behind it until one does: what belongs
    to another rollout costs this one nothing, and behind what is missing nothing fits. A line that
    is there twice ends it, until a run takes it up again.
    """

    __slots__ = ("damage", "ended", "last", "loose", "lost", "pieces", "readable", "trajectory")

    def __init__(self, trajectory: Trajectory | None, first: Line | None) -> None:
        self.readable = trajectory is not None
        self.trajectory = trajectory or Trajectory()
        self.last = first
        self.damage: list[Problem] = []
        self.loose: list[Unread] = []
        """Lines that could not be read, with no other line of the rollout behind them yet."""
        self.lost = False
        """Whether the line before did not fit."""
        self.ended = False
        """Whether nothing is read until a run takes it up."""
        self.pieces: list[Chunk] = []
        """What had come of an answer whose own line is not there yet."""

    def note(self, message: str) -> None:
        self.damage.append(problem("file_damaged", message))

    def take(self, line: Line) -> None:
        """Take in a line that is not the first."""
        step, last, self.last = line.get("step"), self.last, line
        if step in NOTES:
            self._noted(line)
            return
        if not self.readable or self.ended:
            return
        if self.loose:
            self._settle(line)
        if self.lost and (step not in ("model", "tool", "open")):
            return
        if step in _TWICE and line == last:
            self.end(line)
            return
        try:
            if step in ("model", "stream"):
                self._streamed(line)
            self.trajectory = after(self.trajectory, line)
            self.lost = False
        except MISFIT as exc:
            if line == last:
                self.end(line)
                return
            if not self.lost:
                self.note(f"{described(line)} does not fit what stands before it: {reason_of(exc)}")
            self.lost = True

    def _streamed(self, line: Line) -> None:
        """Take in pieces of an answer, or the whole of it. Pieces with no whole are what came until
        their process was gone.
        """
        answer = line["exchange"] if line.get("step") == "model" else None
        came = answer.get("chunks", ()) if isinstance(answer, dict) else ()
        if line.get("step") == "stream" and line["from"] != 0:
            self.pieces += pieces_of(line, self.trajectory)
            return
        if self.pieces and not (came and came[0].get("at") == self.pieces[0].at):
            self.trajectory = interrupted(self.trajectory, broken_off(self.pieces, KILLED))
        self.pieces = pieces_of(line, self.trajectory) if line.get("step") == "stream" else []

    def _noted(self, line: Line) -> None:
        """Take in what a line says of the file."""
        if "mended" in line:
            self.damage, self.loose, self.lost, self.ended = [], [], False, False
        if line.get("step") == "damage" and isinstance(line.get("messages"), list):
            for message in line["messages"]:
                self.note(str(message))

    def miss(self, line: Unread) -> None:
        """Take in a line that cannot be read."""
        self.loose.append(line)

    def end(self, line: Line) -> None:
        """Read no further: a line is there twice."""
        self.note(f"{described(line)} is there twice, and what stands behind it is not read")
        self.ended = True

    def _settle(self, line: Line) -> None:
        """Tell of lines that could not be read, but for steps that a later run has taken again."""
        for unread in self.loose:
            if not unread.became(line):
                there = count(len(self.trajectory.all_turns), "turn")
                self.note(f"behind {there}, a line cannot be read")
        self.loose = []

    def found(self) -> Trajectory:
        """Give the rollout as far as it could be read."""
        if self.loose and self.readable:
            self._settle({})
        found = self.trajectory
        if self.pieces:
            found = interrupted(found, broken_off(self.pieces, KILLED))
        return replace(found, damage=tuple(self.damage)) if self.damage else found


class _Rollout:
    """One rollout while its lines come: they are kept, and read when it is looked at."""

    __slots__ = ("_begun", "_first", "_taken", "last", "readable")

    def __init__(self, begun: Trajectory | None, first: Line | None) -> None:
        self.readable = begun is not None
        self.last = self._first = first
        self._begun = begun
        self._taken: list[tuple[Callable[[RolloutReading, Any], None], Any]] = []

    def take(self, line: Line) -> None:
        self.last = line
        self._taken.append((RolloutReading.take, line))

    def miss(self, line: Unread) -> None:
        self._taken.append((RolloutReading.miss, line))

    def end(self, line: Line) -> None:
        self._taken.append((RolloutReading.end, line))

    def note(self, message: str) -> None:
        self._taken.append((RolloutReading.note, message))

    def found(self, *, for_row: bool = False) -> Trajectory:
        """Give the rollout, as far as it can be read."""
        if self._begun is None:
            return self._read()
        if for_row and all(take is RolloutReading.take for take, _ in self._taken):
            made = plain_rollout(self._begun, [line for _, line in self._taken])
            if made is not None:
                return made
        # no line changes these two
        return late(Trajectory, self._read, spec=self._begun.spec, prompt=self._begun.prompt)

    def _read(self) -> Trajectory:
        reading = RolloutReading(self._begun, self._first)
        for take, what in self._taken:
            take(reading, what)
        return reading.found()


class _Reading:
    """The rollouts of a file while its lines are read."""

    def __init__(self) -> None:
        self.samples: dict[int, _Rollout] = {}
        self.refused: CassetteError | None = None
        """The first reason why a line could not be read."""
        self._numbers = Numbering()
        self._run: tuple[str, Any] = ("", None)
        """How the last rollout was run: as the file has it, and as it is read."""
        self._before: int | None = None
        self._loose: Unread | None = None
        self._strays: Counter[int] = Counter()
        """By sample index, how many steps came without a first line."""

    def take(self, line: Line | Unread) -> None:
        """Take in the next line."""
        if not isinstance(line, dict):
            self._unread(line if isinstance(line, Unread) else Unread(1, str(line)))
            return
        given = line.get("sample", 0)
        if "agentkit" in line:
            index: int | None = self._begin(line, given)
        else:
            index = self._numbers.of(given) if isinstance(line.get("step"), str) else None
        if index is None:
            if is_line(line) and type(given) is int and given >= 0:
                self._strays[given] += 1
            self._refuse(refusal(line))
            return
        found = self.samples[index]
        if self._loose is not None:
            if index == self._before:
                found.miss(self._loose)
            self._loose = None
        self._before = index
        if "agentkit" not in line:
            found.take(line)

    def _begun(self, line: Line) -> Trajectory:
        """Begin a rollout; those that are run with the same share that."""
        run = repr(line.get("spec"))  # in which 1, 1.0 and true differ
        made = begun(line, self._run[1] if run == self._run[0] else None)
        self._run = run, made.spec
        return made

    def _begin(self, line: Line, given: Any) -> int | None:
        """Begin a rollout; one whose first line could not be read begins anew with another."""
        index = self._numbers.of(given)
        there = self.samples.get(index) if index is not None else None
        if there is not None and there.readable and there.last == line:
            there.end(line)
            return index
        if there is None or there.readable:
            index = self._numbers.begin(given)
        assert index is not None
        try:
            checked_version(line)
            self.samples[index] = _Rollout(self._begun(line), line)
        except MISFIT as exc:
            fault = exc if isinstance(exc, CassetteError) else None
            self._refuse(
                fault
                or CassetteError(f"a first line cannot be read: {reason_of(exc)}", hint=RESTORE)
            )
            self._lost_head(index, f"its first line cannot be read: {reason_of(exc)}")
        return index

    def _unread(self, line: Unread) -> None:
        given = line.sample
        index = None if given is None else self._numbers.of(given)
        if index is not None:
            self.samples[index].miss(line)
        elif line.is_head and given is not None:
            self._lost_head(self._numbers.begin(given), "its first line cannot be read")
        else:
            self._loose = line
        self._refuse(refusal(line))

    def _lost_head(self, index: int, message: str) -> None:
        self.samples[index] = lost = _Rollout(None, None)
        lost.note(message)

    def _refuse(self, reason: CassetteError) -> None:
        self.refused = self.refused or reason

    def trajectories(self, *, for_rows: bool = False) -> dict[int, Trajectory]:
        """Give every rollout there is anything of."""
        for index, lines in self._strays.items():
            if lines >= STRAY and index not in self.samples:
                self._lost_head(index, "its first line is missing")
        return {index: one.found(for_row=for_rows) for index, one in self.samples.items()}


def refusal(line: Line | Unread) -> CassetteError:
    """Make the error of a line that belongs to no rollout."""
    if isinstance(line, Unread):
        return line.refusal()
    if not is_line(line):
        return CassetteError("line 1 is not a line of an agentkit file", hint=NO_LINE)
    given = clip(repr(line.get("sample", 0)))
    return CassetteError(f"a step of sample {given} stands before its first line", hint=RESTORE)

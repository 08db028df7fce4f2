"""Recording: a `Perform` whose every finished step is written before it is committed, so that a
crash costs the step in flight.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from operator import is_
from typing import Any

from agentkit.agent.perform import Perform, clone_of
from agentkit.agent.record.piece_log import PieceLog, Writer
from agentkit.files.cassette.lines import (
    Line,
    change_line,
    end,
    meta_line,
    model_line,
    tool_line,
    with_fields,
)
from agentkit.read.plain import plain
from agentkit.servers.model_call import Emit
from agentkit.trajectory.history import request_fields
from agentkit.trajectory.sent_history import EncodedHistory
from agentkit.types.answer import Response
from agentkit.types.sequences.slots import differing
from agentkit.types.steps import Answer, ModelStep, Outcome, Step
from agentkit.types.trajectory import StopReason, ToolResult, Trajectory, Turn
from agentkit.types.wire import Exchange


class Recorder:
    """The same outcomes, written down as they come.

    What happened to the trajectory between two steps, as calls that were answered by hand, is
    written with the second of them. A trajectory that does not go on from what was written (its
    past was edited, or it is a fork) becomes a rollout of its own in the file, whole from its
    start.
    """

    _edits: list[tuple[int, Any, Any]]
    """What a person did to the calls of the open turn, as far as it is written."""

    def __init__(self, perform: Perform, writer: Writer) -> None:
        self._perform = perform
        self.writer = writer
        self._encoded = EncodedHistory()
        self.sample: int | None = None
        """The rollout's index in the file; None before its first step."""
        self._file = -1
        self._end: StopReason | None = None
        self._asked: tuple[Any, ...] | None = None
        self._take(Trajectory())

    def clone(self) -> Recorder:
        """Make a recorder in the same file, for another branch of the rollout."""
        return Recorder(clone_of(self._perform), self.writer)

    def go_on(self, writer: Writer, sample: int, trajectory: Trajectory) -> None:
        """Go on with this rollout of the writer's file, of which so much is written already.

        Args:
            writer: the file's.
            sample: the rollout's index in the file.
            trajectory: what of the rollout is written.
        """
        if self.writer is writer:
            self.sample, self._file = sample, writer.file
            self._take(trajectory)
        elif isinstance(self._perform, Recorder):
            self._perform.go_on(writer, sample, trajectory)

    def keep_pieces(self, trajectory: Trajectory, exchange: Exchange) -> None:
        """Write what had come of an answer that was stopped.

        Args:
            trajectory: the rollout before the answer.
            exchange: what had come.
        """
        keep = getattr(self._perform, "keep_pieces", None)
        if keep is not None:
            keep(trajectory, exchange)
        self._catch_up(trajectory)
        line = model_line(len(trajectory.turns), exchange, self.sample or 0, trajectory.open)
        self._write(line, trajectory)
        self._answers.append(exchange)

    async def __call__(self, step: Step, emit: Emit | None = None) -> Outcome:
        self._catch_up(step.trajectory)
        if isinstance(step, ModelStep) and step.trajectory.spec.stream:
            pieces = PieceLog(self.writer, self._file, self.sample or 0, step.turn, emit)
            try:
                outcome = await self._perform(step, pieces)
            finally:
                pieces.close()
        else:
            outcome = await self._perform(step, emit)
        sample = self.sample or 0
        if isinstance(outcome, Answer):
            opened = step.trajectory.open
            key = self._encoded.key(step.trajectory, request_fields(step.trajectory))
            exchange = with_fields(outcome.exchange, "model", {"request_key": key})
            read = outcome.response and replace(outcome.response, exchange=exchange)
            # saved by hand, it has its key as well
            outcome = Answer(exchange=exchange, response=read)
            line = model_line(step.turn, exchange, sample, opened, key)
            self._write(line, step.trajectory)
            self._asked = None if opened is None else (opened.kept, opened.added, opened.sampling)
            self._answers.append(outcome.exchange)
        else:
            if outcome.arguments is not None:
                line = change_line(step.turn, outcome.position, outcome.arguments, sample)
                self._write(line, step.trajectory)
                self._edits = sorted([*self._edits, (outcome.position, None, outcome.arguments)])
            line = tool_line(step.turn, outcome.position, outcome.result, sample)
            self._write(line, step.trajectory)
            self._results[outcome.position] = outcome.result
        self._end = None
        return outcome

    def finish(self, trajectory: Trajectory) -> None:
        """Write why a rollout stopped, and what became known of it; again where it has gone on
        since.
        """
        finish = getattr(self._perform, "finish", None)
        if finish is not None:
            finish(trajectory)
        self._catch_up(trajectory)
        if trajectory.stop_reason is not None and trajectory.stop_reason != self._end:
            if not self._put(end(trajectory, self.sample or 0)):
                self._begin(trajectory)
            self._end = trajectory.stop_reason

    def _begin(self, trajectory: Trajectory) -> None:
        """Begin the rollout in the file that is there now."""
        self.sample = self.writer.begin(trajectory)
        self._file = self.writer.file
        self._take(trajectory)

    def _put(self, line: Line) -> bool:
        return self.writer.write(line, self._file)

    def _catch_up(self, trajectory: Trajectory) -> None:
        if self.sample is None or not self._continues(trajectory):
            self._begin(trajectory)
            return
        for line in self._missing(trajectory):
            if not self._put(line):
                self._begin(trajectory)
                return
        self._follow(trajectory)

    def _write(self, line: Line, trajectory: Trajectory) -> None:
        """Write a line; where the file is another one by now, all that comes before it first.

        Args:
            line: what has happened.
            trajectory: the rollout that it happened to.
        """
        if self._put(line):
            return
        results = self._results
        self._begin(trajectory)
        for position, result in results.items():  # of calls that ran side by side with this one
            if position not in self._results:
                self._put(tool_line(len(self._turns), position, result, self.sample or 0))
                self._results[position] = result
        self._put({**line, "sample": self.sample})

    def _take(self, trajectory: Trajectory) -> None:
        """Take all of the trajectory for written."""
        self._prompt, self._spec, self._meta = trajectory.prompt, trajectory.spec, trajectory.meta
        self._turns: list[Turn] = list(trajectory.turns)
        opened = trajectory.open if trajectory.open and trajectory.open.response else None
        self._answers: list[Exchange] = [attempt.exchange for attempt in trajectory.attempts]
        self._failed = len(self._answers)
        self._asked = (opened.kept, opened.added, opened.sampling) if opened else None
        self._answers += [opened.response.exchange] if opened and opened.response else []
        self._response = opened.response if opened else None
        self._edits = _edits(opened.response) if opened and opened.response else []
        self._seen: Sequence[ToolResult | None] = opened.results if opened else ()
        self._results: dict[int, ToolResult] = dict(self._new(self._seen, ())) if opened else {}
        self._end = trajectory.stop_reason

    def _continues(self, t: Trajectory) -> bool:
        """Tell whether the trajectory is what was written, grown by what may happen between two
        steps.
        """
        known = len(self._turns)
        same = (t.prompt is self._prompt or t.prompt == self._prompt) and (
            t.spec is self._spec or t.spec == self._spec
        )
        if (
            not same
            or self._meta.keys() - t.meta.keys()  # a line can add to the meta, and take nothing
            or not known <= len(t.turns) <= known + 1
            or not all(map(is_, self._turns, t.turns))
        ):
            return False
        turn = t.all_turns[known] if len(t.all_turns) > known else None
        written = [attempt.exchange for attempt in t.attempts] + (
            [turn.response.exchange] if turn else []
        )
        if len(written) != len(self._answers) or not all(
            map(is_, written[self._failed :], self._answers[self._failed :])
        ):
            return False
        if turn is None:
            return not self._results
        if turn.response is not self._response and _edits(turn.response) != self._edits:
            return False
        given = (turn.kept, turn.added, turn.sampling)
        kept = all(
            self._results.get(at, result) is result for at, result in self._new(turn.results)
        )
        return kept and given == (self._asked or (None, (), None))

    def _new(
        self, results: Sequence[ToolResult | None], seen: Sequence[ToolResult | None] | None = None
    ) -> Iterator[tuple[int, ToolResult]]:
        """List the results that were not looked at before, by position."""
        for at in differing(self._seen if seen is None else seen, results):
            result = results[at]
            if result is not None:
                yield at, result

    def _missing(self, trajectory: Trajectory) -> list[Line]:
        """Make the lines of what no step gave: results by hand, a turn that was closed, meta."""
        sample, index = self.sample or 0, len(self._turns)
        lines: list[Line] = []
        for turn in trajectory.all_turns[index : index + 1]:
            lines = [
                tool_line(index, at, result, sample)
                for at, result in self._new(turn.results)
                if at not in self._results
            ]
            if len(trajectory.turns) > index and None in turn.results:
                lines.append({"step": "close", "sample": sample, "turn": index})
        if trajectory.meta is not self._meta and plain(trajectory.meta) != plain(self._meta):
            lines.append(
                meta_line(
                    {
                        k: v
                        for k, v in trajectory.meta.items()
                        if k not in self._meta or plain(self._meta[k]) != plain(v)
                    },
                    sample,
                )
            )
        return lines

    def _follow(self, trajectory: Trajectory) -> None:
        self._meta = trajectory.meta
        known, self._failed = len(self._turns), len(trajectory.attempts)
        if len(trajectory.turns) > known:
            self._turns.append(trajectory.turns[known])
            self._answers = [attempt.exchange for attempt in trajectory.attempts]
            self._results, self._asked, self._edits = {}, None, []
            self._seen, self._response = (), None
        elif trajectory.open is not None and trajectory.open.response is not None:
            self._results.update(self._new(trajectory.open.results))
            self._seen, self._response = trajectory.open.results, trajectory.open.response


def _edits(response: Response) -> list[tuple[int, Any, Any]]:
    """List what a person did to the calls of an answer."""
    touched = (
        call
        for call in response.tool_calls
        if call.adopted is not None or call.sent_arguments is not None
    )
    return [(call.position, call.adopted, call.arguments) for call in touched]

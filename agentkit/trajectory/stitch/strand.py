"""One rollout while it is stitched: its trajectory, which grows with each request and each answer.
A change costs as much as what is new, not what was there.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from agentkit.trajectory.loop import apply, failure, interrupted, read_answer, resume
from agentkit.trajectory.stitch.asked_history import begun, gone_on, history_of, sampling_of
from agentkit.trajectory.stitch.units import RequestUnits, Unit
from agentkit.types.answer import Response
from agentkit.types.problem import Problem
from agentkit.types.sequences.slots import empty_slots
from agentkit.types.steps import Answer
from agentkit.types.trajectory import Attempt, OpenTurn, Parent, ToolResult, Trajectory
from agentkit.types.wire import ApiError, Exchange, Flow

_OVERTAKEN = "the agent asked again before the answer had come"
_MISSING: Any = object()


class Strand:
    """A rollout that is being stitched."""

    def __init__(self, trajectory: Trajectory) -> None:
        self.trajectory = trajectory
        """The rollout so far."""
        self.number = -1
        """Its place among the rollouts."""
        self.flows: list[int] = []
        """The flows that belong to it, in order."""
        self.subs: dict[tuple[int, int], Strand] = {}
        """The rollouts of sub-agents, by the flow whose answer has the call, and its position."""
        self._known: list[tuple[Unit, ...]] = []
        self._tools = trajectory.spec.tools
        self._awaited: int | None = None
        self._answered: int | None = None
        self._ended: float | None = None
        self._notes: tuple[Problem, ...] = ()

    @classmethod
    def begin(
        cls, asked: RequestUnits, tools: tuple[dict[str, Any], ...], meta: dict[str, Any]
    ) -> Strand:
        """Begin a rollout with its first request."""
        made = cls(begun(asked, tools, "generic", meta))
        made._known = list(asked.spoken)
        return made

    def branch(self, turn: int, flow: int, meta: dict[str, Any]) -> Strand:
        """Begin a rollout that leaves this one behind the answer of a turn.

        Args:
            turn: the turn that the two have in common, with this answer.
            flow: the flow that it is the answer of.
            meta: what is known of the new rollout.
        """
        now = self.trajectory
        left = now.all_turns[turn]
        opened = OpenTurn(
            kept=left.kept,
            added=left.added,
            sampling=left.sampling,
            response=left.response,
            results=empty_slots(len(left.tool_calls)),
        )
        made = Strand(
            Trajectory(
                spec=now.spec,
                prompt=now.prompt,
                turns=now.turns[:turn],
                open=opened,
                attempts=tuple(a for a in now.attempts if a.turn <= turn),
                parent=Parent(trajectory=now, turn=turn + 1, change="asked again from here"),
                meta=meta,
            )
        )
        made._known = history_of(made.trajectory)
        made._answered, made.subs = flow, self.subs
        exchange = left.response.exchange
        if exchange.started is not None and exchange.elapsed is not None:
            made._ended = exchange.started + exchange.elapsed
        return made

    def go_on(self, asked: RequestUnits, tools: tuple[dict[str, Any], ...], flow: Flow) -> None:
        """Take the next request: results for the open calls, and what was added or changed."""
        results = self._results(flow)
        self.trajectory, self._known = gone_on(self.trajectory, self._known, asked, results)
        spec, opened = self.trajectory.spec, self.trajectory.open or OpenTurn()
        changed = {
            name: value
            for name, value in sampling_of(asked).items()
            if spec.sampling.get(name, _MISSING) != value
        }
        if asked.model != spec.model and asked.model is not None:
            changed["model"] = asked.model
        if tools and tools != spec.tools and spec.dialect == "chat":
            changed["tools"] = list(tools)
        self._tools = tools or self._tools
        opened = replace(opened, sampling=changed or None)
        self.trajectory = replace(self.trajectory, open=opened)

    def note(self, problem: Problem) -> None:
        """Tell something of the request that is awaited; it is kept with its answer."""
        self._notes = (*self._notes, problem)

    def ask(self, number: int) -> None:
        """Wait for the answer of a request."""
        self.flows.append(number)
        self._awaited = number
        self.trajectory = resume(self.trajectory)

    def answer(self, flow: Flow, exchange: Exchange) -> tuple[Response, bool]:
        """Take the answer of a request.

        Returns:
            The answer as it was read, and whether it gave nothing to go on from.
        """
        now = self.trajectory
        if exchange.started is None and flow.started is not None:
            exchange = replace(exchange, started=flow.started)
        spec = now.spec if self._tools is now.spec.tools else replace(now.spec, tools=self._tools)
        response = read_answer(spec, exchange, len(now.turns))
        error = failure(exchange, response)
        if flow.number != self._awaited:
            self._overtaken(exchange, response, error)
            return response, error is not None
        found = flow.problems
        if error is None:
            found, self._notes = (*self._notes, *found), ()
        elif found:  # there is no turn that could have it
            now = replace(now, damage=(*now.damage, *found))
        if found:
            response = replace(response, problems=(*response.problems, *found))
        self.trajectory = apply(now, Answer(exchange=exchange, response=response))
        self._awaited = None
        if error is None:
            self._answered = flow.number
            if exchange.started is not None and exchange.elapsed is not None:
                self._ended = exchange.started + exchange.elapsed
        return response, error is not None

    def _overtaken(self, exchange: Exchange, response: Response, error: ApiError | None) -> None:
        """Keep what came of a request that was sent again before it had an answer."""
        now = self.trajectory
        if error is not None and not now.pending and now.open is not None:
            self.trajectory = interrupted(now, exchange)
            return
        error = error or ApiError(kind="timeout", message=_OVERTAKEN, retryable=True)
        lost = Attempt(turn=len(now.turns), error=error, exchange=exchange, response=response)
        self.trajectory = replace(now, attempts=(*now.attempts, lost))

    def _results(self, flow: Flow) -> dict[str, ToolResult]:
        """Give what is known of the results besides their text: the seconds between the answer and
        this request, and the rollouts of sub-agents.
        """
        known = {}
        started, elapsed = self._ended, None
        if started is not None and flow.started is not None:
            elapsed = max(0.0, flow.started - started)
        before = -1 if self._answered is None else self._answered
        for call in self.trajectory.pending:
            sub = self.subs.get((before, call.position))
            known[call.id] = ToolResult(
                call_id=call.id,
                name=call.name,
                status="ok",
                content="",
                started=started,
                elapsed=elapsed,
                trajectory=sub.trajectory if sub else None,
            )
        return known

"""The rollouts of a trace: requests that go on from each other are one, and what ran inside a tool
is in the result of its call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from agentkit.files.foreign.entries import entry, imported, put, rollout_of_entries
from agentkit.files.foreign.format import costs_itself
from agentkit.files.foreign.logs.stitched_log import stitched
from agentkit.files.foreign.traces.run.call_numbers import number_calls
from agentkit.files.foreign.traces.run.free_runs import FreeRuns
from agentkit.files.foreign.traces.run.recorded_runs import ModelRun, ToolRun, Trace
from agentkit.files.foreign.traces.run.split_answers import join_answers
from agentkit.files.foreign.traces.spelling.utterance import Utterance, entry_of, same_message
from agentkit.trajectory.loop import apply, close
from agentkit.types.answer import ToolCall
from agentkit.types.request import Spec
from agentkit.types.steps import Result
from agentkit.types.trajectory import Message, OpenTurn, ToolResult, Trajectory, Turn
from agentkit.types.wire import Flow

_PATH = "/v1/chat/completions"
_LINE = 200
"""How many requests are compared with each other, where an answer among them says nothing."""


def rollouts_of(trace: Trace) -> list[Trajectory]:
    """Make the rollouts of a trace, in the order of their first requests."""
    join_answers(trace)
    number_calls(trace)
    owners = {run.span: run for run in trace.runs}
    inside: dict[str | None, list[ModelRun]] = {None: []}
    for call in _innermost(trace):
        owner = next((span for span in trace.above(call.span) if span in owners), None)
        inside.setdefault(owner, []).append(call)
    joined = _Joined(trace, inside)
    found = joined.of(None)
    for span in inside:
        if span is not None and span not in joined.used:
            found += joined.of(span)
    for _ in range(len(joined.free)):
        trace.losses.note("runs of tools that no call is known of")
    found = [_with_ending(rollout, trace) for rollout in found] if len(found) == 1 else found
    return [_with_meta(rollout, trace) for rollout in found]


def _with_ending(rollout: Trajectory, trace: Trace) -> Trajectory:
    """Put what the trace holds behind the last answer there, and why it ended."""
    if trace.behind:
        added = tuple(Message(wire=message) for message in trace.behind)
        return replace(close(rollout), open=OpenTurn(added=added), stop_reason=None)
    if trace.ended is None or rollout.open is not None:
        return rollout
    return replace(rollout, stop_reason=trace.ended)


def read_each(
    traces: Iterable[tuple[object, Any]], read: Callable[[Any], list[Trajectory]], bad: list[str]
) -> list[Trajectory]:
    """Read the rollouts of traces, one after the other; one that cannot be read costs itself.

    Args:
        traces: each with what to call it.
        read: reads one of them.
        bad: takes a sentence about each that holds no rollout.
    """
    found: list[Trajectory] = []
    for name, trace in traces:
        with costs_itself(bad, f"trace {name}"):
            made = read(trace)
            if not made:
                bad.append(f"trace {name} holds no messages of a model")
            found += made
    return found


def conversation_of(spoken: Sequence[Utterance], trace: Trace) -> Trajectory:
    """Make the rollout of a conversation that a trace holds as one list of messages."""
    entries = [entry_of(one, {}) for one in spoken]
    return imported(entries, Spec(), trace.losses, trace.meta)


def _innermost(trace: Trace) -> list[ModelRun]:
    """Leave out what wraps another call of a model: it is recorded twice."""
    spans = {call.span for call in trace.calls}
    wrapping = {span for call in trace.calls for span in trace.above(call.span) if span in spans}
    for _ in wrapping:
        trace.losses.note("spans around another call of a model")
    return [call for call in trace.calls if call.span not in wrapping]


class _Joined:
    """Rollouts with the runs of their tools, each of which is the result of one call."""

    def __init__(self, trace: Trace, inside: dict[str | None, list[ModelRun]]) -> None:
        self.trace = trace
        self.inside = inside
        self.used: set[str] = set()
        self.free = FreeRuns(trace.runs)

    def of(self, owner: str | None) -> list[Trajectory]:
        """Make the rollouts that ran in a tool, or in none."""
        if owner is not None:
            self.used.add(owner)
        return [self._with_runs(rollout) for rollout in _stitch(self.inside.get(owner, ()))]

    def _with_runs(self, rollout: Trajectory) -> Trajectory:
        turns: list[Turn] = []
        for turn in rollout.turns:
            results = tuple(
                self._result(call, result, turn.started)
                for call, result in zip(turn.tool_calls, turn.results, strict=False)
            )
            before = (
                replace(turn.before, last=turns[-1] if turns else None) if turn.before else None
            )
            turns.append(replace(turn, results=results, before=before))
        rollout = replace(rollout, turns=tuple(turns))
        for call in rollout.pending:
            result = self._result(call, None, None)
            if result is not None:
                rollout = apply(rollout, Result(position=call.position, result=result))
        return rollout

    def _result(
        self, call: ToolCall, result: ToolResult | None, after: float | None
    ) -> ToolResult | None:
        run = self._run(call, after)
        if run is None:
            return result
        if result is None and run.content is None and run.error is None:
            return None
        made = result or ToolResult(call_id=call.id, name=call.name, status="ok", content="")
        if result is None:
            made = replace(made, content=run.content or run.error or "")
        elif run.content is not None and run.content != result.content:
            made = replace(made, value=run.content)
        if run.error is not None:
            made = replace(made, status=run.status or "error", error=run.error)
        if run.started is not None:
            made = replace(made, started=run.started, elapsed=run.elapsed)
        subs = self.of(run.span) if run.span in self.inside and run.span not in self.used else []
        for _ in subs[1:]:
            self.trace.losses.note("further rollouts inside one run of a tool")
        return replace(made, trajectory=subs[0]) if subs else made

    def _run(self, call: ToolCall, after: float | None) -> ToolRun | None:
        return self.free.take((call.id, call.raw_id), (call.name, call.raw_name), after)


def _stitch(calls: Iterable[ModelRun]) -> list[Trajectory]:
    """Put the requests together; without times they are in the order in which they were written."""
    listed = list(calls)
    if all(call.started is not None for call in listed):
        listed.sort(key=lambda call: call.started or 0.0)
    flows = [
        Flow(
            number=number,
            path=_PATH,
            body=call.request,
            started=call.started,
            exchange=call.exchange,
        )
        for number, call in enumerate(listed)
    ]
    found = stitched(flows).rollouts
    if len(found) < 2 or len(listed) > _LINE or all(map(_says_something, listed)):
        return found
    line = _in_line(listed, found[0].spec)
    return found if line is None else [line]


def _says_something(call: ModelRun) -> bool:
    """Tell whether a request can go on from an answer: from an empty one it is not known to."""
    message = call.answer.message if call.answer is not None else {}
    return bool(message.get("content") or message.get("tool_calls"))


def _in_line(calls: Sequence[ModelRun], spec: Spec) -> Trajectory | None:
    """Make one rollout of requests of which each holds the one before it and its answer; None where
    they do not.
    """
    answers: dict[int, ModelRun] = {}
    for before, after in pairwise(calls):
        place = len(before.messages)
        held = after.messages[place : place + 1]
        same = all(map(same_message, before.messages, after.messages))
        if not held or held[0].get("role") != "assistant" or before.answer is None or not same:
            return None
        if (held[0].get("content") or "") != (before.answer.message.get("content") or ""):
            return None
        answers[place] = before
    last = calls[-1]
    if last.answer is None:
        return None
    entries = [
        entry(message, answers[place].exchange)
        if place in answers
        else (put(message) if message.get("role") == "assistant" else entry(message))
        for place, message in enumerate(last.messages)
    ]
    return rollout_of_entries([*entries, entry(last.answer.message, last.exchange)], spec)


def _with_meta(rollout: Trajectory, trace: Trace) -> Trajectory:
    meta: dict[str, Any] = {**trace.meta, **rollout.meta, "import": trace.losses.report}
    return replace(rollout, meta=meta)

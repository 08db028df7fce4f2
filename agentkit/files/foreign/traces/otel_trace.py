"""Traces of OpenTelemetry: GenAI in both spellings, OpenInference, OpenLLMetry, the AI SDK,
Logfire's rows and Phoenix' tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from agentkit.files.foreign.entries import Losses, stop_reason_in
from agentkit.files.foreign.format import ForeignFormat
from agentkit.files.foreign.input.file_set import FileSet
from agentkit.files.foreign.traces.loose import decoded, first, known, text
from agentkit.files.foreign.traces.run.recorded_runs import Trace, asked_messages
from agentkit.files.foreign.traces.run.run_tree import conversation_of, read_each, rollouts_of
from agentkit.files.foreign.traces.span.logfire_streams import with_stream_ends
from agentkit.files.foreign.traces.span.span import Span
from agentkit.files.foreign.traces.span.span_calls import kind_of, model_run, tool_run
from agentkit.files.foreign.traces.span.span_messages import whole_conversation
from agentkit.files.foreign.traces.span.span_source import holds_spans, spans_in
from agentkit.types.trajectory import Trajectory

_EVALUATION = "gen_ai.evaluation.result"
_SCORES = ("value", "label")
_SESSIONS = ("gen_ai.conversation.id", "session.id", "langfuse.session.id", "mlflow.trace.session")


def read_spans(spans: Iterable[Span], name: str, bad: list[str]) -> list[Trajectory]:
    """Read the rollouts of spans, trace by trace; the traces of one session are one.

    Args:
        spans: the spans, in any order.
        name: of the format.
        bad: takes a sentence about each trace that cannot be read.
    """
    listed = list(spans)
    sessions = {
        span.trace: str(session) for span in listed if (session := text(span.get(*_SESSIONS)))
    }
    grouped: dict[str, list[Span]] = {}
    for span in listed:
        grouped.setdefault(sessions.get(span.trace, span.trace), []).append(span)

    def read(inside: list[Span]) -> list[Trajectory]:
        trace = _trace(inside, name, sessions)
        return rollouts_of(trace) if trace.calls else _of_agent(inside, trace)

    return read_each(enumerate(grouped.values()), read, bad)


def _trace(spans: Sequence[Span], name: str, sessions: dict[str, str]) -> Trace:
    earliest = min(spans, key=lambda span: span.started or float("inf"))
    root = next((span for span in spans if span.parent is None), earliest)
    trace = Trace(Losses(name), meta=_meta(root, spans, sessions.get(root.trace)))
    trace.behind = asked_messages(root.get("agentkit.messages_behind"), trace.losses)
    trace.ended = stop_reason_in(root.get("agentkit.stop_reason"))
    trace.parents = {span.id: span.parent for span in spans}
    for span in with_stream_ends(spans):
        kind = kind_of(span)
        for _ in range(span.others):
            trace.losses.note("spans with the id of another")
        if kind == "model":
            call = model_run(span, trace.losses)
            if call.messages or call.answer is not None:
                trace.calls.append(call)
                if not call.messages:
                    trace.losses.note("requests whose messages were not recorded")
            else:
                trace.losses.note("spans of a model without messages")
        elif kind == "tool":
            trace.runs.append(tool_run(span))
        elif kind is None and span.attributes:
            trace.losses.note(f"spans[].{span.name}"[:80])
    return trace


def _of_agent(spans: Sequence[Span], trace: Trace) -> list[Trajectory]:
    """Read the conversation that an agent's span holds, where nothing else holds one."""
    for span in spans:
        if kind_of(span) != "agent":
            continue
        whole = span.get("pydantic_ai.all_messages", "all_messages_events")
        if whole is not None:
            given = {"gen_ai.input.messages": whole, "events": span.attributes.get("events")}
            copy = Span(span.id, span.trace, span.parent, span.name, known(**given))
            messages = whole_conversation(copy, trace.losses)
        else:
            messages = whole_conversation(span, trace.losses)
        if messages:
            return [conversation_of(messages, trace)]
    return []


def _meta(root: Span, spans: Sequence[Span], session: str | None) -> dict[str, Any]:
    agents = (text(span.get("gen_ai.agent.name")) for span in spans)
    scores = _scores(spans)
    return known(
        reward=scores.pop("reward", None),
        labels=decoded(root.get("agentkit.meta.labels")) or scores or None,
        sample=root.get("agentkit.meta.sample"),
        task=root.get("agentkit.meta.task"),
        trace=root.trace or None,
        name=root.name or None,
        session=session,
        agent=next((agent for agent in agents if agent), None),
        user=text(root.get("user.id", "enduser.id", "langfuse.user.id")),
        service=text(root.resource.get("service.name")),
    )


def _scores(spans: Sequence[Span]) -> dict[str, Any]:
    """Read the results of evaluations, each by its name."""
    found: dict[str, Any] = {}
    for event in (event for span in spans for event in span.events):
        if event.name == _EVALUATION:
            given = (event.fields.get(f"gen_ai.evaluation.score.{one}") for one in _SCORES)
            name = text(event.fields.get("gen_ai.evaluation.name"))
            if name is not None:
                found[name] = first(*given)
    return found


def _fits(source: FileSet) -> bool:
    return any(holds_spans(value) for value in source.values[:20])


def _read(source: FileSet) -> list[Trajectory]:
    return read_spans(spans_in(source.values), "OpenTelemetry trace", source.bad)


OTEL = ForeignFormat("an OpenTelemetry trace", _fits, _read)

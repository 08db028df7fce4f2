"""Langfuse's traces: as its API gives one, as its exports list observations.

Source: the models of Langfuse's public API (`TraceWithFullDetails`, `ObservationsView`), and the
columns of its blob storage exports.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from agentkit.files.foreign.entries import Losses
from agentkit.files.foreign.format import ForeignFormat, flat
from agentkit.files.foreign.input.file_set import FileSet
from agentkit.files.foreign.traces.loose import (
    decoded,
    first,
    known,
    mapping,
    mappings,
    text,
    written,
)
from agentkit.files.foreign.traces.moment import lasted, moment
from agentkit.files.foreign.traces.run.recorded_runs import (
    ModelRun,
    ToolRun,
    Trace,
    answer_in,
    asked_messages,
    raw_body,
    tool_schemas,
)
from agentkit.files.foreign.traces.run.run_tree import conversation_of, read_each, rollouts_of
from agentkit.files.foreign.traces.spelling.any_spelling import utterances_in
from agentkit.files.foreign.traces.spelling.token_counts import langfuse_usage
from agentkit.files.foreign.traces.spelling.utterance import Utterance
from agentkit.types.trajectory import Trajectory

_TYPES = (
    *("GENERATION", "SPAN", "EVENT", "TOOL", "AGENT", "CHAIN", "RETRIEVER", "EMBEDDING"),
    *("EVALUATOR", "GUARDRAIL"),
)
_TRACE = ("name", "userId", "user_id", "sessionId", "session_id", "tags", "metadata", "version")


def _get(row: Mapping[str, Any], name: str) -> Any:
    """Give a member that the API writes in camel case and exports in snake case."""
    snake = "".join(f"_{c.lower()}" if c.isupper() else c for c in name)
    return first(row.get(name), row.get(snake))


def _is_observation(row: Any) -> bool:
    return (
        isinstance(row, Mapping)
        and row.get("type") in _TYPES
        and isinstance(_get(row, "traceId"), str)
    )


def _is_trace(row: Any) -> bool:
    if not isinstance(row, Mapping) or not isinstance(row.get("observations"), list):
        return False
    listed = [one for one in mappings(row["observations"]) if one]
    return bool(listed) and all(one.get("type") in _TYPES for one in listed)


def _fits(source: FileSet) -> bool:
    row = next(iter(_rows(source)), None)
    return _is_trace(row) or _is_observation(row)


def _rows(source: FileSet) -> list[Any]:
    rows = list(flat(source))
    if len(rows) == 1 and isinstance(rows[0], Mapping) and isinstance(rows[0].get("data"), list):
        return list(rows[0]["data"])  # a page of the API
    return rows


def _read(source: FileSet) -> list[Trajectory]:
    traces: dict[str, dict[str, Any]] = {}
    for place, row in enumerate(_rows(source)):
        if _is_trace(row):
            traces[f"{place}:{row.get('id')}"] = dict(row)
        elif _is_observation(row):
            name = str(_get(row, "traceId"))
            whole = traces.setdefault(name, {"id": name, "observations": []})
            whole["observations"].append(row)
        else:
            source.bad.append(f"entry {place} is neither a trace nor an observation")
    return read_each(traces.items(), _rollouts, source.bad)


def _rollouts(row: Mapping[str, Any]) -> list[Trajectory]:
    trace = Trace(Losses("Langfuse trace"), meta=_meta(row))
    for one in mappings(row.get("observations")):
        name = str(one.get("id"))
        trace.parents[name] = text(_get(one, "parentObservationId"))
        kind = one.get("type")
        if kind == "GENERATION":
            call = _model(one, name, trace.losses)
            if call.messages or call.answer is not None:
                trace.calls.append(call)
        elif kind == "TOOL" or (kind == "SPAN" and _is_tool(one)):
            trace.runs.append(_tool(one, name))
        elif kind != "AGENT":
            trace.losses.note(f"observations[].{kind}.{one.get('name')}"[:80])
    if trace.calls:
        made = rollouts_of(trace)
        output = row.get("output")
        answer = None if output in (None, "") else answer_in(output, trace.losses)
        said = answer.message.get("content") if answer else None
        if said and all(said != rollout.final for rollout in made):  # no generation is known of it
            made = [replace(made[0], meta={**made[0].meta, "output": said}), *made[1:]]
        return made
    spoken = utterances_in(row.get("input"), trace.losses)
    answer = answer_in(row.get("output"), trace.losses)
    spoken += [answer] if answer is not None else []
    return [conversation_of(spoken, trace)] if spoken else []


def _meta(row: Mapping[str, Any]) -> dict[str, Any]:
    scores = {
        str(one.get("name")): first(one.get("value"), _get(one, "stringValue"))
        for one in mappings(row.get("scores"))
    }
    beside = {name: row[name] for name in _TRACE if row.get(name) not in (None, "", [], {})}
    session = first(beside.pop("sessionId", None), beside.pop("session_id", None))
    user = first(beside.pop("userId", None), beside.pop("user_id", None))
    return known(trace=row.get("id"), session=session, user=user, scores=scores or None, **beside)


def _is_tool(one: Mapping[str, Any]) -> bool:
    """Tell a tool's span of versions that had no type for it (LangGraph's nodes of messages)."""
    output = mapping(one.get("output"))
    return output.get("type") == "tool" or "tool_call_id" in output


def _times(one: Mapping[str, Any]) -> tuple[float | None, float | None]:
    started = moment(_get(one, "startTime"))
    return started, lasted(started, moment(_get(one, "endTime")))


def _error(one: Mapping[str, Any]) -> str | None:
    message = text(_get(one, "statusMessage"))
    return (message or "it has failed") if one.get("level") == "ERROR" else None


def _model(one: Mapping[str, Any], name: str, losses: Losses) -> ModelRun:
    started, elapsed = _times(one)
    asked = mapping(one.get("input"))
    given, offered = _offered(one.get("input"))
    output = one.get("output")
    tools = first(asked.get("tools"), mapping(asked.get("config")).get("tools"))
    model = text(one.get("model")) or text(_get(one, "providedModelName"))
    answer = None if output in (None, "") else answer_in(output, losses)
    if answer is not None:
        answer = Utterance(answer.message, answer={**known(usage=_usage(one)), **answer.answer})
    parameters = mapping(_get(one, "modelParameters"))
    beside = {key: item for key, item in one.items() if key not in ("input", "output")}
    return ModelRun(
        span=name,
        messages=asked_messages(given, losses),
        answer=answer,
        model=model,
        tools=tool_schemas(first(offered or None, tools, parameters.get("tools"))),
        sampling=_sampling(parameters),
        started=started,
        elapsed=elapsed,
        error=_error(one),
        source=beside,
        body=raw_body(output),
    )


def _offered(given: Any) -> tuple[Any, list[Any]]:
    """Divide an input into messages and tools, which the LangChain callback writes among them."""
    value = decoded(given)
    if not isinstance(value, list):
        return given, []
    tools = [
        mapping(one["content"])
        for one in value
        if isinstance(one, Mapping)
        and one.get("role") == "tool"
        and mapping(mapping(one.get("content")).get("function")).get("name")
        and "tool_call_id" not in one
    ]
    return [one for one in value if not _is_offered(one, tools)], tools


def _is_offered(one: Any, tools: list[Any]) -> bool:
    if not isinstance(one, Mapping) or one.get("role") != "tool" or "tool_call_id" in one:
        return False
    return mapping(one.get("content")) in tools


def _usage(one: Mapping[str, Any]) -> dict[str, Any] | None:
    details = mapping(_get(one, "usageDetails")) or mapping(one.get("usage"))
    counts = langfuse_usage(details)
    read = first(_get(one, "promptTokens"), details.get("promptTokens"))
    wrote = first(_get(one, "completionTokens"), details.get("completionTokens"))
    return {**known(prompt_tokens=read, completion_tokens=wrote), **counts} or None


def _sampling(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Give the parameters that can be sent: no tools, no `Infinity` for the want of a limit."""
    left = {key: item for key, item in parameters.items() if key != "tools"}
    return {key: item for key, item in left.items() if str(item) not in ("Infinity", "inf")}


def _tool(one: Mapping[str, Any], name: str) -> ToolRun:
    started, elapsed = _times(one)
    output = one.get("output")
    fields = mapping(output)
    content = fields["content"] if isinstance(fields.get("content"), str) else output
    metadata = mapping(one.get("metadata"))
    given = first(fields.get("tool_call_id"), metadata.get("tool_call_id"))
    return ToolRun(
        span=name,
        name=text(fields.get("name")) or text(one.get("name")),
        call_id=text(given),
        content=None if output is None else written(content),
        error=_error(one),
        started=started,
        elapsed=elapsed,
    )


LANGFUSE = ForeignFormat("a Langfuse trace", _fits, _read)

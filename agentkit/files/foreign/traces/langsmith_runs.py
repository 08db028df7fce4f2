"""LangSmith's runs: a tree by `child_runs`, or a list whose runs name their parents.

Source: langsmith/schemas.py (`Run`), and what `client.list_runs` and bulk exports hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
from agentkit.types.trajectory import Trajectory

_TYPES = ("llm", "chain", "tool", "retriever", "embedding", "prompt", "parser")
_DEEPEST = 200
_NO_SAMPLING = ("model", "model_name", "tools", "functions", "stream", "_type", "messages")


def _is_run(row: Any) -> bool:
    if not isinstance(row, Mapping) or row.get("run_type") not in _TYPES:
        return False
    return "inputs" in row or "outputs" in row


def _rows(source: FileSet) -> list[Any]:
    rows = list(flat(source))
    if len(rows) == 1 and isinstance(rows[0], Mapping) and isinstance(rows[0].get("runs"), list):
        return list(rows[0]["runs"])
    return rows


def _fits(source: FileSet) -> bool:
    return _is_run(next(iter(_rows(source)), None))


def _read(source: FileSet) -> list[Trajectory]:
    traces: dict[str, list[dict[str, Any]]] = {}
    for place, row in enumerate(_rows(source)):
        if not _is_run(row):
            source.bad.append(f"entry {place} is no run")
            continue
        name = str(first(text(row.get("trace_id")), text(row.get("id")), place))
        traces.setdefault(name, []).extend(_all_runs(row, None, 0))
    return read_each(traces.items(), _rollouts, source.bad)


def _all_runs(run: Mapping[str, Any], parent: str | None, depth: int) -> Iterator[dict[str, Any]]:
    """Give a run and all that ran in it, each with its parent."""
    name = str(run.get("id"))
    yield {**run, "parent_run_id": first(text(run.get("parent_run_id")), parent)}
    for child in mappings(run.get("child_runs")) if depth < _DEEPEST else ():
        yield from _all_runs(child, name, depth + 1)


def _rollouts(runs: list[dict[str, Any]]) -> list[Trajectory]:
    names = {str(run.get("id")) for run in runs}
    root = next((run for run in runs if run["parent_run_id"] not in names), runs[0])
    trace = Trace(Losses("LangSmith run"), meta=_meta(root))
    for run in runs:
        name = str(run.get("id"))
        trace.parents[name] = run["parent_run_id"]
        if run.get("run_type") == "llm":
            trace.calls.append(_model(run, name, trace.losses))
        elif run.get("run_type") == "tool":
            trace.runs.append(_tool(run, name))
    trace.calls = [call for call in trace.calls if call.messages or call.answer is not None]
    if trace.calls:
        return rollouts_of(trace)
    return _conversation(root, trace)


def _conversation(root: Mapping[str, Any], trace: Trace) -> list[Trajectory]:
    """Read the conversation that a chain was given and gave."""
    given = utterances_in(mapping(root.get("inputs")) or None, trace.losses)
    outputs = mapping(root.get("outputs"))
    listed = decoded(outputs.get("messages"))
    if isinstance(listed, list) and len(listed) >= len(given):  # a graph gives all of its messages
        given = utterances_in(listed, trace.losses)
    else:
        answer = answer_in(outputs, trace.losses) if outputs else None
        given += [answer] if answer is not None else []
    return [conversation_of(given, trace)] if given else []


def _meta(root: Mapping[str, Any]) -> dict[str, Any]:
    metadata = mapping(mapping(root.get("extra")).get("metadata"))
    names = ("session_id", "thread_id", "conversation_id")
    session = first(*(text(metadata.get(name)) for name in names))
    return known(
        trace=first(text(root.get("trace_id")), text(root.get("id"))),
        name=text(root.get("name")),
        session=session,
        sample=text(root.get("reference_example_id")),
        tags=root.get("tags") or None,
        scores=root.get("feedback_stats") or None,
        metadata=metadata or None,
        error=text(root.get("error")),
    )


def _times(run: Mapping[str, Any]) -> tuple[float | None, float | None]:
    started = moment(run.get("start_time"))
    return started, lasted(started, moment(run.get("end_time")))


def _model(run: Mapping[str, Any], name: str, losses: Losses) -> ModelRun:
    started, elapsed = _times(run)
    extra = mapping(run.get("extra"))
    parameters = mapping(extra.get("invocation_params"))
    metadata = mapping(extra.get("metadata"))
    inputs, outputs = mapping(run.get("inputs")), mapping(run.get("outputs"))
    model = (
        text(parameters.get("model"))
        or text(parameters.get("model_name"))
        or text(metadata.get("ls_model_name"))
        or text(inputs.get("model"))
    )
    beside = {key: item for key, item in run.items() if key not in _HEAVY}
    return ModelRun(
        span=name,
        messages=asked_messages(inputs, losses) if inputs else [],
        answer=answer_in(outputs, losses) if outputs else None,
        model=model,
        tools=tool_schemas(first(parameters.get("tools"), inputs.get("tools"))),
        sampling={key: item for key, item in parameters.items() if key not in _NO_SAMPLING},
        started=started,
        elapsed=elapsed,
        error=text(run.get("error")),
        source=beside,
        body=raw_body(outputs),
    )


_HEAVY = ("inputs", "outputs", "child_runs", "serialized", "events", "child_run_ids", "extra")


def _tool(run: Mapping[str, Any], name: str) -> ToolRun:
    started, elapsed = _times(run)
    outputs = mapping(run.get("outputs"))
    output = outputs.get("output", outputs or None)
    message = mapping(output)
    fields = mapping(message.get("kwargs")) or message
    is_message = "tool_call_id" in fields and "content" in fields
    return ToolRun(
        span=name,
        name=text(fields.get("name")) or text(run.get("name")),
        call_id=text(fields.get("tool_call_id")) if is_message else None,
        content=None if output is None else written(fields["content"] if is_message else output),
        error=text(run.get("error")),
        started=started,
        elapsed=elapsed,
    )


LANGSMITH = ForeignFormat("a LangSmith run", _fits, _read)

"""MLflow's traces: `Trace.to_dict()` and what `mlflow.search_traces` gives.

Source: mlflow/entities/trace.py, span.py and tracing/constant.py of MLflow 2.14 to 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from agentkit.files.foreign.format import ForeignFormat, flat
from agentkit.files.foreign.input.file_set import FileSet
from agentkit.files.foreign.traces.loose import first, known, mapping, mappings, text
from agentkit.files.foreign.traces.otel_trace import read_spans
from agentkit.files.foreign.traces.span.span_source import spans_in
from agentkit.types.trajectory import Trajectory

_SCORES = ("assessments", "trace_assessments")


def _parts(row: Any) -> tuple[dict[str, Any], list[Any]] | None:
    """Give what a trace says of itself, and its spans."""
    if not isinstance(row, Mapping):
        return None
    whole = mapping(row.get("trace")) or row
    info, data = mapping(whole.get("info")), mapping(whole.get("data"))
    if info and isinstance(data.get("spans"), list):
        return info, data["spans"]
    listed = row.get("spans")
    if isinstance(listed, list) and ("trace_metadata" in row or "request_time" in row):
        return dict(row), listed
    return None


def _fits(source: FileSet) -> bool:
    return _parts(next(iter(flat(source)), None)) is not None


def _read(source: FileSet) -> list[Trajectory]:
    found: list[Trajectory] = []
    for place, row in enumerate(flat(source)):
        parts = _parts(row)
        if parts is None:
            source.bad.append(f"entry {place} is no trace")
            continue
        info, spans = parts
        meta = _meta(info)
        made = read_spans(spans_in([spans]), "MLflow trace", source.bad)
        found += [replace(rollout, meta={**rollout.meta, **meta}) for rollout in made]
    return found


def _meta(info: Mapping[str, Any]) -> dict[str, Any]:
    metadata = mapping(first(info.get("trace_metadata"), info.get("request_metadata")))
    tags = mapping(info.get("tags"))
    own = {name: tag for name, tag in tags.items() if not str(name).startswith("mlflow.")}
    listed = next((mappings(info[name]) for name in _SCORES if info.get(name)), [])
    scores = {
        str(first(one.get("assessment_name"), one.get("name"))): _score(one) for one in listed
    }
    return known(
        trace=first(text(info.get("trace_id")), text(info.get("request_id"))),
        session=text(metadata.get("mlflow.trace.session")),
        user=text(metadata.get("mlflow.trace.user")),
        tags=own or None,
        state=text(first(info.get("state"), info.get("status"))),
        scores=scores or None,
    )


def _score(one: Mapping[str, Any]) -> Any:
    inner = mapping(one.get("feedback")) or mapping(one.get("expectation"))
    return first(inner.get("value"), one.get("value"))


MLFLOW = ForeignFormat("an MLflow trace", _fits, _read)

"""A span as Jaeger's pages and its API give it, as the row that an SDK of OpenTelemetry writes.

Source: the JSON model of Jaeger's UI (`traceID`, `operationName`, `tags`, `logs`, times in
microseconds), and how OpenTelemetry maps status and events to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentkit.files.foreign.traces.loose import mappings


def jaeger_row(value: Mapping[str, Any]) -> dict[str, Any] | None:
    """Give the row of a span of Jaeger's; None for anything else."""
    if not isinstance(value.get("operationName"), str) or not isinstance(value.get("spanID"), str):
        return None
    tags = _by_key(value.get("tags"))
    above = (one for one in mappings(value.get("references")) if one.get("refType") == "CHILD_OF")
    start, took = value.get("startTime"), value.get("duration")
    failed = tags.get("error") in (True, "true") or tags.get("otel.status_code") == "ERROR"
    status = {"code": 2, "message": tags.get("otel.status_description")} if failed else {}
    said = [_by_key(one.get("fields")) for one in mappings(value.get("logs"))]
    return {
        "name": value["operationName"],
        "trace_id": value.get("traceID"),
        "span_id": value["spanID"],
        "parent_id": next((one.get("spanID") for one in above), None),
        "attributes": tags,
        "start_time": start,
        "end_time": start + took if isinstance(start, int) and isinstance(took, int) else None,
        "status": status,
        "events": [{"name": one.get("event"), "attributes": one} for one in said],
    }


def _by_key(listed: Any) -> dict[str, Any]:
    return {str(one.get("key")): one.get("value") for one in mappings(listed)}

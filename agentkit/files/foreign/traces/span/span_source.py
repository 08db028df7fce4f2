"""Spans wherever they are written: OTLP's JSON, the SDKs' own, tables of Phoenix and Logfire."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agentkit.files.foreign.traces.loose import decoded, first, mapping, mappings, text
from agentkit.files.foreign.traces.moment import moment
from agentkit.files.foreign.traces.span.jaeger_row import jaeger_row
from agentkit.files.foreign.traces.span.span import Span, SpanEvent

_RESOURCES = ("resourceSpans", "resource_spans", "batches")
_SCOPES = ("scopeSpans", "scope_spans", "instrumentationLibrarySpans", "ilSpans")
_LOGS = ("resourceLogs", "resource_logs")
_HOLDERS = ("spans", "data", "traces", "trace", "rows", "observations")
_STARTS = (
    *("start_time", "startTime", "start_timestamp", "startTimeUnixNano"),
    *("start_time_unix_nano", "start_time_ns"),
)
_ENDS = tuple(name.replace("start", "end") for name in _STARTS)
_RECORDED = ("timeUnixNano", "time_unix_nano", "timestamp", "observed_timestamp")
_COLUMN = "attributes."
_FAILED = (2, "2", "ERROR", "STATUS_CODE_ERROR", "error")


def is_span(value: Any) -> bool:
    """Tell whether an object is a span of OpenTelemetry."""
    if not isinstance(value, Mapping):
        return False
    if not isinstance(first(value.get("name"), value.get("span_name")), str):
        return False
    attributes = "attributes" in value or any(str(key).startswith(_COLUMN) for key in value)
    return attributes and _id(value, "span") is not None


def holds_spans(value: Any, depth: int = 0) -> bool:
    """Tell whether a value holds spans."""
    if isinstance(value, list):
        return bool(value) and depth < 4 and holds_spans(value[0], depth + 1)
    if not isinstance(value, Mapping):
        return False
    if any(isinstance(value.get(key), list) for key in (*_RESOURCES, *_LOGS)):
        return True
    if is_span(value) or _is_record(value) or jaeger_row(value):
        return True
    return depth < 4 and any(holds_spans(value.get(key), depth + 1) for key in _HOLDERS)


def _event_name(log: Mapping[str, Any]) -> str | None:
    given = first(text(log.get("eventName")), text(log.get("event_name")))
    return given or text(plain_attributes(log.get("attributes")).get("event.name"))


def _is_record(value: Mapping[str, Any]) -> bool:
    """Tell whether an object is the record of a log that says something of a model."""
    if "body" not in value or _id(value, "span") is None or "name" in value:
        return False
    return (_event_name(value) or "").startswith("gen_ai.")


def spans_in(values: Sequence[Any]) -> list[Span]:
    """Read all spans, with the records of logs that name them as their events."""
    found: dict[tuple[str, str], Span] = {}
    logs: list[dict[str, Any]] = []
    for value in values:
        for span in _walk(value, logs, 0):
            place = (span.trace, span.id)
            found[place] = found[place].or_better(span) if place in found else span
    for log in logs:
        place = (_id(log, "trace") or "", _id(log, "span") or "")
        name = _event_name(log)
        if not name:
            continue
        fields = plain_attributes(log.get("attributes"))
        body = plain_value(log.get("body"))
        inner = body if isinstance(body, dict) else {"content": body} if body else {}
        at = moment(first(*(log.get(name) for name in _RECORDED)))
        span = found.setdefault(place, Span(place[1], place[0], None, name, {}, started=at))
        span.events.append(SpanEvent(name, {**fields, **inner}))
    return list(found.values())


def _walk(value: Any, logs: list[dict[str, Any]], depth: int) -> Iterator[Span]:
    if depth > 5:
        return
    if isinstance(value, list):
        for item in value:
            yield from _walk(item, logs, depth + 1)
    if not isinstance(value, Mapping):
        return
    for key in _LOGS:
        for resource in mappings(value.get(key)):
            for scope in mappings(first(resource.get("scopeLogs"), resource.get("scope_logs"))):
                logs += mappings(first(scope.get("logRecords"), scope.get("log_records")))
    resources = next((value[key] for key in _RESOURCES if isinstance(value.get(key), list)), None)
    if resources is not None:
        for resource in mappings(resources):
            shared = plain_attributes(mapping(resource.get("resource")).get("attributes"))
            scopes = next((resource[key] for key in _SCOPES if key in resource), None)
            for scope in mappings(scopes):
                for row in mappings(scope.get("spans")):
                    yield _span(row, shared)
    elif (jaeger := jaeger_row(value)) is not None:
        yield _span(jaeger, {})
    elif is_span(value):
        yield _span(value, plain_attributes(mapping(value.get("resource")).get("attributes")))
    elif _is_record(value):
        logs.append(dict(value))
    elif not any(key in value for key in _LOGS):
        for key in _HOLDERS:
            if key in value:
                yield from _walk(value[key], logs, depth + 1)


def _id(row: Mapping[str, Any], kind: str) -> str | None:
    """Give the id of a span, of its trace, or of the span it ran in."""
    context = mapping(row.get("context"))
    if kind == "parent":
        names: tuple[str, ...] = ("parent_id", "parentId", "parent_span_id", "parentSpanId")
        given = first(*(row.get(name) for name in names), mapping(row.get("parent")).get("span_id"))
    else:
        names = (f"{kind}_id", f"{kind}Id", f"{kind}ID")
        given = first(
            *(row.get(name) for name in names),
            *(context.get(name) for name in names),
            row.get(f"context.{kind}_id"),
        )
    if isinstance(given, int) and not isinstance(given, bool):
        return str(given)
    return given.removeprefix("0x") if isinstance(given, str) and given.strip("0x") else None


def _span(row: Mapping[str, Any], resource: dict[str, Any]) -> Span:
    attributes = plain_attributes(row.get("attributes"))
    for key, value in row.items():
        if isinstance(key, str) and key.startswith(_COLUMN) and not _is_nothing(value):
            attributes[key.removeprefix(_COLUMN)] = decoded(value)
    events = first(row.get("events"), row.get("otel_events"))
    return Span(
        id=_id(row, "span") or "",
        trace=_id(row, "trace") or "",
        parent=_id(row, "parent"),
        name=str(first(row.get("name"), row.get("span_name"))),
        attributes=attributes,
        events=[_event(one) for one in mappings(events)],
        started=moment(first(*(row.get(name) for name in _STARTS))),
        ended=moment(first(*(row.get(name) for name in _ENDS))),
        error=_error(row, mappings(events)) or _of_langfuse(attributes),
        resource=resource,
    )


def _is_nothing(value: Any) -> bool:
    """Tell an empty cell of a table."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def _event(value: Mapping[str, Any]) -> SpanEvent:
    name = str(first(value.get("name"), value.get("event_name")))
    body = value.get("body")
    return SpanEvent(name, {**mapping(body), **plain_attributes(value.get("attributes"))})


def _of_langfuse(attributes: Mapping[str, Any]) -> str | None:
    if attributes.get("langfuse.observation.level") != "ERROR":
        return None
    return text(attributes.get("langfuse.observation.status_message")) or "the span has failed"


def _error(row: Mapping[str, Any], events: list[dict[str, Any]]) -> str | None:
    status = row.get("status")
    fields = mapping(status)
    code = first(
        fields.get("code"),
        fields.get("status_code"),
        row.get("status_code"),
        row.get("otel_status_code"),
        status if isinstance(status, str) else None,
    )
    if code not in _FAILED:
        return None
    for event in events:
        seen = plain_attributes(event.get("attributes"))
        if event.get("name") == "exception" and text(seen.get("exception.message")):
            kind = text(seen.get("exception.type"))
            message = str(seen["exception.message"])
            return f"{kind}: {message}" if kind else message
    given = (fields.get("message"), fields.get("description"), row.get("status_message"))
    more = (row.get("otel_status_message"), row.get("exception_message"))
    return first(*(text(one) for one in (*given, *more))) or "the span has failed"


def plain_attributes(value: Any) -> dict[str, Any]:
    """Give attributes as an object, of OTLP's list of keys and typed values too."""
    listed = decoded(value)
    if isinstance(listed, list):
        return {str(one.get("key")): plain_value(one.get("value")) for one in mappings(listed)}
    return dict(listed) if isinstance(listed, Mapping) else {}


def plain_value(value: Any, depth: int = 0) -> Any:
    """Give a value of OTLP without its type."""
    if not isinstance(value, Mapping) or depth > 30:
        return value
    for key in ("stringValue", "string_value", "boolValue", "bool_value", "doubleValue"):
        if key in value:
            return value[key]
    number = first(value.get("intValue"), value.get("int_value"), value.get("double_value"))
    if number is not None:
        return int(number) if isinstance(number, str) and number.lstrip("-").isdecimal() else number
    array = first(value.get("arrayValue"), value.get("array_value"))
    if isinstance(array, Mapping):
        inner = array.get("values")
        return [plain_value(one, depth + 1) for one in inner] if isinstance(inner, list) else []
    pairs = first(value.get("kvlistValue"), value.get("kvlist_value"))
    if isinstance(pairs, Mapping):
        return {
            str(one.get("key")): plain_value(one.get("value"), depth + 1)
            for one in mappings(pairs.get("values"))
        }
    return dict(value)

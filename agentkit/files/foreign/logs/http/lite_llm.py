"""What LiteLLM logs of each call: its standard payload, and rows of its table of spend.

Sources: `StandardLoggingPayload` in litellm/types/utils.py and `LiteLLM_SpendLogs` in
schema.prisma of BerriAI/litellm.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from agentkit.files.foreign.format import ForeignFormat, flat, rows_fit
from agentkit.files.foreign.input.file_set import FileSet
from agentkit.files.foreign.logs.http.http_flows import flow, flows_read, unix_time
from agentkit.types.wire import Flow

_PATHS = {
    "responses": "/v1/responses",
    "aresponses": "/v1/responses",
    "anthropic_messages": "/v1/messages",
}


def _fits(row: Mapping[str, Any]) -> bool:
    return "call_type" in row and "messages" in row and ("response" in row or "error_str" in row)


def _rows(source: FileSet) -> Sequence[Any]:
    return list(flat(source))


def _flow(row: Mapping[str, Any], place: int) -> Flow | None:
    start, end = unix_time(row.get("startTime")), unix_time(row.get("endTime"))
    answer = _decoded(row.get("response"))
    status = None
    if row.get("status") == "failure" or (not answer and row.get("error_str")):
        answer = {"error": {"message": str(row.get("error_str") or "failed")}}
        told = row.get("error_information")
        code = told.get("error_code") if isinstance(told, Mapping) else None
        status = int(str(code)) if str(code) in map(str, range(400, 600)) else 500
    return flow(
        place,
        _PATHS.get(str(row["call_type"]), "/v1/chat/completions"),
        _asked(row),
        answer or None,
        status=status,
        started=start,
        elapsed=None if start is None or end is None or end < start else end - start,
    )


def _asked(row: Mapping[str, Any]) -> Any:
    """Give the request: as the proxy got it, or of what was logged of it."""
    sent = _decoded(row.get("proxy_server_request"))
    body = sent.get("body", sent) if isinstance(sent, Mapping) else None
    if isinstance(body, Mapping) and ("messages" in body or "input" in body):
        return dict(body)
    messages = _decoded(row["messages"])
    given = _decoded(row.get("model_parameters"))
    name = "input" if str(row["call_type"]) in ("responses", "aresponses") else "messages"
    return {**(given if isinstance(given, dict) else {}), "model": row.get("model"), name: messages}


def _decoded(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


LITE_LLM = ForeignFormat("a LiteLLM log", rows_fit(_fits), flows_read("LiteLLM", _rows, _flow))

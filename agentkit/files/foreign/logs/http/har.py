"""HAR, in which browsers and proxies (mitmproxy, Charles, Proxyman) keep requests and answers.

Source: the specification of HTTP Archive 1.2 (Jan Odvarko).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agentkit.files.foreign.format import ForeignFormat, first_object, row_in
from agentkit.files.foreign.input.file_set import FileSet
from agentkit.files.foreign.logs.http.http_flows import flow, flows_read, from_base64, unix_time
from agentkit.types.wire import Flow


def _entries(source: FileSet) -> Sequence[Any]:
    log = source.first.get("log") if isinstance(source.first, Mapping) else None
    found = log.get("entries") if isinstance(log, Mapping) else None
    return found if isinstance(found, list) else ()


def _fits(source: FileSet) -> bool:
    return {"request", "response"} <= first_object(_entries(source)).keys()


def _flow(entry: Mapping[str, Any], place: int) -> Flow | None:
    asked, answer = row_in(entry.get("request")), row_in(entry.get("response"))
    sent = asked.get("postData")
    if not isinstance(sent, Mapping) or not sent.get("text"):
        return None
    content = answer.get("content")
    body = content.get("text") if isinstance(content, Mapping) else None
    if isinstance(content, Mapping) and content.get("encoding") == "base64":
        body = from_base64(body)
    took: Any = entry.get("time")
    status = answer.get("status")
    return flow(
        place,
        asked.get("url"),
        sent["text"],
        body,
        status=status or None,  # 0 where no answer came
        method=asked.get("method"),
        started=unix_time(entry.get("startedDateTime")),
        elapsed=took / 1000 if type(took) in (int, float) and 0 <= took < 1e12 else None,
    )


HAR = ForeignFormat("a HAR file", _fits, flows_read("HAR", _entries, _flow))

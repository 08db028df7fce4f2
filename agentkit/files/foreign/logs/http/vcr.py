"""Cassettes of VCR.py and of Ruby's VCR: recorded requests with their answers.

Sources: vcr/serialize.py and vcr/serializers/compat.py of kevin1024/vcrpy; lib/vcr/structs.rb of
vcr/vcr (`http_interactions`, `recorded_at`); `parsed_body` is what pydantic-ai's tests write.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentkit.files.foreign.format import ForeignFormat, first_object, row_in
from agentkit.files.foreign.input.file_set import FileSet
from agentkit.files.foreign.logs.http.http_flows import flow, flows_read, from_base64
from agentkit.types.wire import Flow

_LISTS = ("interactions", "http_interactions")


def _interactions(source: FileSet) -> Any:
    held = source.first
    if not isinstance(held, Mapping) or len(source.values) != 1:
        return ()
    found: Any = next((held[key] for key in _LISTS if isinstance(held.get(key), list)), ())
    return found


def _fits(source: FileSet) -> bool:
    return {"request", "response"} <= first_object(_interactions(source)).keys()


def _flow(entry: Mapping[str, Any], place: int) -> Flow | None:
    asked, answer = row_in(entry.get("request")), row_in(entry.get("response"))
    status = answer.get("status") or answer.get("status_code")
    code = status.get("code") if isinstance(status, Mapping) else status
    body = _body(asked)
    if body in (None, "", b""):
        return None
    return flow(
        place,
        asked.get("uri") or asked.get("url"),
        body,
        _body(answer),
        status=code,
        method=str(asked.get("method", "POST")).upper(),
    )


def _body(side: Mapping[str, Any]) -> Any:
    if side.get("parsed_body") is not None:
        return side["parsed_body"]
    body = side.get("body", side.get("content"))
    if not isinstance(body, Mapping):
        return body
    if "base64_string" in body:
        return from_base64(body["base64_string"])
    return body.get("string", body)


VCR = ForeignFormat("a VCR cassette", _fits, flows_read("VCR", _interactions, _flow))

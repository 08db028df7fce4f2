"""Recordings of nock, in which tests in JavaScript keep requests with their answers.

Source: lib/recorder.js of nock/nock (`scope`, `method`, `path`, `body`, `status`, `response`); an
answer that is no text is a list of pieces in hexadecimal digits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agentkit.files.foreign.format import ForeignFormat, first_object, flat
from agentkit.files.foreign.input.file_set import FileSet
from agentkit.files.foreign.logs.http.http_flows import flow, flows_read
from agentkit.types.wire import Flow

_FIELDS = {"scope", "method", "path", "response"}


def _recorded(source: FileSet) -> Sequence[Any]:
    return list(flat(source))


def _fits(source: FileSet) -> bool:
    return first_object(flat(source)).keys() >= _FIELDS


def _flow(entry: Mapping[str, Any], place: int) -> Flow | None:
    if entry.get("body") in (None, "", {}):
        return None
    answer = entry.get("response")
    if isinstance(answer, list) and any(isinstance(piece, str) for piece in answer):
        answer = bytes.fromhex("".join(piece for piece in answer if isinstance(piece, str)))
    return flow(
        place,
        entry["path"],
        entry["body"],
        answer,
        status=entry.get("status"),
        method=entry.get("method"),
    )


NOCK = ForeignFormat("a nock recording", _fits, flows_read("nock", _recorded, _flow))

"""Requests that some tool recorded, as the rollouts of the agents that sent them."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from agentkit.files.foreign.entries import Losses
from agentkit.files.foreign.format import each_of, numbered, row_in
from agentkit.files.foreign.input.file_set import FileSet
from agentkit.files.foreign.logs.raw_answer import exchange_of
from agentkit.files.foreign.logs.stitched_log import stitched
from agentkit.trajectory.stitch.units import read_asked
from agentkit.types.record import clip
from agentkit.types.trajectory import Trajectory
from agentkit.types.wire import ApiError, Exchange, Flow

_NAMED = 4
_FAILED = 400
_NO_BODY = "the record holds no body of this answer"
_GZIP = b"\x1f\x8b"


def flows_read(
    name: str,
    entries_of: Callable[[FileSet], Iterable[Any]],
    flow_of: Callable[[Mapping[str, Any], int], Flow | None],
) -> Callable[[FileSet], list[Trajectory]]:
    """Make a reader of recorded requests.

    Args:
        name: what the format is called.
        entries_of: lists what was recorded.
        flow_of: reads one of them, which has this place; None where it has no request.
    """

    def read(source: FileSet) -> list[Trajectory]:
        losses = Losses(name)
        flows: list[Flow] = []
        others: dict[str, None] = {}
        entries = numbered(enumerate(entries_of(source)))
        for flow in each_of(source, entries, lambda one: [flow_of(row_in(one[1]), one[0])]):
            if flow is None or not _asks(flow):
                losses.note("requests that ask no model")
                others[flow.path if flow is not None else "without a body"] = None
            else:
                flows.append(flow)
        found = stitched(flows).rollouts
        if not found and not source.bad:
            source.bad.append(f"no request in it asks a model for an answer: {_few(others)}")
        return [replace(one, meta={**one.meta, "import": losses.report}) for one in found]

    return read


def _few(paths: Iterable[str]) -> str:
    """Name where requests went, for the line that refuses them."""
    listed = [clip(path or "/", 60) for path in paths]
    more = f" and {len(listed) - _NAMED} more" if len(listed) > _NAMED else ""
    return f"{', '.join(listed[:_NAMED]) or 'it is empty'}{more}"


def _asks(flow: Flow) -> bool:
    try:
        body = json.loads(flow.body)
    except (ValueError, RecursionError):
        return False
    return read_asked(body, flow.path) is not None


def flow(
    place: int,
    url: Any,
    asked: Any,
    answer: Any,
    *,
    status: Any = None,
    method: Any = "POST",
    started: float | None = None,
    elapsed: float | None = None,
) -> Flow:
    """Make the flow of a request and its answer.

    Args:
        place: its place in the order of the requests.
        url: where it was sent.
        asked: the request's body: text, bytes or decoded JSON.
        answer: the answer's body, likewise; None where none came.
        status: the HTTP status.
        method: the HTTP method.
        started: Unix time in seconds.
        elapsed: seconds until the answer was there.
    """
    code = status if type(status) is int else None
    exchange = _unkept(code) if answer is None else exchange_of(_text(answer), code)
    return Flow(
        number=place,
        method=method if isinstance(method, str) else "POST",
        path=_path(url),
        body=_text(asked),
        started=started,
        exchange=replace(exchange, started=started, elapsed=elapsed),
    )


def _unkept(status: int | None) -> Exchange:
    """Make the exchange of an answer whose body was not kept, which is not one without a body."""
    if status is None or status >= _FAILED:
        return Exchange(status=status)
    error = ApiError(kind="bad_response", message=_NO_BODY, status=status)
    return Exchange(status=status, transport_error=error)


def _path(url: Any) -> str:
    """Give the path of a URL; its query may hold a key."""
    try:
        return urlsplit(url).path if isinstance(url, str) else ""
    except ValueError:
        return ""


def _text(body: Any) -> str:
    if isinstance(body, (bytes, bytearray)):
        return _unpacked(bytes(body)).decode(errors="replace")
    if isinstance(body, str):
        return body
    return "" if body is None else json.dumps(body, ensure_ascii=False, default=str)


def _unpacked(data: bytes) -> bytes:
    """Unpack a body that was recorded as it crossed the wire."""
    if not data.startswith(_GZIP):
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error):
        return data


def from_base64(text: Any) -> bytes | Any:
    """Read base64; what is none stays as it is."""
    try:
        return base64.b64decode(text, validate=True)
    except (ValueError, TypeError):
        return text


def unix_time(value: Any) -> float | None:
    """Read a time with its zone as Unix seconds; None for anything else."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value) if 0 <= value < 1e11 else None
    try:
        moment = datetime.fromisoformat(value)
        return moment.timestamp() if moment.tzinfo is not None else None
    except (ValueError, TypeError, OverflowError):
        return None

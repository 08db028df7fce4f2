"""What a person decided about a request or an answer, done to the bytes that wait."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterable
from typing import Any

from agentkit.read.plain import compact_json
from agentkit.tap.carrier.flow_record import FlowReader, read_body
from agentkit.tap.seam.holder import Substitute
from agentkit.tap.seam.outlet import end_to_end
from agentkit.tap.seam.passing import Passing
from agentkit.types.wire import Exchange

CHAINED = b'"previous_response_id"'
"""What is in a request that only names what came before it."""
_PACKED: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "identity": bytes,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
}


def changed_body_of(
    passing: Passing, reader: FlowReader, changes: Iterable[dict[str, Any]]
) -> bytes:
    """Write the body of a request with what a person changed.

    Args:
        passing: the request as it came.
        reader: reads it as it was shown, without secrets.
        changes: as `changed_request` takes them, one after the other.

    Raises:
        ValueError: it cannot be packed as it came.
    """
    from agentkit.tap.hold.changed_request import changed_request  # most requests need none of it

    encoding = ",".join(_values(passing, b"content-encoding"))
    if encoding not in _PACKED:
        raise ValueError(f"a body packed as {encoding!r} cannot be written")
    text, shown = read_body(passing), reader.request(passing).body
    for change in changes:
        text = changed_request(text, passing.path, change, shown)
        shown = changed_request(shown, passing.path, change)
    return _PACKED[encoding](text.encode("utf-8", "surrogateescape"))


def changed_answer_of(
    passing: Passing, reader: FlowReader, changes: Iterable[dict[str, Any]]
) -> Substitute:
    """Write an answer with what a person changed.

    Args:
        passing: the request with its answer.
        reader: reads it.
        changes: keywords of `changed_answer`, one after the other.
    """
    from agentkit.tap.hold.changed_answer import changed_answer

    exchange: Exchange = reader.raw(passing, passing)
    for change in changes:
        exchange = changed_answer(exchange, **change)
    texts = [chunk.text for chunk in exchange.chunks] or [exchange.body]
    headers = end_to_end(passing.answer_headers, "content-length", "content-encoding", "etag")
    pieces = tuple(text.encode("utf-8", "surrogateescape") for text in texts if text)
    return Substitute(passing.status or 200, tuple(headers), pieces)


def substitute_of(decision: dict[str, Any], *, late: bool) -> Substitute | None:
    """Read the answer that a person gave in place of the server's; None where none was given.

    Args:
        decision: what the kernel wrote.
        late: whether a 200 was sent already, so that the status can say nothing.
    """
    given = decision.get("answer")
    if given is None:
        return None
    texts = [given["late"]] if late and given["late"] is not None else given["pieces"]
    headers = tuple((name, value) for name, value in given["headers"])
    return Substitute(given["status"], headers, tuple(text.encode() for text in texts))


def refusal(exc: Exception) -> Substitute:
    """Write the error that an agent gets where a change could not be made: what a person did not
    mean to pass does not pass.
    """
    message = f"agentkit could not make the change: {type(exc).__name__}: {exc}"
    return Substitute(500, pieces=(error_text(message, "server_error"),))


def error_text(message: str, kind: str = "invalid_request_error") -> bytes:
    """Write an error as each of the dialects reads one."""
    error = {"message": message, "type": kind, "param": None, "code": None}
    return compact_json({"type": "error", "error": error}).encode()


def _values(passing: Passing, name: bytes) -> list[str]:
    return [v.decode("latin-1").strip() for n, v in passing.headers if n.lower() == name]

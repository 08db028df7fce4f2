"""A recorded answer as a reply, in the form that is asked for: whole or in pieces, at once or in
the time it took.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from agentkit.dialects.chat.answer_out import body_events
from agentkit.dialects.codecs import CODECS, codec_of
from agentkit.read.plain import compact_json, is_utf8
from agentkit.read.response import read_response
from agentkit.read.stream.stream_reader import read_stream
from agentkit.testing.server.loopback import Reply
from agentkit.testing.server.recorded import body_of, is_completion
from agentkit.types.wire import Chunk, Exchange

_STREAM = "text/event-stream; charset=utf-8"
_FRAMING = frozenset({"content-length", "transfer-encoding", "connection"})


def reply_from(exchange: Exchange, request: Any, *, paced: bool = False) -> Reply:
    """Play a recorded answer.

    Args:
        exchange: what came when it was recorded.
        request: the body of the request as JSON, which says whether a stream is asked for; None
            where no answer of a model is, which gets what came.
        paced: as late as it came, piece by piece.
    """
    stream = bool(request.get("stream")) if isinstance(request, dict) else None
    if exchange.status is None and exchange.transport_error is not None and not exchange.text:
        return Reply(raw=b"", delay=_delay(exchange, paced))  # no answer: the connection closes
    chunks = exchange.chunks or (() if stream is None else _as_stream(exchange))
    cut = exchange.transport_error is not None
    whole = (exchange.status or 200) < 300 and not cut
    if not whole or stream is None or stream == bool(chunks):
        return _as_it_came(exchange, chunks, paced=paced, cut=cut)
    body = _whole(exchange)
    headers = {**_headers(exchange), "content-type": _STREAM if stream else "application/json"}
    pieces = [frame.encode(errors="surrogateescape") for frame in _frames(body, request)]
    if stream and pieces:
        return Reply(status=exchange.status or 200, headers=headers, pieces=pieces)
    if stream or not isinstance(body, dict):  # nothing of it can be put into the other form
        return _as_it_came(exchange, chunks, paced=paced, cut=cut)
    text = compact_json(body).encode(errors="surrogateescape")
    return Reply(text, exchange.status or 200, headers, delay=_delay(exchange, paced))


def _as_it_came(exchange: Exchange, chunks: Sequence[Chunk], *, paced: bool, cut: bool) -> Reply:
    status, headers = exchange.status or 200, _headers(exchange)
    if chunks:
        pieces = [*_paced(chunks)] if paced else [_bytes(chunk.text) for chunk in chunks]
        kind = {"content-type": _STREAM}
        return Reply(status=status, headers=kind | headers, pieces=pieces, cut=cut)
    body = _bytes(exchange.body)
    length = len(body) + 1 if cut else None
    return Reply(body, status, headers, cut=cut, length=length, delay=_delay(exchange, paced))


def _paced(chunks: Sequence[Chunk]) -> Iterator[bytes | float]:
    last = 0.0
    for chunk in chunks:
        if chunk.at > last:
            yield float(chunk.at - last)
            last = chunk.at
        yield _bytes(chunk.text)


def _delay(exchange: Exchange, paced: bool) -> float:
    return (exchange.elapsed or 0.0) if paced else 0.0


def _headers(exchange: Exchange) -> dict[str, str]:
    """Give the headers that were kept; the encoding only of a body that stayed encoded."""
    dropped = _FRAMING if not is_utf8(exchange.text) else _FRAMING | {"content-encoding"}
    return {name: value for name, value in exchange.headers if name not in dropped}


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogateescape" if not is_utf8(text) else "strict")


def _as_stream(exchange: Exchange) -> tuple[Chunk, ...]:
    """Take a stream that was recorded in one piece."""
    kind = dict(exchange.headers).get("content-type", "")
    events = exchange.body.lstrip()[:6].startswith(("data:", "event:"))
    if not (events or "event-stream" in kind) or not exchange.body:
        return ()
    return (Chunk(at=exchange.elapsed or 0.0, text=exchange.body),)


def _whole(exchange: Exchange) -> Any:
    """Give the body of an answer; of a stream the one that it amounts to, also where its events do
    not say what they are.
    """
    body = body_of(exchange)
    if not exchange.chunks or codec_of(body) is not None:
        return body
    response = read_stream([exchange.text])
    codec = CODECS.get(response.dialect)
    return body if codec is None else codec.body_out(response)


# a whole answer as a stream


def _frames(body: Any, request: Any) -> Iterator[str]:
    """Write a whole answer as the events of its dialect; none where it is no answer."""
    codec = codec_of(body)
    if codec is not None:
        for event in codec.events_out(read_response(body)):
            yield f"event: {event.get('type')}\ndata: {compact_json(event)}\n\n"
    elif is_completion(body):
        options = request.get("stream_options") if isinstance(request, dict) else None
        counted = isinstance(options, dict) and bool(options.get("include_usage"))
        for chunk in body_events(body, usage=counted):
            yield f"data: {compact_json(chunk)}\n\n"
        yield "data: [DONE]\n\n"

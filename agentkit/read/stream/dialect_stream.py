"""A stream in a dialect other than chat completions: its events, told by their names or by what
they hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from agentkit.dialects.codecs import Codec, Events, codec_of, event_codec
from agentkit.dialects.delta import Delta, TextPiece
from agentkit.read.body.dialect import DialectBody
from agentkit.read.failure.answer_error import is_alive
from agentkit.read.stream.sse import Event
from agentkit.types.answer import Response
from agentkit.types.problem import Problem, problem

_ENDLESS = "the stream ends without the event that ends an answer; what came may be cut"
_REPEATS = frozenset({"text", "thinking", "signature", "citation", "input_json"})
"""Events that Anthropic's SDK puts between those of the server, with what they have said."""


class DialectStream:
    """What has come of one answer."""

    def __init__(self, codec: Codec, whole: dict[str, Any] | None = None) -> None:
        self._codec = codec
        self._events: Events = codec.events()
        self._whole = whole
        """A whole body that came as one event."""
        self._mixed = False

    def add(self, data: dict[str, Any], event: Event) -> list[Delta] | None:
        """Take an event; None where it is none of this dialect, but an error, or what keeps the
        connection open.
        """
        kind = _name_of(data, event.kind)
        if data is self._whole:
            return []
        if kind == "error" or (_is_alive(kind) and is_alive(event.data, event.kind)):
            return None
        if kind in _REPEATS and isinstance(data.get("type"), str):
            return []
        if not kind or "choices" in data:
            return None
        named = data if data.get("type") == kind else {**data, "type": kind}
        other = event_codec(named)
        if other is not None and other is not self._codec:
            return None
        return self._events.add(named, kind)

    def piece_of(self, data: dict[str, Any]) -> TextPiece | None:
        """Tell which text an event that was taken added to; None where it did more than that."""
        return None if self._whole is not None else self._events.piece_of(data)

    def mixed(self, data: dict[str, Any]) -> Iterator[Problem]:
        """Report an event of another API in the stream, the first of them; it is not read."""
        if self._mixed:
            return
        self._mixed = True
        other = event_codec(data)
        what = other.title if other else "chat completions" if "choices" in data else "another API"
        fact = f"a stream of {self._codec.title} holds events of {what}, which are not read"
        yield problem("foreign_dialect", fact, before=data)

    def found(self) -> DialectBody:
        """Return the body that the events so far amount to."""
        body = self._events.body() if self._whole is None else self._whole
        return DialectBody(codec=self._codec, body=body)

    def problems(self, response: Response, noted: Sequence[Problem]) -> tuple[Problem, ...]:
        """Join the problems of the answer with those of its events: an error is told once, and a
        missing end is the stream's.
        """
        kept = list(response.problems)
        if any(p.code == "stream_error_event" for p in noted):
            kept = [p for p in kept if p.code != "stream_error_event"]
        events = list(self._events.problems.values())
        if response.finish_reason == "failed":  # what had come is not in it
            events = [p for p in events if p.code != "stream_final_differs"]
        endless = response.finish_reason is None or not self._events.ended
        if self._whole is None and endless:
            kept = [p for p in kept if p.code not in ("finish_missing", "answer_in_reasoning")]
            events.append(problem("stream_no_finish", _ENDLESS))
        return (*noted, *events, *kept)


def open_stream(data: dict[str, Any], name: str) -> DialectStream | None:
    """Begin to read the stream whose first event this is; None where it tells no dialect.

    Args:
        data: what the event holds.
        name: its name on the line `event:`, "" where there is none.
    """
    kind = _name_of(data, name)
    codec = event_codec({**data, "type": kind}) if kind else None
    if codec is not None:
        return DialectStream(codec)
    codec = codec_of(data)
    return DialectStream(codec, data) if codec else None


def _name_of(data: dict[str, Any], name: str) -> str:
    """Return the name of an event: its own `type`, else that of its line."""
    kind = data.get("type")
    return kind if isinstance(kind, str) and kind else name


def _is_alive(kind: str) -> bool:
    return kind.lower() in ("", "ping", "pong", "keepalive", "keep-alive", "heartbeat")

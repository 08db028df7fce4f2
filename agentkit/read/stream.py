"""A streamed answer, read: the same `Response` as the block answer would give, whatever the pieces it came in."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from agentkit.read.assemble import Assembly, Delta
from agentkit.read.error import read_error
from agentkit.read.plain import plain
from agentkit.read.response import read_body, read_response
from agentkit.read.sse import SSE, Event
from agentkit.types import Chunk, Exchange, Policy, Problem, Response, clip, problem


def read_stream(
    pieces: Iterable[str | bytes | Chunk] | str | bytes,
    tools: Any = None,
    policy: Policy = "normalize",
    *,
    parser: str | None = None,
    turn: int | None = None,
) -> Response:
    """The answer of a stream; never raises, whatever the pieces are.

    Args:
        pieces: SSE text or bytes in pieces cut anywhere, with their times where they are `Chunk`s; an SDK's parsed chunks are taken too.
        tools, policy, parser, turn: as for `read_response`.
    """
    reader = StreamReader()
    for piece in [pieces] if isinstance(pieces, (str, bytes, Chunk)) else pieces:
        reader.feed(piece)
    return reader.finish(tools, policy, parser=parser, turn=turn)


class StreamReader:
    """Reads a stream while it comes: `feed` says what each piece added, `finish` gives the answer."""

    def __init__(self) -> None:
        self._sse = SSE()
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._answer = Assembly()
        self._chunks: list[Chunk] = []
        self._problems: list[Problem] = []
        self._done = False
        self._token_times: list[float] = []

    def feed(self, piece: Any) -> list[Delta]:
        """Takes a piece of text, bytes, or a `Chunk`; gives what it added to the answer."""
        at = piece.at if isinstance(piece, Chunk) else 0.0
        text = piece.text if isinstance(piece, Chunk) else piece
        if isinstance(text, (bytes, bytearray)):
            text = self._decoder.decode(bytes(text))
        if not isinstance(text, str):
            return self._parsed(text, at)
        self._chunks.append(Chunk(at=at, text=text))
        return [delta for event in self._sse.feed(text) for delta in self._event(event, at)]

    def _parsed(self, chunk: Any, at: float) -> list[Delta]:
        """A chunk that an SDK has parsed already."""
        data = plain(chunk)
        self._chunks.append(Chunk(at=at, text=f"data: {json.dumps(data)}\n\n"))
        return self._data(data, at) if isinstance(data, dict) else []

    def _event(self, event: Event, at: float) -> list[Delta]:
        text = event.data.strip()
        if text == "[DONE]":
            self._done = True
            return []
        try:
            data = json.loads(text)
        except (ValueError, RecursionError):
            self._unreadable(event)
            return []
        if event.kind == "error" or (isinstance(data, dict) and data.get("error")) or not isinstance(data, dict):
            failed = read_error(None, None, data)
            message = f"the server sent an error in the middle of the stream: {failed.kind}: {clip(failed.message, 200)}"
            self._problems.append(problem("stream_error_event", message, before=text))
            return []
        return self._data(data, at)

    def _data(self, data: dict[str, Any], at: float) -> list[Delta]:
        deltas = self._answer.add(data)
        if deltas:
            self._token_times.append(at)
        return deltas

    def _unreadable(self, event: Event) -> None:
        if not event.complete:
            self._problems.append(problem("stream_truncated", "the stream ends inside an event", before=event.data))
        elif event.kind == "error":
            self._problems.append(problem("stream_error_event", f"the server sent an error: {clip(event.data, 200)}", before=event.data))
        else:
            self._problems.append(problem("stream_bad_json", "an event of the stream is not JSON", before=event.data))

    def finish(
        self, tools: Any = None, policy: Policy = "normalize", *, parser: str | None = None, turn: int | None = None, exchange: Exchange | None = None
    ) -> Response:
        """The answer; problems say what was cut, garbled or missing.

        Args:
            exchange: what to keep as the raw answer; by default the pieces that were fed.
        """
        tail = self._decoder.decode(b"", final=True)
        for event in (*self._sse.feed(tail), *self._sse.finish()):
            self._event(event, self._chunks[-1].at if self._chunks else 0.0)
        kept = exchange or Exchange(chunks=tuple(self._chunks))
        if not self._answer.chunks and not self._done and not any(p.code == "stream_error_event" for p in self._problems):
            return self._not_a_stream(kept, tools, policy, parser, turn)
        response = read_body(self._answer.body(), kept, tools, policy, parser, turn)
        problems = self._finish_problems(response)
        first = self._token_times[0] if self._token_times else None
        gaps = tuple(b - a for a, b in zip(self._token_times, self._token_times[1:], strict=False))
        return replace(response, problems=problems, time_to_first_token=first, token_gaps=gaps)

    def _finish_problems(self, response: Response) -> tuple[Problem, ...]:
        """The answer's problems with those of the stream; a missing finish is the stream's, and no verdict on an empty answer."""
        streamed = [*self._problems, *self._answer.problems.values()]
        kept = [p for p in response.problems if p.code != "finish_missing"]
        if self._answer.finish_reason is None:
            kept = [p for p in kept if p.code != "answer_in_reasoning"]
            ending = "with [DONE], but" if self._done else "without [DONE] and"
            streamed.append(problem("stream_no_finish", f"the stream ends {ending} without a finish reason; what came may be cut"))
        return (*streamed, *kept)

    def _not_a_stream(self, exchange: Exchange, tools: Any, policy: Policy, parser: str | None, turn: int | None) -> Response:
        """No event held a chunk: a block answer in place of a stream is read as that, anything else is reported."""
        text = exchange.text
        if text.lstrip().startswith(("{", "[", "<")) or not text.strip():
            return replace(read_response(text, tools, policy, parser=parser, turn=turn), exchange=exchange)
        found = self._problems or [problem("stream_not_sse", "the answer is neither an event stream nor JSON", before=text)]
        return Response(problems=tuple(found), exchange=exchange)

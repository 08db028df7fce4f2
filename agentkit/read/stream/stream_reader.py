"""A streamed answer, read: the same `Response` as the block answer would give, whatever the pieces
it came in.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from agentkit.dialects.delta import Delta
from agentkit.errors import checked_keywords
from agentkit.read.body.dialect import read_dialect
from agentkit.read.body.foreign import binary_events, is_binary_stream
from agentkit.read.body.json_lines import json_values
from agentkit.read.body.message import several_choices
from agentkit.read.calls.known_tools import known_tools
from agentkit.read.failure.answer_error import error_in, is_alive, is_prefixed, is_spoken, value_of
from agentkit.read.failure.error import read_error
from agentkit.read.plain import plain
from agentkit.read.response import read_body, read_response
from agentkit.read.stream.alike import Run
from agentkit.read.stream.assembly import Assembly
from agentkit.read.stream.dialect_stream import DialectStream, open_stream
from agentkit.read.stream.sse import SSE, Event
from agentkit.types.answer import Policy, Response
from agentkit.types.problem import Problem, problem
from agentkit.types.record import clip, replace
from agentkit.types.sequences.seconds import Seconds
from agentkit.types.wire import ApiError, Chunk, Exchange

_DONE = "[DONE]"
_MOST_NOTES = 20
"""Events that cannot be read are reported one by one up to this many."""


@checked_keywords
def read_stream(
    pieces: Iterable[str | bytes | Chunk] | str | bytes,
    tools: Any = None,
    policy: Policy = "normalize",
    *,
    parser: str | None = None,
    turn: int | None = None,
) -> Response:
    """Read the answer of a stream; never raises, whatever the pieces are.

    Args:
        pieces: SSE text or bytes in pieces cut anywhere, with their times where they are `Chunk`s;
            an SDK's parsed chunks are taken too.
        tools, policy, parser, turn: as for `read_response`.
    """
    reader = StreamReader()
    try:
        for piece in [pieces] if isinstance(pieces, (str, bytes, Chunk)) else pieces or ():
            reader.take(piece)
    except Exception as exc:  # an SDK raises what the server sent, or that the connection broke
        reader.broke(exc)
    return reader.finish(tools, policy, parser=parser, turn=turn)


class StreamReader:
    """Reads a stream while it comes: `feed` returns what each piece added, `finish` gives the
    answer.
    """

    def __init__(self) -> None:
        self._sse = SSE()
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._answer = Assembly()
        self._dialect: DialectStream | None = None
        """What is read of a dialect other than chat completions, once an event of it has come."""
        self._chunks: list[Chunk] = []
        self._problems: list[Problem] = []
        self._broke: ApiError | None = None
        self._done = False
        self._alive = False
        self._counts: dict[str, int] = {}
        self._token_times: list[float] = []
        self._run = Run()
        self._read: Any = None
        """What the last event held."""
        self._last = Delta(kind="content", text="")

    def take(self, piece: Any) -> None:
        """Take a piece, where nobody asks what it added."""
        whole = type(piece) is Chunk and piece.text.endswith("\n\n")
        if whole and self._run.next(piece.text[:-2]) is not None:
            self._chunks.append(piece)
            self._token_times.append(piece.at)
        else:
            self.feed(piece)

    def feed(self, piece: Any) -> list[Delta]:
        """Take a piece of text, bytes, or a `Chunk`, and return what it added to the answer."""
        at = piece.at if isinstance(piece, Chunk) else 0.0
        text = piece.text if isinstance(piece, Chunk) else piece
        if isinstance(text, (bytes, bytearray)):
            text = self._decoder.decode(bytes(text))
        if not isinstance(text, str):
            return self._parsed(text, at)
        self._chunks.append(piece if isinstance(piece, Chunk) else Chunk(at=at, text=text))
        if not text.endswith("\n\n") or not self._sse.is_between():
            self._run.end()
            return [delta for event in self._sse.feed(text) for delta in self._event(event, at)]
        return [delta for lines in text[:-2].split("\n\n") for delta in self._whole(lines, at)]

    def _whole(self, lines: str, at: float) -> list[Delta]:
        """Take the lines of a whole event; one that is like the last one is not parsed."""
        more = self._run.next(lines)
        if more is not None:
            self._token_times.append(at)
            kind, position = self._last.kind, self._last.position
            return [Delta(kind=kind, text=more[1], position=position)]
        self._run.end()
        events = list(self._sse.feed(f"{lines}\n\n"))
        deltas = [delta for event in events for delta in self._event(event, at)]
        if len(deltas) == len(events) == 1 and lines.endswith(events[0].data):
            self._last = deltas[0]
            pieces = self._answer if self._dialect is None else self._dialect
            self._run.begin(lines, self._read, self._last.text, pieces.piece_of)
        return deltas

    def broke(self, exc: Exception) -> None:
        """Take an exception in place of the next piece: what has come is kept."""
        status, body = getattr(exc, "status_code", None), getattr(exc, "body", None)
        error = read_error(
            status, None, {"error": body} if body else f"{type(exc).__name__}: {exc}"
        )
        self._broke = error if body else replace(error, message=f"{type(exc).__name__}: {exc}")
        message = f"the stream broke off: {error.kind}: {clip(error.message, 200)}"
        self._problems.append(problem("stream_error_event", message))

    def _parsed(self, chunk: Any, at: float) -> list[Delta]:
        """Take a chunk that an SDK has parsed already."""
        data = plain(chunk)
        text = json.dumps(data)
        self._chunks.append(Chunk(at=at, text=f"data: {text}\n\n"))
        return self._value(Event(data=text), data, at)

    def _event(self, event: Event, at: float) -> list[Delta]:
        text = event.data.strip()
        if len(text) == len(_DONE) and text.upper() == _DONE:
            self._done = True
            return []
        try:
            data = json.loads(text)
        except (ValueError, RecursionError):
            return self._several(event, at)
        self._read = data
        return self._value(event, data, at)

    def _several(self, event: Event, at: float) -> list[Delta]:
        """Take an event that is not one JSON value: several of them, where a server sends no blank
        lines between its events.
        """
        values = list(json_values(event.data))
        if len(values) < 2:
            self._unreadable(event)
            return []
        self._note("stream_not_sse", "events are not parted by blank lines; each is read", event)
        return [
            delta for text in values for delta in self._event(Event(data=text, kind=event.kind), at)
        ]

    def _value(self, event: Event, data: Any, at: float) -> list[Delta]:
        """Take the value of an event: a chunk, an error, or what keeps the connection open."""
        if isinstance(data, dict):
            plain_chunk = "error" not in event.data and "base_resp" not in event.data
            if plain_chunk and "choices" in data:
                return self._data(data, at)
            if (deltas := self._in_dialect(data, event, at)) is not None:
                return deltas
        if is_alive(event.data, event.kind):
            self._alive = True
            return []
        error = error_in(data, event.data, event.kind)
        if error is not None:
            self._failed(error, event)
            chunk = isinstance(data, dict) and data.get("choices")
            return self._data(data, at) if chunk else []
        if isinstance(data, list):
            return [delta for item in data for delta in self._item(item, event, at)]
        if isinstance(data, dict):
            return self._data(data, at)
        self._alive = True
        if isinstance(data, str):
            self._note("stream_bad_json", "an event of the stream is a text, no chunk", event)
        return []

    def _in_dialect(self, data: dict[str, Any], event: Event, at: float) -> list[Delta] | None:
        """Take an event of a dialect other than chat completions; None where it is none."""
        if self._answer.chunks:
            return None
        if self._dialect is None:
            self._dialect = open_stream(data, event.kind)
        deltas = self._dialect.add(data, event) if self._dialect else None
        if deltas:
            self._token_times.append(at)
        return deltas

    def _item(self, item: Any, event: Event, at: float) -> list[Delta]:
        """Take one of several chunks that came in one event, as a list."""
        if not isinstance(item, dict):
            return []
        return self._value(Event(data=json.dumps(item), kind=event.kind), item, at)

    def _data(self, data: dict[str, Any], at: float) -> list[Delta]:
        if self._dialect is not None:
            self._problems.extend(self._dialect.mixed(data))
            return []
        deltas = self._answer.add(data)
        if deltas:
            self._token_times.append(at)
        return deltas

    def _unreadable(self, event: Event) -> None:
        if is_alive(event.data, event.kind):
            self._alive = True
            return
        error = error_in(None, event.data, event.kind)
        if error is not None:
            self._failed(error, event)
        elif not event.complete:
            self._note("stream_truncated", "the stream ends inside an event", event)
        else:
            self._note("stream_bad_json", "an event of the stream is not JSON", event)

    def _failed(self, error: Any, event: Event) -> None:
        """Report an error in the stream: its kind, and the server's words."""
        failed = read_error(None, None, error)
        message = (
            f"the server sent an error in the middle of the stream: {failed.kind}:"
            f" {clip(failed.message, 200)}"
        )
        self._problems.append(problem("stream_error_event", message, before=event.data))

    def _note(self, code: str, message: str, event: Event) -> None:
        """Report what is odd about an event; of one kind, the first ones."""
        self._counts[code] = self._counts.get(code, 0) + 1
        if self._counts[code] <= (1 if code == "stream_not_sse" else _MOST_NOTES):
            self._problems.append(problem(code, message, before=event.data))

    def _strays(self) -> None:
        """Look for errors on lines that belong to no event, as llama-server's `error: {…}`."""
        begun = self._answer.chunks or self._done or self._alive or self._problems
        for stray in self._sse.other:
            if not is_spoken(stray) or not (begun or is_prefixed(stray)):
                continue
            event = Event(data=stray, kind="error")
            self._failed(error_in(value_of(stray), stray, "error"), event)

    def finish(
        self,
        tools: Any = None,
        policy: Policy = "normalize",
        *,
        parser: str | None = None,
        turn: int | None = None,
        exchange: Exchange | None = None,
    ) -> Response:
        """Return the answer; problems report what was cut, garbled or missing.

        Args:
            exchange: what to keep as the raw answer; by default the pieces that were fed.
        """
        tail = self._decoder.decode(b"", final=True)
        for event in (*self._sse.feed(tail), *self._sse.finish()):
            self._event(event, self._chunks[-1].at if self._chunks else 0.0)
        self._strays()
        kept = exchange or Exchange(chunks=tuple(self._chunks), transport_error=self._broke)
        if not self._is_stream(kept):
            return self._not_a_stream(kept, tools, policy, parser, turn)
        if self._dialect is not None:
            found = self._dialect.found()
            response = read_dialect(found, kept, known_tools(tools), policy, parser, turn)
        else:
            response = read_body(self._answer.body(), kept, tools, policy, parser, turn)
        problems = self._finish_problems(response)
        first, gaps = self._times()
        return replace(response, problems=problems, time_to_first_token=first, token_gaps=gaps)

    def plain_body(self) -> tuple[dict[str, Any], float | None, Seconds | tuple[()]] | None:
        """Give the body of a whole chat completion in whose stream nothing was wrong, the time of
        its first text, and those between two; None for any other stream.
        """
        begun, answer = self._sse.is_between(), self._answer
        if not begun or self._dialect is not None or answer.others or not answer.chunks:
            return None
        body = answer.body()
        if self._problems or answer.problems or self._sse.other or answer.finish_reason is None:
            return None
        return body, *self._times()

    def _times(self) -> tuple[float | None, Seconds | tuple[()]]:
        """Give the time of the first text, and those between two."""
        times = self._token_times
        return times[0] if times else None, Seconds(b - a for a, b in pairwise(times)) or ()

    def _is_stream(self, exchange: Exchange) -> bool:
        """Tell whether what came is an event stream, be it one of comments and keep-alives."""
        return bool(
            self._answer.chunks
            or self._dialect
            or self._done
            or self._alive
            or any(p.code == "stream_error_event" for p in self._problems)
            or (exchange.chunks and exchange.text.lstrip().startswith(":"))
        )

    def _finish_problems(self, response: Response) -> tuple[Problem, ...]:
        """Join the answer's problems with those of the stream; a missing finish is the stream's,
        and no verdict on an empty answer.
        """
        if self._dialect is not None:
            return self._dialect.problems(response, self._problems)
        streamed = [*self._problems, *self._answer.problems.values()]
        kept = [p for p in response.problems if p.code != "finish_missing"]
        if self._answer.others:  # which the usage counts too
            streamed.append(several_choices(1 + len(self._answer.others)))
            kept = [p for p in kept if p.code != "token_ids_missing"]
        if self._answer.finish_reason is None:
            kept = [p for p in kept if p.code != "answer_in_reasoning"]
            ending = "with [DONE], but" if self._done else "without [DONE] and"
            streamed.append(
                problem(
                    "stream_no_finish",
                    f"the stream ends {ending} without a finish reason; what came may be cut",
                )
            )
        return (*streamed, *kept)

    def _not_a_stream(
        self, exchange: Exchange, tools: Any, policy: Policy, parser: str | None, turn: int | None
    ) -> Response:
        """Read a body in which no event held a chunk: a block answer in place of a stream is read
        as that, anything else is reported.
        """
        text = exchange.text
        if is_binary_stream(text):
            events = [json.dumps(event) for event in binary_events(text)]
            return self._lines(events, exchange, tools, policy, parser, turn)
        chunks = list(json_values(text))
        if len(chunks) > 1 or (chunks and text.lstrip().startswith("[")):
            return self._lines(chunks, exchange, tools, policy, parser, turn)
        if text.lstrip().startswith(("{", "[", "<")) or not text.strip():
            return replace(
                read_response(text, tools, policy, parser=parser, turn=turn), exchange=exchange
            )
        found = self._problems or [
            problem("stream_not_sse", "the answer is neither an event stream nor JSON", before=text)
        ]
        return Response(problems=tuple(found), exchange=exchange)

    def _lines(
        self,
        chunks: list[str],
        exchange: Exchange,
        tools: Any,
        policy: Policy,
        parser: str | None,
        turn: int | None,
    ) -> Response:
        """Take chunks that came as lines of JSON, not as events."""
        inner = StreamReader()
        inner._alive = True
        for chunk in chunks:
            inner._event(Event(data=chunk), 0.0)
        if "foreign_dialect" not in inner._answer.problems:
            message = "the chunks are lines of JSON, not an event stream; they are read"
            inner._problems.insert(0, problem("stream_not_sse", message))
        return inner.finish(tools, policy, parser=parser, turn=turn, exchange=exchange)

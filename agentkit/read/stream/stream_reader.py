"""A streamed answer, read: the same `Response` as the block answer would give, whatever the pieces
it came in.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from agentkit.errors import checked_keywords
from agentkit.read.failure.error import read_error
from agentkit.read.plain import plain
from agentkit.read.response import read_body, read_response
from agentkit.read.stream.assembly import Assembly
from agentkit.read.stream.call_pieces import Delta
from agentkit.read.stream.sse import SSE, Event
from agentkit.types.answer import Policy, Response
from agentkit.types.problem import Problem, problem
from agentkit.types.record import Record, clip, record
from agentkit.types.wire import Chunk, Exchange


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
    for piece in [pieces] if isinstance(pieces, (str, bytes, Chunk)) else pieces or ():
        reader.feed(piece)
    return reader.finish(tools, policy, parser=parser, turn=turn)


class StreamReader:
    """Reads a stream while it comes: `feed` returns what each piece added, `finish` gives the
    answer.
    """

    def __init__(self) -> None:
        self._sse = SSE()
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._answer = Assembly()
        self._chunks: list[Chunk] = []
        self._problems: list[Problem] = []
        self._done = False
        self._token_times: list[float] = []

    def feed(self, piece: Any) -> list[Delta]:
        """Take a piece of text, bytes, or a `Chunk`, and return what it added to the answer."""
        at = piece.at if isinstance(piece, Chunk) else 0.0
        text = piece.text if isinstance(piece, Chunk) else piece
        if isinstance(text, (bytes, bytearray)):
            text = self._decoder.decode(bytes(text))
        if not isinstance(text, str):
            return self._parsed(text, at)
        self._chunks.append(Chunk(at=at, text=text))
        return [delta for event in self._sse.feed(text) for delta in self._event(event, at)]

    def _parsed(self, chunk: Any, at: float) -> list[Delta]:
        """Take a chunk that an SDK has parsed already."""
        data = plain(chunk)
        self._chunks.append(Chunk(at=at, text=f"data: {json.dumps(data)}\n\n"))
        return self._data(data, at) if isinstance(data, dict) else []

    def _event(self, event: Event, at: float) -> list[Delta]:
        text = event.data.strip()
        if text.upper() == "[DONE]":
            self._done = True
            return []
        try:
            data = json.loads(text)
        except (ValueError, RecursionError):
            return self._several(event, at)
        return self._value(event, text, data, at)

    def _several(self, event: Event, at: float) -> list[Delta]:
        """Take an event that is not one JSON value: several of them, where a server sends no blank
        lines between its events.
        """
        values = list(_values(event.data))
        if len(values) < 2:
            self._unreadable(event)
            return []
        if not any(p.code == "stream_not_sse" for p in self._problems):
            self._problems.append(
                problem(
                    "stream_not_sse",
                    "events are not parted by blank lines; each is read",
                    before=event.data,
                )
            )
        return [
            delta for text in values for delta in self._event(Event(data=text, kind=event.kind), at)
        ]

    def _value(self, event: Event, text: str, data: Any, at: float) -> list[Delta]:
        if (
            event.kind == "error"
            or (isinstance(data, dict) and data.get("error"))
            or not isinstance(data, dict)
        ):
            failed = read_error(None, None, data)
            message = (
                f"the server sent an error in the middle of the stream: {failed.kind}:"
                f" {clip(failed.message, 200)}"
            )
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
            self._problems.append(
                problem("stream_truncated", "the stream ends inside an event", before=event.data)
            )
        elif event.kind == "error":
            self._problems.append(
                problem(
                    "stream_error_event",
                    f"the server sent an error: {clip(event.data, 200)}",
                    before=event.data,
                )
            )
        else:
            self._problems.append(
                problem("stream_bad_json", "an event of the stream is not JSON", before=event.data)
            )

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
        kept = exchange or Exchange(chunks=tuple(self._chunks))
        if (
            not self._answer.chunks
            and not self._done
            and not any(p.code == "stream_error_event" for p in self._problems)
        ):
            return self._not_a_stream(kept, tools, policy, parser, turn)
        response = read_body(self._answer.body(), kept, tools, policy, parser, turn)
        problems = self._finish_problems(response)
        first = self._token_times[0] if self._token_times else None
        gaps = tuple(b - a for a, b in zip(self._token_times, self._token_times[1:], strict=False))
        return replace(response, problems=problems, time_to_first_token=first, token_gaps=gaps)

    def _finish_problems(self, response: Response) -> tuple[Problem, ...]:
        """Join the answer's problems with those of the stream; a missing finish is the stream's,
        and no verdict on an empty answer.
        """
        streamed = [*self._problems, *self._answer.problems.values()]
        kept = [p for p in response.problems if p.code != "finish_missing"]
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
        chunks = [chunk for chunk in _values(text) if '"choices"' in chunk]
        if len(chunks) > 1:
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
        inner._problems.append(
            problem(
                "stream_not_sse", "the chunks are lines of JSON, not an event stream; they are read"
            )
        )
        for chunk in chunks:
            inner._event(Event(data=chunk), 0.0)
        return inner.finish(tools, policy, parser=parser, turn=turn, exchange=exchange)


_DECODER = json.JSONDecoder()
_DONE = "[DONE]"
_SPACE = re.compile(r"\s*+")


def _values(text: str) -> Iterator[str]:
    """Find the texts of JSON values that follow one another; none where there is anything else."""
    found = []
    text = text.strip()
    at = 0
    while at < len(text):
        if text.startswith(_DONE, at):
            end = at + len(_DONE)
        elif text[at] != "{":
            return
        else:
            try:
                end = _DECODER.raw_decode(text, at)[1]
            except (ValueError, RecursionError):
                return
        found.append(text[at:end])
        at = _SPACE.match(text, end).end()  # type: ignore[union-attr]
    yield from found


@record
class GrowingCall(Record):
    """A call as far as it has come. Nothing is checked yet: the arguments are the text the server
    sent, whole or not.
    """

    position: int
    """Its place in the order in which calls began."""
    name: str
    arguments: str


class _Text:
    """A text that grows; what was joined once is not joined again from its pieces."""

    __slots__ = ("_pieces",)

    def __init__(self) -> None:
        self._pieces: list[str] = []

    def add(self, piece: str) -> None:
        self._pieces.append(piece)

    def __str__(self) -> str:
        if len(self._pieces) > 1:
            self._pieces = ["".join(self._pieces)]
        return self._pieces[0] if self._pieces else ""


class Growing:
    """Feeds on the pieces of one streamed answer; linear in the stream, however it is cut, and
    never raises.

    >>> growing = Growing()
    >>> growing.feed('data: {"choices": [{"delta": {"content": "Hel')
    []
    >>> [delta.text for delta in growing.feed('lo"}}]}' + 2 * chr(10))]
    ['Hello']
    >>> growing.text
    'Hello'
    """

    def __init__(self) -> None:
        self._reader = StreamReader()
        self._texts = {"content": _Text(), "reasoning": _Text(), "refusal": _Text()}
        self._calls: dict[int, tuple[_Text, _Text]] = {}

    def feed(self, piece: str | bytes | Chunk) -> list[Delta]:
        """Add a piece, and return what it added, in order: text, reasoning, a call's name or the
        next part of its arguments.
        """
        deltas = self._reader.feed(piece)
        for delta in deltas:
            self._slot(delta).add(delta.text)
        return deltas

    def _slot(self, delta: Delta) -> _Text:
        if delta.kind not in ("name", "arguments"):
            return self._texts[delta.kind]
        name, arguments = self._calls.setdefault(delta.position, (_Text(), _Text()))
        return name if delta.kind == "name" else arguments

    @property
    def text(self) -> str:
        """The content so far, as it came: think tags and call markup are still in it."""
        return str(self._texts["content"])

    @property
    def reasoning(self) -> str:
        """What came in a reasoning field so far."""
        return str(self._texts["reasoning"])

    @property
    def refusal(self) -> str:
        """What came as a refusal so far."""
        return str(self._texts["refusal"])

    @property
    def calls(self) -> tuple[GrowingCall, ...]:
        """The calls so far, in the order in which they began."""
        return tuple(
            GrowingCall(position=position, name=str(name), arguments=str(arguments))
            for position, (name, arguments) in sorted(self._calls.items())
        )

"""The wire: what was asked, what came back, byte for byte, and what a failed request was read
as.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field
from typing import Any, overload

from agentkit.types.problem import Problem
from agentkit.types.record import Record, Unknown, clip, record
from agentkit.types.sequences.tuple_like import TupleLike
from agentkit.types.words import visible

VERSION = "0.1.0"
"""Of this package, as its requests name it."""

_json = json.JSONDecoder().decode


@record
class Chunk(Record):
    """One piece of a streamed answer as it was read from the socket."""

    at: float = field(compare=False)
    """Seconds since the request was sent."""
    text: str
    """Raw SSE text, cut where the network cut it."""
    unknown: Unknown | None = field(default=None, compare=False)
    """What a newer version's file held beside it; None where there was nothing."""


class PackedChunks(TupleLike[Chunk]):
    """The pieces of a stream that has ended: each event repeats the one before, so that packed they
    take a tenth. They are unpacked where they are looked at.
    """

    __slots__ = ("_packed", "_size")

    def __init__(self, chunks: Iterable[Chunk]) -> None:
        found = list(chunks)
        texts, self._size = [chunk.text for chunk in found], len(found)
        lengths = struct.pack(f"<{self._size}I", *map(len, texts))
        times = struct.pack(f"<{self._size}d", *(chunk.at for chunk in found))
        # all first bytes, all second bytes, …: most of them are alike
        planes = [lengths[at::4] for at in range(4)] + [times[at::8] for at in range(8)]
        text = "".join(texts).encode("utf-8", "surrogatepass")
        self._packed = zlib.compress(b"".join([*planes, text]), 1)

    def _opened(self) -> tuple[tuple[int, ...], tuple[float, ...], str]:
        """Unpack the length and the time of each piece, and the text of all."""
        size, data = self._size, zlib.decompress(self._packed)
        lengths, times = bytearray(4 * size), bytearray(8 * size)
        for at in range(4):
            lengths[at::4] = data[at * size : (at + 1) * size]
        for at in range(8):
            times[at::8] = data[(at + 4) * size : (at + 5) * size]
        text = data[12 * size :].decode("utf-8", "surrogatepass")
        return struct.unpack(f"<{size}I", lengths), struct.unpack(f"<{size}d", times), text

    @property
    def text(self) -> str:
        """The text of all pieces."""
        return self._opened()[2]

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Chunk]:
        (lengths, times, text), end = self._opened(), 0
        for length, at in zip(lengths, times, strict=True):
            end += length
            yield Chunk(at=at, text=text[end - length : end])

    @overload
    def __getitem__(self, index: int) -> Chunk: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Chunk, ...]: ...
    def __getitem__(self, index: int | slice) -> Chunk | tuple[Chunk, ...]:
        return tuple(self)[index]


STOPPED_HALFWAY = "it was stopped before the whole answer had come"
"""The message of an answer that a person stopped while it came."""


@record
class ApiError(Record):
    """A request that gave no usable answer, classified. `kind` is a problem code (`rate_limited`,
    `context_length_exceeded`, …).
    """

    kind: str
    """The problem code."""
    message: str
    """What to tell a person: the innermost message of the server, or the transport's."""
    status: int | None = None
    """HTTP status; None when no answer came."""
    retryable: bool = False
    """Whether the same request may succeed later."""
    retry_after: float | None = field(default=None, compare=False)
    """Seconds the server asked to wait."""
    upstream_message: str | None = None
    """The message of a provider behind a gateway, where the body holds one."""
    code: str | None = None
    """The server's own error code or type, verbatim."""
    param: str | None = None
    """The request field the server complains about."""
    hint: str = ""
    """What to change, in one sentence, where it is known."""
    unknown: Unknown | None = field(default=None, compare=False)
    """What a newer version's file held beside it; None where there was nothing."""

    @property
    def stopped(self) -> bool:
        """Whether a person stopped the answer while it came."""
        return self.message == STOPPED_HALFWAY

    def summary(self) -> str:
        return f"{self._heading}: {clip(self.message, 100)}"

    def __str__(self) -> str:
        text = visible(f"{self._heading}: {self.message}")
        hint = visible(self.hint)
        if not hint:
            return text
        return f"{text}\n{hint}" if "\n" in text else f"{text.rstrip('.')}; {hint}"

    @property
    def _heading(self) -> str:
        return f"{self.kind} {self.status}" if self.status else self.kind


@record
class Exchange(Record):
    """One request's answer as it crossed the wire. The request itself is the trajectory's prefix
    and is derived, not stored again.
    """

    body: str = ""
    """The answer's text; "" while streaming and when none came."""
    status: int | None = None
    """HTTP status; None for an object that was handed over without HTTP, or when no answer came."""
    url: str = field(default="", compare=False)
    """Where it was sent, without credentials; "" where it was not sent over HTTP."""
    headers: tuple[tuple[str, str], ...] = field(default=(), compare=False)
    """Answer headers worth keeping, lower-case names; never cookies or credentials."""
    chunks: Sequence[Chunk] = field(default=(), compare=False)
    """The pieces of a streamed answer, in order; a tuple, or what reads like one and is packed."""
    transport_error: ApiError | None = None
    """Set where no complete answer came: time-out, refused connection, cut stream."""
    started: float | None = field(default=None, compare=False)
    """Unix time in seconds when the request was sent."""
    elapsed: float | None = field(default=None, compare=False)
    """Seconds from sending to the last byte."""
    retries: tuple[ApiError, ...] = field(default=(), compare=False)
    """Failed tries before this answer."""
    by_hand: bool = field(default=False, compare=False)
    """Whether a person wrote it in place of a server's answer."""
    redacted: bool = field(default=False, compare=False)
    """Whether a secret was taken out of it."""
    injected: str | None = field(default=None, compare=False)
    """The fault that was put in on purpose, by `ak.testing.inject`."""
    unknown: Unknown | None = field(default=None, compare=False)
    """What a newer version's file held beside it; None where there was nothing."""

    @property
    def text(self) -> str:
        """The answer's text, streamed or not."""
        if self.body or not self.chunks:
            return self.body
        if isinstance(self.chunks, PackedChunks):
            return self.chunks.text
        return "".join(chunk.text for chunk in self.chunks)

    @property
    def raw(self) -> Any:
        """The answer as parsed JSON, or its text where it is not JSON."""
        try:
            return _json(self.body)
        except (ValueError, RecursionError):
            return self.text

    def pack(self) -> None:
        """Pack the pieces, which are the same afterwards, where that saves memory."""
        chunks, plain = self.chunks, type(self.chunks) is tuple
        if plain and len(chunks) >= _PACKED and all(map(_is_plain, chunks)):
            object.__setattr__(self, "chunks", PackedChunks(chunks))

    def summary(self) -> str:
        kind = f"{len(self.chunks)} chunks" if self.chunks else f"{len(self.body)} characters"
        return f"by hand, {kind}" if self.by_hand else f"status={self.status} {kind}"


_PACKED = 4
"""So many pieces are packed; fewer take little."""


def _is_plain(chunk: Chunk) -> bool:
    return type(chunk.at) is float and chunk.unknown is None


@record
class Usage(Record):
    """The tokens of one answer as the server counted them; None where it did not say."""

    input_tokens: int | None = None
    """All that the model read, what came from the prefix cache included."""
    output_tokens: int | None = None
    """All that the model wrote, reasoning included."""
    reasoning_tokens: int | None = None
    """Part of `output_tokens` spent on reasoning, where the server says so."""
    cached_tokens: int | None = None
    """Part of `input_tokens` served from the prefix cache, where the server says so."""
    raw: dict[str, Any] | None = field(default=None, compare=False)
    """The `usage` object as sent, with counts that only this server knows; None where it is not
    kept.
    """

    @property
    def total_tokens(self) -> int:
        """The server's own total where `raw` has one, else what was read and written together."""
        own = self.raw.get("total_tokens") if self.raw else None
        return own if type(own) is int else self.counted_tokens

    @property
    def counted_tokens(self) -> int:
        """What was read and what was written together, whatever total the server gives."""
        return (self.input_tokens or 0) + (self.output_tokens or 0)

    def summary(self) -> str:
        return f"{self.input_tokens}→{self.output_tokens} tokens"


def covered(intervals: Iterable[tuple[float | None, float | None]]) -> float:
    """Add up the seconds that (start, length) intervals cover, overlaps once."""
    total, end = 0.0, float("-inf")
    known = [(at, length) for at, length in intervals if at is not None and length is not None]
    for start, length in sorted(known):
        total += max(0.0, start + length - max(start, end))
        end = max(end, start + length)
    return total


@record
class TokenLogprob(Record):
    """One token the model wrote, and how likely it was."""

    token: str
    """The token's text as the server gave it."""
    logprob: float
    """Natural logarithm; −9999 is what vLLM and OpenAI send for "not among the candidates"."""
    token_id: int | None = None
    """Its id in the vocabulary, where the server returned it."""
    top: tuple[tuple[str, float], ...] = ()
    """The alternatives the server listed, as (token, logprob), best first."""


@record
class Flow(Record):
    """One request of an agent that is not ours and what came back, as they crossed the wire (the
    word is mitmproxy's).
    """

    number: int
    """Place among the requests in order of arrival, from 0."""
    label: str = ""
    """The label in the path it was sent to; "" where it had none."""
    method: str = "POST"
    """The request's HTTP method."""
    path: str = ""
    """The request's path and query below the token and the label (`/v1/chat/completions`)."""
    headers: tuple[tuple[str, str], ...] = field(default=(), compare=False)
    """Headers of the request, lower-case names; never credentials."""
    body: str = ""
    """The request's text as the server got it, secrets taken out."""
    original_body: str | None = None
    """The request's text as the agent sent it, where a person changed it on its way."""
    started: float | None = field(default=None, compare=False)
    """Unix time in seconds when it arrived."""
    exchange: Exchange | None = None
    """The answer as the agent got it; None while it is awaited."""
    original_exchange: Exchange | None = None
    """The answer as the server gave it, where a person changed it on its way."""
    waited: float | None = field(default=None, compare=False)
    """Seconds for which a person held it; None where nobody did."""
    problems: tuple[Problem, ...] = field(default=(), compare=False)
    """What of ours failed while it passed: it was too large to be kept, could not be read, or could
    not be written to the record. The rollout's problems have them too.
    """
    unknown: Unknown | None = field(default=None, compare=False)
    """What a newer version's file held beside it; None where there was nothing."""

    def summary(self) -> str:
        came = self.exchange.summary() if self.exchange else "in flight"
        return f"{self.number} {self.method} {clip(self.path, 60)} → {came}"

"""The wire: what was asked, what came back, byte for byte, and what a failed request was read
as.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field
from typing import Any, overload

from agentkit.types.problem import Problem
from agentkit.types.record import Record, Unknown, clip, record
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
    chunks: tuple[Chunk, ...] = field(default=(), compare=False)
    """The pieces of a streamed answer, in order."""
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
        return self.body or "".join(chunk.text for chunk in self.chunks)

    @property
    def raw(self) -> Any:
        """The answer as parsed JSON, or its text where it is not JSON."""
        try:
            return _json(self.body)
        except (ValueError, RecursionError):
            return self.text

    def summary(self) -> str:
        kind = f"{len(self.chunks)} chunks" if self.chunks else f"{len(self.body)} characters"
        return f"by hand, {kind}" if self.by_hand else f"status={self.status} {kind}"


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


_STEPS = 4
"""Sequences before one of token ids that are looked at for what two have in common."""


class TokenIds(Sequence[int]):
    """An immutable sequence of token ids that shares what it has in common with the sequence before
    it.

    A server that returns the prompt's ids returns the whole history at every turn; kept as
    `base[:shared] + own`, a rollout's memory grows with its tokens and not with their square. Reads
    like a tuple of ints; `len`, slices, iteration and equality are linear at worst.
    """

    __slots__ = ("_base", "_own", "_shared")

    def __init__(self, ids: Iterable[int] = (), *, base: TokenIds | None = None) -> None:
        own = ids._flat() if isinstance(ids, TokenIds) else array("q", ids)
        shared = 0
        if base is not None:
            shared = _common_prefix(base._flat(), own)
        self._base = base if shared else None
        self._shared = shared
        self._own = own[shared:] if shared else own

    def _flat(self) -> array[int]:
        parts: list[array[int]] = []
        node: TokenIds | None = self
        limit = len(self)
        while node is not None:
            parts.append(node._own[: max(0, limit - node._shared)])
            limit = min(limit, node._shared)
            node = node._base
        flat = array("q")
        for part in reversed(parts):
            flat.extend(part)
        return flat

    @property
    def shared(self) -> int:
        """How many leading ids are shared with the sequence before."""
        return self._shared

    def common(self, other: Iterable[int]) -> int:
        """Count the leading ids that the two have in common."""
        if not isinstance(other, TokenIds):
            return _common_prefix(self._flat(), array("q", other))
        known = self._known_common(other)
        return known + _common_prefix(self._from(known), other._from(known))

    def _known_common(self, other: TokenIds) -> int:
        """Count leading ids that the two are known to have in common, as both share them with the
        same sequence before.
        """
        mine = {id(node): limit for node, limit in self._nearest()}
        shared = (min(limit, mine.get(id(node), 0)) for node, limit in other._nearest())
        return next(filter(None, shared), 0)

    def _nearest(self) -> Iterator[tuple[TokenIds, int]]:
        """Yield itself and the sequences before it, with how many ids it has in common with each;
        a few, as more would be as long a way as comparing.
        """
        node: TokenIds | None = self
        limit = len(self)
        for _ in range(_STEPS):
            if node is None:
                return
            yield node, limit
            limit = min(limit, node._shared)
            node = node._base

    def _from(self, start: int, stop: int | None = None) -> array[int]:
        """Copy what is behind a position; linear in that, where it lies behind what is shared."""
        stop = len(self) if stop is None else stop
        if start >= self._shared:
            return self._own[start - self._shared : max(0, stop - self._shared)]
        parts: list[array[int]] = []
        node: TokenIds | None = self
        while node is not None and start < stop:
            begin = max(0, start - node._shared)
            parts.append(node._own[begin : max(begin, stop - node._shared)])
            stop = min(stop, node._shared)
            node = node._base
        found = array("q")
        for part in reversed(parts):
            found.extend(part)
        return found

    def __add__(self, other: Iterable[int]) -> TokenIds:
        """Join these ids and the others to a sequence that goes on from these."""
        joined = TokenIds(other)
        if len(self):
            joined._base, joined._shared = self, len(self)
        return joined

    def __len__(self) -> int:
        return self._shared + len(self._own)

    def __iter__(self) -> Iterator[int]:
        return iter(self._flat())

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[int, ...]: ...
    def __getitem__(self, index: int | slice) -> int | tuple[int, ...]:
        start, stop, step = index.indices(len(self)) if isinstance(index, slice) else (0, 0, 0)
        if step == 1:
            return tuple(self._from(start, stop))
        return tuple(self._flat()[index]) if isinstance(index, slice) else self._flat()[index]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, TokenIds):
            return len(self) == len(other) and self._flat() == other._flat()
        if isinstance(other, (tuple, list)):
            return len(self) == len(other) and list(self._flat()) == list(other)
        return NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self._flat()))

    def __repr__(self) -> str:
        head = ", ".join(str(i) for i in self[:6])
        return f"<TokenIds {len(self)}: {head}{', …' if len(self) > 6 else ''}>"


def _common_prefix(a: array[int], b: array[int]) -> int:
    """Count the leading items two arrays share, by bisection: slices compare at memory speed."""
    size = min(len(a), len(b))
    if a[:size] == b[:size]:
        return size
    low, high = 0, size
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if a[:middle] == b[:middle] else (low, middle - 1)
    return low


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

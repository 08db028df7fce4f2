"""What passed, as a flow: read into texts, secrets taken out."""

from __future__ import annotations

import codecs
import re
from dataclasses import replace
from functools import lru_cache
from urllib.parse import urlsplit

from agentkit.servers.arrival import MOST_BYTES, Arrival
from agentkit.servers.redaction.exchange_text import deep_spans
from agentkit.servers.redaction.kept_headers import clean_url, kept_headers
from agentkit.servers.redaction.known_secrets import remember
from agentkit.servers.redaction.redactor import AS_IT_CAME, Redactor, cut
from agentkit.servers.redaction.secrecy import Secrecy
from agentkit.servers.redaction.secret_names import holds_no_secret, is_given
from agentkit.servers.redaction.secret_values import header_secrets, url_secrets
from agentkit.servers.transport.encodings import DamagedError, inflater
from agentkit.tap.carrier.sieve import is_clean
from agentkit.tap.seam.passing import MOST_KEPT, GoneError, Passing
from agentkit.types.problem import Problem, problem
from agentkit.types.request import Spec
from agentkit.types.wire import ApiError, Chunk, Exchange, Flow

_STREAM = re.compile(rb'"stream"\s*:\s*true')
_EVENT_STREAMS = frozenset(
    f"text/event-stream{charset}" for charset in ("", "; charset=utf-8", ";charset=utf-8")
)
_GONE = "the agent closed its connection before the whole answer had come"
_TOO_LARGE = ApiError(
    kind="body_too_large",
    message=f"it is larger than {MOST_KEPT:,} bytes; what is beyond passed, and is not kept",
)
_SPEC = Spec()


class FlowReader:
    """Reads what passed. It is used by one thread."""

    def __init__(self) -> None:
        self._secrecy = Secrecy()

    def redactor(self) -> Redactor:
        """Give what knows the secrets by now."""
        return self._secrecy.redact

    def request(self, passing: Passing) -> Flow:
        """Read the request alone."""
        headers = [(_name(name), _text(value)) for name, value in passing.headers]
        given = [pair for pair in headers if not _kept(pair[0])]
        remember(header_secrets(given))
        if "?" in passing.url or "@" in passing.url:
            remember(url_secrets(passing.url))
        redact = self._secrecy.redact
        body = b"".join(passing.body)
        sent = body if passing.changed is None else passing.changed
        text = _clean(_inflated(sent, headers), redact)
        original = None if passing.changed is None else _clean(_inflated(body, headers), redact)
        return Flow(
            number=passing.number,
            label=redact(passing.label),
            method=passing.method,
            path=redact(_clean_path(passing.path) if "?" in passing.path else passing.path),
            headers=tuple((name, redact(value)) for name, value in headers if _kept(name)),
            body=text,
            original_body=original,
            started=passing.started,
            waited=passing.waited,
            problems=_cut_problems(passing),
        )

    def flow(self, passing: Passing) -> Flow:
        """Read the request and its answer."""
        flow = self.request(passing)
        own = self._answer(passing, passing)
        if passing.substitute is None:
            return replace(flow, exchange=own)
        given = replace(self._answer(passing, passing.substitute), by_hand=True)
        asked = passing.status is not None or passing.error is not None
        return replace(flow, exchange=given, original_exchange=own if asked else None)

    def _answer(self, passing: Passing, came: Passing) -> Exchange:
        """Read the answer, secrets taken out."""
        exchange = self.raw(passing, came)
        if is_clean(exchange, self._secrecy.redact):
            return exchange
        return self._secrecy.answer(_SPEC, exchange, 0).exchange

    def raw(self, passing: Passing, came: Passing) -> Exchange:
        """Read an answer as it came.

        Args:
            passing: the request.
            came: its answer, or what the agent got in place of it.
        """
        headers = {_text(name).lower(): _text(value) for name, value in came.answer_headers}
        if (plain := self._plain_stream(passing, came, headers)) is not None:
            return plain
        clock = _Times()
        arrival = Arrival(
            clock=clock,
            stream=asks_for_stream(passing) or "event-stream" in headers.get("content-type", ""),
            redact=AS_IT_CAME,
            url=clean_url(passing.url) if "?" in passing.url else passing.url,
            most=MOST_BYTES,
        )
        if came.status is not None:
            arrival.answered(came.status, headers)
            arrival.inflates()
        for clock.now, piece in came.pieces:
            arrival.feed(piece)
        clock.now = came.elapsed
        if came.error is not None and not isinstance(came.error, GoneError):
            arrival.fail(came.error)
        exchange = replace(arrival.exchange(), started=passing.started)
        if isinstance(came.error, GoneError) and not arrival.done:
            gone = ApiError(kind="connection_reset", message=_GONE)
            exchange = replace(exchange, transport_error=gone)
        if came.cut:
            exchange = replace(exchange, transport_error=exchange.transport_error or _TOO_LARGE)
        return exchange

    def _plain_stream(
        self, passing: Passing, came: Passing, headers: dict[str, str]
    ) -> Exchange | None:
        """Read a stream of which nothing has to be found out, as nearly all are, at a fraction of
        the cost; None for any other answer.
        """
        if came.error or came.cut or came.status != 200 or "content-encoding" in headers:
            return None
        first = came.pieces[0][1] if came.pieces else b""
        known = headers.get("content-type", "").lower() in _EVENT_STREAMS
        if not known or not first.startswith((b"data:", b"event:", b":")):
            return None
        decode = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode
        texts = [(at, decode(piece)) for at, piece in came.pieces]
        if rest := decode(b"", True):
            texts.append((texts[-1][0], rest))
        return Exchange(
            status=came.status,
            url=clean_url(passing.url) if "?" in passing.url else passing.url,
            headers=kept_headers(headers, AS_IT_CAME),
            chunks=tuple(Chunk(at=at, text=text) for at, text in texts if text),
            started=passing.started,
            elapsed=came.elapsed,
        )


def _cut_problems(passing: Passing) -> tuple[Problem, ...]:
    """Tell of what passed and is not kept."""
    cut = {"request": passing.body_cut, "answer": passing.cut}
    return tuple(
        problem("flow_cut", f"the {name} is larger than {MOST_KEPT:,} bytes, and is not kept whole")
        for name, is_cut in cut.items()
        if is_cut
    )


def asks_for_stream(passing: Passing) -> bool:
    """Tell whether a request asks for a stream."""
    return any(map(_STREAM.search, passing.body))


def read_body(passing: Passing) -> str:
    """Read the body of a request as it came."""
    headers = [(_name(name), _text(value)) for name, value in passing.headers]
    return _text(_inflated(b"".join(passing.body), headers))


class _Times:
    """A clock that shows when a piece came."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


@lru_cache(maxsize=1024)
def _name(raw: bytes) -> str:
    return _text(raw).lower()


@lru_cache(maxsize=1024)
def _kept(name: str) -> bool:
    return holds_no_secret(name) or not is_given(name)


def _clean_path(path: str) -> str:
    """Take secret query values out of a path."""
    parts = urlsplit(clean_url(f"http://x{path}"))
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _clean(raw: bytes, redact: Redactor) -> str:
    text = _text(raw)
    return cut(text, spans) if (spans := deep_spans(text, redact)) else text


def _inflated(raw: bytes, headers: list[tuple[str, str]]) -> bytes:
    """Give a body as it is read: agents that compress theirs say so."""
    encoding = ",".join(value for name, value in headers if name == "content-encoding")
    inflate = inflater(encoding) if encoding else None
    if inflate is None:
        return raw
    try:
        return inflate(raw, MOST_BYTES)
    except DamagedError:
        return raw

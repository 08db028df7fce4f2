"""What an exception of a client means: one table for openai, httpx, aiohttp and plain sockets, read
by the names of the classes.

The whole chain of causes is looked at, because the outermost class misleads: openai's aiohttp
backend reports a connection that was closed by the server as a connect time-out.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from agentkit.read.failure.error import read_error
from agentkit.types.record import clip
from agentkit.types.wire import ApiError


@dataclass(frozen=True, slots=True)
class _Rule:
    names: frozenset[str]
    """Class names, of the exceptions in the chain or of their bases."""
    kind: str
    retryable: bool
    fact: str
    hint: str = ""


def _rule(names: str, kind: str, retryable: bool, fact: str, hint: str = "") -> _Rule:
    return _Rule(frozenset(names.split()), kind, retryable, fact, hint)


_CLOSED = "the connection was closed before the answer was complete"
_LATE = "no complete answer in time"
_LONGER = "raise timeout= of the server, or ask for fewer tokens"
_REACHED = "can {url} be reached from here?"
_LOG = (
    "the log of the server may say why it closed; where it always does, is {url} its port, and http"
    " or https as it speaks it?"
)
_LOOP = "an async client works on one event loop only; give a sync client, or ak.Server(url)"
_REFUSED = _rule(
    "", "connection_failed", True, "the connection was refused", "is the server running at {url}?"
)
_NOT_HTTP = _rule(
    "ClientResponseError HttpProcessingError",
    "bad_response",
    False,
    "what came back is not HTTP",
    "is {url} the port of the server?",
)
_BROKEN_HTTP = re.compile(
    r"^(?:illegal|malformed|bad content-length|conflicting|only transfer-encoding"
    r"|received server|informationalresponse)",
    re.IGNORECASE,
)
"""How h11 begins to say that an answer is no HTTP; it has one class for that and for a connection
that was closed.
"""
_PROXY = _rule(
    "ProxyError ClientProxyConnectionError ClientHttpProxyError",
    "connection_failed",
    True,
    "the proxy gave no connection",
    "check HTTP_PROXY, HTTPS_PROXY and NO_PROXY in the environment",
)

_RULES = (
    _rule(
        "DecodingError ContentEncodingError",
        "content_encoding_bad",
        False,
        "the body is not what its content-encoding says",
        "a proxy in between may have changed the body or its headers",
    ),
    _rule(
        "gaierror ClientConnectorDNSError",
        "connection_failed",
        False,
        "the host name is not known",
        "check the host name in {url}",
    ),
    _rule(
        "AddressError",
        "connection_failed",
        False,
        "the request could not be sent",
        "a proxy is an http:// URL in HTTP_PROXY, HTTPS_PROXY or ALL_PROXY; hosts named in NO_PROXY"
        " need none; is {url} right?",
    ),
    _PROXY,
    _rule(
        "SSLCertVerificationError CertificateError ClientConnectorCertificateError",
        "connection_failed",
        False,
        "no TLS connection, the certificate is not trusted",
        "set SSL_CERT_FILE to a PEM file with the certificate of {url}, or of who signed it",
    ),
    _rule(
        "SSLError ClientSSLError",
        "connection_failed",
        False,
        "no TLS connection",
        "does {url} speak https, on this port?",
    ),
    _rule("ConnectionRefusedError", "connection_failed", True, _REFUSED.fact, _REFUSED.hint),
    _rule(
        "ConnectionTimeoutError PoolTimeout",
        "connection_failed",
        True,
        "no connection in time",
        _REACHED,
    ),
    _rule(
        "ServerDisconnectedError ClientPayloadError ConnectionResetError BrokenPipeError"
        " ConnectionAbortedError EndOfStream",
        "connection_reset",
        True,
        _CLOSED,
        _LOG,
    ),
    _rule(
        "ClientConnectorError ConnectError", "connection_failed", True, "no connection", _REACHED
    ),
    _rule(
        "UnsupportedProtocol InvalidURL LocalProtocolError",
        "connection_failed",
        False,
        "the request could not be sent",
    ),
    _NOT_HTTP,
    _rule(
        "ServerTimeoutError ReadTimeout WriteTimeout TimeoutError", "timeout", True, _LATE, _LONGER
    ),
    _rule("ConnectTimeout", "connection_failed", True, "no connection in time", _REACHED),
    _rule("TimeoutException APITimeoutError", "timeout", True, _LATE, _LONGER),
    _rule(
        "ReadError WriteError CloseError RemoteProtocolError ClientOSError ConnectionError",
        "connection_reset",
        True,
        _CLOSED,
        _LOG,
    ),
    _rule(
        "RequestError APIConnectionError OSError ClientError",
        "connection_failed",
        True,
        "no connection",
        _REACHED,
    ),
)

_UNREACHABLE = {errno.ENETUNREACH, errno.EHOSTUNREACH}


def transport_error(exc: BaseException, url: str = "", *, seconds: float | None = None) -> ApiError:
    """Classify a request that got no complete answer by the exception it ended in; an unknown one
    is a `server_error`.

    Args:
        exc: what the client raised.
        url: the server's address without credentials, for the hint.
        seconds: the limit that was passed, where it was ours.
    """
    found = list(chain(exc))
    rule = _matching(found)
    if rule is None:
        return ApiError(
            kind="server_error",
            message=named(exc),
            hint=_LOOP if "event loop" in str(exc).lower() else "",
        )
    if seconds is not None and rule.kind == "timeout":
        message = f"{rule.fact.replace(' in time', '')} within {seconds:g} seconds"
    else:
        detail = clip(_words(found, rule), 300)
        message = f"{rule.fact}: {detail}" if detail else rule.fact
    return ApiError(
        kind=rule.kind,
        message=message,
        retryable=rule.retryable,
        hint=rule.hint.format(url=url or "the server's url"),
    )


def raised_error(exc: BaseException, status: int | None, headers: Any, body: str) -> ApiError:
    """Classify what a `chat_completion` object raised by the answer the exception carries, else by
    its type; the message is `Type: message`.

    Args:
        exc: what was raised.
        status: the HTTP status it carries; None where it carries no answer.
        headers: the answer's headers.
        body: the answer's text.
    """
    if status is not None:
        return replace(read_error(status, headers, body), message=named(exc))
    return replace(transport_error(exc), message=named(exc), hint="")


def chain(exc: BaseException | None, *, hidden: bool = False) -> Iterator[BaseException]:
    """Walk through the exception, its causes, the members of groups among them, and what was passed
    on as an argument (httpcore does), outermost first.

    Args:
        hidden: follow what `raise … from …` hides as well.
    """
    seen: set[int] = set()
    waiting = [exc]
    while waiting:
        current = waiting.pop(0)
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        waiting.append(current.__cause__)
        waiting.append(current.__context__ if hidden or not current.__suppress_context__ else None)
        waiting.extend(current.exceptions if isinstance(current, BaseExceptionGroup) else ())
        waiting.extend(arg for arg in current.args if isinstance(arg, BaseException))


def _matching(found: list[BaseException]) -> _Rule | None:
    names = {name for e in found for name in _names(e)}
    if not _PROXY.names & names and any(_refused(e) for e in found):
        return _REFUSED
    if any(_is_broken_http(e) for e in found):
        return _NOT_HTTP
    return next((rule for rule in _RULES if rule.names & names), None)


def _names(exc: BaseException) -> set[str]:
    return {cls.__name__ for cls in type(exc).__mro__}


def _words(found: list[BaseException], rule: _Rule) -> str:
    """Quote the text of the innermost exception that the rule is about."""
    special = {_REFUSED: _refused, _NOT_HTTP: _is_broken_http}.get(rule, lambda e: False)
    inner = [e for e in reversed(found) if _names(e) & rule.names or special(e)]
    return next((text for e in (*inner, *found) if (text := _text(e))), "")


def _is_broken_http(exc: BaseException) -> bool:
    return "RemoteProtocolError" in _names(exc) and _BROKEN_HTTP.match(str(exc)) is not None


def _text(exc: BaseException) -> str:
    """Give the exception's text; of aiohttp's parser without the status 400 it makes up."""
    message = getattr(exc, "message", None)
    parsed = "HttpProcessingError" in _names(exc) and isinstance(message, str)
    return " ".join(str(message if parsed else exc).split())


def _refused(exc: BaseException) -> bool:
    """Tell whether a connection was refused; the event loop joins several tries into one error, and
    only its text shows what they were.
    """
    return isinstance(exc, OSError) and (
        exc.errno == errno.ECONNREFUSED or f"[Errno {errno.ECONNREFUSED}]" in str(exc)
    )


def named(exc: BaseException) -> str:
    """Write an exception as `Type: message`; of a wrapper that only shows an object's address
    (tenacity's `RetryError`), what it wraps.
    """
    while " at 0x" in str(exc) and exc.__cause__ is not None:
        exc = exc.__cause__
    text = str(exc)
    return f"{type(exc).__name__}: {text}" if text else type(exc).__name__

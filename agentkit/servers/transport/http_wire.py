"""HTTP by aiohttp: one session for a server and an event loop, which sends ready bytes to one URL
and gives the answer back unread.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Mapping
from http.client import SWITCHING_PROTOCOLS
from typing import Any, cast

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from multidict import CIMultiDict
from yarl import URL

from agentkit.servers.address import AddressError
from agentkit.servers.transport.certificates import tls_context
from agentkit.servers.transport.proxies import Proxy
from agentkit.types.wire import VERSION

_CONNECT_SECONDS = 10.0
_LOOKUP_SECONDS = 20.0
"""More than for the connection alone, where a name or a proxy's tunnel takes time."""
_KEEPALIVE_SECONDS = 4.0
"""Less than the 5 seconds after which uvicorn, and so vLLM and SGLang, closes an idle connection:
none is used just as it goes.
"""
_LONGEST_HEADER = 2**16
"""Bytes; more than any known gateway sends."""
_SLICE = 2**18
"""Bytes sent at once: a body sent whole would hold up the event loop, and from 1 MiB on aiohttp
warns of it.
"""
_OWN_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",  # pieces of a stream are seen as the server makes them
    "Content-Type": "application/json",
    "User-Agent": f"agentkit/{VERSION}",
}


class HttpAnswer:
    """An answer whose body is unread, with the names that an httpx response has."""

    __slots__ = ("_ending", "headers", "raw", "status_code")

    request = None
    is_stream_consumed = False

    def __init__(self, raw: aiohttp.ClientResponse) -> None:
        self.raw = raw
        self.status_code = raw.status
        self.headers = raw.headers
        framed = "Content-Length" in raw.headers or "Transfer-Encoding" in raw.headers
        self._ending = None if framed or raw.connection is None else raw.connection.protocol
        """The connection whose end is the answer's too; None where it tells its own."""

    @property
    def cut(self) -> Exception | None:
        """What the answer's connection was lost by, where its end would be the answer's."""
        lost: Any = None if self._ending is None else self._ending.exception()
        return lost if isinstance(lost, OSError) else None


class _Connections(aiohttp.TCPConnector):
    """Keeps connections for further requests, but none on which something came unasked: it would be
    taken for the next answer.
    """

    async def connect(self, req: Any, traces: Any, timeout: Any) -> Any:
        """Give a connection as aiohttp does; a new one is given whatever its server says first."""
        while True:
            connection: Any = await super().connect(req, traces, timeout)
            protocol = connection.protocol
            if not (hasattr(protocol, "ak_used") and protocol.should_close):
                protocol.ak_used = True
                return connection
            connection.close()


class HttpWire:
    """Sends to one URL on the event loop that it was made on.

    Args:
        url: the whole URL, with its query.
        headers: the caller's headers; each takes the place of ours of that name.
        proxy: what to go through; None: straight.
        timeout: seconds for a whole answer, which limit the time for a connection too.

    Raises:
        AddressError: the URL names a host that no connection can be made to.
    """

    def __init__(
        self, url: str, headers: Mapping[str, str], proxy: Proxy | None, timeout: float | None
    ) -> None:
        # What is ASCII was encoded by whoever gave it, and may be signed as it stands.
        try:
            self._url = URL(url, encoded=url.isascii())
        except ValueError as exc:
            raise AddressError(f"the address is none: {exc}") from None
        secure = self._url.scheme == "https"
        given = {name.lower() for name in headers}
        own = {name: value for name, value in _OWN_HEADERS.items() if name.lower() not in given}
        asked = proxy.headers if proxy and not secure else {}
        # Not the session's own headers: aiohttp would send those to the proxy, the key with them.
        self._headers = CIMultiDict({**own, **headers, **asked})
        self._proxy: dict[str, Any] = {}
        if proxy:
            self._proxy = {"proxy": URL(proxy.url)}
            if secure:  # the tunnel's own request carries it, and no other
                self._proxy["proxy_headers"] = proxy.headers
        encrypted = secure or (proxy is not None and proxy.url.startswith("https:"))
        connector = _Connections(
            limit=0,  # the server counts its requests itself
            keepalive_timeout=_KEEPALIVE_SECONDS,
            resolver=aiohttp.ThreadedResolver(),
            ssl=tls_context() if encrypted else True,
        )
        self._reading: dict[Any, aiohttp.StreamReader] = {}
        most = timeout or _LOOKUP_SECONDS
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            max_line_size=_LONGEST_HEADER,
            max_field_size=_LONGEST_HEADER,
            read_bufsize=_SLICE,
            timeout=aiohttp.ClientTimeout(
                total=None,
                connect=min(_LOOKUP_SECONDS, most),
                sock_connect=min(_CONNECT_SECONDS, most),
            ),
        )

    async def post(
        self, body: bytes, url: str | None = None, more: Mapping[str, str] | None = None
    ) -> HttpAnswer:
        """Send the request and return the unread answer; raises what aiohttp raises.

        Args:
            body: the request's body.
            url: where to, in place of the wire's own URL.
            more: headers of this request alone.
        """
        to = self._url if url is None else URL(url, encoded=url.isascii())
        headers = CIMultiDict(self._headers, **more) if more else self._headers
        data = cast("bytes | AsyncGenerator[bytes, None]", body)
        if len(body) > _SLICE:
            headers = CIMultiDict(headers, **{"Content-Length": str(len(body))})
            data = slices(body)
        raw = await self._session.post(
            to,
            data=data,
            headers=headers,
            allow_redirects=False,
            **self._proxy,
        )
        self._watch(raw)
        return HttpAnswer(raw)

    def _watch(self, raw: aiohttp.ClientResponse) -> None:
        """See to it that reading ends where the framing of a body breaks in the middle: aiohttp
        then closes the connection, and leaves whoever reads from it waiting.
        """
        protocol = raw.connection.protocol if raw.connection else None
        if protocol is None:  # the answer is whole already
            return
        if protocol not in self._reading:
            if (closed := protocol.closed) is None:
                return
            closed.add_done_callback(lambda future: self._lost(protocol, future))
        self._reading[protocol] = raw.content

    def _lost(self, protocol: Any, closed: asyncio.Future[None]) -> None:
        if not closed.cancelled():
            closed.exception()  # has been looked at
        content, broken = self._reading.pop(protocol, None), protocol.exception()
        if content is not None and isinstance(broken, HttpProcessingError):
            content.set_exception(broken)

    async def pieces(self, answer: HttpAnswer, raw: bool) -> AsyncGenerator[bytes, None]:
        """Read the body as it crossed the wire, in the pieces in which it came."""
        content = answer.raw.content
        if answer.status_code == SWITCHING_PROTOCOLS:
            return  # what follows would be no HTTP, and have no end
        try:
            while piece := await content.readany():
                yield piece
        except (aiohttp.ClientError, HttpProcessingError):
            if left := _unread(content):
                yield left
            raise
        if answer.cut is not None:
            raise answer.cut

    async def close(self, answer: HttpAnswer) -> None:
        """Give the connection back where the answer came to its end, else close it."""
        answer.raw.close()

    def close_all(self) -> Coroutine[Any, Any, None]:
        """Close the session and its connections."""
        return self._session.close()


async def slices(body: bytes) -> AsyncGenerator[bytes, None]:
    """Cut a long body into what may be sent at once."""
    for start in range(0, len(body), _SLICE):
        yield body[start : start + _SLICE]


def _unread(content: Any) -> bytes:
    """Take what had come before a connection broke: aiohttp's reader raises before it gives that
    out, where both are there at once.
    """
    waiting = getattr(content, "_buffer", None) or ()
    offset: int = getattr(content, "_buffer_offset", 0)
    return b"".join(waiting)[offset:]

"""A server that is watched, as requests are sent to it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import Any

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from agentkit.servers.transport.http_wire import HttpAnswer, HttpWire, slices
from agentkit.servers.transport.proxies import proxy_for
from agentkit.tap.seam.outlet import end_to_end
from agentkit.tap.seam.passing import Passing

_NOT_ADDED = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
"""What aiohttp would add where the agent sent none."""

_CREDENTIALS = frozenset({"authorization", "x-api-key", "api-key"})
_SLICE = 2**18
"""Bytes sent at once: of a longer body, aiohttp warns."""

Body = bytes | AsyncGenerator[bytes, None] | None


class Upstream(HttpWire):
    """Sends the requests of an agent to its server as they came.

    Args:
        root: what stands in front of their paths.
        headers: headers that take the place of the agent's, by `messages` and `chat`: those that
            its `ak.Server` was given.
        query: a query that is added to each.
    """

    def __init__(self, root: str, headers: Mapping[str, dict[str, str]], query: str) -> None:
        self._root, self._query, self._own = root, query, headers
        super().__init__(root, {}, proxy_for(root), None)
        _mark_reuse(self._session)
        self._once: dict[HttpAnswer, HttpWire] = {}
        """Connections that were made for one answer."""

    def url_of(self, path: str) -> str:
        """Give the URL that a path stands for."""
        between = "&" if "?" in path else "?"
        return f"{self._root}{path}{between}{self._query}" if self._query else self._root + path

    async def send(self, passing: Passing, body: Body) -> HttpAnswer:
        """Send a request; raises what aiohttp raises. A connection that the server closed just as
        it was used again is no fault of the request: it is sent once more on a new one.

        Args:
            passing: what is sent.
            body: its body; pieces of it are sent once only.
        """
        headers = self._headers_of(passing)
        if isinstance(body, AsyncGenerator):
            length = next((v for n, v in passing.headers if n.lower() == b"content-length"), None)
            if length is not None:
                headers["Content-Length"] = length.decode()
        reused: dict[str, bool] = {}
        try:
            return await self._ask(self._session, passing, headers, body, reused)
        except (aiohttp.ServerDisconnectedError, ConnectionResetError, BrokenPipeError):
            if isinstance(body, AsyncGenerator) or not reused:
                raise
        # those that are idle now may be as old
        once = HttpWire(self._root, {}, proxy_for(self._root), None)
        try:
            answer = await self._ask(once._session, passing, headers, body, {})
        except BaseException:
            await once.close_all()
            raise
        self._once[answer] = once
        return answer

    def _headers_of(self, passing: Passing) -> CIMultiDict[str]:
        own = self._own["messages" if "/messages" in passing.path else "chat"]
        taken = [name.lower() for name in own]
        if not _CREDENTIALS.isdisjoint(taken):
            taken += _CREDENTIALS
        headers: CIMultiDict[str] = CIMultiDict(
            end_to_end(passing.headers, "host", "expect", "content-length", *taken)
        )
        headers.update(own)
        return headers

    async def close(self, answer: HttpAnswer) -> None:
        await super().close(answer)
        if once := self._once.pop(answer, None):
            await once.close_all()

    async def _ask(
        self,
        session: aiohttp.ClientSession,
        passing: Passing,
        headers: CIMultiDict[str],
        body: Body,
        reused: dict[str, bool],
    ) -> HttpAnswer:
        data: Any = body
        if isinstance(body, bytes) and len(body) > _SLICE:
            headers, data = headers.copy(), slices(body)
            headers["Content-Length"] = str(len(body))
        raw = await session.request(
            passing.method,
            URL(passing.url, encoded=True),
            data=data,
            headers=headers,
            skip_auto_headers=_NOT_ADDED,
            allow_redirects=False,
            trace_request_ctx=reused,
            **self._proxy,
        )
        self._watch(raw)
        return HttpAnswer(raw)

    async def close_each(self) -> None:
        """Close all connections."""
        await self.close_all()


def _mark_reuse(session: aiohttp.ClientSession) -> None:
    """Have a request told of whose connection was used before."""

    async def mark(_: Any, context: Any, __: Any) -> None:
        context.trace_request_ctx["reused"] = True

    async def unmark(_: Any, context: Any, __: Any) -> None:
        context.trace_request_ctx.pop("reused", None)

    config = aiohttp.TraceConfig()
    config.on_connection_reuseconn.append(mark)
    config.on_connection_create_end.append(unmark)  # what was kept could not be used
    config.freeze()
    session.trace_configs.append(config)

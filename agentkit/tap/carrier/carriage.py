"""Carries one request to its server and the answer back, byte for byte.

Nothing is read here: what passed is kept and given to the record when it has passed. What fails on
our side of it fails there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from itertools import count
from typing import Protocol

from aiohttp import web

from agentkit.servers.transport.http_wire import HttpAnswer
from agentkit.tap.carrier.routes import Route, Routes
from agentkit.tap.carrier.upstream import Body
from agentkit.tap.seam.holder import PASS, Holder, Substitute, Verdict
from agentkit.tap.seam.outlet import Outlet, end_to_end
from agentkit.tap.seam.passing import GoneError, Passing
from agentkit.tap.seam.relay import Relay

_WHOLE = 2**20
"""Bytes of a body that is read before it is sent; a longer one is sent as it comes."""
_NOT_SEEN = (
    '{"error": {"type": "not_supported", "message": "agentkit carries no WebSockets: use HTTP to'
    ' have the requests seen, or do without agentkit"}}'
)


class Log(Protocol):
    """Who is told of what passes."""

    following: bool
    """Whether pieces of answers are told."""

    def begin(self, passing: Passing) -> None:
        """Note that a request has come."""

    def piece(self, passing: Passing) -> None:
        """Note that a piece of its answer has come."""

    def end(self, passing: Passing) -> None:
        """Note that it is whole."""

    def report(self, exc: BaseException, number: int) -> None:
        """Note what of ours failed while it passed."""


class Carriage:
    """Answers the requests of agents by what their servers answer.

    Args:
        routes: finds the servers.
        log: is told of what passes.
        holder: stops what is to be looked at first.
        first: the number of the first request.
    """

    def __init__(self, routes: Routes, log: Log, holder: Holder, first: int = 0) -> None:
        self._routes, self._log, self._holder = routes, log, holder
        self._numbers = count(first)
        self._open = 0
        self._idle = asyncio.Event()
        self.closed = False
        """Whether new requests are refused."""

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        route = self._routes.find(request.raw_path, request.headers.get("Host", ""))
        if route is None or self.closed:
            return web.Response(status=404)
        passing = Passing(
            number=next(self._numbers),
            label=route.label,
            method=request.method,
            path=route.path,
            url=route.upstream.url_of(route.path),
            headers=request.raw_headers,
        )
        self._open += 1
        self._guarded(self._log.begin, passing)
        outlet = Outlet(request)
        try:
            await self._carry(request, route, passing, outlet)
        except asyncio.CancelledError:
            passing.end(GoneError())
            raise
        except Exception as exc:
            passing.end(exc)
            outlet.break_off(reset=isinstance(exc, ConnectionResetError))
        finally:
            passing.end()
            self._open -= 1
            if not self._open:
                self._idle.set()
            self._guarded(self._log.end, passing)
        return outlet.response or web.Response(status=502)

    async def join(self, seconds: float) -> None:
        """Wait for what is in flight, so many seconds at most."""
        self._idle.clear()
        if self._open:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._idle.wait()

    async def _carry(
        self, request: web.BaseRequest, route: Route, passing: Passing, outlet: Outlet
    ) -> None:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            await self._substitute(passing, outlet, Substitute(501, pieces=(_NOT_SEEN.encode(),)))
            outlet.break_off()
            return
        if request.headers.get("Expect", "").lower() == "100-continue":
            outlet.inform(100, "Continue")
        body = await self._body(request, passing)
        if self._holder.requests and not isinstance(body, AsyncGenerator):
            verdict = await self._asked(self._holder.request, passing, outlet)
            if verdict.answer is not None:
                await self._substitute(passing, outlet, verdict.answer)
                return
            if verdict.body is not None:
                body = passing.changed = verdict.body
        answer = await route.upstream.send(passing, body)
        try:
            raw = answer.raw
            passing.answered(raw.status, raw.reason or "", raw.raw_headers)
            pieces = route.upstream.pieces(answer, True)
            if self._holder.answers:
                await self._pass_whole(passing, outlet, pieces)
            else:
                await self._pass(passing, outlet, answer, pieces)
        finally:
            await route.upstream.close(answer)

    async def _body(self, request: web.BaseRequest, passing: Passing) -> Body:
        """Read the request's body, or give what reads it while it is sent."""
        if not request.body_exists:
            return None
        content = request.content
        length = request.content_length
        if (length is None or length > _WHOLE) and not self._holder.requests:
            return _read(request, passing)
        while not content.at_eof():
            piece = await content.readany()
            passing.take(piece)
            if passing.body_cut:  # too large to be stopped
                return _read(request, passing, (*passing.body, piece))
        return b"".join(passing.body)

    async def _pass(
        self,
        passing: Passing,
        outlet: Outlet,
        answer: HttpAnswer,
        pieces: AsyncGenerator[bytes, None],
    ) -> None:
        """Give the agent each piece as it comes. What has come together leaves together: each call
        of the system costs as much as all else.
        """
        content, headers = answer.raw.content, end_to_end(passing.answer_headers)
        if not content.total_bytes:
            await asyncio.sleep(0)  # servers send the first piece just behind their headers
        await outlet.begin(
            passing.status or 502,
            passing.reason,
            headers,
            more=content.total_bytes > 0,
        )

        def note(piece: bytes) -> None:
            passing.add(piece)
            if self._log.following:
                self._guarded(self._log.piece, passing)

        async for piece in pieces:
            note(piece)
            if content.at_eof() and answer.cut is None:
                await outlet.finish(piece)
                return
            await outlet.write(piece)
            await Relay(answer.raw, outlet, note).run()
        await outlet.finish()

    async def _pass_whole(
        self, passing: Passing, outlet: Outlet, pieces: AsyncGenerator[bytes, None]
    ) -> None:
        """Read the whole answer, and give the agent what is decided about it. One that is too large
        to be kept passes as it comes.
        """
        broken: Exception | None = None
        piece = b""
        try:
            async with self._holder.keep(passing, outlet):
                async for piece in pieces:
                    passing.add(piece)
                    if passing.cut:
                        break
                    self._log.piece(passing)
        except Exception as exc:
            broken = passing.error = exc
        if not passing.cut:
            verdict = await self._asked(self._holder.answer, passing, outlet)
            if verdict.answer is not None:
                await self._substitute(passing, outlet, verdict.answer)
                return
        headers = end_to_end(passing.answer_headers)
        await outlet.begin(passing.status or 502, passing.reason, headers)
        for _, kept in passing.pieces:
            await outlet.write(kept)
        if passing.cut:
            await outlet.write(piece)
            async for piece in pieces:
                await outlet.write(piece)
        if broken is not None:
            raise broken
        await outlet.finish()

    async def _asked(
        self, ask: Callable[[Passing, Outlet], object], passing: Passing, outlet: Outlet
    ) -> Verdict:
        try:
            verdict = await ask(passing, outlet)  # type: ignore[misc]
        except Exception as exc:
            self._guarded(self._log.report, exc, passing.number)
            return PASS
        passing.waited = verdict.waited or passing.waited
        found: Verdict = verdict
        return found

    async def _substitute(self, passing: Passing, outlet: Outlet, answer: Substitute) -> None:
        """Give the agent an answer in place of the server's."""
        headers = tuple((n.encode(), v.encode()) for n, v in answer.headers)
        came = Passing(passing.number, passing.label, passing.method, passing.path)
        came.answered(answer.status, "", headers)
        passing.substitute = came
        size = sum(map(len, answer.pieces))
        length = [] if len(answer.pieces) > 1 else [("Content-Length", str(size))]
        await outlet.begin(answer.status, "", [*answer.headers, *length])
        for piece in answer.pieces:
            came.add(piece)
            await outlet.write(piece)
        came.end()
        await outlet.finish()

    def _guarded(self, tell: Callable[..., None], *args: object) -> None:
        """Tell the log; what fails in it is no matter of the bytes."""
        try:
            tell(*args)
        except Exception as exc:
            number = args[-1] if isinstance(args[-1], int) else getattr(args[0], "number", -1)
            self._log.report(exc, number)


async def _read(
    request: web.BaseRequest, passing: Passing, begun: tuple[bytes, ...] = ()
) -> AsyncGenerator[bytes, None]:
    for piece in begun:
        yield piece
    while not request.content.at_eof():
        piece = await request.content.readany()
        passing.take(piece)
        yield piece

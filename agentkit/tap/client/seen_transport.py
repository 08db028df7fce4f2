"""A client's own HTTP transport, with what passes through it kept.

The transports and streams of httpx and of httpx2 are alike, but their classes are not: a stream has
to be one of the library that the client is built on.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from functools import cache
from typing import Any, Protocol

from agentkit.tap.client.client_holder import ClientHolder, OpenQuestion
from agentkit.tap.seam.passing import GoneError, Passing

_LIBRARIES = ("httpx", "httpx2")


class PassingLog(Protocol):
    """Who is told of what passes."""

    holder: ClientHolder
    """Stops what is to be looked at first."""

    def open(self, request: Any, label: str) -> Passing:
        """Note that a request leaves."""

    def piece(self, passing: Passing) -> None:
        """Note that a piece of its answer has come."""

    def end(self, passing: Passing) -> None:
        """Note that it is whole."""


class _Seen:
    """A stream that goes through piece by piece; each is shown before it is passed on.

    Args:
        stream: where the pieces come from.
        see: takes each piece.
        end: called once: with None where the stream came to its end, else with why it did not.
    """

    def __init__(
        self,
        stream: Any,
        see: Callable[[bytes], None],
        end: Callable[[BaseException | None], None],
    ) -> None:
        self._stream, self._see, self._end = stream, see, end

    def __iter__(self) -> Iterator[bytes]:
        try:
            for piece in self._stream:
                self._see(piece)
                yield piece
        except Exception as exc:
            self._end(exc)
            raise
        self._end(None)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._stream:
                self._see(piece)
                yield piece
        except Exception as exc:
            self._end(exc)
            raise
        self._end(None)

    def close(self) -> None:
        try:
            self._stream.close()
        finally:
            self._end(GoneError())

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        finally:
            self._end(GoneError())


@cache
def _seen_class(library: str, base: str) -> Any:
    """Make the class of seen streams that a library takes for one of its own."""
    return type(f"Seen{base}", (_Seen, getattr(sys.modules[library], base)), {})


def library_of(http_client: Any) -> str | None:
    """Name the library that an HTTP client is built on; None for one that is known to neither."""
    roots = (base.__module__.partition(".")[0] for base in type(http_client).__mro__)
    return next((root for root in roots if root in _LIBRARIES), None)


def _waited(question: OpenQuestion, holder: ClientHolder) -> Any:
    try:
        return question.result()
    except BaseException:  # an interrupt
        holder.leave(question)
        raise


async def _decided(question: OpenQuestion, holder: ClientHolder) -> Any:
    try:
        return await asyncio.wrap_future(question)
    except BaseException:  # the task is cancelled
        holder.leave(question)
        raise


class SeenTransport:
    """Passes requests to a client's own transport. Its connections belong to the client that it was
    taken from, and are closed by that one alone.

    Args:
        transport: the client's own.
        library: what the client is built on.
        log: is told of what passes.
        label: under which its requests are known.
    """

    def __init__(self, transport: Any, library: str, log: PassingLog, label: str = "") -> None:
        self.transport, self.label = transport, label
        self._library, self._log = library, log

    def handle_request(self, request: Any) -> Any:
        """Send a request."""
        passing = self._begun(request, "SyncByteStream")
        try:
            response = self._sent(request, passing)
        except BaseException as exc:
            self._finish(passing, exc)
            raise
        return self._answered(passing, response, "SyncByteStream")

    def _sent(self, request: Any, passing: Passing) -> Any:
        course = self._log.holder.course(request, passing, self._library)
        step = next(course)
        try:
            while True:
                if isinstance(step, OpenQuestion):
                    step = course.send(_waited(step, self._log.holder))
                elif hasattr(step, "status_code"):
                    for piece in step.stream:
                        passing.add(piece)
                    step.stream.close()
                    step = course.send(None)
                else:
                    step = course.send(self.transport.handle_request(step))
        except StopIteration as end:
            return end.value

    async def handle_async_request(self, request: Any) -> Any:
        """Send a request of an async client."""
        passing = self._begun(request, "AsyncByteStream")
        try:
            response = await self._awaited(request, passing)
        except BaseException as exc:
            self._finish(passing, exc)
            raise
        return self._answered(passing, response, "AsyncByteStream")

    async def _awaited(self, request: Any, passing: Passing) -> Any:
        course = self._log.holder.course(request, passing, self._library)
        step = next(course)
        while True:
            if isinstance(step, OpenQuestion):
                came: Any = await _decided(step, self._log.holder)
            elif hasattr(step, "status_code"):
                async for piece in step.stream:
                    passing.add(piece)
                came = await step.stream.aclose()
            else:
                came = await self.transport.handle_async_request(step)
            try:
                step = course.send(came)
            except StopIteration as end:
                return end.value

    def close(self) -> None:
        """Close nothing: the connections are the other client's."""

    async def aclose(self) -> None:
        """Close nothing: the connections are the other client's."""

    def __enter__(self) -> SeenTransport:
        return self

    def __exit__(self, *exc: object) -> None:
        return

    async def __aenter__(self) -> SeenTransport:
        return self

    async def __aexit__(self, *exc: object) -> None:
        return

    def _begun(self, request: Any, base: str) -> Passing:
        passing = self._log.open(request, self.label)
        try:
            passing.take(request.content)
        except Exception:  # a body that is made while it is sent
            made = _seen_class(self._library, base)
            request.stream = made(request.stream, passing.take, lambda _: None)
        return passing

    def _answered(self, passing: Passing, response: Any, base: str) -> Any:
        if passing.substitute is not None:
            self._finish(passing, None)
            return response
        passing.answered(response.status_code, "", response.headers.raw)
        made = _seen_class(self._library, base)

        def see(piece: bytes) -> None:
            passing.add(piece)
            self._log.piece(passing)

        response.stream = made(response.stream, see, lambda exc: self._finish(passing, exc))
        return response

    def _finish(self, passing: Passing, exc: BaseException | None) -> None:
        if passing.done:
            return
        passing.end(exc if exc is None or isinstance(exc, Exception) else GoneError())
        self._log.end(passing)

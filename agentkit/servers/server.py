"""An OpenAI-compatible server at a URL."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import functools
import os
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from types import NoneType
from typing import Any, Generic, Self, TypeVar
from urllib.parse import urlencode

from agentkit.errors import UsageError, checked_keywords
from agentkit.servers.address import (
    OPENAI_URL,
    auth_headers,
    choose_key,
    is_loopback,
    is_openai,
    parse_address,
)
from agentkit.servers.arrival import Arrival
from agentkit.servers.model_call import Call, Clock, Emit, needs_completion_tokens, request_body
from agentkit.servers.redaction.kept_headers import clean_url
from agentkit.servers.redaction.known_secrets import remember
from agentkit.servers.redaction.redactor import AS_IT_CAME, Redactor, Secret
from agentkit.servers.redaction.secret_values import header_secrets, login_secrets, url_secrets
from agentkit.servers.transfer import AsyncWire, http_library, load, transfer
from agentkit.types.wire import Exchange

T = TypeVar("T")
Close = Callable[[], Coroutine[Any, Any, None]]

_open: dict[object, tuple[asyncio.AbstractEventLoop, Close]] = {}
"""What is open in this process, for the exit hook."""

_CONNECT_SECONDS = 10.0
_KEEPALIVE_SECONDS = 4.0
"""Less than the 5 seconds after which uvicorn, and so vLLM and SGLang, closes an idle connection:
none is used just as it goes.
"""

_AMBIENT = ("OpenAI-Organization", "OpenAI-Project")


@functools.cache
def _tls() -> Any:
    """Make the one TLS context of the process: reading the certificates costs more than everything
    else in a new client.
    """
    return http_library().create_ssl_context()


@checked_keywords
class Server:
    """A server that speaks OpenAI's chat completions: OpenAI, vLLM, SGLang, llama.cpp, OpenRouter,
    ….

    Args:
        url: the base URL, as `http://localhost:8000/v1`; None: `OPENAI_BASE_URL`, else OpenAI.
        key: the API key. None: `OPENAI_API_KEY` for OpenAI's hosts, `OPENROUTER_API_KEY` for
            OpenRouter's, `AGENTKIT_API_KEY` for others, and `EMPTY` where that is not set. A key
            of the environment is never sent to another host, nor unencrypted over the internet.
        headers: more request headers; an `Authorization` here takes the key's place.
        profile: how the history is sent, a name of `agentkit.trajectory.history`; None leaves it to
            the agent.
        max_completion_tokens: send `max_tokens` under this newer name; None: for OpenAI's reasoning
            models.
        timeout: seconds for one answer, from sending to its last byte; None for no limit. Waiting
            for a free connection is not counted.
        connections: requests under way at once, per event loop; more wait.
        params: query parameters. httpx logs them with the URL, so a secret is better given as a
            header.
        clock: gives Unix time in seconds; another in tests.

    Raises:
        UsageError: the URL is none, or the host needs a key and there is none.
    """

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        profile: str | None = None,
        *,
        max_completion_tokens: bool | None = None,
        timeout: float | None = 600.0,
        connections: int = 512,
        params: Mapping[str, str] | None = None,
        clock: Clock = time.time,
    ) -> None:
        if connections < 1 or (timeout is not None and timeout <= 0):
            raise UsageError("timeout and connections must be positive")
        if not (isinstance(headers, Mapping | NoneType) and isinstance(params, Mapping | NoneType)):
            raise UsageError("headers and params are mappings", hint="headers={'X-Name': 'value'}")
        address = parse_address(url or os.environ.get("OPENAI_BASE_URL") or OPENAI_URL)
        own = auth_headers(address, choose_key(address, key, headers or {}), headers or {})
        self.url = address.url
        """The base URL in use, without credentials or query."""
        self.profile = profile
        self.timeout = timeout
        self.connections = connections
        self.max_completion_tokens = max_completion_tokens
        self._clock = clock
        self._host = address.host
        self._headers = {name: Secret(value) for name, value in own.items()}
        self._query = {
            name: Secret(str(value))
            for name, value in {**dict(address.query), **(params or {})}.items()
        }
        query = urlencode({name: value.reveal() for name, value in self._query.items()})
        full = f"{address.url}/chat/completions{'?' if query else ''}{query}"
        login = address.login.reveal() if address.login else ""
        secrets = [
            *header_secrets(own.items(), given=True),
            *url_secrets(full, given=True),
            *login_secrets(login),
        ]
        remember(secrets)
        self._redact = Redactor(secrets)
        self._shown = self._redact(clean_url(full))
        self._clients = PerLoop(self._connect)

    def __repr__(self) -> str:
        return f"<Server {self.url}{f' profile={self.profile!r}' if self.profile else ''}>"

    @property
    def redact(self) -> Redactor:
        """The function that takes this server's keys out of text."""
        return self._redact

    async def chat(self, call: Call, emit: Emit | None = None) -> Exchange:
        """Send one request and return its answer, errors included.

        Args:
            call: what to send.
            emit: called with each piece of a streamed answer, on the event loop of the request.

        Raises:
            UsageError: the request is not JSON.
        """
        body = request_body(call, completion_tokens=self._renames(call))
        await load()
        wire, slots, options = await self._clients.get()
        async with slots:
            arrival = Arrival(
                clock=self._clock,
                stream=call.stream,
                emit=emit,
                redact=AS_IT_CAME if call.raw else self._redact,
                url=self._shown,
            )
            return await transfer(
                wire, arrival, "/chat/completions", body, options, seconds=self.timeout
            )

    async def aclose(self) -> None:
        """Close the connections of all loops; the next request opens new ones. Not needed where
        the loop ends with the program.
        """
        await self._clients.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    def _renames(self, call: Call) -> bool:
        """Tell whether `max_tokens` goes out as `max_completion_tokens`."""
        if self.max_completion_tokens is not None:
            return self.max_completion_tokens
        return is_openai(self._host) and needs_completion_tokens(call.fields.get("model"))

    def _connect(self) -> tuple[tuple[AsyncWire, asyncio.Semaphore, dict[str, Any]], Close]:
        """Open a client for the running loop.

        Returns:
            The client, the places for its requests and what each request carries; and what closes
            the client.
        """
        from openai import AsyncOpenAI, DefaultAioHttpClient

        httpx = http_library()
        limits = httpx.Limits(
            max_connections=self.connections,
            max_keepalive_connections=self.connections,
            keepalive_expiry=_KEEPALIVE_SECONDS,
        )
        connect = _CONNECT_SECONDS if self.timeout is None else min(_CONNECT_SECONDS, self.timeout)
        timeout = httpx.Timeout(self.timeout, connect=connect, pool=None)
        http = DefaultAioHttpClient(
            limits=limits, timeout=timeout, verify=_tls(), trust_env=not is_loopback(self._host)
        )
        client = AsyncOpenAI(
            base_url=self.url, api_key="EMPTY", max_retries=0, timeout=timeout, http_client=http
        )
        options = {
            "headers": self._request_headers(),
            "params": {name: value.reveal() for name, value in self._query.items()},
        }
        return (AsyncWire(client), asyncio.Semaphore(self.connections), options), client.close

    def _request_headers(self) -> dict[str, Any]:
        """Collect our headers, and none that the openai package would take from its environment
        variables for another host.
        """
        from openai import Omit

        ambient = [
            line.partition(":")[0].strip()
            for line in os.environ.get("OPENAI_CUSTOM_HEADERS", "").splitlines()
            if ":" in line
        ]
        omitted = {
            name: Omit() for name in [*ambient, *(() if is_openai(self._host) else _AMBIENT)]
        }
        own = {name: value.reveal() for name, value in self._headers.items()}
        return {"Authorization": Omit(), "Accept-Encoding": "identity", **omitted, **own}


class PerLoop(Generic[T]):
    """One resource for each running event loop, closed with that loop: no socket outlives
    `asyncio.run`, and no warning about one is heard.

    An asynchronous generator, suspended on the loop, guards each resource. Python itself
    closes such generators when a `Runner` ends, and when nothing refers to them any more. Loops
    that are never closed (a background thread, a notebook) are left to an exit hook.

    Args:
        make: makes one, on the running loop; returns it and the coroutine function that closes it.
    """

    def __init__(self, make: Callable[[], tuple[T, Close]]) -> None:
        self._make = make
        self._of: dict[asyncio.AbstractEventLoop, tuple[T, AsyncGenerator[None, None]]] = {}

    async def get(self) -> T:
        """Return the resource of the running loop, made at the first call."""
        loop = asyncio.get_running_loop()
        if loop not in self._of:
            self._drop_closed_loops()
            value, close = self._make()
            guard = _guard(self._of, loop, close)
            self._of[loop] = value, guard
            await anext(guard)  # runs to its `yield`: only a generator that has begun is finalized
        return self._of[loop][0]

    async def aclose(self) -> None:
        """Close all of them, those of other running loops too; the next `get` makes a new one."""
        here = asyncio.get_running_loop()
        self._drop_closed_loops()
        for loop in [loop for loop in list(self._of) if loop.is_running()]:
            closing = _closed(self._of.pop(loop)[1])
            # A client is closed on the loop that its sockets belong to.
            if loop is here:
                await closing
            else:
                await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(closing, loop))

    def _drop_closed_loops(self) -> None:
        for loop in [loop for loop in list(self._of) if loop.is_closed()]:
            _drive(_closed(self._of.pop(loop)[1]))


async def _guard(
    owned: dict[asyncio.AbstractEventLoop, Any], loop: asyncio.AbstractEventLoop, close: Close
) -> AsyncGenerator[None, None]:
    """Stay suspended while the resource is open, then close it.

    It gets the owner's table and not the owner: a server that nobody refers to any more is
    collected, its table with it, and that is what closes the generator.
    """
    token = object()
    _open[token] = loop, close
    try:
        yield
    finally:
        owned.pop(loop, None)
        del _open[token]
        await close()


async def _closed(guard: AsyncGenerator[None, None]) -> None:
    """Close a guard; a coroutine, which `run_coroutine_threadsafe` wants and `aclose` is not."""
    await guard.aclose()


def _drive(closing: Coroutine[Any, Any, None]) -> None:
    """Run what closes a resource whose loop is closed already, by hand and up to its first wait:
    no loop is left that would wake it.
    """
    with contextlib.suppress(StopIteration, RuntimeError):
        closing.send(None)
    closing.close()


@atexit.register
def _close_at_exit() -> None:
    """Close what no loop has closed; at the exit nobody is left to hear what goes wrong."""
    for loop, close in list(_open.values()):
        with contextlib.suppress(Exception):
            if loop.is_closed():
                _drive(close())
            elif loop.is_running():
                asyncio.run_coroutine_threadsafe(close(), loop).result(2.0)
            else:
                loop.run_until_complete(close())

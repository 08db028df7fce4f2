"""A server at a URL, in whichever dialect it is asked."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from types import ModuleType, NoneType
from typing import TYPE_CHECKING, Any, Self, get_args
from urllib.parse import urlencode

from agentkit.errors import UsageError, checked_keywords
from agentkit.servers.address import (
    ANTHROPIC_URL,
    OPENAI_URL,
    Address,
    AddressError,
    auth_headers,
    checked_dialect,
    choose_key,
    is_openai,
    key_variable,
    own_headers,
    parse_address,
    path_under,
)
from agentkit.servers.arrival import MOST_BYTES, Arrival
from agentkit.servers.model_call import Call, Clock, Emit, needs_completion_tokens, request_body
from agentkit.servers.redaction.kept_headers import clean_url
from agentkit.servers.redaction.known_secrets import remember
from agentkit.servers.redaction.passage import clean_answer
from agentkit.servers.redaction.redactor import AS_IT_CAME, Redactor, Secret
from agentkit.servers.redaction.secret_values import header_secrets, login_secrets, url_secrets
from agentkit.servers.transfer import transfer
from agentkit.servers.transport.per_loop import Close, PerLoop
from agentkit.servers.transport.proxies import proxy_for
from agentkit.servers.transport.recipe import Recipe, remade
from agentkit.servers.transport.shipment import with_secrets
from agentkit.types.answer import Dialect
from agentkit.types.wire import Exchange

if TYPE_CHECKING:
    from agentkit.servers.transport.http_wire import HttpWire

_KEPT = (
    "profile",
    "dialect",
    "max_completion_tokens",
    "timeout",
    "connections",
    "max_answer_bytes",
)
"""What a server is made anew with, besides where it is and what it is asked with."""


@checked_keywords
class Server:
    """A server that speaks Chat Completions, OpenAI's Responses or Anthropic's Messages: OpenAI,
    Anthropic, vLLM, SGLang, llama.cpp, OpenRouter, ….

    Args:
        url: the base URL, as `http://localhost:8000/v1`; None: `OPENAI_BASE_URL`, else OpenAI, and
            in Messages `ANTHROPIC_BASE_URL`, else Anthropic.
        key: the API key. None: `OPENAI_API_KEY` for OpenAI's hosts, `ANTHROPIC_API_KEY` (or
            `ANTHROPIC_AUTH_TOKEN`) for Anthropic's, `OPENROUTER_API_KEY` for OpenRouter's,
            `AGENTKIT_API_KEY` for others, and `EMPTY` where that is not set. A key of the
            environment is never sent to another host, nor unencrypted over the internet.
        headers: more request headers; an `Authorization` here takes the key's place.
        profile: how the history is sent, a name of `agentkit.trajectory.history`; None leaves it to
            the agent.
        dialect: the API an agent speaks to it where the agent names none: `chat`, `responses` or
            `messages`. None: what the URL says, as Anthropic's host or a URL of `…/responses`
            does, else `chat`.
        max_completion_tokens: send `max_tokens` under this newer name; None: for OpenAI's reasoning
            models.
        timeout: seconds for one answer, from sending to its last byte; None for no limit. Waiting
            for a free connection is not counted.
        connections: requests under way at once, per event loop; more wait.
        params: query parameters. A secret is better given as a header: proxies log URLs.
        max_answer_bytes: the size of an answer, decompressed, at which reading ends; what came up
            to it is kept. None for no limit.
        pickle_key: let a key that was given here, and secrets in headers and URL, stand in a pickle
            of the server or of its agents. A key of the environment never does: it is read again
            where the pickle is opened.
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
        dialect: Dialect | None = None,
        *,
        max_completion_tokens: bool | None = None,
        timeout: float | None = 600.0,
        connections: int = 512,
        params: Mapping[str, str] | None = None,
        max_answer_bytes: int | None = MOST_BYTES,
        pickle_key: bool = False,
        clock: Clock = time.time,
    ) -> None:
        _check_limits(timeout, connections, max_answer_bytes)
        _check_mappings(headers, params)
        wanted = None if dialect is None else checked_dialect(dialect)
        address = parse_address(url or _default_url(wanted))
        own = own_headers(headers or {})
        chosen = choose_key(address, key, own)
        self.url = address.url
        """The base URL in use, without credentials or query."""
        self.profile = profile
        self.dialect: Dialect | None = wanted or address.dialect
        """What an agent speaks to it where the agent names nothing; None: Chat Completions."""
        self.timeout = timeout
        self.connections = connections
        self.max_answer_bytes = max_answer_bytes
        self.max_completion_tokens = max_completion_tokens
        self.pickle_key = pickle_key
        """Whether secrets that were given here may stand in a pickle."""
        self._clock = clock
        self._host = address.host
        self._headers = {name: Secret(value) for name, value in own.items()}
        self._auth = {each: _auth(address, chosen, own, each) for each in get_args(Dialect)}
        query = {**dict(address.query), **(params or {})}
        self._query = {name: Secret(str(value)) for name, value in query.items()}
        self._shown: dict[Dialect, str] = {}
        """The URLs as answers show them, without secrets."""
        self._clients = PerLoop(self._connect)
        self._recipe = Recipe(
            {"url": url or address.url, "headers": own, "params": dict(params or {})},
            key=key,
            secrets=self._note_secrets(address, own),
            variable=key_variable(address.host),
            travels=pickle_key,
        )

    def _note_secrets(self, address: Address, own: Mapping[str, str]) -> list[str]:
        """Take note of what is to be taken out of text; return what was given beside the key."""
        login = address.login.reveal() if address.login else ""
        given = [
            *header_secrets(own.items(), given=True),
            *url_secrets(self._full_url(), given=True),
            *login_secrets(login),
        ]
        sent = (s for auth in self._auth.values() for s in header_secrets(auth.reveal().items()))
        secrets = [*given, *sent]
        remember(secrets)
        self._redact = Redactor(secrets)
        return given

    def __reduce__(self) -> tuple[Any, ...]:
        plain = {name: getattr(self, name) for name in _KEPT}
        further = {**plain, "clock": self._clock, "pickle_key": self.pickle_key}
        return remade, (type(self), *self._recipe.written(repr(self)), further)

    def __copy__(self) -> Self:
        with with_secrets(True):
            made, arguments = self.__reduce__()
        copied: Self = made(*arguments)
        return copied

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self.__copy__()

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
        if not call.raw:
            return await clean_answer(self, call, emit)
        body = request_body(call, completion_tokens=self._renames(call))
        await load_client()
        try:
            wire, slots = await self._clients.get()
        except AddressError as exc:
            arrival = self._arrival(call, emit)
            arrival.fail(exc)
            return arrival.exchange()
        async with slots:
            return await transfer(
                wire,
                wire.post(body, self._full_url(call.dialect), self._auth[call.dialect].reveal()),
                self._arrival(call, emit),
                seconds=self.timeout,
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

    def _full_url(self, dialect: Dialect = "chat") -> str:
        query = urlencode({name: value.reveal() for name, value in self._query.items()})
        return f"{self.url}{path_under(self.url, dialect)}{'?' if query else ''}{query}"

    def _arrival(self, call: Call, emit: Emit | None) -> Arrival:
        shown = self._shown.get(call.dialect)
        if shown is None:
            shown = self._redact(clean_url(self._full_url(call.dialect)))
            self._shown[call.dialect] = shown
        return Arrival(
            clock=self._clock,
            stream=call.stream,
            emit=emit,
            redact=AS_IT_CAME,
            url=shown,
            most=self.max_answer_bytes,
        )

    def _connect(self) -> tuple[tuple[HttpWire, asyncio.Semaphore], Close]:
        """Open a session for the running loop.

        Returns:
            What sends, and the places for its requests; and what closes it.

        Raises:
            AddressError: the host, or the proxy that the environment names, cannot be used.
        """
        from agentkit.servers.transport.http_wire import HttpWire

        proxy = proxy_for(self.url)
        if proxy and proxy.login:
            login = proxy.login.reveal()
            secrets = [*login_secrets(login), *header_secrets(proxy.headers.items(), given=True)]
            remember(secrets)
            self._redact = self._redact.with_secrets(secrets)
            self._shown.clear()
        headers = {name: value.reveal() for name, value in self._headers.items()}
        wire = HttpWire(self._full_url(), headers, proxy, self.timeout)
        return (wire, asyncio.Semaphore(self.connections)), wire.close_all


def _check_limits(timeout: float | None, connections: int, most: int | None) -> None:
    """Refuse limits that no answer could keep to."""
    if connections < 1 or (timeout is not None and timeout <= 0):
        raise UsageError("timeout and connections must be positive")
    if most is not None and most < 1:
        raise UsageError("max_answer_bytes must be positive", hint="None is no limit")


def _check_mappings(headers: Any, params: Any) -> None:
    if not (isinstance(headers, Mapping | NoneType) and isinstance(params, Mapping | NoneType)):
        raise UsageError("headers and params are mappings", hint="headers={'X-Name': 'value'}")


def _default_url(dialect: Dialect | None) -> str:
    """Give the URL where the caller gave none."""
    if dialect == "messages":
        return os.environ.get("ANTHROPIC_BASE_URL") or ANTHROPIC_URL
    return os.environ.get("OPENAI_BASE_URL") or OPENAI_URL


def _auth(
    address: Address, key: str | None, own: Mapping[str, str], dialect: Dialect
) -> Secret[dict[str, str]]:
    return Secret(auth_headers(address, key, own, dialect))


_loaded = False


async def load_client() -> None:
    """Make sure that aiohttp can be used. It is imported in a thread: that takes half a second, in
    which the event loop would hear of no Stop.
    """
    global _loaded
    if not _loaded:
        await asyncio.to_thread(_import)
        _loaded = True


def _import() -> ModuleType:
    from agentkit.servers.transport import http_wire

    return http_wire

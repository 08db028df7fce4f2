"""What is watched: the servers that were given, by name, with the URLs that stand for them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from secrets import token_urlsafe
from types import NoneType
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from agentkit.errors import UsageError, suggest
from agentkit.servers.address import (
    ANTHROPIC_URL,
    OPENAI_URL,
    Address,
    auth_headers,
    is_anthropic,
    is_openai,
    parse_address,
)
from agentkit.servers.redaction.redactor import Secret
from agentkit.servers.server import Server
from agentkit.types.answer import Dialect

_NAMES = {"openai": OPENAI_URL, "anthropic": ANTHROPIC_URL}
_VERSION = re.compile(r"/v\d+\Z")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,200}")
_PLACEHOLDER = "EMPTY"
"""What an agent sends where its server wants no key, or has one already."""


@dataclass(frozen=True, slots=True)
class Watched:
    """One server that is watched."""

    name: str
    url: str
    """Its base URL, without credentials."""
    root: str
    """What stands in front of a request's path."""
    tail: str
    """What its base URL ends in behind that: its version, as `/v1`; "" where it has none."""
    token: str
    headers: Secret[dict[str, dict[str, str]]]
    """Headers that take the place of the agent's, in Messages (`messages`) and else (`chat`)."""
    query: Secret[str]
    dialect: Dialect | None
    """What is spoken there, where the URL says so."""

    def path(self, label: str = "") -> str:
        """Give the path that stands for its root."""
        return f"/{self.token}" + (f"/~{quote(label, safe='')}" if label else "")

    def server(self, dialect: Dialect) -> Server | None:
        """Give the server as it is asked, with what it was given for that; None where the agent's
        own credentials went out.
        """
        headers = self.headers.reveal()["messages" if dialect == "messages" else "chat"]
        query = self.query.reveal()
        if not headers and not query:
            return None
        return Server(self.url, headers=headers, params=dict(parse_qsl(query)), dialect=dialect)

    def setup(self) -> dict[str, Any]:
        """Write what the carrier has to know of it."""
        return {
            "url": self.url,
            "root": self.root,
            "token": self.token,
            "headers": self.headers.reveal(),
            "query": self.query.reveal(),
        }


def watched(server: Any, token: str | None = None) -> list[Watched]:
    """Take what was given to `ak.watch` as servers.

    Args:
        server: a URL, `openai` or `anthropic`, an `ak.Server`, or several, by name or in a list.
        token: the secret in their URLs; None for one that nobody knows yet.

    Raises:
        UsageError: it is none of these, or the token is none.
    """
    if token is not None and not (isinstance(token, str) and _TOKEN.fullmatch(token)):
        raise UsageError(
            "the token is no text of 16 letters and digits, or more",
            hint="make one: python -c 'import secrets; print(secrets.token_urlsafe())'",
        )
    if isinstance(server, Mapping):
        named = [(str(name), one) for name, one in server.items()]
    elif isinstance(server, Iterable) and not isinstance(server, (str, bytes)):
        named = [(_name(one), one) for one in server]
    else:
        named = [("", server)]
    names = [name for name, _ in named]
    if not named or len(set(names)) < len(names):
        raise UsageError(
            "there is no server to watch" if not named else "two servers have one name",
            hint="name each: ak.watch({'local': 'http://localhost:8000/v1', 'openai': 'openai'})",
        )
    made = [_watched(name, one) for name, one in named]
    if token is None:
        return made
    several = len(made) > 1
    return [
        replace(one, token=f"{token}-{quote(one.name, safe='')}" if several else token)
        for one in made
    ]


def _name(server: Any) -> str:
    if isinstance(server, str) and server in _NAMES:
        return server
    url = server.url if isinstance(server, Server) else server
    return urlsplit(url).netloc.rpartition("@")[2] if isinstance(url, str) else ""


def _watched(name: str, server: Any) -> Watched:
    if isinstance(server, Server):
        return _of_server(name, server)
    if not isinstance(server, str) or not server.strip():
        near = "an agent has one: ak.watch(agent.server); or " if hasattr(server, "server") else ""
        plain = isinstance(server, (int, float, NoneType))
        what = server if plain else f"the {type(server).__name__}"
        raise UsageError(
            "the server is an empty text" if server == "" else f"{what} is no server",
            hint=f"{near}give its URL, 'openai', 'anthropic', an ak.Server, or several of them",
        )
    if "/" not in server and "." not in server and ":" not in server and server not in _NAMES:
        raise UsageError(
            f"no server is named {server!r}",
            hint=suggest(server, _NAMES, "give its URL, as 'http://localhost:8000/v1'"),
        )
    address = parse_address(_NAMES.get(server, server))
    own = auth_headers(address, None, {}, "chat") if address.login else {}
    return _made(name, address, {"chat": own, "messages": own}, urlencode(address.query))


def _of_server(name: str, server: Server) -> Watched:
    """Take an `ak.Server`: what it was given goes out in place of the agent's."""
    own = {header: value.reveal() for header, value in server._headers.items()}
    found: dict[str, dict[str, str]] = {}
    dialects: tuple[Dialect, Dialect] = ("chat", "messages")
    for dialect in dialects:
        auth = dict(server._auth[dialect].reveal())
        auth.pop("anthropic-version", None)  # the agent's own says what it understands
        if _PLACEHOLDER in auth.get("Authorization", ""):
            auth = {}
        found[dialect] = {**auth, **own}
    query = urlencode({name: value.reveal() for name, value in server._query.items()})
    return _made(name, parse_address(server.url), found, query, server.dialect)


def _made(
    name: str,
    address: Address,
    headers: dict[str, dict[str, str]],
    query: str,
    dialect: Dialect | None = None,
) -> Watched:
    version = _VERSION.search(urlsplit(address.url).path)
    tail = version[0] if version else "" if urlsplit(address.url).path else "/v1"
    root = address.url.removesuffix(tail) if version else address.url
    return Watched(
        name=name,
        url=address.url,
        root=root,
        tail=tail,
        token=token_urlsafe(18),
        headers=Secret(headers),
        query=Secret(query),
        dialect=dialect or address.dialect,
    )


def environment(servers: list[Watched], base: str) -> dict[str, str]:
    """Give the variables that lead an agent to the servers through the tap.

    Args:
        servers: what is watched.
        base: the URL of the tap, without a path.
    """
    first = next((one for one in servers if one.dialect != "messages"), servers[0])
    messages = next((one for one in servers if one.dialect == "messages"), servers[0])
    found = {
        "OPENAI_BASE_URL": f"{base}{first.path()}{first.tail}",
        "ANTHROPIC_BASE_URL": f"{base}{messages.path()}",
        "NO_PROXY": _no_proxy(),
    }
    if "no_proxy" in os.environ:
        found["no_proxy"] = found["NO_PROXY"]
    for one, variable, others in (
        (first, "OPENAI_API_KEY", ()),
        (messages, "ANTHROPIC_API_KEY", ("ANTHROPIC_AUTH_TOKEN",)),
    ):
        known = any(os.environ.get(name) for name in (variable, *others))
        host = urlsplit(one.url).hostname or ""
        hosted = is_openai(host) or is_anthropic(host)
        if not known and (not hosted or one.headers.reveal()["chat"]):
            found[variable] = _PLACEHOLDER
    return found


def _no_proxy() -> str:
    """Name this machine beside what is reached without a proxy anyway: packages send even
    `http://127.0.0.1` to the proxy that HTTP_PROXY names.
    """
    named = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    before = [entry.strip() for entry in named.split(",") if entry.strip()]
    return ",".join(dict.fromkeys([*before, "127.0.0.1", "localhost"]))

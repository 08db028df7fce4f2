"""A server's address: the URL as it is used, whose host it is, and which key of the environment may
be sent there.
"""

from __future__ import annotations

import base64
import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from agentkit.dialects.codecs import CODECS
from agentkit.errors import UsageError, suggest
from agentkit.servers.redaction.redactor import Secret
from agentkit.types.answer import Dialect
from agentkit.types.words import type_in_words

OPENAI_URL = "https://api.openai.com/v1"
ANTHROPIC_URL = "https://api.anthropic.com"
CHAT_PATH = "/chat/completions"
MESSAGES_VERSION = "2023-06-01"
"""What goes out as `anthropic-version`: the only one there has been since
(https://docs.anthropic.com/en/api/versioning).
"""

_PATHS: dict[str, Dialect] = {CHAT_PATH: "chat", "/responses": "responses", "/messages": "messages"}
_VERSIONED = re.compile(r"/v\d+\Z")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_KEY_HEADERS = frozenset({"authorization", "api-key", "x-api-key"})
_FRAMING = frozenset({"content-length", "transfer-encoding"})


class AddressError(ValueError):
    """The address of a server or of a proxy cannot be used."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where requests go."""

    url: str
    """The base URL without a trailing slash, credentials or query."""
    query: tuple[tuple[str, str], ...]
    """Query parameters that were in the URL."""
    login: Secret[str] | None
    """`user:password` where the URL held them."""
    dialect: Dialect | None = None
    """What is spoken there, where the URL says so."""

    @property
    def host(self) -> str:
        """The host's name, without its port."""
        return urlsplit(self.url).hostname or ""

    @property
    def secure(self) -> bool:
        """Whether a key sent there is not readable on the way."""
        return self.url.startswith("https:") or is_private(self.host)


def parse_address(url: str) -> Address:
    """Take a server's URL apart. What people paste is accepted: a trailing slash, the whole URL of
    an API, as `…/chat/completions`, `…/responses` or `…/v1/messages`.

    A missing `/v1` is not added: some servers have none, and the fault would be hidden; see
    `agentkit.read.failure.error`. Only `path_under` knows that Anthropic's base URLs have none.

    Raises:
        UsageError: it is not an http or https URL.
    """
    parts = _split(url.strip())
    path = parts.path.rstrip("/")
    end = next((end for end in _PATHS if path.endswith(end)), "")
    login = (
        Secret(f"{unquote(parts.username)}:{unquote(parts.password or '')}")
        if parts.username
        else None
    )
    dialect: Dialect | None = _PATHS.get(end)
    if dialect is None and is_anthropic(parts.hostname or ""):
        dialect = "messages"
    return Address(
        f"{parts.scheme.lower()}://{parts.netloc.rpartition('@')[2]}"
        f"{path.removesuffix(end).rstrip('/')}",
        tuple(parse_qsl(parts.query)),
        login,
        dialect,
    )


def path_under(url: str, dialect: Dialect) -> str:
    """Give the path under a base URL that requests of a dialect go to. The base URLs of Messages
    come with and without `/v1`: Anthropic's packages add it, those of other servers hold it.
    """
    path = CHAT_PATH if dialect == "chat" else CODECS[dialect].path
    versioned = dialect != "messages" or _VERSIONED.search(urlsplit(url).path.rstrip("/"))
    return path if versioned else f"/v1{path}"


def without_path(url: str) -> str:
    """Give the base URL of a request's URL, without its query."""
    base = url.partition("?")[0]
    return base.removesuffix(next((end for end in _PATHS if base.endswith(end)), ""))


def checked_dialect(dialect: object) -> Dialect:
    """Check the name of a dialect.

    Raises:
        UsageError: there is none of this name.
    """
    for known in get_args(Dialect):
        if dialect == known:
            found: Dialect = known
            return found
    raise UsageError(
        f"no dialect is named {dialect!r}",
        hint=suggest(dialect, get_args(Dialect), "choose 'chat', 'responses' or 'messages'"),
    )


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        usable = (
            parts.scheme.lower() in ("http", "https") and bool(parts.hostname) and parts.port != 0
        )
    except ValueError:
        usable = False
    if not usable or re.search(r"\s", url):
        shown = url.rpartition("@")[2].partition("?")[0]
        raise UsageError(
            f"{shown!r} is not the URL of a server",
            hint="give it with its scheme, as 'http://localhost:8000/v1'",
        )
    return parts


def is_openai(host: str) -> bool:
    """Tell whether the host is OpenAI's own, in any of its regions."""
    return host == "api.openai.com" or host.endswith(".api.openai.com")


def is_anthropic(host: str) -> bool:
    """Tell whether the host is Anthropic's own."""
    return host == "api.anthropic.com"


def is_loopback(host: str) -> bool:
    """Tell whether the host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def is_private(host: str) -> bool:
    """Tell whether the host is this machine or on its own network: private addresses, names without
    a dot, `.local`, `.internal`.
    """
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return (
            is_loopback(host) or "." not in host or host.endswith((".local", ".internal", ".lan"))
        )


def choose_key(address: Address, key: str | None, headers: Mapping[str, str]) -> str | None:
    """Choose the key to send: the caller's, else the one the environment holds for this host, else
    `EMPTY`, as in vLLM's documentation.

    It is None where the headers or the URL carry one. `OPENAI_API_KEY` goes to OpenAI's hosts only,
    `OPENROUTER_API_KEY` to OpenRouter's, `ANTHROPIC_API_KEY` to Anthropic's, `AGENTKIT_API_KEY` to
    all others. None of them is sent unencrypted over a public network.

    Args:
        address: where requests go.
        key: the caller's key; None or blank where there is none.
        headers: the caller's headers, by name.

    Raises:
        UsageError: the host needs a key and there is none, or the key cannot be a header.
    """
    if key is not None and not isinstance(key, str):
        raise UsageError(f"the key is {type_in_words(key)}", hint="pass it as a text")
    if key and key.strip():
        return _sendable(key.strip(), "key")
    if address.login or {name.lower() for name in headers} & _KEY_HEADERS:
        return None
    variable = key_variable(address.host)
    if address.secure and not _set(variable) and token_of(address):
        return None
    found = _set(variable) if address.secure else ""
    if not found and variable != "AGENTKIT_API_KEY":
        raise UsageError(
            f"there is no key for {address.url!r}",
            hint=f"set {variable} in the environment, or pass key=",
        )
    return _sendable(found, variable) if found else "EMPTY"


def key_variable(host: str) -> str:
    """Name the environment variable whose key may be sent to this host."""
    if is_openai(host):
        return "OPENAI_API_KEY"
    if is_anthropic(host):
        return "ANTHROPIC_API_KEY"
    return (
        "OPENROUTER_API_KEY"
        if host == "openrouter.ai" or host.endswith(".openrouter.ai")
        else "AGENTKIT_API_KEY"
    )


def token_of(address: Address) -> str:
    """Give the token that the environment holds for Anthropic's host in place of a key; "" for any
    other, and where there is none.
    """
    name = "ANTHROPIC_AUTH_TOKEN"
    return _sendable(_set(name), name) if is_anthropic(address.host) and address.secure else ""


def _set(variable: str) -> str:
    return os.environ.get(variable, "").strip()


def _sendable(value: str, name: str) -> str:
    if not (value.isascii() and value.isprintable()):
        raise UsageError(
            f"{name} holds characters no header can carry",
            hint="copy it again, without line breaks or typographic marks",
        )
    return value


def own_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Check the caller's headers, by name.

    Raises:
        UsageError: a header that cannot be sent.
    """
    return {
        _header_name(str(name)): _sendable(str(value), f"header {str(name)!r}")
        for name, value in headers.items()
    }


def auth_headers(
    address: Address, key: str | None, own: Mapping[str, str], dialect: Dialect
) -> dict[str, str]:
    """Make the headers that say who asks, and in which version; the caller's own go before them.

    In Messages, Anthropic wants the key as `x-api-key`. Other servers look for it there or in
    `Authorization` (vLLM there alone, LiteLLM in either), so they get both.

    Args:
        address: where requests go, with the login its URL held.
        key: the key to send; None where there is none.
        own: the caller's headers, by name.
        dialect: what is spoken.
    """
    given = {name.lower() for name in own}
    found = {"anthropic-version": MESSAGES_VERSION} if dialect == "messages" else {}
    messages, theirs = dialect == "messages", is_anthropic(address.host)
    if "authorization" not in given:
        if key:
            found |= {"x-api-key": key} if messages else {}
            found |= {} if messages and theirs else {"Authorization": f"Bearer {key}"}
        elif address.login:
            login = base64.b64encode(address.login.reveal().encode()).decode()
            found["Authorization"] = f"Basic {login}"
        elif not given & _KEY_HEADERS and (token := token_of(address)):
            found["Authorization"] = f"Bearer {token}"
    return {name: value for name, value in found.items() if name.lower() not in given}


def _header_name(name: str) -> str:
    if not _HEADER_NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is no name of a header",
            hint="letters, digits and - make one; what is sent under it is the value",
        )
    if name.lower() in _FRAMING:
        raise UsageError(f"the header {name!r} is made for each request", hint="leave it out")
    return name

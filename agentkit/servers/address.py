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
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from agentkit.errors import UsageError
from agentkit.servers.redaction.redactor import Secret

OPENAI_URL = "https://api.openai.com/v1"

_PATH = "/chat/completions"


_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
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

    @property
    def host(self) -> str:
        """The host's name, without its port."""
        return urlsplit(self.url).hostname or ""

    @property
    def secure(self) -> bool:
        """Whether a key sent there is not readable on the way."""
        return self.url.startswith("https:") or is_private(self.host)


def parse_address(url: str) -> Address:
    """Parse the address in a URL as people write it: with or without `/v1`, a trailing slash, or
    `/chat/completions`.

    A missing `/v1` is not added: some servers have none, and the fault would be hidden; see
    `agentkit.read.failure.error`.

    Raises:
        UsageError: it is not an http or https URL.
    """
    parts = _split(url.strip())
    path = parts.path.rstrip("/").removesuffix(_PATH).rstrip("/")
    login = (
        Secret(f"{unquote(parts.username)}:{unquote(parts.password or '')}")
        if parts.username
        else None
    )
    return Address(
        f"{parts.scheme.lower()}://{parts.netloc.rpartition('@')[2]}{path}",
        tuple(parse_qsl(parts.query)),
        login,
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
    `OPENROUTER_API_KEY` to OpenRouter's, `AGENTKIT_API_KEY` to all others. None of them is sent
    unencrypted over a public network.

    Args:
        address: where requests go.
        key: the caller's key; None or blank where there is none.
        headers: the caller's headers, by name.

    Raises:
        UsageError: the host needs a key and there is none, or the key cannot be a header.
    """
    if key is not None and not isinstance(key, str):
        raise UsageError(f"the key is a {type(key).__name__}", hint="pass it as a text")
    if key and key.strip():
        return _sendable(key.strip(), "key")
    if address.login or {name.lower() for name in headers} & {
        "authorization",
        "api-key",
        "x-api-key",
    }:
        return None
    variable = key_variable(address.host)
    found = os.environ.get(variable, "").strip() if address.secure else ""
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
    return (
        "OPENROUTER_API_KEY"
        if host == "openrouter.ai" or host.endswith(".openrouter.ai")
        else "AGENTKIT_API_KEY"
    )


def _sendable(value: str, name: str) -> str:
    if not (value.isascii() and value.isprintable()):
        raise UsageError(
            f"{name} holds characters no header can carry",
            hint="copy it again, without line breaks or typographic marks",
        )
    return value


def auth_headers(address: Address, key: str | None, headers: Mapping[str, str]) -> dict[str, str]:
    """Collect all headers of our own to send: the caller's, and an authorization where the caller
    gave none.

    Args:
        address: where requests go, with the login its URL held.
        key: the key to send; None where there is none.
        headers: the caller's headers, by name.

    Raises:
        UsageError: a header that cannot be sent.
    """
    own = {
        _header_name(str(name)): _sendable(str(value), f"header {str(name)!r}")
        for name, value in headers.items()
    }
    if "authorization" not in {name.lower() for name in own}:
        if key:
            own["Authorization"] = f"Bearer {key}"
        elif address.login:
            own["Authorization"] = (
                "Basic " + base64.b64encode(address.login.reveal().encode()).decode()
            )
    return own


def _header_name(name: str) -> str:
    if not _HEADER_NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is no name of a header",
            hint="letters, digits and - make one; what is sent under it is the value",
        )
    if name.lower() in _FRAMING:
        raise UsageError(f"the header {name!r} is made for each request", hint="leave it out")
    return name

"""The proxy that the environment names for a URL: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY.

Names may be lower case, which then wins. The entries of NO_PROXY are those of curl and of Go's
`httpproxy`: a host also stands for what is under it, with or without a dot or `*.` before it; an
address or a range of them (`10.0.0.0/8`); each with a port where only that one is meant; `*` for
all. This machine is never reached through a proxy.
"""

from __future__ import annotations

import base64
import ipaddress
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies

from agentkit.servers.address import AddressError, is_loopback
from agentkit.servers.redaction.redactor import Secret

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy to go through."""

    url: str
    """Without credentials."""
    login: Secret[str] | None
    """`user:password` where its URL held them."""

    @property
    def headers(self) -> dict[str, str]:
        """The header that carries the login; empty where there is none."""
        if self.login is None:
            return {}
        token = base64.b64encode(self.login.reveal().encode()).decode()
        return {"Proxy-Authorization": f"Basic {token}"}


def proxy_for(url: str) -> Proxy | None:
    """Find the proxy for a URL; None where it is reached directly.

    Raises:
        AddressError: the proxy is none of HTTP.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if is_loopback(host) or host in ("0.0.0.0", "::"):  # noqa: S104
        return None
    named = getproxies()
    found = named.get(parts.scheme) or named.get("all")
    return None if not found or _excepted(parts, named.get("no", "")) else _parsed(found)


def _parsed(url: str) -> Proxy:
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        port = parts.port
    except ValueError:
        raise AddressError("the proxy that the environment names is no URL") from None
    if parts.scheme not in _PORTS or not parts.hostname:
        raise AddressError(f"the environment names a proxy of {parts.scheme!r}")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    login = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    return Proxy(
        f"{parts.scheme}://{host}:{port or _PORTS[parts.scheme]}",
        Secret(login) if login != ":" else None,
    )


def _excepted(url: SplitResult, listed: str) -> bool:
    """Tell whether NO_PROXY names this URL's host."""
    host = (url.hostname or "").rstrip(".")
    port = url.port or _PORTS.get(url.scheme)
    entries = listed.replace(",", " ").split()
    return any(_names(entry.lower(), url.scheme, host, port) for entry in entries)


def _names(entry: str, scheme: str, host: str, port: int | None) -> bool:
    only, _, rest = entry.rpartition("://")
    if only not in ("", "all", scheme):
        return False
    name, only_port = _without_port(rest.rstrip("/"))
    if only_port and only_port != str(port):
        return False
    if name == "*":
        return True
    address = _address(host)
    if address is not None:
        network = _network(name)
        return network is not None and address in network
    name = name.removeprefix("*").strip(".")
    return bool(name) and (host == name or host.endswith(f".{name}"))


def _without_port(name: str) -> tuple[str, str]:
    """Split `host:port`; a bare IPv6 address has colons and no port."""
    if name.startswith("["):
        inner, _, after = name[1:].partition("]")
        subnet, _, port = after.partition(":")
        return inner + subnet, port
    if name.count(":") != 1:
        return name, ""
    host, _, port = name.partition(":")
    return host, port


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address


def _network(name: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(name, strict=False)
    except ValueError:
        return None

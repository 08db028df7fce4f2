"""Which requests are carried, and where to: the token in the path, the host, the label."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from agentkit.tap.carrier.upstream import Upstream

_HOSTS = frozenset({"127.0.0.1", "localhost", "host.docker.internal"})
"""Names under which this machine is asked; any other is a page of the web with a name of its own
that leads here (DNS rebinding).
"""


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request goes."""

    upstream: Upstream
    label: str
    path: str
    """Path and query as they came, without token and label; begins with a slash."""


class Routes:
    """Finds the server that a request is for.

    Args:
        upstreams: the servers by the tokens of their URLs.
    """

    def __init__(self, upstreams: dict[str, Upstream]) -> None:
        self._upstreams = [(token.encode(), upstream) for token, upstream in upstreams.items()]

    def find(self, path: str, host: str) -> Route | None:
        """Find where a request goes; None where it is not carried at all.

        Args:
            path: its path and query as they came.
            host: its Host header.
        """
        if host.rpartition(":")[0 if ":" in host else 2].lower() not in _HOSTS:
            return None
        _, token, rest = (*path.split("/", 2), "", "")[:3]
        found: Any = None
        for known, upstream in self._upstreams:  # all of them: how long it takes says nothing
            if hmac.compare_digest(known, token.encode("utf-8", "surrogateescape")):
                found = upstream
        if found is None:
            return None
        label = ""
        if rest.startswith("~"):
            label, _, rest = rest[1:].partition("/")
        return Route(found, unquote(label), f"/{rest}")

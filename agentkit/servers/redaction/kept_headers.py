"""What is kept of an answer's headers, and of the URL it came from."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from agentkit.servers.redaction.redactor import REDACTED, Redactor
from agentkit.servers.redaction.secret_names import is_given

_KEPT = frozenset(
    {
        "content-type",
        "content-encoding",
        "x-request-id",
        "request-id",
        "apim-request-id",
        "retry-after",
        "retry-after-ms",
        "x-ms-retry-after-ms",
        "openai-processing-ms",
        "openai-version",
        "server",
        "via",
        "cf-ray",
        "date",
        "location",
        "x-should-retry",
    }
)
_KEPT_PREFIXES = ("x-ratelimit-", "ratelimit-", "anthropic-ratelimit-")


def clean_url(url: str) -> str:
    """Take user, password and secret query values out of the URL."""
    parts = urlsplit(url)
    query = re.sub(
        r"(?<![^&=])([^&=]+)=([^&]*)",
        lambda m: f"{m[1]}={REDACTED}" if is_given(unquote(m[1])) else m[0],
        parts.query,
    )
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, query, ""))


def kept_headers(headers: Any, redact: Redactor) -> tuple[tuple[str, str], ...]:
    """Pick the answer headers worth keeping, lower-case names, sorted; cookies and credentials are
    not among them.
    """
    pairs = sorted((str(name).lower(), str(value)) for name, value in headers.items())
    kept = (
        _pair(name, redact(_shown(name, value)))
        for name, value in pairs
        if name in _KEPT or name.startswith(_KEPT_PREFIXES)
    )
    return _pairs(*kept)


@lru_cache(maxsize=1024)
def _pair(name: str, value: str) -> tuple[str, str]:
    """Return the same pair for the same header, so that thousands of answers share it."""
    return name, value


@lru_cache(maxsize=256)
def _pairs(*pairs: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the same headers for answers of the same second."""
    return pairs


def _shown(name: str, value: str) -> str:
    return clean_url(value) if name == "location" else value

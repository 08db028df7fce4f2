"""Where a request goes, as an export writes it: the address without its secrets, and the
environment variables that hold them.
"""

from __future__ import annotations

import re
from typing import Self
from urllib.parse import parse_qsl, quote, urlsplit

from agentkit.errors import UsageError
from agentkit.servers.address import (
    is_anthropic,
    key_variable,
    parse_address,
    path_under,
    without_path,
)
from agentkit.servers.redaction.kept_headers import clean_url
from agentkit.servers.redaction.redactor import REDACTED
from agentkit.types.answer import Dialect
from agentkit.types.record import Record, clip, record

_AZURE = (".openai.azure.com", ".cognitiveservices.azure.com", ".services.ai.azure.com")


_PLAIN = re.compile(r"https?://[A-Za-z0-9\[][!#$%&()*+,./0-9:;=?@A-Z\[\]_a-z~-]*", re.ASCII)
"""An address as clients write it: ASCII, nothing that a shell, a page or Python reads otherwise."""


@record
class Endpoint(Record):
    """The address of one request."""

    url: str = ""
    """The full URL, secrets in it replaced; "" where none was recorded."""
    dialect: Dialect = "chat"
    """What is spoken there."""

    @classmethod
    def of(cls, server: str, dialect: Dialect = "chat") -> Self:
        """Return the endpoint of a base URL as people write it.

        Raises:
            UsageError: it is not an http or https URL.
        """
        address = parse_address(server)
        query = urlsplit(server).query
        whole = f"{address.url}{path_under(address.url, dialect)}{'?' if query else ''}{query}"
        return cls(url=clean_url(whole), dialect=dialect)

    @classmethod
    def recorded(cls, url: str, dialect: Dialect = "chat") -> Self:
        """Return the endpoint of a recorded URL.

        Raises:
            UsageError: it is no plain http or https URL, such as no client would have sent to.
        """
        try:
            usable = bool(urlsplit(url).hostname) and urlsplit(url).port != 0
        except ValueError:
            usable = False
        if url and not (usable and _PLAIN.fullmatch(url)):
            raise UsageError(
                f"the recorded address {clip(url)!r} is not the URL of a server",
                hint="name the server to ask: ak.export.curl(rollout,"
                " server='http://localhost:8000/v1')",
            )
        base, mark, query = url.partition("?")
        base = without_path(url)
        ours = path_under(base, dialect)
        if url.partition("?")[0] != base and not url.partition("?")[0].endswith(ours):
            url = f"{base}{ours}{mark}{query}"  # of a turn before it, in another dialect
        return cls(url=url, dialect=dialect)

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    @property
    def base(self) -> str:
        """The base URL, without the query."""
        return without_path(self.url)

    @property
    def query(self) -> dict[str, str]:
        """The query parameters; a secret one is `[redacted]`."""
        return dict(parse_qsl(urlsplit(self.url).query, keep_blank_values=True))

    @property
    def azure(self) -> bool:
        """Whether it is Azure's, where the key has a header of its own."""
        return self.host.endswith(_AZURE)

    @property
    def variable(self) -> str:
        """The environment variable that holds the key for this host."""
        if self.azure:
            return "AZURE_OPENAI_API_KEY"
        if self.url:
            return key_variable(self.host)
        return "ANTHROPIC_API_KEY" if self.dialect == "messages" else "OPENAI_API_KEY"

    @property
    def base_variable(self) -> str:
        """The environment variable of a base URL, where none was recorded."""
        return "ANTHROPIC_BASE_URL" if self.dialect == "messages" else "OPENAI_BASE_URL"

    @property
    def key_headers(self) -> tuple[str, ...]:
        """The headers that hold the key, up to it. In Messages, servers that are not Anthropic's
        look for it in either (vLLM in `Authorization` alone).
        """
        if self.dialect != "messages":
            return ("api-key: " if self.azure else "Authorization: Bearer ",)
        both = self.url and not is_anthropic(self.host)
        return ("x-api-key: ", *(["Authorization: Bearer "] if both else []))

    @property
    def needs_key(self) -> bool:
        """Whether the host is known to refuse a request without a key; others get `EMPTY`, as in
        vLLM's documentation.
        """
        return self.variable != "AGENTKIT_API_KEY"

    @property
    def shell_url(self) -> str:
        """The URL as one word of a shell command."""
        if not self.url:
            path = path_under("" if self.dialect == "messages" else "/v1", self.dialect)
            return f'"${{{self.base_variable}:?set it to the base URL of a server}}{path}"'
        parts = [
            _quoted(part) for part in self.url.replace(quote(REDACTED), REDACTED).split(REDACTED)
        ]
        return f'"${self.variable}"'.join(parts)

    def summary(self) -> str:
        return self.url or "no address recorded"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'" if text else ""

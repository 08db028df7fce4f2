"""The flows of an openai or anthropic client: a copy of it sends through a transport that keeps
what passes.
"""

from __future__ import annotations

import atexit
import copy
import re
import threading
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from agentkit.errors import UsageError
from agentkit.servers.redaction.kept_headers import clean_url
from agentkit.servers.redaction.known_secrets import remember
from agentkit.servers.redaction.secret_values import client_secrets
from agentkit.servers.transfer import sdk_of
from agentkit.tap.carrier.flow_writer import FlowWriter
from agentkit.tap.carrier.speaker import Speaker
from agentkit.tap.channel import Hear
from agentkit.tap.client.client_holder import ClientHolder
from agentkit.tap.client.seen_transport import SeenTransport, library_of
from agentkit.tap.seam.passing import Passing
from agentkit.types.words import type_in_words

_VERSION = re.compile(r"/v\d+\Z")
_READ_SECONDS = 10.0
"""For what has passed to be read; it takes a part of a second."""


def is_client(obj: Any) -> bool:
    """Tell whether an object is a client of the openai or anthropic package."""
    return not isinstance(obj, type) and sdk_of(type(obj)) is not None and hasattr(obj, "_client")


class InProcess(Speaker):
    """Tells the flows to whoever listens in this process, in the words of a carrier.

    Args:
        hear: what takes a message of a kind.
    """

    def __init__(self, hear: dict[str, Hear]) -> None:
        self.hear = hear
        self.waiting: dict[int, threading.Event] = {}
        """Who waits for what has passed to be heard of, by number."""

    def say(self, kind: str, text: str) -> None:
        """Send a message; its hearer has taken it when this returns."""
        word, _, number = kind.partition(" ")
        if word == "synced":
            self.waiting.pop(int(text), threading.Event()).set()
        elif word in self.hear:
            self.hear[word](f"{number} {text}".strip())

    def close(self, seconds: float = 0.0) -> None:
        """Send nothing more: all has been heard."""


class ClientWriter(FlowWriter):
    """The log of what passes in a client, on whatever thread it passes."""

    def begin(self, passing: Passing) -> None:
        """Tell that a request has left, where its answer does not come first."""
        self._put("began", passing)

    def end(self, passing: Passing) -> None:
        """Write what passed."""
        self._put("ended", passing)


class ClientSource:
    """What a watched client sends, and what it gets, as flows.

    Args:
        client: an openai or anthropic client; it stays as it is.
        record: the file that each exchange is written to as it ends; None for none.
        hear: what takes a message of a kind, on a thread of its own.

    Raises:
        UsageError: the client has no transport that is known.
    """

    def __init__(self, client: Any, record: Path | None, hear: Mapping[str, Hear]) -> None:
        library = library_of(client._client)
        if library is None:
            raise UsageError(
                f"the {type(client).__name__} sends through {type_in_words(client._client)}",
                hint="watch its server: ak.watch(url), and lead the client there by base_url=",
            )
        self.target = client
        """The client as it was given; it is kept, since it closes its connections when it goes."""
        self._library: str = library
        remember(client_secrets(client))
        self.url = clean_url(str(client.base_url)).rstrip("/")
        """The base URL of its server, without credentials."""
        self._below = _VERSION.sub("", urlsplit(self.url).path)
        self._numbers = count()
        path = None if record is None else str(record.resolve())
        self._teller = InProcess(dict(hear))
        self.holder = ClientHolder(self._teller)
        """Stops what is to be looked at first."""
        self._syncs = count(1)
        self._writer = ClientWriter(path, {urlsplit(self.url).netloc: self.url}, self._teller)
        self.holder.flush = self._writer.flush
        self.alive = True
        """Whether what is sent is seen."""
        atexit.register(self.close)
        self.client = self.client_for("")
        """The copy to hand to the agent: what it sends is seen."""

    def client_for(self, label: str) -> Any:
        """Copy the client; what the copy sends is known by the label."""
        http = copy.copy(self.target._client)
        http._transport = self._seen(http._transport, label)
        http._mounts = {
            pattern: transport and self._seen(transport, label)
            for pattern, transport in http._mounts.items()
        }
        return self.target.copy(http_client=http)

    def open(self, request: Any, label: str) -> Passing:
        """Note that a request leaves."""
        url = str(request.url)
        parts = urlsplit(url)
        path = parts.path.removeprefix(self._below) or "/"
        passing = Passing(
            number=next(self._numbers),
            label=label,
            method=request.method,
            path=f"{path}?{parts.query}" if parts.query else path,
            url=url,
            headers=tuple(request.headers.raw),
        )
        if self.alive:
            self._writer.begin(passing)
        return passing

    def end(self, passing: Passing) -> None:
        """Note that its answer is whole."""
        if self.alive:
            self._writer.end(passing)

    def piece(self, passing: Passing) -> None:
        """Note that a piece of its answer has come."""
        if self.alive:
            self._writer.piece(passing)

    def send(self, message: Any, kind: str = "") -> None:
        """Do as a carrier is told."""
        if kind == "follow":
            self._writer.following = bool(message["pieces"])
        elif kind == "hold":
            self.holder.hear(message)

    def sync(self) -> None:
        """Wait until what has passed by now is heard."""
        if not self.alive:
            return
        number, done = next(self._syncs), threading.Event()
        self._teller.waiting[number] = done
        self._writer.sync(number)
        done.wait(_READ_SECONDS)

    def close(self) -> None:
        """See no more: the copies go on to send, and what has come is written."""
        if self.alive:
            self.alive = False
            self._writer.close()
            atexit.unregister(self.close)

    def join(self) -> bool:
        """Tell that all is recorded: it is, once `close` has returned."""
        return True

    def _seen(self, transport: Any, label: str) -> SeenTransport:
        return SeenTransport(transport, self._library, self, label)

"""A record as a server: an agent gets offline what it got when it was recorded, by request."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, unquote

from agentkit.errors import checked_keywords
from agentkit.servers.redaction.known_secrets import known_secrets
from agentkit.testing.replay.flow_index import FlowIndex, Inquiry
from agentkit.testing.replay.normal_form import parsed
from agentkit.testing.replay.recorded_flows import dialect_at, error_body, flows_of
from agentkit.testing.replay.reply_form import reply_from
from agentkit.testing.server.loopback import Asked, Reply, StandIn, redacted
from agentkit.types.problem import Problem
from agentkit.types.record import clip
from agentkit.types.wire import Exchange, Flow
from agentkit.types.words import in_line


@dataclass(frozen=True)
class Miss:
    """A request that the record has no answer to."""

    asked: Asked
    """The request, keys taken out."""
    message: str
    """What changed against the nearest recorded request; the client was answered with it."""

    def __repr__(self) -> str:
        path = self.asked.path.partition("?")[0]
        return f"<Miss {in_line(clip(f'{self.asked.method} {path}: {self.message}', 600))}>"


@checked_keywords
class ReplayServer(StandIn):
    """What `serve(record=…)` gives: a context manager, sync and async, or to be started and stopped
    by hand.

    A request is answered as the recorded one was that asks for the same: bytes, status and errors,
    failed tries among them. Whether a stream is asked for makes no difference, nor do cache
    markers, who asks, reasoning that goes back or stays behind, ids of the client's own, and, where
    nothing fits better, a time of day in a text; an answer is put into the form that is asked for.
    Equal requests get their answers in the order of the record, then from the first again. What was
    not recorded is refused in its dialect, with what changed, in such a way that no client tries
    again.
    """

    def __init__(self, record: Any, *, paced: bool = False) -> None:
        """Make a server that is not listening yet.

        Args:
            record: the file of a tap, a tap or its flows, or recorded rollouts.
            paced: answers come as late as they were recorded, piece by piece.

        Raises:
            UsageError: it holds nothing that was answered.
            FileNotFoundError: there is no such file.
            CassetteError: the file cannot be read.
        """
        super().__init__()
        flows, problems = flows_of(record)
        self.problems: list[Problem] = problems
        """What of the file could not be read."""
        self.misses: list[Miss] = []
        """The requests that the record has no answer to, in order."""
        self._index = FlowIndex(flows)
        self._paced = paced

    @property
    def env(self) -> dict[str, str]:
        """The variables of the environment by which agents find the server."""
        return {"OPENAI_BASE_URL": self.url, "ANTHROPIC_BASE_URL": self.url.removesuffix("/v1")}

    @property
    def unused(self) -> list[Flow]:
        """The recorded requests that nobody has made yet."""
        return [f for place, f in enumerate(self._index.flows) if not self._index.uses[place]]

    def __repr__(self) -> str:
        flows, missing = len(self._index.flows), len(self.misses)
        return f"<ReplayServer of {flows} recorded requests, {missing} missed: no model>"

    def url_for(self, label: str) -> str:
        """Give the base URL whose requests are answered from those that were recorded under a label
        before all others.
        """
        return self.url.removesuffix("/v1") + f"/{quote(label, safe='')}/v1"

    def _respond(self, asked: Asked) -> Reply:
        asked = redacted(asked)
        label, path = self._below_label(asked.path)
        # the record was cleaned of every known secret, not only of those of the request
        text = known_secrets()(asked.body.decode(errors="surrogateescape"))
        asked = replace(asked, body=text.encode(errors="surrogateescape"))
        self.asked.append(asked)
        body = parsed(text)
        found = self._index.find(Inquiry(asked.method, path, label, body))
        dialect = dialect_at(path)
        if found is None:
            message = self._index.missing(Inquiry(asked.method, path, label, body))
            self.misses.append(Miss(asked, message))
            status = 404 if dialect is None else 400
            return Reply(error_body(message, dialect), status, {"x-should-retry": "false"})
        exchange = found.exchange or Exchange()
        return reply_from(exchange, None if dialect is None else body, paced=self._paced)

    def _below_label(self, path: str) -> tuple[str, str]:
        first, _, rest = path.removeprefix("/").partition("/")
        label = unquote(first)
        return (label, f"/{rest}") if label in self._index.labels else ("", path)

"""Objects that people have already, as servers: openai clients, and whatever has a
`chat_completion(**kwargs)`.
"""

from __future__ import annotations

import inspect
import json
import sys
import time
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from agentkit.errors import AgentkitError, UsageError
from agentkit.read.managed import MANAGED_PARSER
from agentkit.read.plain import plain
from agentkit.servers.address import checked_dialect, is_openai
from agentkit.servers.arrival import Arrival
from agentkit.servers.failures import raised_error
from agentkit.servers.model_call import (
    Call,
    ChatServer,
    Clock,
    Emit,
    fresh,
    needs_completion_tokens,
    request_body,
    sent_fields,
)
from agentkit.servers.redaction.known_secrets import remember
from agentkit.servers.redaction.passage import clean_answer
from agentkit.servers.redaction.redactor import AS_IT_CAME, Redactor
from agentkit.servers.redaction.secret_values import client_secrets
from agentkit.servers.server import Server
from agentkit.servers.transfer import (
    AsyncWire,
    ClientWire,
    ThreadWire,
    note_failure,
    transfer,
)
from agentkit.types.answer import Dialect
from agentkit.types.wire import Exchange

_PATH = "/chat/completions"


def streams(server: ChatServer) -> bool:
    """Tell whether the server may be asked for an answer in pieces."""
    return isinstance(server, (Server, OpenAIClient)) or bool(getattr(server, "streams", False))


def dialect_of(server: ChatServer, wanted: Dialect | None) -> Dialect:
    """Choose what an agent speaks to a server: what is wanted, else what the server says, else
    Chat Completions.

    Raises:
        UsageError: there is no such dialect, or the server cannot be asked in it.
    """
    own = getattr(server, "dialect", None)
    chosen = checked_dialect(wanted or own or "chat")
    speaks = getattr(server, "speaks", None)
    if speaks is not None and chosen not in speaks:
        raise UsageError(
            f"{server!r} cannot be asked in the dialect {chosen!r}",
            hint=getattr(server, "instead", "") or f"it speaks {' and '.join(sorted(speaks))}",
        )
    return chosen


def as_server(obj: Any, *, clock: Clock = time.time) -> ChatServer:
    """Take the object as a server: a URL, an openai client, anything with a `chat_completion`, or
    what is a server already.

    Raises:
        UsageError: it is none of these, or an empty text.
    """
    if isinstance(obj, (Server, OpenAIClient, CompletionObject)):
        return obj
    if isinstance(obj, str):
        if not obj.strip():
            # an empty setting must not become OpenAI
            raise UsageError(
                "the server is an empty text",
                hint="give its URL, as 'http://localhost:8000/v1'; None is OpenAI",
            )
        return Server(obj, clock=clock)
    wire = _openai_wire(obj)
    if wire is not None:
        return OpenAIClient(obj, wire, clock=clock)
    if not isinstance(obj, type):
        if callable(getattr(obj, "chat_completion", None)):
            return CompletionObject(obj, clock=clock)
        if inspect.iscoroutinefunction(getattr(obj, "chat", None)) and hasattr(obj, "profile"):
            server: ChatServer = obj
            return server
    kind = (
        f"the class {obj.__name__}"
        if isinstance(obj, type)
        else f"an object of type {type(obj).__name__}"
    )
    raise UsageError(
        f"{kind} is no server",
        hint=(
            "give a URL, ak.Server(url, key), an openai client, or an object with an async"
            " chat_completion(**kwargs)"
        ),
    )


def _openai_wire(obj: Any) -> ClientWire | None:
    """Find how to send through the object, where it is an openai client; whoever has one has
    imported the package.
    """
    openai: Any = sys.modules.get("openai")
    if openai is None:
        return None
    if isinstance(obj, openai.AsyncOpenAI):
        return AsyncWire(obj)
    return ThreadWire(obj) if isinstance(obj, openai.OpenAI) else None


class OpenAIClient:
    """An openai client of the caller's, sync or async, Azure included: its own address, key,
    headers, time-outs and connections are used.

    Its retries are not: they would not be seen on the record.
    """

    def __init__(
        self, client: Any, wire: ClientWire, *, profile: str | None = None, clock: Clock = time.time
    ) -> None:
        self.target = client
        self.profile = profile
        self._wire = wire
        self._clock = clock

    def __repr__(self) -> str:
        return f"<OpenAIClient {type(self.target).__name__}>"

    @property
    def redact(self) -> Redactor:
        """The function that takes out of text what the client was given."""
        secrets = client_secrets(self.target)
        remember(secrets)
        return Redactor(secrets)

    async def chat(self, call: Call, emit: Emit | None = None) -> Exchange:
        """Send one request and return its answer, errors included.

        Raises:
            UsageError: the request is not JSON.
        """
        remember(client_secrets(self.target))
        if not call.raw:
            return await clean_answer(self, call, emit)
        body = request_body(call, completion_tokens=self._renames(call))
        arrival = Arrival(
            clock=self._clock,
            stream=call.stream,
            emit=emit,
            redact=AS_IT_CAME,
        )
        options = {"headers": {"Accept-Encoding": "identity"}} if call.stream else {}
        sending = self._wire.post(self._path(call), body, options)
        return await transfer(self._wire, sending, arrival)

    def _renames(self, call: Call) -> bool:
        return is_openai(self.target.base_url.host) and needs_completion_tokens(
            call.fields.get("model")
        )

    def _path(self, call: Call) -> str:
        """Choose the path under the client's address; an Azure client without a deployment takes
        the model's name for it.
        """
        import openai

        model = (call.extra_body or {}).get("model", call.fields.get("model"))
        azure = isinstance(self.target, (openai.AzureOpenAI, openai.AsyncAzureOpenAI))
        if azure and model is not None and "/deployments" not in self.target.base_url.path:
            return f"/deployments/{quote(str(model), safe='')}{_PATH}"
        return _PATH


class CompletionObject:
    """Anything with a `chat_completion(**kwargs)`: Atropos' servers, hermes-agent's stubs, one
    of a user's own.

    It is called as the original loop called it. Its answer may be a dict, an SDK model, an object
    with attributes, or a mixture of them.
    """

    def __init__(
        self, target: Any, *, profile: str | None = None, clock: Clock = time.time
    ) -> None:
        self.target = target
        self.profile = profile
        self._clock = clock

    def __repr__(self) -> str:
        return f"<CompletionObject {type(self.target).__name__}>"

    async def chat(self, call: Call, emit: Emit | None = None) -> Exchange:
        """Ask the object and return its answer; an exception is part of it. There are no streamed
        pieces to emit.

        Raises:
            AgentkitError: the object raised it on purpose.
        """
        if not call.raw:
            return await clean_answer(self, call, emit)
        kwargs = _arguments(call)
        arrival = Arrival(clock=self._clock, stream=False)
        try:
            answer = self.target.chat_completion(**kwargs)
            if inspect.isawaitable(answer):
                answer = await answer
        except AgentkitError:
            raise
        except Exception as exc:
            return _failed(arrival, exc)
        return replace(arrival.exchange(), body=_text(answer), headers=_managed(self.target))


def _managed(target: Any) -> tuple[tuple[str, str], ...]:
    """Note of an Atropos `ManagedServer` which parser of calls it was made with: without one it
    answers with the model's own text, and no call is ever structured.
    """
    if not callable(getattr(target, "get_state", None)):
        return ()
    parser = getattr(target, "_tool_parser_name", None)
    return ((MANAGED_PARSER, parser if isinstance(parser, str) else ""),)


def _failed(arrival: Arrival, exc: Exception) -> Exchange:
    """Turn the exception into data, with the answer it carries."""
    note_failure(arrival, exc)
    exchange = arrival.exchange()
    body = exchange.body or arrival.redact(_text(getattr(exc, "body", None) or ""))
    status = exchange.status or getattr(exc, "status_code", None)
    error = raised_error(exc, status if isinstance(status, int) else None, exchange.headers, body)
    return replace(
        exchange, body=body, transport_error=replace(error, message=arrival.redact(error.message))
    )


def _text(answer: Any) -> str:
    if isinstance(answer, (bytes, bytearray)):
        return bytes(answer).decode("utf-8", "surrogateescape")
    return answer if isinstance(answer, str) else json.dumps(plain(answer), ensure_ascii=False)


def _arguments(call: Call) -> dict[str, Any]:
    """Make the keyword arguments the original loop gave, in data of their own."""
    extra = {"extra_body": fresh(call.extra_body)} if call.extra_body else {}
    return {"messages": fresh(list(call.messages)), **fresh(sent_fields(call)), **extra}

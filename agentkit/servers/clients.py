"""Objects that people have already, as servers: openai and anthropic clients, and whatever has a
`chat_completion(**kwargs)`.
"""

from __future__ import annotations

import inspect
import json
import sys
import time
from dataclasses import replace
from typing import Any, get_args
from urllib.parse import quote, urlsplit

from agentkit.errors import AgentkitError, UsageError
from agentkit.read.managed import MANAGED_PARSER
from agentkit.read.plain import plain
from agentkit.servers.address import (
    CHAT_PATH,
    MESSAGES_VERSION,
    checked_dialect,
    is_openai,
    path_under,
)
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
    sdk_of,
    transfer,
)
from agentkit.types.answer import Dialect
from agentkit.types.wire import Exchange
from agentkit.types.words import with_article

_ONLY: dict[str, frozenset[Dialect]] = {"anthropic": frozenset({"messages"})}
"""The dialects of packages that do not speak all of them."""
_OF_OBJECTS = (
    "a chat_completion is called with Chat Completions; give the object an attribute dialect= where"
    " it speaks another, or use ak.Server(url, key)"
)


def streams(server: ChatServer) -> bool:
    """Tell whether the server may be asked for an answer in pieces."""
    return isinstance(server, (Server, SdkClient)) or bool(getattr(server, "streams", False))


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
    """Take the object as a server: a URL, an openai or anthropic client, anything with a
    `chat_completion`, or what is a server already.

    Raises:
        UsageError: it is none of these, or an empty text.
    """
    if isinstance(obj, (Server, SdkClient, CompletionObject)):
        return obj
    if isinstance(obj, str):
        if not obj.strip():
            # an empty setting must not become OpenAI
            raise UsageError(
                "the server is an empty text",
                hint="give its URL, as 'http://localhost:8000/v1'; None is OpenAI",
            )
        return Server(obj, clock=clock)
    wire = _client_wire(obj)
    if wire is not None:
        return SdkClient(obj, wire, clock=clock)
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
            "give a URL, ak.Server(url, key), an openai or anthropic client, or an object with an"
            " async chat_completion(**kwargs)"
        ),
    )


def check_order(model: Any, tools: Any, server: Any) -> Any:
    """Refuse one of the three parts of an agent in the place of another, and give the tools.

    Raises:
        UsageError: the model is no name, or a server or functions are where something else belongs.
    """
    given = {"model": model, "tools": tools, "server": server}
    found = {name: kind for name, value in given.items() if (kind := _part(value))}
    wrong = [name for name, kind in found.items() if kind != name]
    wrong += ["model"] if "model" not in found and model is not None else []
    for name in (name for name in wrong if (name, found.get(name)) != ("server", "model")):
        kind = type(given[name]).__name__
        came = f"{given[name]!r:.60}" if kind == "str" else with_article(kind)
        parts = {kind: given[place] for place, kind in found.items()}
        raise UsageError(_PARTS[name].format(came), hint=call_of(**parts))
    return tools


_PARTS = {
    "model": "the model is {}, not a name",
    "tools": "tools is a list of functions, and came as {}",
    "server": "the server is a URL, an ak.Server or a client, and came as {}",
}


def call_of(model: str = "model-name", tools: Any = (), server: Any = None) -> str:
    """Write how an agent is made of what was given."""
    names = [getattr(tool, "name", getattr(tool, "__name__", "…")) for tool in tools]
    at = "server" if _part(server) == "server" else "'http://localhost:8000/v1'"
    at = repr(server) if isinstance(server, str) and "://" in server else at
    return f"ak.Agent({model!r}, tools=[{', '.join(names) or 'my_function'}], server={at})"


def _part(value: Any) -> str:
    """Tell which part of an agent something is; "" where that is open."""
    if isinstance(value, str):
        return "server" if value.startswith(("http://", "https://")) else "model"
    if isinstance(value, (list, tuple)):
        return "tools" if value and all(map(callable, value)) else ""
    is_server = isinstance(value, (Server, SdkClient, CompletionObject)) or _client_wire(value)
    return "server" if is_server or callable(getattr(value, "chat_completion", None)) else ""


def _client_wire(obj: Any) -> ClientWire | None:
    """Find how to send through the object, where it is a client of openai or anthropic; whoever has
    one has imported the package.

    Raises:
        UsageError: it is one that makes other requests of those it is given.
    """
    sdk = None if isinstance(obj, type) else sdk_of(type(obj))
    package: Any = sys.modules.get(sdk or "")
    if package is None:
        return None
    name = {"openai": "OpenAI", "anthropic": "Anthropic"}[str(sdk)]
    if isinstance(obj, getattr(package, f"Async{name}")):
        return AsyncWire(obj)
    if isinstance(obj, getattr(package, name)):
        return ThreadWire(obj)
    if callable(getattr(obj, "post", None)) and hasattr(obj, "base_url"):
        # those of Bedrock and Vertex write the request's body and path anew
        raise UsageError(
            f"a client of type {type(obj).__name__} cannot be used",
            hint=f"give {with_article(name)} client, or ak.Server(url, key, dialect='messages')",
        )
    return None


class SdkClient:
    """An openai or anthropic client of the caller's, sync or async, Azure included: its own
    address, key, headers, time-outs and connections are used.

    Its retries are not: they would not be seen on the record.
    """

    def __init__(
        self, client: Any, wire: ClientWire, *, profile: str | None = None, clock: Clock = time.time
    ) -> None:
        self.target = client
        self.profile = profile
        self.speaks = _ONLY.get(sdk_of(type(client)) or "", frozenset(get_args(Dialect)))
        """The dialects it may be asked in."""
        self.dialect: Dialect | None = next(iter(self.speaks)) if len(self.speaks) == 1 else None
        """What an agent speaks through it where the agent names nothing; None: Chat Completions."""
        self._wire = wire
        self._clock = clock

    def __reduce__(self) -> tuple[Any, ...]:
        raise UsageError(
            f"the client {type(self.target).__name__} goes into no pickle: it holds connections and"
            " a key",
            hint="give the agent server=ak.Server(url), whose key is read from the environment",
        )

    def __repr__(self) -> str:
        return f"<SdkClient {type(self.target).__name__}>"

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
        sending = self._wire.post(self._path(call), body, self._options(call))
        return await transfer(self._wire, sending, arrival)

    def _renames(self, call: Call) -> bool:
        return is_openai(self.target.base_url.host) and needs_completion_tokens(
            call.fields.get("model")
        )

    def _options(self, call: Call) -> dict[str, Any]:
        """Make the headers that the client would not send by itself."""
        headers = {"Accept-Encoding": "identity"} if call.stream else {}
        sent = {str(name).lower() for name in getattr(self.target, "default_headers", {})}
        if call.dialect == "messages" and "anthropic-version" not in sent:
            headers["anthropic-version"] = MESSAGES_VERSION
        return {"headers": headers} if headers else {}

    def _path(self, call: Call) -> str:
        """Choose the path under the client's address; an Azure client without a deployment takes
        the model's name for it in Chat Completions.
        """
        path = path_under(str(self.target.base_url), call.dialect)
        model = (call.extra_body or {}).get("model", call.fields.get("model"))
        if path != CHAT_PATH or model is None or not _is_azure(self.target):
            return path
        if "/deployments" in urlsplit(str(self.target.base_url)).path:
            return path
        return f"/deployments/{quote(str(model), safe='')}{path}"


def _is_azure(client: Any) -> bool:
    package: Any = sys.modules.get("openai")
    return package is not None and isinstance(
        client, (package.AzureOpenAI, package.AsyncAzureOpenAI)
    )


class CompletionObject:
    """Anything with a `chat_completion(**kwargs)`: Atropos' servers, hermes-agent's stubs, one
    of a user's own.

    It is called as the original loop called it. Its answer may be a dict, an SDK model, an object
    with attributes, or a mixture of them. One that has a `dialect` is called with the fields of a
    request in it.
    """

    def __init__(
        self, target: Any, *, profile: str | None = None, clock: Clock = time.time
    ) -> None:
        self.target = target
        self.profile = profile
        own = getattr(target, "dialect", None)
        self.dialect: Dialect | None = own if own in get_args(Dialect) else None
        """What the object says that it speaks; None: Chat Completions."""
        self.instead = "" if self.dialect else _OF_OBJECTS
        """What to do where it cannot be asked in a dialect."""
        self.speaks: frozenset[Dialect] = frozenset({self.dialect or "chat"})
        """The dialects it may be asked in."""
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
    """Make the keyword arguments the original loop gave, in data of their own; in another dialect,
    the fields of its request.
    """
    if call.dialect != "chat":
        fields: dict[str, Any] = json.loads(request_body(replace(call, stream=False)))
        return fields
    extra = {"extra_body": fresh(call.extra_body)} if call.extra_body else {}
    messages = list(call.messages) if call.given else fresh(list(call.messages))
    return {"messages": messages, **fresh(sent_fields(call)), **extra}

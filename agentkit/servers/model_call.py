"""One model call before it is sent: what a caller asks for, and the JSON body or keyword arguments
made of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import field
from typing import Any, Protocol

from agentkit.dialects.codecs import CODECS
from agentkit.dialects.json_body import encode_json
from agentkit.types.answer import Dialect
from agentkit.types.record import Record, record
from agentkit.types.wire import Chunk, Exchange

Emit = Callable[[Chunk], None]
"""Gets the pieces of a streamed answer as they arrive, on the event loop of the request."""

Clock = Callable[[], float]
"""Unix time in seconds."""

_NEEDS_COMPLETION_TOKENS = re.compile(r"(?:ft:)?(?:o\d|gpt-(?:[5-9]|1\d)(?!\d))")


@record
class Call(Record):
    """What to send for one model call."""

    messages: Sequence[dict[str, Any]]
    """The history in OpenAI's chat format."""
    given: bool = False
    """Whether `messages` are the server's to keep: what it does to them stays with it."""
    encoded: Sequence[bytes] | None = None
    """The same history already encoded, in pieces between which commas belong, where the caller
    keeps it; None: `messages` is encoded.
    """
    tools: bytes | None = None
    """The tools among `fields`, encoded for Chat Completions, where the caller keeps them."""
    dialect: Dialect = "chat"
    """The API that is spoken."""
    fields: dict[str, Any] = field(default_factory=dict)
    """Everything else in the body: model, tools, temperature, max_tokens, n, …; never `stream`."""
    extra_body: dict[str, Any] | None = None
    """Merged over `fields` in a JSON body; a keyword of its own for a `chat_completion` object."""
    stream: bool = False
    raw: bool = False
    """Whether the answer is given as it came, to a caller who takes the secrets out of it."""

    def summary(self) -> str:
        return (
            f"{self.fields.get('model')} {len(self.messages)}"
            f" messages{', streamed' if self.stream else ''}"
        )


class ChatServer(Protocol):
    """Turns one request into one `Exchange`; what a server or the network gets wrong is in it,
    never raised.
    """

    profile: str | None
    """Name of the history profile it asks for; None where it has no wish."""

    async def chat(self, call: Call, emit: Emit | None = None) -> Exchange:
        """Send one request and return its answer, errors included."""


def sent_fields(call: Call) -> dict[str, Any]:
    """Leave out the fields that must not be sent empty: servers refuse `tools: []`, and null for a
    model or a limit.
    """
    return {
        name: value
        for name, value in call.fields.items()
        if not (value is None and name in ("model", "max_tokens"))
        and not (name == "tools" and not value)
    }


def request_body(call: Call, *, completion_tokens: bool = False) -> bytes:
    """Encode the JSON body; messages that came encoded are not encoded again.

    Args:
        call: what to send.
        completion_tokens: send `max_tokens` under OpenAI's new name, `max_completion_tokens`.

    Raises:
        UsageError: something in it is not JSON.
    """
    if call.dialect != "chat":
        codec = CODECS[call.dialect]
        parts = call.encoded
        parts = [codec.encode(m) for m in call.messages] if parts is None else parts
        return codec.body(parts, sent_fields(call), call.extra_body, call.stream)
    body = {**sent_fields(call), **(call.extra_body or {})}
    if call.stream:
        body["stream"] = True
        options = body.pop("stream_options", {})
        if options is not None:
            body["stream_options"] = {"include_usage": True, **options}
    if completion_tokens and "max_tokens" in body:
        limit = body.pop("max_tokens")
        body.setdefault("max_completion_tokens", limit)
    if "messages" in body:
        return encode_json(body)
    tools = None if "tools" in (call.extra_body or ()) else call.tools
    if tools is not None:
        del body["tools"]
    head = encode_json(body)[:-1] + (b"," if body else b"")
    if tools is not None:
        head = b'%b"tools":%b,' % (head, tools)
    if call.encoded is None:
        return b'%b"messages":%b}' % (head, encode_json(list(call.messages)))
    # one join, no sum: each copy of a long history costs as much as all else
    pieces = [head, b'"messages":[']
    for part in call.encoded:
        pieces += (part, b",")
    if call.encoded:
        pieces.pop()
    return b"".join((*pieces, b"]}"))


def needs_completion_tokens(model: Any) -> bool:
    """Tell whether OpenAI refuses `max_tokens` for this model: the o series, gpt-5 and later."""
    return isinstance(model, str) and bool(_NEEDS_COMPLETION_TOKENS.match(model))


def fresh(value: Any) -> Any:
    """Copy the data into new dicts and lists, so that what another object does to them stays with
    it.
    """
    if isinstance(value, dict):
        return {key: fresh(item) for key, item in value.items()}
    return [fresh(item) for item in value] if isinstance(value, (list, tuple)) else value

"""The dialects beside chat completions, each with what reads and writes it, and how a body or an
event tells which one it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from agentkit.dialects.delta import Delta, TextPiece
from agentkit.dialects.messages import answer as messages_answer
from agentkit.dialects.messages import answer_out as messages_out
from agentkit.dialects.messages import events as messages_events
from agentkit.dialects.messages import oddities as messages_oddities
from agentkit.dialects.messages import request as messages_request
from agentkit.dialects.parts import Named, Oddity, Parts, Places
from agentkit.dialects.responses import answer as responses_answer
from agentkit.dialects.responses import answer_out as responses_out
from agentkit.dialects.responses import events as responses_events
from agentkit.dialects.responses import events_out as responses_stream
from agentkit.dialects.responses import oddities as responses_oddities
from agentkit.dialects.responses import request as responses_request
from agentkit.types.answer import Dialect, Response
from agentkit.types.problem import Problem


class Events(Protocol):
    """The events of one streamed answer put together, one by one; linear in the stream."""

    problems: dict[str, Problem]
    """What is wrong with the events, the first of each kind."""
    ended: bool
    """Whether the event that ends an answer has come."""

    def add(self, event: dict[str, Any], kind: str = "") -> list[Delta]:
        """Take the data of an event, and its name where the line `event:` gave one; return what it
        added to the answer.
        """

    def piece_of(self, event: dict[str, Any]) -> TextPiece | None:
        """Tell which text an event that was taken added to; None where it did more than that."""

    def body(self) -> dict[str, Any]:
        """Return the body that the events so far amount to."""


@dataclass(frozen=True, slots=True)
class Codec:
    """All that reads and writes one dialect."""

    dialect: Dialect
    title: str
    """Its name for people."""
    path: str
    """Behind the base URL that ends in `/v1`."""
    field: str
    """What the body of an answer holds its items or blocks in."""
    history: str
    """What the body of a request holds the conversation in."""
    system: str
    """What it holds the text in that stands before the conversation."""
    is_body: Callable[[dict[str, Any]], bool]
    """Tells whether a block answer is in it."""
    is_event: Callable[[dict[str, Any]], bool]
    """Tells whether the data of a stream's event is in it."""
    ends: frozenset[str]
    """The events behind which nothing comes."""
    read: Callable[[dict[str, Any]], Parts]
    """Takes a body apart."""
    cited: Callable[[dict[str, Any]], list[dict[str, Any]]]
    """Lists what the text of an item cites, as sent."""
    events: Callable[[], Events]
    encode: Callable[[dict[str, Any]], bytes]
    """Encodes one message of the history (in OpenAI's chat form, an answer's own `items` beside it)
    as the dialect has it; b"" where nothing is sent for it.
    """
    body: Callable[[Sequence[bytes], dict[str, Any], dict[str, Any] | None, bool], bytes]
    """Joins encoded messages, the other fields in their chat form, what is merged over the body,
    and whether the answer is streamed, to the body of a request.
    """
    items: Callable[[Response], list[dict[str, Any]]]
    """Writes an answer as the items or blocks that go back: as they came where nobody changed
    them.
    """
    body_out: Callable[[Response], dict[str, Any]]
    """Writes an answer as the body that a server sends."""
    events_out: Callable[[Response], list[dict[str, Any]]]
    """Writes an answer as the events of a stream, the data of each; its `type` names it."""
    names_calls: bool
    """Whether an answer that holds calls ends with a word of its own, as `tool_use`."""
    resumes: bool
    """Whether an answer that is not finished goes on when the conversation is sent again."""
    places: Places
    is_error: Callable[[Any], bool]
    """Tells whether the body of a failure has the dialect's own form."""
    oddities: Callable[[dict[str, Any], Sequence[Named]], Iterator[Oddity]]
    """Finds in a body, and in its events, what the API of the dialect does not do."""


CODECS: dict[str, Codec] = {
    codec.dialect: codec
    for codec in (
        Codec(
            dialect="responses",
            title="OpenAI Responses",
            path="/responses",
            field="output",
            history="input",
            system="instructions",
            is_body=responses_answer.is_body,
            is_event=responses_events.is_event,
            ends=frozenset(
                {"response.completed", "response.incomplete", "response.failed", "error"}
            ),
            read=responses_answer.read,
            cited=responses_answer.cited,
            events=responses_events.ResponsesEvents,
            encode=responses_request.encode,
            body=responses_request.body,
            items=responses_out.items,
            body_out=responses_out.body_out,
            events_out=responses_stream.events_out,
            names_calls=False,
            resumes=False,
            places=responses_oddities.PLACES,
            is_error=responses_oddities.is_error,
            oddities=responses_oddities.oddities,
        ),
        Codec(
            dialect="messages",
            title="Anthropic Messages",
            path="/messages",
            field="content",
            history="messages",
            system="system",
            is_body=messages_answer.is_body,
            is_event=messages_events.is_event,
            ends=frozenset({"message_stop", "error"}),
            read=messages_answer.read,
            cited=messages_answer.cited,
            events=messages_events.MessagesEvents,
            encode=messages_request.encode,
            body=messages_request.body,
            items=messages_out.items,
            body_out=messages_out.body_out,
            events_out=messages_out.events_out,
            names_calls=True,
            resumes=True,
            places=messages_oddities.PLACES,
            is_error=messages_oddities.is_error,
            oddities=messages_oddities.oddities,
        ),
    )
}
"""By name. Chat completions are read in `agentkit.read`, which reads whatever calls itself one."""


_ITEMS = frozenset({"message", "reasoning", "function_call", "custom_tool_call"})
_BLOCKS = frozenset({"tool_use", "thinking", "redacted_thinking", "server_tool_use"})


def codec_of(data: Any) -> Codec | None:
    """Tell by its own words which dialect a block answer is in; None for chat completions and for
    what is neither.
    """
    if not isinstance(data, dict) or "choices" in data or _is_output(data):
        return None
    found = next((codec for codec in CODECS.values() if codec.is_body(data)), None)
    if found is None and "object" not in data and _are_items(data.get("output")):
        return CODECS["responses"]
    return found


def bare_codec(data: Any) -> tuple[Codec, dict[str, Any]] | None:
    """Tell an answer without its envelope, and put it into one: a list of output items, or an
    assistant's message with blocks that only Messages has.
    """
    if _are_items(data) or _is_output(data):
        return CODECS["responses"], {"output": data if isinstance(data, list) else [data]}
    if not isinstance(data, dict) or data.get("role") != "assistant" or "tool_calls" in data:
        return None
    content = data.get("content")
    blocks = content if isinstance(content, list) else [None]
    if all(isinstance(block, dict) for block in blocks) and any(map(_is_block, blocks)):
        return CODECS["messages"], data
    return None


def _are_items(value: Any) -> bool:
    """Tell whether a value is a list of output items, by the first of them."""
    first = value[0] if isinstance(value, list) and value else None
    kind = first.get("type") if isinstance(first, dict) else None
    if not isinstance(first, dict) or not isinstance(kind, str) or kind not in _ITEMS:
        return False
    return kind != "message" or isinstance(first.get("content"), list)


def _is_output(data: Any) -> bool:
    """Tell a message of Responses, an output item, from one of Messages, which is a whole body."""
    if not isinstance(data, dict) or data.get("type") != "message":
        return False
    content = data.get("content")
    first = content[0] if isinstance(content, list) and content else None
    return isinstance(first, dict) and first.get("type") in ("output_text", "refusal")


def _is_block(block: dict[str, Any]) -> bool:
    """Tell a block of Messages from a part of another server's content: Mistral's `thinking` is a
    list.
    """
    kind = block.get("type")
    known = isinstance(kind, str) and kind in _BLOCKS
    return known and not isinstance(block.get("thinking"), list)


def event_codec(data: dict[str, Any]) -> Codec | None:
    """Tell which dialect the data of a stream's event is in; None for any other."""
    if "choices" in data:
        return None
    return next((codec for codec in CODECS.values() if codec.is_event(data)), None)

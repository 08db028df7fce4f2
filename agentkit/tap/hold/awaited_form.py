"""An answer in the form that the agent asked for: a block, or a stream, in its dialect."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from agentkit.dialects.chat.answer_out import body_events as chat_events
from agentkit.dialects.messages.blocks.event_list import event_list
from agentkit.dialects.native_request import request_dialect
from agentkit.dialects.responses.events_out import body_events, numbered
from agentkit.read.plain import compact_json
from agentkit.types.answer import Dialect

_STREAM = "text/event-stream; charset=utf-8"


@dataclass(frozen=True, slots=True)
class AnswerForm:
    """What an agent waits for."""

    dialect: Dialect
    streams: bool = False
    """Whether it asked for a stream."""
    counts: bool = False
    """Whether it asked for token counts in a stream of chunks."""
    model: str | None = None
    """The model that it asked."""

    @property
    def content_type(self) -> str:
        """The header of that name."""
        return _STREAM if self.streams else "application/json"

    def text(self, body: dict[str, Any]) -> str:
        """Write the body of an answer as it is sent."""
        return "".join(self.pieces(body))

    def pieces(self, body: dict[str, Any]) -> Iterator[str]:
        """Write the body of an answer as it is sent, event by event where it is streamed."""
        if not self.streams:
            yield compact_json(body)
        elif self.dialect == "chat":
            yield from (
                f"data: {compact_json(e)}\n\n" for e in chat_events(body, usage=self.counts)
            )
            yield "data: [DONE]\n\n"
        else:
            yield from named_events(self._events(body))

    def _events(self, body: dict[str, Any]) -> Iterable[dict[str, Any]]:
        if self.dialect == "responses":
            return numbered(body_events(body))
        return event_list(body, {})


def named_events(events: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Write events whose `type` is their name."""
    return (f"event: {data['type']}\ndata: {compact_json(data)}\n\n" for data in events)


def form_of(body: Any, path: str) -> AnswerForm | None:
    """Tell from a request what its agent waits for; None where it asks for no answer of a model.

    Args:
        body: the request as plain data.
        path: where it was sent.
    """
    dialect = request_dialect(body, path)
    if dialect is None:
        return None
    options, model = body.get("stream_options"), body.get("model")
    return AnswerForm(
        dialect=dialect,
        streams=body.get("stream") is True,
        counts=isinstance(options, dict) and bool(options.get("include_usage")),
        model=model if isinstance(model, str) else None,
    )

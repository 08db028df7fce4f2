"""Faults in a stream: in its events, in the pieces of its calls, at its end."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from typing import Any

from agentkit.testing.faults.fault import Fault, named
from agentkit.testing.server.loopback import Reply
from agentkit.testing.server.question import Question

ChunksChange = Callable[[list[Any], Question], list[Any]]

ERROR = {
    "message": "EngineCore encountered an issue.",
    "type": "InternalServerError",
    "param": None,
    "code": 500,
}
TEXT = {"content-type": "text/plain"}


def on_chunks(change: Callable[[dict[str, Any]], dict[str, Any] | None]) -> ChunksChange:
    """Change every chunk that has `choices`, be they empty; None leaves it out."""

    def changed(chunks: list[Any], question: Question) -> list[Any]:
        made = [
            change(chunk) if isinstance(chunk, dict) and "choices" in chunk else chunk
            for chunk in chunks
        ]
        return [chunk for chunk in made if chunk is not None]

    return changed


def on_choices(change: Callable[[dict[str, Any]], dict[str, Any]]) -> ChunksChange:
    """Change every choice of every chunk."""

    def changed(chunk: dict[str, Any]) -> dict[str, Any]:
        return {**chunk, "choices": [change(choice) for choice in chunk["choices"]]}

    return on_chunks(changed)


def _on_calls(change: Callable[[dict[str, Any], Any, int], None]) -> ChunksChange:
    """Change, in place, every piece of a call: given are the piece, the call's id, and how many
    pieces came before.
    """

    def changed(chunks: list[Any], question: Question) -> list[Any]:
        copied, ids, numbers = copy.deepcopy(chunks), dict[Any, Any](), count()
        for piece in _call_pieces(copied):
            call_id = ids.setdefault(piece.get("index"), piece.get("id"))
            change(piece, call_id, next(numbers))
        return copied

    return changed


def _call_pieces(chunks: list[Any]) -> Iterator[dict[str, Any]]:
    for chunk in chunks:
        for choice in (chunk.get("choices") or ()) if isinstance(chunk, dict) else ():
            pieces = (choice.get("delta") or {}).get("tool_calls") or ()
            yield from (piece for piece in pieces if isinstance(piece, dict))


def index_missing(piece: dict[str, Any], call_id: Any, number: int) -> None:
    piece.pop("index", None)


def index_collision(piece: dict[str, Any], call_id: Any, number: int) -> None:
    piece["index"] = 0


def identity_repeated(piece: dict[str, Any], call_id: Any, number: int) -> None:
    piece["id"] = call_id


def id_changed(piece: dict[str, Any], call_id: Any, number: int) -> None:
    piece["id"] = f"{call_id}-{number}" if number else call_id


ENDS = ("message_delta", "message_stop", "response.completed", "response.incomplete")
"""The events that end a stream of Messages or Responses."""


def _finished(chunk: Any) -> bool:
    """Tell whether it is part of a stream's end: a finish reason, the token counts, `[DONE]`, the
    last events of a dialect.
    """
    if isinstance(chunk, dict) and isinstance(chunk.get("type"), str):
        return chunk["type"] in ENDS
    if not isinstance(chunk, dict) or not chunk.get("choices"):
        return True
    return chunk["choices"][0].get("finish_reason") is not None


def unfinished(chunks: list[Any], question: Question) -> list[Any]:
    """Leave out the end of a stream."""
    return [chunk for chunk in chunks if not _finished(chunk)]


def _error_event(chunks: list[Any], question: Question) -> list[Any]:
    going = unfinished(chunks, question)
    error: dict[str, Any] = {"error": ERROR}
    if question.dialect == "responses":
        told = {"code": "server_error", "message": ERROR["message"], "param": None}
        error = {"type": "error", **told, "sequence_number": max(1, len(going) // 2)}
    elif question.dialect == "messages":
        named = {"type": "overloaded_error", "message": "Overloaded"}
        error = {"type": "error", "error": named}
    return [*going[: max(1, len(going) // 2)], error]


def _bad_event(chunks: list[Any], question: Question) -> list[Any]:
    return [*chunks[:1], '{"id": "chatcmpl-1", "choi', *chunks[1:]]


def _cumulative(chunks: list[Any], question: Question) -> list[Any]:
    copied, sent = copy.deepcopy(chunks), ""
    for chunk in copied:
        for choice in (chunk.get("choices") or ()) if isinstance(chunk, dict) else ():
            delta = choice.get("delta") or {}
            if isinstance(delta.get("content"), str) and delta["content"]:
                sent = delta["content"] = sent + delta["content"]
    return copied


def _cut_event(reply: Reply, question: Question) -> Reply:
    """Cut the last event before the finish in its middle, and end the answer in order."""
    pieces = [str(piece) for piece in reply.pieces or ()]
    signs = ('"finish_reason":null', ".delta", "content_block_delta")
    going = [i for i, piece in enumerate(pieces) if any(s in piece.replace(" ", "") for s in signs)]
    if not going:
        return reply
    cut = pieces[going[-1]]
    return replace(reply, pieces=[*pieces[: going[-1]], cut[: cut.index("{") + 30]])


STREAM_FAULTS: tuple[Fault, ...] = (
    named(
        "stream_no_finish",
        "the stream ends without a finish reason and without [DONE]",
        only="stream",
        chunks=unfinished,
        divergence="completion_integrity",
    ),
    Fault(
        name="stream_error_event",
        says="an error comes in the middle of the stream, which ends there",
        only="stream",
        codes=("stream_error_event", "stream_no_finish"),
        chunks=_error_event,
    ),
    named("stream_bad_json", "an event is not JSON", only="stream", chunks=_bad_event),
    named(
        "stream_not_sse",
        "plain text comes in place of the stream",
        only="stream",
        instead=Reply(pieces=["I am sorry, ", "I cannot stream."], headers=TEXT),
    ),
    Fault(
        name="stream_truncated",
        says="the stream ends inside an event",
        codes=("stream_truncated", "stream_no_finish"),
        only="stream",
        reply=_cut_event,
    ),
    named(
        "index_missing",
        "a call's pieces have no index",
        needs="calls",
        only="stream",
        chunks=_on_calls(index_missing),
    ),
    named(
        "index_collision",
        "all calls have the index 0",
        needs="parallel",
        only="stream",
        chunks=_on_calls(index_collision),
    ),
    named(
        "identity_repeated",
        "a call's id is sent with each of its pieces",
        needs="calls",
        only="stream",
        chunks=_on_calls(identity_repeated),
        divergence="stream_identity",
    ),
    named(
        "stream_cumulative",
        "each piece holds the whole text so far",
        needs="text",
        only="stream",
        chunks=_cumulative,
    ),
    named(
        "id_changed",
        "a call has another id in each of its pieces",
        needs="calls",
        only="stream",
        chunks=_on_calls(id_changed),
        divergence="stream_identity",
    ),
)

"""Faults around a message: the envelope, the stream, the connection, and requests that are
refused.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from typing import Any

from agentkit.testing.faults.fault import Fault
from agentkit.testing.faults.refusals import CAPTURED, HISTORY, REFUSALS
from agentkit.testing.server.asking import Asking, Refusal
from agentkit.testing.server.loopback import Reply

_ERROR = {
    "message": "EngineCore encountered an issue.",
    "type": "InternalServerError",
    "param": None,
    "code": 500,
}
_PAGE = (
    "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad"
    " Gateway</h1></body></html>\n"
)
_NEVER = 86_400.0
"""Seconds; the connection is closed when the client gives up or the server ends."""


def _first(change: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any], Asking], Any]:
    """A change of a body's first choice."""
    return lambda body, asking: {
        **body,
        "choices": [change(body["choices"][0]), *body["choices"][1:]],
    }


def _split(body: dict[str, Any], asking: Asking) -> Any:
    """The text in one choice and the calls in another of the same index, as GitHub Copilot's
    endpoint does with Claude.
    """
    choice = body["choices"][0]
    message = choice["message"]
    said = {**message, "content": message.get("content") or "One moment."}
    said.pop("tool_calls", None)
    return {
        **body,
        "choices": [
            {**choice, "message": said},
            {**choice, "message": {**message, "content": None}},
        ],
    }


def _anthropic(body: dict[str, Any], asking: Asking) -> Any:
    text = body["choices"][0]["message"].get("content") or ""
    return {
        "id": "msg_01",
        "type": "message",
        "role": "assistant",
        "model": asking.model,
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": len(asking.prompt), "output_tokens": 9},
    }


def _content_form(body: dict[str, Any], asking: Asking) -> Any:
    def flipped(choice: dict[str, Any]) -> dict[str, Any]:
        content = choice["message"].get("content")
        return {
            **choice,
            "message": {**choice["message"], "content": "" if content is None else content or None},
        }

    return _first(flipped)(body, asking)


_NAMES = {"reasoning": "reasoning_content", "reasoning_content": "reasoning"}


def _renamed(fields: dict[str, Any]) -> dict[str, Any]:
    return {_NAMES.get(key, key): value for key, value in fields.items()}


def _prefix(body: dict[str, Any]) -> dict[str, Any]:
    """Prompt ids that begin otherwise at every length, as where a template writes the date or drops
    reasoning.
    """
    ids = body.get("prompt_token_ids")
    return {**body, "prompt_token_ids": [len(ids), *ids[1:]]} if ids else body


def _on_deltas(
    change: Callable[[dict[str, Any]], None],
) -> Callable[[list[Any], Asking], list[Any]]:
    """A change, in place, of every delta of a stream."""

    def chunks(given: list[Any], asking: Asking) -> list[Any]:
        copied = copy.deepcopy(given)
        for delta in _deltas(copied):
            change(delta)
        return copied

    return chunks


def _deltas(chunks: list[Any]) -> Iterator[dict[str, Any]]:
    for chunk in chunks:
        for choice in chunk.get("choices") or () if isinstance(chunk, dict) else ():
            if isinstance(choice.get("delta"), dict):
                yield choice["delta"]


def _entries(chunks: list[Any]) -> Iterator[dict[str, Any]]:
    for delta in _deltas(chunks):
        yield from (entry for entry in delta.get("tool_calls") or () if isinstance(entry, dict))


def _on_entries(
    change: Callable[[dict[str, Any], dict[Any, Any], int], None],
) -> Callable[[list[Any], Asking], list[Any]]:
    """A change, in place, of every piece of a call: the piece, the call's id by index, how many
    pieces there were before.
    """

    def chunks(given: list[Any], asking: Asking) -> list[Any]:
        copied, ids, numbers = copy.deepcopy(given), dict[Any, Any](), count()
        for entry in _entries(copied):
            ids.setdefault(entry.get("index"), entry.get("id"))
            change(entry, ids, next(numbers))
        return copied

    return chunks


def _repeat_id(entry: dict[str, Any], ids: dict[Any, Any], number: int) -> None:
    entry["id"] = ids[entry.get("index")]


def _change_id(entry: dict[str, Any], ids: dict[Any, Any], number: int) -> None:
    entry["id"] = f"{ids[entry.get('index')]}-{number}" if number else ids[entry.get("index")]


def _finished(chunk: Any) -> bool:
    return (
        not isinstance(chunk, dict)
        or not chunk.get("choices")
        or chunk["choices"][0].get("finish_reason") is not None
    )


def _unfinished(chunks: list[Any], asking: Asking) -> list[Any]:
    return [chunk for chunk in chunks if not _finished(chunk)]


def _half(chunks: list[Any]) -> list[Any]:
    going = [chunk for chunk in chunks if not _finished(chunk)]
    return going[: max(1, len(going) // 2)]


def _bad_event(chunks: list[Any], asking: Asking) -> list[Any]:
    return [*chunks[:1], '{"id": "chatcmpl-1", "choi', *chunks[1:]]


def _cut_event(reply: Reply, asking: Asking) -> Reply:
    """The last event before the finish is cut in its middle, and the answer ends in order."""
    pieces = [str(piece) for piece in reply.pieces or ()]
    going = [
        i for i, piece in enumerate(pieces) if '"finish_reason":null' in piece.replace(" ", "")
    ]
    return replace(reply, pieces=[*pieces[: going[-1]], pieces[going[-1]][:40]]) if going else reply


def _reset(reply: Reply, asking: Asking) -> Reply:
    if reply.pieces is not None:
        return replace(reply, pieces=reply.pieces[: max(1, len(reply.pieces) // 2)], cut=True)
    return replace(
        reply, body=reply.content[: len(reply.content) // 2], length=len(reply.content), cut=True
    )


def _instead(**fields: Any) -> Callable[[Reply, Asking], Reply]:
    return lambda reply, asking: Reply(**fields)


def _on_chunks(change: Callable[[dict[str, Any]], Any]) -> Callable[[list[Any], Asking], list[Any]]:
    """A change of every chunk that has choices, or is known by having none; None leaves it out."""

    def chunks(given: list[Any], asking: Asking) -> list[Any]:
        changed = [
            change(chunk) if isinstance(chunk, dict) and "choices" in chunk else chunk
            for chunk in given
        ]
        return [chunk for chunk in changed if chunk is not None]

    return chunks


def _without_usage(chunk: dict[str, Any]) -> dict[str, Any] | None:
    return (
        {key: value for key, value in chunk.items() if key != "usage"} if chunk["choices"] else None
    )


def _on_choices(
    change: Callable[[dict[str, Any]], dict[str, Any]],
) -> Callable[[list[Any], Asking], list[Any]]:
    return _on_chunks(
        lambda chunk: {**chunk, "choices": [change(choice) for choice in chunk["choices"]]}
    )


def _encoded(reply: Reply, asking: Asking) -> Reply:
    return replace(reply, headers={**reply.headers, "content-encoding": "gzip"})


_NAN = float("nan")
_REDIRECT = {"location": "/elsewhere/v1/chat/completions"}
_CUT_RAW = b"SSH-2.0-OpenSSH_9.9\r\n"

_BODIES: tuple[tuple[str, str, Any], ...] = (
    ("error_in_200", "an error comes with status 200", lambda body, asking: {"error": _ERROR}),
    ("choices_missing", "there are no choices", lambda body, asking: {**body, "choices": []}),
    (
        "message_missing",
        "the choice has no message",
        _first(lambda choice: {k: v for k, v in choice.items() if k != "message"}),
    ),
    ("foreign_dialect", "the answer is an Anthropic message", _anthropic),
    ("body_not_object", "the answer stands in a list", lambda body, asking: [body]),
    ("body_nonstandard_number", "the body holds NaN", lambda body, asking: {**body, "cost": _NAN}),
    (
        "nested_envelope",
        "the answer stands inside `data`",
        lambda body, asking: {"code": 0, "data": body},
    ),
)

WIRE_FAULTS: tuple[Fault, ...] = (
    *(
        Fault(name=name, says=says, codes=(name,), only="block", body=change)
        for name, says, change in _BODIES
    ),
    Fault(
        name="choices_split",
        says="text and calls stand in two choices",
        codes=("choices_split",),
        needs="calls",
        only="block",
        body=_split,
    ),
    Fault(
        name="unexpected_sse",
        says="a stream comes where none was asked for",
        codes=("unexpected_sse",),
        only="block",
        swap=True,
    ),
    Fault(
        name="body_not_json",
        says="the body is a line of text",
        codes=("body_not_json",),
        only="block",
        reply=_instead(
            body="upstream connect error or disconnect before headers",
            headers={"content-type": "text/plain"},
        ),
    ),
    Fault(
        name="body_empty", says="the body is empty", codes=("body_empty",), reply=_instead(body=b"")
    ),
    Fault(
        name="body_html",
        says="a web page comes with status 200",
        codes=("body_html",),
        reply=_instead(body=_PAGE, headers={"content-type": "text/html"}),
    ),
    Fault(
        name="content_encoding_bad",
        says="the body is not compressed, and the header says it is",
        codes=("content_encoding_bad",),
        only="block",
        reply=_encoded,
    ),
    Fault(
        name="stream_no_finish",
        says="the stream ends without a finish reason and without [DONE]",
        codes=("stream_no_finish",),
        only="stream",
        chunks=_unfinished,
        divergence="completion_integrity",
    ),
    Fault(
        name="stream_error_event",
        says="an error comes in the middle of the stream, which ends there",
        only="stream",
        codes=("stream_error_event", "stream_no_finish"),
        chunks=lambda chunks, asking: [*_half(chunks), {"error": _ERROR}],
    ),
    Fault(
        name="stream_bad_json",
        says="an event is not JSON",
        codes=("stream_bad_json",),
        only="stream",
        chunks=_bad_event,
    ),
    Fault(
        name="stream_not_sse",
        says="plain text comes in place of the stream",
        codes=("stream_not_sse",),
        only="stream",
        reply=_instead(
            pieces=["I am sorry, ", "I cannot stream."], headers={"content-type": "text/plain"}
        ),
    ),
    Fault(
        name="stream_truncated",
        says="the stream ends inside an event",
        codes=("stream_truncated", "stream_no_finish"),
        only="stream",
        reply=_cut_event,
    ),
    Fault(
        name="index_missing",
        says="a call's pieces have no index",
        codes=("index_missing",),
        needs="calls",
        only="stream",
        chunks=_on_entries(lambda entry, ids, number: entry.pop("index", None) and None),
    ),
    Fault(
        name="index_collision",
        says="all calls have the index 0",
        codes=("index_collision",),
        needs="parallel",
        only="stream",
        chunks=_on_entries(lambda entry, ids, number: entry.update(index=0)),
    ),
    Fault(
        name="identity_repeated",
        says="a call's id is sent with each of its pieces",
        codes=("identity_repeated",),
        needs="calls",
        only="stream",
        chunks=_on_entries(_repeat_id),
        divergence="stream_identity",
    ),
    Fault(
        name="id_changed",
        says="a call has another id in each of its pieces",
        codes=("id_changed",),
        needs="calls",
        only="stream",
        chunks=_on_entries(_change_id),
        divergence="stream_identity",
    ),
    Fault(
        name="request_ignored",
        says="a block answer comes where a stream was asked for",
        only="stream",
        swap=True,
        divergence="request_ignored",
    ),
    Fault(
        name="usage",
        says="there are no token counts",
        divergence="usage",
        chunks=_on_chunks(_without_usage),
        body=lambda body, asking: {key: value for key, value in body.items() if key != "usage"},
    ),
    Fault(
        name="logprobs",
        says="logprobs are left out although they were asked for",
        divergence="logprobs",
        chunks=_on_choices(lambda choice: {**choice, "logprobs": None}),
        body=_first(lambda choice: {**choice, "logprobs": None}),
    ),
    Fault(
        name="content_form",
        says=(
            "content is null where this kind of server says an empty text, and the other way round"
        ),
        needs="calls",
        only="block",
        body=_content_form,
        divergence="content_form",
    ),
    Fault(
        name="reasoning_field",
        says="the reasoning stands under the other of its two names",
        divergence="reasoning_field",
        body=_first(lambda choice: {**choice, "message": _renamed(choice["message"])}),
        chunks=_on_choices(lambda choice: {**choice, "delta": _renamed(choice["delta"])}),
    ),
    Fault(
        name="prefix_broken",
        says="a turn's prompt ids do not go on from those of the turn before",
        divergence="prefix_broken",
        body=lambda body, asking: _prefix(body),
        chunks=_on_chunks(_prefix),
    ),
    Fault(
        name="connection_reset",
        says="the connection breaks in the middle of the answer",
        codes=("connection_reset",),
        reply=_reset,
    ),
    Fault(
        name="timeout",
        says="no answer ever comes",
        codes=("timeout",),
        reply=_instead(delay=_NEVER),
    ),
    Fault(
        name="bad_response",
        says="what comes back is not HTTP",
        codes=("bad_response",),
        reply=_instead(raw=_CUT_RAW),
    ),
    Fault(
        name="redirect",
        says="the server points to another address",
        codes=("redirect",),
        reply=_instead(status=307, headers=_REDIRECT),
    ),
    Fault(
        name="error_shape",
        says="a refusal comes in FastAPI's own shape, with status 422",
        codes=("bad_request",),
        divergence="error_shape",
        refusal=Refusal(
            422,
            "",
            body={
                "detail": [
                    {
                        "type": "missing",
                        "loc": ["body", "seed"],
                        "msg": "Field required",
                        "input": {},
                    }
                ]
            },
        ),
    ),
    *(
        Fault(
            name=code,
            says=f"the request is refused with status {refusal.status}: {refusal.message}"[:200],
            codes=(code,),
            refusal=refusal,
            needs="history" if code in HISTORY else "",
            source=f"captured: {CAPTURED[code]}" if code in CAPTURED else "constructed",
        )
        for code, refusal in REFUSALS.items()
    ),
)

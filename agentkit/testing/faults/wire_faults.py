"""Faults on the wire: in the envelope and the connection, and requests that are refused."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

from agentkit.servers.arrival import MOST_BYTES
from agentkit.testing.faults.fault import Fault, Needs, named
from agentkit.testing.faults.refusals import CAPTURED, HISTORY, REFUSALS, Refusal
from agentkit.testing.faults.stream_faults import ERROR, STREAM_FAULTS, TEXT, on_choices, on_chunks
from agentkit.testing.server.loopback import Reply
from agentkit.testing.server.question import Question

BodyChange = Callable[[dict[str, Any], Question], Any]

_NO_CHOICES = {"id": "chatcmpl-0", "object": "chat.completion", "model": "m", "choices": []}
_PAGE = (
    "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad"
    " Gateway</h1></body></html>\n"
)
_HTML = {"content-type": "text/html"}
_REDIRECT = {"location": "/elsewhere/v1/chat/completions"}
NEVER = 86_400.0
"""Seconds; the connection is closed when the client gives up or the server ends."""


# Changes of a body, and of a stream alike


def _on_choice(change: Callable[[dict[str, Any]], dict[str, Any]]) -> BodyChange:
    """Change the first choice of a body."""

    def changed(body: dict[str, Any], question: Question) -> dict[str, Any]:
        first, *others = body["choices"]
        return {**body, "choices": [change(first), *others]}

    return changed


def message_missing(choice: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in choice.items() if key != "message"}


def _on_answer(body: dict[str, Any], question: Question) -> Any:
    """Leave out the place where the answer is."""
    where = {"responses": "output", "messages": "content"}.get(question.dialect)
    if where is None:
        return _on_choice(message_missing)(body, question)
    return {key: value for key, value in body.items() if key != where}


def foreign_dialect(body: dict[str, Any], question: Question) -> dict[str, Any]:
    text = body["choices"][0]["message"].get("content") or ""
    content = {"parts": [{"text": text}], "role": "model"}
    counts = {"promptTokenCount": len(question.prompt), "candidatesTokenCount": 9}
    return {
        "candidates": [{"content": content, "finishReason": "STOP", "index": 0}],
        "usageMetadata": counts,
        "modelVersion": question.model,
    }


def body_not_object(body: dict[str, Any], question: Question) -> list[Any]:
    return [body]


def body_nonstandard_number(body: dict[str, Any], question: Question) -> dict[str, Any]:
    return {**body, "cost": float("nan")}


def nested_envelope(body: dict[str, Any], question: Question) -> dict[str, Any]:
    return {"code": 0, "data": body}


def choices_split(body: dict[str, Any], question: Question) -> dict[str, Any]:
    """Put the text into one choice and the calls into another of the same index, as GitHub
    Copilot's endpoint does with Claude.
    """
    choice = body["choices"][0]
    message = choice["message"]
    text = {key: value for key, value in message.items() if key != "tool_calls"}
    text["content"] = message.get("content") or "One moment."
    calls = {**message, "content": None}
    return {**body, "choices": [{**choice, "message": text}, {**choice, "message": calls}]}


def choices_several(body: dict[str, Any], question: Question) -> dict[str, Any]:
    """Answer twice, as for `n: 2`."""
    return {**body, "choices": [*body["choices"], {**body["choices"][0], "index": 1}]}


def token_ids_missing(body: dict[str, Any], question: Question) -> dict[str, Any]:
    """Lose the ids behind the first, as a proxy does that keeps those of one chunk."""
    usage = body.get("usage") or {}
    counted = {**usage, "completion_tokens": max(2, usage.get("completion_tokens", 2))}
    choice = {**body["choices"][0], "token_ids": [7]}
    return {**body, "choices": [choice, *body["choices"][1:]], "usage": counted}


def _body_without_usage(body: dict[str, Any], question: Question) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key != "usage"}


def _chunk_without_usage(chunk: dict[str, Any]) -> dict[str, Any] | None:
    """Give the chunk without token counts; None for the one that holds nothing else."""
    if not chunk["choices"]:
        return None
    return {key: value for key, value in chunk.items() if key != "usage"}


def _chunks_without_usage(chunks: list[Any], question: Question) -> list[Any]:
    if question.dialect == "chat":
        return on_chunks(_chunk_without_usage)(chunks, question)
    return [_event_without_usage(chunk) for chunk in chunks]


def _event_without_usage(event: Any) -> Any:
    if not isinstance(event, dict):
        return event
    kept = {key: value for key, value in event.items() if key != "usage"}
    for name in ("message", "response"):
        if isinstance(kept.get(name), dict):
            kept[name] = {key: value for key, value in kept[name].items() if key != "usage"}
    return kept


def _without_logprobs(choice: dict[str, Any]) -> dict[str, Any]:
    return {**choice, "logprobs": None}


def _flip_content(choice: dict[str, Any]) -> dict[str, Any]:
    """Say null where the content is an empty text, and the other way round."""
    content = choice["message"].get("content")
    flipped = "" if content is None else content or None
    return {**choice, "message": {**choice["message"], "content": flipped}}


_OTHER_NAME = {"reasoning": "reasoning_content", "reasoning_content": "reasoning"}


def _rename_reasoning(choice: dict[str, Any]) -> dict[str, Any]:
    """Rename the reasoning in the message of a block choice, or the delta of a streamed one."""
    part = "delta" if "delta" in choice else "message"
    renamed = {_OTHER_NAME.get(key, key): value for key, value in choice[part].items()}
    return {**choice, part: renamed}


def _other_prompt(body: dict[str, Any]) -> dict[str, Any]:
    """Begin the prompt ids otherwise at every length, as where a template writes the date or drops
    reasoning.
    """
    ids = body.get("prompt_token_ids")
    return {**body, "prompt_token_ids": [len(ids), *ids[1:]]} if ids else body


def _body_of_other_prompt(body: dict[str, Any], question: Question) -> dict[str, Any]:
    return _other_prompt(body)


# Changes of a reply


def reset(reply: Reply, question: Question) -> Reply:
    """Break the connection inside the answer, at a place that follows from the question."""
    share = 0.2 + 0.6 * question.share("cut")
    if reply.pieces is None:
        left = max(1, int(len(reply.content) * share))
        return replace(reply, body=reply.content[:left], length=len(reply.content), cut=True)
    pieces = [str(piece) for piece in reply.pieces]
    left = max(1, int(sum(map(len, pieces)) * share))
    kept: list[str] = []
    while left > 0:
        kept.append(pieces[len(kept)][:left])
        left -= len(kept[-1])
    return replace(reply, pieces=kept, cut=True)


def _encoded(reply: Reply, question: Question) -> Reply:
    return replace(reply, headers={**reply.headers, "content-encoding": "gzip"})


@cache
def _endless() -> Reply:
    """Give a body that begins well and is larger, decompressed, than any client should read: a
    few kilobytes on the wire, of one file of gzip after another.
    """
    begin = gzip.compress(b'{"choices": [{"message": {"role": "assistant", "content": "', mtime=0)
    more = gzip.compress(b"a" * 2**22, mtime=0)
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    return Reply(begin + more * (MOST_BYTES // 2**22 + 1), headers=headers)


def _too_large(reply: Reply, question: Question) -> Reply:
    return _endless()


def _body_fault(change: BodyChange, name: str, says: str, needs: Needs = "") -> Fault:
    """Make a fault of a block body that is read as the problem code of its own name."""
    return named(name, says, needs=needs, only="block", body=change)


WIRE_FAULTS: tuple[Fault, ...] = (
    named(
        "error_in_200",
        "an error comes with status 200",
        only="block",
        instead=Reply({"error": ERROR}),
    ),
    named("choices_missing", "there are no choices", only="block", instead=Reply(_NO_CHOICES)),
    _body_fault(_on_answer, "message_missing", "there is no message where the answer should be"),
    _body_fault(foreign_dialect, "foreign_dialect", "the answer is Gemini's generateContent"),
    _body_fault(body_not_object, "body_not_object", "the answer is inside a list"),
    _body_fault(body_nonstandard_number, "body_nonstandard_number", "the body holds NaN"),
    _body_fault(nested_envelope, "nested_envelope", "the answer is inside `data`"),
    _body_fault(choices_split, "choices_split", "text and calls are in two choices", "calls"),
    _body_fault(choices_several, "choices_several", "there are two answers, as for `n: 2`"),
    _body_fault(token_ids_missing, "token_ids_missing", "token ids are fewer than counted"),
    named("unexpected_sse", "a stream comes where none was asked for", only="block", swap=True),
    named(
        "body_not_json",
        "the body is a line of text",
        only="block",
        instead=Reply("Welcome to this server.", headers=TEXT),
    ),
    named("body_empty", "the body is empty", instead=Reply()),
    named("body_html", "a web page comes with status 200", instead=Reply(_PAGE, headers=_HTML)),
    named(
        "content_encoding_bad",
        "the body is not compressed, and the header says it is",
        only="block",
        reply=_encoded,
    ),
    named(
        "body_too_large",
        "the body is compressed, and larger than what a client reads of it",
        only="block",
        reply=_too_large,
    ),
    *STREAM_FAULTS,
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
        chunks=_chunks_without_usage,
        body=_body_without_usage,
    ),
    Fault(
        name="logprobs",
        says="logprobs are left out although they were asked for",
        divergence="logprobs",
        chunks=on_choices(_without_logprobs),
        body=_on_choice(_without_logprobs),
    ),
    Fault(
        name="content_form",
        says=(
            "content is null where this kind of server sends an empty text, and the other way round"
        ),
        needs="calls",
        only="block",
        body=_on_choice(_flip_content),
        divergence="content_form",
    ),
    Fault(
        name="reasoning_field",
        says="the reasoning is under the other of its two names",
        divergence="reasoning_field",
        body=_on_choice(_rename_reasoning),
        chunks=on_choices(_rename_reasoning),
    ),
    Fault(
        name="prefix_broken",
        says="a turn's prompt ids do not go on from those of the turn before",
        divergence="prefix_broken",
        body=_body_of_other_prompt,
        chunks=on_chunks(_other_prompt),
    ),
    named("connection_reset", "the connection breaks in the middle of the answer", reply=reset),
    named("timeout", "no answer ever comes", instead=Reply(delay=NEVER)),
    named(
        "bad_response", "what comes back is not HTTP", instead=Reply(raw=b"SSH-2.0-OpenSSH_9.9\r\n")
    ),
    named(
        "redirect",
        "the server points to another address",
        instead=Reply(status=307, headers=_REDIRECT),
    ),
    Fault(
        name="bad_gateway",
        says="a proxy's web page comes with status 502",
        codes=("server_error",),
        instead=Reply(_PAGE, 502, _HTML),
    ),
    Fault(
        name="overloaded",
        says="the request is refused with status 503: The server is overloaded.",
        codes=("server_error",),
        refusal=Refusal(503, "The server is overloaded. Please try again later."),
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
        named(
            code,
            f"the request is refused with status {refusal.status}: {refusal.message}"[:200],
            refusal=refusal,
            needs="history" if code in HISTORY else "",
            source=f"captured: {CAPTURED[code]}" if code in CAPTURED else "constructed",
        )
        for code, refusal in REFUSALS.items()
    ),
)

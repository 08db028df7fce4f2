"""A Responses or Messages answer as a `Response`: its parts checked as those of a chat completion
are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from agentkit.dialects.codecs import Codec, bare_codec, codec_of
from agentkit.dialects.parts import CallPart, Ending, Parts
from agentkit.read.body.draft import AnswerDraft, complete
from agentkit.read.body.finish_words import REASONS
from agentkit.read.body.message import nested_answer, parse_body
from agentkit.read.calls.known_tools import KnownTools
from agentkit.read.calls.tool_call import read_calls
from agentkit.read.failure.error import read_error
from agentkit.types.answer import Policy, Response, ToolCall
from agentkit.types.problem import Problem, problem
from agentkit.types.record import clip
from agentkit.types.wire import Exchange
from agentkit.types.words import shared


@dataclass(slots=True, kw_only=True)
class DialectBody:
    """The body of a dialect other than chat completions, and what was around it."""

    codec: Codec
    body: dict[str, Any]
    pointer: str = ""
    """Where it is in the answer."""
    bare: bool = False
    """Without an envelope: nothing about a finish or usage can be expected."""
    cut: str = ""
    """What its pointers begin with that is not in the answer."""
    problems: list[Problem] = field(default_factory=list)


def find_dialect(data: Any) -> DialectBody | None:
    """Find the body of a dialect in an answer, in an envelope of another or in none; None where
    the answer is a chat completion, or nothing that is known.
    """
    codec = codec_of(data)
    if codec is not None:
        return DialectBody(codec=codec, body=data, bare=_is_kept(data))
    bare = bare_codec(data)
    if bare is not None:
        cut = "" if bare[1] is data else "/output" if isinstance(data, list) else "/output/0"
        return DialectBody(codec=bare[0], body=bare[1], bare=True, cut=cut)
    if isinstance(data, str) and data.lstrip().startswith("{"):
        inner = find_dialect(parse_body(data)[0])
        return inner and _nested(inner, "the answer stands inside a JSON text", "")
    if not isinstance(data, dict) or data.get("choices"):
        return None
    key, nested = nested_answer(data)
    inner = find_dialect(nested) if key else None
    return inner and _nested(inner, f"the answer stands inside {key!r}", f"/{key}")


def _is_kept(body: dict[str, Any]) -> bool:
    """Tell a body that another recorder kept, or of which a history holds the content alone."""
    return "imported" in body or body.keys() <= {"type", "role", "content"}


def _nested(inner: DialectBody, fact: str, pointer: str) -> DialectBody:
    note = problem("nested_envelope", fact, pointer=pointer)
    return replace(inner, pointer=f"{pointer}{inner.pointer}", problems=[note, *inner.problems])


def read_dialect(
    found: DialectBody,
    exchange: Exchange,
    tools: KnownTools,
    policy: Policy,
    parser: str | None,
    turn: int | None,
) -> Response:
    """Read the body of a dialect as the answer of this exchange; never raises.

    Args:
        found: the dialect and its body.
        exchange: what it came in.
        tools, policy, parser, turn: as for `read_response`.
    """
    codec, parts = found.codec, found.codec.read(found.body)
    if found.pointer or found.cut:
        _point(parts, found)
    streamed = bool(exchange.chunks) and not exchange.body
    waits = parts.ending == "going" and not codec.resumes
    field = codec.places.arguments
    calls = [call for part in parts.calls for call in _calls(part, field, tools, policy)]
    head = _head(codec, parts, exchange)
    notes = (*found.problems, *head.problems, *_ending_problems(parts, found, streamed))
    draft = AnswerDraft(
        head=replace(head, problems=notes),
        calls=calls,
        blocks=parts.reasoning,
        ending=_ending(codec, parts),
        stopped=streamed and (parts.finish is None or waits),
        pointer=found.pointer,
        content_pointer=parts.content_pointer,
        refusal_pointer=parts.content_pointer,
        finish_pointer=None if found.bare else parts.finish_pointer,
        token_pointer=found.pointer,
    )
    return complete(draft, tools, policy, parser, turn)


def _ending(codec: Codec, parts: Parts) -> Ending | None:
    """Return what the end means; that an answer with calls is just complete is no contradiction
    where the dialect has no other word for it.
    """
    return None if parts.ending == "natural" and not codec.names_calls else parts.ending


def _point(parts: Parts, found: DialectBody) -> None:
    """Let the pointers lead to where the body really is."""

    def at(pointer: str) -> str:
        return f"{found.pointer}{pointer.removeprefix(found.cut)}" if pointer else ""

    parts.content_pointer, parts.finish_pointer = (
        at(parts.content_pointer),
        at(parts.finish_pointer),
    )
    for call in parts.calls:
        call.pointer = at(call.pointer)
    parts.problems = [replace(p, pointer=at(p.pointer)) for p in parts.problems]


def _head(codec: Codec, parts: Parts, exchange: Exchange) -> Response:
    """Take over what needs no check."""
    return Response(
        dialect=codec.dialect,
        wire_content=parts.content,
        server_steps=tuple(parts.steps),
        items=parts.items,
        id=parts.id,
        refusal=parts.refusal,
        finish_reason=parts.finish and shared(parts.finish),
        paused=parts.ending == "going" and codec.resumes,
        usage=parts.usage,
        logprobs=parts.logprobs,
        token_ids=parts.token_ids,
        prompt_token_ids=parts.prompt_token_ids,
        model=parts.model and shared(parts.model),
        exchange=exchange,
        problems=tuple(parts.problems),
    )


def _calls(part: CallPart, field: str, tools: KnownTools, policy: Policy) -> Iterator[ToolCall]:
    """Check one call as an entry of `tool_calls` is; `field` holds its arguments in its item."""
    kind = "custom" if part.custom else "function"
    name = "input" if part.custom else "arguments"
    entry = {"id": part.id, "type": kind, kind: {"name": part.name, name: part.arguments}}
    for call in read_calls(entry, 0, tools, policy, origin=part.origin, pointer=part.pointer):
        call = _at_item(call, f"{part.pointer}/{kind}", part.pointer, field)
        yield replace(call if part.whole else _cut(call, part), item_id=part.item_id)


def _at_item(call: ToolCall, inner: str, pointer: str, field: str) -> ToolCall:
    """Let the problems of a call lead to its item, which has its fields without a `function`."""
    if not call.problems:
        return call
    moved = []
    for p in call.problems:
        if p.pointer.startswith(inner):
            rest = p.pointer.removeprefix(inner)
            if rest == "/arguments" or rest.startswith("/arguments/"):
                rest = f"/{field}{rest.removeprefix('/arguments')}"
            p = replace(p, pointer=pointer + rest)
        moved.append(p)
    return replace(call, problems=tuple(moved))


def _cut(call: ToolCall, part: CallPart) -> ToolCall:
    """Mark a call of which the server says that it is not complete; it is never run."""
    if any(p.code == "arguments_truncated" for p in call.problems):
        return call
    fact = "the server says that the call is incomplete"
    cut = problem("arguments_truncated", fact, pointer=part.pointer)
    offer = call.suggestion if call.suggestion is not None else call.arguments
    return replace(
        call, arguments=None, status="invalid", suggestion=offer, problems=(*call.problems, cut)
    )


def _ending_problems(parts: Parts, found: DialectBody, streamed: bool) -> Iterator[Problem]:
    """Report an answer that failed, was broken off, is not finished or does not say how it ended;
    a stream without an end is told by its reader.
    """
    at = parts.finish_pointer
    if parts.error:
        failed = read_error(None, None, {"error": parts.error})
        code = "stream_error_event" if streamed else "error_in_200"
        fact = f"the answer is an error: {failed.kind}: {clip(failed.message, 200)}"
        yield problem(code, fact, pointer=f"{found.pointer}/error", before=parts.error)
    elif parts.ending == "filter":
        yield problem("finish_content_filter", REASONS["content_filtered"], pointer=at)
    elif parts.ending == "broken":
        fact = f"{REASONS['generation_aborted']} ({clip(parts.finish or '')!r})"
        yield problem("generation_aborted", fact, pointer=at)
    elif parts.ending == "going" and not found.codec.resumes:
        fact = (
            f"the answer is not finished, it is {parts.finish!r}; ask without `background`, or ask"
            " for it by its id until it is"
        )
        yield problem("finish_missing", fact, pointer=at)
    elif parts.finish is None and not found.bare and "imported" not in found.body:
        yield problem("finish_missing", "the answer says no finish reason", pointer=at)
    elif parts.ending is None and parts.finish is not None:
        fact = f"the finish reason {clip(parts.finish)!r} is none of {found.codec.title}"
        yield problem("finish_nonstandard", fact, pointer=at, before=parts.finish)

"""A Responses or Messages answer as a `Response`: its parts checked as those of a chat completion
are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from agentkit.dialects.codecs import Codec
from agentkit.dialects.parts import CallPart, Parts
from agentkit.read.body.reasoning import joined
from agentkit.read.calls.known_tools import KnownTools
from agentkit.read.calls.text_calls import find_text_calls, reasoning_calls, text_problems
from agentkit.read.calls.tool_call import cut_short, read_calls, settle_ids
from agentkit.types.answer import Policy, Response, ToolCall
from agentkit.types.problem import Problem, problem
from agentkit.types.wire import Exchange


def read_dialect(
    codec: Codec,
    body: dict[str, Any],
    exchange: Exchange,
    tools: KnownTools,
    policy: Policy,
    parser: str | None,
    turn: int | None,
) -> Response:
    """Read the body of a dialect as the answer of this exchange; never raises.

    Args:
        codec: the dialect.
        body: the body as plain data.
        exchange: what it came in.
        tools, policy, parser, turn: as for `read_response`.
    """
    parts = codec.read(body)
    structured = [call for part in parts.calls for call in _calls(part, tools, policy)]
    cut = parts.ending == "length"
    if cut or (parts.finish is None and exchange.chunks):
        structured = cut_short(structured)
    text = find_text_calls(
        parts.content or "",
        tools,
        policy,
        None if structured else parser,
        cut_off=cut,
        beside=bool(structured),
        apart=(joined(parts.reasoning) or "") if parts.reasoning else None,
    )
    blocks = [*parts.reasoning, *text.think.blocks]
    calls = structured or text.calls
    texts = (parts.content, text.content)
    thoughts = reasoning_calls(blocks, tools, policy, (*calls, *text.recoverable), texts)
    recoverable = settle_ids(_placed([*text.recoverable, *thoughts]), turn)
    response = replace(
        _response(codec, parts, exchange),
        content=text.content,
        reasoning=joined(blocks),
        reasoning_blocks=tuple(blocks),
        tool_calls=settle_ids(_placed(calls), turn),
        recoverable=recoverable,
    )
    found = (*text_problems(text, recoverable, parts.content_pointer), *_whole(response, parts))
    return replace(response, problems=(*response.problems, *found))


def _response(codec: Codec, parts: Parts, exchange: Exchange) -> Response:
    """Take over what needs no check."""
    return Response(
        dialect=codec.dialect,
        wire_content=parts.content,
        server_steps=tuple(parts.steps),
        items=parts.items,
        id=parts.id,
        refusal=parts.refusal,
        finish_reason=parts.finish,
        usage=parts.usage,
        logprobs=parts.logprobs,
        token_ids=parts.token_ids,
        prompt_token_ids=parts.prompt_token_ids,
        model=parts.model,
        exchange=exchange,
        problems=tuple(parts.problems),
    )


def _calls(part: CallPart, tools: KnownTools, policy: Policy) -> Iterator[ToolCall]:
    """Check one call as an entry of `tool_calls` is."""
    kind = "custom" if part.custom else "function"
    name = "input" if part.custom else "arguments"
    entry = {"id": part.id, "type": kind, kind: {"name": part.name, name: part.arguments}}
    for call in read_calls(entry, 0, tools, policy, origin=part.origin, pointer=part.pointer):
        yield replace(call, item_id=part.item_id)


def _placed(calls: Sequence[ToolCall]) -> list[ToolCall]:
    """Give the calls the positions they have in the list they end up in."""
    return [replace(call, position=i) for i, call in enumerate(calls)]


def _whole(response: Response, parts: Parts) -> Iterator[Problem]:
    """Report what only shows when all parts of the answer are seen together."""
    at = parts.finish_pointer
    if parts.ending == "length":
        yield problem("finish_length", "the answer was cut at the token limit", pointer=at)
    elif parts.ending == "filter":
        yield problem("finish_content_filter", "the answer was filtered", pointer=at)
    elif parts.ending == "broken":
        message = f"the server broke the generation off ({parts.finish!r})"
        yield problem("generation_aborted", message, pointer=at)
    if response.refusal:
        yield problem("refusal", f"the model refused: {response.refusal}"[:300])

"""What a person puts in place of what a model or a tool gave, marked as such."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from agentkit.dialects.codecs import CODECS, Codec, bare_codec
from agentkit.dialects.json_body import json_text
from agentkit.errors import UsageError
from agentkit.read.body.reasoning import FIELDS
from agentkit.read.plain import plain
from agentkit.read.response import read_response
from agentkit.read.tool_output import as_text, error_text
from agentkit.types.answer import CallStatus, Dialect, Response, ToolCall
from agentkit.types.trajectory import ToolResult, Turn
from agentkit.types.wire import Exchange
from agentkit.types.words import type_in_words

SKIPPED = "the call was skipped by the user"
"""What the model reads of a call that a person skips."""
NOT_APPROVED = "the user did not approve this call"
"""What the model reads of a call that a person refuses."""


def written_answer(
    message: Any, dialect: Dialect = "chat", old: Response | None = None
) -> Exchange:
    """Make the exchange that an answer written by hand comes in.

    Args:
        message: a text, a message, or anything `read_response` reads.
        dialect: the one of the rollout, in which it is written where it is not whole already.
        old: the answer in whose place it comes; what a text or a message says nothing of is kept.
    """
    message = message.response if isinstance(message, Turn) else message
    data = message if isinstance(message, (Exchange, Response)) else plain(message)
    if isinstance(data, str):
        data = {"role": "assistant", "content": data}
    if isinstance(data, dict) and isinstance(data.get("message"), dict) and "choices" not in data:
        data = {"choices": [{"index": 0, **data}]}
    if dialect != "chat" and isinstance(data, dict) and data.get("role") == "assistant":
        data = in_dialect(data, dialect, old)
    return replace(read_response(data).exchange, by_hand=True)


def come_message(response: Response) -> dict[str, Any]:
    """Write what came of an answer that broke off as a message, with the calls that came whole."""
    content = response.wire_content if response.wire_content is not None else response.content
    blocks = (b for b in response.reasoning_blocks if not b.source.startswith("content:"))
    reasoning = "".join(block.text for block in blocks)
    calls = [
        {
            "id": call.raw_id or call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": call.raw_arguments},
        }
        for call in response.tool_calls
        if call.valid and not call.origin.startswith("content:")
    ]
    if response.dialect != "chat":
        said = {"role": "assistant", "content": content, "tool_calls": calls}
        return in_dialect(said, response.dialect, response)
    more = {"reasoning": reasoning or None, "tool_calls": calls or None}
    kept = {name: value for name, value in more.items() if value}
    return {"role": "assistant", "content": content, **kept}


def written_result(call: ToolCall, value: Any) -> ToolResult:
    """Make the result of a call as a person gives it, status `edited`; a value is made into text as
    a tool's would be.
    """
    if isinstance(value, ToolResult):
        return replace(value, call_id=call.id, name=call.name, status="edited")
    content, conversion = as_text(value)
    value = value if conversion else None
    return ToolResult(
        call_id=call.id,
        name=call.name,
        status="edited",
        content=content,
        conversion=conversion,
        value=value,
    )


def skipped(call: ToolCall, reason: str = SKIPPED) -> ToolResult:
    """Make the result of a call that a person did not let run, status `skipped`; the model is told
    the reason.
    """
    return ToolResult(
        call_id=call.id, name=call.name, status="skipped", content=error_text(reason), error=reason
    )


def rewritten(call: ToolCall, arguments: Any) -> ToolCall:
    """Give the call other arguments, and drop what was wrong with the old ones.

    Raises:
        UsageError: they are no dict, or hold what JSON cannot.
    """
    if not isinstance(arguments, Mapping):
        raise UsageError(
            f"the arguments are {type_in_words(arguments)}",
            hint="pass a dict: arguments={'city': 'Oslo'}",
        )
    data = plain(arguments)
    try:
        text = json_text(data, allow_nan=False)
    except (TypeError, ValueError):
        raise UsageError(
            "the arguments hold NaN or an infinity, which JSON does not have"
        ) from None
    if call.status == "custom":
        text = _custom_text(call, data)
    sent = call.raw_arguments if call.sent_arguments is None else call.sent_arguments
    problems = tuple(p for p in call.problems if not p.code.startswith("arguments_"))
    status: CallStatus = "custom" if call.status == "custom" else "normalized" if problems else "ok"
    return replace(
        call,
        arguments=data,
        raw_arguments=text,
        sent_arguments=sent,
        status=status,
        suggestion=None,
        problems=problems,
    )


def _custom_text(call: ToolCall, data: dict[str, Any]) -> str:
    text = data.get("input")
    if len(data) != 1 or not isinstance(text, str):
        raise UsageError(
            f"{call.name!r} is a custom tool and takes one text",
            hint="pass arguments={'input': text}",
        )
    return text


def in_dialect(
    message: dict[str, Any], dialect: Dialect, old: Response | None = None
) -> dict[str, Any]:
    """Write an assistant message as the body of an answer in a dialect. One that has the dialect's
    own blocks is taken as it is.

    Args:
        message: the message, in OpenAI's chat form or with the dialect's own blocks.
        dialect: what is written.
        old: the answer in whose place it comes: items that the message says nothing of, as its
            reasoning with its signatures, stay as they came.

    Raises:
        UsageError: its reasoning is another, and the old answer has several pieces of it.
    """
    codec = CODECS[dialect]
    bare = bare_codec(message)
    if bare is not None:
        return bare[1]
    new = read_response(message)
    if old is None or old.dialect != dialect or not old.items:
        return codec.body_out(replace(new, id=None, finish_reason=_end_of(new)))
    text = new.wire_content or ""
    if text == old.content:
        text = old.wire_content or ""
    calls = tuple(replace(call, position=i) for i, call in enumerate(_kept_calls(new, old)))
    items = _rethought(old, message)
    if text and not old.wire_content:
        items = _with_text(replace(old, items=items), text, codec)
    made = Response(
        dialect=dialect,
        content=text or None,
        wire_content=text,
        items=items,
        tool_calls=calls,
        finish_reason=codec.read(codec.body_out(replace(new, finish_reason=_end_of(new)))).finish,
    )
    return codec.body_out(made)


def _end_of(response: Response) -> str:
    return "tool_calls" if response.tool_calls else "stop"


def _kept_calls(new: Response, old: Response) -> Iterator[ToolCall]:
    """Yield the calls of a message: those of the old answer as they were, or with other arguments,
    and those that it has anew.
    """
    free = list(old.tool_calls)
    for call in new.tool_calls:
        was = next((c for c in free if _is_same(call, c)), None)
        if was is None:
            yield call
            continue
        free.remove(was)
        same = call.arguments is None or call.arguments == was.arguments
        yield was if same else rewritten(was, call.arguments)


def _is_same(new: ToolCall, old: ToolCall) -> bool:
    """Tell whether a call is the old one: it has its id, or says the same without one."""
    if new.name != old.name:
        return False
    return new.id == old.id or (new.id_synthetic and new.arguments == old.arguments)


def _rethought(old: Response, message: dict[str, Any]) -> tuple[Any, ...]:
    """Return the items with the reasoning that the message has, where that is another."""
    given = next((message[name] for name in FIELDS if isinstance(message.get(name), str)), None)
    if given is None or given == old.reasoning:
        return old.items
    texts = [block.text for block in old.reasoning_blocks if block.text]
    if len(texts) != 1:
        raise UsageError(
            f"the answer has {len(texts)} pieces of reasoning",
            hint="give its items or blocks, with the reasoning changed in them",
        )
    found: tuple[Any, ...] = tuple(_with_value(item, texts[0], given) for item in old.items)
    return found


def _with_value(value: Any, old: str, new: str) -> Any:
    """Put another text in place of one, wherever in the data it is the whole value."""
    if isinstance(value, dict):
        return {name: _with_value(inner, old, new) for name, inner in value.items()}
    if isinstance(value, list):
        return [_with_value(inner, old, new) for inner in value]
    return new if value == old else value


def _with_text(old: Response, text: str, codec: Codec) -> tuple[Any, ...]:
    """Put a text into items that had none: before the first call, behind all else."""
    written = codec.read(codec.body_out(Response(content=text, wire_content=text))).items
    rest = codec.items(replace(old, tool_calls=()))
    items = list(old.items)
    place = next((i for i, item in enumerate(items) if item not in rest), len(items))
    return (*items[:place], *written, *items[place:])

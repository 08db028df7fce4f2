"""What a person answers in place of a server: texts, calls, a whole answer, an error."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from agentkit.dialects.codecs import CODECS
from agentkit.errors import UsageError
from agentkit.read.calls.known_tools import KnownTools
from agentkit.read.plain import plain
from agentkit.read.response import read_response
from agentkit.tap.hold.awaited_form import AnswerForm, named_events
from agentkit.tap.slips.call_slips import check_call
from agentkit.testing.server.recorded import body_of, is_answer
from agentkit.types.answer import Dialect, Response, ToolCall
from agentkit.types.trajectory import Turn
from agentkit.types.wire import Exchange, Usage

_HINT = "answer('a text'), answer(('pay', {'amount': 5})), or a whole message"
_NOTHING = Usage(input_tokens=0, output_tokens=0)
"""The tokens of an answer that no model has written."""
_TYPES: dict[bool, dict[int, str]] = {
    False: {
        401: "authentication_error",
        403: "permission_error",
        404: "not_found_error",
        429: "rate_limit_error",
    },
    True: {
        401: "authentication_error",
        402: "billing_error",
        403: "permission_error",
        404: "not_found_error",
        413: "request_too_large",
        429: "rate_limit_error",
        504: "timeout_error",
        529: "overloaded_error",
    },
}
"""What the type of an error is, in Messages (True) and in OpenAI's dialects."""


def hand_answer(
    parts: Sequence[Any], form: AnswerForm, number: int, asked: str, tools: KnownTools | None = None
) -> dict[str, Any]:
    """Write what a person answers as the body of an answer.

    Args:
        parts: texts, and calls as `(name, arguments)`, a `ToolCall` or what `ak.testing.calls`
            gives; or one whole answer, in any form that `ak.read_response` reads.
        form: what the agent waits for.
        number: of its request, which the ids are made of.
        asked: the body of its request, whose ids are not given again.
        tools: what calls are checked against; a whole answer is not.

    Raises:
        UsageError: nothing is answered, a part is none of these, or a tool does not take such
            arguments.
        NotFound: a call is of none of the tools.
    """
    whole = _whole(parts[0]) if len(parts) == 1 else None
    if isinstance(whole, Exchange):
        response = read_response(whole)
        if response.dialect == form.dialect and is_answer(whole):
            body: dict[str, Any] = body_of(whole)
            return body
    else:
        message = _message(parts) if whole is None else whole
        response = read_response(message)
        for call in response.tool_calls if whole is None else ():
            check_call(call, KnownTools([]) if tools is None else tools)
    if not response.usable or not (
        response.content or response.tool_calls or response.reasoning or response.refusal
    ):
        raise UsageError("this is no answer", hint=_HINT)
    calls = tuple(_with_id(call, number, asked) for call in response.tool_calls)
    response = replace(
        response,
        tool_calls=calls,
        model=response.model or form.model,
        usage=response.usage or _NOTHING,
        finish_reason=response.finish_reason or ("tool_calls" if calls else "stop"),
    )
    if form.dialect == "chat":
        return _completion(response, number)
    prefix = "resp" if form.dialect == "responses" else "msg"
    known = response.id if response.dialect == form.dialect else None
    response = replace(response, id=known or f"{prefix}_byhand{number}")
    return CODECS[form.dialect].body_out(response)


def _whole(part: Any) -> Any:
    """Return the whole answer that a part is; None where it is a text or a call."""
    if isinstance(part, Turn):
        part = part.response
    if isinstance(part, Response):
        return part.exchange if part.exchange.text else part
    if isinstance(part, Exchange):
        return part
    if isinstance(part, (str, tuple, ToolCall)) or part is None:
        return None
    data = plain(part)
    if isinstance(data, dict) and isinstance(data.get("message"), dict) and "choices" not in data:
        data = {"choices": [{"index": 0, **data}]}  # as `ak.testing.says` gives it
    return None if isinstance(data, dict) and "function" in data else _exchange_of(data)


def _exchange_of(data: Any) -> Any:
    """Take a body as what a server sent; anything else stays."""
    exchange = Exchange(body=json.dumps(data)) if isinstance(data, dict) else None
    return exchange if exchange is not None and is_answer(exchange) else data


def _message(parts: Iterable[Any]) -> dict[str, Any]:
    """Write texts and calls as a message in chat form."""
    texts = [part for part in parts if isinstance(part, str)]
    calls = [_call(part) for part in parts if not isinstance(part, str)]
    message: dict[str, Any] = {"role": "assistant", "content": "".join(texts) or None}
    return {**message, "tool_calls": calls} if calls else message


def _call(part: Any) -> dict[str, Any]:
    if isinstance(part, ToolCall):
        name, arguments, label = part.name, part.raw_arguments, part.raw_id
    elif isinstance(part, tuple) and len(part) == 2 and isinstance(part[1], Mapping):
        name, arguments, label = part[0], plain(part[1]), None
    else:
        data = plain(part)
        if not isinstance(data, dict) or not isinstance(data.get("function"), dict):
            raise UsageError(f"{part!r:.80} is neither a text nor a call", hint=_HINT)
        return data
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    given = {"id": label} if label else {}
    return {**given, "type": "function", "function": {"name": name, "arguments": text}}


def _with_id(call: ToolCall, number: int, asked: str) -> ToolCall:
    """Give a call an id that the conversation does not have yet."""
    label = call.id
    if call.id_synthetic:
        label = f"call_byhand{number}x{call.position}"
    while f'"{label}"' in asked:
        label = f"{label}x"
    return replace(call, id=label, raw_id=label)


def _completion(response: Response, number: int) -> dict[str, Any]:
    """Write an answer as a chat completion."""
    text = response.wire_content if response.dialect == "chat" else response.content
    message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": response.refusal}
    blocks = [b for b in response.reasoning_blocks if not b.source.startswith("content:")]
    if reasoning := "".join(block.text for block in blocks):
        message["reasoning_content"] = reasoning
    calls = [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": call.raw_arguments},
        }
        for call in response.tool_calls
    ]
    if calls:
        message["tool_calls"] = calls
    choice = {"index": 0, "message": message, "logprobs": None}
    finish = _finish(response)
    usage = response.usage or _NOTHING
    return {
        "id": (response.id if response.dialect == "chat" else None) or f"chatcmpl-byhand{number}",
        "object": "chat.completion",
        "created": 0,
        "model": response.model,
        "choices": [{**choice, "finish_reason": finish}],
        "usage": {
            "prompt_tokens": usage.input_tokens,
            "completion_tokens": usage.output_tokens,
            "total_tokens": usage.total_tokens,
        },
    }


def _finish(response: Response) -> str | None:
    """Give the word for the end as chat completions have it."""
    if response.dialect == "chat":
        return response.finish_reason
    if response.finish_reason in ("max_tokens", "max_output_tokens", "length"):
        return "length"
    return "tool_calls" if response.tool_calls else "stop"


def error_body(status: int, message: str, dialect: Dialect | None) -> dict[str, Any]:
    """Write an error as a server of the dialect words it.

    Args:
        status: the HTTP status.
        message: what it says; "" for what the status means.
        dialect: as the agent speaks it; None for what is no request for an answer.
    """
    native = dialect == "messages"
    usual = "api_error" if native and status >= 500 else "server_error"
    kind = _TYPES[native].get(status, usual if status >= 500 else "invalid_request_error")
    text = message or f"{_phrase(status)} (by hand)"
    if native:
        return {"type": "error", "error": {"type": kind, "message": text}}
    code = "rate_limit_exceeded" if status == 429 else None
    return {"error": {"message": text, "type": kind, "param": None, "code": code}}


def error_event(body: dict[str, Any], dialect: Dialect | None) -> str:
    """Write an error as the event of a stream that has begun already."""
    if dialect == "chat" or dialect is None:
        return f"data: {json.dumps(body)}\n\n"
    inner = body.get("error", {})
    data = body if dialect == "messages" else {"type": "error", **inner}
    return "".join(named_events([data]))


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"Status {status}"

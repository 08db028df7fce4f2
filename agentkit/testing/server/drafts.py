"""From what a script answers to a draft: the message and its finish reason, whatever dialect the
answer is written in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentkit.dialects.codecs import codec_of
from agentkit.dialects.parts import Ending
from agentkit.read.response import read_response
from agentkit.testing.faults.fault import Draft
from agentkit.testing.faults.message_faults import as_text
from agentkit.testing.faults.refusals import Refusal
from agentkit.testing.scripted import as_choice
from agentkit.testing.server.form import DialectForm
from agentkit.testing.server.question import Question
from agentkit.testing.server.stages import draft_of
from agentkit.types.wire import ApiError

_FINISH: dict[Ending | None, str] = {
    "natural": "stop",
    "calls": "tool_calls",
    "length": "length",
    "filter": "content_filter",
}


def draft_for(answer: Any, question: Question, form: DialectForm, *, parser: bool) -> Draft:
    """Give the message as the model wrote it, with ids of the server's own where it has none.

    Args:
        answer: a text, a message, a choice, or a whole body of any dialect.
        question: what is answered.
        form: writes the answer.
        parser: whether the server reads calls out of the model's text.
    """
    draft = draft_from(answer)
    message = draft["message"]
    calls = message.get("tool_calls")
    if isinstance(calls, list):
        message["tool_calls"] = [_named(call, question, form, i) for i, call in enumerate(calls)]
    none = question.request.get("tool_choice") == "none"
    if calls and form.writes_calls_as_text and (not parser or none):
        return {"message": as_text(message), "finish_reason": "stop"}
    return draft


def draft_from(answer: Any) -> Draft:
    """Turn an answer of a script into a draft; a body of another dialect than chat completions is
    kept beside it.
    """
    codec = codec_of(answer)
    if codec is None:
        return draft_of(as_choice(answer))
    parts = codec.read(answer)
    ending = "calls" if parts.calls and parts.ending == "natural" else parts.ending
    return {
        "message": _message(answer),
        "finish_reason": _FINISH.get(ending, parts.finish),
        "native": codec.dialect,
        "items": [item for item in parts.items if isinstance(item, dict)],
        "body": answer,
    }


def _message(body: Mapping[str, Any]) -> dict[str, Any]:
    """Write the body of a dialect as a chat message."""
    response = read_response(dict(body))
    message: dict[str, Any] = {"role": "assistant", "content": response.wire_content}
    blocks = [b for b in response.reasoning_blocks if not b.source.startswith("content")]
    if thought := "".join(block.text for block in blocks):
        message["reasoning"] = thought
    if response.refusal is not None:
        message["refusal"] = response.refusal
    calls = [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": call.raw_arguments},
        }
        for call in response.tool_calls
    ]
    return {**message, "tool_calls": calls} if calls else message


def _named(call: Any, question: Question, form: DialectForm, position: int) -> Any:
    if not isinstance(call, dict):
        return call
    return {"id": form.call_id(question, position), **call}


def refusal_of(error: ApiError) -> Refusal:
    """Write a failed request as the refusal that a server sends."""
    headers = {} if error.retry_after is None else {"retry-after": f"{error.retry_after:g}"}
    return Refusal(
        error.status or 500, error.message, code=error.code, param=error.param, headers=headers
    )

"""One message as somebody wrote it down: the message in OpenAI's chat form, and what was known
beside it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentkit.files.foreign.entries import ChatEntry, answered, entry
from agentkit.files.foreign.traces.loose import decoded, written

_FINISH = {
    "tool_call": "tool_calls",
    "tool-calls": "tool_calls",
    "content-filter": "content_filter",
}
"""OpenTelemetry's, pydantic-ai's and the AI SDK's own words for an end, in OpenAI's."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """A message in the chat form, and what its recorder knew."""

    message: dict[str, Any]
    answer: dict[str, Any] = field(default_factory=dict)
    """Of an assistant's message: `model`, `usage`, `id`, `finish_reason`."""
    result: dict[str, Any] = field(default_factory=dict)
    """Of a tool's message: fields of `ToolResult`."""

    @property
    def role(self) -> str:
        """The role of its message."""
        return str(self.message.get("role"))


def entry_of(uttered: Utterance, source: Any, **times: Any) -> ChatEntry:
    """Make an entry of a conversation of a message; the times are those of its answer.

    Args:
        uttered: the message.
        source: what the recorder wrote, kept beside an answer untouched.
        times: `started` and `elapsed`.
    """
    if uttered.role != "assistant":
        return entry(uttered.message, **uttered.result)
    return entry(uttered.message, exchange=exchange_of(uttered, source, **times))


def exchange_of(uttered: Utterance, source: Any, **times: Any) -> Any:
    """Write the answer that an assistant's message came in."""
    known = {key: value for key, value in uttered.answer.items() if key != "finish_reason"}
    choice = {"finish_reason": finish_of(uttered.answer.get("finish_reason"))}
    return answered(uttered.message, source=source, choice=choice, **{**known, **times})


def finish_of(word: Any) -> str | None:
    """Give the word for the end of an answer; OpenTelemetry's as OpenAI has it."""
    if isinstance(word, (list, tuple)):
        word = word[0] if word else None
    return _FINISH.get(word, word) if isinstance(word, str) and word else None


def call(name: Any, arguments: Any, call_id: Any = None) -> dict[str, Any]:
    """Write a call in the chat form; its arguments are the text that was written, or their JSON."""
    made: dict[str, Any] = {"type": "function"}
    made["function"] = {"name": name, "arguments": arguments_text(arguments)}
    call_id = _id(call_id)
    return {"id": call_id, **made} if isinstance(call_id, str) and call_id else made


def _id(given: Any) -> Any:
    """Give the id of a call; the last of a list, which names the run of a server before it."""
    return given[-1] if isinstance(given, list) and given else given


def arguments_text(arguments: Any) -> str:
    """Write the arguments of a call as JSON text."""
    if arguments is None:
        return "{}"
    return arguments if isinstance(arguments, str) else written(arguments)


def assistant(
    content: Any, calls: list[dict[str, Any]], reasoning: str | None = None
) -> dict[str, Any]:
    """Write an assistant's message; what is not there is left out."""
    message: dict[str, Any] = {"role": "assistant", "content": content}
    if reasoning:
        message["reasoning"] = reasoning
    if calls:
        message["tool_calls"] = calls
    return message


def tool(content: Any, call_id: Any, name: Any = None) -> dict[str, Any]:
    """Write the message of a tool's result."""
    message: dict[str, Any] = {"role": "tool", "content": written(content)}
    call_id = _id(call_id)
    if isinstance(call_id, str) and call_id:
        message["tool_call_id"] = call_id
    if isinstance(name, str) and name:
        message["name"] = name
    return message


def joined(parts: list[Any]) -> Any:
    """Give the parts of a content: one text where all are texts, None where there is none."""
    if not parts:
        return None
    if all(isinstance(part, str) for part in parts):
        return "".join(parts)
    return [{"type": "text", "text": p} if isinstance(p, str) else p for p in parts]


def custom(name: Any, text: str, call_id: Any = None) -> dict[str, Any]:
    """Write a call whose input is a text of its own (code), and no JSON."""
    made = {"type": "custom", "custom": {"name": name, "input": text}}
    return {"id": call_id, **made} if isinstance(call_id, str) and call_id else made


def as_one(messages: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Make one assistant's message of those that an answer was written down in."""
    if len(messages) == 1:
        return messages[0]
    made = {key: value for message in messages for key, value in message.items()}
    contents = [each["content"] for each in messages if each.get("content")]
    parts = [p for one in contents for p in (one if isinstance(one, list) else [one])]
    thoughts = [str(each["reasoning"]) for each in messages if each.get("reasoning")]
    calls = [one for each in messages for one in each.get("tool_calls") or ()]
    return {**made, **assistant(joined(parts), calls, "\n".join(thoughts) or None)}


def is_object(arguments: Any) -> bool:
    """Tell whether arguments are an object, or the JSON text of one."""
    return isinstance(decoded(arguments), Mapping)


def same_message(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    """Tell whether two messages are written alike."""
    return json.dumps(a, sort_keys=True, default=str) == json.dumps(b, sort_keys=True, default=str)

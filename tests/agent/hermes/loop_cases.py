"""What the tests of loops and agents share: answers in every shape servers give them in, and stub
servers that play them.
"""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import agentkit as ak


def call(name: str, arguments: Any = None, id: Any = "call_1") -> dict[str, Any]:
    """A tool call in OpenAI's format; arguments that are a dict become JSON text."""
    text = (
        json.dumps({} if arguments is None else arguments)
        if isinstance(arguments, (dict, type(None)))
        else arguments
    )
    return {"id": id, "type": "function", "function": {"name": name, "arguments": text}}


def answer(content: Any = None, *calls: Any, finish: Any = None, **message: Any) -> dict[str, Any]:
    """A chat completion as a dict."""
    body: dict[str, Any] = {"role": "assistant", "content": content, **message}
    if calls:
        body["tool_calls"] = list(calls)
    finish = finish or ("tool_calls" if calls else "stop")
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": body, "finish_reason": finish}],
        "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
    }


def as_sdk(body: dict[str, Any]) -> Any:
    """The openai package's own object."""
    from openai.types.chat import ChatCompletion

    return ChatCompletion.model_validate(body)


def as_hybrid(body: dict[str, Any]) -> Any:
    """An SDK object whose `tool_calls` are plain dicts, as vLLM's ToolCallTranslator leaves
    them.
    """
    made = as_sdk(
        {
            **body,
            "choices": [
                {**c, "message": {**c["message"], "tool_calls": None}} for c in body["choices"]
            ],
        }
    )
    made.choices[0].message.tool_calls = body["choices"][0]["message"].get("tool_calls")
    return made


def as_attributes(value: Any) -> Any:
    """Objects with attributes, all the way down."""
    if isinstance(value, dict):
        return SimpleNamespace(**{key: as_attributes(item) for key, item in value.items()})
    return [as_attributes(item) for item in value] if isinstance(value, list) else value


SHAPES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "dict": lambda body: body,
    "sdk": as_sdk,
    "hybrid": as_hybrid,
    "attributes": as_attributes,
    "text": json.dumps,
}


class Stub:
    """A server as people write them for tests: answers in order, the last one again and again; an
    exception is raised.
    """

    def __init__(
        self, *answers: Any, shape: Callable[[dict[str, Any]], Any] = lambda body: body
    ) -> None:
        self.answers = answers
        self.shape = shape
        self.asked: list[dict[str, Any]] = []

    async def chat_completion(self, **kwargs: Any) -> Any:
        given = self.answers[min(len(self.asked), len(self.answers) - 1)]
        self.asked.append(copy.deepcopy(kwargs))
        await asyncio.sleep(0)
        if isinstance(given, BaseException):
            raise given
        return self.shape(given) if isinstance(given, dict) else given

    @property
    def histories(self) -> list[list[dict[str, Any]]]:
        """The messages of every request."""
        return [kwargs["messages"] for kwargs in self.asked]


def schema(name: str, required: Sequence[str] = (), **properties: str) -> dict[str, Any]:
    """A tool schema; properties by name are of the JSON type given."""
    parameters = {
        "type": "object",
        "properties": {key: {"type": kind} for key, kind in properties.items()},
        "required": list(required),
    }
    return {
        "type": "function",
        "function": {"name": name, "description": name, "parameters": parameters},
    }


ECHO = schema("echo", text="string")
TASKS = schema("todo", todos="array", merge="boolean")
USER = [{"role": "user", "content": "hello"}]


def echo(name: str, args: dict[str, Any], **extra: Any) -> str:
    """A dispatch function that says what it was given."""
    return json.dumps({"name": name, "args": args})


def loop(
    server: Any,
    *schemas: dict[str, Any],
    dispatch: Callable[..., Any] | None = echo,
    **options: Any,
) -> ak.AgentLoop:
    """A loop over the server with these tools, by default `echo`."""
    declared = list(schemas or (ECHO,))
    return ak.AgentLoop(
        server, declared, {s["function"]["name"] for s in declared}, dispatch=dispatch, **options
    )


def contents(messages: Sequence[dict[str, Any]], role: str = "tool") -> list[Any]:
    """What the messages of one role say."""
    return [message["content"] for message in messages if message["role"] == role]

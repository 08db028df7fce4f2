"""A message as the pieces a model writes it in, and the made-up tokens of these: what a stream
sends, what is counted, what has logprobs.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_TOKENS = re.compile(r"<\|[^|>]{1,40}\|>|</?\w{1,40}>|\s?\w{1,6}|\s|[^\w\s]")


def tokens(text: str) -> list[str]:
    """Cut the text into made-up tokens, nothing lost.

    >>> tokens("Oslo is cold.")
    ['Oslo', ' is', ' cold', '.']
    """
    return _TOKENS.findall(text)


def token_id(token: str) -> int:
    """Make up an id that the token has everywhere."""
    return zlib.crc32(token.encode("utf-8", "surrogatepass")) % 150_000


def prompt_tokens(messages: Sequence[Any]) -> list[str]:
    """Write a history as tokens in the manner of ChatML, up to where the answer begins.

    An assistant message is written as the answer was, so the prompt of a turn goes on from the
    tokens of the turn before, unless the client changed or left out something of it (its reasoning,
    for example): as with a real server.
    """
    found: list[str] = []
    for message in messages:
        given: Mapping[str, Any] = message if isinstance(message, dict) else {}
        role = str(given.get("role"))
        written = (
            answer_tokens(given)
            if role == "assistant"
            else [*tokens(_text(given.get("content"))), "<|im_end|>"]
        )
        found += ["<|im_start|>", *tokens(role), "\n", *written, "\n"]
    return [*found, "<|im_start|>", *tokens("assistant"), "\n"]


def answer_tokens(message: Mapping[str, Any]) -> list[str]:
    """Give the tokens a model would have written for this message."""
    return [token for step in steps(message) for token in step.tokens]


def _text(value: Any) -> str:
    return (
        value
        if isinstance(value, str)
        else ""
        if value is None
        else json.dumps(value, ensure_ascii=False)
    )


@dataclass(frozen=True)
class Step:
    """One piece of an answer as it is generated."""

    kind: str
    """`reasoning`, `content`, `refusal`, `call` (a call begins), `arguments` (it goes on), `other`
    (fields sent as they are), `silent`.
    """
    value: Any = None
    position: int = 0
    """Which call it belongs to."""
    tokens: tuple[str, ...] = ()


def steps(message: Mapping[str, Any]) -> Iterator[Step]:
    """Cut a message into the pieces a stream sends it in; what has no pieces (arguments as an
    object, a call that is none) is one step.
    """
    reasoning, content = (
        message.get("reasoning", message.get("reasoning_content")),
        message.get("content"),
    )
    if isinstance(reasoning, str) and reasoning:
        yield Step("silent", tokens=("<think>",))
        yield from (Step("reasoning", token, tokens=(token,)) for token in tokens(reasoning))
        yield Step("silent", tokens=("</think>",))
    elif reasoning:
        yield Step("reasoning", reasoning, tokens=tuple(tokens(_text(reasoning))))
    if isinstance(content, str):
        yield from (Step("content", token, tokens=(token,)) for token in tokens(content))
    elif content is not None:
        yield Step("content", content, tokens=tuple(tokens(_text(content))))
    if isinstance(message.get("refusal"), str):
        yield from (Step("refusal", token, tokens=(token,)) for token in tokens(message["refusal"]))
    listed = message.get("tool_calls")
    if isinstance(listed, list):
        for position, entry in enumerate(listed):
            yield from _call_steps(entry, position)
    elif listed is not None:
        yield Step("other", {"tool_calls": listed})
    others = {
        key: message[key] for key in message if key not in _KNOWN and message[key] is not None
    }
    if others:
        yield Step("other", others)
    yield Step("silent", tokens=("<|im_end|>",))


_KNOWN = frozenset(
    {
        "role",
        "content",
        "reasoning",
        "reasoning_content",
        "refusal",
        "tool_calls",
        "annotations",
        "audio",
    }
)


def _call_steps(entry: Any, position: int) -> Iterator[Step]:
    function = entry.get("function") if isinstance(entry, dict) else None
    if (
        not isinstance(function, dict)
        or not isinstance(function.get("arguments"), str)
        or set(function) != {"name", "arguments"}
    ):
        yield Step("call", entry, position, tuple(tokens(_text(entry))))
        return
    opening = ["<tool_call>", "\n", *tokens(f'{{"name": "{function["name"]}", "arguments": ')]
    begun = {**entry, "function": {"name": function["name"]}}
    yield Step("call", begun, position, tuple(opening))
    yield from (
        Step("arguments", token, position, (token,))
        for token in tokens(function["arguments"]) or [""]
    )
    yield Step("silent", position=position, tokens=("}", "\n", "</tool_call>"))

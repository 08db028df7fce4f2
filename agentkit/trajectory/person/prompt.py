"""What a person says, as messages: a text, chat messages, items of the dialect that is spoken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agentkit.errors import UsageError
from agentkit.read.plain import plain
from agentkit.types.answer import Dialect
from agentkit.types.trajectory import Message, Trajectory
from agentkit.types.words import count, type_in_words

_HINT = "pass a text, or a list of messages like {'role': 'user', 'content': 'hello'}"
_PARTS: dict[Dialect, frozenset[str]] = {
    "chat": frozenset(),
    "responses": frozenset({"input_text", "input_image", "input_file"}),
    "messages": frozenset({"text", "image", "document", "search_result", "tool_result"}),
}
"""Types of parts that a user's message may hold: a list of them alone is one such message."""


def prompt_messages(prompt: Any, dialect: Dialect = "chat") -> tuple[Message, ...]:
    """Make records of a text or a list of messages; a later change of the list does not reach them.

    Args:
        prompt: a text, or messages.
        dialect: what is spoken; items of its own that have no role are taken as they are.

    Raises:
        UsageError: it is neither, with the hint.
    """
    if isinstance(prompt, str):
        if not prompt.strip():
            raise UsageError("the prompt is an empty text", hint=_HINT)
        return (Message(wire={"role": "user", "content": prompt}),)
    if isinstance(prompt, Message):
        return (prompt,)
    if not isinstance(prompt, Sequence) or isinstance(prompt, (bytes, bytearray)):
        raise UsageError(
            f"the prompt is {type_in_words(prompt)}, neither a text nor a list of messages",
            hint=_HINT,
        )
    if not prompt:
        raise UsageError("the list of messages is empty", hint=_HINT)
    if isinstance(prompt[0], Trajectory):
        raise UsageError(
            f"the prompt is {type_in_words(prompt)} of {count(len(prompt), 'rollout')}",
            hint="pass the one to go on from: ak.debug(agent, rollouts[0])",
        )
    given = [item if isinstance(item, Message) else plain(item) for item in prompt]
    if all(_kind(item) in _PARTS[dialect] for item in given):
        return (Message(wire={"role": "user", "content": given}),)
    return tuple(_message(item, index, dialect) for index, item in enumerate(given))


def _message(item: Any, index: int, dialect: Dialect) -> Message:
    if isinstance(item, Message):
        return item
    spoken = isinstance(item, dict) and isinstance(item.get("role"), str)
    if not spoken and not (dialect == "responses" and _kind(item)):
        raise UsageError(f"message {index} of the prompt has no role: {item!r}"[:300], hint=_HINT)
    return Message(wire=item)


def _kind(item: Any) -> str:
    """Read the type of an item that has no role; "" where it has one, or no type."""
    if not isinstance(item, dict) or "role" in item:
        return ""
    kind = item.get("type")
    return kind if isinstance(kind, str) else ""

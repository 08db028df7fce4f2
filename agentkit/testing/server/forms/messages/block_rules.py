"""What Anthropic refuses of a history, in its own words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from agentkit.testing.faults.refusals import Refusal

Signed = Callable[[Mapping[str, Any]], str]
_THINKING = ("thinking", "redacted_thinking")


def block_refusal(request: Mapping[str, Any], signed: Signed, thought: set[Any]) -> Refusal | None:
    """Give the reason to refuse the messages of a request; None where they are taken.

    Args:
        request: as it came.
        signed: tells what is wrong with the signature of a block.
        thought: the ids of calls that were made after thinking.
    """
    given = request["messages"]
    if not isinstance(given, list) or not all(isinstance(message, dict) for message in given):
        return Refusal(400, "messages: Input should be a valid list")
    if not given:
        return Refusal(400, "messages: at least one message is required")
    found = [*_order(given), *_pairs(given), *_texts(given)]
    found += [*_thinking(given, request, signed, thought)]
    return Refusal(400, found[0]) if found else None


def _blocks(message: Mapping[str, Any], kind: str) -> list[tuple[int, dict[str, Any]]]:
    content = message.get("content")
    listed = content if isinstance(content, list) else ()
    return [
        (index, block)
        for index, block in enumerate(listed)
        if isinstance(block, dict) and block.get("type") == kind
    ]


def _order(messages: list[dict[str, Any]]) -> Iterator[str]:
    for index, message in enumerate(messages):
        if message.get("role") not in ("user", "assistant", "system"):
            role = message.get("role")
            yield (f'messages: Unexpected role {role!r}. Allowed roles are "user" or "assistant".')
        if index == 0 and message.get("role") == "assistant":
            yield 'messages: first message must use the "user" role'


def _pairs(messages: list[dict[str, Any]]) -> Iterator[str]:
    """Find calls without results in the next message, and results without calls in the one
    before.
    """
    for index, message in enumerate(messages):
        after = messages[index + 1] if index + 1 < len(messages) else {}
        results = {block.get("tool_use_id") for _, block in _blocks(after, "tool_result")}
        calls = [block.get("id") for _, block in _blocks(message, "tool_use")]
        if missing := [str(call) for call in calls if call not in results]:
            yield (
                f"messages.{index}: `tool_use` ids were found without `tool_result` blocks"
                f" immediately after: {', '.join(missing)}. Each `tool_use` block must have a"
                " corresponding `tool_result` block in the next message."
            )
        before = messages[index - 1] if index else {}
        called = {block.get("id") for _, block in _blocks(before, "tool_use")}
        for place, block in _blocks(message, "tool_result"):
            if block.get("tool_use_id") not in called:
                yield (
                    f"messages.{index}.content.{place}: unexpected `tool_use_id` found in"
                    f" `tool_result` blocks: {block.get('tool_use_id')}. Each `tool_result` block"
                    " must have a corresponding `tool_use` block in the previous message."
                )


def _texts(messages: list[dict[str, Any]]) -> Iterator[str]:
    for message in messages:
        for _, block in _blocks(message, "text"):
            if not str(block.get("text") or "").strip():
                yield "messages: text content blocks must contain non-whitespace text"


def _thinking(
    messages: list[dict[str, Any]], request: Mapping[str, Any], signed: Signed, thought: set[Any]
) -> Iterator[str]:
    asked = request.get("thinking")
    wanted = isinstance(asked, dict) and asked.get("type") == "enabled"
    answers = [i for i, message in enumerate(messages) if message.get("role") == "assistant"]
    for index in answers:
        message = messages[index]
        first = message["content"][0] if isinstance(message.get("content"), list) else {}
        for place, block in _blocks(message, "thinking"):
            wrong = signed(block)
            if wrong == "foreign":
                yield f"messages.{index}.content.{place}: Invalid `signature` in `thinking` block"
            elif wrong and index == answers[-1]:
                yield (
                    f"messages.{index}.content.{place}: `thinking` or `redacted_thinking` blocks in"
                    " the latest assistant message cannot be modified. These blocks must remain as"
                    " they were in the original response."
                )
        called = any(block.get("id") in thought for _, block in _blocks(message, "tool_use"))
        if wanted and called and first.get("type") not in _THINKING:
            yield (
                f"messages.{index}.content.0.type: Expected `thinking` or `redacted_thinking`, but"
                f" found `{first.get('type')}`. When `thinking` is enabled, a final `assistant`"
                " message must start with a thinking block."
            )

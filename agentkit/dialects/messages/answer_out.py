"""An answer written as Messages blocks: as they came, but for what a person has changed since; and
as the body that a server sends.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

from agentkit.dialects.messages.blocks.event_list import event_list
from agentkit.types.answer import Response, ToolCall
from agentkit.types.wire import Usage

_WORDS = {
    "stop": "end_turn",
    "completed": "end_turn",
    "length": "max_tokens",
    "max_output_tokens": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}
"""What the other dialects' words for the end are called here."""
_ORIGIN = "messages:tool_use"


def items(response: Response) -> list[dict[str, Any]]:
    """Write the answer as the content blocks that go back.

    What came in this dialect goes back as it came, thinking and its signatures untouched; a block
    changes only where a person changed what it holds, or where it could not be taken: an input
    that is no object, an id that is not the call's. Of an answer in another dialect go back its
    text and its calls; its reasoning is not signed, and unsigned thinking is refused.
    """
    if response.dialect == "messages" and response.items:
        return list(_mended(response, strict=True))
    text = response.wire_content if response.dialect == "messages" else response.content
    found: list[dict[str, Any]] = [{"type": "text", "text": text}] if text else []
    return [*found, *map(_use, response.tool_calls)]


def body_out(response: Response) -> dict[str, Any]:
    """Write the answer as the body that a server sends; reasoning of another dialect is shown in
    it, with an empty signature.
    """
    if response.dialect == "messages" and response.items:
        content = list(_mended(response, strict=False))
    else:
        other = response.refusal if response.dialect != "messages" else None
        text = response.content if response.content is not None else other
        content = [_shown(response)] if response.reasoning else []
        content += [{"type": "text", "text": text}] if text else []
        content += [_use(call, False) for call in response.tool_calls]
    body: dict[str, Any] = {
        "id": response.id or "msg_0",
        "type": "message",
        "role": "assistant",
        "model": response.model or "",
        "content": content,
        "stop_reason": _reason(response),
        "stop_sequence": None,
    }
    if response.refusal is not None:
        words = {"type": "refusal", "category": None, "explanation": response.refusal}
        body["stop_details"] = words
    if response.usage is not None:
        body["usage"] = _usage(response.usage, response.dialect == "messages")
    return body


def events_out(response: Response) -> list[dict[str, Any]]:
    """Write the answer as the events of a stream; one that has no word for its end is cut."""
    texts = {call.id: call.raw_arguments for call in response.tool_calls}
    return event_list(body_out(response), texts)


def _shown(response: Response) -> dict[str, Any]:
    return {"type": "thinking", "thinking": response.reasoning, "signature": ""}


def _use(call: ToolCall, strict: bool = True) -> dict[str, Any]:
    """Write a call as a block; where its arguments are no object, they are shown as their text in
    what a server sends, and go back as `{}`.
    """
    given: Any = call.arguments
    if given is None:
        given = {} if strict else call.raw_arguments
    name = call.name or ("unknown_tool" if strict else "")
    return {"type": "tool_use", "id": call.id, "name": name, "input": given}


def _mended(response: Response, *, strict: bool) -> Iterator[dict[str, Any]]:
    """Yield the blocks as they came, with what has changed since.

    Args:
        response: the answer.
        strict: whether each block must be one that can be sent back.
    """
    blocks = [block for block in response.items if isinstance(block, dict)]
    texts = iter(_texts(response, [_text(b) for b in blocks if b.get("type") == "text"]))
    calls = deque(call for call in response.tool_calls if call.origin == _ORIGIN)
    for block in blocks:
        kind = block.get("type")
        if kind == "text":
            yield from _written(block, next(texts))
        elif kind == "tool_use":
            yield from _inner(calls, block, strict)
            if calls and calls[0].raw_id == block.get("id"):  # else a person took it out
                yield _changed(block, calls.popleft(), strict)
        else:
            yield block
    more = (*calls, *(call for call in response.tool_calls if call.origin != _ORIGIN))
    yield from (_use(call, strict) for call in more)


def _inner(calls: deque[ToolCall], block: dict[str, Any], strict: bool) -> Iterator[dict[str, Any]]:
    """Yield the calls that the block before this one had wrapped, which have no id of their own."""
    while calls and calls[0].raw_id is None:
        if block.get("id") is None and calls[0].raw_name == block.get("name"):
            return
        yield _use(calls.popleft(), strict)


def _written(block: dict[str, Any], text: str) -> Iterator[dict[str, Any]]:
    """Yield a text block with this text: without its citations where that is another one, and not
    at all where nothing is left.
    """
    if text == _text(block):
        yield block
    elif text.strip():
        yield {**{k: v for k, v in block.items() if k != "citations"}, "text": text}


def _changed(block: dict[str, Any], call: ToolCall, strict: bool) -> dict[str, Any]:
    """Write a call in its block: with other arguments where a person gave them, and where what it
    has cannot go back.
    """
    other: dict[str, Any] = {}
    given, inner = block.get("input"), call.raw_name != block.get("name")
    if call.sent_arguments is not None or inner or (strict and not isinstance(given, dict)):
        other["input"] = _use(call, strict)["input"]
    if inner or (strict and not call.raw_name):
        other["name"] = _use(call, strict)["name"]
    if strict and block.get("id") != call.id:
        other["id"] = call.id
    same = all(name in block and block[name] == value for name, value in other.items())
    return block if same else {**block, **other}


def _texts(response: Response, texts: list[str]) -> list[str]:
    """Choose what each text block holds now: all that a person wrote in the first, or what is left
    where the text of a call was taken out of it.
    """
    wire = response.wire_content
    if wire is not None and wire != "".join(texts):
        return [wire, *("" for _ in texts[1:])]
    spans = sorted(
        call.span
        for call in response.tool_calls
        if call.span and call.status != "invalid" and call.origin.startswith("content:")
    )
    found, start = [], 0
    for text in texts:
        left, at, end = [], start, start + len(text)
        for begin, stop in spans:
            left.append(text[at - start : max(at, begin) - start])
            at = max(at, min(stop, end))
        found.append("".join([*left, text[at - start :]]))
        start = end
    return found


def _text(block: dict[str, Any]) -> str:
    text = block.get("text")
    return text if isinstance(text, str) else ""


def _reason(response: Response) -> str | None:
    """Choose the word for the end: the server's own, or what it is called here."""
    word = response.finish_reason
    if response.dialect == "messages" or word is None:
        return word
    return (
        "tool_use"
        if _WORDS.get(word) == "end_turn" and response.tool_calls
        else _WORDS.get(word, word)
    )


def _usage(usage: Usage, native: bool) -> dict[str, Any]:
    """Write token counts: as they came, or under the names they have here."""
    if native and usage.raw is not None:
        return usage.raw
    cached = usage.cached_tokens or 0
    read = None if usage.input_tokens is None else usage.input_tokens - cached
    found: dict[str, Any] = {"input_tokens": read, "output_tokens": usage.output_tokens}
    if usage.cached_tokens is not None:
        found["cache_read_input_tokens"] = cached
    if usage.reasoning_tokens is not None:
        found["output_tokens_details"] = {"thinking_tokens": usage.reasoning_tokens}
    return found

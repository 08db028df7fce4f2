"""A conversation as the body of a Messages request.

Results of one turn go back as one user's message, results first, with what the user says next
behind them in the same message: Anthropic refuses a `tool_use` whose `tool_result` is not at the
start of the message right behind it. What is joined is bytes, so that no message is encoded twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from agentkit.dialects.json_body import encode_json
from agentkit.dialects.messages.blocks.known_blocks import has_words, native_blocks
from agentkit.dialects.messages.fields import MAX_TOKENS, native_fields

__all__ = ["MAX_TOKENS", "body", "encode", "native_message", "native_messages"]

_SYSTEM = b'{"role":"system","content":'
_USER = b'{"role":"user","content":'
_RESULTS = b'{"role":"user","content":[{"type":"tool_result"'


def encode(message: dict[str, Any]) -> bytes:
    """Encode one message of the history; b"" where nothing of it can be sent. A result is a user's
    message of its own, which `body` joins with its neighbours.
    """
    native = native_message(message)
    return encode_json(native) if native is not None else b""


def native_message(message: dict[str, Any]) -> dict[str, Any] | None:
    """Write one message in OpenAI's chat form as a Messages message; native content stays.

    Texts of nothing but white space are left out, since they are refused, and so is reasoning that
    came in another dialect, since it is not signed.

    Returns:
        The message; None where nothing is left of it.
    """
    role = message.get("role")
    if isinstance(message.get("items"), (list, tuple)):
        content = [item for item in message["items"] if isinstance(item, dict) and has_words(item)]
        return {"role": "assistant", "content": content} if content else None
    if role in ("tool", "function"):
        return {"role": "user", "content": [_result(message)]}
    role = "system" if role == "developer" else role
    content = native_blocks(message.get("content"))
    if "cache_control" in message and isinstance(content, str) and content:
        text = {"type": "text", "text": content}
        content = [{**text, "cache_control": message["cache_control"]}]
    if role == "assistant":
        content = _with_calls(content, message.get("tool_calls"))
    if content in ("", [], None):
        return None
    return {"role": role, "content": content}


def _result(message: dict[str, Any]) -> dict[str, Any]:
    """Write a tool message as a block; `is_error` beside the content says that the tool failed."""
    result = {"type": "tool_result", "tool_use_id": message.get("tool_call_id")}
    content = message.get("content")
    if content is not None:
        result["content"] = native_blocks(content) or ""
    if "is_error" in message:
        result["is_error"] = message["is_error"]
    if "cache_control" in message:
        result["cache_control"] = message["cache_control"]
    return result


def _with_calls(content: Any, calls: Any) -> Any:
    """Put the calls of an assistant message behind its text, but for those that are there."""
    if not isinstance(calls, list) or not calls:
        return content
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    blocks = blocks if isinstance(blocks, list) else []
    blocks = [block for block in blocks if has_words(block)]
    known = (b.get("id") for b in blocks if isinstance(b, dict) and b.get("type") == "tool_use")
    there = set(map(repr, known))  # an id of other hands may be of any type
    uses = [_use(call) for call in calls if isinstance(call, dict)]
    return [*blocks, *(use for use in uses if repr(use["id"]) not in there)]


def _use(call: dict[str, Any]) -> dict[str, Any]:
    """Write one call; a custom tool's text is its one argument."""
    custom, function = call.get("custom"), call.get("function")
    if isinstance(custom, dict):
        given: Any = {"input": custom.get("input")}
    else:
        custom = None
        given = _object(function.get("arguments") if isinstance(function, dict) else None)
    holder = custom or (function if isinstance(function, dict) else {})
    return {"type": "tool_use", "id": call.get("id"), "name": holder.get("name"), "input": given}


def _object(arguments: Any) -> dict[str, Any]:
    """Read arguments as the object that `input` must be; `{}` where they are none, as in a call
    that never ran.
    """
    for _ in range(2):  # an object in a text in a text, as some servers send it
        if isinstance(arguments, str):
            try:
                arguments = json.loads(arguments)
            except (ValueError, RecursionError):
                return {}
    return arguments if isinstance(arguments, dict) else {}


def native_messages(messages: Iterable[dict[str, Any]]) -> tuple[Any, list[dict[str, Any]]]:
    """Write a history in chat form as the `system` and the `messages` of a request.

    >>> native_messages([{"role": "system", "content": "Hi."}, {"role": "user", "content": "?"}])
    ('Hi.', [{'role': 'user', 'content': '?'}])
    """
    written = json.loads(body([encode(message) for message in messages], {}, None, False))
    return written.get("system"), written["messages"]


def body(
    parts: Sequence[bytes], fields: dict[str, Any], extra: dict[str, Any] | None, stream: bool
) -> bytes:
    """Join encoded messages and the other fields to a request's body.

    Args:
        parts: what `encode` gave for each message.
        fields: everything else, in its chat form; native names stay.
        extra: merged over it.
        stream: whether the answer is asked for in pieces.
    """
    found = native_fields(fields)
    talk = (i for i, part in enumerate(parts) if part and not part.startswith(_SYSTEM))
    begin = next(talk, len(parts))
    texts = [json.loads(part)["content"] for part in parts[:begin] if part]
    if texts:
        found["system"] = _system([found["system"], *texts] if found.get("system") else texts)
    found = {**found, **(extra or {}), **({"stream": True} if stream else {})}
    if "messages" in found:
        return encode_json(found)
    listed = _joined(parts[begin:]) or [b""]
    # one join, no sum: each copy of a long history costs as much as all else
    listed[0] = encode_json(found)[:-1] + b',"messages":[' + listed[0]
    listed[-1] += b"]}"
    return b",".join(listed)


def _system(texts: list[Any]) -> Any:
    """Join what stands at the start of a history to the text of `system`; to its blocks where one
    of them is given in blocks, which may say what is cached.
    """
    if all(isinstance(text, str) for text in texts):
        return "\n\n".join(texts)
    blocks: list[Any] = []
    for text in texts:
        texts_alone = [{"type": "text", "text": text}] if isinstance(text, str) else [text]
        blocks += text if isinstance(text, list) else texts_alone
    return blocks


def _joined(parts: Sequence[bytes]) -> list[bytes]:
    """List the messages, with results and what the user says right behind them in one."""
    found: list[bytes] = []
    results: list[bytes] = []
    others: list[bytes] = []
    for part in (*parts, b"end"):
        if not part:
            continue
        if part.startswith(_RESULTS):
            results.append(part[len(_USER) + 1 : -2])
        elif results and part.startswith(_USER):
            others.append(_blocks_of(part))
        else:
            if results:
                found.append(b"".join((_USER, b"[", b",".join(results + others), b"]}")))
                results, others = [], []
            found.append(part)
    return found[:-1]


def _blocks_of(part: bytes) -> bytes:
    """Take the blocks of an encoded user's message, without the brackets around them."""
    content = part[len(_USER) : -1]
    return content[1:-1] if content.startswith(b"[") else b'{"type":"text","text":' + content + b"}"

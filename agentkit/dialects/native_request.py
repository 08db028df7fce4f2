"""A request of any dialect, told by its own words and read into the chat form; and one of ours,
written as its body.
"""

from __future__ import annotations

import json
from typing import Any

from agentkit.dialects.codecs import CODECS
from agentkit.dialects.messages.fields import MAX_TOKENS
from agentkit.dialects.messages.request_in import chat_request as from_messages
from agentkit.dialects.responses.request import new_messages
from agentkit.dialects.responses.request_in import chat_request as from_responses
from agentkit.types.answer import Dialect
from agentkit.types.request import Request

_BLOCKS = frozenset(
    (
        *("tool_use", "tool_result", "thinking", "redacted_thinking", "server_tool_use"),
        *("image", "document", "search_result"),
    )
)
"""Types of blocks that only Messages has in a message."""
_PATHS: dict[str, Dialect] = {
    "/responses": "responses",
    "/messages": "messages",
    "/chat/completions": "chat",
}


_STORED = ("prompt", "conversation", "previous_response_id")


def request_dialect(body: Any, path: Any = None) -> Dialect | None:
    """Tell which dialect a request is written in; None where it asks for no answer.

    Args:
        body: the request as plain data.
        path: where it was sent, where that is known.
    """
    if not isinstance(body, dict):
        return None
    where = path.partition("?")[0].rstrip("/") if isinstance(path, str) else ""
    sent = next((dialect for end, dialect in _PATHS.items() if where.endswith(end)), None)
    if isinstance(body.get("messages"), list):
        if sent is None and _is_messages(body):
            return "messages"
        return sent or "chat"
    given = body.get("input")
    items = given if isinstance(given, list) else []
    asked = bool(items) and all(isinstance(item, dict) for item in items)
    alone = isinstance(given, str) and (sent == "responses" or "previous_response_id" in body)
    # a prompt or a conversation that the server has may be all that is asked with
    alone = alone or (given is None and sent == "responses" and any(map(body.get, _STORED)))
    return "responses" if (asked or alone) and sent in (None, "responses") else None


def _is_messages(body: dict[str, Any]) -> bool:
    """Tell a Messages request from one for a chat completion by what only it has."""
    if "system" in body or "stop_sequences" in body or isinstance(body.get("thinking"), dict):
        return True
    tools = body.get("tools")
    if any("input_schema" in tool for tool in _dicts(tools)):
        return True
    return any(
        _kind(block) in _BLOCKS and "tool_calls" not in message
        for message in _dicts(body["messages"])
        for block in _dicts(message.get("content"))
        if not (block.get("type") == "image" and "source" not in block)
    )


def chat_form(body: dict[str, Any], dialect: Dialect) -> dict[str, Any]:
    """Write a request in OpenAI's chat form; an answer in its history has its own `items` beside
    it, and `instructions` stay a field. One for a chat completion is the same.

    A tool that does not say whether it is `strict` stays as it is: Responses takes it for strict,
    chat completions do not.
    """
    if dialect == "chat":
        return body
    if dialect == "messages":
        return from_messages(body)
    own = {name: body[name] for name in ("instructions",) if name in body}
    found = from_responses({n: v for n, v in body.items() if n not in own})
    if isinstance(body.get("tools"), list):
        pairs = zip(body["tools"], found["tools"], strict=True)
        own["tools"] = [form if _says_strict(tool) else tool for tool, form in pairs]
    return {**found, **own}


def _says_strict(tool: Any) -> bool:
    return not isinstance(tool, dict) or tool.get("type") != "function" or "strict" in tool


def body_of(request: Request) -> dict[str, Any]:
    """Write the body of a request in its dialect, as it is sent."""
    codec = CODECS[request.dialect]
    head = {"model": request.model} if request.model is not None else {}
    tools = {"tools": list(request.tools)} if request.tools else {}
    fields = {**head, **tools, **request.sampling}
    sent: Any = request.messages
    if request.known:
        sent = new_messages(sent, len(sent) - request.known)
    parts = [codec.encode(message) for message in sent]
    written: dict[str, Any] = json.loads(codec.body(parts, fields, None, False))
    return written


def native_body(given: Any, dialect: Dialect = "chat") -> tuple[Dialect, dict[str, Any]] | None:
    """Find the request that is meant, written in another dialect than chat completions: a body, or
    its items or messages alone. None where it is one for a chat completion, or none.

    Args:
        given: plain data.
        dialect: what messages are written in that do not tell.
    """
    if isinstance(given, dict):
        told = request_dialect(given)
        return None if told in (None, "chat") else (told, given)
    bare = [item for item in _dicts(given) if "role" not in item and "type" in item]
    if dialect == "responses" or (bare and dialect == "chat"):
        return "responses", {"input": given}
    if dialect == "messages":
        return "messages", {"messages": given, "max_tokens": MAX_TOKENS}
    return None


def native_answer(items: list[Any]) -> Any:
    """Make the body of an answer in a history of its output items or content blocks."""
    blocks = any(_kind(item) in ("text", *_BLOCKS) for item in _dicts(items))
    return {"type": "message", "role": "assistant", "content": items} if blocks else items


def _kind(block: dict[str, Any]) -> str:
    kind = block.get("type")
    return kind if isinstance(kind, str) else ""


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []

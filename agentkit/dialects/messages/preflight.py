"""What a server of Messages would refuse of a request, found before it is sent; and signatures of
thinking that mean nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agentkit.dialects.messages.blocks.known_blocks import (
    SERVER_NOTES,
    SERVER_RESULTS,
    SERVER_USES,
    has_words,
)
from agentkit.types.answer import Response
from agentkit.types.problem import Problem, problem
from agentkit.types.request import Profile

_ID = re.compile(r"[a-zA-Z0-9_-]+")
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_RANDOM = re.compile(r"[0-9a-f]{32}")
"""What vLLM puts in place of a signature, another each time; Anthropic's are longer, in base64."""
_LENIENT = frozenset({"vllm", "sglang", "llamacpp", "ollama", "lmstudio"})
"""Servers that make a chat history of a request: they check the form of blocks, and nothing of
their order, signatures or words (captured of vLLM 0.32).
"""
_CHANGES = frozenset({"tool_addition", "tool_removal"})
_VLLM = _CHANGES | {"text", "image", "tool_use", "tool_result", "tool_reference"}
_VLLM |= {"thinking", "redacted_thinking"}
_OF_ALL = frozenset({"text", "image", "document", "search_result", "connector_text"})
_OF_USER = _OF_ALL | {"tool_result", "container_upload", "tool_reference", "compaction"}
_OF_ASSISTANT = _OF_ALL | SERVER_USES | SERVER_RESULTS | SERVER_NOTES
_OF_ASSISTANT |= {"thinking", "redacted_thinking", "tool_use"}
_OF_SYSTEM = _CHANGES | {"text"}
_TYPES = {"user": _OF_USER, "assistant": _OF_ASSISTANT, "system": _OF_SYSTEM}
_THOUGHTS = ("thinking", "redacted_thinking")
_IMAGES = ("image/jpeg", "image/png", "image/gif", "image/webp")
_LEAST_BUDGET = 1024


def request_problems(
    messages: Sequence[Any],
    fields: Mapping[str, Any],
    profile: Profile,
    signed: Mapping[str, str] | None = None,
) -> Iterator[Problem]:
    """Yield what would be refused of a request, with pointers into its body:
    `/messages/N/content/M`, `/max_tokens`.

    Args:
        messages: the messages as they are sent, as `request.native_messages` writes them.
        fields: the rest of the body under the names of Messages.
        profile: the kind of server.
        signed: the thinking that came with each signature, where it is known.
    """
    yield from _field_problems(fields, profile)
    given = [message if isinstance(message, dict) else {} for message in messages]
    for index, message in enumerate(given):
        yield from _form(message, f"/messages/{index}", profile)
    if profile.name in _LENIENT:
        return
    yield from _roles(given)
    yield from _pairs(given)
    for index, message in enumerate(given):
        yield from _words(message, f"/messages/{index}", index == len(given) - 1)
    yield from _signatures(given, dict(signed or {}))
    if _thinks(fields) == "enabled":
        yield from _first_thoughts(given)


def signature_problems(response: Response) -> Iterator[Problem]:
    """Yield the thinking of an answer whose signature cannot be one: it is empty, or the random
    number that vLLM sends. Where nobody checks signatures this does no harm; Anthropic refuses it.
    """
    for block in response.reasoning_blocks:
        own = block.raw if block.source == "messages:thinking" else None
        if isinstance(own, dict) and (text := _unsigned(own)):
            yield problem("reasoning_unsigned", text, before=own.get("signature"))


def _unsigned(block: dict[str, Any]) -> str:
    """Say why a block of thinking is not signed; "" where it may be."""
    if block.get("type") != "thinking":
        return ""
    signature = block.get("signature")
    if not isinstance(signature, str) or not signature:
        return "the thinking has no signature"
    if _RANDOM.fullmatch(signature):
        return "the signature of the thinking is a random number, as vLLM sends it"
    return ""


def _thinks(fields: Mapping[str, Any]) -> Any:
    thinking = fields.get("thinking")
    return thinking.get("type") if isinstance(thinking, dict) else None


def _field_problems(fields: Mapping[str, Any], profile: Profile) -> Iterator[Problem]:
    limit = fields.get("max_tokens")
    if type(limit) is not int or limit < 1:
        text = "`max_tokens` is missing" if limit is None else "`max_tokens` is no positive number"
        yield problem("bad_request", f"{text}; it is required", pointer="/max_tokens", before=limit)
    thinking = fields.get("thinking")
    budget = thinking.get("budget_tokens") if isinstance(thinking, dict) else None
    if _thinks(fields) == "enabled" and type(budget) is int:
        at = "/thinking/budget_tokens"
        if budget < _LEAST_BUDGET:
            text = f"a budget for thinking is at least {_LEAST_BUDGET} tokens"
            yield problem("bad_request", text, pointer=at, before=budget)
        if type(limit) is int and limit <= budget:
            text = "`max_tokens` must be more than the budget for thinking"
            yield problem("bad_request", text, pointer="/max_tokens", before=limit)
    tools = fields.get("tools")
    for index, tool in enumerate(tools if isinstance(tools, (list, tuple)) else ()):
        yield from _tool(tool, f"/tools/{index}", profile)
    yield from _choice(fields)


def _choice(fields: Mapping[str, Any]) -> Iterator[Problem]:
    choice = fields.get("tool_choice")
    kind = choice.get("type") if isinstance(choice, dict) else None
    code, at = "tool_choice_unsupported", "/tool_choice"
    if choice is not None and kind not in ("auto", "any", "tool", "none"):
        text = "`tool_choice` is none of: auto, any, tool, none"
        yield problem(code, text, pointer=at, before=choice)
    elif kind in ("any", "tool"):
        if not fields.get("tools"):
            yield problem(code, "`tool_choice` demands a call, and there are no tools", pointer=at)
        if _thinks(fields) == "enabled":
            text = "`tool_choice` may not demand a call while thinking is enabled"
            yield problem(code, text, pointer=at)


def _tool(tool: Any, pointer: str, profile: Profile) -> Iterator[Problem]:
    given = tool if isinstance(tool, dict) else {}
    kind = given.get("type")
    own = kind not in (None, "custom")
    if own and profile.name != "vllm":
        return
    if not isinstance(given.get("input_schema"), dict):
        text = "the server runs no tools of its own" if own else "the tool has no `input_schema`"
        yield problem("schema_rejected", text, pointer=f"{pointer}/input_schema", before=kind)
    yield from _named(given.get("name"), f"{pointer}/name")


def _named(name: Any, pointer: str) -> Iterator[Problem]:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        text = f"the name {name!r} is not made of 1 to 128 letters, digits, _ and -"[:200]
        yield problem("history_bad_name", text, pointer=pointer, before=name)


def _form(message: dict[str, Any], pointer: str, profile: Profile) -> Iterator[Problem]:
    """Check what every server checks: role, content, and the form of each block."""
    role, content = message.get("role"), message.get("content")
    known = _TYPES.get(role) if isinstance(role, str) else None
    if known is None:
        text = f"no message has the role {role!r}; there are: user, assistant, system"[:200]
        yield problem("history_role_order", text, pointer=f"{pointer}/role", before=role)
    if not isinstance(content, (str, list)):
        text = "the content is neither a text nor a list of blocks"
        yield problem("history_bad_content", text, pointer=f"{pointer}/content", before=content)
        return
    for index, block in enumerate(content if isinstance(content, list) else ()):
        at = f"{pointer}/content/{index}"
        kind = block.get("type") if isinstance(block, dict) else None
        types = _VLLM - (set() if role == "system" else _CHANGES)
        types = types if profile.name == "vllm" else known or frozenset()
        if not isinstance(kind, str) or (types and kind not in types):
            text = f"a block of type {kind!r} is not taken in a message of the role {role!r}"
            yield problem("history_bad_content", text[:200], pointer=at, before=kind)
        else:
            yield from _block(block, kind, at, profile)


def _block(block: dict[str, Any], kind: str, pointer: str, profile: Profile) -> Iterator[Problem]:
    if kind == "tool_use":
        if not isinstance(block.get("input"), dict):
            text = "the `input` of the call is not an object"
            at = f"{pointer}/input"
            yield problem("history_bad_arguments", text, pointer=at, before=block.get("input"))
        if profile.name not in _LENIENT:
            yield from _named(block.get("name"), f"{pointer}/name")
    if kind in ("tool_use", "tool_result") and profile.name not in _LENIENT:
        name = "id" if kind == "tool_use" else "tool_use_id"
        value = block.get(name)
        if not isinstance(value, str) or not _ID.fullmatch(value):
            text = f"the id {value!r} is not made of letters, digits, _ and -"[:200]
            yield problem("history_id_format", text, pointer=f"{pointer}/{name}", before=value)
    if kind == "text" and not isinstance(block.get("text"), str):
        yield problem("history_bad_content", "the text block has no text", pointer=pointer)
    if kind == "image":
        yield from _image(block.get("source"), f"{pointer}/source")


def _image(source: Any, pointer: str) -> Iterator[Problem]:
    kind = source.get("type") if isinstance(source, dict) else None
    if kind not in ("base64", "url", "file"):
        text = "the `source` of an image is of the type base64, url or file"
        yield problem("history_bad_content", text, pointer=pointer, before=kind)
    elif kind == "base64" and source.get("media_type") not in _IMAGES:
        text = f"an image is of the type {', '.join(_IMAGES)}"
        found = source.get("media_type")
        yield problem("history_bad_content", text, pointer=f"{pointer}/media_type", before=found)


def _roles(messages: list[dict[str, Any]]) -> Iterator[Problem]:
    if not messages:
        yield problem("history_role_order", "there are no messages", pointer="/messages")
    elif messages[0].get("role") != "user":
        own = messages[0].get("role") == "system"
        text = "the first message is not the user's"
        text += "; what stands before it is `system`" if own else ""
        yield problem("history_role_order", text, pointer="/messages/0/role")


def _pairs(messages: list[dict[str, Any]]) -> Iterator[Problem]:
    """Check that each call has exactly one result, at the start of what the user says next.
    Messages of one role behind each other are one, to Anthropic.
    """
    waiting: dict[Any, str] = {}
    made: set[Any] = set()
    before, talking = None, False
    for index, message in enumerate(messages):
        role, at = message.get("role"), f"/messages/{index}/content"
        if role == "assistant":
            if before != "assistant":
                yield from _unanswered(waiting)
                waiting, made, talking = {}, set(), False
            yield from _made(message, at, waiting, made)
        else:
            talking = talking or isinstance(message.get("content"), str)
            for place, block in _blocks(message):
                if block.get("type") != "tool_result":
                    talking = True
                    continue
                if talking and waiting:
                    text = "a result stands behind other words; results come first"
                    yield problem("history_role_order", text, pointer=f"{at}/{place}")
                key = _key(block.get("tool_use_id"))
                yield from _answer(key, f"{at}/{place}", waiting, made)
        before = role
    yield from _unanswered(waiting)


def _made(
    message: dict[str, Any], at: str, waiting: dict[Any, str], made: set[Any]
) -> Iterator[Problem]:
    """Note the calls of an answer, each under an id of its own."""
    for place, block in _blocks(message):
        if block.get("type") != "tool_use":
            continue
        key = _key(block.get("id"))
        if key in made:
            text = f"the id {key!r} stands on two calls"[:200]
            yield problem("history_id_format", text, pointer=f"{at}/{place}/id")
        made.add(key)
        waiting[key] = f"{at}/{place}"


def _answer(key: Any, pointer: str, waiting: dict[Any, str], made: set[Any]) -> Iterator[Problem]:
    if waiting.pop(key, None) is None:
        text = "the call has a result already"
        text = text if key in made else "the result answers no call of the message before it"
        at = f"{pointer}/tool_use_id"
        yield problem("history_orphan_tool_result", text, pointer=at, before=key)


def _unanswered(waiting: dict[Any, str]) -> Iterator[Problem]:
    for key, pointer in waiting.items():
        text = f"the call {key!r} has no result in the message behind it"[:200]
        yield problem("history_tool_result_missing", text, pointer=pointer)


def _words(message: dict[str, Any], pointer: str, last: bool) -> Iterator[Problem]:
    """Find texts of nothing but white space, and what may not end a message."""
    content, at = message.get("content"), f"{pointer}/content"
    prefill = last and message.get("role") == "assistant"
    if isinstance(content, str) and content.strip() == "" and not (prefill and not content):
        yield problem("history_bad_content", "the message has no words", pointer=at)
    if content == [] and not prefill:
        yield problem("history_bad_content", "the content is an empty list", pointer=at)
    for place, block in _blocks(message):
        if block.get("type") == "text" and not has_words(block):
            text = "the text has nothing but white space"
            yield problem("history_bad_content", text, pointer=f"{at}/{place}")
    blocks = _blocks(message)
    if blocks and message.get("role") == "assistant" and blocks[-1][1].get("type") in _THOUGHTS:
        text = "thinking is the last block of the answer; something has to follow it"
        yield problem("history_bad_content", text, pointer=f"{at}/{blocks[-1][0]}")
    end = blocks[-1][1].get("text") if blocks else content
    if prefill and isinstance(end, str) and end.strip() and end != end.rstrip():
        text = "the answer to be continued ends in white space"
        yield problem("history_bad_content", text, pointer=at)


def _signatures(messages: list[dict[str, Any]], signed: dict[str, str]) -> Iterator[Problem]:
    """Find thinking that is not signed, or is not what was signed."""
    for index, message in enumerate(messages):
        for place, block in _blocks(message):
            if block.get("type") != "thinking":
                continue
            text, signature = _unsigned(block), block.get("signature")
            if not text and isinstance(signature, str):
                thought = str(block.get("thinking"))
                same = signed.setdefault(signature, thought) == thought
                text = "" if same else "the thinking is not what was signed"
            if text:
                at = f"/messages/{index}/content/{place}"
                yield problem("reasoning_unsigned", text, pointer=at, before=signature)


def _first_thoughts(messages: list[dict[str, Any]]) -> Iterator[Problem]:
    """Check that answers with calls since the user's last words begin with their thinking, which
    they must while it is enabled.
    """
    for index in range(len(messages) - 1, -1, -1):
        message = messages[index]
        blocks = _blocks(message)
        results = any(block.get("type") == "tool_result" for _, block in blocks)
        if message.get("role") == "user" and not results:
            return
        calls = any(block.get("type") == "tool_use" for _, block in blocks)
        if message.get("role") == "assistant" and calls:
            first = blocks[0][1].get("type")
            if first not in _THOUGHTS:
                text = f"thinking is enabled, and the answer begins with {first!r}"
                at = f"/messages/{index}/content/0"
                yield problem("history_reasoning_missing", text, pointer=at)
            return


def _blocks(message: dict[str, Any]) -> list[tuple[int, dict[str, Any]]]:
    content = message.get("content")
    given = enumerate(content if isinstance(content, list) else ())
    return [(place, block) for place, block in given if isinstance(block, dict)]


def _key(value: Any) -> Any:
    """Make something that a set can hold of an id, whatever it is."""
    return value if isinstance(value, (str, int, type(None))) else repr(value)

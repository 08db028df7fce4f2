"""Messages of LangChain, in the four forms in which they are dumped: `model_dump`
(`{"type": "human", …}`), `messages_to_dict` (`{"type", "data"}`), `dumpd`
(`{"lc": 1, "id": […], "kwargs"}`), and content as blocks.

Source: langchain_core/messages of langchain-core 0.1 to 1.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentkit.files.foreign.traces.loose import first, known, mapping, mappings, text, written
from agentkit.files.foreign.traces.spelling.utterance import (
    Utterance,
    arguments_text,
    assistant,
    call,
    joined,
    tool,
)

ROLES = {
    "human": "user",
    "ai": "assistant",
    "system": "system",
    "tool": "tool",
    "function": "function",
    "chat": "user",
    "developer": "developer",
}
_CALLS = ("tool_use", "tool_call", "tool_call_chunk", "invalid_tool_call", "function_call")
"""Types of blocks that say again what `tool_calls` says."""
_THOUGHTS = ("thinking", "reasoning", "reasoning_content")


def fields_of(value: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """Give the type and the fields of a message; None where it is none of LangChain's."""
    kwargs, path = value.get("kwargs"), value.get("id")
    if value.get("lc") == 1 and isinstance(kwargs, Mapping) and isinstance(path, list):
        kind = _kind(kwargs.get("type")) or _kind(path[-1] if path else None)
        return (kind, dict(kwargs)) if kind else None
    kind = _kind(value.get("type"))
    if kind is None:
        return None
    data = value.get("data")
    if isinstance(data, Mapping) and "content" in data:
        return kind, dict(data)
    return (kind, dict(value)) if "content" in value and "role" not in value else None


def _kind(name: Any) -> str | None:
    """Give the short name of a type: `human` of `HumanMessage` and of `HumanMessageChunk`."""
    if not isinstance(name, str):
        return None
    short = name.removesuffix("Chunk").removesuffix("Message").lower()
    return short if short in ROLES else None


def langchain_utterance(kind: str, fields: Mapping[str, Any]) -> Utterance:
    """Read a message of LangChain."""
    content = fields.get("content")
    if kind == "ai":
        return _ai(fields)
    if kind in ("tool", "function"):
        message = tool(_plain(content), fields.get("tool_call_id"), fields.get("name"))
        failed = {"status": "error"} if fields.get("status") == "error" else {}
        artifact = {} if fields.get("artifact") is None else {"value": fields["artifact"]}
        return Utterance({**message, "role": kind}, result={**failed, **artifact})
    role = str(fields.get("role") or "user") if kind == "chat" else ROLES[kind]
    if kind == "chat" and role == "assistant":
        return _ai(fields)
    named = known(name=text(fields.get("name")))
    return Utterance({"role": role, "content": _plain(content), **named})


def _plain(content: Any) -> Any:
    """Give a content: one text where it is a list of texts alone."""
    if not isinstance(content, list):
        return content
    return joined([_text_part(part) for part in content]) if content else ""


def _text_part(part: Any) -> Any:
    if isinstance(part, Mapping) and part.get("type") in ("text", "output_text", "input_text"):
        return part.get("text") if isinstance(part.get("text"), str) else dict(part)
    return part


def _ai(fields: Mapping[str, Any]) -> Utterance:
    more = mapping(fields.get("additional_kwargs"))
    content = fields.get("content")
    blocks = content if isinstance(content, list) else []
    thoughts = [_thought(one) for one in mappings(blocks) if one.get("type") in _THOUGHTS]
    left = [
        _text_part(one)
        for one in blocks
        if not (isinstance(one, Mapping) and one.get("type") in (*_CALLS, *_THOUGHTS))
    ]
    thought = (
        "".join(thoughts) or text(more.get("reasoning_content")) or text(more.get("reasoning"))
    )
    said = joined(left) if isinstance(content, list) else content
    message = assistant(said, _calls(fields, more, blocks), thought)
    if refused := text(more.get("refusal")):
        message["refusal"] = refused
    return Utterance(message, answer=_answer(fields))


def _calls(
    fields: Mapping[str, Any], more: Mapping[str, Any], blocks: list[Any]
) -> list[dict[str, Any]]:
    """Give the calls; as the server wrote them where that is kept."""
    given = mappings(more.get("tool_calls"))
    if given and all("function" in one for one in given):
        return [{"type": "function", **one} for one in given]
    found = [
        call(c.get("name"), c.get("args"), c.get("id")) for c in mappings(fields.get("tool_calls"))
    ]
    found += [
        call(c.get("name"), arguments_text(c.get("args")), c.get("id"))
        for c in mappings(fields.get("invalid_tool_calls"))
    ]
    if not found and isinstance(more.get("function_call"), Mapping):
        asked = more["function_call"]
        found = [call(asked.get("name"), asked.get("arguments"))]
    if not found:
        found = [
            call(b.get("name"), first(b.get("input"), b.get("args")), b.get("id"))
            for b in mappings(blocks)
            if b.get("type") in ("tool_use", "tool_call")
        ]
    return found


def _thought(block: Mapping[str, Any]) -> str:
    for key in ("thinking", "reasoning", "text"):
        if isinstance(block.get(key), str):
            return str(block[key])
    inner = mapping(block.get("reasoning_content"))
    parts = [*mappings(block.get("summary")), *mappings(block.get("content")), inner]
    return "\n".join(written(one.get("text")) for one in parts if one.get("text"))


def _answer(fields: Mapping[str, Any]) -> dict[str, Any]:
    meta = mapping(fields.get("response_metadata"))
    usage = mapping(fields.get("usage_metadata"))
    raw = mapping(first(meta.get("token_usage"), meta.get("usage")))
    return known(
        model=text(meta.get("model_name")) or text(meta.get("model")),
        id=text(meta.get("id")) or text(fields.get("id")),
        finish_reason=text(meta.get("finish_reason")) or text(meta.get("stop_reason")),
        usage=raw or usage_in(usage) or None,
    )


def usage_in(usage: Mapping[str, Any]) -> dict[str, Any]:
    """Write LangChain's own counts under OpenAI's names."""
    if not usage:
        return {}
    read, wrote = (
        mapping(usage.get("input_token_details")),
        mapping(usage.get("output_token_details")),
    )
    return known(
        prompt_tokens=usage.get("input_tokens"),
        completion_tokens=usage.get("output_tokens"),
        total_tokens=usage.get("total_tokens"),
        prompt_tokens_details=known(cached_tokens=read.get("cache_read")) or None,
        completion_tokens_details=known(reasoning_tokens=wrote.get("reasoning")) or None,
    )

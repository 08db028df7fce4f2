"""Messages of pydantic-ai: requests and responses with their parts.

Source: pydantic_ai/messages.py of pydantic-ai 0.0.19 to 1.x.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentkit.files.foreign.entries import Losses
from agentkit.files.foreign.traces.loose import first, known, mapping, mappings, text, written
from agentkit.files.foreign.traces.spelling.utterance import (
    Utterance,
    assistant,
    call,
    joined,
    tool,
)

_REQUEST_PARTS = ("system-prompt", "user-prompt", "tool-return", "retry-prompt")


def is_pydantic_message(value: Any) -> bool:
    """Tell whether it is a message of pydantic-ai."""
    if not isinstance(value, Mapping) or value.get("kind") not in ("request", "response"):
        return False
    parts = value.get("parts")
    if not isinstance(parts, list):
        return False
    told = [part for part in mappings(parts) if part]
    return bool(told or not parts) and all(isinstance(one.get("part_kind"), str) for one in told)


def pydantic_utterances(value: Mapping[str, Any], losses: Losses) -> list[Utterance]:
    """Read one message: a request as what its parts say, a response as one message."""
    if value.get("kind") == "response":
        return [_response(value, losses)]
    found: list[Utterance] = []
    for part in mappings(value.get("parts")):
        one = _request_part(part)
        if one is None:
            losses.note(f"request.parts.{part.get('part_kind')}")
        else:
            found.append(one)
    return found


def _request_part(part: Mapping[str, Any]) -> Utterance | None:
    kind, content = part.get("part_kind"), part.get("content")
    if kind == "system-prompt":
        return Utterance({"role": "system", "content": written(content)})
    if kind == "user-prompt":
        return Utterance({"role": "user", "content": _user(content)})
    if kind == "tool-return":
        failed = part.get("outcome") in ("failed", "denied")
        result = {"status": "error"} if failed else {}
        return Utterance(
            tool(content, part.get("tool_call_id"), part.get("tool_name")), result=result
        )
    if kind != "retry-prompt":
        return None
    if part.get("tool_name") is None:
        return Utterance({"role": "user", "content": written(content)})
    message = tool(content, part.get("tool_call_id"), part.get("tool_name"))
    return Utterance(message, result={"status": "error"})


def _user(content: Any) -> Any:
    if not isinstance(content, list):
        return written(content)
    return joined([_user_part(part) for part in content]) if content else ""


def _user_part(part: Any) -> Any:
    if not isinstance(part, Mapping):
        return part if isinstance(part, str) else written(part)
    kind = part.get("kind")
    if kind == "image-url":
        return {"type": "image_url", "image_url": {"url": part.get("url")}}
    media = part.get("media_type")
    if kind == "binary" and isinstance(media, str) and media.startswith("image/"):
        url = f"data:{media};base64,{part.get('data')}"
        return {"type": "image_url", "image_url": {"url": url}}
    if isinstance(part.get("content"), str) and kind in ("text", "text-content"):
        return part["content"]
    return {"type": str(kind), **{key: item for key, item in part.items() if key != "kind"}}


def _response(value: Mapping[str, Any], losses: Losses) -> Utterance:
    texts: list[Any] = []
    thoughts: list[str] = []
    calls: list[dict[str, Any]] = []
    for part in mappings(value.get("parts")):
        kind = part.get("part_kind")
        if kind == "text":
            texts.append(written(part.get("content")))
        elif kind == "thinking":
            thoughts.append(written(part.get("content")))
        elif kind == "tool-call":
            calls.append(call(part.get("tool_name"), _args(part), part.get("tool_call_id")))
        else:
            losses.note(f"response.parts.{kind}")
    message = assistant(joined(texts), calls, "\n".join(thoughts) or None)
    return Utterance(message, answer=_answer(value))


def _args(part: Mapping[str, Any]) -> Any:
    """Give the arguments of a call; versions below 0.0.19 have them in an object of their own."""
    args = part.get("args")
    if isinstance(args, Mapping) and len(args) == 1:
        inner = first(args.get("args_json"), args.get("args_dict"))
        return args if inner is None else inner
    return args


def _answer(value: Mapping[str, Any]) -> dict[str, Any]:
    usage = mapping(value.get("usage"))
    details = mapping(usage.get("details"))
    read = first(usage.get("input_tokens"), usage.get("request_tokens"))
    wrote = first(usage.get("output_tokens"), usage.get("response_tokens"))
    thought = details.get("reasoning_tokens")
    counts = known(
        prompt_tokens=read,
        completion_tokens=wrote,
        total_tokens=usage.get("total_tokens"),
        prompt_tokens_details=known(cached_tokens=usage.get("cache_read_tokens")) or None,
        completion_tokens_details=known(reasoning_tokens=thought) or None,
    )
    found = first(value.get("provider_response_id"), value.get("vendor_id"))
    raw = mapping(first(value.get("provider_details"), value.get("vendor_details")))
    return known(
        model=text(value.get("model_name")),
        id=text(found),
        usage=counts if any((read, wrote)) else None,
        finish_reason=first(text(raw.get("finish_reason")), text(value.get("finish_reason"))),
    )

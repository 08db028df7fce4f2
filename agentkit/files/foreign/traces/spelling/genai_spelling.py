"""Messages of OpenTelemetry's GenAI conventions (`{"role", "parts": […]}`), of Gemini, which has
parts too, and of OpenInference (`{"message.role", "message.tool_calls": […]}`).

Source: docs/gen-ai/gen-ai-input-messages.json of semantic-conventions, Gemini's `Content`, and
openinference-semantic-conventions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentkit.files.foreign.entries import Losses
from agentkit.files.foreign.traces.loose import (
    decoded,
    first,
    known,
    mapping,
    mappings,
    text,
    written,
)
from agentkit.files.foreign.traces.spelling.utterance import (
    Utterance,
    assistant,
    call,
    custom,
    joined,
    tool,
)

_ROLES = {"model": "assistant", "ai": "assistant", "human": "user"}


def parts_utterances(value: Mapping[str, Any], losses: Losses) -> list[Utterance]:
    """Read a message of parts: each result of a tool is a message of its own."""
    role = str(value.get("role") or "user")
    role = _ROLES.get(role, role)
    found: list[Utterance] = []
    texts: list[Any] = []
    thoughts: list[str] = []
    calls: list[dict[str, Any]] = []
    for part in _parts(value.get("parts")):
        kind = part.get("type")
        if result := _result(part):
            found.append(result)
        elif made := _call(part):
            calls.append(made)
        elif kind in ("reasoning", "thinking") or part.get("thought") is True:
            thoughts.append(written(first(part.get("content"), part.get("text"))))
        elif (said := _content(part)) is not None:
            texts.append(said)
        else:
            losses.note(f"parts.{kind or next(iter(part), None)}")
    if role == "assistant":
        message = assistant(joined(texts), calls, "\n".join(thoughts) or None)
        return [*found, Utterance(message, answer=known(finish_reason=value.get("finish_reason")))]
    if texts or not found:
        found.append(Utterance({"role": role, "content": joined(texts) or ""}))
    return found


def _parts(value: Any) -> list[dict[str, Any]]:
    listed = decoded(value)
    texts = [{"type": "text", "content": one} for one in [listed] if isinstance(one, str)]
    parts = listed if isinstance(listed, list) else []
    return texts or [
        dict(one) if isinstance(one, Mapping) else {"type": "text", "content": written(one)}
        for one in parts
    ]


def _result(part: Mapping[str, Any]) -> Utterance | None:
    if part.get("type") == "tool_call_response":
        content = first(part.get("response"), part.get("result"), part.get("content"))
        return Utterance(tool(content, part.get("id"), part.get("name")))
    inner = first(part.get("functionResponse"), part.get("function_response"))
    if not isinstance(inner, Mapping):
        return None
    return Utterance(tool(inner.get("response"), inner.get("id"), inner.get("name")))


def _call(part: Mapping[str, Any]) -> dict[str, Any] | None:
    if part.get("type") == "tool_call" and part.get("kind") == "custom":
        return custom(part.get("name"), written(part.get("arguments")), part.get("id"))
    if part.get("type") == "tool_call":
        return call(part.get("name"), part.get("arguments"), part.get("id"))
    inner = first(part.get("functionCall"), part.get("function_call"))
    if not isinstance(inner, Mapping):
        return None
    return call(inner.get("name"), inner.get("args"), inner.get("id"))


def _content(part: Mapping[str, Any]) -> Any:
    """Give the text of a part, or an image; None where it is neither."""
    kind = part.get("type")
    said = first(part.get("content"), part.get("text"))
    if isinstance(said, str) and kind in (None, "text"):
        return said
    image = part.get("modality") == "image" or kind == "image"
    url = first(part.get("uri"), part.get("url"))
    if image and isinstance(url, str):
        return {"type": "image_url", "image_url": {"url": url}}
    data, media = first(part.get("content"), part.get("data")), part.get("mime_type")
    if image and isinstance(data, str) and kind == "blob":
        return {"type": "image_url", "image_url": {"url": f"data:{media};base64,{data}"}}
    inline = mapping(first(part.get("inlineData"), part.get("inline_data")))  # Gemini's
    media = first(inline.get("mimeType"), inline.get("mime_type"))
    if isinstance(inline.get("data"), str) and str(media).startswith("image/"):
        return {"type": "image_url", "image_url": {"url": f"data:{media};base64,{inline['data']}"}}
    if kind in ("uri", "blob", "file"):
        return dict(part)
    return said if kind == "text" and isinstance(said, str) else None


def inference_utterances(value: Mapping[str, Any], losses: Losses) -> list[Utterance]:
    """Read a message of OpenInference, its names nested."""
    fields = mapping(value.get("message")) or dict(value)
    role = _ROLES.get(str(fields.get("role")), str(fields.get("role") or "user"))
    content = fields.get("content")
    parts, thoughts = [], []
    for each in mappings(fields.get("contents")):
        part = mapping(each.get("message_content")) or each
        if part.get("type") in ("reasoning", "thinking"):
            thoughts.append(written(part.get("text")))
        elif isinstance(part.get("text"), str):
            parts.append(part["text"])
        elif url := _image(part):
            parts.append({"type": "image_url", "image_url": {"url": url}})
        elif part.get("type") not in ("tool_use", "tool_result"):
            losses.note(f"contents.{part.get('type')}")
    if content is None:
        content = joined(parts)
    if role == "tool":
        return [Utterance(tool(content, fields.get("tool_call_id"), fields.get("name")))]
    if role != "assistant":
        return [Utterance({"role": role, "content": "" if content is None else content})]
    calls = [_inference_call(each) for each in mappings(fields.get("tool_calls"))]
    name = fields.get("function_call_name")
    if not calls and isinstance(name, str):
        calls = [call(name, fields.get("function_call_arguments_json"))]
    reasoning = "\n".join(thoughts) or text(fields.get("reasoning"))
    answer = known(finish_reason=text(fields.get("finish_reason")))
    return [Utterance(assistant(content, calls, reasoning), answer=answer)]


def _image(part: Mapping[str, Any]) -> Any:
    image = mapping(part.get("image"))
    return mapping(image.get("image")).get("url") or image.get("url")


def _inference_call(value: Mapping[str, Any]) -> dict[str, Any]:
    fields = mapping(value.get("tool_call")) or value
    function = mapping(fields.get("function"))
    return call(function.get("name"), function.get("arguments"), fields.get("id"))

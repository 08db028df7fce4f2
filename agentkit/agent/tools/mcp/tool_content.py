"""What an MCP server answers a call with, as the output of a tool."""

from __future__ import annotations

import json
from typing import Any

from agentkit.agent.tools.call_output import CallOutput
from agentkit.read.tool_output import MCP


def output_of(result: Any, *, images: bool = True) -> CallOutput:
    """Make the output of a call from its `CallToolResult`.

    The model sees the texts; an image is named in them, and goes along where the server of the
    model takes one. Structured content is the value, where there is some.

    Args:
        result: what came.
        images: whether images may go along.
    """
    text = "\n".join(map(_text, result.content))
    if result.is_error:
        return CallOutput(error=text or "the tool failed, and does not say why")
    structured = result.structured_content
    if any(block.type in ("image", "audio") or _blob(block) for block in result.content):
        whole = result.model_dump(mode="json", by_alias=True, exclude_none=True)
        return CallOutput(text, MCP if images else "text", whole)
    if structured is None or structured == {"result": text}:  # what the package puts round a text
        return CallOutput(text)
    if not result.content:
        text = json.dumps(structured, ensure_ascii=False)
    return CallOutput(text, "json" if _reads_as(text, structured) else "text", structured)


def _reads_as(text: str, value: Any) -> bool:
    try:
        return bool(json.loads(text) == value)
    except (ValueError, RecursionError):
        return False


def _blob(block: Any) -> str | None:
    """Give the bytes of an embedded resource, in base64; None where it is a text."""
    blob = getattr(getattr(block, "resource", None), "blob", None)
    return blob if isinstance(blob, str) else None


def _text(block: Any) -> str:
    """Write one block of content as text."""
    match block.type:
        case "text":
            return str(block.text)
        case "image" | "audio":
            return f"[{block.mime_type}, {_size(block.data)}]"
        case "resource_link":
            return f"[{block.name}]({block.uri})"
    blob = _blob(block)
    if blob is None:
        return str(block.resource.text)
    return f"[{block.resource.uri}, {block.resource.mime_type or 'bytes'}, {_size(blob)}]"


def _size(data: str) -> str:
    return f"{len(data) * 3 // 4 - data[-2:].count('='):,} bytes"

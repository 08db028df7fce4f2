"""The content blocks of a Messages answer, by name (anthropic 2.14: `types/content_block.py` and
`types/beta/beta_content_block.py`), the input of a call as it was streamed, and the parts of
OpenAI's chat form as blocks.
"""

from __future__ import annotations

import json
from typing import Any

SERVER_USES = frozenset({"server_tool_use", "mcp_tool_use"})
"""A tool that the server runs by itself; what came of it is a block of its own."""

SERVER_RESULTS = frozenset(
    {
        "web_search_tool_result",
        "web_fetch_tool_result",
        "code_execution_tool_result",
        "bash_code_execution_tool_result",
        "text_editor_code_execution_tool_result",
        "tool_search_tool_result",
        "mcp_tool_result",
        "advisor_tool_result",
    }
)
"""What came of such a tool; `tool_use_id` names the block that asked for it."""

SERVER_NOTES = frozenset({"container_upload", "compaction", "fallback", "mcp_tool_listing"})
"""What else the server did: a file in its container, a summary of the conversation so far, another
model that took over, the tools of an MCP server.
"""


LENGTH = ("max_tokens", "model_context_window_exceeded")
"""The words for the end of an answer that was cut."""


class StreamedInput(dict[str, Any]):
    """The input of a call that was streamed: the object, and the JSON text it came as, which a
    block answer does not have.
    """

    __slots__ = ("text",)

    def __init__(self, value: dict[str, Any], text: str) -> None:
        super().__init__(value)
        self.text = text

    def __reduce__(self) -> tuple[Any, ...]:
        return (StreamedInput, (dict(self), self.text))


def input_text(value: Any) -> str | None:
    """Write the input of a call as the text of its arguments; None where there is none.

    A text in its place is JSON written twice where it holds JSON; else it is what the model wrote,
    which is no JSON, and stays as it is.
    """
    if value is None:
        return None
    if isinstance(value, StreamedInput):
        return value.text
    if isinstance(value, str) and not is_json(value):
        return value
    return json_text(value)


def json_text(value: Any) -> str:
    """Write a value as JSON; what is nested too deeply, or is no JSON, as Python shows it."""
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return f"<{type(value).__name__} that is no JSON>"


def is_json(text: str) -> bool:
    """Tell whether a text is JSON."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def has_words(block: Any) -> bool:
    """Tell whether a block may be sent: any but a text of nothing but white space, which is refused
    ("text content blocks must contain non-whitespace text").
    """
    if not isinstance(block, dict) or block.get("type") != "text":
        return True
    text = block.get("text")
    return not isinstance(text, str) or bool(text.strip())


def native_blocks(content: Any) -> Any:
    """Write a content as a Messages content: a text stays a text, parts become blocks, and what is
    a block already stays as it is. Texts of nothing but white space are left out.
    """
    if isinstance(content, str):
        return content if content.strip() else ""
    if not isinstance(content, list):
        return content
    blocks = [native_block(part) for part in content]
    return [block for block in blocks if has_words(block)]


def native_block(part: Any) -> Any:
    """Write one part as a block; one that has no counterpart stays, for the server to refuse."""
    kind = part.get("type") if isinstance(part, dict) else None
    match kind:
        case "input_text" | "output_text":
            return {**_kept(part), "type": "text", "text": part.get("text")}
        case "refusal":
            return {**_kept(part), "type": "text", "text": part.get("refusal")}
        case "image_url" | "input_image":
            image = part.get("image_url")
            source = _source(image.get("url") if isinstance(image, dict) else image)
            return {"type": "image", "source": source, **_kept(part)} if source else part
        case "file" | "input_file":
            return _document(part)
        case "tool_result":  # its type first, by which `body` tells that results have to be joined
            return {"type": kind, **part}
    return {"type": "text", "text": part} if isinstance(part, str) else part


def _kept(part: dict[str, Any]) -> dict[str, Any]:
    return {"cache_control": part["cache_control"]} if "cache_control" in part else {}


def _source(url: Any) -> dict[str, Any] | None:
    """Write the address of an image or a file as its source; None where it is no text."""
    if not isinstance(url, str):
        return None
    head, comma, data = url.partition(",")
    if not (url[:5].lower() == "data:" and comma):
        return {"type": "url", "url": url}
    kind, _, coding = head[5:].partition(";")
    if not coding.endswith("base64"):
        return {"type": "text", "media_type": kind or "text/plain", "data": data}
    return {"type": "base64", "media_type": kind or "text/plain", "data": data}


def _document(part: dict[str, Any]) -> dict[str, Any]:
    """Write a file as a document."""
    inner = part.get("file")
    file: dict[str, Any] = inner if isinstance(inner, dict) else part
    if isinstance(file.get("file_id"), str):
        source: dict[str, Any] | None = {"type": "file", "file_id": file["file_id"]}
    else:
        source = _source(file.get("file_data") or file.get("file_url"))
    if source is None:
        return part
    title = {"title": file["filename"]} if isinstance(file.get("filename"), str) else {}
    return {"type": "document", "source": source, **title, **_kept(part)}

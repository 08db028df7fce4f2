"""The content blocks of a Messages answer, by name (anthropic 2.14: `types/content_block.py` and
`types/beta/beta_content_block.py`), and the input of a call as it was streamed.
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


class StreamedInput(dict[str, Any]):
    """The input of a call that was streamed: the object, and the JSON text it came as, which a
    block answer does not have.
    """

    __slots__ = ("text", "whole")

    def __init__(self, value: dict[str, Any], text: str, whole: bool) -> None:
        super().__init__(value)
        self.text = text
        self.whole = whole
        """Whether the server said that the block is complete."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (StreamedInput, (dict(self), self.text, self.whole))


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
    """Tell whether a text block holds more than white space, without which it is refused: "text
    content blocks must contain non-whitespace text".
    """
    text = block.get("text")
    return not isinstance(text, str) or bool(text.strip())

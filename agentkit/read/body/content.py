"""A message's content: a text, or parts of several kinds."""

from __future__ import annotations

import json
from typing import Any

from agentkit.read.body.reasoning import part_block
from agentkit.types.answer import ReasoningBlock
from agentkit.types.problem import Problem, problem


class Content:
    """A message's content: its text, and what content parts held besides."""

    def __init__(self, text: str | None) -> None:
        self.text = text
        self.blocks: list[ReasoningBlock] = []
        self.problems: list[Problem] = []
        self.refusal: str | None = None
        self.uses: list[dict[str, Any]] = []
        """Calls that came as content parts (Anthropic's `tool_use`)."""


def read_content(raw: Any, pointer: str) -> Content:
    """Read a message's content, be it a text or a list of parts."""
    if raw is None or isinstance(raw, str):
        return Content(raw)
    content = Content(None)
    parts = raw if isinstance(raw, list) else [raw]
    texts: list[str] = []
    for part in parts:
        _read_part(part, content, texts)
    content.text = "".join(texts) if texts else None
    kinds = ", ".join(
        dict.fromkeys(
            str(p.get("type", "object")) if isinstance(p, dict) else type(p).__name__ for p in parts
        )
    )
    content.problems.append(
        problem(
            "content_list",
            f"the content is not a text but parts: {kinds or 'none'}"[:300],
            pointer=pointer,
            before=raw,
        )
    )
    return content


def _read_part(part: Any, content: Content, texts: list[str]) -> None:
    if not isinstance(part, dict):
        texts.append(
            part
            if isinstance(part, str)
            else ""
            if part is None
            else json.dumps(part, ensure_ascii=False)
        )
        return
    kind = str(part.get("type", "text"))
    if "thinking" in kind or kind.startswith("reasoning"):
        content.blocks.append(part_block(part))
    elif kind == "refusal":
        content.refusal = str(part.get("refusal") or part.get("text") or "")
    elif kind in ("tool_use", "tool_call", "function"):
        content.uses.append(part)
    else:
        text = part.get("text", part.get("content"))
        text = text.get("value") if isinstance(text, dict) else text
        if isinstance(text, str):
            texts.append(text)

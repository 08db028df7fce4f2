"""The events of a streamed Messages answer, put together to the body they amount to."""

from __future__ import annotations

import json
from typing import Any

from agentkit.dialects.delta import Delta
from agentkit.types.problem import Problem

_STARTED_BY = {
    "text": "text",
    "thinking": "thinking",
    "signature": "thinking",
    "partial_json": "tool_use",
}
"""The type of a block whose start never came, by what its deltas hold."""


def is_event(data: dict[str, Any]) -> bool:
    """Tell whether an event's data is of a Messages stream."""
    kind = data.get("type")
    return isinstance(kind, str) and kind.startswith(("message_", "content_block_"))


class MessagesEvents:
    """One answer in the making."""

    def __init__(self) -> None:
        self.problems: dict[str, Problem] = {}
        self.ended = False
        self._head: dict[str, Any] = {}
        self._blocks: dict[int, dict[str, Any]] = {}
        self._texts: dict[tuple[int, str], list[str]] = {}
        self._calls: dict[int, int] = {}

    def add(self, event: dict[str, Any], kind: str = "") -> list[Delta]:
        """Take the data of an event; return what it added to the answer."""
        kind = event.get("type") or kind
        if kind == "message_start" and isinstance(event.get("message"), dict):
            self._head = dict(event["message"])
        elif kind == "content_block_start" and isinstance(event.get("content_block"), dict):
            return self._start(event["index"], event["content_block"])
        elif kind == "content_block_delta" and isinstance(event.get("delta"), dict):
            return self._delta(event.get("index", 0), event["delta"])
        elif kind == "message_delta":
            self._head.update(event.get("delta") or {})
            self._head["usage"] = {**(self._head.get("usage") or {}), **(event.get("usage") or {})}
        elif kind == "message_stop":
            self.ended = True
        return []

    def _start(self, index: int, block: dict[str, Any]) -> list[Delta]:
        self._blocks[index] = dict(block)
        if block.get("type") != "tool_use":
            return []
        position = self._calls.setdefault(index, len(self._calls))
        return [Delta(kind="name", text=str(block.get("name") or ""), position=position)]

    def _delta(self, index: int, delta: dict[str, Any]) -> list[Delta]:
        names = ("text", "partial_json", "thinking", "signature")
        for name in names:
            if isinstance(text := delta.get(name), str):
                self._texts.setdefault((index, name), []).append(text)
                if name == "partial_json" and index in self._calls:
                    return [Delta(kind="arguments", text=text, position=self._calls[index])]
                if name in ("text", "thinking"):
                    return [Delta(kind="content" if name == "text" else "reasoning", text=text)]
        return []

    def body(self) -> dict[str, Any]:
        """Return the body that the events so far amount to."""
        blocks = {index: dict(block) for index, block in self._blocks.items()}
        for (index, name), pieces in self._texts.items():
            text = "".join(pieces)
            block = blocks.setdefault(index, {"type": _STARTED_BY[name]})
            if name != "partial_json":
                block[name] = (block.get(name) or "") + text
            elif text:
                try:
                    block["input"] = json.loads(text)
                except ValueError:
                    block["input"] = text
        return {**self._head, "content": [blocks[index] for index in sorted(blocks)]}

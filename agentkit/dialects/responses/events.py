"""The events of a streamed Responses answer, put together to the body they amount to."""

from __future__ import annotations

from typing import Any

from agentkit.dialects.delta import Delta
from agentkit.types.problem import Problem

_TERMINAL = frozenset({"response.completed", "response.incomplete", "response.failed"})


def is_event(data: dict[str, Any]) -> bool:
    """Tell whether an event's data is of a Responses stream."""
    kind = data.get("type")
    return isinstance(kind, str) and kind.startswith("response.")


class ResponsesEvents:
    """One answer in the making. What the `done` events say is put before the deltas, and the final
    object before both.
    """

    def __init__(self) -> None:
        self.problems: dict[str, Problem] = {}
        self.ended = False
        self._head: dict[str, Any] = {}
        self._items: dict[int, dict[str, Any]] = {}
        self._calls: dict[Any, int] = {}

    def add(self, event: dict[str, Any], kind: str = "") -> list[Delta]:
        """Take the data of an event; return what it added to the answer."""
        kind = event.get("type") or kind
        if isinstance(event.get("response"), dict):
            self._head = event["response"]
            self.ended = self.ended or kind in _TERMINAL
            return []
        index = event.get("output_index")
        if kind in ("response.output_item.added", "response.output_item.done"):
            return self._item(event, index)
        text = event.get("delta")
        if not isinstance(text, str):
            return []
        if kind in ("response.output_text.delta", "response.refusal.delta"):
            return [Delta(kind="content" if "text" in kind else "refusal", text=text)]
        if kind.startswith("response.reasoning"):
            return [Delta(kind="reasoning", text=text)]
        if index in self._calls:
            return [Delta(kind="arguments", text=text, position=self._calls[index])]
        return []

    def _item(self, event: dict[str, Any], index: Any) -> list[Delta]:
        item = event.get("item")
        if not isinstance(item, dict) or type(index) is not int:
            return []
        new = index not in self._items
        self._items[index] = item
        if not new or item.get("type") not in ("function_call", "custom_tool_call"):
            return []
        position = self._calls.setdefault(index, len(self._calls))
        return [Delta(kind="name", text=str(item.get("name") or ""), position=position)]

    def body(self) -> dict[str, Any]:
        """Return the body that the events so far amount to."""
        if self.ended and isinstance(self._head.get("output"), list):
            return self._head
        return {**self._head, "output": [self._items[i] for i in sorted(self._items)]}

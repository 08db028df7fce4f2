"""The todo list a run keeps for its model: one store a run, answered inside the loop."""

from __future__ import annotations

import json
from typing import Any

STATUSES = ("pending", "in_progress", "completed", "cancelled")
MAX_TEXT = 4_000
MAX_ITEMS = 256


class TodoStore:
    """A list of `{id, content, status}`, replaced or merged by the model."""

    def __init__(self) -> None:
        self._items: list[dict[str, str]] = []

    def __call__(self, arguments: dict[str, Any]) -> str:
        """The answer to a `todo` call as JSON: the list and its summary, or a clear error with the
        list untouched.

        Args:
            arguments: `todos`, a list or the JSON text of one, absent to read; `merge`, true to
                update by id and append what is new.
        """
        given = arguments.get("todos")
        if given is None:
            return self._answer()
        if isinstance(given, str):
            try:
                given = json.loads(given)
            except (ValueError, RecursionError):
                return json.dumps(
                    {"error": "todos must be a list of items, or the JSON text of one"}
                )
        if not isinstance(given, list):
            return json.dumps(
                {"error": f"todos must be a list of items, not {type(given).__name__}"}
            )
        if not all(isinstance(item, dict) for item in given):
            return json.dumps({"error": "each todo must be an object with id, content and status"})
        self._items = (
            self._merged(given)
            if _truthy(arguments.get("merge"))
            else _unique([_item(item, i) for i, item in enumerate(given)])
        )
        return self._answer()

    def _merged(self, given: list[dict[str, Any]]) -> list[dict[str, str]]:
        known = {item["id"]: item for item in self._items}
        for index, item in enumerate(given):
            new = _item(item, len(known) + index)
            old = known.get(new["id"])
            if old is not None:
                new = {**old, **{key: new[key] for key in ("content", "status") if key in item}}
            known[new["id"]] = new
        return _unique(list(known.values()))

    def _answer(self) -> str:
        counts = {
            status: sum(item["status"] == status for item in self._items) for status in STATUSES
        }
        return json.dumps(
            {"todos": self._items, "summary": {"total": len(self._items), **counts}},
            ensure_ascii=False,
        )


def _item(raw: dict[str, Any], index: int) -> dict[str, str]:
    status = str(raw.get("status") or "pending").strip().lower()
    given = raw.get("id")
    return {
        "id": str(given).strip()[:MAX_TEXT] if given not in (None, "") else str(index + 1),
        "content": str(raw.get("content") or "")[:MAX_TEXT].strip() or "(no description)",
        "status": status if status in STATUSES else "pending",
    }


def _unique(items: list[dict[str, str]]) -> list[dict[str, str]]:
    """The last item of each id, where the first stood, at most 256."""
    return list({item["id"]: item for item in items}.values())[:MAX_ITEMS]


def _truthy(value: Any) -> bool:
    return value.strip().lower() in ("true", "1", "yes") if isinstance(value, str) else bool(value)

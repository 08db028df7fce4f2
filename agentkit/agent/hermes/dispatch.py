"""How `AgentLoop` runs a named tool: the caller's dispatch function or tools, and the few that are
answered inside the loop.
"""

from __future__ import annotations

import inspect
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from agentkit.agent.tools.runner import Place
from agentkit.agent.tools.tool import Tool, is_async
from agentkit.errors import UsageError
from agentkit.servers.redaction.known_secrets import known_secrets
from agentkit.types.steps import ToolStep
from agentkit.types.words import in_line

log = logging.getLogger("agentkit.agent.hermes.agent_loop")

BLOCKED_TOOLS: Mapping[str, str] = {
    "memory": "Memory is not available in RL environments.",
    "session_search": "Session search is not available in RL environments.",
}
"""Tools that would carry something over between rollouts, and what the model gets instead."""


def names_of(schemas: Iterable[dict[str, Any]]) -> set[str]:
    """Read the names that tool schemas declare."""
    holders = (
        next((s[k] for k in ("function", "custom") if isinstance(s.get(k), dict)), s)
        for s in schemas
    )
    return {str(holder["name"]) for holder in holders if holder.get("name")}


def default_dispatch(names: Iterable[str]) -> Callable[..., Any]:
    """Import hermes-agent's `model_tools.handle_function_call`.

    Args:
        names: the tools it is wanted for.

    Raises:
        UsageError: it is not installed.
    """
    try:
        from model_tools import handle_function_call
    except ImportError as exc:
        raise UsageError(
            f"nothing says how to run the tools that are declared: {', '.join(sorted(names))}",
            hint=(
                "pass dispatch=fn, called as fn(name, args, task_id=..., user_task=...), or"
                " tools=[functions]"
            ),
        ) from (None if isinstance(exc, ModuleNotFoundError) and exc.name == "model_tools" else exc)
    dispatch: Callable[..., Any] = handle_function_call
    return dispatch


class LoopTools:
    """The tools of one loop by name."""

    def __init__(
        self,
        names: Iterable[str],
        dispatch: Callable[..., Any] | None,
        functions: Mapping[str, Tool],
        blocked: Mapping[str, str],
        task_id: str,
    ) -> None:
        self._names = frozenset(names)
        others = self._names - {*functions, *blocked, "todo"}
        self._dispatch = default_dispatch(others) if dispatch is None and others else dispatch
        self._functions = functions
        self._blocked = blocked
        self._task_id = task_id
        self._accepts = _accepted(self._dispatch)
        self._user_task: str | None = None
        self._todo = TodoStore()

    def begin(self, messages: list[dict[str, Any]]) -> None:
        """Prepare for a new run: an empty todo list, and the task the user gave."""
        self._todo = TodoStore()
        self._user_task = user_task(messages)

    def names(self) -> Iterable[str]:
        return self._names

    def place(self, name: str) -> Place:
        if name in self._functions:
            return "loop" if self._functions[name].is_async else "thread"
        if self._inside(name) is not None:
            return "here"
        return "caller" if is_async(self._dispatch) else "thread"

    def call(self, name: str, arguments: dict[str, Any], step: ToolStep) -> Any:
        if name in self._functions:
            tool = self._functions[name]
            return tool.function(**tool.bind(arguments))
        inside = self._inside(name)
        if inside is not None:
            return inside(arguments)
        if name == "terminal":
            command = known_secrets()(str(arguments.get("command", "")))[:80]
            log.info("[%s] $ %s", in_line(self._task_id[:8]), in_line(command))
        if self._dispatch is None:
            raise UsageError(f"nothing says how to run {name!r}")
        extra = {"task_id": self._task_id, "user_task": self._user_task}
        return self._dispatch(
            name,
            arguments,
            **{k: v for k, v in extra.items() if self._accepts is None or k in self._accepts},
        )

    def _inside(self, name: str) -> Callable[[dict[str, Any]], str] | None:
        """Find the function of a tool that the loop answers itself, so that nothing outlives the
        run.
        """
        if name in self._blocked:
            return lambda arguments: json.dumps({"error": self._blocked[name]})
        return self._todo if name == "todo" else None


def _accepted(dispatch: Callable[..., Any] | None) -> frozenset[str] | None:
    """Read which keywords a dispatch function takes; None for all, or where it is not known."""
    try:
        parameters = inspect.signature(dispatch).parameters.values() if dispatch is not None else ()
    except (TypeError, ValueError):
        return None
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return None
    return frozenset(p.name for p in parameters)


def user_task(messages: Iterable[dict[str, Any]]) -> str | None:
    """Find the first user text that is not blank, stripped, at most 500 characters."""
    for message in messages:
        if message.get("role") != "user":
            continue
        content = message.get("content")
        parts = content if isinstance(content, list) else [content]
        texts = (part.get("text") if isinstance(part, dict) else part for part in parts)
        text = " ".join(text for text in texts if isinstance(text, str)).strip()
        if text:
            return text[:500]
    return None


STATUSES = ("pending", "in_progress", "completed", "cancelled")
MAX_TEXT = 4_000
MAX_ITEMS = 256


class TodoStore:
    """A list of `{id, content, status}`, replaced or merged by the model."""

    def __init__(self) -> None:
        self._items: list[dict[str, str]] = []

    def __call__(self, arguments: dict[str, Any]) -> str:
        """Answer a `todo` call with JSON: the list and its summary, or a clear error with the list
        untouched.

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
    """Keep the last item of each id, in the place of the first, at most 256."""
    return list({item["id"]: item for item in items}.values())[:MAX_ITEMS]


def _truthy(value: Any) -> bool:
    return value.strip().lower() in ("true", "1", "yes") if isinstance(value, str) else bool(value)

"""Items of Responses and messages of Anthropic without a request around them, and OpenAI's pairs of
a preferred and another answer.

Sources: the references of OpenAI's Responses API and of Anthropic's Messages API; OpenAI's guide to
direct preference optimization.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from agentkit.dialects.native_request import request_dialect
from agentkit.errors import UsageError
from agentkit.files.foreign.entries import Losses
from agentkit.files.foreign.format import ForeignFormat, each_of, flat, numbered, rows_fit
from agentkit.files.foreign.input.file_set import FileSet
from agentkit.files.foreign.logs.chat_log import conversation, trajectory_of
from agentkit.files.foreign.logs.raw_answer import is_answer
from agentkit.types.trajectory import Trajectory

_ITEMS = frozenset(
    (
        *("function_call", "function_call_output", "reasoning", "custom_tool_call"),
        *("custom_tool_call_output", "web_search_call", "file_search_call", "computer_call"),
        *("computer_call_output", "code_interpreter_call", "image_generation_call", "mcp_call"),
        *("local_shell_call", "local_shell_call_output", "mcp_list_tools"),
    )
)
_PARTS = frozenset(("input_text", "output_text", "input_image", "input_file"))
_SIDES = {"preferred_output": "preferred", "non_preferred_output": "non_preferred"}


def _is_item(value: Any) -> bool:
    """Tell an item of Responses from a chat message by what only it has."""
    if not isinstance(value, Mapping):
        return False
    if "role" not in value:
        return isinstance(value.get("type"), str) and value["type"] in _ITEMS
    content = value.get("content")
    parts = content if isinstance(content, (list, tuple)) else ()
    return any(
        isinstance(part, Mapping) and isinstance(part.get("type"), str) and part["type"] in _PARTS
        for part in parts
    )


def _spoken(source: FileSet) -> list[Any]:
    """Give what was said; what is no object, or an empty one, says nothing."""
    return [row for row in flat(source) if isinstance(row, Mapping) and row]


def _are_items(source: FileSet) -> bool:
    rows = _spoken(source)
    spoken = all(
        isinstance(row, Mapping) and ("role" in row or isinstance(row.get("type"), str))
        for row in rows
    )
    return spoken and any(map(_is_item, rows)) and any("role" in row for row in rows)


def _read_items(source: FileSet) -> list[Trajectory]:
    return _one({"input": [dict(row) for row in _spoken(source)]}, "Responses items", source)


def _are_messages(source: FileSet) -> bool:
    rows = _spoken(source)
    if not rows or not all(isinstance(row, dict) and "role" in row for row in rows):
        return False
    if any(map(is_answer, rows)):
        return False
    return request_dialect({"messages": rows}) == "messages"


def _read_messages(source: FileSet) -> list[Trajectory]:
    return _one({"messages": _spoken(source)}, "Anthropic messages", source)


def _one(request: dict[str, Any], name: str, source: FileSet) -> list[Trajectory]:
    try:
        read = conversation(request, name)
    except UsageError as exc:
        source.bad.append(exc.message)
        return []
    if read is None:
        return []
    losses = Losses(name)
    losses.strays((row or None for row in flat(source)), "messages")
    return [replace(read, meta={"import": losses.report})]


def _is_pair(row: Mapping[str, Any]) -> bool:
    return isinstance(row.get("input"), Mapping) and any(key in row for key in _SIDES)


def _read_pairs(source: FileSet) -> list[Trajectory]:
    return [*each_of(source, numbered(flat(source)), _pair)]


def _pair(row: Mapping[str, Any]) -> list[Trajectory]:
    asked = row["input"]
    losses = Losses("OpenAI preferences")
    losses.beside(row, ("input", *_SIDES), "row")
    losses.beside(asked, ("messages", "tools", "parallel_tool_calls"), "row.input")
    found = []
    for key, label in _SIDES.items():
        given: Sequence[Any] = row.get(key) or ()
        said = [one for one in [*asked["messages"], *given] if one]
        for _ in range(len(asked["messages"]) + len(given) - len(said)):
            losses.note("messages[] in which nothing is")
        if given:
            meta = {"labels": label, "import": losses.report}
            found.append(trajectory_of(said, asked.get("tools"), meta))
    return found


RESPONSES_ITEMS = ForeignFormat("Responses items", _are_items, _read_items)
ANTHROPIC_MESSAGES = ForeignFormat("Anthropic messages", _are_messages, _read_messages)
PREFERENCES = ForeignFormat("OpenAI preferences", rows_fit(_is_pair), _read_pairs)

"""The output items by their types, as the newest `openai` package names them: which are calls that
wait for the client, which the server has done by itself.
"""

from __future__ import annotations

import json
from typing import Any

from agentkit.dialects.parts import CallPart

_ACTIONS = {
    "computer_call": ("action", "actions"),
    "shell_call": ("action",),
    "local_shell_call": ("action",),
    "apply_patch_call": ("operation",),
    "tool_search_call": ("arguments",),
}
"""Calls that have no name, and where they hold what is to be done."""
OUTPUTS = {
    "custom_tool_call": "custom_tool_call_output",
    "computer_call": "computer_call_output",
    "shell_call": "shell_call_output",
    "local_shell_call": "local_shell_call_output",
    "apply_patch_call": "apply_patch_call_output",
    "tool_search_call": "tool_search_output",
    "mcp_approval_request": "mcp_approval_response",
}
"""Calls whose result is another item than a `function_call_output`, and which."""
STEPS = frozenset(
    {
        *("web_search_call", "file_search_call", "code_interpreter_call", "image_generation_call"),
        *("mcp_call", "mcp_list_tools", "mcp_approval_response", "tool_search_output"),
        *("program", "program_output", "additional_tools", "compaction", "item_reference"),
        *("function_call_output", "custom_tool_call_output", "computer_call_output"),
        *("shell_call_output", "local_shell_call_output", "apply_patch_call_output"),
        *("tool_search_call", "compaction_trigger", "configuration_update"),
    }
)
"""Items that are neither text, reasoning nor calls of ours: shown and sent back as they are."""
PARTS = ("output_text", "refusal", "reasoning_text", "summary_text")
"""The parts that a message or a reasoning item may hold."""


def kind_of(item: dict[str, Any]) -> str:
    """Return the type of an item; "" where it has none."""
    kind = item.get("type")
    return kind if isinstance(kind, str) else ""


def is_call(item: dict[str, Any]) -> bool:
    """Tell whether an item is a call that waits for the client. A tool search is the client's where
    it says so, else the server's; a shell that runs in a container of the server is no call either.
    """
    kind = kind_of(item)
    if kind == "tool_search_call":
        return item.get("execution") == "client"
    if kind == "shell_call":
        place = item.get("environment")
        return not (isinstance(place, dict) and place.get("type") == "container_reference")
    return kind == "function_call" or kind in OUTPUTS


def call_name(item: dict[str, Any]) -> Any:
    """Name the tool that a call is for. A computer, a shell, a patch or a search of tools has no
    name of its own and takes its type's: `shell_call` is for a tool `shell`, if there is one.
    """
    kind = kind_of(item)
    return kind.removesuffix("_call") if kind in _ACTIONS else item.get("name")


def call_arguments(item: dict[str, Any]) -> Any:
    """Find what a call is called with: its text as sent, or what is to be done as the text of a
    JSON object. Several actions of a computer are `{"actions": [...]}`.
    """
    kind = kind_of(item)
    if kind == "custom_tool_call":
        return item.get("input")
    if kind not in _ACTIONS:
        return item.get("arguments")
    name = next((name for name in _ACTIONS[kind] if item.get(name) is not None), None)
    given = item.get(name) if name else None
    if given is None or isinstance(given, str):
        return given
    return json.dumps(given if isinstance(given, dict) else {name: given}, ensure_ascii=False)


def call_part(item: dict[str, Any], pointer: str) -> CallPart:
    """Read an item that is a call."""
    kind, item_id = item.get("type"), item.get("id")
    return CallPart(
        name=call_name(item),
        arguments=call_arguments(item),
        id=item_id if kind == "mcp_approval_request" else item.get("call_id"),
        item_id=item_id if isinstance(item_id, str) else None,
        custom=kind == "custom_tool_call",
        whole=item.get("status") not in ("incomplete", "in_progress"),
        origin=f"responses:{kind}",
        pointer=pointer,
    )


def with_arguments(
    item: dict[str, Any], text: str, arguments: dict[str, Any] | None
) -> dict[str, Any]:
    """Change what a call is called with; everything else of its item stays.

    Args:
        item: the item of the call.
        text: the arguments as text.
        arguments: the same as data, for items that hold no text.
    """
    kind = kind_of(item)
    if kind == "custom_tool_call":
        return {**item, "input": text}
    if kind not in _ACTIONS:
        return {**item, "arguments": text}
    names = _ACTIONS[kind]
    name = next((name for name in names if item.get(name) is not None), names[0])
    given = arguments or {}
    return {**item, name: given.get(name, given) if name == "actions" else given}


def dicts(value: Any) -> list[dict[str, Any]]:
    """List the objects of a list; none where it is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []

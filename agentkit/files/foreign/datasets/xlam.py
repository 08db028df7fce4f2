"""xLAM's function calling data: a question, the calls that answer it, the tools.

Source: the data card of Salesforce/xlam-function-calling-60k.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from agentkit.files.foreign.datasets.text_turns import kept_entry
from agentkit.files.foreign.entries import Losses, entry, imported
from agentkit.files.foreign.format import ForeignFormat, each_row, rows_fit
from agentkit.types.request import Spec
from agentkit.types.trajectory import Trajectory

_KNOWN = ("id", "query", "answers", "tools")
_TYPES = {
    "str": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "dict": "object",
    **dict.fromkeys(("list", "tuple", "set"), "array"),
}
"""JSON Schema's name of each Python type that the data set names."""
_WORD = re.compile(r"(?:optional\[)?\s*([a-z]+)")


def _fits(row: Mapping[str, Any]) -> bool:
    return "query" in row and "answers" in row and "tools" in row


def _read(row: Mapping[str, Any]) -> Trajectory:
    losses = Losses("xLAM")
    losses.beside(row, _KNOWN, "row")
    calls = [
        {
            "type": "function",
            "function": {"name": call["name"], "arguments": json.dumps(call.get("arguments", {}))},
        }
        for call in _decoded(row["answers"], "answers", losses)
    ]
    asked = entry({"role": "user", "content": row["query"]})
    message = {"role": "assistant", "content": None, "tool_calls": calls}
    answer = kept_entry(message, row["answers"])
    tools = tuple(
        {"type": "function", "function": _described(tool, losses)}
        for tool in _decoded(row["tools"], "tools", losses)
    )
    return imported([asked, answer], Spec(tools=tools), losses, {"sample": row.get("id")})


def _described(tool: dict[str, Any], losses: Losses) -> dict[str, Any]:
    """Write the parameters as JSON Schema, as servers take them, where they are the data set's own
    list of names with Python's types.
    """
    named = tool.get("parameters")
    if not isinstance(named, dict) or "properties" in named or named.get("type") == "object":
        return tool
    if not all(isinstance(one, dict) for one in named.values()):
        return tool
    fields = {name: _typed(one, losses) for name, one in named.items()}
    needed = [
        name
        for name, one in named.items()
        if "default" not in one and "optional" not in str(one.get("type", "")).lower()
    ]
    return {**tool, "parameters": {"type": "object", "properties": fields, "required": needed}}


def _typed(parameter: dict[str, Any], losses: Losses) -> dict[str, Any]:
    given = parameter.get("type")
    word = _WORD.match(given.lower()) if isinstance(given, str) else None
    known = _TYPES.get(word[1]) if word else None
    if known is None and given not in _TYPES.values():
        losses.note("types of parameters that JSON Schema does not know")
        return {key: value for key, value in parameter.items() if key != "type"}
    return {**parameter, "type": known or given}


def _decoded(value: Any, place: str, losses: Losses) -> list[dict[str, Any]]:
    """Read a list that the data set keeps as JSON text: the objects in it that have a name."""
    found = json.loads(value) if isinstance(value, str) else value
    if not isinstance(found, (list, tuple)):
        raise ValueError(f"its {place} are no list")
    named = [one for one in found if isinstance(one, dict) and isinstance(one.get("name"), str)]
    for _ in range(len(found) - len(named)):
        losses.note(f"{place}[] without a name")
    return named


XLAM = ForeignFormat("xLAM", rows_fit(_fits), each_row(_read))

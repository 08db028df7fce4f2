"""xLAM's function calling data: a question, the calls that answer it, the tools.

Source: the data card of Salesforce/xlam-function-calling-60k.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from agentkit.files.foreign.datasets.text_turns import kept_entry
from agentkit.files.foreign.entries import Losses, entry, imported
from agentkit.files.foreign.format import ForeignFormat, each_row, rows_fit
from agentkit.types.request import Spec
from agentkit.types.trajectory import Trajectory

_KNOWN = ("id", "query", "answers", "tools")


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
        {"type": "function", "function": tool} for tool in _decoded(row["tools"], "tools", losses)
    )
    return imported([asked, answer], Spec(tools=tools), losses, {"sample": row.get("id")})


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

"""Glaive's own rows: a whole conversation as one text, `USER:`, `ASSISTANT:`, `FUNCTION RESPONSE:`.

Source: the card of glaiveai/glaive-function-calling-v2. A call is `<functioncall>` and JSON, whose
arguments stand between single quotes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from agentkit.files.foreign.datasets.text_turns import decoded, kept_entry
from agentkit.files.foreign.entries import ChatEntry, Losses, entry, imported
from agentkit.files.foreign.format import ForeignFormat, each_row, rows_fit
from agentkit.types.request import Spec
from agentkit.types.trajectory import Trajectory

_TURN = re.compile(r"^(USER|ASSISTANT|FUNCTION RESPONSE):[ \t]*", re.MULTILINE)
_END = "<|endoftext|>"
_CALL = "<functioncall>"
_QUOTED = re.compile(r'^\{"name":\s*("[^"]*"),\s*"arguments":\s*\'(.*)\'\s*\}$', re.DOTALL)


def _fits(row: Mapping[str, Any]) -> bool:
    chat = row.get("chat")
    return isinstance(chat, str) and _TURN.search(chat) is not None


def _read(row: Mapping[str, Any]) -> Trajectory:
    losses = Losses("glaive chat")
    entries: list[ChatEntry] = []
    system = row.get("system")
    text = system.removeprefix("SYSTEM:").strip() if isinstance(system, str) else ""
    if text:
        entries.append(entry({"role": "system", "content": text}))
    parts = _TURN.split(row["chat"])
    if parts[0].strip():
        losses.note("chat: text before the first turn")
    for role, said in zip(parts[1::2], parts[2::2], strict=True):
        entries.append(_entry(role, said.strip().removesuffix(_END).strip(), losses))
    meta = {key: value for key, value in row.items() if key not in ("system", "chat")}
    return imported(entries, Spec(tools=tuple(_tools(text))), losses, meta)


def _entry(role: str, text: str, losses: Losses) -> ChatEntry:
    if role != "ASSISTANT":
        return entry({"role": "user" if role == "USER" else "tool", "content": text})
    before, found, call = text.partition(_CALL)
    if not found:
        return entry({"role": "assistant", "content": text})
    function = _function(call.removesuffix(_END).strip())
    if function is None:
        losses.note("chat: <functioncall> that is no call")
        return entry({"role": "assistant", "content": text})
    calls = [{"type": "function", "function": function}]
    said = before.strip() or None
    return kept_entry({"role": "assistant", "content": said, "tool_calls": calls}, text)


def _function(text: str) -> dict[str, str] | None:
    """Read the JSON of a call; its arguments are kept to the letter."""
    quoted = _QUOTED.match(text)
    if quoted is not None:
        return {"name": json.loads(quoted[1]), "arguments": quoted[2].replace("\\'", "'")}
    found = decoded(text)
    if not isinstance(found, dict) or not isinstance(found.get("name"), str):
        return None
    given = found.get("arguments", {})
    return {
        "name": found["name"],
        "arguments": given if isinstance(given, str) else json.dumps(given),
    }


def _tools(text: str) -> Iterator[dict[str, Any]]:
    """Read the functions that the system prompt lists, one JSON object after the other."""
    decoder, place = json.JSONDecoder(), text.find("{")
    while place >= 0:
        try:
            found, end = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            return
        if isinstance(found, dict) and isinstance(found.get("name"), str):
            yield {"type": "function", "function": found}
        place = text.find("{", end)


GLAIVE_CHAT = ForeignFormat("glaive chat", rows_fit(_fits), each_row(_read))

"""Alpaca's rows: an instruction, an input for it, and the output.

Source: LLaMA-Factory's data/README.md: the prompt is the instruction and, on a line of its own, the
input; `history` holds pairs of what was asked and answered before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentkit.files.foreign.entries import ChatEntry, Losses, entry, imported
from agentkit.files.foreign.format import ForeignFormat, each_row, rows_fit
from agentkit.types.request import Spec
from agentkit.types.trajectory import Trajectory
from agentkit.types.words import type_in_words

_KNOWN = ("instruction", "input", "output", "system", "history")


def _fits(row: Mapping[str, Any]) -> bool:
    return isinstance(row.get("instruction"), str) and isinstance(row.get("output"), str)


def _read(row: Mapping[str, Any]) -> Trajectory:
    entries: list[ChatEntry] = []
    if row.get("system"):
        entries.append(_message("system", row["system"]))
    for asked, answered in row.get("history") or ():
        entries += [_message("user", asked), _message("assistant", answered)]
    given = row.get("input")
    asked = "\n".join(filter(None, (row["instruction"], given if isinstance(given, str) else "")))
    entries += [_message("user", asked), _message("assistant", row["output"])]
    meta = {key: value for key, value in row.items() if key not in _KNOWN}
    return imported(entries, Spec(), Losses("Alpaca"), meta)


def _message(role: str, text: Any) -> ChatEntry:
    if not isinstance(text, str):
        raise TypeError(f"what the {role} says is {type_in_words(text)}, and no text")
    return entry({"role": role, "content": text})


ALPACA = ForeignFormat("Alpaca", rows_fit(_fits), each_row(_read))

"""Alpaca's rows: an instruction, an input for it, and the output; ms-swift's `query` and `response`
and Dolly's `context` are the same under other names.

Sources: LLaMA-Factory's data/README.md: the prompt is the instruction and, on a line of its own,
the input; `history` holds pairs of what was asked and answered before. Names of ms-swift:
docs/source_en/Customization/Custom-dataset.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from agentkit.files.foreign.entries import ChatEntry, Losses, entry, imported
from agentkit.files.foreign.format import ForeignFormat, each_row, rows_fit
from agentkit.types.request import Spec
from agentkit.types.trajectory import Trajectory
from agentkit.types.words import type_in_words

_ASKED, _GIVEN, _SAID = ("instruction", "query"), ("input", "context"), ("output", "response")
INSTRUCTED = (*_ASKED, *_GIVEN, "system", "history")
"""What of a row is its prompt."""


def _fits(row: Mapping[str, Any]) -> bool:
    return bool(is_instructed(row) and _named(row, _SAID))


def _named(row: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    """Find which of these names a row has a text under."""
    return next((name for name in names if isinstance(row.get(name), str)), None)


def is_instructed(row: Mapping[str, Any]) -> bool:
    """Tell whether a row holds an instruction."""
    return _named(row, _ASKED) is not None


def instruction_entries(row: Mapping[str, Any]) -> Iterator[ChatEntry]:
    """Read what is said before the answer of a row: system text, history, instruction, input.

    Raises:
        TypeError: something of it is no text.
    """
    if row.get("system"):
        yield _message("system", row["system"])
    for asked, answered in row.get("history") or ():
        yield _message("user", asked)
        yield _message("assistant", answered)
    given = _named(row, _GIVEN)
    texts = (row[_named(row, _ASKED) or "instruction"], row[given] if given else "")
    yield _message("user", "\n".join(filter(None, texts)))


def _read(row: Mapping[str, Any]) -> Trajectory:
    said = _named(row, _SAID) or "output"
    entries = [*instruction_entries(row), _message("assistant", row[said])]
    meta = {key: value for key, value in row.items() if key not in (*INSTRUCTED, said)}
    return imported(entries, Spec(), Losses("Alpaca"), meta)


def _message(role: str, text: Any) -> ChatEntry:
    if not isinstance(text, str):
        raise TypeError(f"what the {role} says is {type_in_words(text)}, and no text")
    return entry({"role": role, "content": text})


ALPACA = ForeignFormat("Alpaca", rows_fit(_fits), each_row(_read))

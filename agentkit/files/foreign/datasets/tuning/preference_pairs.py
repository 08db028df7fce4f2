"""Pairs of a chosen and a rejected answer, each a rollout: TRL's, with the prompt beside them or in
both; LLaMA-Factory's, whose prompt is Alpaca's or ShareGPT's; ms-swift's, whose chosen answer is
that of `messages`; the dialogues of hh-rlhf.

Sources: docs/source/dataset_formats.md of huggingface/trl; data/README.md of hiyouga/LLaMA-Factory;
docs/source_en/Customization/Custom-dataset.md of modelscope/ms-swift; the card of hh-rlhf.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from agentkit.files.foreign.datasets.share_gpt import spoken_turns
from agentkit.files.foreign.datasets.tuning.alpaca import (
    INSTRUCTED,
    instruction_entries,
    is_instructed,
)
from agentkit.files.foreign.datasets.tuning.prompted import spec_of, spoken_in
from agentkit.files.foreign.entries import ChatEntry, Losses, entry, imported
from agentkit.files.foreign.format import ForeignFormat, each_of, flat, numbered, row_in, rows_fit
from agentkit.files.foreign.input.file_set import FileSet
from agentkit.types.trajectory import Trajectory

_SIDES = ("chosen", "rejected")
_SWIFT = ("rejected_response", "rejected_messages")
_ASKED = ("prompt", "question", "conversations", "conversation", "messages")
_KNOWN = (*_SIDES, *_SWIFT, *_ASKED, *INSTRUCTED, "tools")
_OWN = ("{}_model", "{}-model", "model_{}"), ("score_{}", "{}_score", "{}-score", "reward_{}")
"""How a row names the model and the score of one side."""
_SPEAKER = re.compile(r"(?:\A|\n\n)\s*(Human|Assistant):\s?")


def _fits(row: Mapping[str, Any]) -> bool:
    if all(isinstance(row.get(side), (str, Mapping, list, tuple)) for side in _SIDES):
        return bool(row["chosen"] or row["rejected"])
    return isinstance(row.get("messages"), (list, tuple)) and any(map(row.get, _SWIFT))


def _read(source: FileSet) -> Iterator[Trajectory]:
    return each_of(source, numbered(flat(source)), lambda row: _pair(row_in(row)))


def _pair(row: Mapping[str, Any]) -> list[Trajectory]:
    return [_side(row, side) for side in _SIDES]


def _side(row: Mapping[str, Any], side: str) -> Trajectory:
    losses = Losses("pairs of answers")
    entries = list(_entries(row, side, losses))
    model, score = (
        next((row[key] for key in (name.format(side) for name in names) if key in row), None)
        for names in _OWN
    )
    taken = {name.format(one) for names in _OWN for name in names for one in _SIDES}
    meta = {key: value for key, value in row.items() if key not in (*_KNOWN, *taken)}
    scored = {} if score is None else {"reward": score}
    spec = spec_of(row, entries, model)
    return imported(entries, spec, losses, {**meta, **scored, "labels": side})


def _entries(row: Mapping[str, Any], side: str, losses: Losses) -> list[ChatEntry]:
    """Read the conversation of one side, whose answer may come with its prompt or without."""
    if side in row:
        said = _spoken(row[side], losses)
    elif side == "chosen":
        return _spoken(row["messages"], losses)
    else:
        said = _spoken(row.get("rejected_messages") or row.get("rejected_response"), losses)
    if said and not said[0].is_answer:
        return said
    asked = _asked(row, losses)
    if side not in row:  # the messages end with the chosen answer
        last = max((n for n, one in enumerate(asked) if not one.is_answer), default=-1)
        asked = asked[: last + 1]
    return [*asked, *said]


def _spoken(value: Any, losses: Losses) -> list[ChatEntry]:
    if isinstance(value, str) and _SPEAKER.match(value):
        _, *parts = _SPEAKER.split(value)
        roles = ("user" if one == "Human" else "assistant" for one in parts[::2])
        said = (text.strip() for text in parts[1::2])
        return [
            entry({"role": role, "content": one}) for role, one in zip(roles, said, strict=True)
        ]
    listed = [value] if isinstance(value, Mapping) else value
    turns = [one for one in listed if isinstance(one, Mapping)] if listed else []
    if turns and all("from" in one and "role" not in one for one in turns):
        losses.strays(listed, "conversations")
        return list(spoken_turns(turns, losses))
    return spoken_in(value, "assistant", losses)


def _asked(row: Mapping[str, Any], losses: Losses) -> list[ChatEntry]:
    """Read the prompt of a pair, from wherever a row has it."""
    key = next((key for key in _ASKED if row.get(key)), None)
    if key is None:
        if not is_instructed(row):
            raise ValueError("its answers have no prompt")
        return list(instruction_entries(row))
    value = row[key]
    entries = spoken_in(value, "user", losses) if isinstance(value, str) else _spoken(value, losses)
    system = row.get("system")
    if isinstance(system, str) and system and entries[0].message.role != "system":
        return [entry({"role": "system", "content": system}), *entries]
    return entries


PAIRS = ForeignFormat("pairs of answers", rows_fit(_fits), _read)

"""Runs of tau-bench: `{"task_id", "reward", "info", "traj", "trial"}` a rollout, and its few-shot
texts.

Source: sierra-research/tau-bench, `EnvRunResult` of tau_bench/types.py and few_shot_data.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from agentkit.files.foreign.entries import ChatEntry, Losses, entry, imported
from agentkit.files.foreign.evals.fields import (
    given,
    messages_in,
    object_in,
    text_in,
    without_nulls,
)
from agentkit.files.foreign.format import ForeignFormat, each_row, rows_fit
from agentkit.types.request import Spec
from agentkit.types.trajectory import Trajectory

_KNOWN = ("task_id", "reward", "info", "traj", "trial")
_SPEAKER = re.compile(r"^(system|user|assistant|tool): ", re.MULTILINE)


def _is_run(row: Mapping[str, Any]) -> bool:
    return isinstance(row.get("traj"), list) and "reward" in row


def _run(row: Mapping[str, Any]) -> Trajectory:
    losses = Losses("tau-bench")
    losses.beside(row, _KNOWN, "row")
    messages = messages_in(row["traj"], losses, "traj")
    info = object_in(row.get("info"))
    meta = given(
        task=row.get("task_id"),
        sample=row.get("trial"),
        reward=row.get("reward"),
        error=info.get("error"),
        traceback=info.get("traceback"),
        labels=without_nulls(info, "error", "traceback"),
    )
    entries = [entry(message) for message in messages]
    return imported(entries, Spec(), losses, meta, "error" if "error" in meta else None)


def _is_display(row: Mapping[str, Any]) -> bool:
    return isinstance(row.get("messages_display"), str)


def _display(row: Mapping[str, Any]) -> Trajectory:
    """Read the text of a conversation. Its calls are not in it: an answer that was one reads
    `None`.
    """
    losses = Losses("tau-bench few-shot")
    losses.beside(row, ("messages_display",), "row")
    text = row["messages_display"]
    found = list(_SPEAKER.finditer(text))
    if not found:
        raise ValueError("no line begins with a speaker")
    if text[: found[0].start()].strip():
        losses.note("messages_display: text before the first speaker")
    entries: list[ChatEntry] = []
    for place, speaker in enumerate(found):
        end = found[place + 1].start() if place + 1 < len(found) else len(text)
        said = text[speaker.end() : end].removesuffix("\n")
        role = speaker.group(1)
        if role == "assistant" and said == "None":
            losses.note("messages_display: a call")
            said = ""
        entries.append(entry({"role": role, "content": text_in(said)}))
    return imported(entries, Spec(), losses)


TAU_BENCH = ForeignFormat("tau-bench", rows_fit(_is_run), each_row(_run))
TAU_FEW_SHOT = ForeignFormat("tau-bench few-shot", rows_fit(_is_display), each_row(_display))

"""Trajectories and groups of ART: messages and raw choices in one list, reward and metrics beside.

Source: `trajectory_group_to_dict` in src/art/utils/trajectory_logging.py and `Trajectory` in
src/art/trajectories.py of OpenPipe/ART; rows of its Parquet files (`messages`, `group_index`) are
chat rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from agentkit.files.foreign.datasets.text_turns import decoded, wrapped_tools
from agentkit.files.foreign.entries import ChatEntry, Losses, answered, entry, imported
from agentkit.files.foreign.format import (
    ForeignFormat,
    each_row,
    first_object,
    flat,
    rows_fit,
)
from agentkit.files.foreign.input.file_set import FileSet
from agentkit.types.request import Spec
from agentkit.types.trajectory import Trajectory

_SAID = "messages_and_choices"
_KNOWN = (_SAID, "tools", "reward", "metrics", "metadata", "additional_histories", "logs")


def _fits(row: Mapping[str, Any]) -> bool:
    if isinstance(row.get(_SAID), (list, tuple)):
        return True
    return _SAID in first_object(row.get("trajectories"))


def _read(source: FileSet) -> Iterable[Trajectory]:
    rows: list[Any] = []
    for group, row in enumerate(flat(source)):
        inside = row.get("trajectories") if isinstance(row, Mapping) else None
        if isinstance(inside, (list, tuple)):
            rows += [
                {**one, "group": group, "sample": sample} if isinstance(one, Mapping) else one
                for sample, one in enumerate(inside)
            ]
        else:
            rows.append(row)
    return each_row(_rollout)(FileSet(name=source.name, given=rows, bad=source.bad))


def _rollout(row: Mapping[str, Any]) -> Trajectory:
    losses = Losses("ART")
    if row.get("additional_histories"):
        losses.note("additional_histories")
    meta = {key: value for key, value in row.items() if key not in _KNOWN}
    for key in ("reward", "metrics", "metadata", "logs"):
        if row.get(key) not in (None, {}, []):
            meta[key] = row[key]
    said = row[_SAID]
    if not isinstance(said, (list, tuple)):
        raise ValueError(f"its {_SAID} is no list")
    entries = [_entry(one) for one in said if isinstance(one, Mapping)]
    losses.strays(said, _SAID)
    told = row.get("metadata")
    model = told.get("model") if isinstance(told, Mapping) else None
    spec = Spec(
        model=model if isinstance(model, str) else None,
        tools=wrapped_tools(decoded(row.get("tools")) or []),
    )
    return imported(entries, spec, losses, meta)


def _entry(item: Mapping[str, Any]) -> ChatEntry:
    """Read one of the list: a message, or a choice as the server sent it."""
    message = item.get("message")
    if not isinstance(message, Mapping):
        return entry(item)
    choice = {key: value for key, value in item.items() if key not in ("message", "index")}
    return entry(dict(message), answered(message, source=dict(item), choice=choice))


ART = ForeignFormat("ART", rows_fit(_fits), _read)

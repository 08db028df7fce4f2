"""Logs of Inspect: `.eval`, an archive with a member a sample, or several where a sample is large,
and `.json`. An archive is read sample by sample.

Source: inspect_ai, log/_recorders/eval.py, json.py and chunked/format.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from agentkit.files.foreign.evals.fields import object_in
from agentkit.files.foreign.evals.inspect_log.inspect_sample import rollout_of_sample
from agentkit.files.foreign.format import ForeignFormat, costs_itself, row_in
from agentkit.files.foreign.input.file_set import FileSet
from agentkit.types.trajectory import Trajectory

_HEADS = ("header.json", "_journal/start.json")
"""Where a log says what it is of: at its end, and at its start."""
_SHELL = "/sample.json"
"""The member of a sample that lies in several."""


def _is_archive(source: FileSet) -> bool:
    return source.given is None and any(name in source.members for name in _HEADS)


def _is_log(value: Any) -> bool:
    if not isinstance(value, Mapping) or not isinstance(value.get("eval"), Mapping):
        return False
    return "samples" in value or ("status" in value and "version" in value)


def _fits(source: FileSet) -> bool:
    return _is_archive(source) or _is_log(source.first)


def _read(source: FileSet) -> Iterator[Trajectory]:
    samples = _archived(source) if _is_archive(source) else _listed(source)
    for name, log, sample in samples:
        with costs_itself(source.bad, name):
            yield rollout_of_sample(sample(), log)


Samples = Iterator[tuple[str, Mapping[str, Any], Callable[[], Mapping[str, Any]]]]


def _listed(source: FileSet) -> Samples:
    for value in source.values:
        log = object_in(value)
        samples = log.get("samples")
        if not isinstance(samples, list):
            source.bad.append("it holds no samples")
            continue
        for place, sample in enumerate(samples):
            yield f"sample {place}", log, partial(_whole, sample)


def _archived(source: FileSet) -> Samples:
    log: Mapping[str, Any] = {}
    for head in _HEADS:
        if head in source.members and not log:
            with costs_itself(source.bad, head):  # its samples may be whole all the same
                log = object_in(source.member(head))
    for name in source.members:
        folder, _, rest = name.partition("/")
        if folder != "samples" or not rest.endswith(".json"):
            continue
        if rest.endswith(_SHELL):
            yield name, log, partial(_joined, source, name.removesuffix(_SHELL))
        elif "/" not in rest:
            yield name, log, partial(_member, source, name)


def _whole(sample: Any) -> Mapping[str, Any]:
    return row_in(sample)


def _member(source: FileSet, name: str) -> Mapping[str, Any]:
    return _whole(source.member(name))


def _joined(source: FileSet, prefix: str) -> Mapping[str, Any]:
    """Join a sample that lies in several members: its shell, and sequences in pieces."""
    sample = dict(_whole(source.member(f"{prefix}{_SHELL}")))
    pieces: dict[str, list[tuple[int, str]]] = {}
    for name in source.members:
        if name.startswith(f"{prefix}/"):
            sequence, _, start = name.removeprefix(f"{prefix}/").partition("/")
            number = start.removesuffix(".json")
            if number.isdecimal() and len(number) < 12:
                pieces.setdefault(sequence, []).append((int(number), name))
    read = {
        sequence: [one for _, name in sorted(named) for one in source.member(name)]
        for sequence, named in pieces.items()
    }
    if f"{prefix}/metadata.json" in source.members:
        sample["metadata"] = source.member(f"{prefix}/metadata.json")
    sample["events"] = read.get("events", [])
    sample["attachments"] = read.get("attachments", [])
    sample["events_data"] = {"messages": read.get("messages", [])}
    return sample


INSPECT = ForeignFormat("Inspect", _fits, _read)

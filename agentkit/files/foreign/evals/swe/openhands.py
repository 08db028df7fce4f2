"""Trajectories of OpenHands: a list of events, or rows that hold one (`history`), of an evaluation
or of the resolver of issues (`output.jsonl`); of its first generation (`action` and `observation`)
and of its agent SDK (`kind`).

Source: All-Hands-AI/OpenHands, openhands/events/ and openhands/resolver/resolver_output.py;
OpenHands/software-agent-sdk, openhands-sdk/openhands/sdk/event/.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agentkit.files.foreign.entries import Losses, imported
from agentkit.files.foreign.evals.fields import (
    first_given,
    given,
    list_in,
    object_in,
    objects_in,
    text_in,
    without_nulls,
)
from agentkit.files.foreign.evals.swe.openhands_events import EventReading
from agentkit.files.foreign.evals.swe.openhands_sdk import SdkReading, is_sdk_event
from agentkit.files.foreign.format import ForeignFormat, each_entry, flat
from agentkit.files.foreign.input.file_set import FileSet
from agentkit.types.request import Spec
from agentkit.types.trajectory import Trajectory

_FIRST = 9
"""How many entries are looked at for an event."""
_ROW = (
    *("instance_id", "instruction", "history", "metadata", "test_result", "error", "metrics"),
    *("instance", "attempt", "git_patch", "issue", "issue_type", "base_commit", "success"),
    *("comment_success", "result_explanation", "success_explanation"),
)


def _is_event(value: Any) -> bool:
    if not isinstance(value, Mapping):
        return False
    ours = "source" in value and ("args" in value or "extras" in value)
    return (ours and ("action" in value or "observation" in value)) or is_sdk_event(value)


def _is_row(value: Any) -> bool:
    history = list_in(object_in(value).get("history"))[:_FIRST]
    return any(
        map(_is_event, (one[0] if one and isinstance(one, list) else one for one in history))
    )


def _fits(source: FileSet) -> bool:
    rows = flat(source)
    return any(_is_event(row) or _is_row(row) for row in [*rows][:1])


def _read(source: FileSet) -> Iterator[Trajectory]:
    rows = [*flat(source)]
    runs: Sequence[Any] = [{"history": rows}] if any(map(_is_event, rows[:_FIRST])) else rows
    return each_entry(source, runs, _rollout)


def _rollout(run: Mapping[str, Any]) -> Trajectory:
    losses = Losses("OpenHands")
    losses.beside(run, _ROW, "row")
    events: list[Any] = []
    for one in list_in(run.get("history")):
        events += one if isinstance(one, list) else [one]  # pairs of both, in 2024
    found = objects_in(events)
    if not found:
        raise ValueError("it holds no events")
    for _ in range(len(events) - len(found)):
        losses.note("history[] that is no event")
    sdk = any(map(is_sdk_event, found))
    reading: SdkReading | EventReading = SdkReading(losses) if sdk else EventReading(losses)
    entries = reading.entries(found)
    tested = object_in(run.get("test_result"))
    config = object_in(object_in(run.get("metadata")).get("llm_config"))
    meta = given(
        task=first_given(run.get("instance_id"), _issue(object_in(run.get("issue")))),
        error=run.get("error"),
        labels={**without_nulls(object_in(tested.get("report"))), **_resolved(run)},
        submission=first_given(tested.get("git_patch"), run.get("git_patch")),
        cost=object_in(run.get("metrics")).get("accumulated_cost"),
    )
    model = text_in(config.get("model")) or reading.model
    spec = Spec(model=model or None, tools=reading.tools)
    return imported(entries, spec, losses, meta, "error" if run.get("error") else reading.ended)


def _issue(issue: Mapping[str, Any]) -> str | None:
    """Name the issue that a row of the resolver is of."""
    if issue.get("number") is None:
        return None
    place = "/".join(filter(None, (text_in(issue.get("owner")), text_in(issue.get("repo")))))
    return f"{place}#{issue['number']}"


def _resolved(run: Mapping[str, Any]) -> dict[str, Any]:
    """Read how the resolver judged its own run."""
    told = first_given(run.get("result_explanation"), run.get("success_explanation"))
    comments = run.get("comment_success")
    return given(success=run.get("success"), comment_success=comments, explanation=told)


OPENHANDS = ForeignFormat("OpenHands", _fits, _read)

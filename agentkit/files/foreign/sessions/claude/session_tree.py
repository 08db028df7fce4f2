"""The tree of a session: lines grouped to what the API was sent and gave, and the paths in it.

An answer is split over lines that have its message's id, and the results of its calls over others,
each behind the call that it is of; neither is a fork. A line without the one before it begins a
tree of its own, but for the summary behind a compaction.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from agentkit.files.foreign.entries import Losses
from agentkit.files.foreign.sessions.claude.session_lines import (
    SPEAKERS,
    SessionLines,
    tool_results,
)
from agentkit.files.foreign.traces.loose import mapping, text

Kind = Literal["asked", "answer", "results", "failed"]

_AS_OFTEN, _ALWAYS = 20, 10_000
"""How often all that was said may stand in paths, and how much always may; beyond, the paths that
are left are counted.
"""


@dataclass(slots=True, eq=False)
class LineGroup:
    """Lines that are one message of the API."""

    kind: Kind
    thread: str
    """Of the session "", or the id of the sub-agent whose it is."""
    lines: list[dict[str, Any]] = field(default_factory=list)
    before: LineGroup | None = field(default=None, repr=False)
    after: list[LineGroup] = field(default_factory=list, repr=False)
    cut: bool = False
    """Whether the model sees nothing of what was before."""
    place: int = 0
    """Of its first line."""
    last: int = 0
    """Of its last line."""


class _SessionTree:
    def __init__(self, lines: SessionLines) -> None:
        self.losses: Losses = lines.losses
        self.groups: list[LineGroup] = []
        self._rows = {row["uuid"]: row for row in lines.listed if text(row.get("uuid"))}
        self._of: dict[str, LineGroup] = {}
        self._answers: dict[Any, LineGroup] = {}
        self._results: dict[int, LineGroup] = {}
        self._latest: dict[tuple[str, str], LineGroup] = {}
        self._linked = any(text(row.get("parentUuid")) in self._rows for row in lines.listed)

    def add(self, row: dict[str, Any], place: int) -> None:
        """Put a message's line into its group, behind the one before it."""
        session, thread = str(row.get("sessionId") or ""), _thread(row)
        before, cut = self._before(row, session, thread)
        group = self._group(row, before, thread)
        if not group.lines:
            group.place, group.cut = place, cut or row.get("isCompactSummary") is True
            self._place(group, before)
            self.groups.append(group)
        group.lines.append(row)
        group.last = place
        self._of[row["uuid"]] = group
        self._latest[session, thread] = group

    def _before(
        self, row: dict[str, Any], session: str, thread: str
    ) -> tuple[LineGroup | None, bool]:
        """Find the group of the message before a line, and whether a compaction lies between."""
        latest, cut, seen = self._latest.get((session, thread)), False, set[str]()
        if not self._linked:
            return latest, False
        now: dict[str, Any] = row
        while True:
            name = text(now.get("parentUuid"))
            if now.get("subtype") == "compact_boundary" and name is None:
                cut, name = True, text(now.get("logicalParentUuid"))
                if name is None or (name not in self._of and name not in self._rows):
                    return latest, True
            if name is None:
                return None, cut
            if name in self._of:
                return self._of[name], cut
            if name in seen or name not in self._rows:
                self.losses.note("parentUuid of no line")
                return latest, cut
            seen.add(name)
            now = self._rows[name]

    def _group(self, row: dict[str, Any], before: LineGroup | None, thread: str) -> LineGroup:
        if row.get("isApiErrorMessage") is True:
            return LineGroup("failed", thread)
        if row["type"] == "assistant":
            name = text(mapping(row["message"]).get("id"))
            if name is None:
                return LineGroup("answer", thread)
            return self._answers.setdefault((name, thread), LineGroup("answer", thread))
        if not any(tool_results(row)):
            return LineGroup("asked", thread)
        if before is not None and before.kind == "results":
            return before
        if before is None or before.kind != "answer":
            return LineGroup("results", thread)
        return self._results.setdefault(id(before), LineGroup("results", thread))

    def _place(self, group: LineGroup, before: LineGroup | None) -> None:
        if group.kind != "results" and before is not None and before.kind == "answer":
            before = self._results.get(id(before), before)  # behind the results of all its calls
        group.before = before
        if before is not None:
            before.after.append(group)


def _thread(row: dict[str, Any]) -> str:
    if row.get("isSidechain") is not True and "agentId" not in row:
        return ""
    return str(row.get("agentId") or "sidechain")


def groups_of(lines: SessionLines) -> list[LineGroup]:
    """LineGroup the messages of a session's lines, in their order."""
    tree = _SessionTree(lines)
    for place, row in enumerate(lines.listed):
        if row.get("type") in SPEAKERS and isinstance(row.get("message"), dict):
            tree.add(row, place)
    return tree.groups


def paths_of(groups: Iterable[LineGroup], losses: Losses) -> list[list[LineGroup]]:
    """Give the paths from a beginning to an end, in the order of their ends.

    An end without an answer of its own is left out where there is another, and so is a failed
    request.
    """
    listed = list(groups)
    ends = [group for group in listed if not _following(group)]
    found: list[list[LineGroup]] = []
    left = max(_AS_OFTEN * len(listed), _ALWAYS)
    for end in sorted(ends, key=lambda group: group.last):
        if left < 0:
            losses.note("branches beyond what is sensible")
            continue
        path, now = [end], end.before
        while now is not None:
            path.append(now)
            now = now.before
        found.append(path[::-1])
        left -= len(path)
    whole = [path for path in found if _is_own(path)]
    for _ in range(len(found) - len(whole)):
        losses.note("branches without an answer")
    return whole or found


def _following(group: LineGroup) -> list[LineGroup]:
    return [after for after in group.after if after is not group]


def _is_own(path: list[LineGroup]) -> bool:
    """Tell whether a path holds an answer behind the last place at which others leave it."""
    for group in reversed(path):
        if group.kind == "answer":
            return True
        before = group.before
        if before is not None and len(before.after) > 1:
            later = any(_answers(other) for other in before.after if other is not group)
            if later or before.after[-1] is not group:
                return False
    return False


def _answers(group: LineGroup) -> bool:
    """Tell whether an answer comes behind a group."""
    waiting = [group]
    while waiting:
        now = waiting.pop()
        if now.kind == "answer":
            return True
        waiting += now.after
    return False

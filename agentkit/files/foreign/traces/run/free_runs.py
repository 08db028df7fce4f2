"""Runs of tools that are the result of no call yet, found by the id of a call or by its name."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

from agentkit.files.foreign.traces.run.recorded_runs import ToolRun


class FreeRuns:
    """Runs in the order in which they began; what is taken is free no more."""

    def __init__(self, runs: Iterable[ToolRun]) -> None:
        self.by_id: dict[str, deque[ToolRun]] = {}
        self.by_name: dict[str | None, deque[ToolRun]] = {}
        for run in sorted(runs, key=lambda run: run.started or 0.0):
            if run.call_id:
                self.by_id.setdefault(run.call_id, deque()).append(run)
            else:
                self.by_name.setdefault(run.name, deque()).append(run)

    def __len__(self) -> int:
        """Count those that are left."""
        return sum(map(len, (*self.by_id.values(), *self.by_name.values())))

    def take(self, ids: Sequence[Any], names: Sequence[Any], after: float | None) -> ToolRun | None:
        """Take the run of a call: by its id, else the first of its name that has none.

        Args:
            ids: the ids of the call.
            names: the names of its tool.
            after: when the call was made; runs that began before it are not its own.
        """
        texts = [one for one in ids if isinstance(one, str)]
        waiting = [queue for one in texts if (queue := self.by_id.get(one))]
        if waiting:
            return min(waiting, key=_begun).popleft()
        found: list[tuple[ToolRun, deque[ToolRun]]] = []
        named = [self.by_name.get(name) for name in names if name is None or isinstance(name, str)]
        for queue in filter(None, named):
            later = (r for r in queue if after is None or r.started is None or r.started >= after)
            found += [(run, queue) for run in [next(later, None)] if run is not None]
        if not found:
            return None
        run, queue = min(found, key=lambda each: each[0].started or 0.0)
        queue.remove(run)
        return run


def _begun(queue: deque[ToolRun]) -> float:
    return queue[0].started or 0.0

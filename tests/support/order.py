"""The order in which files of tests are handed out where several processes run them.

The longest come first, so that no process is left alone with one at the end; and those that wait
for a browser or a kernel are spread among those that keep a processor busy.
"""

from __future__ import annotations

from collections.abc import Iterable

import pytest

_SECONDS = {"browser": 3.0, "notebook": 0.5, "slow": 0.3}
"""About what one test of a kind takes; what has no mark takes less than a moment."""
_JUPYTER, _MOMENT = 10.0, 0.02
"""What one takes that opens a notebook in JupyterLab, and one without a mark."""
Group = list[pytest.Item]


def spread(items: Iterable[pytest.Item]) -> list[pytest.Item]:
    """Order the files, and leave the tests of each as they are."""
    groups: dict[str, Group] = {}
    for item in items:
        groups.setdefault(item.nodeid.rsplit("::", 1)[0], []).append(item)
    waiting = [group for group in groups.values() if _waits(group[0])]
    working = [group for group in groups.values() if not _waits(group[0])]
    placed = [*_placed(waiting), *_placed(working)]
    placed.sort(key=lambda place: place[0])
    return [item for _, group in placed for item in group]


def _waits(item: pytest.Item) -> bool:
    return any(item.get_closest_marker(name) for name in ("browser", "notebook"))


def _placed(groups: list[Group]) -> list[tuple[float, Group]]:
    """Put the longest first, each where its like before it come to, as a part of them all."""
    groups = sorted(groups, key=_length, reverse=True)
    whole, before = sum(map(_length, groups)), 0.0
    placed = []
    for group in groups:
        placed.append((before / whole, group))
        before += _length(group)
    return placed


def _length(group: Group) -> float:
    return sum(map(_seconds, group))


def _seconds(item: pytest.Item) -> float:
    if "shared" in getattr(item, "fixturenames", ()):
        return _JUPYTER
    taken = (seconds for name, seconds in _SECONDS.items() if item.get_closest_marker(name))
    return max(taken, default=_MOMENT)

"""The breakpoints of a debugger that stay from run to run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, overload

from agentkit.agent.hermes.dispatch import names_of
from agentkit.errors import NotFound, UsageError
from agentkit.trajectory.breakpoints import Breakpoint, break_on, breakpoint_of
from agentkit.types.record import Drawn


class Breakpoints(Drawn, Sequence[Breakpoint]):
    """A list of breakpoints. What approval is asked for stands before them and stays."""

    def __init__(self, approve: Iterable[str] = ()) -> None:
        names = self.approve = tuple(approve)
        """Names of the tools that wait to be approved."""
        self._asked = (Breakpoint(rules=break_on.tool(*names).rules, firm=True),) if names else ()
        self._points: list[Breakpoint] = []
        self.changed: Callable[[], None] = lambda: None
        """Called when one comes or goes."""

    @property
    def all(self) -> tuple[Breakpoint, ...]:
        """Every breakpoint a run looks at, approval first."""
        return (*self._asked, *self._points)

    def until(self, points: tuple[Breakpoint, ...]) -> Collection[Breakpoint]:
        """These and further ones for one run; what is added or removed meanwhile counts at once."""
        return _Until(self, points)

    def add(self, point: Any) -> Breakpoint:
        """The breakpoint, which is now one of these: a breakpoint, or a function of a moment.

        Raises:
            UsageError: it is neither.
        """
        made = breakpoint_of(point)
        self._points = [*self._points, made]
        self.changed()
        return made

    append = add

    def remove(self, point: Any) -> None:
        """Takes away a breakpoint, given as itself, as one that says the same, or by its place.

        Raises:
            NotFound: it is not here.
        """
        points = self._points
        index = (
            point
            if isinstance(point, int)
            else next((i for i, p in enumerate(points) if p is point), None)
        )
        if index is None and not isinstance(point, int):
            wanted = breakpoint_of(point)
            index = next((i for i, p in enumerate(points) if p == wanted), None)
        if index is None or not -len(points) <= index < len(points):
            raise NotFound(f"there is no breakpoint {point!r}", hint=f"there are {len(points)}")
        kept = list(points)
        del kept[index]
        self._points = kept
        self.changed()

    def clear(self) -> None:
        """Takes all away."""
        self._points = []
        self.changed()

    def __len__(self) -> int:
        return len(self._points)

    def __iter__(self) -> Iterator[Breakpoint]:
        return iter(self._points)

    @overload
    def __getitem__(self, index: int) -> Breakpoint: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Breakpoint]: ...
    def __getitem__(self, index: int | slice) -> Breakpoint | Sequence[Breakpoint]:
        return self._points[index]

    def lines(self) -> list[str]:
        """A line for each, what asks for approval first."""
        asked = [f"approval: before a call of {' or '.join(self.approve)}"] if self.approve else []
        return [*asked, *(f"{i}: {point.summary()}" for i, point in enumerate(self._points))]

    def __repr__(self) -> str:
        return f"<Breakpoints {'; '.join(self.lines()) or 'none'}>"


def names_to_approve(approve: Iterable[str], tools: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    """The names of the tools that wait to be approved.

    Raises:
        UsageError: no tool has this name; it would never be asked about.
    """
    names = (approve,) if isinstance(approve, str) else tuple(approve)
    known = names_of(tools)
    for name in names:
        if name not in known:
            hint = f"the agent has: {', '.join(sorted(known)) or 'none'}"
            raise UsageError(
                f"no tool is named {name!r}, so it cannot wait to be approved", hint=hint
            )
    return names


class _Until(Collection[Breakpoint]):
    def __init__(self, standing: Breakpoints, further: tuple[Breakpoint, ...]) -> None:
        self._standing, self._further = standing, further

    def __len__(self) -> int:
        return len(self._standing.all) + len(self._further)

    def __iter__(self) -> Iterator[Breakpoint]:
        yield from self._standing.all
        yield from self._further

    def __contains__(self, point: object) -> bool:
        return any(point == other for other in self)

"""The breakpoints of a debugger that stay from run to run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, overload

from agentkit.agent.hermes.dispatch import names_of
from agentkit.debugger.break_on import break_on
from agentkit.dialects.chat.request_fields import ELSEWHERE, FIELDS
from agentkit.errors import NotFound, UsageError, checked_keywords, nearest, suggest
from agentkit.read.calls.known_tools import KnownTools
from agentkit.trajectory.breakpoints import Breakpoint, Rule, breakpoint_of, breakpoints_of
from agentkit.types.record import Drawn
from agentkit.types.sequences.place import at_place
from agentkit.types.words import type_in_words


class KnownNames(NamedTuple):
    """Names that a breakpoint can ask for."""

    tools: Mapping[str, Collection[str] | None] = {}
    """The tools there are, with the names of their arguments where they are known."""
    fields: Collection[str] = ()
    """Fields that requests have, beside those that any server knows."""
    models: Collection[str] = ()
    """The models that were asked; empty where any may be."""


@checked_keywords
class Breakpoints(Drawn, Sequence[Breakpoint]):
    """A list of breakpoints. Those that ask for approval come first and stay."""

    def __init__(
        self,
        approve: Iterable[str] = (),
        known: Callable[[], KnownNames] | None = None,
    ) -> None:
        """List what is to be approved.

        Args:
            approve: names of the tools that wait to be approved.
            known: gives the names that a breakpoint can ask for; nothing is checked without it.
        """
        names = self.approve = tuple(approve)
        """Names of the tools that wait to be approved."""
        asked = Breakpoint(rules=break_on.tool(*names).rules, requires_approval=True)
        self._approval = (asked,) if names else ()
        self._known = known
        self._points: list[Breakpoint] = []
        self._off: tuple[Breakpoint, ...] = ()
        self._hits: dict[int, int] = {}
        self.changed: Callable[[], None] = lambda: None
        """Called when one comes or goes."""

    @property
    def all(self) -> tuple[Breakpoint, ...]:
        """Every breakpoint a run looks at, approval first."""
        return (*self._approval, *(point for point in self._points if self.is_on(point)))

    def is_on(self, point: Any) -> bool:
        """Tell whether a breakpoint of the list stops runs, or was turned off."""
        found = self._points[self._place(point)]
        return not any(off is found for off in self._off)

    def turn_off(self, point: Any) -> None:
        """Keep a breakpoint in the list without stopping at it; given as `remove` takes it.

        Raises:
            NotFound: it is not here.
        """
        if self.is_on(point):
            self._off = (*self._off, self._points[self._place(point)])
            self.changed()

    def turn_on(self, point: Any) -> None:
        """Stop again at a breakpoint that was turned off.

        Raises:
            NotFound: it is not here.
        """
        found = self._points[self._place(point)]
        self._off = tuple(off for off in self._off if off is not found)
        self.changed()

    def hits(self, point: Any) -> int:
        """Tell how often a breakpoint of the list has stopped a run.

        Raises:
            NotFound: it is not here.
        """
        return self._hits.get(id(self._points[self._place(point)]), 0)

    def note_hit(self, point: Breakpoint) -> None:
        """Count that a breakpoint has stopped a run."""
        if any(listed is point for listed in self._points):
            self._hits[id(point)] = self._hits.get(id(point), 0) + 1

    def until(self, value: Any = None) -> Collection[Breakpoint]:
        """Join these with further ones for one run; what is added or removed meanwhile counts at
        once.

        Raises:
            UsageError: the value is no breakpoint.
            NotFound: one waits for a tool that there is not.
        """
        return _Until(self, tuple(map(self._checked, breakpoints_of(value))))

    def add(self, point: Any) -> Breakpoint:
        """Add a breakpoint, or a function of a `BreakpointContext` as one, and return it.

        Raises:
            UsageError: it is neither.
            NotFound: it waits for a tool that there is not.
        """
        made = self._checked(breakpoint_of(point))
        self._points = [*self._points, made]
        self.changed()
        return made

    def add_named(self, kind: str, value: str = "", where: str = "") -> Breakpoint:
        """Add the breakpoint that a form asks for, as `ak.break_on.named` takes it.

        Raises:
            UsageError: it cannot be made of these.
            NotFound: there is no such kind, code, tool or argument.
        """
        return self.add(break_on.named(kind, value, where))

    def _checked(self, point: Breakpoint) -> Breakpoint:
        """Refuse a breakpoint whose tool or field looks like a slip of another's name, or whose
        condition asks about an argument that none of its tools has. Other names pass: a model may
        make one up, a server know one more.
        """
        for slip in slips(point, self._known()) if self._known is not None else ():
            raise slip
        return point

    append = add

    def remove(self, point: Any) -> None:
        """Remove a breakpoint, given as itself, as one that says the same, or by its place.

        Raises:
            NotFound: it is not here.
        """
        index = self._place(point)
        kept = list(self._points)
        gone = kept.pop(index)
        self._points, self._off = kept, tuple(off for off in self._off if off is not gone)
        self._hits.pop(id(gone), None)
        self.changed()

    def _place(self, point: Any) -> int:
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
        return index

    def clear(self) -> None:
        """Remove all."""
        self._points, self._off, self._hits = [], (), {}
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
        return at_place(self._points, index, "breakpoint", "breakpoints.add(…) adds one")

    def lines(self) -> list[str]:
        """Write a line for each, what asks for approval first."""
        asked = [f"approval: before a call of {' or '.join(self.approve)}"] if self.approve else []
        listed = (
            f"{i}: {point.summary()}{'' if self.is_on(point) else ' (off)'}"
            for i, point in enumerate(self._points)
        )
        return [*asked, *listed]

    def __repr__(self) -> str:
        return f"<Breakpoints {'; '.join(self.lines()) or 'none'}>"


def names_to_approve(approve: Iterable[str], tools: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    """Check the names of the tools that wait to be approved.

    Raises:
        UsageError: no tool has this name; it would never be asked about.
    """
    if callable(approve) or not isinstance(approve, Iterable):
        raise UsageError(
            f"approve is {type_in_words(approve)}, not a list of names of tools",
            hint="a function that decides belongs to the agent: ak.Agent(..., approve=function)",
        )
    names = (approve,) if isinstance(approve, str) else tuple(approve)
    known = names_of(tools)
    has = ", ".join(sorted(known)) or "none"
    for name in names:
        if name not in known:
            raise UsageError(
                f"no tool is named {name!r}, so it cannot wait to be approved",
                hint=suggest(name, known, f"the agent has: {has}"),
            )
    return names


def arguments_of(schemas: Iterable[dict[str, Any]]) -> dict[str, Collection[str] | None]:
    """List the names of the arguments of each tool, None where its schema does not say."""
    known = KnownTools(schemas)
    fields = {name: (known.parameters(name) or {}).get("properties") for name in known}
    return {
        name: tuple(map(str, held)) if isinstance(held, Mapping) else None
        for name, held in fields.items()
    }


def slips(point: Breakpoint, known: KnownNames) -> Iterator[NotFound]:
    """Yield an error for each tool, model and field of a breakpoint that looks like a slip of
    another's name, and each argument that none of its tools has.

    Args:
        point: the breakpoint.
        known: the names there are.
    """
    for rule in point.rules:
        yield from _argument_slips(rule, known.tools)
        found = (field_slip(rule, name, known.fields) for name in rule.fields)
        yield from filter(None, found)
    for name in (name for rule in point.rules for name in rule.models):
        meant = suggest(name, known.models) if name not in known.models else ""
        if meant:
            yield NotFound(
                f"no request asks for a model {name!r}, so {point.text} would never stop",
                hint=meant,
            )
    for name in (name for rule in point.rules for name in rule.tools):
        meant = suggest(name, known.tools) if name not in known.tools else ""
        if meant:
            yield NotFound(
                f"no tool is named {name!r}, so {point.text} would never stop",
                hint=f"{meant} For calls of tools that there are not:"
                " ak.break_on.problem('name_unknown')",
            )


def field_slip(rule: Rule, name: str, fields: Collection[str]) -> NotFound | None:
    """Make the error for a field that is another dialect's, or looks like a slip of another's name.

    Args:
        rule: what asks about it.
        name: the field.
        fields: those that requests have, beside those that any server knows.
    """
    if name in FIELDS or name in fields:
        return None
    words = f"no field of a request in chat form is named {name!r}, so {rule.text} would never stop"
    if name in ELSEWHERE:
        return NotFound(words, hint=f"it is {ELSEWHERE[name]} there")
    meant = nearest(name, dict.fromkeys((*fields, *FIELDS)), 1, cutoff=0.7)
    if not meant:
        return None
    own = f"where=lambda request: request.sampling.get({name!r})"
    return NotFound(words, hint=f"did you mean {meant[0]!r}? For a field of a server's own: {own}")


def _argument_slips(rule: Rule, known: Mapping[str, Collection[str] | None]) -> Iterator[NotFound]:
    tools = rule.tools or tuple(known)
    fields = [known.get(name) for name in tools]
    if not fields or None in fields:
        return
    names = list(dict.fromkeys(name for held in fields for name in held or ()))
    for name in rule.arguments:
        if name not in names:
            whose = f"{' or '.join(rule.tools)} has" if rule.tools else "any tool has"
            yield NotFound(
                f"no argument that {whose} is named {name!r}",
                hint=suggest(name, names, f"there are: {', '.join(names) or 'none'}"),
            )


class _Until(Collection[Breakpoint]):
    def __init__(self, listed: Breakpoints, further: tuple[Breakpoint, ...]) -> None:
        self._listed, self._further = listed, further

    def __len__(self) -> int:
        return len(self._listed.all) + len(self._further)

    def __iter__(self) -> Iterator[Breakpoint]:
        yield from self._listed.all
        yield from self._further

    def __contains__(self, point: object) -> bool:
        return any(point == other for other in self)

"""How a divergence is found: what is odd about each side is listed by itself, and what only one of
them has is the divergence.

So nothing differs between an answer and itself, and the order of the sides does not matter.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import NamedTuple

from agentkit.analysis.divergence.classes import CLASSES, Impact, Layer
from agentkit.analysis.divergence.seen import Seen
from agentkit.types.record import Record, record


@record
class Excerpt(Record):
    """What stands in one side's raw answer."""

    pointer: str
    """JSON pointer into the raw answer (RFC 6901); of a stream: into the block answer it stands
    for.
    """
    value: object
    """What stands there, at most 300 characters of it; `(absent)` where nothing does."""

    def summary(self) -> str:
        return f"{self.pointer}: {self.value!r}"


@record
class Divergence(Record):
    """One way in which two answers to the same request differ."""

    class_: str
    """A name of `agentkit.analysis.divergence.classes.CLASSES`."""
    severity: Impact
    sides: tuple[str, str]
    at: str | None
    """The side that departs from OpenAI's contract, or from its own request; None where both are in
    order, or neither is.
    """
    left: Excerpt
    right: Excerpt
    cause: str
    """One line: what was found."""
    hint: str
    """One line: a server flag, a profile setting, a client change."""
    link: str | None = None
    prompt: int = 0
    """Which prompt, counted from 0."""
    sample: int = 0
    turn: int = 0
    established: bool = True
    """False where it was seen too rarely to tell it from sampling noise; only ever for the
    behaviour layer.
    """
    evidence: str = ""
    """For behaviour: how often it was seen."""
    explains: tuple[Divergence, ...] = ()
    """Divergences of the same turn that are its consequences."""

    @property
    def layer(self) -> Layer:
        return CLASSES[self.class_].layer

    def summary(self) -> str:
        more = f", explains {', '.join(d.class_ for d in self.explains)}" if self.explains else ""
        return (
            f"{self.severity} {self.class_} [{self.layer}] prompt {self.prompt} turn {self.turn}:"
            f" {self.cause}{more}"
        )


class Trait(NamedTuple):
    """Something about one side's answer. Equal keys on both sides are no divergence."""

    key: Hashable
    pointer: str
    cause: str
    """Said of the side, whose name stands before it."""
    fault: bool = True
    """Whether it departs from OpenAI's contract or from the request."""
    severity: Impact | None = None
    link: str | None = None
    """Where just this is discussed."""


Traits = Callable[[Seen, Seen], Iterator[Trait]]
"""The traits of the first side in one class, in sight of the second."""
Names = tuple[str, str]
_RANK: dict[Impact, int] = {"breaks": 0, "changes": 1, "cosmetic": 2}


def compared(
    class_: str, traits: Traits, left: Seen, right: Seen, names: Names
) -> Iterator[Divergence]:
    """The divergence in one class, where there is one."""
    mine, theirs = list(traits(left, right)), list(traits(right, left))
    if not mine and not theirs:
        return
    odd = {t.key for t in mine} ^ {t.key for t in theirs}
    if odd:
        yield of_traits(
            class_,
            [t for t in mine if t.key in odd],
            [t for t in theirs if t.key in odd],
            left,
            right,
            names,
        )


def of_traits(
    class_: str, mine: list[Trait], theirs: list[Trait], left: Seen, right: Seen, names: Names
) -> Divergence:
    """The divergence that consists in these traits of either side."""
    known = CLASSES[class_]
    pointers = [t.pointer for t in (*mine, *theirs)]
    here, there = (
        (mine[0].pointer if mine else pointers[0]),
        (theirs[0].pointer if theirs else pointers[0]),
    )
    faults = [any(t.fault for t in side) for side in (mine, theirs)]
    return Divergence(
        class_=class_,
        severity=min(
            (t.severity or known.severity for t in (*mine, *theirs)), key=lambda s: _RANK[s]
        ),
        sides=names,
        at=None if faults[0] == faults[1] else names[0] if faults[0] else names[1],
        left=Excerpt(pointer=here, value=left.look(here)),
        right=Excerpt(pointer=there, value=right.look(there)),
        cause="; ".join(
            dict.fromkeys(
                f"{name}: {t.cause}"
                for name, side in zip(names, (mine, theirs), strict=True)
                for t in side
            )
        ),
        hint=known.hint,
        link=next((t.link for t in (*mine, *theirs) if t.link), known.link),
    )

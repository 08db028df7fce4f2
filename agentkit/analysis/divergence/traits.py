"""How a divergence is found: what is odd about each side is listed by itself, and what only one of
them has is the divergence.

So nothing differs between an answer and itself, and the order of the sides does not matter.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import NamedTuple

from agentkit.analysis.divergence.answer_view import AnswerView
from agentkit.analysis.divergence.classes import CLASSES, Impact, Layer
from agentkit.types.record import Record, record


@record
class Excerpt(Record):
    """An excerpt of one side's raw answer."""

    pointer: str
    """JSON pointer into the raw answer (RFC 6901); for a stream, into the block answer it amounts
    to.
    """
    value: object
    """What is there, at most 300 characters of it; `(absent)` where nothing is."""

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
    """The side that departs from OpenAI's contract, or from its own request; None if both do, or
    neither.
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
    """Whether it is more than sampling noise; False only in the behaviour layer, for what was seen
    too rarely.
    """
    evidence: str = ""
    """For behaviour: how often it was seen."""
    explains: tuple[Divergence, ...] = ()
    """Divergences of the same turn that are its consequences."""

    @property
    def layer(self) -> Layer:
        """The layer of its class."""
        return CLASSES[self.class_].layer

    def summary(self) -> str:
        effects = ", ".join(effect.class_ for effect in self.explains)
        more = f", explains {effects}" if effects else ""
        return (
            f"{self.severity} {self.class_} [{self.layer}] prompt {self.prompt} turn {self.turn}:"
            f" {self.cause}{more}"
        )


class Trait(NamedTuple):
    """Something about one side's answer. Equal keys on both sides are no divergence."""

    key: Hashable
    pointer: str
    cause: str
    """A phrase that follows the name of the side."""
    fault: bool = True
    """Whether it departs from OpenAI's contract or from the request."""
    severity: Impact | None = None
    link: str | None = None
    """Where just this is discussed."""
    hint: str = ""
    """What mends just this; that of its class where it is empty."""


Traits = Callable[[AnswerView, AnswerView], Iterator[Trait]]
"""Yields the traits of the first side in one class, in sight of the second."""
Names = tuple[str, str]
_RANK: dict[Impact, int] = {"breaks": 0, "changes": 1, "cosmetic": 2}


def compared(
    class_: str, traits: Traits, left: AnswerView, right: AnswerView, names: Names
) -> Iterator[Divergence]:
    """Find the divergence in one class, if there is one.

    Args:
        class_: the name of the class.
        traits: what lists the traits of a side in this class.
        left: the answer of one side.
        right: the answer of the other.
        names: what the two sides are called.
    """
    mine, theirs = list(traits(left, right)), list(traits(right, left))
    if not mine and not theirs:
        return
    odd = {t.key for t in mine} ^ {t.key for t in theirs}
    if odd:
        mine, theirs = [t for t in mine if t.key in odd], [t for t in theirs if t.key in odd]
        yield of_traits(class_, mine, theirs, left, right, names)


def of_traits(
    class_: str,
    mine: list[Trait],
    theirs: list[Trait],
    left: AnswerView,
    right: AnswerView,
    names: Names,
) -> Divergence:
    """Make the divergence that consists in these traits of either side.

    Args:
        class_: the name of its class.
        mine: the traits of the left side.
        theirs: the traits of the right side; of the two, one is not empty.
        left: the answer of the left side, for its excerpt.
        right: the answer of the right side.
        names: what the two sides are called.
    """
    known, traits = CLASSES[class_], [*mine, *theirs]
    here, there = (side[0].pointer if side else traits[0].pointer for side in (mine, theirs))
    causes = [f"{names[0]}: {t.cause}" for t in mine] + [f"{names[1]}: {t.cause}" for t in theirs]
    return Divergence(
        class_=class_,
        severity=min((t.severity or known.severity for t in traits), key=_RANK.__getitem__),
        sides=names,
        at=_side_at_fault(mine, theirs, names),
        left=Excerpt(pointer=here, value=left.look(here)),
        right=Excerpt(pointer=there, value=right.look(there)),
        cause="; ".join(dict.fromkeys(causes)),
        hint=next((t.hint for t in traits if t.hint), known.hint),
        link=next((t.link for t in traits if t.link), known.link),
    )


def _side_at_fault(mine: list[Trait], theirs: list[Trait], names: Names) -> str | None:
    """Name the side that alone has a fault."""
    left, right = any(t.fault for t in mine), any(t.fault for t in theirs)
    if left == right:
        return None
    return names[0] if left else names[1]

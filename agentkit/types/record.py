"""What every record shares: a frozen value whose repr says what it holds and nothing about the
process that holds it.

No record knows how it is drawn: `agentkit.show.render` holds a function for each type, and the two
    classes `Displayed` and `Drawn` only ask for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar, dataclass_transform

from agentkit.types.hooks import hook
from agentkit.types.words import visible

T = TypeVar("T")


@dataclass_transform(kw_only_default=True, frozen_default=True)
def record(cls: type[T]) -> type[T]:
    """Make the class a frozen, slotted, keyword-only dataclass that keeps the repr of `Record`."""
    return dataclass(frozen=True, slots=True, kw_only=True, repr=False)(cls)


class Displayed:
    """Base of all that a notebook displays as it is drawn in `agentkit.show.render`."""

    __slots__ = ()

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        shown: dict[str, Any] = hook("bundle")(self)
        return shown


class Drawn(Displayed):
    """Base of what is asked for its markup and its plain text by name."""

    __slots__ = ()

    def html(self, limits: Any = None) -> str:
        """Draw it as HTML.

        Args:
            limits: how much is shown at most, a `Limits` of `agentkit.show.render.limits`; all of
                it by default.
        """
        shown: str = hook("html")(self, limits)
        return shown

    def text(self, limits: Any = None) -> str:
        """Write it as plain text.

        Args:
            limits: how much is shown at most, a `Limits` of `agentkit.show.render.limits`; as much
                as a terminal shows by default.
        """
        written: str = hook("text")(self, limits)
        return written


class Record(Displayed):
    """Base of all records. Equality compares what was recorded; timings, raw bytes and provenance
    stay outside it.
    """

    __slots__ = ()

    def summary(self) -> str:
        """Sum it up on one line without addresses, times or ids; the reprs use it."""
        return ""

    def __repr__(self) -> str:
        text = self.summary()
        return f"<{type(self).__name__} {text}>" if text else f"<{type(self).__name__}>"


def clip(text: str, limit: int = 60) -> str:
    """Put the text on one line of at most `limit` characters, an ellipsis in place of the rest."""
    line = visible(" ".join(text[: 4 * limit].split()))
    return line if len(line) <= limit and len(text) <= 4 * limit else line[: limit - 1] + "…"

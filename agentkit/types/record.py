"""What every record shares: a frozen value whose repr says what it holds and nothing about the
process that holds it.

`late` is the one place where a record reaches upward: methods whose body lives in a higher layer
    (rendering, deriving messages) are bound by name when `agentkit` is imported, so that imports
    keep pointing down.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, dataclass_transform

from agentkit.types.words import visible

T = TypeVar("T")

late: dict[str, Callable[..., Any]] = {}


@dataclass_transform(kw_only_default=True, frozen_default=True)
def record(cls: type[T]) -> type[T]:
    """The class as a frozen, slotted, keyword-only dataclass that keeps the repr of `Record`."""
    return dataclass(frozen=True, slots=True, kw_only=True, repr=False)(cls)


class Record:
    """Base of all records. Equality compares what was said; timings, raw bytes and provenance stay
    outside it.
    """

    __slots__ = ()

    def summary(self) -> str:
        """One line without addresses, times or ids, used by the reprs."""
        return ""

    def __repr__(self) -> str:
        text = self.summary()
        return f"<{type(self).__name__} {text}>" if text else f"<{type(self).__name__}>"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        show = late.get("show")
        return show(self) if show else {"text/plain": repr(self)}


def clip(text: str, limit: int = 60) -> str:
    """The text on one line of at most `limit` characters, an ellipsis in place of what was cut."""
    line = visible(" ".join(text[: 4 * limit].split()))
    return line if len(line) <= limit and len(text) <= 4 * limit else line[: limit - 1] + "…"

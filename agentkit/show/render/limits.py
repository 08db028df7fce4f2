"""How much of a thing is shown at most."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much is shown at most. What is left out is always counted and said."""

    head: int = 40
    """Turns from the start."""
    tail: int = 160
    """Turns up to the end."""
    size: int = 2_000_000
    """Characters of the whole."""
    text: int = 20_000
    """Characters of one text."""
    items: int = 200
    """Calls of one turn, and problems of one list."""
    listed: int = 30
    """Rollouts whose conversations are there, each behind a click; of more there is a table."""
    rows: int = 20
    """Rows of a table."""


STATIC = Limits()
"""For what is kept in a notebook."""
TEXT = Limits(size=200_000, text=2_000, rows=10)
"""For `text/plain`."""
WHOLE = Limits(
    **dict.fromkeys(("head", "tail", "size", "text", "items", "listed", "rows"), 1 << 60)
)
"""Everything, for a page of its own."""

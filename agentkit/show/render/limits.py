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
    details: bool = True
    """Whether what is behind a click is drawn, and what only a page has room for: ids, charts, the
    wire. Plain text has none of it.
    """
    wire: bool = True
    """Whether a turn has its details behind a click: ids, the answer as it came. A page that asks
    for them when they are looked at has none.
    """


STATIC = Limits()
"""For what is kept in a notebook."""
TEXT = Limits(size=300_000, text=2_000, rows=10, details=False)
"""For `text/plain`."""
_ALL = 1 << 60
WHOLE = Limits(
    head=_ALL, tail=_ALL, size=_ALL, text=_ALL, items=_ALL, listed=_ALL, rows=_ALL, details=True
)
"""Everything, for a page of its own."""

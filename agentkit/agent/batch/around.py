"""The runs that what happens here is inside of."""

from __future__ import annotations

from contextvars import ContextVar

around: ContextVar[frozenset[str]] = ContextVar("around", default=frozenset())
"""Their names."""

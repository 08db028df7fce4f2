"""Breakpoints that name a tool or an argument which no request offers, but one much like it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from agentkit.debugger.breakpoint_list import arguments_of, slips
from agentkit.trajectory.breakpoints import Breakpoint
from agentkit.types.request import Request


class HoldSlips:
    """Tells of each slip once, as soon as a request has said which tools there are.

    Args:
        note: takes what is wrong, and what to do about it.
    """

    def __init__(self, note: Callable[[str, str], None]) -> None:
        self._note = note
        self._tools: dict[str, Collection[str] | None] = {}
        self._told: set[str] = set()

    def see(self, request: Request | None) -> None:
        """Learn which tools a request offers."""
        self._tools |= arguments_of(request.tools) if request is not None else {}

    def check(self, points: Iterable[Breakpoint]) -> None:
        """Look for slips, by what is known now."""
        for slip in (slip for point in points for slip in slips(point, self._tools)):
            if slip.message not in self._told:
                self._told.add(slip.message)
                self._note(slip.message, slip.hint)

"""Breakpoints that name a tool, an argument, a model or a field which no request has, but one much
like it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from agentkit.debugger.breakpoint_list import KnownNames, arguments_of, field_slip, slips
from agentkit.dialects.chat.request_fields import FIELDS
from agentkit.trajectory.breakpoints import Breakpoint
from agentkit.types.request import Request


class HoldSlips:
    """Tells of each slip once: of a field at once, of the others as soon as a request has said
    which there are.

    Args:
        note: takes what is wrong, and what to do about it.
    """

    def __init__(self, note: Callable[[str, str], None]) -> None:
        self._note = note
        self._tools: dict[str, Collection[str] | None] = {}
        self._fields: set[str] = set()
        self._models: set[str] = set()
        self._told: set[str] = set()

    def see(self, request: Request | None) -> None:
        """Learn what a request asks for, and which tools it offers."""
        if request is not None:
            self._tools |= arguments_of(request.tools)
            self._fields |= {"model", "messages", "tools", *request.sampling}
            self._models |= {request.model} if request.model else set()

    def check(self, points: Collection[Breakpoint]) -> None:
        """Look for slips, by what is known now."""
        names = KnownNames(self._tools, self._fields, self._models)
        rules = [rule for point in points for rule in point.rules]
        asked = [(rule, name) for rule in rules for name in rule.fields]
        for slip in (slip for point in points for slip in slips(point, names)):
            self._tell(slip.message, slip.hint)
        for rule, name in asked:
            known = name in FIELDS or name in self._fields or not self._fields
            if not known and field_slip(rule, name, self._fields) is None:
                self._tell(
                    f"no request has had a field {name!r} so far: {rule.text} stops at none",
                    f"what they have had: {', '.join(sorted(self._fields))}",
                )

    def _tell(self, message: str, hint: str) -> None:
        if message not in self._told:
            self._told.add(message)
            self._note(message, hint)

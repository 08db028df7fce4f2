"""The calls that wait for a person, and what is done with each in its own row."""

from __future__ import annotations

from typing import Any

from agentkit.agent.events import Event, Failed, Moved
from agentkit.show.notebook.views.turns.edits import RowEdits, object_from
from agentkit.types.record import clip

_SHOWN = 50
"""Calls of a turn that can be acted on at a time."""


class WaitingCalls(RowEdits):
    """What a view of a debugger has for calls that wait."""

    _then_run: tuple[int, dict[str, Any]] | None = None
    """The call that is run as soon as it has these arguments."""

    def waiting(self) -> dict[str, Any]:
        """Describe which calls wait, which stand in the text, and what to do about a request that
        failed.
        """
        dbg = self.target
        if dbg is None or dbg.running:
            return {"hand": None}
        pending = dbg.pending
        if not pending and not pending.recoverable:
            return {"hand": None}
        return {
            "hand": {
                "turn": len(dbg.trajectory.all_turns) - 1,
                "calls": [[call.position, clip(call.name or "?")] for call in pending[:_SHOWN]],
                "found": [
                    [i, clip(c.name or "?")] for i, c in enumerate(pending.recoverable[:_SHOWN])
                ],
            }
        }

    def do_run_with(self, call: int, text: str) -> None:
        """Post other arguments for a pending call, and run it when it has them."""
        arguments = object_from(text)
        self._then_run = call, arguments
        self.target.post("pending.change", call=call, arguments=arguments)

    def do_adopt(self, place: int) -> None:
        """Make a call that stands in the text one that waits."""
        self.target.post("pending.adopt", place=self.target.pending.recoverable[place].position)

    def heard_of(self, event: Event) -> None:
        """Run the call that was waited for, once it is changed; called on the engine's thread."""
        if self._then_run is None:
            return
        if isinstance(event, Failed):
            self._then_run = None
        elif isinstance(event, Moved):
            place, arguments = self._then_run
            found = next((c for c in event.trajectory.pending if c.position == place), None)
            if found is not None and found.arguments == arguments:
                self._then_run = None
                self.target.post("pending.run", call=place)

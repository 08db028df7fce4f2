"""Notes and labels that a person gives to a turn or a call of it, in its own row."""

from __future__ import annotations

from agentkit.show.notebook.live import sendable
from agentkit.show.notebook.views.turns.turn_tabs import TurnTabs
from agentkit.trajectory.person.notes import remarks_of

_MOST = 500
"""Notes and labels of a turn that are sent."""


class Remarks(TurnTabs):
    """What a view of a debugger has for notes and labels."""

    def do_remarks(self, turn: int, ask: int) -> None:
        """Send the notes and labels of a turn: text, whether it is a label, and the call."""
        found = [r for r in remarks_of(self.trajectory) if r.turn == turn][:_MOST]
        told = [[sendable(r.text), r.is_label, r.call] for r in found]
        self.reply({"type": "told", "ask": ask, "remarks": told})

    def do_remark(self, turn: int, call: int | None, note: str, labels: list[str]) -> None:
        """Post the note and the labels that a turn or a call has from now on."""
        place = {"turn": turn, "call": call}
        had = [r for r in remarks_of(self.trajectory) if (r.turn, r.call) == (turn, call)]
        wanted = [(note.strip(), False), *((label.strip(), True) for label in labels)]
        for old in had:
            if (old.text, old.is_label) not in wanted:
                self.target.post("unlabel" if old.is_label else "unnote", text=old.text, **place)
        known = {(r.text, r.is_label) for r in had}
        for text, is_label in wanted:
            if text and (text, is_label) not in known:
                self.target.post("label" if is_label else "note", text=text, **place)

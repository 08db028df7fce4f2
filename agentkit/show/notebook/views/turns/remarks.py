"""Notes and labels that a person gives to a turn or a call of it, in its own row."""

from __future__ import annotations

from typing import Any

from agentkit.show.notebook.views.turns.turn_tabs import TurnTabs
from agentkit.trajectory.person.notes import remarks_of
from agentkit.types.record import clip

_MOST = 500
"""Notes and labels that are shown in their rows."""


class Remarks(TurnTabs):
    """What a view of a debugger has for notes and labels."""

    def remarks(self) -> dict[str, Any]:
        """Describe the notes and labels: text, whether it is a label, turn and call."""
        found = [r for r in remarks_of(self.trajectory) if r.turn is not None][:_MOST]
        return {"remarks": [[clip(r.text, 2000), r.is_label, r.turn, r.call] for r in found]}

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

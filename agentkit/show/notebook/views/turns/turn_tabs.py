"""The tabs of each turn: which there are is told with the rows, what is in one is drawn when it is
opened.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agentkit.errors import NotFound
from agentkit.show.html import Html, without_keys
from agentkit.show.notebook.live import LiveView, Op
from agentkit.show.notebook.views.turn_acts import (
    Placed,
    head_parts,
    menu_parts,
    problem_acts,
    request_acts,
)
from agentkit.show.notebook.views.turns.problems_tab import problems_tab
from agentkit.show.notebook.views.turns.request_tab import request_tab
from agentkit.show.notebook.views.turns.response_tab import response_tab
from agentkit.show.notebook.views.turns.tokens_tab import has_tokens, tokens_tab
from agentkit.trajectory.trouble.points import turn_points
from agentkit.types.hooks import hook
from agentkit.types.trajectory import Trajectory, Turn

Mark = list[int]
"""Of a turn: errors, warnings, whether there are tokens to show."""

_HEADS = [head_parts(False), head_parts(True)]
_MENUS = [menu_parts(False), menu_parts(True)]

DRAWN: dict[str, Callable[..., Html]] = {
    "request": request_tab,
    "response": response_tab,
    "tokens": tokens_tab,
    "problems": problems_tab,
}


class TurnTabs(LiveView):
    """What a view of a rollout has for the tabs of its turns."""

    @property
    def trajectory(self) -> Trajectory:
        """What is shown."""
        raise NotImplementedError

    def marked(self, start: int) -> list[Op]:
        """List which tabs the turns from here on have, where they are others than before."""
        known: list[Mark] = self.__dict__.setdefault("_marks", [])
        marks = [_mark(turn) for turn in self.trajectory.all_turns[start:]]
        if marks == known[start:]:
            return []
        known[start:] = marks
        return [["turns", start, marks]]

    def all_marks(self) -> list[Op]:
        """List which tabs all turns have, for a page that has just come."""
        return [["turns", 0, self.__dict__.get("_marks", [])]]

    def panel(self, name: str, turn: int) -> Html:
        """Draw what is in a tab.

        Raises:
            NotFound: there is no such tab.
        """
        if name not in DRAWN:
            raise NotFound(f"a turn has no tab {name!r}")
        told = self.headers() if name == "request" else None
        more = () if told is None else (told,)
        return without_keys(DRAWN[name](self.trajectory, turn, *more))

    def can_act(self) -> str | None:
        """Say why a turn can not be changed now; "" where it can, None where it never can."""
        return None

    def state(self) -> dict[str, Any]:
        """Describe the heads of turns."""
        acting = self.can_act() is not None
        return {"in_head": _HEADS[acting], "in_menu": _MENUS[acting]}

    def acts(self, name: str, turn: int, html: str) -> list[Placed]:
        """Describe what can be done in a tab, which is drawn as `html`."""
        can_edit = self.can_act() == ""
        if name == "request":
            return request_acts(can_edit)
        return problem_acts(turn, html, can_edit) if name == "problems" else []

    def headers(self) -> list[str] | None:
        """List the names of the headers that are sent; None where nothing tells."""
        return None

    def do_panel(self, turn: int, tab: str, ask: int) -> None:
        """Send what is in a tab; `ask` goes back, as a page can ask for several."""
        html = self.panel(tab, turn)
        acts = self.acts(tab, turn, html)
        self.reply({"type": "told", "ask": ask, "html": html, "acts": acts})

    def do_code(self, turn: int, kind: str, ask: int) -> None:
        """Send the request of a turn as code, a test or a report: `curl`, `python`, `pytest`,
        `report`; keys are never in it.
        """
        written = hook("code")(self.trajectory, turn, kind)
        self.reply({"type": "told", "ask": ask, "text": str(written), "name": written.name})


def _mark(turn: Turn) -> Mark:
    found = [point.severity for point in turn_points(turn)]
    return [found.count("error"), found.count("warning"), int(has_tokens(turn))]

"""A rollout in a frame: facts above, outline at the left, the conversation beside it. It is looked
at, searched and followed; what drives one adds to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic
from typing import Any, ClassVar

from agentkit.agent.event_loop import event_loop
from agentkit.analysis.frames.timings import Timeline
from agentkit.show.charts.rollout_charts import figures
from agentkit.show.html import Html
from agentkit.show.notebook.live import Op
from agentkit.show.notebook.views.conversation_view import ConversationView, Parts
from agentkit.show.notebook.views.debugger.fact_line import (
    fact_parts,
    facts,
    outcome,
    problem_parts,
)
from agentkit.show.notebook.views.debugger.frame_parts import frame_parts
from agentkit.show.notebook.views.debugger.hits import hits
from agentkit.show.notebook.views.debugger.turn_list import TurnList, loose
from agentkit.show.render.parts.words import Totals
from agentkit.types.trajectory import Trajectory, Turn

_AROUND = frame_parts()


class FrameView(ConversationView):
    """A rollout with its outline and its facts. What they show is sent as numbers and short texts,
    from the first turn that is new.
    """

    scripts: ClassVar[tuple[str, ...]] = (
        "debugger",
        "panels",
        "turns",
        "beside/trees",
        "tokens/spans",
    )

    def __init__(self, target: Any) -> None:
        super().__init__(target)
        self._list = TurnList()
        self._loose = (0, 0)
        self._charting: set[str] = set()
        """The pages whose charts are open."""
        self._charts: dict[str, Html] = {}
        self._charted: Trajectory | None = None
        self._next_chart = 0.0
        """When the charts of a running rollout may be drawn again."""
        self._chart_later = False
        """Whether that is seen to."""

    def title(self, trajectory: Trajectory, known: Totals) -> Parts:
        """Draw nothing above the conversation: the facts have a line of their own."""
        return {}

    def listed(self, trajectory: Trajectory) -> Sequence[Turn]:
        """Choose the turns of the outline."""
        return trajectory.all_turns

    def difference(self) -> list[Op]:
        """List what changed in the conversation, the outline and the charts."""
        trajectory = self.trajectory
        found = self._list.reach(trajectory, self.listed(trajectory))
        self._loose = loose(trajectory)
        outline: list[Op] = [] if found is None else [["outline", *found]]
        return super().difference() + outline + self._chart_ops()

    def opening(self) -> list[Op]:
        """List the whole outline, and the charts where they are looked at."""
        charts = [["chart", name, drawing] for name, drawing in self._charts.items()]
        return [*super().opening(), ["outline", 0, self._list.entries], *charts]

    def forget(self, page: str) -> None:
        """Note that a page shows the view no longer."""
        self._chart(page, False)
        super().forget(page)

    def state(self) -> dict[str, Any]:
        """Describe the rollout's state and its numbers, and the line of facts."""
        if self.target is None:
            return {}
        known = self.known()
        numbers, kind = known.pop("facts"), known["status"]["kind"]
        errors, warnings = known["counts"]
        ended = kind in ("answered", "flawed", "none")
        return {
            **known,
            **super().state(),
            **_AROUND,
            "in_facts": fact_parts(known, numbers),
            "in_problems": problem_parts(errors, warnings, ended),
            "spent": numbers["elapsed"] or 0,
        }

    def known(self) -> dict[str, Any]:
        """Say what is known of the rollout."""
        trajectory = self.trajectory
        errors, warnings = self.severities(trajectory)
        return {
            "status": outcome(trajectory, errors + warnings),
            "facts": self.facts(trajectory),
            "counts": [errors, warnings],
            "reached": len(trajectory.all_turns),
        }

    def facts(self, trajectory: Trajectory) -> dict[str, Any]:
        """Sum up a rollout in numbers."""
        return facts(trajectory, self._list.upto(len(trajectory.all_turns)))

    def severities(self, trajectory: Trajectory) -> tuple[int, int]:
        """Count the errors and the warnings."""
        sums = self._list.upto(len(trajectory.all_turns))
        return sums.errors + self._loose[0], sums.warnings + self._loose[1]

    def do_search(self, ask: int, text: str) -> None:
        """Send where a text stands in the rollout; `ask` goes back, as the page waits for its last
        question alone.
        """
        self.reply({"type": "found", "ask": ask, **hits(self.trajectory, text)})

    def do_charts(self, open: bool) -> None:
        """Draw the charts for as long as they are looked at."""
        with self._lock:
            self._chart(self._asker or "", open)
            if open:
                self._charts, self._charted, self._next_chart = {}, None, 0.0
        self.refresh()

    def _chart(self, page: str, open: bool) -> None:
        (self._charting.add if open else self._charting.discard)(page)
        if not self._charting:
            self._charts, self._charted = {}, None

    def _chart_ops(self) -> list[Op]:
        """List the charts that look different; of a rollout that runs, once a second."""
        trajectory = self.trajectory
        if not self._charting or trajectory is self._charted:
            return []
        if (wait := self._next_chart - monotonic()) > 0:
            if not self._chart_later:
                self._chart_later = True
                event_loop().call_soon_threadsafe(event_loop().call_later, wait, self.refresh_soon)
            return []
        was, timeline = self._charts, Timeline().reach(trajectory.all_turns)
        self._charts, self._charted = figures(trajectory, timeline), trajectory
        self._next_chart, self._chart_later = monotonic() + 1.0, False
        return [
            ["chart", name, drawing]
            for name, drawing in self._charts.items()
            if was.get(name) != drawing
        ]

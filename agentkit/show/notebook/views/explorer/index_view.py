"""How far an index is, while it is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentkit.files.index.index_progress import IndexProgress, size_text
from agentkit.show.html import Child, Html, el
from agentkit.show.notebook.live import LiveView

_BAR = 170
"""Width of the bar, in px."""


class IndexView(LiveView):
    """How much of the files is taken in, what it has cost so far, and when it is ready."""

    scripts = ("progress",)

    def __init__(self, target: IndexProgress) -> None:
        super().__init__(target)
        target.watch(lambda _: self.refresh_soon())

    def fragments(self) -> Mapping[str, Html]:
        """Draw what is shown, in order."""
        now: Any = self.target
        if now is None:
            return self.rows()
        title = el("strong", f"Index: {size_text(now.done)} of {size_text(now.size)}")
        facts = [el("span", fact) for fact in now.facts]
        line: list[Child] = [title, _bar(now), *facts]
        return {"progress": el("div", line, class_="ak-batch", data_key="progress")}

    def state(self) -> dict[str, Any]:
        """Describe that no button stops it: it is interrupted as any cell, and goes on."""
        return {"running": False, "stopping": False}


def _bar(now: IndexProgress) -> Html:
    """Draw how much is taken in."""
    width = _BAR * now.done / max(1, now.size)
    taken = el("rect", width=f"{width:.1f}", height=6, class_="ak-bar-ok")
    words = f"{size_text(now.done)} of {size_text(now.size)} are indexed"
    whole = el("rect", width=_BAR, height=6, class_="ak-bar-all")
    return el("svg", whole, taken, viewBox=f"0 0 {_BAR} 6", role="img", aria_label=words)

"""How far a batch is, while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentkit.agent.batch.progress import Progress
from agentkit.show.html import Html, el
from agentkit.show.notebook.live import LiveView
from agentkit.types.words import count


class ProgressView(LiveView):
    """How many rollouts have ended, and how."""

    def __init__(self, target: Progress) -> None:
        super().__init__(target)
        target.watch(lambda _: self.refresh_soon())

    def fragments(self) -> Mapping[str, Html]:
        """Draw what is shown, in order."""
        now: Any = self.target
        if now is None:
            return self.rows()
        title = el("strong", f"{now.done} of {count(now.asked, 'rollout')}")
        return {"progress": el("p", title, " ", now.summary, class_="ak-title")}

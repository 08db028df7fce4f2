"""A batch of rollouts: how far it is, and what became of it."""

from __future__ import annotations

from agentkit.agent.batch.progress import Progress
from agentkit.agent.batch.rollouts import Rollouts
from agentkit.show.html import Html, el
from agentkit.show.render import shown
from agentkit.show.render.limits import Limits


@shown.register(Progress)
def progress_fragments(progress: Progress, limits: Limits) -> dict[str, Html]:
    """What a notebook keeps: what was asked for, the same at every run."""
    return {"progress": el("p", el("strong", "Rollouts"), " ", progress.title, class_="ak-title")}


@shown.register(Rollouts)
def rollouts_fragments(rollouts: Rollouts, limits: Limits) -> dict[str, Html]:
    """What became of them, and a line for each, its conversation behind a click; of a great many a
    table.
    """
    title = el("p", el("strong", "Rollouts"), " ", rollouts.heading(), class_="ak-title")
    each = shown.fragments(rollouts.trajectories, limits) if rollouts.trajectories else {}
    return {"title": title, **each}

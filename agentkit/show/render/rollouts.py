"""Many rollouts: a batch, how far it is, what became of it; and a table of them."""

from __future__ import annotations

from typing import Any

from agentkit.agent.batch.progress import Progress
from agentkit.agent.batch.rollouts import Rollouts
from agentkit.analysis.explore.explorer import LABEL, Explorer
from agentkit.show.html import Html, el
from agentkit.show.render import shown
from agentkit.show.render.limits import Limits
from agentkit.show.render.parts.block import bar
from agentkit.show.render.rollout.table import table_fragments


@shown.register(Progress)
def progress_fragments(progress: Progress, limits: Limits) -> dict[str, Html]:
    """Draw what a notebook keeps: what was asked for, the same at every run."""
    return {"progress": el("p", el("strong", "Rollouts"), " ", progress.title, class_="ak-title")}


@shown.register(Rollouts)
def rollouts_fragments(rollouts: Rollouts, limits: Limits) -> dict[str, Html]:
    """Draw what became of them, and a line for each, its conversation behind a click; of a great
    many a table.
    """
    title = el("p", el("strong", "Rollouts"), " ", rollouts.heading(), class_="ak-title")
    each = shown.fragments(rollouts.trajectories, limits) if rollouts.trajectories else {}
    return {"title": title, **each}


@shown.register(Explorer)
def explorer_fragments(explorer: Explorer, limits: Limits) -> dict[str, Html]:
    """Draw the first rows as a table."""
    title = bar(el("strong", "Rollouts"), el("small", explorer.heading()))
    head = el("header", title, class_="ak-head", data_key="head")
    return {"head": head, **explorer_table(explorer, limits)}


def explorer_table(explorer: Explorer, limits: Limits) -> dict[str, Html]:
    """Draw the first rows without a heading."""
    return table_fragments(*_first(explorer, limits), len(explorer))


def _first(explorer: Explorer, limits: Limits) -> tuple[list[str], list[list[Any]]]:
    """Return the names of the columns and the cells of the first rows."""
    places = explorer.places[: limits.rows]
    labelled = any(explorer.labels_of(place) for place in places)
    names = ["rollout", *explorer.source.shown, *([LABEL] if labelled else [])]
    return names, [[explorer.value(name, place) for name in names] for place in places]

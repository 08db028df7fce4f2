"""Rollouts as a table."""

from __future__ import annotations

from typing import Any

from agentkit.analysis.explore.explorer import LABEL, Explorer
from agentkit.show.html import Html, el
from agentkit.show.render import shown
from agentkit.show.render.limits import Limits
from agentkit.show.render.parts.block import bar
from agentkit.show.render.rollout.table import table_fragments


@shown.register(Explorer)
def explorer_fragments(explorer: Explorer, limits: Limits) -> dict[str, Html]:
    """The first rows as a table."""
    title = bar(el("strong", "Rollouts"), el("small", explorer.heading()))
    head = el("header", title, class_="ak-head", data_key="head")
    return {"head": head, **explorer_table(explorer, limits)}


def explorer_table(explorer: Explorer, limits: Limits) -> dict[str, Html]:
    """The first rows without a heading."""
    return table_fragments(*_first(explorer, limits), len(explorer))


def _first(explorer: Explorer, limits: Limits) -> tuple[list[str], list[list[Any]]]:
    """The names of the columns and the cells of the first rows."""
    places = explorer.places[: limits.rows]
    labelled = any(explorer.labels_of(place) for place in places)
    names = ["rollout", *explorer.source.shown, *([LABEL] if labelled else [])]
    return names, [[explorer.value(name, place) for name in names] for place in places]

"""Many rollouts: a batch, how far it is, what became of it; and a table of them."""

from __future__ import annotations

from typing import Any

from agentkit.agent.batch.progress import Progress
from agentkit.agent.batch.rollouts import Rollouts
from agentkit.analysis.explore.aggregates import Aggregates, aggregates_of
from agentkit.analysis.explore.explorer import Explorer, explore
from agentkit.analysis.explore.facets import Facet
from agentkit.analysis.explore.table_columns import LABEL
from agentkit.files.index.index_progress import IndexProgress
from agentkit.show.html import Html, el, joined
from agentkit.show.render import shown
from agentkit.show.render.limits import Limits
from agentkit.show.render.parts.block import bar, code
from agentkit.show.render.rollout.table import column_name, table_fragments

_FEW = 2_000
"""Rollouts in memory that are counted for what is kept of them."""
_LISTED = 12
"""Values of a column that are counted there."""


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
    many = len(rollouts) > limits.listed
    return {"title": title, **(_counted(explore(rollouts), limits) if many else {}), **each}


@shown.register(IndexProgress)
def index_progress_fragments(progress: IndexProgress, limits: Limits) -> dict[str, Html]:
    """Draw what a notebook keeps: what was asked for, the same at every run."""
    return {"progress": el("p", el("strong", "Index"), " ", progress.title, class_="ak-title")}


@shown.register(Explorer)
def explorer_fragments(explorer: Explorer, limits: Limits) -> dict[str, Html]:
    """Draw the first rows as a table."""
    title = bar(el("strong", "Rollouts"), el("small", explorer.heading()))
    head = el("header", title, class_="ak-head", data_key="head")
    return {"head": head, **_counted(explorer, limits), **explorer_table(explorer, limits)}


def _counted(explorer: Explorer, limits: Limits) -> dict[str, Html]:
    """Draw what the rollouts come to, and how many there are of each value of what tells them
    apart. Of very many in memory, that is left to a page that lives.
    """
    few = explorer.source.entries is not None or len(explorer.source) <= _FEW
    if not limits.details or not few or not len(explorer):
        return {}
    every = aggregates_of(explorer.source, range(len(explorer.source)))
    figures = [
        el("span", el("strong", value), " ", " ".join(filter(None, [word, beside])))
        for value, word, beside in aggregate_texts(explorer.aggregates(), every, timed=False)
    ]
    line = el("p", joined(" · ", figures))
    rows = [
        el("tr", el("th", column_name(facet.column), scope="row"), el("td", _choices(facet)))
        for facet in explorer.facets()
        if facet.column != "server"  # its port may be another at each run
    ]
    histogram = explorer.histogram()
    if histogram is not None:
        edges = f"{histogram.least:.4g} to {histogram.greatest:.4g}"
        steps = " ".join(f"{number:,}" for number in histogram.counts)
        cells = el("th", histogram.column, scope="row"), el("td", f"{edges}, in ten steps: {steps}")
        rows.insert(0, el("tr", cells))
    counts = el("table", el("tbody", rows)) if rows else None
    return {"counts": el("div", line, counts, class_="ak-part", data_key="counts")}


def _choices(facet: Facet) -> Html:
    """Write the values of a column with their counts."""
    shown = facet.choices[:_LISTED]
    parts = [el("span", code(choice.value or "none"), f" {choice.count:,}") for choice in shown]
    more = len(facet.choices) - len(shown)
    return joined(" · ", [*parts, *([_further(more)] if more else [])])


def _further(more: int) -> Html:
    """Say how many values are not shown."""
    return el("small", f"{more:,} more")


def explorer_table(explorer: Explorer, limits: Limits) -> dict[str, Html]:
    """Draw the first rows without a heading."""
    return table_fragments(*_first(explorer, limits), len(explorer))


def amount(number: float) -> str:
    """Write a large number in three digits: `1.9 M`."""
    for least, size, letter in ((1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if number >= least:
            return f"{number / size:.3g} {letter}"
    return f"{number:,.0f}"


def aggregate_texts(now: Aggregates, every: Aggregates, *, timed: bool = True) -> list[list[str]]:
    """Write what the rollouts come to, what it is, and beside it the same of all.

    Args:
        now: of the rollouts that are filtered.
        every: of all.
        timed: whether times are written, which are others at every run.
    """
    filtered = now.count != every.count
    shown = [[f"{now.count:,}", f"of {every.count:,} rollouts" if filtered else "rollouts", ""]]
    if every.reward is not None:
        mean = f"{now.reward.mean:.3f}" if now.reward else "none"
        beside = f"± {now.reward.deviation:.2f}" if now.reward else ""
        whole = f" · {every.reward.mean:.3f} in all" if filtered else ""
        shown.append([mean, "mean reward", beside + whole])
    if now.count:
        whole = f"{100 * every.failed / every.count:.1f} in all" if filtered else ""
        shown.append([f"{100 * now.failed / now.count:.1f} %", "ended in error", whole])
    if now.turns is not None:
        whole = f"{every.turns:.4g} in all" if filtered and every.turns is not None else ""
        shown.append([f"{now.turns:.4g}", "turns, median", whole])
    if timed and now.elapsed is not None:
        slow = f"p90 {now.slow:.3g} s" if now.slow is not None else ""
        shown.append([f"{now.elapsed:.3g} s", "time, median", slow])
    if now.input_tokens is not None:
        shown.append([amount(now.input_tokens), "tokens read", ""])
    if now.cost is not None:
        shown.append([f"${now.cost:.2f}", "cost", ""])
    return shown


def _first(explorer: Explorer, limits: Limits) -> tuple[list[str], list[list[Any]]]:
    """Return the names of the columns and the cells of the first rows."""
    places = explorer.places[: limits.rows]
    labelled = any(explorer.labels_of(place) for place in places)
    names = ["rollout", *explorer.source.shown, *([LABEL] if labelled else [])]
    return names, [[explorer.value(name, place) for name in names] for place in places]

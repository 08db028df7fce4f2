"""Many rollouts: a batch, how far it is, what became of it; and a table of them."""

from __future__ import annotations

from typing import Any

from agentkit.agent.batch.progress import Progress
from agentkit.agent.batch.rollouts import Rollouts
from agentkit.analysis.explore.aggregates import Aggregates
from agentkit.analysis.explore.explorer import Explorer
from agentkit.analysis.explore.table_columns import LABEL
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


def amount(number: float) -> str:
    """Write a large number in three digits: `1.9 M`."""
    for least, size, letter in ((1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if number >= least:
            return f"{number / size:.3g} {letter}"
    return f"{number:,.0f}"


def aggregate_texts(now: Aggregates, every: Aggregates) -> list[list[str]]:
    """Write what the rollouts come to, what it is, and beside it the same of all."""
    filtered = now.count != every.count
    shown = [[f"{now.count:,}", f"of {every.count:,} rollouts" if filtered else "rollouts", ""]]
    if every.reward is not None:
        mean = f"{now.reward.mean:.3f}" if now.reward else "none"
        beside = f"± {now.reward.deviation:.2f}" if now.reward else ""
        whole = f" · {every.reward.mean:.3f} in all" if filtered else ""
        shown.append([mean, "mean reward", beside + whole])
    if now.count:
        whole = f"{100 * every.failed / every.count:.1f} in all" if filtered else ""
        shown.append([f"{100 * now.failed / now.count:.1f} %", "failed", whole])
    if now.turns is not None:
        whole = f"{every.turns:.4g} in all" if filtered and every.turns is not None else ""
        shown.append([f"{now.turns:.4g}", "turns, median", whole])
    if now.elapsed is not None and now.slow is not None:
        shown.append([f"{now.elapsed:.3g} s", "time, median", f"p90 {now.slow:.3g}"])
    if every.input_tokens:
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

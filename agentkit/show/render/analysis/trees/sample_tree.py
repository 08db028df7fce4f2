"""A tree over samples as a picture, bands as wide as the samples are many, and as a table of the
same: what was done, by how many of them, and what it was worth.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from agentkit.analysis.sample_tree import SampleBranch, SampleTree
from agentkit.show.html import Child, Html, el
from agentkit.show.render import shown
from agentkit.show.render.analysis.trees.bands import sample_bands
from agentkit.show.render.limits import Limits
from agentkit.show.render.parts.block import bar, code, facts, fold, note, row, status
from agentkit.types.record import clip
from agentkit.types.words import count

_WORD = {"calls": "", "answer": "answers", "open": "open", "error": "error", "limit": "stopped"}
_CELLS = 10
"""Characters of the bar that shows a branch's share."""
_DEEP = 12
"""Partings beyond this depth are drawn at the same indentation."""


@shown.register(SampleTree)
def branch_fragments(tree: SampleTree, limits: Limits) -> dict[str, Html]:
    """Draw the head, the picture (`bands`) and its table; for plain text a row per step
    (`branch-0`, `branch-1`, …), in the order they are read.
    """
    shown = {
        "head": el(
            "header",
            bar(el("strong", "Samples"), facts(*_facts(tree))),
            note(_verdict(tree)),
            class_="ak-head",
            data_key="head",
        )
    }
    if limits.details:
        table = fold("as a table", _table(tree, limits))
        shown["bands"] = el("section", sample_bands(tree), class_="ak-wide", data_key="bands")
        shown["table"] = el("section", table, class_="ak-same", data_key="table")
        return shown
    room = limits.items
    for number, (guide, branch) in enumerate(_guided(tree)):
        if number == room:
            shown["gap"] = row(
                "gap",
                "aside",
                (None, note("… more steps are not shown here; see ", el("code", "tree.walk()"))),
            )
            break
        shown[f"branch-{number}"] = _row(f"branch-{number}", guide, branch, tree.size)
    return shown


def _table(tree: SampleTree, limits: Limits) -> list[Child]:
    head = [el("th", name, scope="col") for name in ("turn", "step", "samples", "reward")]
    steps = list(islice(_guided(tree), limits.items + 1))
    rows = [
        el(
            "tr",
            el("td", branch.turn, class_="ak-number"),
            el("td", el("code", guide), _WORD[branch.kind], " ", code(clip(branch.label, 300))),
            el("td", f"{branch.count:,} of {tree.size:,}", title=f"samples {_positions(branch)}"),
            el("td", *_worth(branch), class_="ak-number"),
        )
        for guide, branch in steps[: limits.items]
    ]
    table = el("table", el("thead", el("tr", head)), el("tbody", rows), class_="ak-table")
    more = note("… more steps are not shown here; see ", el("code", "tree.walk()"))
    return [table, more if len(steps) > limits.items else None]


def _facts(tree: SampleTree) -> list[str]:
    mixed = [f"{count(tree.prompts, 'different prompt')}"] if tree.prompts > 1 else []
    return [count(tree.size, "sample"), *mixed]


def _verdict(tree: SampleTree) -> str:
    shared = (
        f"the first {count(len(tree.shared), 'step')} shared by all"
        if tree.shared
        else "no step is shared by all"
    )
    parting = tree.parting
    return (
        f"{shared}; they part at turn {parting[0].turn}, {len(parting)} ways"
        if parting
        else "all samples did the same"
    )


def _guided(tree: SampleTree) -> Iterator[tuple[str, SampleBranch]]:
    """Yield each branch with the lines drawn before it: a step in only when samples part, so that a
    long shared path stays straight.
    """
    waiting = [("", branch, last) for branch, last in _siblings(tree.branches)]
    while waiting:
        guide, branch, last = waiting.pop()
        alone = last is None
        yield (guide if alone else f"{guide}{'└╴' if last else '├╴'}"), branch
        below = guide if alone or len(guide) >= 2 * _DEEP else f"{guide}{'  ' if last else '│ '}"
        waiting += [(below, child, ending) for child, ending in _siblings(branch.children)]


def _siblings(branches: tuple[SampleBranch, ...]) -> Iterator[tuple[SampleBranch, bool | None]]:
    """Yield each in reverse, with whether it is the last of its siblings; None for one that has no
    siblings.
    """
    if len(branches) == 1:
        yield branches[0], None
        return
    for place, branch in reversed(list(enumerate(branches))):
        yield branch, place == len(branches) - 1


def _row(key: str, guide: str, branch: SampleBranch, size: int) -> Html:
    filled = round(_CELLS * branch.count / size) or 1
    share = el(
        "code", guide, "█" * filled, "░" * (_CELLS - filled), class_="ak-share", aria_hidden="true"
    )
    word = (
        status(_WORD[branch.kind])
        if branch.kind not in ("calls", "answer")
        else el("small", _WORD[branch.kind])
        if _WORD[branch.kind]
        else None
    )
    taken = el("span", f"{branch.count:,} of {size:,}", title=f"samples {_positions(branch)}")
    label = (
        el("strong", f"turn {branch.turn}"),
        bar(share, taken, word, code(clip(branch.label, 300)), facts(*_worth(branch))),
    )
    return row(key, "branch", label)


def _positions(branch: SampleBranch) -> str:
    shown = ", ".join(map(str, branch.samples[:20]))
    return f"{shown}, …" if len(branch.samples) > 20 else shown


def _worth(branch: SampleBranch) -> list[str]:
    """Write the rewards of a branch: the mean, and how far they spread where they do."""
    if not branch.rewards:
        return []
    spread = branch.reward_deviation
    return [f"reward {branch.mean_reward:.3g}{f' ± {spread:.2g}' if spread else ''}"]

"""What stands beside each other in a cell: a comparison whose cells open two conversations, the
branches of a debugger, and the diff of two rollouts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from agentkit.analysis.compare.comparison import Comparison
from agentkit.analysis.diff import Diff, diff
from agentkit.analysis.sample_tree import SampleTree
from agentkit.analysis.tokens.tokens import Tokens
from agentkit.show.html import Html
from agentkit.show.notebook.live import LiveView
from agentkit.show.notebook.page_parts import Part, button, part
from agentkit.show.render.analysis.comparison import report_fragments
from agentkit.show.render.analysis.diff import diff_fragments
from agentkit.show.render.analysis.findings import Card, cards_of
from agentkit.show.render.analysis.tokens import token_rows
from agentkit.show.render.analysis.trees.bands import ways_of
from agentkit.show.render.analysis.trees.sample_tree import branch_fragments
from agentkit.show.render.debugger import tree_fragments
from agentkit.show.render.limits import STATIC
from agentkit.show.render.rollout.conversation import trajectory_fragments
from agentkit.trajectory.person.branches import Tree
from agentkit.types.trajectory import Trajectory

_LISTED = replace(STATIC, items=2_000)
"""Prompts that a page lists."""


class ComparisonView(LiveView):
    """Prompts and sides, each cell a way to two conversations, then the findings."""

    scripts = ("beside", "tokens/spans")

    def fragments(self) -> Mapping[str, Html]:
        """Draw the report; the conversations come when they are asked for."""
        shown: Comparison = self.target
        return report_fragments(shown, _LISTED)

    def state(self) -> dict[str, Any]:
        """Describe which sides were asked which prompts, and how often."""
        shown: Comparison | None = self.target
        if shown is None:
            return {}
        asked = {
            prompt: [len(by_side.get(side, ())) for side in shown.sides]
            for prompt, by_side in shown.asked.items()
        }
        acts = [
            [f'[data-key="class-{card.class_}"] .ak-inside', 0, _ways(card, shown.sides, asked)]
            for card in cards_of(shown)
        ]
        return {"sides": list(shown.sides), "asked": asked, "acts": acts}

    def do_open(self, prompt: int, left: int, right: int, sample: int = 0) -> None:
        """Send the page two conversations of a prompt beside each other, or the one there is."""
        shown: Comparison = self.target
        names = (shown.sides[left], shown.sides[right])
        asked = shown.asked[prompt]
        found = [asked[name][sample % len(asked[name])] for name in names if asked.get(name)]
        self.reply(_pair([prompt, left, right, sample], names, found))

    def do_tokens(self, prompt: int, left: int, right: int, sample: int = 0) -> None:
        """Send the page the tokens of one conversation, with the place where its prefix breaks."""
        shown: Comparison = self.target
        samples = shown.asked[prompt][shown.sides[left]]
        rows = token_rows(Tokens(samples[sample % len(samples)]), STATIC)
        key = [prompt, left, right, sample]
        self.reply({"type": "pair", "key": key, "html": "".join(rows.values())})


def _opener(word: str, kind: str, given: dict[str, Any], **more: Any) -> Part:
    return button(word, args=given, kind=f"{kind}.ak-cell", aria_expanded=False, **more)


def _ways(card: Card, sides: Sequence[str], asked: Mapping[int, list[int]]) -> Part:
    """Describe what opens the case that stands for a finding, and the tokens that tell of it."""
    first = card.first
    left, right = (sides.index(name) for name in first.sides)
    title = f"Prompt {first.prompt}"
    case = {"prompt": first.prompt, "left": left, "right": right, "sample": first.sample}
    both = {**case, "title": title, "asked": asked[first.prompt]}
    ways = [_opener(f"Open {title.lower()}", "ak-line", both)]
    if first.class_ == "prefix_broken":
        at = sides.index(first.at or first.sides[0])
        about = f"tokens at {sides[at]}"
        tokens = {**case, "left": at, "title": title, "about": about, "action": "tokens"}
        ways.append(_opener("Show in the tokens", "ak-line", tokens))
    return part(".ak-ways", *ways)


def _diff(labels: Sequence[str], left: int, right: int) -> Part:
    label = f"Diff of {labels[left]} and {labels[right]}"
    return _opener("Diff", "", {"left": left, "right": right, "title": "Branches"}, label=label)


class TreeView(LiveView):
    """The branches of a debugger as lanes, each a way to its difference from the one it left."""

    scripts = ("beside",)

    def fragments(self) -> Mapping[str, Html]:
        """Draw the lanes."""
        shown: Tree = self.target
        return tree_fragments(shown, STATIC)

    def state(self) -> dict[str, Any]:
        """Describe the branches, and by place which one each is shown beside."""
        shown: Tree | None = self.target
        if shown is None:
            return {}
        labels = [branch.label for branch in shown]
        parents = [labels.index(branch.parent or shown.current) for branch in shown]
        rows = [labels.index(branch.label) for _, branch in shown.rows()]
        last = "tr[data-key^='branch-'] > :last-child"
        acts = [
            [last, i, _diff(labels, parents[right], right)]
            for i, right in enumerate(rows)
            if parents[right] != right
        ]
        return {"sides": labels, "acts": acts}

    def do_open(self, left: int, right: int, sample: int = 0, prompt: int | None = None) -> None:
        """Send the page two branches beside each other."""
        shown: Tree = self.target
        both = [shown.branches[left], shown.branches[right]]
        names = (both[0].label, both[1].label)
        key = [prompt, left, right, sample]
        self.reply(_pair(key, names, [branch.trajectory for branch in both]))


def _pair(
    key: list[int | None], names: tuple[str, str], found: Sequence[Trajectory]
) -> dict[str, Any]:
    """Draw two rollouts beside each other for the page, or the one there is."""
    if len(found) < 2 or names[0] == names[1]:
        parts = trajectory_fragments(found[0], STATIC)
    else:
        parts = diff_fragments(diff(*found, names=names), STATIC)
    return {"type": "pair", "key": key, "html": "".join(parts.values())}


class SamplesView(LiveView):
    """Samples of one prompt as bands, each way a way to its samples, beside those of another."""

    scripts = ("beside",)

    def fragments(self) -> Mapping[str, Html]:
        """Draw the bands, and the table of the same."""
        shown: SampleTree = self.target
        return branch_fragments(shown, STATIC)

    def state(self) -> dict[str, Any]:
        """Describe the samples, and which of them each box of the picture has."""
        shown: SampleTree | None = self.target
        if shown is None:
            return {}
        sides = [f"sample {i}" for i in range(len(shown.trajectories))]
        return {"sides": sides, "ways": ways_of(shown)}

    def do_open(self, left: int, right: int, sample: int = 0, prompt: int | None = None) -> None:
        """Send the page two samples beside each other."""
        both = [self.target.trajectories[i] for i in (left, right)]
        names = (f"sample {left}", f"sample {right}")
        self.reply(_pair([prompt, left, right, sample], names, both))


class DiffView(LiveView):
    """Two rollouts in two columns; the page goes from difference to difference."""

    scripts = ("beside",)

    def fragments(self) -> Mapping[str, Html]:
        """Draw both."""
        shown: Diff = self.target
        return diff_fragments(shown, STATIC)

"""The reasoning of rollouts, turn by turn, beside the calls it led to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import overload

from agentkit.errors import UsageError
from agentkit.show.html import Html, el
from agentkit.show.render import shown
from agentkit.show.render.limits import Limits
from agentkit.show.render.parts.block import bar, facts, note, row
from agentkit.show.render.rollout.reasoning import Thought, summed, thought, thought_row
from agentkit.types.record import Drawn
from agentkit.types.sequences.place import at_place
from agentkit.types.trajectory import Trajectory
from agentkit.types.words import count

_BRIEF = 400
"""Characters of a turn's reasoning in plain text."""


class ReasoningView(Drawn, Sequence[Thought]):
    """The reasoning of each turn: source, length, share of the tokens, and what it led to. A
    sequence of `Thought` records.
    """

    def __init__(self, thoughts: Iterable[Thought], *, sought: str = "") -> None:
        self.thoughts = tuple(thoughts)
        self.sought = sought
        """What was searched for."""
        self.many = len({one.rollout for one in self.thoughts}) > 1
        """Whether they are of several rollouts."""

    @classmethod
    def of(cls, trajectories: Iterable[Trajectory]) -> ReasoningView:
        """Collect the reasoning of every turn of these."""
        return cls(
            thought(i, turn)
            for i, trajectory in enumerate(trajectories)
            for turn in trajectory.all_turns
        )

    def filter(
        self, pattern: str = "", *, source: str | None = None, tool: str | None = None
    ) -> ReasoningView:
        """Choose the turns whose reasoning matches.

        Args:
            pattern: a regular expression, searched without regard to case.
            source: only where it was found there.
            tool: only where it led to a call of this tool.

        Raises:
            UsageError: the pattern is no regular expression.
        """
        try:
            wanted = re.compile(pattern, re.IGNORECASE)
        except re.error as exc:
            raise UsageError(
                f"{pattern!r} is no regular expression: {exc}",
                hint="re.escape(text) searches for the text itself",
            ) from None
        kept = [
            one for one in self.thoughts if wanted.search(one.text) and (one.text or not pattern)
        ]
        kept = [one for one in kept if source is None or source in one.sources]
        kept = [
            one
            for one in kept
            if tool is None or any(call.name == tool for call in one.response.tool_calls)
        ]
        asked = [repr(pattern)] if pattern else []
        asked += [f"source={source!r}"] if source is not None else []
        asked += [f"tool={tool!r}"] if tool is not None else []
        return ReasoningView(kept, sought=", ".join(filter(None, [self.sought, *asked])))

    def __len__(self) -> int:
        return len(self.thoughts)

    @overload
    def __getitem__(self, index: int) -> Thought: ...
    @overload
    def __getitem__(self, index: slice) -> ReasoningView: ...
    def __getitem__(self, index: int | slice) -> Thought | ReasoningView:
        return (
            ReasoningView(self.thoughts[index], sought=self.sought)
            if isinstance(index, slice)
            else at_place(self.thoughts, index, "thought", "no reasoning was found")
        )

    def __iter__(self) -> Iterator[Thought]:
        return iter(self.thoughts)

    def __repr__(self) -> str:
        return f"<ReasoningView {', '.join(self.words())}>"

    def words(self) -> list[str]:
        """Sum up what there is, in a few words."""
        total = summed(self.thoughts)
        share = f"{100 * total.share:.0f} % of the output tokens" if total.share is not None else ""
        found = f"matching {self.sought}" if self.sought else ""
        return list(
            filter(
                None,
                [
                    f"{total.with_reasoning} of {count(total.turns, 'turn')}",
                    count(total.characters, "character"),
                    share,
                    found,
                ],
            )
        )


@shown.register(ReasoningView)
def reasoning_fragments(view: ReasoningView, limits: Limits) -> dict[str, Html]:
    """Draw a row per turn, as far as there is room."""
    title = bar(el("strong", "Reasoning"), facts(*view.words()))
    parts = {"head": el("header", title, class_="ak-head", data_key="head")}
    room = limits.size
    if not limits.details:
        limits = replace(limits, text=min(limits.text, _BRIEF))
    for i, one in enumerate(view.thoughts):
        if room <= 0 or i >= limits.head + limits.tail:
            left = note(
                "… ", count(len(view) - i, "more turn"), " not shown here; filter(…) finds them"
            )
            parts["gap"] = row("gap", "aside", (None, left))
            break
        key = f"thought-{i}"
        parts[key] = thought_row(key, one, limits, f"view[{i}].response", view.many)
        room -= len(parts[key])
    return parts

"""What `ak.view` gives: rollouts that exist already, to look at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, overload

from agentkit.analysis.explore.explorer import explore
from agentkit.errors import UsageError
from agentkit.files.cassette.opened import Cassette
from agentkit.show.html import Html, el, fragment, link
from agentkit.show.notebook.static_view import mimebundle
from agentkit.show.notebook.views.reasoning_view import ReasoningView
from agentkit.show.render.parts.text import text
from agentkit.show.render.render import page, render
from agentkit.show.render.rollout.outline import Limits
from agentkit.types.trajectory import Trajectory
from agentkit.types.words import count, visible


class View(Sequence[Trajectory]):
    """One or many trajectories: a sequence of them, shown as a conversation, as a list of
    conversations or, in a notebook, as a table.
    """

    def __init__(
        self,
        trajectories: Iterable[Trajectory],
        *,
        title: str = "",
        source: str = "",
        file: Path | None = None,
        samples: Sequence[int] | None = None,
    ) -> None:
        self.trajectories: Sequence[Trajectory] = (
            trajectories if isinstance(trajectories, Cassette) else tuple(trajectories)
        )
        """All of them; those of a large file stay there, and each is read when it is looked at."""
        self.title = title
        """A heading of the user's own."""
        self.source = source
        """Where they came from, in the user's own words: a file name, say."""
        self.file = file
        """The agentkit file they came from; labels are kept beside it."""
        self.samples = samples
        """The sample index of each in that file; None where it is the position, or where the
        trajectories are a file's own.
        """

    def __len__(self) -> int:
        return len(self.trajectories)

    @overload
    def __getitem__(self, index: int) -> Trajectory: ...
    @overload
    def __getitem__(self, index: slice) -> View: ...
    def __getitem__(self, index: int | slice) -> Trajectory | View:
        if isinstance(index, slice):
            samples = self.samples[index] if self.samples is not None else None
            return View(
                self.trajectories[index],
                title=self.title,
                source=self.source,
                file=self.file,
                samples=samples,
            )
        return self.trajectories[index]

    def __iter__(self) -> Iterator[Trajectory]:
        return iter(self.trajectories)

    @property
    def reasoning(self) -> ReasoningView:
        """The reasoning of each turn beside the calls it led to; `.filter("text")` searches it."""
        return ReasoningView.of(self.trajectories)

    def __repr__(self) -> str:
        return f"<View {self._heading()}>"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        return mimebundle(self)

    def html(self, limits: Limits) -> Html:
        """The conversation of a single trajectory, a list of several."""
        title = (
            el("p", el("strong", self._heading()), class_="ak-title")
            if len(self) != 1 or self.title or self.source
            else None
        )
        return page({"view": fragment(title, self._fragments(limits).values())})

    def _fragments(self, limits: Limits) -> dict[str, Html]:
        if len(self) > limits.listed:
            return explore(self).fragments(limits)
        return render(self._shown(), limits, self._whole()) if self.trajectories else {}

    def _whole(self) -> str | None:
        """The file they came from, where a page can link to it: one named relative to the
        notebook.
        """
        try:
            return self.source if self.source and link(self.source) else None
        except UsageError:
            return None

    def text(self, limits: Limits) -> str:
        """The same as plain text."""
        heading = [self._heading()] if len(self) != 1 or self.title or self.source else []
        if len(self) > limits.listed:
            return "\n".join([*heading, *map(visible, explore(self).lines(limits))])
        return "\n".join([*heading, *([text(self._shown(), limits)] if self.trajectories else [])])

    def _shown(self) -> Trajectory | Sequence[Trajectory]:
        return self.trajectories[0] if len(self) == 1 else self.trajectories

    def _heading(self) -> str:
        number = count(len(self), "trajectory")
        return ", ".join(
            filter(None, (self.title, number, f"from {self.source}" if self.source else ""))
        )

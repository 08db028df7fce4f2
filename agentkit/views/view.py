"""What `ak.view` gives: rollouts that exist already, to look at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, overload

from agentkit.errors import UsageError
from agentkit.html import Html, el, fragment, link
from agentkit.render import Limits, page, render, text
from agentkit.render.words import count
from agentkit.types import Trajectory
from agentkit.views.reasoning_view import ReasoningView
from agentkit.views.static_view import mimebundle


class View(Sequence[Trajectory]):
    """One or many trajectories: a sequence of them, shown as a conversation or as a list of conversations."""

    def __init__(self, trajectories: Iterable[Trajectory], *, title: str = "", source: str = "") -> None:
        self.trajectories = tuple(trajectories)
        self.title = title
        """A heading of the user's own."""
        self.source = source
        """Where they came from, in the user's own words: a file name, say."""

    def __len__(self) -> int:
        return len(self.trajectories)

    @overload
    def __getitem__(self, index: int) -> Trajectory: ...
    @overload
    def __getitem__(self, index: slice) -> View: ...
    def __getitem__(self, index: int | slice) -> Trajectory | View:
        if isinstance(index, slice):
            return View(self.trajectories[index], title=self.title, source=self.source)
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
        title = el("p", el("strong", self._heading()), class_="ak-title") if len(self) != 1 or self.title or self.source else None
        shown = render(self._shown(), limits, self._whole()).values() if self.trajectories else ()
        return page({"view": fragment(title, shown)})

    def _whole(self) -> str | None:
        """The file they came from, where a page can link to it: one named relative to the notebook."""
        try:
            return self.source if self.source and link(self.source) else None
        except UsageError:
            return None

    def text(self, limits: Limits) -> str:
        """The same as plain text."""
        heading = [self._heading()] if len(self) != 1 or self.title or self.source else []
        return "\n".join([*heading, *([text(self._shown(), limits)] if self.trajectories else [])])

    def _shown(self) -> Trajectory | tuple[Trajectory, ...]:
        return self.trajectories[0] if len(self) == 1 else self.trajectories

    def _heading(self) -> str:
        number = count(len(self), "trajectory")
        return ", ".join(filter(None, (self.title, number, f"from {self.source}" if self.source else "")))

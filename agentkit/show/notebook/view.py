"""What `ak.view` gives: rollouts that exist already, to look at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, overload

from agentkit.analysis.explore.explorer import explore
from agentkit.errors import UsageError, checked_keywords
from agentkit.files.cassette.index import Cassette, is_cassette, load_by_sample
from agentkit.files.cassette.index import open as open_cassette
from agentkit.files.path import path_in
from agentkit.files.reader import rollouts_in
from agentkit.show.html import Html, el, link
from agentkit.show.notebook.views.reasoning_view import ReasoningView
from agentkit.show.render import shown
from agentkit.show.render.limits import Limits
from agentkit.show.render.rollout.conversation import trajectory_fragments
from agentkit.show.render.rollouts import explorer_table
from agentkit.types.record import Drawn
from agentkit.types.sequences.place import at_place
from agentkit.types.trajectory import Trajectory
from agentkit.types.words import count

_LARGE = 8_000_000
"""Bytes of a file of ours beyond which its rollouts are read one by one, as they are looked at."""


class View(Drawn, Sequence[Trajectory]):
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
        return at_place(self.trajectories, index, "rollout")

    def __iter__(self) -> Iterator[Trajectory]:
        return iter(self.trajectories)

    @property
    def reasoning(self) -> ReasoningView:
        """The reasoning of each turn beside the calls it led to; `.filter("text")` searches it."""
        return ReasoningView.of(self.trajectories)

    def __repr__(self) -> str:
        return f"<View {self.heading()}>"

    def heading(self) -> str:
        """Sum up how many there are, and where they came from."""
        number = count(len(self), "trajectory")
        return ", ".join(
            filter(None, (self.title, number, f"from {self.source}" if self.source else ""))
        )


@shown.register(View)
def view_fragments(view: View, limits: Limits) -> dict[str, Html]:
    """Draw the conversation of a single trajectory, a list of several."""
    title = el("p", el("strong", view.heading()), class_="ak-title") if _is_titled(view) else None
    return {**({"title": title} if title else {}), **_conversations(view, limits)}


def _conversations(view: View, limits: Limits) -> dict[str, Html]:
    if len(view) > limits.listed:
        return explorer_table(explore(view), limits)
    if len(view) == 1:
        return trajectory_fragments(view[0], limits, _whole(view))
    return shown.fragments(view.trajectories, limits) if len(view) else {}


def _is_titled(view: View) -> bool:
    return bool(len(view) != 1 or view.title or view.source)


def _whole(view: View) -> str | None:
    """Name the file they came from, where a page can link to it: one named relative to the
    notebook.
    """
    try:
        return view.source if view.source and link(view.source) else None
    except UsageError:
        return None


@checked_keywords
def view(x: Any, *, title: str = "") -> View:
    """Show what exists already as a rollout is shown; several in a notebook as the table of
    `ak.explore`.

    Args:
        x: a trajectory, or what holds some (`Debugger`, `AgentResult`, `ak.rollouts(...)`); a turn
            or a response; a list of messages; a server's raw answer: a body as text, bytes or dict,
            a (status, body) pair, an SDK's object; captured exchanges; a DataFrame with a column
            `messages`; the path of a cassette, a chat log or a capture, or a pattern of paths; or a
            list of any of these. A large cassette is opened by an index and not read whole.
        title: a heading.

    Raises:
        UsageError: it is none of these, or an empty list.
        FileNotFoundError: there is no such file.
        CassetteError: the file cannot be read.
    """
    if isinstance(x, (list, tuple)) and not x:
        raise UsageError(
            f"an empty {type(x).__name__} holds nothing to view",
            hint="pass messages, trajectories, or the path of a file",
        )
    path = path_in(x)
    if path is None:
        return View(rollouts_in(x), title=title)
    if not is_cassette(path):
        return View(rollouts_in(x), title=title, source=str(x))
    if path.stat().st_size > _LARGE:
        return View(open_cassette(path), title=title, source=str(x), file=path)
    found = load_by_sample(path)
    return View(found.values(), title=title, source=str(x), file=path, samples=tuple(found))

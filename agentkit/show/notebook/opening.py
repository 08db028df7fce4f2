"""`ak.view`: what exists already, shown as a rollout is."""

from __future__ import annotations

from typing import Any

from agentkit.errors import UsageError, checked_keywords
from agentkit.files.cassette.index import is_cassette, load_by_sample
from agentkit.files.cassette.index import open as open_cassette
from agentkit.files.path import path_in
from agentkit.files.reader import rollouts_in
from agentkit.show.notebook.view import View

_LARGE = 8_000_000
"""Bytes of a file of ours beyond which its rollouts are read one by one, as they are looked at."""


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

"""`ak.view`: what exists already, shown as a rollout is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from agentkit.errors import UsageError
from agentkit.files.cassette.opened import open as open_cassette
from agentkit.files.reader import rollouts_in
from agentkit.files.store import is_ours, load_by_sample
from agentkit.show.notebook.view import View
from agentkit.types.keywords import checked_keywords

_LARGE = 8_000_000
"""Bytes of a file of ours beyond which its rollouts are read one by one, as they are looked at."""


@checked_keywords
def view(x: Any, *, title: str = "") -> View:
    """A look at what exists already, drawn as a rollout is drawn; several in a notebook as the
    table of `ak.explore`.

    Args:
        x: a list of messages; a server's answer; a trajectory, a list of them, or what holds them
            (`AgentResult`, `Debugger`); a path: an
            agentkit file, an OpenAI chat JSONL, a JSON file of messages. A large agentkit file is
            opened by an index and not read whole.
        title: a heading.

    Raises:
        UsageError: it is none of these.
        FileNotFoundError: there is no such file.
        CassetteError: the file cannot be read.
    """
    if isinstance(x, (list, tuple)) and not x:
        raise UsageError(
            f"an empty {type(x).__name__} holds nothing to view",
            hint="pass messages, trajectories, or the path of a file",
        )
    if not isinstance(x, (str, os.PathLike)):
        return View(rollouts_in(x), title=title)
    path = Path(x)
    if not is_ours(path):
        return View(rollouts_in(x), title=title, source=str(x))
    if path.stat().st_size > _LARGE:
        return View(open_cassette(path), title=title, source=str(x), file=path)
    found = load_by_sample(path)
    return View(found.values(), title=title, source=str(x), file=path, samples=tuple(found))

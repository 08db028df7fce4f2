"""Which things have a view that lives, and the one view of each."""

from __future__ import annotations

import sys
import weakref
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agentkit.show.notebook.live import LiveView

LIVE = {
    "agentkit.agent.batch.progress.Progress": "agentkit.show.notebook.views.progress_view.ProgressView",
    "agentkit.agent.batch.rollouts.Rollouts": "agentkit.show.notebook.views.explorer_view.ExplorerView",
    "agentkit.files.cassette.index.Index": "agentkit.show.notebook.views.explorer_view.ExplorerView",
    "agentkit.files.cassette.opened.Cassette": "agentkit.show.notebook.views.explorer_view.ExplorerView",
    "agentkit.analysis.explore.explorer.Explorer": "agentkit.show.notebook.views.explorer_view.ExplorerView",
    "agentkit.show.notebook.view.View": "agentkit.show.notebook.views.explorer_view.ExplorerView",
    "agentkit.debugger.debugger.Debugger": "agentkit.show.notebook.views.debugger_view.DebuggerView",
    "agentkit.analysis.tokens.tokens.Tokens": "agentkit.show.notebook.views.tokens_live.TokensView",
}
"""A class to the class of its view, whose one argument is the thing it shows. What never changes
needs none: its HTML is all there is.
"""

_views: dict[int, LiveView] = {}
"""By identity: what is a list of rollouts has no hash."""


def live_view(thing: Any) -> LiveView | None:
    """The view of the thing, the same one in every cell that shows it; None where it has none."""
    name = next(
        (
            name
            for cls in type(thing).__mro__
            if (name := LIVE.get(f"{cls.__module__}.{cls.__qualname__}"))
        ),
        None,
    )
    if name is None:
        return None
    module, _, cls = name.rpartition(".")
    view: type[LiveView] = getattr(import_module(module), cls)
    known = _views.get(id(thing))
    if known is not None and known.comm is not None:
        return known
    if not view.suits(thing):
        return None
    if known is None:
        weakref.finalize(thing, _views.pop, id(thing), None).atexit = False
    _views[id(thing)] = made = view(thing)  # anew where a page has ended all widgets of the kernel
    return made


def display(thing: Any) -> bool:
    """Whether the thing was shown: only a notebook's kernel shows anything."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if getattr(shell, "kernel", None) is None:
        return False
    from IPython.display import display as show

    show(thing)  # type: ignore[no-untyped-call]
    return True

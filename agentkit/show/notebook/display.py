"""Which things have a view that lives, and the one view of each."""

from __future__ import annotations

import sys
import weakref
from functools import cache
from importlib import import_module
from threading import Thread
from typing import TYPE_CHECKING, Any

from agentkit.agent.event_loop import event_loop

if TYPE_CHECKING:
    from agentkit.show.notebook.live import LiveView


def live_views() -> dict[type, type[LiveView]]:
    """List the classes that have a view that lives, each with the class of its view. That of a tap
    is imported with the first one, as it takes its time.
    """
    if "agentkit.tap.watch" not in sys.modules:
        return _live_views()
    from agentkit.show.notebook.views.watch.watch_view import WatchView
    from agentkit.tap.watch import Watch

    return {**_live_views(), Watch: WatchView}


@cache
def _live_views() -> dict[type, type[LiveView]]:
    """Import the classes that have a view that lives, each with the class of its view, whose one
    argument is the thing it shows. What never changes needs none: its HTML is all there is.
    """
    from agentkit.agent.batch.progress import Progress
    from agentkit.agent.batch.rollouts import Rollouts
    from agentkit.analysis.compare.comparison import Comparison
    from agentkit.analysis.diff import Diff
    from agentkit.analysis.explore.explorer import Explorer
    from agentkit.analysis.sample_tree import SampleTree
    from agentkit.analysis.tokens.tokens import Tokens
    from agentkit.debugger.debugger import Debugger
    from agentkit.files.cassette.index import Cassette, Index
    from agentkit.files.index.index_progress import IndexProgress
    from agentkit.show.notebook.view import View
    from agentkit.show.notebook.views.beside_view import (
        ComparisonView,
        DiffView,
        SamplesView,
        TreeView,
    )
    from agentkit.show.notebook.views.debugger.debugger_view import DebuggerView
    from agentkit.show.notebook.views.explorer.explorer_view import ExplorerView
    from agentkit.show.notebook.views.explorer.index_view import IndexView
    from agentkit.show.notebook.views.explorer.progress_view import ProgressView
    from agentkit.show.notebook.views.tokens.tokens_live import TokensView
    from agentkit.trajectory.person.branches import Tree

    tables = (Rollouts, Index, Cassette, Explorer, View)
    return {
        Progress: ProgressView,
        IndexProgress: IndexView,
        Debugger: DebuggerView,
        Tokens: TokensView,
        Comparison: ComparisonView,
        Diff: DiffView,
        Tree: TreeView,
        SampleTree: SamplesView,
        **dict.fromkeys(tables, ExplorerView),
    }


_views: dict[int, LiveView] = {}
"""By identity: what is a list of rollouts has no hash."""
_COMES = 10.0
"""Seconds after a cell in which a page comes to show what the cell has displayed."""


def live_view(thing: Any) -> LiveView | None:
    """Find the view of the thing, the same one in every cell that shows it; None where it
    has none.
    """
    views = live_views()
    view = next((views[cls] for cls in type(thing).__mro__ if cls in views), None)
    if view is None:
        return None
    known = _views.get(id(thing))
    if known is not None and known.comm is not None:
        return known
    if not view.suits(thing):
        view = _single(thing)
    if view is None:
        return None
    if not type(thing).__weakrefoffset__:
        return view(thing)  # a value: nobody would know when it ends
    if known is None:
        # else another thing at the same address would get its view; at exit all of it goes anyway
        weakref.finalize(thing, _views.pop, id(thing), None).atexit = False
    _views[id(thing)] = made = view(thing)  # anew where a page has ended all widgets of the kernel
    return made


def _single(thing: Any) -> type[LiveView] | None:
    """Find the view of what holds a single rollout; None where that is no more than its HTML."""
    from agentkit.show.notebook.view import View
    from agentkit.show.notebook.views.debugger.rollout_view import RolloutView

    return RolloutView if isinstance(thing, View) and RolloutView.suits(thing) else None


def begin(view: LiveView) -> None:
    """Let the view send what it shows, without a word from the page: it cannot be heard before the
    cell that displays the view has ended.
    """
    _heed_cells()
    _warm_up()
    view.begin()


@cache
def _heed_cells() -> None:
    """Let views that no page came to show be quiet again."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is not None:
        shell.events.register("post_run_cell", _after_cell)


@cache
def _warm_up() -> None:
    """Import beside the cell, once, what a first request needs: the first click in a view does not
    wait for it.
    """
    name = "agentkit.servers.transport.http_wire"
    Thread(target=import_module, args=(name,), name="agentkit imports", daemon=True).start()


def _after_cell(_: object) -> None:
    for view in list(_views.values()):
        if view.awaited:
            loop = event_loop()
            loop.call_soon_threadsafe(loop.call_later, _COMES, view.settle)


def display(thing: Any) -> bool:
    """Show the thing and return whether it was shown: only a notebook's kernel shows anything."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if getattr(shell, "kernel", None) is None:
        return False
    from IPython.display import display as show

    show(thing)  # type: ignore[no-untyped-call]
    return True

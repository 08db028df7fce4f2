"""The bytes of what a view sends, counted without a page."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import agentkit as ak
from agentkit.show.notebook.display import live_view
from agentkit.show.notebook.live import LiveView
from agentkit.show.notebook.views.debugger.debugger_view import DebuggerView
from agentkit.types.trajectory import Trajectory


def sent_by(view: LiveView) -> list[int]:
    """The bytes of each message from now on."""
    sizes: list[int] = []

    def send(content: Any, buffers: Any = None) -> None:
        text = json.dumps(content, ensure_ascii=False)
        sizes.append(len(text.encode()) + sum(map(len, buffers or ())))

    view.send = send
    return sizes


def first_state(thing: Any, trajectory: Trajectory | None = None) -> int:
    """Bytes until the view of a thing shows: what opens the widget, and all that is drawn. A
    debugger may be given what it shows.
    """
    if trajectory is not None:
        thing._cursor.engine.trajectory = trajectory
    view = live_view(thing)
    assert view is not None
    state = {name: view.get_state()[name] for name in ("_esm", "counted")}
    sizes = sent_by(view)
    view.begin()
    return len(json.dumps(state)) + len(view.packed) + sum(sizes)


def appended(rollouts: Iterable[Trajectory]) -> Iterator[int]:
    """Bytes that each rollout costs a debugger which has shown the one before it, without the text
    of its last turn.
    """
    dbg = ak.debug(ak.demo(), "Go on.")
    view = DebuggerView(dbg)
    sizes = sent_by(view)
    for rollout in rollouts:
        dbg._cursor.engine.trajectory = rollout
        sizes.clear()
        if view.watched:
            view.refresh()
            yield sum(sizes) - len(text_of(rollout))
        else:
            view.begin()


def text_of(rollout: Trajectory) -> str:
    """What is said and sent in the last turn, once."""
    turn = rollout.turns[-1]
    response = turn.response
    called = [call.raw_arguments or "" for call in response.tool_calls]
    given = [result.content for result in turn.results if result is not None]
    return "".join([response.content or "", response.reasoning or "", *called, *given])

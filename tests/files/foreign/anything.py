"""What every foreign format must stand: its rollouts go wherever ours go, and a value in it may be
anything.
"""

from __future__ import annotations

import copy
import json
import logging
from typing import Any

from hypothesis import strategies as st

import agentkit as ak
from agentkit.errors import AgentkitError
from agentkit.types.trajectory import Trajectory

ODD: tuple[Any, ...] = (
    *(None, True, 0, -1, 1e300, float("inf"), "", "x", "{", '[{"a": 1}]', '{"role": "user"}'),
    *([], {}, [None], [[]], {"role": 3}, {"type": []}, "\ud800", "9" * 400, [{"type": "text"}]),
)
"""Values that a member may have in a file of somebody else."""


def places_in(value: Any) -> list[tuple[Any, ...]]:
    """List the path of every member inside a value."""
    found: list[tuple[Any, ...]] = []
    waiting: list[tuple[tuple[Any, ...], Any]] = [((), value)]
    while waiting:
        path, now = waiting.pop()
        inner: Any = ()
        if isinstance(now, dict):
            inner = now.items()
        elif isinstance(now, list):
            inner = enumerate(now)
        for key, item in inner:
            found.append((*path, key))
            waiting.append(((*path, key), item))
    return found


def with_value(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """Copy a value with one member changed."""
    changed = copy.deepcopy(value)
    holder = changed
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = new
    return changed


def mutated(value: Any) -> st.SearchStrategy[Any]:
    """Make copies of a value in which one or two members are something else."""

    def change(drawn: tuple[int, int, int, int]) -> Any:
        first, odd, second, other = drawn
        now = value
        for at, new in ((first, odd), (second, other)):
            places = places_in(now)
            if places:
                now = with_value(now, places[at % len(places)], ODD[new % len(ODD)])
        return now

    number = st.integers(min_value=0, max_value=10_000)
    return st.tuples(number, number, number, number).map(change)


def goes_everywhere(rollout: Trajectory, tmp_path: Any) -> None:
    """Check that a rollout is shown, tabled, saved, loaded, compared and stepped like ours."""
    assert ak.view(rollout).text()
    assert ak.view(rollout)._repr_mimebundle_()
    assert len(ak.turns_df(rollout)) == len(rollout.all_turns)
    ak.tool_calls_df(rollout)
    ak.messages_df(rollout)
    ak.problems_df(rollout)
    ak.explore([rollout])
    assert not ak.diff(rollout, rollout)
    ak.tokens(rollout)
    json.dumps(rollout.messages)
    path = tmp_path / "saved.jsonl"
    ak.save(rollout, path)
    again = ak.load(path)
    assert again == rollout
    assert ak.view(again).text() == ak.view(rollout).text()
    if rollout.all_turns:
        agent = ak.Agent("a-model", server="http://127.0.0.1:9/v1", dialect=rollout.spec.dialect)
        ak.debug(agent, rollout)


def gives_only_our_errors(value: Any) -> None:
    """Check that a value is read as rollouts that can be shown, or refused with an error of ours."""
    log = logging.getLogger("agentkit")
    log.disabled = True
    try:
        for rollout in ak.load(value, all=True):
            assert ak.view(rollout).text()
            assert isinstance(rollout.messages, list)
    except AgentkitError:
        pass
    finally:
        log.disabled = False

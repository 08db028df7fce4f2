"""What is imported goes through everything that takes rollouts, and no value breaks the reader."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import agentkit as ak
from agentkit.errors import AgentkitError
from tests.files.foreign.evals import (
    atif_cases,
    bench_cases,
    inspect_cases,
    openhands_cases,
    swe_cases,
    verifiers_cases,
)

SHELVES = (bench_cases, swe_cases, inspect_cases, verifiers_cases, atif_cases, openhands_cases)
CASES: dict[str, Any] = {name: case for shelf in SHELVES for name, case in shelf.CASES.items()}
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from([[], {}, [[]], [None], {"a": []}, "\ud800", "1e999", [{}], {"role": 3}]),
)


@pytest.mark.parametrize("name", CASES)
def test_an_imported_rollout_can_be_used_as_any_other(name: str, tmp_path: Path) -> None:
    rollouts = ak.load(json.dumps(CASES[name]), all=True)
    assert rollouts
    for rollout in rollouts:
        assert rollout.meta["import"]["format"]
        assert ak.view(rollout)._repr_mimebundle_()
        assert ak.diff(rollout, rollout).summary()
        ak.tokens(rollout)
        json.dumps(rollout.messages)
    for frame in (ak.turns_df, ak.tool_calls_df, ak.messages_df, ak.problems_df):
        frame(rollouts)
    assert ak.explore(rollouts)._repr_mimebundle_()
    saved = ak.save(rollouts, tmp_path / "saved.jsonl")
    assert ak.load(saved, all=True) == rollouts


@pytest.mark.parametrize("name", CASES)
def test_an_imported_rollout_goes_on(name: str) -> None:
    rollout = ak.load(json.dumps(CASES[name]), all=True)[0]
    if not rollout.all_turns:
        return
    dbg = rollout.fork(server=ak.testing.ScriptedServer(["Done."]))
    dbg.step()
    assert dbg.trajectory.turns[-1].response.content == "Done."


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """List where something is in a value."""
    if path:
        yield path
    inside = enumerate(value) if isinstance(value, list) else ()
    for key, one in value.items() if isinstance(value, dict) else inside:
        yield from places(one, (*path, key))


def changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """Copy the value with another one at a place."""
    whole = copy.deepcopy(value)
    inner = whole
    for key in path[:-1]:
        inner = inner[key]
    if new is ...:
        del inner[path[-1]]
    else:
        inner[path[-1]] = new
    return whole


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_value_raises_anything_of_its_own(name: str, data: st.DataObject) -> None:
    value = CASES[name]
    for _ in range(data.draw(st.integers(1, 3))):
        spots = list(places(value))
        if not spots:
            break
        value = changed(value, data.draw(st.sampled_from(spots)), data.draw(st.just(...) | ODD))
    try:
        for rollout in ak.load([value] if isinstance(value, dict) else value, all=True):
            ak.view(rollout).text()
            json.dumps(rollout.messages)
    except AgentkitError:
        pass

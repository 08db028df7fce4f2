"""A place of a sequence where nothing is: the error is an `IndexError`, and says how many there
are, or what to do where there are none.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import agentkit as ak
from agentkit.errors import NoPlace, WrongCall
from agentkit.types.sequences.place import PlacedList


@pytest.fixture(scope="module")
def watched() -> Iterator[Any]:
    w = ak.watch("http://127.0.0.1:9")
    yield w
    w.close()


@pytest.fixture(scope="module")
def rollout() -> ak.Trajectory:
    return ak.rollout(ak.demo())


SEQUENCES: dict[str, Callable[[Any, ak.Trajectory], Any]] = {
    "w.pending": lambda w, _: w.pending,
    "w.rollouts": lambda w, _: w.rollouts,
    "w.flows": lambda w, _: w.flows,
    "w.breakpoints": lambda w, _: w.breakpoints,
    "a table": lambda _, t: ak.explore([t]),
    "a table of none": lambda _, t: ak.explore([t]).filter("turns>99"),
    "a view": lambda _, t: ak.view([t]),
    "a batch": lambda *_: ak.rollouts(ak.demo(), ["Hi"], progress=False),
    "a debugger's calls": lambda *_: ak.debug(ak.demo()).pending,
}


@pytest.mark.parametrize("name", SEQUENCES)
@pytest.mark.parametrize("index", [99, -99])
def test_the_error_of_a_place_says_what_there_is(
    name: str, index: int, watched: Any, rollout: ak.Trajectory
) -> None:
    values = SEQUENCES[name](watched, rollout)
    with pytest.raises(IndexError, match=f"there is no .* {index}") as caught:
        values[index]
    assert isinstance(caught.value, NoPlace)
    assert caught.value.hint
    assert len(values) == 0 or f"there is {len(values)}, counted from 0" == caught.value.hint
    assert caught.value.__suppress_context__
    assert list(values[0:0]) == []
    assert len(list(values)) == len(values)


def test_what_comes_by_places_is_a_list_and_a_tuple_all_the_same(watched: Any) -> None:
    assert watched.rollouts == []
    assert watched.pending == ()
    with pytest.raises(NoPlace, match="hold"):
        watched.pending[0]
    kept = PlacedList("ab", "letter", "write one")
    assert pickle.loads(pickle.dumps(kept)) == ["a", "b"]
    assert repr(kept) == "['a', 'b']"


@pytest.mark.parametrize(
    ("take", "hint"),
    [(next, "next(iter("), (lambda stream: stream[0], "ak.rollouts(")],
)
def test_a_stream_of_rollouts_is_gone_through(take: Any, hint: str) -> None:
    with pytest.raises(WrongCall) as caught:
        take(ak.rollouts_iter(ak.demo(), ["Hi"], progress=False))
    assert isinstance(caught.value, TypeError)
    assert hint in caught.value.hint
    assert next(iter(ak.rollouts_iter(ak.demo(), ["Hi"], progress=False))).turns


async def test_a_stream_of_rollouts_is_awaited_in_a_loop() -> None:
    stream: Any = ak.rollouts_iter(ak.demo(), ["Hi"], progress=False)
    with pytest.raises(WrongCall, match="async for"):
        await anext(stream)
    assert (await anext(aiter(stream))).turns

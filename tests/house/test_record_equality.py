"""Records equal what they were, NaN and all, on every Python."""

from __future__ import annotations

import json
import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import agentkit as ak
from agentkit.types.wire import Chunk, TokenLogprob


def nan() -> float:
    """A NaN that is another object each time, so that identity is of no help."""
    return float("nan")


def test_each_nan_is_another() -> None:
    assert nan() is not nan()
    assert {"a": nan()} != {"a": nan()}


@pytest.mark.parametrize(
    "make",
    [
        lambda: TokenLogprob(token="a", logprob=nan()),
        lambda: TokenLogprob(token="a", logprob=-1.0, top=(("a", nan()), ("b", -2.0))),
        lambda: ak.Message(wire={"role": "user", "content": [{"score": nan()}, [nan(), 1]]}),
        lambda: ak.Trajectory(meta={"reward": nan(), "split": "dev"}),
        lambda: ak.Request(model="m", messages=({"role": "user"},), sampling={"top_p": nan()}),
    ],
)
def test_records_with_nan_are_equal(make: Any) -> None:
    assert make() == make()
    assert (make() != make()) is False


@pytest.mark.parametrize(
    "changed",
    [
        {"reward": 1.0, "split": "dev", "more": [nan()]},
        {"reward": nan(), "split": "test", "more": [nan()]},
        {"reward": nan(), "split": "dev", "more": [nan(), nan()]},
        {"reward": nan(), "split": "dev", "more": (nan(),)},
        {"reward": nan(), "split": "dev"},
        {"reward": "NaN", "split": "dev", "more": [nan()]},
    ],
)
def test_a_nan_hides_no_other_difference(changed: dict[str, Any]) -> None:
    meta = {"reward": nan(), "split": "dev", "more": [nan()]}
    assert ak.Trajectory(meta=meta) != ak.Trajectory(meta=changed)


def test_what_is_compared_and_what_is_not() -> None:
    assert Chunk(at=0.0, text="a") == Chunk(at=1.0, text="a")
    assert Chunk(at=0.0, text="a") != Chunk(at=0.0, text="b")
    assert ak.Message(wire={"n": 1}) == ak.Message(wire={"n": 1.0})
    assert (ak.Message(wire={}) == {}) is False  # type: ignore[comparison-overlap]
    assert hash(TokenLogprob(token="a", logprob=1.0)) == hash(TokenLogprob(token="a", logprob=1.0))


def test_a_rollout_that_holds_nan_is_read_again_as_it_was(tmp_path: Path) -> None:
    rollout = ak.rollout(ak.demo(), meta={"reward": nan(), "scores": [nan(), math.inf]})
    path = ak.save(rollout, tmp_path / "a.jsonl")
    again = ak.load(path)
    assert again == rollout
    assert ak.load(path) == again
    assert replace(again, meta={**again.meta, "reward": 0.0}) != rollout


def test_unequal_rollouts_are_told_apart_in_linear_time() -> None:
    def spent(size: int) -> float:
        body = json.dumps({"choices": [{"message": {"content": "a", "x": [[1.5] * 9] * size}}]})
        one, other = ak.read_response(body), ak.read_response(body.replace('"a"', '"b"'))
        began = time.process_time()
        for _ in range(20):
            assert one != other
        return time.process_time() - began

    spent(100)
    assert spent(8000) <= 40 * max(spent(1000), 0.001)

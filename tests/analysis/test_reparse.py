"""A stored rollout read again with another parser: offline, nothing run, and the changes named."""

from __future__ import annotations

import copy
import pickle

import pytest

import agentkit as ak
from tests.support.paths import NOTEBOOKS

CASSETTE = NOTEBOOKS / "cassettes" / "vllm_compare_weather.jsonl"


@pytest.fixture
def rollouts() -> list[ak.Trajectory]:
    loaded = ak.load(CASSETTE, all=True)
    return loaded


def test_calls_left_in_the_text_become_calls(rollouts: list[ak.Trajectory]) -> None:
    again = ak.reparse(rollouts[1], parser="hermes")
    assert [(c.name, c.arguments) for c in again.trajectory.turns[0].tool_calls] == [
        ("get_weather", {"city": "Delhi"}),
        ("get_weather", {"city": "Tokyo"}),
    ]
    assert {change.what for change in again.changes} == {
        "tool_calls",
        "recoverable",
        "content",
        "problems",
    }
    assert rollouts[1].turns[0].tool_calls == ()


def test_results_stay_with_their_calls(rollouts: list[ak.Trajectory]) -> None:
    again = ak.reparse(rollouts[0], parser="hermes")
    assert again.changes == ()
    assert again.trajectory.turns == rollouts[0].turns


def test_a_parser_that_finds_nothing_changes_nothing(rollouts: list[ak.Trajectory]) -> None:
    assert ak.reparse(rollouts[1], parser="pythonic").changes == ()


def test_reading_twice_is_reading_once(rollouts: list[ak.Trajectory]) -> None:
    once = ak.reparse(rollouts[1], parser="hermes").trajectory
    assert ak.reparse(once, parser="hermes").changes == ()


def test_it_shows_what_changes(rollouts: list[ak.Trajectory]) -> None:
    bundle = ak.reparse(rollouts[1], parser="hermes")._repr_mimebundle_()
    assert "turn 0" in bundle["text/plain"]
    assert "read again" in bundle["text/html"]


def test_what_cannot_be_read_again_says_so() -> None:
    with pytest.raises(ValueError, match="holds no rollout"):
        ak.reparse([])
    with pytest.raises(LookupError, match="nosuch"):
        ak.reparse(ak.Trajectory(), parser="nosuch")


def test_it_reads_like_a_rollout(rollouts: list[ak.Trajectory]) -> None:
    again = ak.reparse(rollouts[1], parser="hermes")
    whole = again.trajectory
    assert again.turns == whole.turns
    assert (again.final, again.problems, again.spec) == (whole.final, whole.problems, whole.spec)
    assert {"turns", "final", "changes"} <= set(dir(again))
    assert copy.deepcopy(again) == again == pickle.loads(pickle.dumps(again))
    assert list(ak.turns_df(again).rollout) == list(ak.turns_df(whole).rollout)
    with pytest.raises(AttributeError, match="trns"):
        _ = again.trns

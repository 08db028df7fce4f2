"""A turn by itself knows what it was asked with, at no cost that grows faster than the rollout, and
without a part in equality.
"""

from __future__ import annotations

import pickle
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest

import agentkit as ak
from agentkit.files.cassette.codec import load_lines
from agentkit.files.cassette.lines import dump
from agentkit.trajectory.loop import apply, say, start
from agentkit.types.steps import Answer
from agentkit.types.trajectory import Trajectory, Turn
from agentkit.types.wire import Exchange
from tests.support.loaded import load_one

pytestmark = pytest.mark.usefixtures("spoken")

BODY = '{"choices": [{"index": 0, "message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"}]}'


def long(turns: int) -> Trajectory:
    trajectory = start("hi")
    for _ in range(turns):
        trajectory = say(
            apply(trajectory, Answer(exchange=Exchange(status=200, body=BODY))), "go on"
        )
    return trajectory


def test_the_request_of_every_turn_is_the_rollouts() -> None:
    trajectory = long(5)
    for turn in trajectory.turns:
        assert turn.rollout is not None
        assert turn.rollout.turns == trajectory.turns[: turn.index + 1]
        assert turn.rollout.request(turn.index) == trajectory.request(turn.index)


def test_the_open_turn_knows_it_too() -> None:
    dbg = ak.debug(ak.demo(), "Do I need a coat in Oslo?")
    dbg.step()
    turn = dbg.turn
    assert turn is not None
    assert turn.rollout is not None
    assert turn.rollout.request(0) == dbg.trajectory.request(0)


def test_it_outlives_the_rollout_and_files(tmp_path: Path) -> None:
    turn = long(3).turns[2]
    assert turn.rollout is not None
    assert len(turn.rollout.request(2).messages) == 5
    ak.save(long(3), tmp_path / "x.jsonl")
    assert load_one(tmp_path / "x.jsonl").turns[2].rollout == turn.rollout


def test_it_is_no_part_of_equality_nor_of_a_file() -> None:
    turn = long(2).turns[1]
    assert turn == replace(turn, before=None)
    assert turn == Turn(index=1, response=turn.response, added=turn.added)
    assert "before" not in str(dump(long(2)))
    assert load_lines(dump(long(2)))[0].turns[1].before is not None


def test_a_chat_that_exists_already_has_it() -> None:
    chat = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": "c"},
        {"role": "assistant", "content": "d"},
    ]
    (trajectory,) = ak.view(chat).trajectories
    assert trajectory.turns[1].rollout is not None
    assert [m["content"] for m in trajectory.turns[1].rollout.request(1).messages] == [
        "a",
        "b",
        "c",
    ]


@pytest.mark.slow
def test_a_long_rollout_pickles_and_ends() -> None:
    trajectory = long(2_000)
    again = pickle.loads(pickle.dumps(trajectory))
    assert again == trajectory
    assert len(again.turns[-1].rollout.turns) == 2_000
    del trajectory, again  # a chain of two thousand ends without a deep recursion


@pytest.mark.slow
def test_memory_grows_with_the_turns_alone() -> None:
    def kept(turns: int) -> int:
        tracemalloc.start()
        trajectory = long(turns)
        used, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert len(trajectory.turns) == turns
        return used

    kept(50)
    assert kept(800) < 5 * kept(200)

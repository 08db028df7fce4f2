"""What comes before a turn: whoever looks gets it whole, and a rollout keeps its beginning once."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace

import agentkit as ak
from agentkit.types.record import replace as quickly
from agentkit.types.trajectory import Before, Turn
from tests.show.render_samples import long


def rollout() -> ak.Trajectory:
    dbg = ak.debug(ak.demo(), "Do I need a coat in Oslo?")
    dbg.run()
    return dbg.trajectory


def test_each_turn_tells_what_came_before_it() -> None:
    whole = rollout()
    assert len(whole.turns) > 2
    for index, turn in enumerate(whole.turns):
        assert turn.before is not None
        assert turn.before.last is (whole.turns[index - 1] if index else None)
        assert turn.before.turns == whole.turns[:index]
        assert (turn.before.spec, turn.before.prompt) == (whole.spec, whole.prompt)
        assert turn.before.left == 0


def test_a_turn_by_hand_has_nothing_before_it() -> None:
    (made, *_) = long(1).turns
    assert made.before is None
    assert replace(made, index=3).before is None


def test_what_a_copy_has_before_it_is_its_own() -> None:
    turn = rollout().turns[1]
    before = turn.before
    assert before is not None
    other = Before(spec=before.spec, prompt=(), last=before.last, left=1)
    for copied in (replace(turn, before=other), quickly(turn, before=other)):
        assert copied.before == other
        assert copied.before.last is before.last
        assert turn.before == before
    assert replace(turn, before=None).before is None
    assert Turn(index=1, response=turn.response, before=before).before == before


def test_it_is_pickled_and_copied_whole() -> None:
    turn = rollout().turns[2]
    assert turn.before is not None
    for again in (pickle.loads(pickle.dumps(turn)), copy.copy(turn), copy.deepcopy(turn)):
        assert again == turn
        assert again.before == turn.before
        assert again.before.turns == turn.before.turns

"""What of a rollout's meta a fork of it has: what names the task, and nothing of how the other
rollout ended.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import agentkit as ak
from agentkit.testing import ScriptedServer, calls, says
from agentkit.trajectory.person.judgements import JUDGEMENTS
from agentkit.types.trajectory import Trajectory

TASK = {
    "task": "double",
    "sample": 7,
    "id": "r1",
    "training_step": 40,
    "split": "train",
    "model": "m",
    "source": "a.jsonl",
    "target": "4",
    "answer": "4",
    "info": {"hard": True},
}
"""What names the task, as a caller and importers write it (constructed)."""
END = dict.fromkeys(JUDGEMENTS, 1.0) | {
    "labels": {"exact": 1.0},
    "scores": {"judge": {"value": "C"}},
    "error": "it broke",
}
ONE = says(None, calls("double", n=1))
OTHER = [ONE, says("other"), says("other")]


def double(n: int) -> int:
    """Double it."""
    return 2 * n


def agent(*script: Any) -> ak.Agent:
    return ak.Agent("m", [double], ScriptedServer(list(script)))


def ended() -> Trajectory:
    """A rollout of three turns that was judged when it had ended."""
    rollout = ak.rollout(agent(ONE, ONE, says("done")), "go")
    return replace(rollout, meta={**TASK, **END, "weights": [1, 0, 1]})


def forked(old: Trajectory) -> ak.Debugger:
    dbg: ak.Debugger = old.fork(turn=1, server=ScriptedServer(OTHER))
    return dbg


def over(old: Trajectory) -> ak.Debugger:
    return ak.debug(agent(*OTHER), old)


WAYS: dict[str, Callable[[Trajectory], Any]] = {
    "rollout.fork": forked,
    "rollout.fork, run": lambda old: forked(old).run(),
    "debug": over,
    "debug, fork": lambda old: over(old).fork(turn=1),
    "debug, fork here": lambda old: over(old).fork(),
    "debug, a new answer": lambda old: over(old).edit(turn=1, message="no"),
    "debug, a new result": lambda old: over(old).edit(turn=1, result=5),
    "debug, new arguments": lambda old: over(old).edit(turn=1, arguments={"n": 3}),
    "debug, a new prompt": lambda old: over(old).edit(prompt="come"),
    "debug, new sampling": lambda old: over(old).edit(turn=1, sampling={"seed": 1}),
    "debug, back, edit, run": lambda old: over(old).back(2).edit(result=5).run(),
    "debug, back, run": lambda old: over(old).back(2).run(),
    "debug, rerun": lambda old: over(old).rerun(turn=1),
    "debug, restart": lambda old: over(old).restart(),
    "debug, say": lambda old: over(old).say("And?"),
    "replay, edit": lambda old: ak.debug(ak.replay([old])).edit(prompt="come"),
    "replay, run, edit": lambda old: _run(ak.debug(ak.replay([old]))).edit(turn=1, result=5),
    "replay, run, fork": lambda old: _run(ak.debug(ak.replay([old]))).fork(turn=1),
    "rollout": lambda old: ak.rollout(agent(*OTHER), old),
}


def _run(dbg: ak.Debugger) -> ak.Debugger:
    dbg.run()
    return dbg


@pytest.mark.parametrize("way", WAYS)
def test_a_fork_has_nothing_of_the_end_that_it_left(way: str) -> None:
    old = ended()
    given = dict(old.meta)
    made = WAYS[way](old)
    new = made if isinstance(made, Trajectory) else made.trajectory
    assert new.meta.keys().isdisjoint(END)
    assert {name: new.meta.get(name) for name in TASK} == TASK
    assert new.parent is not None
    assert old.meta == given  # the one it left has all of it


def test_weights_go_with_the_answers_that_are_shared() -> None:
    assert forked(ended()).trajectory.meta["weights"] == [1]


def test_a_saved_fork_is_not_chosen_by_the_reward_of_what_it_left(tmp_path: Path) -> None:
    old, path = ended(), tmp_path / "rows.jsonl"
    new = forked(old).run()
    ak.save([old, new], path, format="verifiers")
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert [row["reward"] for row in rows] == [1.0, None]
    assert "metrics" not in rows[1]
    assert "error" not in rows[1]
    assert [(row["example_id"], row["answer"]) for row in rows] == [(7, "4"), (7, "4")]
    ak.save([old, new], path, format="verifiers", min_reward=0.5)
    assert len(path.read_text("utf-8").splitlines()) == 1


def test_what_is_given_for_the_new_rollout_is_kept() -> None:
    meta = {"reward": 0.25, "labels": {"by": "hand"}}
    dbg = ak.debug(agent(), ended(), meta=meta)
    assert dbg.trajectory.meta == {**TASK, **meta, "weights": [1, 0, 1]}


def test_a_fork_is_rewarded_anew() -> None:
    batch = ak.rollouts(agent(*OTHER), [ended()], reward=lambda t: 0.5)
    assert batch.rewards == [0.5]


@pytest.mark.parametrize("turn", [None, 1])
def test_the_record_of_a_fork_has_nothing_of_it(tmp_path: Path, turn: int | None) -> None:
    path = tmp_path / "kept.jsonl"
    recorded = ak.record(agent(ONE, ONE, *OTHER), path)
    dbg = ak.debug(recorded, "go", meta={"task": "double", "labels": ["first"]})
    dbg.step()
    dbg.step()
    dbg.step()
    dbg.fork(turn).run()
    first, *_, last = ak.load(path, all=True)
    assert first.meta["labels"] == ["first"]
    assert (last.final, last.meta["task"], "labels" in last.meta) == ("other", "double", False)

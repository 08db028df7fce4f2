"""Prompts of one text are as many prompts: each has its own rollouts and its own reward, over
shards, interrupts and resumed files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import agentkit as ak
from agentkit.agent.batch.jobs import Left, jobs_of, taken_up
from agentkit.testing import ReferenceServer, by_turn, says, serve
from tests.support.growth import assert_linear

PROMPTS = [{"prompt": text, "gold": gold} for gold, text in enumerate(["a", "a", "b", "a", "b"])]


def gold(rollout: ak.Trajectory) -> int:
    found: int = rollout.meta["gold"]
    return found


@pytest.fixture
def server() -> Iterator[ReferenceServer]:
    with serve(by_turn(says("done"))) as running:
        yield running


@pytest.mark.parametrize("lazy", [False, True])
def test_each_prompt_is_run_once_over_shards(
    server: ReferenceServer, tmp_path: Path, lazy: bool
) -> None:
    agent, path = ak.Agent("m", server=server.url), tmp_path / "runs.jsonl"
    options: dict[str, Any] = {"n": 2, "reward": gold, "resume": path, "progress": False}
    for part in range(2):
        if lazy:
            list(ak.rollouts_iter(agent, iter(PROMPTS), shard=(part, 2), **options))
        else:
            ak.rollouts(agent, PROMPTS, shard=(part, 2), **options)
    assert len(server.asked) == 2 * len(PROMPTS)
    again = ak.rollouts(agent, PROMPTS, **options)
    others = [
        one for part in range(3) for one in ak.rollouts(agent, PROMPTS, shard=(part, 3), **options)
    ]
    assert len(server.asked) == 2 * len(PROMPTS)
    assert len(ak.load(path, all=True)) == 2 * len(PROMPTS)
    for found in (again, others):
        assert len(found) == 2 * len(PROMPTS)
        for one in found:
            assert one.meta["reward"] == one.meta["gold"] == one.meta["prompt_index"]


def test_a_rollout_goes_to_the_prompt_it_was_begun_for(server: ReferenceServer) -> None:
    agent = ak.Agent("m", server=server.url)
    runs = ak.rollouts(agent, PROMPTS, reward=gold, progress=False)
    mixed = [runs[at] for at in (4, 3, 2, 1)]  # of the first, nothing is left
    asked = len(server.asked)
    again = ak.rollouts(agent, PROMPTS, reward=gold, resume=mixed, progress=False)
    assert [one.meta["reward"] for one in again] == list(range(len(PROMPTS)))
    assert len(server.asked) == asked + 1


def test_what_was_begun_elsewhere_in_other_prompts_is_taken(
    server: ReferenceServer, tmp_path: Path
) -> None:
    agent, path = ak.Agent("m", server=server.url), tmp_path / "runs.jsonl"
    ak.rollouts(agent, ["x", "y", "a", "a"], resume=path, progress=False)
    for prompts in (["a", "a"], iter(["a", "a"]), ["a", "y", "a"], ["x"]):
        assert list(ak.rollouts_iter(agent, prompts, resume=path, progress=False))
    assert len(server.asked) == 4


@pytest.mark.slow
def test_many_prompts_of_one_text_are_found_in_linear_time() -> None:
    agent = ak.demo()

    def make(number: int) -> Callable[[], object]:
        jobs = jobs_of(agent, ["a"] * number, 1, {})
        starts = [job.begin(agent) for job in jobs]
        left = [Left(one, None) for one in reversed(starts)]
        return lambda: taken_up(jobs, starts, left)

    assert len(make(50)()) == 50  # type: ignore[arg-type]
    assert_linear(make, 200, 800)

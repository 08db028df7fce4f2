"""Rollouts one by one: as they end or in order, bounded, recorded, and none of them kept."""

from __future__ import annotations

import asyncio
import gc
import itertools
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import agentkit as ak
from agentkit.errors import UsageError
from agentkit.types.wire import Exchange
from tests.agent.batch.test_rollouts import Model, agent

PROMPTS = [f"p{number}" for number in range(12)]


class Uneven(Model):
    """Takes longest for the first prompt."""

    async def chat_completion(self, **kwargs: Any) -> Any:
        await asyncio.sleep(0.1 if kwargs["messages"][0]["content"] == "p0" else 0)
        return await super().chat_completion(**kwargs)


def place(rollout: ak.Trajectory) -> tuple[int, int]:
    return rollout.meta["prompt_index"], rollout.meta["sample"]


def test_they_come_as_they_end_or_in_order() -> None:
    options: dict[str, Any] = {"n": 2, "concurrency": 4, "reward": lambda t: 1.0}
    found = list(ak.rollouts_iter(agent(Uneven()), PROMPTS, **options))
    assert place(found[0])[0] != 0
    ordered = list(ak.rollouts_iter(agent(Uneven()), PROMPTS, ordered=True, **options))
    whole = ak.rollouts(agent(Uneven()), PROMPTS, **options)
    assert ordered == list(whole) == sorted(found, key=place)


async def test_they_come_on_any_event_loop() -> None:
    found = [t async for t in ak.rollouts_iter(agent(), PROMPTS, ordered=True)]
    assert [t.final for t in found] == [f"to {prompt}" for prompt in PROMPTS]


def test_no_more_is_begun_than_there_is_room_for() -> None:
    model, read = Model(), itertools.count()

    def prompts() -> Iterator[str]:
        for number in read:
            yield f"p{number}"

    running = iter(ak.rollouts_iter(agent(model), prompts(), concurrency=3))
    for _ in range(10):
        next(running)
    time.sleep(0.1)
    assert next(read) <= 10 + 6 + 1
    assert model.most <= 3
    running.close()  # type: ignore[attr-defined]
    time.sleep(0.1)
    asked = len(model.asked)
    time.sleep(0.1)
    assert len(model.asked) == asked


def test_no_rollout_is_kept() -> None:
    def there() -> int:
        gc.collect()
        return sum(type(one) is Exchange for one in gc.get_objects())

    before, most = there(), 0
    stream = ak.rollouts_iter(agent(), PROMPTS, n=8, concurrency=2)
    for number, rollout in enumerate(stream):
        assert len(rollout.turns) == 2
        if number % 16 == 0:
            most = max(most, there() - before)
    assert number == 95
    assert most <= 2 * (4 + 2)  # two answers each: of those that wait, and of the one in hand


@pytest.mark.parametrize("ordered", [False, True])
def test_what_is_recorded_is_not_asked_again(tmp_path: Path, ordered: bool) -> None:
    path, model = tmp_path / "run.jsonl", Model()
    for number, _ in enumerate(ak.rollouts_iter(agent(model), PROMPTS, resume=path, concurrency=2)):
        if number == 4:
            break
    rest = list(
        ak.rollouts_iter(
            agent(model), iter(PROMPTS), resume=path, ordered=ordered, reward=lambda t: 2.0
        )
    )
    assert sorted(map(place, rest)) == [(number, 0) for number in range(12)]
    assert {t.meta["reward"] for t in rest} == {2.0}
    again = list(ak.rollouts_iter(agent(model), PROMPTS, resume=path, ordered=True))
    recorded = ak.load(path, all=True)
    assert sorted(recorded, key=place) == again
    assert len(model.asked) <= 24 + 2


def test_a_run_that_another_one_is_in_the_middle_of_is_waited_for(tmp_path: Path) -> None:
    path, model = tmp_path / "run.jsonl", Model(wait=0.05)
    first = threading.Thread(
        target=lambda: ak.rollouts(agent(model), PROMPTS[:6], resume=path, concurrency=3)
    )
    first.start()
    found = list(ak.rollouts_iter(agent(model), PROMPTS, resume=path, concurrency=2, ordered=True))
    first.join()
    assert [place(t)[0] for t in found] == list(range(12))
    assert len(model.asked) == 24


def test_it_can_be_gone_through_once() -> None:
    found = ak.rollouts_iter(ak.demo(), ["And in Rome?"])
    assert len(list(found)) == 1
    with pytest.raises(UsageError, match="gone through before"):
        next(iter(found))


def test_what_is_wrong_is_found_at_once_or_where_it_is_read() -> None:
    model = Model()
    with pytest.raises(UsageError):
        ak.rollouts_iter(agent(model), ["a", 5])
    with pytest.raises(UsageError, match="resume is a Rollouts"):
        ak.rollouts_iter(agent(model), ["a"], resume=ak.rollouts(ak.demo(), ["And in Rome?"]))
    assert model.asked == []

    def broken() -> Iterator[Any]:
        yield "a"
        raise RuntimeError("no more data")

    with pytest.raises(RuntimeError, match="no more data"):
        list(ak.rollouts_iter(agent(model), broken()))


def test_a_reward_runs_beside_the_rollouts() -> None:
    """One that blocks, in a coroutine too, holds up no other rollout."""
    model, threads = Model(), set()

    async def reward(trajectory: ak.Trajectory) -> float:
        threads.add(threading.current_thread().name)
        if trajectory.final == "to p0":
            limit = time.monotonic() + 10
            while len(model.asked) < 24 and time.monotonic() < limit:
                time.sleep(0.01)
        return float(len(model.asked) >= 24)

    found = ak.rollouts(agent(model), PROMPTS, concurrency=12, reward=reward)
    assert found.rewards[0] == 1.0
    assert not any(name == "agentkit" for name in threads)


@pytest.mark.slow
def test_processes_run_them_too(tmp_path: Path) -> None:
    options: dict[str, Any] = {
        "executor": "processes",
        "workers": 2,
        "resume": tmp_path / "x.jsonl",
    }
    found = [place(t) for t in ak.rollouts_iter(ak.demo(), iter(PROMPTS), ordered=True, **options)]
    assert found == [(number, 0) for number in range(12)]

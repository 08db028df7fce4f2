"""Rollouts on Ray: its calls, on a stand-in that has those that are used and runs actors on this
event loop. The real package is no test dependency; where it is installed, it runs as well.
"""

from __future__ import annotations

import asyncio
import pickle
import subprocess
import sys
import types
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import pytest

import agentkit as ak
from agentkit.agent.event_loop import event_loop
from agentkit.errors import UsageError
from agentkit.testing import ScriptedServer
from tests.agent.batch.test_executors import PROMPTS, script, where_tool
from tests.support.paths import ROOT

KEY = "sk-proj-0123456789abcdefghij"


class ActorDied(Exception):
    """What Ray raises of an actor that is gone."""


class Method:
    """A method of an actor: `remote` begins it and gives what can be awaited."""

    def __init__(self, actor: Actor, name: str) -> None:
        self._actor, self._name = actor, name

    def remote(self, *args: Any) -> asyncio.Task[Any]:
        return asyncio.ensure_future(self._actor.call(self._name, args))


class Actor:
    """An actor, made at its first call, as Ray makes one elsewhere."""

    def __init__(self, kind: type, args: tuple[Any, ...]) -> None:
        self._kind, self._args = kind, pickle.loads(pickle.dumps(args))
        self._made: Any = None
        self._actor_id = bytes(8)
        self.gone = asyncio.Event()
        self.calls = 0

    def __getattr__(self, name: str) -> Method:
        return Method(self, name)

    async def call(self, name: str, args: tuple[Any, ...]) -> Any:
        self.calls += 1
        if self._made is None:
            self._made = self._kind(*self._args)
        work = asyncio.ensure_future(getattr(self._made, name)(*pickle.loads(pickle.dumps(args))))
        gone = asyncio.ensure_future(self.gone.wait())
        await asyncio.wait([work, gone], return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()
        if self.gone.is_set():
            work.cancel()
            raise ActorDied("the actor died")
        return await work


class Ray(types.ModuleType):
    """The calls of Ray that are used."""

    def __init__(self) -> None:
        super().__init__("ray")
        self.actors: list[Actor] = []
        self.begun: list[str] = []
        self.killed = 0

    def is_initialized(self) -> bool:
        return bool(self.begun)

    def init(self) -> None:
        self.begun.append("init")

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 2.0, "memory": 1e9}

    def remote(self, *, num_cpus: int) -> Callable[[type], Any]:
        def made(kind: type) -> Any:
            def begin(*args: Any) -> Actor:
                self.actors.append(Actor(kind, args))
                return self.actors[-1]

            return types.SimpleNamespace(remote=begin)

        return made

    def kill(self, actor: Actor) -> None:
        self.killed += 1
        actor.gone.set()


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> Ray:
    stand_in = Ray()
    monkeypatch.setitem(sys.modules, "ray", stand_in)
    return stand_in


def test_actors_run_rollouts_and_end(ray: Ray) -> None:
    agent = ak.Agent("m", [where_tool()], ScriptedServer(script))
    done = ak.rollouts(agent, PROMPTS, executor="ray", reward=lambda t: 1.0, concurrency=4)
    assert [t.final for t in done] == [f"to {prompt}" for prompt in PROMPTS]
    assert done.rewards == [1.0] * 6
    assert (ray.begun, len(ray.actors), ray.killed) == (["init"], 2, 2)


def test_an_actor_that_is_lost_costs_no_rollout(ray: Ray, monkeypatch: pytest.MonkeyPatch) -> None:
    def reward(trajectory: ak.Trajectory) -> float:
        if trajectory.meta["prompt_index"] == 2 and len(ray.actors) == 2:
            for actor in ray.actors:
                event_loop().call_soon_threadsafe(actor.gone.set)
        return 1.0

    # what is sent is a copy; this finds its way back to the actors
    monkeypatch.setitem(sys.modules, "kept", types.SimpleNamespace(reward=reward))
    agent = ak.Agent("m", [where_tool()], ScriptedServer(script))
    options: dict[str, Any] = {"executor": "ray", "concurrency": 4}
    done = ak.rollouts(agent, PROMPTS, reward=lambda t: sys.modules["kept"].reward(t), **options)
    assert [t.final for t in done] == [f"to {prompt}" for prompt in PROMPTS]
    assert done.rewards == [1.0] * 6
    assert len(ray.actors) > 2


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ray") is None, reason="the package ray is not installed")
def test_an_actor_of_a_real_cluster_that_is_killed_costs_no_rollout() -> None:
    command = [sys.executable, "-m", "tests.benchmarks.lost_worker", "ray"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "0 lost, 0 twice" in ran.stdout, ran.stderr


def test_a_key_goes_over_the_network_on_purpose_only(ray: Ray) -> None:
    server = ak.Server("http://localhost:1/v1", KEY)
    with pytest.raises(UsageError, match="key of"):
        ak.rollouts(ak.Agent("m", server=server), ["a"], executor="ray")
    assert ray.actors == []

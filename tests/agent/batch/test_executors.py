"""Rollouts in processes of their own: the same as in this one, none lost and none twice, whatever
becomes of a worker.
"""

from __future__ import annotations

import logging
import os
import pickle
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import agentkit as ak
from agentkit.agent.batch.executors.processes import ProcessChannel, Processes
from agentkit.agent.batch.executors.remote_rollout import RemoteRollout
from agentkit.agent.batch.progress import Progress
from agentkit.errors import NoWorkers, UsageError
from agentkit.files.cassette.codec import encode_line
from agentkit.testing import ScriptedServer, calls, says, serve
from tests.files.cassette_samples import double, exactly

PROMPTS = [f"p{number}" for number in range(6)]


def script(messages: list[dict[str, Any]]) -> Any:
    asked = messages[0]["content"]
    return says(f"to {asked}") if messages[-1]["role"] == "tool" else says("", calls("where", n=1))


def where_tool(seconds: float = 0.0) -> Callable[..., Any]:
    def where(n: int) -> str:
        """Say which process this is, after a while."""
        time.sleep(seconds)
        return str(os.getpid())

    return where


def reward(trajectory: ak.Trajectory) -> float:
    return float(trajectory.turns[0].tool_results[0].content)


def worked(rollout: ak.Trajectory) -> int:
    return int(rollout.turns[0].tool_results[0].content)


class Watched(Processes):
    """Processes whose channels are kept."""

    def __init__(self, workers: int = 2) -> None:
        super().__init__(workers)
        self.channels: list[ProcessChannel] = []

    def start(self, program: bytes) -> ProcessChannel:
        self.channels.append(super().start(program))
        return self.channels[-1]


def gone(channels: list[ProcessChannel]) -> bool:
    limit = time.monotonic() + 30
    while any(channel.process.poll() is None for channel in channels):
        assert time.monotonic() < limit
        time.sleep(0.02)
    return True


@pytest.mark.slow
def test_processes_do_what_this_one_would(tmp_path: Path) -> None:
    path, executor = tmp_path / "run.jsonl", Watched()
    key = "sk-proj-0123456789abcdefghij"
    with serve(script, key=key) as server:
        agent = ak.Agent("m", [where_tool(0.01)], ak.Server(server.url, key))
        options: dict[str, Any] = {"n": 2, "reward": reward, "meta": {"label": {"a": (1, 2)}}}
        done = ak.rollouts(agent, PROMPTS, executor=executor, concurrency=4, record=path, **options)
        here = ak.rollouts(agent, PROMPTS, **options)
        asked = len(server.asked)
        again = ak.rollouts(agent, PROMPTS, executor=executor, resume=path, **options)
        assert len(server.asked) == asked
    assert gone(executor.channels)
    assert pickle.loads(pickle.dumps(done)) == done
    assert len(executor.channels) == 2
    assert {worked(t) for t in done} <= {channel.process.pid for channel in executor.channels}
    assert [t.final for t in done] == [t.final for t in here] == [t.final for t in again]
    assert [{**t.meta, "reward": 0} for t in done] == [{**t.meta, "reward": 0} for t in here]
    assert done.rewards == [float(worked(t)) for t in done] == again.rewards
    recorded = sorted(
        ak.load(path, all=True), key=lambda t: (t.meta["prompt_index"], t.meta["sample"])
    )
    assert all(map(exactly, recorded, again))
    assert key not in path.read_text()


@pytest.mark.slow
def test_a_worker_that_is_killed_costs_no_rollout(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, executor = tmp_path / "run.jsonl", Watched()

    def kill() -> None:
        limit = time.monotonic() + 60
        while time.monotonic() < limit:
            if path.exists() and path.read_bytes().count(b'"step":"end"') >= 3:
                os.kill(executor.channels[0].process.pid, signal.SIGKILL)
                return
            time.sleep(0.005)

    killer = threading.Thread(target=kill)
    killer.start()
    with serve(script) as server, caplog.at_level(logging.WARNING, "agentkit"):
        agent = ak.Agent("m", [where_tool(0.1)], server.url)
        prompts = [f"p{number}" for number in range(16)]
        done = ak.rollouts(agent, prompts, executor=executor, concurrency=6, record=path)
        killer.join()
        firsts = Counter(
            asked.json["messages"][0]["content"]
            for asked in server.asked
            if len(asked.json["messages"]) == 1
        )
    assert [t.final for t in done] == [f"to {prompt}" for prompt in prompts]
    assert sorted(t.meta["prompt_index"] for t in ak.load(path, all=True)) == list(range(16))
    assert len(executor.channels) == 3
    assert "was lost: exit code -9" in caplog.text
    assert set(firsts) == set(prompts)
    assert sum(firsts.values()) <= 16 + 3  # what the lost one was asking, three at most, again


@pytest.mark.slow
def test_an_interrupt_is_heard_and_keeps_what_had_begun(tmp_path: Path) -> None:
    path, executor = tmp_path / "run.jsonl", Watched()
    heard: list[float] = []

    def interrupt() -> None:
        limit = time.monotonic() + 60
        while time.monotonic() < limit:
            if path.exists() and path.read_bytes().count(b'"step":"model"') >= 4:
                heard.append(time.monotonic())
                os.kill(os.getpid(), signal.SIGINT)
                return
            time.sleep(0.005)

    killer = threading.Thread(target=interrupt)
    with serve(script) as server:
        agent = ak.Agent("m", [where_tool(30.0)], server.url)
        killer.start()
        with pytest.raises(KeyboardInterrupt) as caught:
            ak.rollouts(agent, PROMPTS, executor=executor, concurrency=4, record=path)
        killer.join()
        begun = caught.value.rollouts  # type: ignore[attr-defined]
        assert len(begun) == 4
        assert all(t.pending and t.stop_reason is None for t in begun)
        quick = ak.Agent("m", [where_tool()], server.url)
        whole = ak.rollouts(quick, PROMPTS, executor="processes", workers=1, resume=path)
        assert whole.stop_reasons == {"final": 6}
        assert len(server.asked) == 12  # no answer that had come was asked for again
    assert gone(executor.channels)


@pytest.mark.slow
def test_a_rollout_that_ends_its_process_ends_no_other() -> None:
    def crash(n: int) -> str:
        """End the process."""
        os._exit(3)

    def worst(messages: list[dict[str, Any]]) -> Any:
        name = "crash" if messages[0]["content"] == "bad" else "where"
        return says("done") if messages[-1]["role"] == "tool" else says("", calls(name, n=1))

    with serve(worst) as server:
        agent = ak.Agent("m", [where_tool(), crash], server.url)
        done = ak.rollouts(agent, ["bad", "a", "b"], executor="processes", workers=1, concurrency=1)
    assert [t.stop_reason for t in done] == ["stopped", "final", "final"]
    assert "3 workers ended" in done.raised[0]


@pytest.mark.slow
def test_a_lost_worker_costs_no_step_without_a_file_either(tmp_path: Path) -> None:
    flag = str(tmp_path / "crashed")

    def once(n: int) -> str:
        """End the process, the first time."""
        if os.path.exists(flag):
            return "once"
        open(flag, "w").close()
        time.sleep(0.3)  # what had come is on its way to the other process by then
        os._exit(3)

    def three(messages: list[dict[str, Any]]) -> Any:
        return says("done") if len(messages) == 5 else says("", calls(NAMES[len(messages)], n=1))

    with serve(three) as server:
        agent = ak.Agent("m", [where_tool(), once], server.url)
        (done,) = ak.rollouts(agent, ["a"], executor="processes", workers=1)
        assert len(server.asked) == 3
    assert [turn.tool_results[0].content for turn in done.turns[:2]][1] == "once"
    assert (done.final, len(done.turns)) == ("done", 3)


NAMES = {1: "where", 3: "once"}


@pytest.mark.slow
def test_a_value_that_cannot_be_sent_is_what_a_file_has_of_it() -> None:
    class Point:
        def __init__(self, x: int) -> None:
            self.x = x

    def where(n: int) -> Any:
        """Give a point."""
        return Point(n)

    agent = ak.Agent("m", [where], ScriptedServer(script))
    (done,) = ak.rollouts(agent, ["a"], executor="processes", workers=1)
    (here,) = ak.rollouts(agent, ["a"])
    there, value = done.turns[0].tool_results[0], here.turns[0].tool_results[0].value
    assert (there.value, there.content) == (vars(value), here.turns[0].tool_results[0].content)
    assert done.final == "to a"


def test_what_is_still_coming_of_an_answer_is_seen() -> None:
    agent = ak.Agent("m", server=ScriptedServer(script), stream=True)
    start = agent.start("a")

    async def never(rollout: RemoteRollout) -> None:
        raise AssertionError

    progress = Progress(1, 1)
    rollout = RemoteRollout(never, start, known={}, writer=None, place=None, progress=progress)
    event = 'data: {"choices": [{"index": 0, "delta": {"content": "Half"}}]}'
    line = {"step": "stream", "sample": 0, "turn": 0, "from": 0}
    rollout.take(encode_line({**line, "chunks": [{"at": 0.1, "text": event + "\n\n"}]}))
    assert "Half" in rollout.so_far.attempts[0].exchange.text
    assert rollout.so_far.stop_reason is None


@pytest.mark.slow
def test_a_mistake_of_the_caller_is_raised_as_it_is() -> None:
    def wrong(trajectory: ak.Trajectory) -> float:
        return 1 / 0

    agent = ak.Agent("m", [where_tool()], ScriptedServer(script), approve=lambda call: 5)
    with pytest.raises(UsageError, match="approve returned 5"):
        ak.rollouts(agent, ["a"], executor="processes", workers=1)

    def worse(call: ak.ToolCall) -> bool:
        raise KeyError("nobody to ask")

    agent = ak.Agent("m", [where_tool()], ScriptedServer(script), approve=worse)
    with pytest.raises(KeyError, match="nobody to ask") as caught:
        ak.rollouts(agent, ["a"], executor="processes", workers=1)
    assert any("raised in a worker at" in note for note in caught.value.__notes__)
    done = ak.rollouts(
        ak.Agent("m", [where_tool()], ScriptedServer(script)),
        ["a"],
        executor="processes",
        workers=1,
        reward=wrong,
    )
    assert done[0].meta["reward_exception"].startswith("ZeroDivisionError")


@pytest.mark.slow
def test_a_worker_that_cannot_read_what_it_is_sent_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "only_here.py").write_text("def f(n: int) -> int:\n    'Do.'\n    return n\n")
    monkeypatch.syspath_prepend(tmp_path)
    import only_here  # type: ignore[import-not-found]

    monkeypatch.undo()
    agent = ak.Agent("m", [only_here.f], ScriptedServer(script))
    with pytest.raises(NoWorkers, match="ModuleNotFoundError: No module named 'only_here'"):
        ak.rollouts(agent, ["a"], executor="processes", workers=1)


def test_what_cannot_be_sent_is_named_before_anything_is_asked() -> None:
    lock = threading.Lock()

    def waits(n: int) -> int:
        """Wait."""
        with lock:
            return n

    with serve(script) as server:
        agent = ak.Agent("m", [double], server.url)
        with pytest.raises(UsageError, match="the tool 'waits'"):
            ak.rollouts(ak.Agent("m", [waits], server.url), ["a"], executor="processes")
        with pytest.raises(UsageError, match="the reward"):
            ak.rollouts(agent, ["a"], executor="processes", reward=lambda t: waits(1))
        with pytest.raises(UsageError, match="task"):
            ak.rollouts(agent, [{"prompt": "b", "task": lock}], executor="processes")
        with pytest.raises(UsageError, match="replay"):
            ak.rollouts(ak.replay(ak.rollout(ak.demo())), executor="processes")
        assert server.asked == []


@pytest.mark.parametrize(
    ("options", "about"),
    [
        ({"executor": "process"}, "did you mean 'processes'"),
        ({"executor": 4}, "starts workers"),
        ({"workers": 2}, "belongs to an executor"),
        ({"executor": "processes", "workers": 0}, "workers is 0"),
        ({"shard": (2, 2)}, "from 0, of how many"),
        ({"shard": 1}, "from 0, of how many"),
    ],
)
def test_what_is_no_executor_or_no_shard_is_refused(options: dict[str, Any], about: str) -> None:
    with pytest.raises(UsageError, match=about):
        ak.rollouts(ak.demo(), ["a"], **options)


def test_shards_are_the_whole_batch(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    parts = [
        ak.rollouts(ak.demo(), PROMPTS, n=2, shard=(number, 4), resume=path) for number in range(4)
    ]
    assert [sorted({t.meta["prompt_index"] for t in part}) for part in parts] == [
        [0, 4],
        [1, 5],
        [2],
        [3],
    ]
    whole = ak.rollouts(ak.demo(), PROMPTS, n=2, resume=path)
    assert whole.earlier == len(whole) == 12


def test_the_package_of_ray_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(UsageError, match=r"agentkit-notebook\[ray\]"):
        ak.rollouts(ak.demo(), executor="ray")

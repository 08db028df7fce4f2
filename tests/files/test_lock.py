"""A rollout has one living writer: what another run or process is at is not taken up, but waited
for, and a file in use is not replaced.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import multiprocessing
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import agentkit as ak
from agentkit.errors import Busy, FileInUse
from agentkit.files.writers import lock as file_lock
from agentkit.files.writers.lock import lock_of
from agentkit.testing import ScriptedServer, calls, says
from tests.files.cassette_samples import agent
from tests.support.loaded import load_one
from tests.support.paths import ROOT

pytestmark = pytest.mark.slow

WRITES = """
import sys, agentkit as ak
from agentkit.testing import ScriptedServer, calls, says
def wait(n: int) -> str:
    "Say so, and wait to be told."
    print("at work", flush=True)
    sys.stdin.readline()
    return "ok"
server = ScriptedServer([says(None, calls("wait", n=1)), says("done")])
agent = ak.Agent("m", tools=[wait], server=server, parallel_tools=False)
if sys.argv[2] == "agent":
    ak.rollout(ak.record(agent, sys.argv[1]), "go")
else:
    ak.rollouts(agent, ["go"], **{sys.argv[2]: sys.argv[1]})
"""

FORKS = """
import os, sys, agentkit as ak
from tests.files.cassette_samples import agent
recording = ak.record(agent(), sys.argv[1])
if os.fork() == 0:
    print("child", os.getpid(), flush=True)
    sys.stdin.readline()
    os._exit(0)
sys.stdin.readline()
"""


@contextmanager
def running(code: str, *args: Any) -> Iterator[subprocess.Popen[str]]:
    """A process that has said its first line."""
    command = [sys.executable, "-c", code, *map(str, args)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline()
            yield process
        finally:
            process.kill()


def option(name: str, path: Path) -> dict[str, Any]:
    return {name: path}


def resume(path: Path) -> Any:
    return ak.rollouts(agent(says("mine")), ["go"], resume=path)


def snapshot(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("how", ["record", "resume", "agent"])
def test_a_file_that_another_process_writes_is_not_replaced(tmp_path: Path, how: str) -> None:
    path = tmp_path / "x.jsonl"
    with running(WRITES, path, how) as other:
        before, mine = snapshot(tmp_path), ak.rollout(agent(says("mine")), "go")
        with pytest.raises(FileInUse, match=r"another process is writing 'x\.jsonl'") as caught:
            ak.save(mine, path)
        assert isinstance(caught.value, Busy)
        assert "another path" in caught.value.hint
        assert snapshot(tmp_path) == before
        assert len(load_one(path).all_turns) == len(ak.cassette.open(path)[0].all_turns) == 1
        assert len(ak.cassette.index(path)) == 1
        assert ak.cassette.doctor(path)
        assert ak.view(path)
        assert ak.explore(path)
        other.communicate("\n")
        assert other.returncode == 0
    assert load_one(path).final == "done"
    assert list(tmp_path.iterdir()) == [path]


def wait(n: int) -> str:
    """Say so, and wait to be told."""
    return "never run here"


@pytest.mark.parametrize("how", ["record", "resume"])
def test_what_another_process_is_at_is_waited_for_and_returned(
    tmp_path: Path, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "x.jsonl"
    own = agent(says("mine"), tools=[wait])
    with running(WRITES, path, how) as other:
        assert other.stdin is not None
        told = threading.Timer(0.5, lambda: (other.stdin.write("\n"), other.stdin.flush()))  # type: ignore[union-attr]
        told.start()
        ran = ak.rollouts(own, ["go", "else"], resume=path)
        told.join()
        other.communicate()
    assert [t.final for t in ran] == ["done", "mine"]
    assert f"process {other.pid}" in caplog.text
    assert [t.final for t in ak.load(path, all=True)] == ["done", "mine"]
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_was_at_is_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    own = agent(says("mine"), tools=[wait])
    with running(WRITES, path, "resume") as other:
        killed = threading.Timer(0.5, other.kill)
        killed.start()
        (ran,) = ak.rollouts(own, ["go"], resume=path)
        killed.join()
    assert [len(ran.turns), ran.turns[0].tool_results[0].content] == [2, "never run here"]
    assert load_one(path) == ran
    assert list(tmp_path.iterdir()) == [path]


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    with running(WRITES, path, "record") as other:
        other.kill()
        other.wait()
        ran = ak.rollouts(agent(says("mine")), ["else"], resume=path)
    assert [ran[0].final, len(ak.load(path, all=True))] == ["mine", 2]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("outer", ["record", "resume"])
def test_a_run_inside_of_another_takes_its_own_samples(tmp_path: Path, outer: str) -> None:
    path = tmp_path / "x.jsonl"

    def again(how: str) -> str:
        """Use the file a second time."""
        ran = ak.rollouts(agent(says(f"by {how}")), [f"inner {how}"], **option(how, path))
        return str(ran[0].final)

    script = [says(None, calls("again", how=how)) for how in ("record", "resume")]
    ak.rollouts(agent(*script, says("done"), tools=[again]), ["go"], **option(outer, path))
    finals = sorted(str(t.final) for t in ak.load(path, all=True))
    assert finals == ["by record", "by resume", "done"]
    assert list(tmp_path.iterdir()) == [path]


def test_a_run_inside_of_another_does_not_wait_for_it(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    refused: list[str] = []

    def again(n: int) -> str:
        """Ask for what is being made."""
        try:
            ak.rollouts(outer, ["go"], resume=path, progress=False)
        except FileInUse as exc:
            refused.append(exc.hint)
        return "ok"

    outer = agent(says(None, calls("again", n=1)), says("done"), tools=[again])
    assert ak.rollouts(outer, ["go"], resume=path)[0].final == "done"
    assert refused == ["give the inner run another prompt, or a file of its own"]


def test_threads_that_resume_one_file_share_its_samples(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    asked: list[str] = []

    def answer(messages: Any) -> Any:
        asked.append(messages[-1]["content"])
        return says(f"to {messages[-1]['content']}")

    prompts = [f"p{n}" for n in range(12)]
    found: list[Any] = []

    def run() -> None:
        one = ak.Agent("m", server=ScriptedServer(answer))
        found.append(ak.rollouts(one, prompts, resume=path, concurrency=3))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(asked) == sorted(prompts)
    assert [[t.final for t in ran] for ran in found] == [[f"to {p}" for p in prompts]] * 4
    assert len(ak.load(path, all=True)) == 12


def test_tasks_that_resume_one_file_share_its_samples(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    asked: list[str] = []

    def answer(messages: Any) -> Any:
        asked.append(messages[-1]["content"])
        return says("ok")

    async def both() -> list[Any]:
        agents = [ak.Agent("m", server=ScriptedServer(answer)) for _ in range(3)]
        return await asyncio.gather(
            *(ak.rollouts_async(one, ["a", "b"], n=3, resume=path) for one in agents)
        )

    assert [ran.stop_reasons for ran in asyncio.run(both())] == [{"final": 6}] * 3
    assert len(asked) == 6
    assert not any(t.problems for t in ak.load(path, all=True))


def test_a_recording_agent_resumes_its_own_file(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    recording = ak.record(agent(says("one"), says("two")), path)
    ak.rollouts(recording, ["a"], record=path)
    ak.rollouts(recording, ["a", "b"], resume=path)
    assert [t.final for t in ak.load(path, all=True)] == ["one", "two"]
    with lock_of(path).used(alone=True):
        pass
    with running(WRITES, path, "record") as other:  # the lock is shared again
        other.communicate("\n")
        assert other.returncode == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_child_does_not_go_on_with_its_parents_rollout(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    recording = ak.record(agent(says(None, calls("double", n=1)), says("done")), path)
    dbg = ak.debug(recording, "go")
    dbg.step()
    context = multiprocessing.get_context("fork")
    refusals: Any = context.SimpleQueue()

    def child() -> None:
        try:
            dbg.run()
        except FileInUse as exc:
            refusals.put(str(exc))
        ak.rollout(ak.record(agent(says("of the child")), path), "go")

    process = context.Process(target=child)
    process.start()
    assert "forked" in refusals.get()
    process.join()
    assert process.exitcode == 0
    assert dbg.run().final == "done"
    assert [t.final for t in ak.load(path, all=True)] == ["done", "of the child"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_child_does_not_hold_what_its_dead_parent_held(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    with running(FORKS, path) as parent:
        mine = resume(path)
        with pytest.raises(FileInUse):
            ak.save(mine, path)
        os.kill(parent.pid, 9)
        parent.wait()
        assert ak.save(mine, path) == path


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS])
def test_a_file_system_without_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refuse(*args: Any) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", refuse)
    path = tmp_path / "x.jsonl"
    recording = ak.record(agent(says("one")), path)
    ak.rollout(recording, "a")
    with pytest.raises(FileInUse, match="no locks") as refused:
        resume(path)
    assert "resume=ak.load" in refused.value.hint
    again = ak.rollouts(
        agent(says("mine")), ["go"], resume=ak.load(path, all=True), record=tmp_path / "y.jsonl"
    )
    assert again[0].final == "mine"
    assert ak.save(ak.load(path, all=True), path) == path
    assert load_one(path).final == "one"


def test_a_folder_that_takes_no_companion(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    (tmp_path / ".x.jsonl.lock").mkdir()
    assert resume(path)[0].final == "mine"


def test_where_locks_are_not_shared_a_file_has_one_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locking(fd: int, mode: int, size: int) -> None:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)

    monkeypatch.setattr(file_lock, "fcntl", None)
    monkeypatch.setattr(file_lock, "msvcrt", SimpleNamespace(locking=locking, LK_NBLCK=2))
    path = tmp_path / "x.jsonl"
    recording = ak.record(agent(says("one"), says("two")), path)
    ak.rollouts(recording, ["a"], record=path)
    ak.rollouts(recording, ["a", "b"], resume=path)
    another = file_lock.FileLock(path)  # as another process has it
    with pytest.raises(FileInUse), another.used(alone=False):
        pass
    del recording
    with another.used(alone=False):
        pass
    assert list(tmp_path.iterdir()) == [path]

"""The file of a recording: several rollouts in one, and what a crash or damage leaves of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import agentkit as ak
from agentkit.errors import CassetteError, ReplayMiss, UsageError
from agentkit.testing import calls, says
from tests.files.cassette_samples import by_prompt, exactly, lines, recorded
from tests.support.loaded import load_one

# several rollouts in one file


def test_each_rollout_is_a_sample_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    recording_agent = ak.record(by_prompt(), path)
    happened = [ak.rollout(recording_agent, prompt) for prompt in ("a", "b", "a")]
    assert [line["sample"] for line in lines(path)] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    loaded = ak.load(path, all=True)
    assert loaded == happened
    playing = ak.replay(path)
    assert [ak.rollout(playing, prompt).final for prompt in ("b", "a", "a", "a")] == [
        "to b",
        "to a",
        "to a",
        "to a",
    ]


def test_two_agents_that_record_into_one_file_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    first, second = ak.record(by_prompt(), path), ak.record(by_prompt(), os.path.relpath(path))
    ak.rollout(second, "a")
    ak.rollout(first, "b")
    assert [t.final for t in ak.load(path, all=True)] == ["to a", "to b"]


def test_rollouts_side_by_side_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    recording_agent = ak.record(by_prompt(), path)
    threads = [
        threading.Thread(target=ak.rollout, args=(recording_agent, str(n))) for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(t.final or "" for t in ak.load(path, all=True)) == [f"to {n}" for n in range(8)]


def test_a_later_recording_goes_behind_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    ak.save(ak.rollout(by_prompt(), "a"), path)
    ak.rollout(ak.record(by_prompt(), path), "b")
    assert [t.final for t in ak.load(path, all=True)] == ["to a", "to b"]
    path.unlink()
    ak.rollout(ak.record(by_prompt(), path), "c")
    assert load_one(path).final == "to c"


# damage

SLOW = """
import sys, time, agentkit as ak
from agentkit.testing import ScriptedServer, calls, says
def slow(n: int) -> str:
    "Be slow from the second on."
    time.sleep(60 if n > 1 else 0)
    return "ok"
server = ScriptedServer([says(None, calls("slow", n=1), calls("slow", n=2)), says("done")])
agent = ak.Agent("m", tools=[slow], server=server, parallel_tools=False)
ak.rollout(ak.record(agent, sys.argv[1]), "go")
"""


@pytest.mark.slow
def test_a_run_that_was_killed_leaves_what_it_had(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    process = subprocess.Popen([sys.executable, "-c", SLOW, path])
    try:
        limit = time.monotonic() + 30
        while not (path.exists() and path.read_bytes().count(b"\n") == 3):
            assert time.monotonic() < limit
            time.sleep(0.01)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    left = load_one(path)
    assert left.open is not None
    assert ([r and r.status for r in left.open.results], len(left.pending), left.stop_reason) == (
        ["ok", None],
        1,
        None,
    )
    dbg = ak.debug(ak.replay(path), "go")
    dbg.step()
    dbg.step()
    with pytest.raises(ReplayMiss, match="no result for call 1 of turn 0"):
        dbg.step()
    ak.rollout(ak.record(by_prompt(), path), "b")
    assert [t.final for t in ak.load(path, all=True)] == [None, "to b"]


def test_a_torn_last_line_is_ignored_and_a_later_run_does_not_run_into_it(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    happened = recorded(path, says(None, calls("double", n=1)), says("done"))
    *first, _ = path.read_bytes().splitlines(keepends=True)
    whole = b"".join(first)
    for cut in range(whole.rindex(b"\n", 0, -1) + 2, len(whole) - 1, 37):
        path.write_bytes(whole[:cut])
        left = load_one(path)
        assert left.turns == happened.turns[:1]
    ak.rollout(ak.record(by_prompt(), path), "b")
    assert [t.final for t in ak.load(path, all=True)] == [None, "to b"]


def test_damage_in_the_middle_is_said(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    recorded(path, says(None, calls("double", n=1)), says("done"))
    whole = path.read_text().splitlines(keepends=True)
    for damaged, turns in (
        ([whole[0], whole[1][:50] + "\n", *whole[2:]], 0),
        ([whole[0], *whole[2:]], 0),
        ([*whole[:2], *whole[3:]], 1),
    ):
        path.write_text("".join(damaged))
        left = load_one(path)
        assert (len(left.all_turns), left.stop_reason) == (turns, None)
        assert [p.code for p in left.problems if p.severity == "error"]
    for nothing in (whole[1:], ['{"agentkit": 1}\n']):
        path.write_text("".join(nothing))
        with pytest.raises(CassetteError) as refused:
            ak.load(path)
        assert refused.value.hint
    path.write_text('{"agentkit": 99, "sample": 0}\n')
    with pytest.raises(CassetteError, match="version 99") as caught:
        ak.load(path)
    assert caught.value.hint


@pytest.mark.parametrize("text", ["hello", '{"messages": []}\n', "[1, 2]", "\x00\x01", ""])
def test_a_file_that_is_none_of_ours(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.txt"
    path.write_text(text)
    for use in (ak.load, ak.replay):
        with pytest.raises((CassetteError, ReplayMiss)):
            use(path)
    if text:
        with pytest.raises(UsageError, match="not a cassette"):
            ak.record(by_prompt(), path)
        assert path.read_text() == text


def test_a_file_that_cannot_be_written_is_found_out_at_once(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="missing"):
        ak.record(by_prompt(), tmp_path / "missing" / "x.jsonl")
    with pytest.raises(FileNotFoundError):
        ak.load(tmp_path / "missing.jsonl")
    with pytest.raises(FileNotFoundError):
        ak.replay(tmp_path / "missing.jsonl")


def test_only_agents_are_recorded_and_replayed(tmp_path: Path) -> None:
    ak.rollout(ak.record(by_prompt(), tmp_path / "x.jsonl"), "a")
    uses: list[Callable[[Any, Path], Any]] = [ak.record, ak.replay]
    for use in uses:
        with pytest.raises(UsageError) as caught:
            use("gpt-4o", tmp_path / "x.jsonl")
        assert caught.value.hint


# time travel


def test_every_branch_of_a_debugged_rollout_is_in_the_file_and_replays(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    dbg = ak.debug(ak.record(ak.demo(), path))
    branches = [dbg.run()]
    dbg.edit(turn=0, result='{"city": "Oslo", "temp_c": 30, "sky": "sunny"}')
    branches.append(dbg.run())
    other = dbg.fork(turn=1)
    branches.append(other.run())
    dbg.rerun(turn=1)
    branches.append(dbg.run())
    dbg.back(2)
    dbg.run()  # plays what lies ahead, and writes nothing
    kept = list(ak.cassette.open(path))
    assert [any(exactly(branch, t) for t in kept) for branch in branches] == [True] * 4
    assert len(kept) == 4
    assert "lines_do_not_fit" not in ak.cassette.doctor(path).codes
    assert "request_key_differs" not in ak.cassette.doctor(path).codes
    for sample, t in enumerate(kept):
        assert exactly(ak.rollout(ak.replay(path, sample=sample)), t)

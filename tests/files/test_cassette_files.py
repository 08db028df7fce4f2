"""Large files: what they hold is known without reading them, one rollout is read alone, and several
writers do not run into each other.
"""

from __future__ import annotations

import json
import multiprocessing
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import agentkit as ak
from agentkit.errors import CassetteError, NotFound, UsageError
from agentkit.files.cassette.codec import prompt_key
from agentkit.files.cassette.index import Index
from agentkit.files.cassette.writer import cassette
from agentkit.show.notebook.static_view import mimebundle
from agentkit.testing import calls, says
from tests.agent.batch.test_rollouts import agent as modelled
from tests.files.cassette_samples import agent, by_prompt, exactly, lines, recorded
from tests.support.growth import assert_within
from tests.support.loaded import load_one
from tests.support.paths import ROOT

pytestmark = pytest.mark.slow


def batch(path: Path, prompts: Any = ("a", "b"), n: int = 2) -> Any:
    return ak.rollouts(modelled(), list(prompts), n=n, record=path, reward=lambda t: len(t.turns))


# the index


def test_the_index_says_what_loading_would(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    batch(path, ["a", "b", "a\u2028c"])
    recorded(path, says("first", calls("double", n=1)), says("x" * 9), prompt="by hand")
    index = ak.cassette.index(path)
    loaded = ak.load(path, all=True)
    assert len(index) == len(loaded) == 7
    for entry, trajectory in zip(index, loaded, strict=True):
        assert (entry.turns, entry.stop_reason, entry.meta) == (
            len(trajectory.turns),
            trajectory.stop_reason,
            trajectory.meta,
        )
        assert entry.calls == sum(len(turn.tool_calls) for turn in trajectory.turns)
        assert entry.output_tokens == sum(turn.usage.output_tokens for turn in trajectory.turns)
        assert entry.prompt_digest == prompt_key(m.wire for m in trajectory.prompt)
        assert exactly(index.load(entry), trajectory)
    assert sum(entry.size for entry in index) == path.stat().st_size
    assert index.of_sample(3).sample == 3
    with pytest.raises(NotFound):
        index.of_sample(99)
    assert isinstance(index[1:3], Index)


def test_a_saved_file_and_one_of_other_hands_are_indexed_alike(tmp_path: Path) -> None:
    path, spaced = tmp_path / "x.jsonl", tmp_path / "y.jsonl"
    done = batch(path)
    saved = ak.save(done, tmp_path / "z.jsonl")
    spaced.write_text(
        "".join(
            json.dumps(dict(reversed(json.loads(line).items()))) + "\r\n"
            for line in path.read_text().splitlines()
        )
    )
    one, two, three = (ak.cassette.index(p) for p in (path, spaced, saved))
    texts = [
        [(e.prompt, e.turns, e.calls, e.stop_reason, e.meta) for e in index] for index in (one, two)
    ]
    assert texts[0] == texts[1]
    assert sorted(map(repr, three)) == sorted(map(repr, one))
    assert all(
        exactly(a, b)
        for a, b in zip(ak.cassette.open(spaced), ak.load(path, all=True), strict=True)
    )


def test_a_rollout_that_was_cut_is_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    batch(path, "a", 1)
    whole = path.read_text().splitlines(keepends=True)
    for cut in range(1, len(whole)):
        path.write_text("".join(whole[:cut]) + '{"step":"mod')
        index, (left,) = ak.cassette.index(path), [load_one(path)]
        assert (index[0].turns, index[0].stop_reason, index.torn) == (
            len(left.all_turns),
            left.stop_reason,
            (cut + 1,),
        )
        assert "1 torn line" in repr(index)


def test_files_that_were_joined_lose_nothing(tmp_path: Path) -> None:
    for name in ("x", "y"):
        batch(tmp_path / f"{name}.jsonl", [name, "b"])
    both = tmp_path / "both.jsonl"
    both.write_text((tmp_path / "x.jsonl").read_text() + (tmp_path / "y.jsonl").read_text())
    assert (
        sorted(str(t.final) for t in ak.load(both, all=True))
        == ["to b"] * 4 + ["to x"] * 2 + ["to y"] * 2
    )
    assert [
        exactly(a, b) for a, b in zip(ak.cassette.open(both), ak.load(both, all=True), strict=True)
    ] == [True] * 8
    ak.rollout(ak.record(by_prompt(), both), "c")
    assert [len(ak.load(both, all=True)), ak.load(both, all=True)[-1].final] == [9, "to c"]
    again = ak.rollouts(modelled(), ["x", "b"], n=2, resume=both)
    assert again.stop_reasons == {"final": 4}
    assert len(ak.load(both, all=True)) == 9


def test_an_opened_cassette_reads_what_is_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    batch(path, ["a", "b", "c"], 3)
    opened = ak.cassette.open(path)
    assert (len(opened), opened[4].final, opened[-1].final) == (
        9,
        ak.load(path, all=True)[4].final,
        ak.load(path, all=True)[-1].final,
    )
    assert opened[4] is opened[4]
    assert [t.final for t in opened[2:5]] == [t.final for t in ak.load(path, all=True)[2:5]]
    with pytest.raises(IndexError):
        opened[9]
    assert mimebundle(opened)["text/plain"].count("answered") == 9
    assert "<script" not in mimebundle(opened)["text/html"]
    assert repr(opened) == "<Cassette x.jsonl: 9 rollout(s)>"
    with pytest.raises(CassetteError):
        ak.cassette.open(__file__)
    with pytest.raises(FileNotFoundError):
        ak.cassette.index(tmp_path / "no.jsonl")


def test_the_time_of_an_index_is_linear_and_answers_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    batch(path, "a", 1)
    head, *rest = path.read_text().splitlines(keepends=True)
    with open(path, "w") as file:
        for sample in range(20_000):
            file.write(
                "".join(
                    line.replace('"sample":0,', f'"sample":{sample},', 1) for line in (head, *rest)
                )
            )
    index = ak.cassette.index(path)
    assert (len(index), index[-1].sample, index[777].stop_reason) == (20_000, 19_999, "final")
    assert_within(6, lambda: ak.cassette.index(path))
    assert ak.cassette.open(path)[12_345].final == "to a"


# writers side by side


def write_many(path: str, name: str, rollouts: int) -> None:
    ak.rollouts(modelled(), [f"{name} {i}" for i in range(rollouts)], record=path, concurrency=4)


def test_processes_that_record_into_one_file_keep_apart(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=write_many, args=(str(path), f"p{n}", 25)) for n in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    loaded = ak.load(path, all=True)
    assert sorted(str(t.final) for t in loaded) == sorted(
        f"to p{n} {i}" for n in range(3) for i in range(25)
    )
    assert [e.sample for e in ak.cassette.index(path)] == list(range(75))
    assert ak.cassette.doctor(path).replays


def test_threads_that_record_into_one_file_keep_apart(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    threads = [threading.Thread(target=write_many, args=(str(path), f"t{n}", 10)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ak.load(path, all=True)) == 60
    assert not ak.cassette.index(path).torn


def test_lines_of_any_length_stay_whole(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    long = says("x" * 3_000_000)
    threads = [
        threading.Thread(target=lambda: ak.rollout(ak.record(agent(long), path), "go"))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(t.final or "") for t in ak.load(path, all=True)] == [3_000_000] * 4


FULL = """
import resource, signal, sys, agentkit as ak
from tests.files.test_cassette_files import calls, says, agent
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))
dbg = ak.debug(ak.record(agent(says("one", calls("double", n=1)), says("y" * 9000), says("short")), sys.argv[1]), "go")
dbg.step(); dbg.step()
try:
    dbg.step()
except OSError as exc:
    print(type(exc).__name__, exc.errno, "make room" in exc.hint, len(dbg.trajectory.turns))
dbg.run()
print(dbg.trajectory.final)
"""


def test_a_full_disk_costs_the_step_in_flight(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(path)],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.stderr == ""
    assert done.stdout.split("\n")[:2] == ["FileError 27 True 1", "short"]
    left = load_one(path)
    assert (left.final, len(left.turns)) == ("short", 2)
    assert not ak.cassette.index(path).torn


def test_a_file_that_was_emptied_or_removed_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    writing = ak.record(by_prompt(), path)
    for change in (lambda: None, lambda: path.write_text(""), path.unlink):
        change()
        ak.rollout(writing, "a")
    assert [line["sample"] for line in lines(path)] == [0, 0, 0]
    assert cassette(path) is cassette(str(path))
    path.write_text("something else\n")
    with pytest.raises(UsageError, match="not a cassette"):
        ak.record(by_prompt(), tmp_path / "other" / ".." / "x.jsonl")

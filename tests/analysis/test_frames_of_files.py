"""A frame of a file is that of its rollouts, although few of their answers are read for it."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import agentkit as ak
from agentkit.analysis.frames import turns
from agentkit.errors import AgentkitError
from agentkit.files.cassette import codec
from agentkit.files.cassette.index import load_all, load_all_for_rows
from agentkit.testing import by_turn, calls, says
from agentkit.types.record import reader_of
from tests.benchmarks.kept_memory import run
from tests.support.growth import assert_linear
from tests.support.paths import CORPUS

FRAMES = ("turns_df", "tool_calls_df", "messages_df", "problems_df")
FILES = sorted(path for path in CORPUS.rglob("*.jsonl") if path.stat().st_size < 300_000)


def differences(a: Any, b: Any, where: str = "") -> Iterator[str]:
    """Name every field of two records that differs, those that equality leaves out among them."""
    if is_dataclass(a) and type(a) is type(b):
        for field in fields(a):
            there = getattr(a, field.name), getattr(b, field.name)
            yield from differences(*there, f"{where}.{field.name}")
    elif isinstance(a, (tuple, list)) and isinstance(b, (tuple, list)) and len(a) == len(b):
        for at, (one, other) in enumerate(zip(a, b, strict=True)):
            yield from differences(one, other, f"{where}[{at}]")
    elif type(a) is not type(b) or a != b:
        yield where


def check(path: Path) -> int:
    """Compare frames and rollouts of a file; how many rollouts were made without reading them."""
    quick, whole = load_all_for_rows(path), load_all(path)
    made = [i for i, rollout in enumerate(quick) if reader_of(rollout) is None and rollout.turns]
    for place in made:
        assert not [*differences(quick[place], whole[place])]
    assert quick == whole
    loaded = ak.load(path, all=True)
    for name in FRAMES:
        pd.testing.assert_frame_equal(getattr(ak, name)(path), getattr(ak, name)(loaded))
    return len(made)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_frames_of_a_file_are_those_of_its_rollouts(path: Path, tmp_path: Path) -> None:
    """Each file of the corpus as it is, where it is a cassette, and saved anew."""
    try:
        rollouts = ak.load(path, all=True)
    except AgentkitError:
        return
    check(ak.save(rollouts, tmp_path / "saved.jsonl"))
    for name in FRAMES:
        pd.testing.assert_frame_equal(getattr(ak, name)(path), getattr(ak, name)(rollouts))


def lookup(key: str) -> str:
    """Look it up."""
    return f"found {key}"


ANSWERS: dict[str, Any] = {
    "plain": says("Done", reasoning="I am done."),
    "a call": says("I look.", calls("lookup", key="a")),
    "two calls": says(None, calls("lookup", key="a"), calls("lookup", key="b")),
    "no text": says(""),
    "white space": says(" Done \n"),
    "think tags": says("<think>hm</think>Done"),
    "code": says("```json\n{}\n```"),
    "a failing call": says(None, calls("lookup", wrong=1)),
    "an unknown tool": says(None, calls("look", key="a")),
    "broken arguments": {
        "message": {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c", "function": {"name": "lookup", "arguments": "{"}}],
        },
        "finish_reason": "tool_calls",
    },
    "cut off": says("Do", finish_reason="length"),
    "an error": (500, "it broke"),
}
QUICK = {"plain", "a call", "two calls"}


@pytest.mark.parametrize("name", ANSWERS)
def test_what_is_not_plain_is_read(name: str, tmp_path: Path) -> None:
    server = ak.testing.ScriptedServer(by_turn(ANSWERS[name], "Done"))
    agent = ak.Agent("m", tools=[lookup], server=server)
    path = tmp_path / "made.jsonl"
    ak.rollouts(agent, ["go", "come"], record=path, reward=lambda t: 0.5)
    assert check(path) == (2 if name in QUICK else 0)


@pytest.mark.parametrize("change", ["twice", "torn", "sums", "before", "newer", "problem"])
def test_a_file_that_was_changed_is_read(change: str, tmp_path: Path) -> None:
    server = ak.testing.ScriptedServer(by_turn(ANSWERS["a call"], "Done"))
    path = tmp_path / "made.jsonl"
    ak.rollouts(ak.Agent("m", tools=[lookup], server=server), ["go"], record=path)
    lines = path.read_text().splitlines()
    end = json.loads(lines[-1])
    if change == "twice":
        lines.insert(2, lines[2])
    elif change == "torn":
        lines[2] = lines[2][:60]
    elif change == "before":
        lines[1], lines[2] = lines[2], lines[1]
    elif change == "newer":
        lines[-1] = json.dumps({**end, "new": 1})
    elif change == "sums":
        lines[-1] = json.dumps({**end, "totals": {**end["totals"], "calls": 7}})
    else:
        lines[-1] = json.dumps({**end, "totals": {**end["totals"], "problems": 1}})
    path.write_text("\n".join(lines) + "\n")
    assert check(path) == 0


def test_no_plain_answer_is_read_for_a_frame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = ak.save(run(3, stream=False), tmp_path / "kept.jsonl")
    monkeypatch.setattr(codec._Rollout, "_read", None)
    assert len(ak.turns_df(path)) == 30


def test_a_frame_of_a_file_keeps_no_rollout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = ak.save(run(20, stream=True), tmp_path / "kept.jsonl")
    alive: list[int] = []
    rows = turns._rows

    def watched(index: int, trajectory: Any) -> Any:
        alive.append(sum(type(one) is ak.Trajectory for one in gc.get_objects()))
        yield from rows(index, trajectory)

    monkeypatch.setattr(turns, "_rows", watched)
    assert len(ak.turns_df(path)) == 200
    assert max(alive) - min(alive) <= 3


@pytest.mark.slow
def test_a_frame_of_a_file_is_linear_in_its_rollouts(tmp_path: Path) -> None:
    def make(number: int) -> Any:
        path = ak.save(run(1, stream=False) * number, tmp_path / f"{number}.jsonl")
        return lambda: ak.turns_df(path)

    assert_linear(make, 20, 80, what="turns_df of a file")

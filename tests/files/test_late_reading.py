"""A loaded rollout is read when it is looked at, and nobody can tell."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest

import agentkit as ak
from agentkit.files.cassette import codec
from agentkit.servers.redaction.known_secrets import remember
from agentkit.testing import ScriptedServer, calls, says
from agentkit.types.record import reader_of
from agentkit.types.trajectory import Trajectory


def note(n: int) -> str:
    """Note a number."""
    return f"noted {n}"


@pytest.fixture
def rollout() -> Trajectory:
    server = ScriptedServer([says(None, calls("note", n=1)), says("done")])
    return ak.rollout(ak.Agent("m", tools=[note], server=server), "go", meta={"task": "t"})


@pytest.fixture
def path(rollout: Trajectory, tmp_path: Path) -> Path:
    return ak.save([rollout, rollout], tmp_path / "two.jsonl")


LOOKS: dict[str, Callable[[Trajectory], Any]] = {
    "equality": lambda t: t == replace(t),
    "repr": repr,
    "text": str,
    "turns": lambda t: [turn.response.content for turn in t.turns],
    "meta": lambda t: t.meta,
    "messages": lambda t: t.messages,
    "copy": copy.copy,
    "deep copy": copy.deepcopy,
    "pickle": lambda t: pickle.loads(pickle.dumps(t)),
    "replace": lambda t: replace(t, stop_reason="stopped"),
    "problems": lambda t: t.problems,
}


@pytest.mark.parametrize("name", LOOKS)
def test_a_first_look_of_any_kind_sees_what_is_there(
    rollout: Trajectory, path: Path, name: str
) -> None:
    late = ak.load(path, all=True)[0]
    assert reader_of(late) is not None
    assert LOOKS[name](late) == LOOKS[name](rollout)
    assert reader_of(late) is None
    assert late == rollout


def test_what_does_not_need_the_answers_does_not_read_them(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Any] = []
    of = codec.RolloutReading.take

    def take(self: codec.RolloutReading, line: dict[str, Any]) -> None:
        read.append(line)
        of(self, line)

    monkeypatch.setattr(codec.RolloutReading, "take", take)
    first, second = ak.load(path, all=True)
    assert [first.spec, first.prompt] == [second.spec, second.prompt]
    assert first.spec is second.spec
    assert not hasattr(first, "no_such_name")
    assert not read
    assert len(first.turns) == 2
    assert {line["sample"] for line in read} == {0}
    number = len(read)
    assert len(first.turns) == 2
    assert len(read) == number


def test_a_name_that_is_not_there_is_told_as_ever(path: Path) -> None:
    with pytest.raises(AttributeError, match="'Trajectory' object has no attribute 'turnz'"):
        attrgetter("turnz")(ak.load(path, all=True)[0])


def test_specs_that_only_look_alike_are_not_shared(path: Path) -> None:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    firsts = [line for line in lines if "agentkit" in line]
    for line, value in zip(firsts, (1, 1.0), strict=True):
        line["spec"]["sampling"] = {"temperature": value}
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    kinds = [type(t.spec.sampling["temperature"]) for t in ak.load(path, all=True)]
    assert kinds == [int, float]


def test_a_secret_is_taken_out_whenever_the_rollout_is_read(path: Path) -> None:
    secret = "sk-constructed-0123456789abcdefghij"
    path.write_text(path.read_text().replace("noted 1", f"noted {secret}").replace("go", secret))
    remember([secret])
    for late in ak.load(path, all=True):
        assert secret not in str(late.prompt)
        assert secret not in str(late.messages)
        assert "[redacted]" in str(late.turns[0].tool_results[0].content)


def test_damage_is_found_when_it_is_read(path: Path) -> None:
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:2], lines[1], *lines[2:]]))
    first, second = ak.load(path, all=True)
    assert [problem.code for problem in first.damage] == ["file_damaged"]
    assert not second.damage

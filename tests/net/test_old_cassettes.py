"""Cassettes of version 1 are read as they were when they were written, and saved as the same.

The expected readings are snapshots; `--snapshot-update` writes them anew after a wanted change.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

import agentkit as ak
from agentkit.trajectory.edit import edit, fork
from tests.net.shown import digest, plain
from tests.support.loaded import load_one
from tests.support.paths import CORPUS

CASSETTES = CORPUS / "cassettes" / "version_1"
NAMES = sorted(path.stem for path in CASSETTES.glob("*.jsonl"))
SPEC = ("model", "sampling", "profile", "parser", "policy", "max_turns", "stream", "tools")
CALL = (
    "id",
    "name",
    "arguments",
    "raw_arguments",
    "status",
    "origin",
    "adopted",
    "sent_arguments",
)
WHOLE = 12
"""Rollouts of a file whose text is kept whole; of the others a digest is."""


def loaded(path: Path) -> list[ak.Trajectory]:
    found = ak.load(path, all=True)
    return found if isinstance(found, list) else [found]


def call(made: ak.ToolCall) -> dict[str, Any]:
    """All of a call that its reading decides."""
    return {
        **{name: getattr(made, name) for name in CALL},
        "problems": [problem.code for problem in made.problems],
    }


def turn(read: ak.Turn) -> dict[str, Any]:
    response, usage = read.response, read.usage
    return {
        "content": response.content,
        "reasoning": response.reasoning,
        "finish_reason": response.finish_reason,
        "usage": usage and [usage.input_tokens, usage.output_tokens, usage.total_tokens],
        "tokens": [len(response.token_ids or ()), len(response.logprobs or ())],
        "calls": [call(made) for made in read.tool_calls],
        "recoverable": [call(made) for made in response.recoverable],
        "results": [one and [one.status, one.content, one.error] for one in read.results],
        "problems": [[problem.code, problem.message, problem.pointer] for problem in read.problems],
        "sampling": read.sampling,
        "said": [message.wire for message in read.added],
        "time": [read.started, read.elapsed],
    }


def reading(rollout: ak.Trajectory) -> dict[str, Any]:
    return {
        "turns": len(rollout.turns),
        "stop_reason": rollout.stop_reason,
        "error": rollout.error and rollout.error.summary(),
        "attempts": [attempt.summary() for attempt in rollout.attempts],
        "parent": rollout.parent and [rollout.parent.turn, rollout.parent.change],
        "meta": rollout.meta,
        "spec": {name: getattr(rollout.spec, name) for name in SPEC},
        "all": [turn(read) for read in rollout.all_turns],
        "messages": digest(json.dumps(rollout.messages)),
    }


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("name", NAMES)
def test_a_cassette_is_read_as_it_was(name: str, snapshot: SnapshotAssertion) -> None:
    """Short files whole; of long ones a digest for each rollout."""
    rollouts = loaded(CASSETTES / f"{name}.jsonl")
    readings = [json.dumps(reading(one), indent=1, ensure_ascii=False) for one in rollouts]
    long = sum(map(len, readings)) > 60_000
    assert "\n".join(map(digest, readings) if long else readings) == snapshot


@pytest.mark.parametrize("name", NAMES)
def test_a_cassette_is_shown_as_it_was(name: str, snapshot: SnapshotAssertion) -> None:
    """Whole for the first few rollouts, a digest of the others."""
    texts = [plain(rollout) for rollout in loaded(CASSETTES / f"{name}.jsonl")]
    assert "\n\n".join([*texts[:WHOLE], *map(digest, texts[WHOLE:])]) == snapshot


@pytest.mark.parametrize("name", NAMES)
def test_what_is_saved_again_is_the_same(name: str, tmp_path: Path) -> None:
    """To the last timestamp and raw byte: equality leaves those out, so lines are compared too."""
    first = loaded(CASSETTES / f"{name}.jsonl")
    once = ak.save(first, tmp_path / "once.jsonl")
    again = loaded(once)
    assert again == first
    assert [reading(rollout) for rollout in again] == [reading(rollout) for rollout in first]
    assert lines(ak.save(again, tmp_path / "twice.jsonl")) == lines(once)


SINCE = r',"trouble":\d+|,"columns":{[^}]*}'
"""What the last line holds since failed tools and requests count, and for tables of a file."""


def as_it_was(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Lines without what a last line holds since."""
    for row in rows:
        row.pop("columns", None)
        row.get("totals", {}).pop("trouble", None)
    return rows


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("saved_")])
def test_what_was_saved_is_written_as_it_was(name: str, tmp_path: Path) -> None:
    path = CASSETTES / f"{name}.jsonl"
    again = ak.save(loaded(path), tmp_path / "again.jsonl").read_text("utf-8")
    assert re.sub(SINCE, "", again) == path.read_text("utf-8")


@pytest.mark.parametrize("name", sorted({*NAMES} - {"torn_last_line", "joined_files"}))
def test_a_rollout_read_alone_is_the_same(name: str) -> None:
    path = CASSETTES / f"{name}.jsonl"
    assert list(ak.cassette.open(path)) == loaded(path)


# fields that this version does not know

UNKNOWN: dict[str, tuple[Any, ...]] = {
    "first line": (0,),
    "spec": (0, "spec"),
    "model line": (1,),
    "exchange": (1, "exchange"),
    "tool line": (2,),
    "result": (2, "result"),
    "end line": (5,),
    "totals": (5, "totals"),
    "message": (0, "prompt", 0),
    "meta": (0, "meta"),
    "parent": (0, "parent"),
}
"""Where a newer version may put a field: a line of `saved_tree`, and the way into it."""


def from_the_future(place: str, folder: Path) -> Path:
    """The first rollout of `saved_tree` with a field that nobody knows."""
    first = lines(CASSETTES / "saved_tree.jsonl")[:6]
    first[0]["parent"] = {"turn": 1, "change": "fork"}
    found: Any = first
    for name in UNKNOWN[place]:
        found = found[name]
    found["from_the_future"] = {"a": [1]}
    path = folder / "newer.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in first), "utf-8")
    return path


@pytest.mark.parametrize("place", UNKNOWN)
def test_a_field_that_is_not_known_does_no_harm(place: str, tmp_path: Path) -> None:
    known, newer = (
        loaded(CASSETTES / "saved_tree.jsonl")[0],
        load_one(from_the_future(place, tmp_path)),
    )
    assert newer.turns == known.turns
    assert newer.stop_reason == known.stop_reason


@pytest.mark.parametrize("place", UNKNOWN)
def test_a_field_that_is_not_known_is_kept(place: str, tmp_path: Path) -> None:
    path = from_the_future(place, tmp_path)
    again = ak.save(load_one(path), tmp_path / "again.jsonl")
    assert "from_the_future" in again.read_text("utf-8")


OURS = {
    "spec": (),
    "parent": (),
    "exchange": ("transport_error", "retries", "chunks"),
    "result": (),
    "totals": (),
}
"""The objects of a line that hold records, with the records in those."""


def objects(line: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The line and every record in it."""
    yield line
    for name, inner in OURS.items():
        if isinstance(record := line.get(name), dict):
            yield record
            for key in inner:
                found = record.get(key) or []
                yield from found if isinstance(found, list) else [found]


def newer(path: Path) -> list[dict[str, Any]]:
    """The lines of a file with an unknown field in every record, and an unknown line behind each
    but an end, which is the last.
    """
    found = []
    numbers = count()
    for line in lines(path):
        for data in objects(line):
            data["from_the_future"] = {"number": next(numbers)}
        found.append(line)
        if line.get("step") != "end":
            note = {"step": "note", "sample": line["sample"], "number": next(numbers)}
            found.append(note)
    return found


def written(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(json.dumps(row, sort_keys=True) for row in rows)


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("saved_")])
def test_everything_unknown_is_kept_where_it_was(name: str, tmp_path: Path) -> None:
    """Of what was saved, each record is saved again, so nothing at all may be lost."""
    known = CASSETTES / f"{name}.jsonl"
    rows = newer(known)
    path = tmp_path / "newer.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    rollouts = loaded(path)
    assert rollouts == loaded(known)
    again = ak.save(rollouts, tmp_path / "again.jsonl")
    assert written(as_it_was(lines(again))) == written(rows)
    assert lines(ak.save(loaded(again), tmp_path / "twice.jsonl")) == lines(again)


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("recorded_")])
def test_unknown_lines_of_a_recording_are_kept(name: str, tmp_path: Path) -> None:
    """Also between steps that are written as one when they are saved."""
    known = CASSETTES / f"{name}.jsonl"
    rows = newer(known)
    path = tmp_path / "newer.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    assert loaded(path) == loaded(known)
    again = lines(ak.save(loaded(path), tmp_path / "again.jsonl"))
    notes = [row for row in rows if row.get("step") == "note"]
    assert written([row for row in again if row.get("step") == "note"]) == written(notes)


def test_a_line_of_an_unknown_kind_stays_behind_the_same_line(tmp_path: Path) -> None:
    first = lines(CASSETTES / "saved_tree.jsonl")[:6]
    for at in range(1, 6):
        note = {"step": "note", "sample": 0, "text": f"{at}"}
        rows = [*first[:at], note, *first[at:]]
        path = tmp_path / "newer.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        assert as_it_was(lines(ak.save(load_one(path), tmp_path / "again.jsonl"))) == rows


def test_what_is_unknown_lives_as_long_as_its_record(tmp_path: Path) -> None:
    rows = newer(CASSETTES / "saved_tree.jsonl")[:11]
    path = tmp_path / "newer.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    rollout = load_one(path)
    forked = lines(ak.save(fork(rollout, 1), tmp_path / "forked.jsonl"))
    assert forked[1:] == rows[1:8]
    changed = edit(rollout, 0, 0, result="nothing")
    edited = lines(ak.save(changed, tmp_path / "edited.jsonl"))
    assert edited[2] == rows[2]
    assert "from_the_future" not in edited[4]["result"]
    assert edited[6] == rows[6]
    assert "end" not in {row.get("step") for row in edited}

"""What is no object in a list of objects costs itself alone, wherever it is in a file."""

from __future__ import annotations

import copy
import gzip
import io
import json
import logging
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import agentkit as ak
from agentkit.errors import AgentkitError
from tests.files.foreign.hostile.every_format import EVERY

NUMBERED = ("nodes", "tokens", "scores", "masks", "messages[]", "id", "choices")
"""Lists whose entries are told by their place, or of which only the first is read."""
ROWS = (
    *(
        "tau",
        "tau few-shot",
        "gym",
        "verifiers results",
        "openhands row",
        "ShareGPT",
        "glaive chat",
    ),
    *("LLaMA-Factory messages", "Atropos", "slime samples", "verl generations", "ART"),
)
BAD: tuple[Any, ...] = (None, {}, [], 3, "x", {"a": 1}, {"a": None})


def lists(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Find the lists of objects inside a value."""
    if isinstance(value, list) and any(isinstance(one, dict) for one in value):
        yield path
    inside = enumerate(value) if isinstance(value, list) else ()
    for key, one in value.items() if isinstance(value, dict) else inside:
        yield from lists(one, (*path, key))


def with_stray(value: Any, path: tuple[Any, ...], stray: Any) -> Any:
    """Copy a value with a stray entry at the head of a list in it."""
    whole = copy.deepcopy(value)
    inner = whole
    for key in path:
        inner = inner[key]
    inner.insert(0, stray)
    return whole


def counted(rollouts: list[ak.Trajectory]) -> tuple[int, int, int]:
    """Count rollouts, turns and calls."""
    turns = [turn for one in rollouts for turn in one.all_turns]
    return len(rollouts), len(turns), sum(len(turn.tool_calls) for turn in turns)


def read(value: Any, path: Path) -> tuple[int, int, int]:
    """Count what a file holds."""
    path.write_text(json.dumps(value))
    return counted(ak.load(path, all=True))


@pytest.mark.parametrize("name", EVERY)
def test_a_null_in_a_list_of_objects_costs_itself_alone(name: str, tmp_path: Path) -> None:
    case, path = EVERY[name], tmp_path / "x.json"
    whole = read(case, path)
    for place in lists(case):
        if not any(key in NUMBERED for key in place) and not _of_group(name, place):
            assert read(with_stray(case, place, None), path) == whole, place


def _of_group(name: str, place: tuple[Any, ...]) -> bool:
    """Tell the lists of Atropos, whose entries belong together by their places."""
    return name == "Atropos" and len(place) < 2


@pytest.mark.parametrize("name", ROWS)
def test_bad_rows_cost_themselves_and_are_named(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    case, path = EVERY[name], tmp_path / "x.json"
    good = case if isinstance(case, list) else [case]
    rollouts, turns, calls = read(good, path)
    for bad in BAD:
        caplog.clear()
        with caplog.at_level(logging.WARNING, "agentkit"):
            found = read([bad, *good, bad, *good], path)
        assert found == (2 * rollouts, 2 * turns, 2 * calls), bad
        assert len([one for one in caplog.records if "left out" in one.message]) == 2, bad


def _zipped(data: bytes, name: str = "a/b.json") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(name, data)
    return packed.getvalue()


@pytest.mark.parametrize("name", EVERY)
def test_a_file_is_the_same_however_it_is_written_or_packed(name: str, tmp_path: Path) -> None:
    path = tmp_path / "x"
    plain = json.dumps(EVERY[name], indent=1).encode()
    path.write_bytes(plain)
    whole = counted(ak.load(path, all=True))
    marked, lines = b"\xef\xbb\xbf" + plain, plain.replace(b"\n", b"\r\n")
    outside = _zipped(plain, "../../outside.json")
    for data in (marked, lines, gzip.compress(plain), _zipped(plain), outside, plain + b"\n\n"):
        path.write_bytes(data)
        assert counted(ak.load(path, all=True)) == whole
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", EVERY)
def test_a_cut_file_is_read_in_part_or_refused_in_an_error_of_ours(
    name: str, tmp_path: Path
) -> None:
    path = tmp_path / "x"
    rows = EVERY[name] if isinstance(EVERY[name], list) else [EVERY[name]]
    text = "\n".join(map(json.dumps, rows)).encode()
    for data in (
        text[: len(text) // 2],
        text[:-5],
        gzip.compress(text)[:-9],
        b"",
        _zipped(text)[:-9],
    ):
        path.write_bytes(data)
        with suppress(AgentkitError):
            ak.load(path, all=True)


def test_a_null_among_messages_is_said_in_the_rollout() -> None:
    said = [
        None,
        {"role": "user", "content": "Where?"},
        {},
        {"role": "assistant", "content": "Here."},
    ]
    for value in (said, {"messages": said}, [{"messages": said}]):
        (rollout,) = ak.load(json.dumps(value), all=True)
        assert (rollout.prompt[0].content, rollout.final) == ("Where?", "Here.")
        assert rollout.meta["import"]["lost"] == {"messages[] in which nothing is": 2}


def test_a_bad_line_of_a_text_costs_itself() -> None:
    good = json.dumps({"messages": [{"role": "user", "content": "a"}]})
    assert len(ak.load(f'{good}\n{{"text": 5}}\nnull\n{{"mess\n{good}', all=True)) == 2

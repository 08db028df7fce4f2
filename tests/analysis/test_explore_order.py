"""The order of a table by a column of texts: numbers in them count as numbers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import agentkit as ak
from agentkit.analysis.explore.columns.index_column import sort_key

# constructed: one list a column, each in the order that a reader expects
ORDERED = {
    "versions": ["v1", "V2", "v9", "v10", "v10.1", "v10.11", "v100"],
    "dotted": ["1.9", "1.10", "1.10.2", "1.10.10", "2.0", "latest"],
    "steps": ["step-5", "step-40", "step-300", "step-2000", "step-2000b"],
    "leading zeros": ["run 007", "run 8", "run 0009", "run 10"],
    "times": ["2026-01-01T10:00:00.125Z", "2026-01-01T10:00:00.25Z", "2026-01-01T10:00:00.5Z"],
    "digits of other scripts": ["x٩", "x١٠", "x²"],
    "more digits than an int reads": ["n" + "1" * 90, "n" + "2" * 90, "n" + "1" * 91],
}


def rows(values: list[Any]) -> list[dict[str, Any]]:
    said = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    return [{"messages": said, "version": value} for value in values]


@pytest.mark.parametrize("name", ORDERED)
@pytest.mark.parametrize("kept", ["values", "file", "index"])
def test_numbers_in_texts_are_sorted_as_numbers(name: str, kept: str, tmp_path: Path) -> None:
    mixed = sorted(ORDERED[name], key=lambda text: text[::-1])
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows([None, *mixed])), "utf-8")
    held: dict[str, Callable[[], Any]] = {
        "values": lambda: ak.load(path, all=True),
        "file": lambda: path,
        "index": lambda: ak.index(path, progress=False),
    }
    table = ak.explore(held[kept]())
    order = [rollout.meta.get("version") for rollout in table.sort("version")]
    assert order == [*ORDERED[name], None]
    order = [rollout.meta.get("version") for rollout in table.sort("-version")]
    assert order == [*ORDERED[name][::-1], None]
    assert list(table.over("version")["version"]) == ORDERED[name]


def test_labels_are_sorted_like_texts() -> None:
    table = ak.explore(ak.load(rows([1, 2, 3]), all=True))
    for place, label in enumerate(["round 10", "round 9", "Round 1"]):
        table.label(label, place)
    assert [t.meta["version"] for t in table.sort("label")] == [3, 2, 1]


@given(st.lists(st.integers(0, 10**30), min_size=1), st.text("vV .-é", max_size=20))
def test_any_numbers_behind_one_text(numbers: list[int], text: str) -> None:
    named = sorted((f"{text}{number}" for number in numbers), key=sort_key)
    assert named == [f"{text}{number}" for number in sorted(numbers)]


@given(st.lists(st.text() | st.integers() | st.none()))
def test_any_values_have_an_order(values: list[Any]) -> None:
    assert len(sorted(values, key=sort_key)) == len(values)

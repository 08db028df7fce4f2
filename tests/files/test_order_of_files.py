"""Files of a folder and of a pattern come in the order in which people count."""

from __future__ import annotations

import json
from pathlib import Path

import agentkit as ak
from agentkit.files.path import files_in, paths_like

ROW = {"input": "user\nHi\nassistant\n", "output": "Hello.", "gts": "", "score": 1.0}


def steps(folder: Path, names: list[str]) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({**ROW, "step": name}))
    return folder


def test_ten_comes_behind_nine(tmp_path: Path) -> None:
    names = ["1.jsonl", "2.jsonl", "9.jsonl", "10.jsonl", "100.jsonl"]
    folder = steps(tmp_path, names[::-1])
    assert [path.name for path in files_in(folder)] == names
    assert [path.name for path in paths_like(str(folder / "*.jsonl"))] == names
    assert ak.explore(folder).frame["step"].tolist() == names
    steps(folder, ["101.jsonl"])  # what comes later moves nothing
    assert ak.explore(folder).frame["step"].tolist() == [*names, "101.jsonl"]


def test_names_without_numbers_and_with_long_ones_have_an_order(tmp_path: Path) -> None:
    names = ["a.jsonl", "step_2/a.jsonl", "step_10/a.jsonl", "z" + "9" * 40 + ".jsonl"]
    found = files_in(steps(tmp_path, names))
    assert [str(path.relative_to(tmp_path)) for path in found] == names
    same = files_in(steps(tmp_path, ["01.jsonl", "1.jsonl"]))
    assert [path.name for path in same[:2]] == ["01.jsonl", "1.jsonl"]


def test_files_are_the_axis_where_nothing_else_is_noted(tmp_path: Path) -> None:
    chat = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}]
    for step in (1, 2, 10):
        path = tmp_path / f"step_{step}" / "rows.jsonl"
        path.parent.mkdir()
        path.write_text(json.dumps({"messages": chat, "reward": step}))
    table = ak.explore(tmp_path)
    assert table.axes == ("file",)
    axis = table.axis()
    assert axis is not None
    assert [point.reward for point in axis.points] == [1, 2, 10]


def test_a_point_of_several_steps_is_chosen_by_one_of_them(tmp_path: Path) -> None:
    for step in range(50):
        (tmp_path / f"{step}.jsonl").write_text(json.dumps({**ROW, "step": step}))
    axis = ak.explore(tmp_path).filter("step=30").axis()
    assert axis is not None
    assert [(point.first, point.last) for point in axis.points] == [
        (step, step + 1) for step in range(0, 50, 2)
    ]
    assert [point.first for point in axis.points if point.chosen] == [30]


def test_an_index_of_several_files_has_them_as_a_column(tmp_path: Path) -> None:
    folder = steps(tmp_path / "runs", ["1.jsonl", "2.jsonl", "10.jsonl"])
    plain, indexed = ak.explore(folder), ak.explore(ak.index(folder, progress=False))
    ends = [Path(name).name for name in indexed.frame["file"]]
    assert ends == [Path(name).name for name in plain.frame["file"]]
    assert ends == ["1.jsonl", "2.jsonl", "10.jsonl"]
    for asked in ("file~/2.jsonl", "file~jsonl", "file~none"):
        assert list(indexed.filter(asked).places) == list(plain.filter(asked).places)
    assert Path(indexed.sort("-file").frame["file"].iloc[0]).name == "10.jsonl"
    assert indexed.over("file")["rollouts"].tolist() == [1, 1, 1]
    one = ak.explore(ak.index(folder / "2.jsonl", progress=False))
    assert "file" not in one.columns

"""What rollouts are looked at over, where it is not noted: what is missing, how to get it, and what
there is.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import agentkit as ak
from agentkit.analysis.explore.over_values import AXES
from agentkit.errors import UsageError

SAID = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]


def table(path: Path, kept: str, **noted: Any) -> Any:
    """Make a table of constructed rows."""
    path.write_text("".join(json.dumps({"messages": SAID, **noted}) + "\n" for _ in range(3)))
    return ak.explore(ak.index(path, progress=False) if kept == "index" else path)


@pytest.mark.parametrize("kept", ["file", "index"])
@pytest.mark.parametrize("name", AXES)
def test_what_is_not_noted_is_said_with_how_to_note_it(
    name: str, kept: str, tmp_path: Path
) -> None:
    found = table(tmp_path / "rows.jsonl", kept)
    for ask in (found.over, found.axis):
        with pytest.raises(UsageError, match=f"no rollout has an? {name} noted") as caught:
            ask(name)
        assert f"meta={{{name!r}: …}}" in caught.value.hint
        assert "stop_reason" in caught.value.hint
        is_time = name in ("started", "time", "timestamp", "date")
        assert ("turns_df" in caught.value.hint) == is_time


@pytest.mark.parametrize("kept", ["file", "index"])
def test_the_axes_that_there_are_are_named(kept: str, tmp_path: Path) -> None:
    found = table(tmp_path / "rows.jsonl", kept, version="v1", step=3)
    with pytest.raises(UsageError, match="no rollout has a time noted") as caught:
        found.over("time")
    assert "they can be looked at over step or version" in caught.value.hint
    with pytest.raises(UsageError, match="no column is named 'versoin'") as caught:
        found.over("versoin")
    assert "did you mean 'version'" in caught.value.hint
    assert len(found.over("version")) == 1


def test_no_axis_at_all(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a step, a time or a version") as caught:
        table(tmp_path / "rows.jsonl", "file").axis()
    assert "meta={'version': …}" in caught.value.hint

"""xLAM's rows, constructed in the format's shape."""

from __future__ import annotations

import json

import pandas as pd
import pytest

import agentkit as ak
from agentkit.errors import CassetteError

ROW = {
    "id": 7,
    "query": "How high is the tide in Brest?",
    "answers": json.dumps([{"name": "tide", "arguments": {"port": "Brest"}}]),
    "tools": json.dumps([{"name": "tide", "parameters": {"port": {"type": "str"}}}]),
    "colour": "blue",
}


def test_a_row_is_a_question_with_its_calls() -> None:
    (rollout,) = ak.load([ROW], all=True)
    assert rollout.prompt[0].content == "How high is the tide in Brest?"
    assert [(call.name, call.arguments) for call in rollout.pending] == [
        ("tide", {"port": "Brest"})
    ]
    assert rollout.meta["sample"] == 7
    assert rollout.meta["import"] == {"format": "xLAM", "lost": {"row.colour": 1}}


def test_rows_come_in_every_form(tmp_path: object) -> None:
    lines = "\n".join(json.dumps(ROW) for _ in range(3))
    assert len(ak.load(lines, all=True)) == 3
    assert len(ak.load(json.dumps([ROW, ROW]), all=True)) == 2
    assert len(ak.load(pd.DataFrame([ROW, ROW]), all=True)) == 2


def test_a_bad_row_costs_itself(caplog: pytest.LogCaptureFixture) -> None:
    broken = {**ROW, "answers": "[{"}
    assert len(ak.load([ROW, broken, ROW], all=True)) == 2
    assert "entry 1" in caplog.text
    with pytest.raises(CassetteError, match="looks like xLAM"):
        ak.load([broken])


def test_a_table_says_what_was_read_and_how_much_was_lost() -> None:
    column = ak.explore([ROW, {**ROW, "colour": None}]).frame["import"].tolist()
    assert column == ["xLAM, 1 lost", "xLAM"]


def test_parameters_are_written_as_servers_take_them() -> None:
    port = {"type": "str", "description": "A port."}
    day = {"type": "Optional[int]", "default": 1}
    tool = {
        "name": "tide",
        "parameters": {
            "port": port,
            "day": day,
            "hours": {"type": "List[float]"},
            "unit": {"type": "str, optional"},
            "how": {"type": "Callable"},
            "deep": {"type": "boolean"},
        },
    }
    schema = {"type": "object", "properties": {"port": {"type": "string"}}}
    whole = {"name": "ebb", "parameters": schema}
    (rollout,) = ak.load([{**ROW, "tools": json.dumps([tool, whole])}], all=True)
    first, second = (one["function"]["parameters"] for one in rollout.spec.tools)
    assert first == {
        "type": "object",
        "properties": {
            "port": {"type": "string", "description": "A port."},
            "day": {"type": "integer", "default": 1},
            "hours": {"type": "array"},
            "unit": {"type": "string"},
            "how": {},
            "deep": {"type": "boolean"},
        },
        "required": ["port", "hours", "how", "deep"],
    }
    assert second == schema
    lost = rollout.meta["import"]["lost"]
    assert lost["types of parameters that JSON Schema does not know"] == 1

"""`ak.check`: what it asks, what it says of right and wrong answers, and what it keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import agentkit as ak
from agentkit.errors import UsageError
from agentkit.testing import ScriptedServer, calls, says


def asked(answer: Any, scenario: str, **more: Any) -> Any:
    """A check of one scenario in chat, of a server that always gives one answer."""
    server = ScriptedServer([answer] * 4)
    options = {"dialects": ["chat"], "scenarios": [scenario], "progress": False, "concurrency": 1}
    return ak.check(server, "m", **{**options, **more})


def test_a_right_answer_is_right() -> None:
    found = asked(says(None, calls("get_weather", city="Oslo")), "one call")
    assert [cell.verdict for cell in found] == ["right", "right"]
    assert found
    assert found.dialects == ("chat",)


def test_a_required_call_that_does_not_come_is_wrong() -> None:
    found = asked(says("Hello!"), "required")
    cell = found["chat/required/block"]
    assert cell.verdict == "wrong"
    assert cell.findings[0].message == "tool_choice 'required' gave no call"
    assert "tool_choice" in cell.findings[0].hint
    assert not found


def test_what_a_model_does_not_do_is_no_fault() -> None:
    found = asked(says("It is sunny."), "parallel calls")
    assert [cell.verdict for cell in found] == ["silent", "silent"]


def test_a_cell_is_written_as_a_report() -> None:
    found = asked(says("Hello!"), "required")
    text = str(ak.export.issue(found["chat/required/block"], server="http://localhost:1/v1"))
    assert "tool_choice 'required' gave no call" in text
    assert "Tool_choice 'required' always gives a call." in text


def test_what_was_recorded_is_not_asked_again(tmp_path: Path) -> None:
    path = tmp_path / "check.jsonl"
    first = asked(says(None, calls("get_weather", city="Oslo")), "one call", record=path)
    again = ak.check(
        ScriptedServer([]), "m", dialects=["chat"], scenarios=["one call"], resume=path
    )
    assert [cell.verdict for cell in again] == [cell.verdict for cell in first]
    assert again.rollouts == first.rollouts


def test_what_is_beyond_the_limit_stays_open() -> None:
    found = asked(says("Hello!"), "required", requests=1)
    assert [cell.verdict for cell in found] == ["wrong", "open"]


@pytest.mark.parametrize("wrong", [{"dialects": ["grpc"]}, {"scenarios": ["none such"]}])
def test_what_is_not_there_is_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="is named"):
        ak.check(ScriptedServer([]), "m", **wrong)


def test_the_page_and_the_text_name_every_scenario() -> None:
    found = asked(says("Hello!"), "required")
    assert "required" in found.text()
    assert "tool_choice" in found.html()
    assert len(found.frame) >= 1

"""`ak.check`: what it asks, what it says of right and wrong answers, and what it keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import agentkit as ak
from agentkit.errors import UsageError
from agentkit.testing import ScriptedServer, by_turn, calls, says, serve


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


ALIKE = by_turn(
    says(None, calls("get_weather", city="Oslo")),
    says("It is cold."),
)


def beside(*faults: str, scenario: str = "one call", script: Any = ALIKE) -> Any:
    """A check of one scenario in every dialect, of a server that has these faults."""
    with serve(script, manner="vllm", faults=faults) as server:
        return ak.check(server.url, "m", scenarios=[scenario], progress=False)


def test_one_answer_in_every_dialect_is_right_in_every_cell() -> None:
    found = beside()
    assert [cell.verdict for cell in found] == ["right"] * 6
    assert not found.findings


@pytest.mark.parametrize(
    ("fault", "key", "code"),
    [
        ("ids_differ", "responses/one call/stream", "stream_identity"),
        ("call_in_deltas", "responses/one call/stream", "stream_vs_block"),
        ("events_missing", "responses/one call/stream", "stream_identity"),
        ("input_missing", "messages/one call/stream", "stream_vs_block"),
        ("type_missing", "messages/one call/stream", "stream_identity"),
        ("usage_zero", "messages/one call/block", "usage"),
    ],
)
def test_a_fault_of_a_dialect_stands_in_its_cell_beside_the_block_or_chat(
    fault: str, key: str, code: str
) -> None:
    found = beside(fault)
    cell = found[key]
    told = next(finding for finding in cell.findings if finding.code == code)
    assert told.severity != "info"
    assert told.message.startswith("unlike the ")
    assert told.hint
    assert all(other.verdict == "right" for other in found if other.dialect == "chat")


def test_a_signature_that_means_nothing_is_told_where_thinking_comes_beside_calls() -> None:
    script = by_turn(
        says(None, calls("convert_currency", amount=20), reasoning="I need the rate."),
        says("That is 7.", reasoning="Done."),
    )
    found = beside(scenario="reasoning", script=script)
    for form in ("block", "stream"):
        cell = found[f"messages/reasoning/{form}"]
        assert cell.verdict == "odd"
        told = next(f for f in cell.findings if f.code == "reasoning_unsigned")
        assert "Anthropic refuses it" in told.hint
    assert not any(f.code == "reasoning_unsigned" for f in found["chat/reasoning/block"].findings)


def test_what_a_model_breaks_in_a_text_is_no_fault_of_its_server() -> None:
    broken = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Os\n</tool_call>'
    cell = asked(says(broken), "one call")["chat/one call/block"]
    assert cell.verdict == "silent"
    assert {finding.severity for finding in cell.findings} == {"info"}
    whole = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Oslo"}}\n</tool_call>'
    cell = asked(says(whole), "one call")["chat/one call/block"]
    assert cell.verdict == "odd"
    assert "--tool-call-parser" in cell.findings[0].hint


def test_a_call_as_text_where_none_was_asked_for_has_a_hint_of_its_own() -> None:
    whole = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Oslo"}}\n</tool_call>'
    cell = asked(says(whole), "none")["chat/none/block"]
    assert "--exclude-tools-when-tool-choice-none" in cell.findings[0].hint


def test_an_answer_that_is_all_reasoning_is_one_finding() -> None:
    cell = asked(says(None, reasoning="Hello."), "required")["chat/required/block"]
    assert [finding.code for finding in cell.findings] == ["expected", "answer_in_reasoning"]
    assert "chat_template_kwargs" in cell.findings[0].hint


def test_responses_without_a_text_has_no_logprobs_to_show() -> None:
    with serve(ALIKE, manner="openai") as server:
        found = ak.check(
            server.url,
            "m",
            dialects=["responses"],
            scenarios=["logprobs"],
            progress=False,
        )
    assert {cell.verdict for cell in found} == {"silent"}


def test_what_may_be_chance_is_told_and_blamed_on_nobody() -> None:
    """Another tool at the second request: at temperature 0 in a stream a fault, else perhaps
    chance.
    """
    answers = [says(None, calls("get_weather", city="Oslo")), says(None, calls("add", a=1, b=2))]
    for sampling, verdict in (({"temperature": None}, "right"), ({}, "wrong")):
        with serve(answers) as server:
            found = ak.check(
                server.url,
                "m",
                dialects=["chat"],
                scenarios=["one call"],
                sampling=sampling,
                progress=False,
                concurrency=1,
            )
        cell = found["chat/one call/stream"]
        (told,) = [finding for finding in cell.findings if finding.code == "stream_vs_block"]
        assert (cell.verdict, "n=8" in told.hint) == (verdict, verdict == "right")


@pytest.mark.parametrize(
    ("used", "verdict", "told"),
    [
        (15, "silent", None),
        (16, "wrong", "the answer was cut at 16 tokens, and ends with 'stop'"),
        (17, "wrong", "max_tokens=16 gave 17 tokens"),
    ],
)
def test_a_limit_is_kept_told_or_not_met(used: int, verdict: str, told: str | None) -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": used, "total_tokens": 9 + used}
    answer = {"usage": usage, "choices": [{**says("Rome is"), "index": 0}]}
    cell = asked(answer, "cut")["chat/cut/block"]
    assert cell.verdict == verdict
    assert next((f.message for f in cell.findings), None) == told

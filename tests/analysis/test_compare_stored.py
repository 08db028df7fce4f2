"""`ak.compare` of an agent with rollouts that are there: it is asked what they were asked, and what
it has no tool for is said.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import agentkit as ak
from agentkit.testing import FixedClock, ScriptedServer, calls, says

CITIES = ("Oslo", "Rome", "Lima")


def weather(city: str) -> str:
    """The weather of a city."""
    return f"rain in {city}"


def date(day: str) -> str:
    """Another tool."""
    return day


def agent(script: Any, tools: Any = (weather,), **options: Any) -> ak.Agent:
    clock = FixedClock()
    return ak.Agent(
        "m", list(tools), server=ScriptedServer(script, clock=clock), clock=clock, **options
    )


def asks(messages: list[dict[str, Any]]) -> Any:
    """A script that calls once and then answers."""
    last = messages[-1]
    return (
        says(None, calls("weather", city=last["content"]))
        if last["role"] == "user"
        else says("it rains")
    )


def test_an_agent_is_asked_what_the_rollouts_were_asked(tmp_path: Path) -> None:
    stored = ak.rollouts(agent(asks), CITIES, n=2, progress=False)
    path = tmp_path / "run.jsonl"
    ak.save(stored, path)
    for side in (stored, path, list(stored)[::2], iter(stored)):
        found = ak.compare({"file": side, "s": agent(asks)}, n=2, progress=False)
        assert not found
        assert found.prompts == 3
        assert [t.prompt for t in found.rollouts["s"]] == [
            t.prompt for t in stored if "prompt_index" in t.meta
        ]


def test_one_rollout_with_a_system_message_and_a_history() -> None:
    said: list[dict[str, Any]] = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": "Oslo"},
    ]
    stored = ak.rollout(agent(asks, system="another"), said)
    for order in ("file s", "s file"):
        sides = {"file": [stored], "s": agent(asks)}
        found = ak.compare({name: sides[name] for name in order.split()}, progress=False)
        assert found.rollouts["s"][0].prompt == stored.prompt
        assert not found


def test_instructions_of_responses_are_asked_as_a_system_message() -> None:
    spoken = [{"role": "user", "content": "Oslo"}]
    told = agent(asks, dialect="responses", sampling={"instructions": "Be brief."})
    stored = ak.rollout(told, spoken)
    found = ak.compare({"file": [stored], "s": agent(asks)}, progress=False)
    roles = [message.role for message in found.rollouts["s"][0].prompt]
    assert roles == ["system", "user"]
    assert not found.notes


def test_rollouts_that_tell_no_prompt_are_named() -> None:
    alone = ak.load([{"messages": [{"role": "assistant", "content": "Hello"}]}])
    with pytest.raises(ak.AgentkitError, match="tells what it was asked") as caught:
        ak.compare({"file": alone, "s": agent(asks)})
    assert "ak.compare(" in caught.value.hint
    with pytest.raises(ak.AgentkitError, match="no prompts"):
        ak.compare({"a": agent(asks), "b": agent(asks)})


@pytest.mark.parametrize("tools", [(), (date,)])
def test_a_tool_that_one_side_does_not_have_is_said(tools: Any) -> None:
    stored = ak.rollouts(agent(asks), CITIES, n=4, progress=False)
    plain = ak.compare({"file": stored, "s": agent(lambda _: says("none"), tools)}, n=4)
    found = [d for d in plain.divergences if d.class_ == "tool_selection"]
    assert found
    assert all("s: calls no tool: its request has no weather" in d.cause for d in found)
    assert {d.hint for d in found} == {"give that side the tool: ak.Agent(…, tools=[weather])"}


def test_another_tool_in_the_place_of_one_that_is_not_there_is_said() -> None:
    stored = ak.rollout(agent(asks), "Oslo")
    other = agent(lambda _: says(None, calls("date", day="now")), (date,), max_turns=1)
    found = ak.compare({"file": stored, "s": other}, progress=False)
    (selected,) = [d for d in found.divergences if d.class_ == "tool_selection"]
    assert "file: calls weather, which is no tool of the other side's request" in selected.cause
    assert "tools=[weather]" in selected.hint


def test_a_tool_that_both_sides_have_is_a_choice_as_before() -> None:
    stored = ak.rollouts(agent(asks), CITIES, n=4, progress=False)
    found = ak.compare({"file": stored, "s": agent(lambda _: says("none"))}, n=4)
    for selected in found.divergences:
        assert "its request" not in selected.cause
        assert "more samples" in selected.hint


def said(*spoken: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "user", "content": "Oslo"}, *spoken]


def test_rows_that_tell_of_no_tools_are_blamed_for_none() -> None:
    call = {"id": "a", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    called = {"role": "assistant", "content": None, "tool_calls": [call]}
    rows = said({"role": "assistant", "content": "none"}), said(called)
    found = ak.compare({"a": [{"messages": rows[0]}], "b": [{"messages": rows[1]}]})
    assert "tool_selection" in {d.class_ for d in found.divergences}
    assert not any("its request" in d.cause for d in found.divergences)
    asked = ak.compare({"file": [{"messages": rows[1]}], "s": agent(lambda _: says("no"), ())})
    assert "its request has no weather" in next(iter(asked.divergences)).cause


def test_what_was_done_otherwise_is_told_where_no_server_is_at_fault() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "tide", "arguments": "{}"}}
    asked = {"role": "user", "content": "How high is the tide?"}
    begun = [asked, {"role": "assistant", "content": "I look."}, {"role": "user", "content": "Do."}]
    called = [*begun, {"role": "assistant", "tool_calls": [call]}]
    called += [{"role": "tool", "tool_call_id": "c1", "content": "6"}]
    called += [{"role": "assistant", "content": "Six metres."}]
    told = [asked, {"role": "assistant", "content": "Ask a sailor."}]
    found = ak.compare({"a": ak.load(called), "b": ak.load(told)})
    assert not found.divergences
    assert found.apart == 1
    assert "something else was done at 1 prompt" in repr(found)
    assert "something else was done at 1 prompt" in found.html()
    assert "nothing differs" not in found.html()
    same = ak.compare({"a": ak.load(told), "b": ak.load(told)})
    assert (same.apart, "nothing differs" in repr(same)) == (0, True)

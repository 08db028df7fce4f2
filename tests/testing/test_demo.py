"""The demo: no model, no key, no network, and every time the same."""

from __future__ import annotations

import asyncio
import pkgutil
import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest

import agentkit as ak
from agentkit.files.cassette.codec import encode_line
from agentkit.files.cassette.lines import dump
from agentkit.testing.demo import WEATHER
from agentkit.trajectory.loop import apply
from agentkit.types.steps import Result
from agentkit.types.trajectory import ToolResult


def lines(trajectory: ak.Trajectory) -> list[str]:
    return [encode_line(line) for line in dump(trajectory)]


def test_the_demo_asks_about_oslo_by_itself() -> None:
    trajectory = ak.rollout(ak.demo())
    assert trajectory.prompt[0].content == "Do I need a coat in Oslo?"
    assert [c.name for turn in trajectory.turns for c in turn.tool_calls] == [
        "get_weather",
        "packing_advice",
    ]
    assert trajectory.final == "Oslo: -3 °C, snow. Take a warm coat and gloves and boots."
    assert all(turn.reasoning for turn in trajectory.turns[:-1])
    assert trajectory.problems == ()


@pytest.mark.parametrize("city", WEATHER)
def test_it_knows_its_cities(city: str) -> None:
    trajectory = ak.rollout(ak.demo(), f"what is the weather in {city.upper()}?!")
    assert trajectory.stop_reason == "final"
    assert f"{WEATHER[city][0]} °C" in (trajectory.final or "")


@pytest.mark.parametrize(
    ("prompt", "words", "tools"),
    [
        (
            "Rome and Cairo in Fahrenheit, please",
            ["Rome: 21 °C (69.8 °F)", "Cairo: 33 °C (91.4 °F)"],
            6,
        ),
        ("Oslo, oslo and OSLO", ["Oslo: -3 °C"], 2),
        ("Hello", ["scripted answers", "Oslo", "Berlin"], 0),
        ("What about Atlantis?", ["scripted answers"], 0),
        ("<script>alert(1)</script> Paris", ["Paris: 14 °C"], 2),
    ],
)
def test_prompts(prompt: str, words: list[str], tools: int) -> None:
    trajectory = ak.rollout(ak.demo(), prompt)
    assert [word for word in words if word not in (trajectory.final or "")] == []
    assert sum(len(turn.tool_calls) for turn in trajectory.turns) == tools


def test_it_goes_on_with_what_was_said_before() -> None:
    dbg = ak.debug(ak.demo())
    dbg.run()
    assert "26.6 °F" in (dbg.say("And in Fahrenheit?").run().final or "")
    assert "London" in (dbg.say("And London?").run().final or "")


def result(call_id: str, name: str, content: str) -> ToolResult:
    return ToolResult(call_id=call_id, name=name, status="edited", content=content)


def test_another_result_leads_to_another_answer() -> None:
    agent = ak.demo()
    dbg = ak.debug(agent)
    dbg.step()
    (call,) = dbg.pending
    edited = apply(
        dbg.trajectory,
        Result(
            position=0,
            result=result(call.id, call.name, '{"city": "Oslo", "temp_c": 30, "sky": "sunny"}'),
        ),
    )
    engine = agent.engine(edited)
    asyncio.run(engine.run())
    assert engine.trajectory.final == "Oslo: 30 °C, sunny. Take no coat and sunglasses."
    assert "warm coat" in (dbg.run().final or "")


def test_a_failed_tool_is_said_and_not_guessed_at() -> None:
    agent = ak.demo()
    start = agent.start()
    engine = agent.engine(start)
    asyncio.run(engine.step())
    (call,) = engine.trajectory.pending
    engine.trajectory = apply(
        engine.trajectory,
        Result(position=0, result=result(call.id, call.name, '{"error": "sensor offline"}')),
    )
    asyncio.run(engine.run())
    assert engine.trajectory.final == "I could not find the weather: sensor offline"


def test_recorded_times_repeat_and_two_demos_are_independent() -> None:
    first, second = ak.debug(ak.demo()), ak.debug(ak.demo())
    first.step()
    second.step()
    assert lines(first.trajectory) == lines(second.trajectory)
    first.run()
    assert len(second.trajectory.all_turns) == 1
    assert lines(second.run()) == lines(first.trajectory)
    turns = first.trajectory.turns
    assert [turn.elapsed for turn in turns] == [pytest.approx(0.45)] * 2 + [pytest.approx(0.4)]


def test_the_end_of_a_step_is_not_after_the_beginning_of_the_next() -> None:
    turns = ak.rollout(ak.demo()).turns
    spans: list[tuple[Any, Any]] = []
    for turn in turns:
        exchange = turn.response.exchange
        spans += [
            (exchange.started, exchange.elapsed),
            *((r.started, r.elapsed) for r in turn.tool_results),
        ]
    ends = [round(start + length, 6) for start, length in spans]
    assert all(end <= start for end, (start, _) in zip(ends, spans[1:], strict=False))


@pytest.mark.slow
def test_it_is_the_same_in_another_process() -> None:
    code = """
import agentkit as ak
from agentkit.files.cassette.codec import encode_line
from agentkit.files.cassette.lines import dump
print("".join(map(encode_line, dump(ak.rollout(ak.demo())))), end="")
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "".join(lines(ak.rollout(ak.demo())))
    assert done.stderr == ""


def test_no_public_function_is_hidden_by_a_module_of_its_name() -> None:
    modules = {module.name for module in pkgutil.iter_modules(ak.__path__)}
    assert modules & set(ak.__all__) <= {
        name for name in ak.__all__ if isinstance(getattr(ak, name), ModuleType)
    }
    assert callable(ak.demo)

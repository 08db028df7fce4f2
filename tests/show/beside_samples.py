"""Rollouts beside each other, for golden files and pages: two captured ones, and constructed
comparisons of servers that nobody ran.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import agentkit as ak
from agentkit.analysis.compare.comparison import Comparison
from agentkit.analysis.diff import Diff
from agentkit.testing import FixedClock, ScriptedServer, calls, says
from tests.show.render_samples import HOSTILE, weather
from tests.support.captures import conversation

_LONG = "<b>a server</b> whose name is long"


def _weather(city: str) -> str:
    """The weather of a city."""
    return f"rain in {city}"


def _agent(city: Callable[[str], str], said: str = "it rains") -> ak.Agent:
    """An agent that asks for the weather of a city, which depends on the one it is asked about."""

    def script(messages: list[dict[str, Any]]) -> Any:
        named = messages[-1]["content"]
        return (
            says(None, calls("_weather", city=city(named)))
            if messages[-1]["role"] == "user"
            else says(said)
        )

    clock = FixedClock()
    return ak.Agent("m", [_weather], server=ScriptedServer(script, clock=clock), clock=clock)


def captured() -> Diff:
    """Two rollouts of one model with a prompt each: everything differs."""
    return ak.diff(
        conversation("hermes-qwen3", "rollout-03"),
        conversation("hermes-no-reasoning", "rollout-03"),
        names=("with reasoning", "without"),
    )


def hostile_diff() -> Diff:
    """Two agents asked a hostile thing, each of which says and asks for others."""
    one = _agent(lambda _: HOSTILE[1] + HOSTILE[2], HOSTILE[3])
    other = _agent(lambda _: HOSTILE[2] + HOSTILE[4], HOSTILE[5])
    return ak.diff(
        ak.rollout(one, HOSTILE[0]), ak.rollout(other, HOSTILE[0]), names=(HOSTILE[0], _LONG)
    )


def comparison() -> Comparison:
    """Two servers that differ on some prompts, on every repeat."""
    shouted = _agent(lambda city: city.upper() if city != "Lima" else city)
    return ak.compare(
        {"vllm": _agent(str), "openai": shouted},
        ["Oslo", "Rome", "Lima", "Cairo"],
        n=4,
        concurrency=1,
        progress=False,
    )


def hostile_comparison() -> Comparison:
    """Three servers, one of which says hostile things, about a prompt that is one."""
    evil = HOSTILE[0] + HOSTILE[1] + "wide" * 60
    return ak.compare(
        {
            "a": _agent(lambda _: evil, evil),
            _LONG: _agent(lambda _: "Oslo"),
            "c": _agent(str.upper),
        },
        [evil, "Oslo"],
        n=2,
        concurrency=1,
        progress=False,
    )


BESIDE: dict[str, Callable[[], Any]] = {
    "diff": captured,
    "diff_hostile": hostile_diff,
    "diff_equal": lambda: ak.diff(weather(), weather()),
    "comparison": comparison,
    "comparison_hostile": hostile_comparison,
    "comparison_equal": lambda: ak.compare(
        {"a": _agent(str), "b": _agent(str)}, ["Oslo"], concurrency=1, progress=False
    ),
}

"""`ak.demo()`: an agent without a model. Its answers are scripted, its tools are real, and what it
says next follows from what they return.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from agentkit.agent.agent import Agent
from agentkit.agent.perform import Perform, Performs, live
from agentkit.agent.tools.runner import Functions, tool_runner
from agentkit.agent.tools.tool import Tool
from agentkit.errors import checked_keywords
from agentkit.testing.scripted import FixedClock, ScriptedServer, calls, says
from agentkit.types.trajectory import Trajectory

WEATHER = {
    "oslo": (-3, "snow"),
    "rome": (21, "sunny"),
    "london": (9, "rain"),
    "cairo": (33, "sunny"),
    "paris": (14, "cloudy"),
    "tokyo": (12, "rain"),
    "lima": (18, "fog"),
    "delhi": (31, "haze"),
    "madrid": (24, "sunny"),
    "berlin": (6, "cloudy"),
}
"""Degrees Celsius and sky of the cities the demo knows; made up."""

PROMPT = "Do I need a coat in Oslo?"


def get_weather(city: str) -> dict[str, Any]:
    """Current weather of a city.

    Args:
        city: the city's name
    """
    if city.lower() not in WEATHER:
        raise LookupError(
            f"no weather for {city!r}; known are {', '.join(name.title() for name in WEATHER)}"
        )
    temp, sky = WEATHER[city.lower()]
    return {"city": city, "temp_c": temp, "sky": sky}


def packing_advice(temp_c: float, sky: str) -> dict[str, Any]:
    """What to wear at a temperature and under a sky.

    Args:
        temp_c: degrees Celsius
        sky: such as sunny, rain or snow
    """
    wear = "a warm coat" if temp_c < 8 else "a light jacket" if temp_c < 17 else "no coat"
    return {
        "wear": wear,
        "extras": (
            {"rain": ["umbrella"], "snow": ["gloves", "boots"], "sunny": ["sunglasses"]}.get(
                sky, []
            )
        ),
    }


def to_fahrenheit(temp_c: float) -> float:
    """Degrees Celsius as degrees Fahrenheit.

    Args:
        temp_c: degrees Celsius
    """
    return round(temp_c * 9 / 5 + 32, 1)


@checked_keywords
def demo() -> Agent:
    """Make an agent that needs no key and no network: a script in place of the model,
    three real tools, a clock that repeats.

    Ask it about coats and weather in Oslo, Rome, London, Cairo, Paris, Tokyo, Lima, Delhi, Madrid
    or Berlin. Each step follows from the results before it, so editing a result changes what comes
    next.
    """
    clock = FixedClock()
    agent = DemoAgent(
        "demo (scripted, no model)",
        tools=[get_weather, packing_advice, to_fahrenheit],
        server=ScriptedServer(script, clock=clock),
        parallel_tools=False,
        clock=clock,
    )
    return agent.with_perform_factory(_performs(agent.tools))


def _performs(tools: Mapping[str, Tool]) -> Performs:
    """Make the factory of the demo's rollouts: each with a clock and a count of answers of its own,
    so that its times and ids are the same whatever runs beside it.
    """

    def performs(trajectory: Trajectory, sample: int) -> Perform:
        clock = FixedClock()
        answered = sum(turn.response is not None for turn in trajectory.all_turns)
        server = ScriptedServer(script, clock=clock, answered=answered)
        return live(server, tool_runner(Functions(tools), clock=clock))

    return performs


@checked_keywords
class DemoAgent(Agent):
    """The scripted agent; without a prompt it is asked the one about Oslo."""

    def start(self, prompt: Any = None, *, meta: Mapping[str, Any] | None = None) -> Trajectory:
        """Start a trajectory with this prompt, or with the demo's own."""
        return super().start(PROMPT if prompt is None else prompt, meta=meta)

    def __repr__(self) -> str:
        return (
            "<demo agent: scripted answers, no model, no network; real tools"
            f" {', '.join(self.tools)}>"
        )


def script(messages: list[dict[str, Any]]) -> dict[str, Any]:
    """Answer as the demo does, from the conversation alone."""
    asked = max(i for i, message in enumerate(messages) if message.get("role") == "user")
    text = _text(messages[asked])
    cities = [city for city in re.findall(r"[A-Za-z]+", text.lower()) if city in WEATHER]
    if not cities and (
        earlier := [
            c
            for m in messages[:asked]
            for c in re.findall(r"[A-Za-z]+", _text(m).lower())
            if c in WEATHER
        ]
    ):
        cities = earlier[-1:]
    if not cities:
        known = ", ".join(name.title() for name in WEATHER)
        return says(
            f"I am a demo with scripted answers. Ask me whether you need a coat in one of: {known}."
        )
    cities = list(dict.fromkeys(cities))
    results = _results(messages[asked + 1 :])
    if "get_weather" not in results:
        names = " and ".join(city.title() for city in cities)
        return says(
            None,
            *(calls("get_weather", city=city.title()) for city in cities),
            reasoning=f"I need the weather in {names} first.",
        )
    return _after_weather(text.lower(), cities, results)


def _after_weather(text: str, cities: list[str], results: dict[str, list[Any]]) -> dict[str, Any]:
    found = [
        r
        for r in results["get_weather"]
        if isinstance(r, dict) and isinstance(r.get("temp_c"), (int, float))
    ]
    if len(found) < len(results["get_weather"]):
        failed = next(r for r in results["get_weather"] if r not in found)
        reason = failed.get("error", failed) if isinstance(failed, dict) else failed
        return says(
            f"I could not find the weather: {reason}",
            reasoning="A tool failed; I say so instead of guessing.",
        )
    if "fahrenheit" in text and "to_fahrenheit" not in results:
        return says(
            None,
            *(calls("to_fahrenheit", temp_c=r["temp_c"]) for r in found),
            reasoning="They want Fahrenheit.",
        )
    if "packing_advice" not in results:
        seen = "; ".join(f"{r.get('city')}: {r['temp_c']} °C, {r.get('sky')}" for r in found)
        wanted = (
            calls("packing_advice", temp_c=r["temp_c"], sky=str(r.get("sky", ""))) for r in found
        )
        return says(None, *wanted, reasoning=f"{seen}. Now what to wear.")
    return says(
        " ".join(
            map(
                _sentence,
                found,
                results["packing_advice"],
                results.get("to_fahrenheit", [None] * len(found)),
            )
        )
    )


def _sentence(weather: dict[str, Any], advice: Any, fahrenheit: Any) -> str:
    advice = advice if isinstance(advice, dict) else {}
    warmth = f"{weather['temp_c']} °C" + (f" ({fahrenheit} °F)" if fahrenheit is not None else "")
    extras = "".join(f" and {extra}" for extra in advice.get("extras") or ())
    return (
        f"{weather.get('city')}: {warmth}, {weather.get('sky')}. Take"
        f" {advice.get('wear', 'what you like')}{extras}."
    )


def _results(messages: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Give the results since the user spoke, by tool name, in the order of the calls."""
    names = {
        call["id"]: call["function"]["name"] for m in messages for call in m.get("tool_calls") or ()
    }
    found: dict[str, list[Any]] = {}
    for message in messages:
        if message.get("role") == "tool":
            found.setdefault(names.get(message.get("tool_call_id"), ""), []).append(
                _value(_text(message))
            )
    return found


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _text(message: dict[str, Any]) -> str:
    content = message.get("content")
    return content if isinstance(content, str) else json.dumps(content) if content else ""

"""A tool that is not there: its result names the one that was likely meant, for an agent."""

from __future__ import annotations

import asyncio
import json

import pytest

import agentkit as ak
from agentkit.agent.tools.runner import Functions, tool_runner
from agentkit.agent.tools.tool import toolset
from agentkit.trajectory.trouble.sent_problems import sent_problems
from agentkit.types.request import Spec
from agentkit.types.steps import ToolStep
from agentkit.types.trajectory import Message, Trajectory


def get_weather(city: str) -> str:
    """Look up the weather."""
    return city


def asked(name: str, *, suggests: bool = True) -> str:
    """Run a call of this name, and return the error that the model sees."""
    call = {"id": "1", "type": "function", "function": {"name": name, "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    body = {"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}
    read = ak.read_response(body, [])
    run = tool_runner(Functions(toolset([get_weather])), suggests=suggests)
    step = ToolStep(trajectory=Trajectory(), call=read.tool_calls[0])

    async def ran() -> ak.ToolResult:
        return await run(step)

    result = asyncio.run(ran())
    assert result.status == "unknown_tool"
    error: str = json.loads(result.content)["error"]
    return error


@pytest.mark.parametrize(
    "name",
    [
        "get_weather()",
        "Get_Weather",
        "get_weatherget_weather",
        "api.get_weather",
        "getWeather",
        "get_wether",
    ],
)
def test_the_name_that_was_meant_is_named(name: str) -> None:
    plain = f"Unknown tool {name!r}. Available tools: ['get_weather']"
    assert asked(name) == f"{plain}. Did you mean 'get_weather'?"
    assert asked(name, suggests=False) == plain


@pytest.mark.parametrize("name", ["send_mail", "x", "weather_forecast_for_the_week"])
def test_nothing_is_named_where_nothing_is_near(name: str) -> None:
    assert "Did you mean" not in asked(name)


def test_a_prefix_that_is_a_formats_own_is_no_unknown_tool() -> None:
    named = {"name": "functions.get_weather", "arguments": "{}"}
    call = {"id": "1", "type": "function", "function": named}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    body = {"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}
    assert ak.read_response(body, [get_weather]).tool_calls[0].name == "get_weather"


@pytest.mark.parametrize("name", ["get_weather()", "Get_Weather", "get_wether", "send_mail"])
def test_a_choice_of_a_tool_that_is_not_sent_names_the_one_that_was_meant(name: str) -> None:
    choice = {"type": "function", "function": {"name": name}}
    tools = ({"type": "function", "function": {"name": "get_weather"}},)
    spec = Spec(tools=tools, sampling={"tool_choice": choice})
    prompt = (Message(wire={"role": "user", "content": "hi"}),)
    found = list(sent_problems(Trajectory(spec=spec, prompt=prompt), 0))
    assert [p.code for p in found] == ["name_unknown"]
    assert ("did you mean 'get_weather'?" in found[0].message) == (name != "send_mail")

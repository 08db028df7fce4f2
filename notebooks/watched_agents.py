"""Agents of other packages, a few lines each, and how the record of them was made.

    python notebooks/watched_agents.py LANGGRAPH_PYTHON OPENAI_AGENTS_PYTHON

writes cassettes/watched_agents.jsonl. Each agent runs in an environment of its own (langgraph with
langchain-openai; openai-agents), led by variables alone to a tap on the reference server, whose
answers are constructed. Neither package is needed to read the record, or to replay it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

RECORD = Path(__file__).parent / "cassettes" / "watched_agents.jsonl"
QUESTION = "Find me a hotel in Oslo, below 120 EUR, and pay it."


def search_hotels(city: str, max_eur: int) -> str:
    """Search hotels in a city, up to a price in EUR."""
    return f"Station Inn in {city}, 104 EUR, below {max_eur}"


def pay(amount: int, to: str) -> str:
    """Pay an amount in EUR."""
    return f"paid {amount} EUR to {to}"


def with_langgraph() -> str:
    """An agent of LangGraph, in Chat Completions."""
    from langchain.agents import create_agent  # a graph of langgraph
    from langchain_openai import ChatOpenAI

    agent = create_agent(ChatOpenAI(model="travel-8b"), [search_hotels, pay])
    said = agent.invoke({"messages": [("user", QUESTION)]})
    return str(said["messages"][-1].content)


def with_openai_agents() -> str:
    """An agent of OpenAI Agents, in Responses."""
    from agents import Agent, Runner, function_tool

    tools = [function_tool(search_hotels), function_tool(pay)]
    agent = Agent(name="travel", instructions="You book.", model="travel-8b", tools=tools)
    return str(Runner.run_sync(agent, QUESTION).final_output)


def with_openai(base_url: str, first: dict[str, Any]) -> str:
    """A loop of one's own on the openai package.

    Args:
        base_url: where it asks.
        first: its first request.
    """
    import openai

    asked, tools = dict(first), {"search_hotels": search_hotels, "pay": pay}
    with openai.OpenAI(api_key="EMPTY", base_url=base_url, max_retries=0) as client:
        while True:
            message = client.chat.completions.create(**asked).choices[0].message
            if not message.tool_calls:
                return str(message.content)
            asked["messages"] = [*asked["messages"], message.model_dump(exclude_none=True)]
            for call in message.tool_calls:
                text = tools[call.function.name](**json.loads(call.function.arguments))
                result = {"role": "tool", "tool_call_id": call.id, "content": text}
                asked["messages"].append(result)


def answers(messages: list[dict[str, Any]]) -> Any:
    """What the model says, by the turn: constructed."""
    from agentkit.testing import calls, says

    turn = sum(message.get("role") == "assistant" for message in messages)
    return [
        says("I look for hotels first.", calls("search_hotels", city="Oslo", max_eur=120)),
        says(None, calls("pay", amount=104, to="Station Inn")),
        says("Station Inn is booked and paid: 104 EUR."),
    ][min(turn, 2)]


def main(pythons: list[str]) -> None:
    """Record both agents."""
    import agentkit as ak

    RECORD.unlink(missing_ok=True)
    quiet = {"OPENAI_AGENTS_DISABLE_TRACING": "1", "LANGSMITH_TRACING": "false"}
    with ak.testing.serve(answers) as server:
        w = ak.watch(server.url, record=RECORD)
        for python, name in zip(pythons, ("langgraph", "openai-agents"), strict=True):
            env = {**os.environ, **w.env, **quiet, "OPENAI_BASE_URL": w.url_for(name)}
            env.pop("PYTHONPATH", None)
            subprocess.run([python, __file__, name], env=env, check=True)  # noqa: S603 - our own
        w.close()
    RECORD.chmod(0o644)


if __name__ == "__main__":
    if sys.argv[1:] == ["langgraph"]:
        print(with_langgraph())
    elif sys.argv[1:] == ["openai-agents"]:
        print(with_openai_agents())
    else:
        main(sys.argv[1:])

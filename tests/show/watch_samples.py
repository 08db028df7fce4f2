"""A tap with an agent that is not ours, for the tests of its view: constructed."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import openai

import agentkit as ak
from agentkit.testing import calls, says

TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": parameters}}
    for name, parameters in {
        "search_hotels": {"type": "object", "properties": {"city": {"type": "string"}}},
        "pay": {
            "type": "object",
            "properties": {"amount": {"type": "number"}, "to": {"type": "string"}},
            "required": ["amount"],
        },
    }.items()
]
PROMPT = "Two days in Oslo <img src=x onerror=alert(1)>, please."


def answer(messages: list[dict[str, Any]]) -> Any:
    """What the model says, by the turn."""
    turn = sum(message.get("role") == "assistant" for message in messages)
    return [
        says("I look first.", calls("search_hotels", city="Oslo")),
        says(None, calls("pay", amount=104, to="Station Inn")),
        says("Booked: <b>Station Inn</b>."),
    ][min(turn, 2)]


def run_agent(base: str, prompt: str = PROMPT) -> str:
    """An agent of a few lines that knows nothing of the tap; it tells what it paid."""
    key = "sk-proj-0123456789abcdefghij"
    with openai.OpenAI(api_key=key, base_url=base, max_retries=0) as client:
        return _run(client, prompt)


def _run(client: openai.OpenAI, prompt: str) -> str:
    messages: list[Any] = [{"role": "user", "content": prompt}]
    tools: Any = TOOLS
    paid = ""
    while True:
        asked = client.chat.completions.create(model="travel-8b", messages=messages, tools=tools)
        message: Any = asked.choices[0].message
        messages.append(message.model_dump(exclude_none=True))
        for call in message.tool_calls or ():
            if call.function.name == "pay":
                paid = call.function.arguments
            given = json.dumps([{"name": "Station Inn", "eur": 104}])
            messages.append({"role": "tool", "tool_call_id": call.id, "content": given})
        if not message.tool_calls:
            return f"{message.content} paid {paid}"


@contextmanager
def tapped() -> Iterator[ak.Watch]:
    """A tap on a reference server that answers so."""
    with ak.testing.serve(answer) as server:
        watch = ak.watch(server.url)
        try:
            yield watch
        finally:
            watch.close()


def beside(run: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    """Run it on a thread, and keep what it gives or raises."""
    found: list[Any] = []

    def kept() -> None:
        try:
            found.append(run())
        except Exception as exc:
            found.append(exc)

    thread = threading.Thread(target=kept, daemon=True)
    thread.start()
    return thread, found


def until(holds: Callable[[], Any]) -> None:
    """Wait for something that happens on another thread or in another process."""
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def stream_from(base: str) -> str:
    """Ask for a stream, and read it to its end."""
    with openai.OpenAI(api_key="none", base_url=base, max_retries=0) as client:
        asked: Any = {"model": "m", "messages": [{"role": "user", "content": "Tell me."}]}
        pieces = client.chat.completions.create(**asked, stream=True)
        return "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices)

"""What a server is asked, and what a right answer has: a battery that fits any model that calls
tools.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from agentkit.agent.tools.tool import Tool
from agentkit.types.record import Record, record

LONG = " ".join(f"line {number} of the note stays as it is;" for number in range(1, 41))
"""An argument of about 1,500 characters."""
ODD = 'He said "¿Qué?" — 3 € \\ 2, naïve 東京 🎈'
"""An argument that has to be escaped in JSON: quotes, a backslash, letters outside ASCII."""


def _tool(name: str, about: str, result: Any, **types: dict[str, Any]) -> Tool:
    """Make a tool that runs nothing: whatever it is called with, it gives the same result."""
    schema = {"type": "object", "properties": types, "required": list(types)}
    return Tool(lambda **_: result, name=name, description=about, parameters=schema)


_TEXT, _NUMBER = {"type": "string"}, {"type": "number"}
STANDARD = (
    _tool(
        "get_weather",
        "Current weather of a city.",
        {"city": "Oslo", "temp": 12, "sky": "cloudy"},
        city=_TEXT,
    ),
    _tool(
        "convert_currency",
        "Convert an amount of money.",
        {"value": 7},
        amount=_NUMBER,
        source=_TEXT,
        target=_TEXT,
    ),
    _tool("add", "Add two numbers.", 42, a=_NUMBER, b=_NUMBER),
    _tool("lookup", "Look up a value by key.", {"value": 7}, key=_TEXT),
    _tool(
        "terminal",
        "Run a shell command.",
        {"output": "notes.txt", "exit_code": 0},
        command=_TEXT,
    ),
)
"""What most scenarios offer. None of them does anything."""
_NOW = _tool("current_time", "The time of day.", "12:30")
_NOTE = _tool("save_note", "Save a note, word for word.", "saved", text=_TEXT)
_ORDER = _tool(
    "place_order",
    "Place an order.",
    {"order": 17},
    customer={
        "type": "object",
        "properties": {"name": _TEXT, "vip": {"type": "boolean"}},
        "required": ["name", "vip"],
    },
    items={
        "type": "array",
        "items": {
            "type": "object",
            "properties": {"sku": _TEXT, "count": {"type": "integer"}, "price": _NUMBER},
            "required": ["sku", "count", "price"],
        },
    },
    shipping={"type": "string", "enum": ["standard", "express"]},
)


@record
class Scenario(Record):
    """One thing that a server is asked for."""

    name: str
    """What the matrix calls it."""
    about: str
    """What is expected, in one sentence."""
    prompt: str
    """What the user says."""
    tools: tuple[Tool, ...] = STANDARD
    """What the model is offered."""
    sampling: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the request, under the names of chat completions."""
    turns: int = 1
    """Requests at most."""
    dialects: tuple[str, ...] = ("chat", "responses", "messages")
    """The dialects that can ask for it."""
    max_tokens: int = 1024
    """The limit that is sent."""

    def summary(self) -> str:
        return f"{self.name}: {self.about}"


SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        name="one call",
        about="a question that needs one tool is answered with one call of it",
        prompt="What is the weather in Oslo?",
    ),
    Scenario(
        name="parallel calls",
        about="a question about two cities is answered with two calls at once",
        prompt="Compare the weather in Rome and Oslo.",
    ),
    Scenario(
        name="required",
        about="tool_choice 'required' always gives a call",
        prompt="Hello.",
        sampling={"tool_choice": "required"},
        max_tokens=512,
    ),
    Scenario(
        name="named",
        about="a tool that is named in tool_choice is called, and no other",
        prompt="What is 12 plus 30?",
        sampling={"tool_choice": {"type": "function", "function": {"name": "add"}}},
    ),
    Scenario(
        name="none",
        about="tool_choice 'none' gives no call, and no markup of one",
        prompt="What is the weather in Rome?",
        sampling={"tool_choice": "none"},
    ),
    Scenario(
        name="no arguments",
        about="a tool without parameters is called with an empty object",
        prompt="What time is it? Use the tool.",
        tools=(_NOW,),
    ),
    Scenario(
        name="nested arguments",
        about="objects, lists, numbers, booleans and enums arrive with their types",
        prompt=(
            "Place an order for the VIP customer Ada: 2 of sku A1 at 9.5 each and 1 of sku B2 at 3,"
            " shipped express."
        ),
        tools=(_ORDER,),
    ),
    Scenario(
        name="unicode and quotes",
        about="an argument with quotes, a backslash and letters outside ASCII arrives as written",
        prompt=f"Save this note word for word, with every character: {ODD}",
        tools=(_NOTE,),
    ),
    Scenario(
        name="long argument",
        about="an argument of about 1,500 characters arrives whole",
        prompt=f"Save this note word for word: {LONG}",
        tools=(_NOTE,),
        max_tokens=2048,
    ),
    Scenario(
        name="several turns",
        about="the history with the call and its result is accepted, and answered with a text",
        prompt="Weather in Oslo please.",
        turns=3,
    ),
    Scenario(
        name="reasoning",
        about="what the model thinks beside a call comes apart from the text, and is taken back",
        prompt="Convert 20 EUR to JPY.",
        turns=2,
    ),
    Scenario(
        name="cut",
        about="an answer that meets the token limit says so, and no cut call looks whole",
        prompt="What is the weather in Rome?",
        max_tokens=16,
    ),
    Scenario(
        name="refused",
        about="a request with a negative token limit is refused by a status of 400, with a reason",
        prompt="Hello.",
        max_tokens=-1,
    ),
    Scenario(
        name="logprobs",
        about="log probabilities come for every token of the answer",
        prompt="Look up sigma.",
        sampling={"logprobs": True, "top_logprobs": 2},
        dialects=("chat", "responses"),
    ),
    Scenario(
        name="token ids",
        about="ids come for every token of prompt and answer (vLLM, SGLang)",
        prompt="Look up alpha.",
        sampling={"extra_body": {"return_token_ids": True}},
    ),
)
"""In the order of the matrix."""

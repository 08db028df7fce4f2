"""What a reader learns of a function: from docstrings of any style, and as a tool that is known."""

from __future__ import annotations

import functools
import json
import logging
from typing import Annotated, Any

import docstring_parser
import pydantic
import pytest

import agentkit as ak
from agentkit.read.calls.function_docs import function_docs
from agentkit.read.calls.function_schema import described, described_tools

GOOGLE = """Look up the weather.

    Of one city at a time.

    Args:
        city (str): the city's name,
            as on the map: with capitals
        days: how many

    Returns:
        a text
    """
NUMPY = """Look up the weather.

    Of one city at a time.

    Parameters
    ----------
    city : str
        the city's name,
        as on the map: with capitals
    days : int, optional
        how many

    Returns
    -------
    str
        a text
    """
SPHINX = """Look up the weather.

    Of one city at a time.

    :param city: the city's name,
        as on the map: with capitals
    :type city: str
    :param int days: how many
    :returns: a text
    """
EPYDOC = """Look up the weather.

    Of one city at a time.

    @param city: the city's name,
        as on the map: with capitals
    @param days: how many
    @return: a text
    """


def weather(city: str, days: int = 1) -> str:
    return city


@pytest.mark.parametrize("text", [GOOGLE, NUMPY, SPHINX, EPYDOC])
def test_every_style_of_docstring(text: str) -> None:
    def weather(city: str, days: int = 1) -> str:
        return city

    weather.__doc__ = text
    made = ak.tool(weather)
    assert made.description == "Look up the weather.\n\nOf one city at a time."
    said = {name: of["description"] for name, of in made.parameters["properties"].items()}
    assert said == {"city": "the city's name, as on the map: with capitals", "days": "how many"}
    assert made.gaps == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "One line.",
        "Two\n\nparts: with a colon.",
        ":-) a smile",
        "Args",
        "    code::\n\n        x",
    ],
)
def test_a_docstring_of_no_style_is_the_description(text: str) -> None:
    def plain() -> None: ...

    plain.__doc__ = text
    docs = function_docs(plain)
    assert docs.arguments == {}
    assert docs.summary.split() == text.split()


def test_annotations_describe_arguments() -> None:
    def look(
        city: Annotated[str, "as on the map"],
        days: Annotated[int, pydantic.Field(description="how many")],
    ) -> None:
        """Look."""

    said = [of["description"] for of in ak.tool(look).parameters["properties"].values()]
    assert said == ["as on the map", "how many"]


BODY = json.dumps(
    {
        "choices": [
            {
                "message": {
                    "role": "assistant",
                    "tool_calls": [
                        {
                            "id": "a",
                            "type": "function",
                            "function": {"name": "weather", "arguments": '{"city": 3}'},
                        }
                    ],
                },
                "finish_reason": "tool_calls",
            }
        ]
    }
)
FORMS = {
    "function": weather,
    "partial": functools.partial(weather, days=2),
    "tool": ak.tool(weather),
    "schema": ak.tool(weather).schema,
}


def codes(tools: Any) -> list[str]:
    return sorted(problem.code for problem in ak.read_response(BODY, tools=tools).problems)


@pytest.mark.parametrize("form", FORMS)
def test_a_function_is_taken_wherever_tools_are(form: str) -> None:
    tools = [FORMS[form]]
    call = ak.read_response(BODY, tools=tools).tool_calls[0]
    assert (call.name, codes(tools)) == ("weather", codes([FORMS["schema"]]))
    assert "name_unknown" not in codes(tools)
    text = '<tool_call>{"name": "weather", "arguments": {"city": "Oslo"}}</tool_call>'
    assert ak.parsers.get_parser("hermes").parse(text, tools=tools).tool_calls[0].name == "weather"
    seen = ak.compare({"a": BODY, "b": BODY}, tools=tools)
    assert {t.spec.tools[0]["function"]["name"] for t in seen.rollouts["a"]} == {"weather"}


def test_a_single_function_and_a_function_seen_twice() -> None:
    assert "name_unknown" not in codes(weather)
    assert described(weather) is described(weather)
    assert described_tools(weather) == [FORMS["schema"]]
    assert described("weather") == "weather"


def test_what_the_model_is_not_told_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    def bare(a, b: int):  # type: ignore[no-untyped-def]
        return a

    with caplog.at_level(logging.WARNING, "agentkit"):
        made = [ak.tool(bare), ak.tool(bare)]
    assert repr(made[0]) == "<Tool bare(a, b): no description, no type for a>"
    assert [record.getMessage() for record in caplog.records] == [
        "tool 'bare': no description, no type for a; the model has to guess"
    ]


@pytest.mark.parametrize(
    "text",
    ["Look something up.", "", "  two  spaces  ", "Args", "a - b", "x (int, optional)", "§ 3"],
)
def test_a_plain_line_is_read_as_by_any_parser(text: str) -> None:
    """It is not worth the import of one."""
    found = docstring_parser.parse(text)

    def tool() -> str:
        return ""

    tool.__doc__ = text
    assert function_docs(tool) == ((found.description or "").strip(), {})
    assert not found.meta

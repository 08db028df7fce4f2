"""Tools: what the model learns of a function."""

from __future__ import annotations

import dataclasses
import enum
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, NotRequired, Optional, TypedDict, Union
from uuid import UUID

import jsonschema
import pytest
from pydantic import BaseModel, Field

import agentkit as ak


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Place(TypedDict):
    """A place."""

    city: str
    country: NotRequired[str]


class Trip(TypedDict, total=False):
    when: date
    places: list[Place]


@dataclasses.dataclass
class Point:
    """A point."""

    x: int
    tags: list[str] = dataclasses.field(default_factory=list)


class Pair(NamedTuple):
    a: int
    b: str = "b"


PAIR = Pair(1)


class City(BaseModel):
    """A city."""

    name: str = Field(description="as on the map", min_length=1)
    people: int | None = None


def properties(function: Callable[..., Any]) -> dict[str, Any]:
    schema = ak.tool(function).schema["function"]["parameters"]
    jsonschema.Draft202012Validator.check_schema(schema)
    json.dumps(schema, allow_nan=False)
    assert schema["type"] == "object"
    found: dict[str, Any] = schema["properties"]
    return found


def required(function: Callable[..., Any]) -> list[str]:
    found: list[str] = ak.tool(function).parameters.get("required", [])
    return found


# plain signatures


def test_a_function_is_described_by_its_signature_and_docstring() -> None:
    def weather(city: str, days: int = 1, unit: Literal["c", "f"] = "c") -> str:
        """Look up the weather.

        Of one city at a time.

        Args:
            city: the city's name,
                as on the map: with capitals
            days (int, optional): how many

        Returns:
            a text: with the weather
        """
        return city

    assert ak.tool(weather).schema == {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "Look up the weather.\n\nOf one city at a time.",
            "parameters": {
                "type": "object",
                "properties": {
                    "city": {
                        "type": "string",
                        "description": "the city's name, as on the map: with capitals",
                    },
                    "days": {"type": "integer", "default": 1, "description": "how many"},
                    "unit": {"enum": ["c", "f"], "type": "string", "default": "c"},
                },
                "required": ["city"],
            },
        },
    }


def test_a_function_without_anything_to_say() -> None:
    def ping() -> None: ...

    def untyped(a, b=2): ...  # type: ignore[no-untyped-def]

    assert ak.tool(ping).schema["function"] == {
        "name": "ping",
        "description": "",
        "parameters": {"type": "object", "properties": {}},
    }
    assert ak.tool(untyped).parameters == {
        "type": "object",
        "properties": {"a": {}, "b": {"default": 2}},
        "required": ["a"],
    }


@pytest.mark.parametrize(
    ("hint", "schema"),
    [
        (str, {"type": "string"}),
        (float, {"type": "number"}),
        (bool, {"type": "boolean"}),
        (Any, {}),
        (object, {}),
        (Optional[int], {"anyOf": [{"type": "integer"}, {"type": "null"}]}),  # noqa: UP045
        (Union[int, str], {"anyOf": [{"type": "integer"}, {"type": "string"}]}),  # noqa: UP007
        (int | None, {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        (Literal["a", 1, None], {"enum": ["a", 1, None]}),
        (list[int], {"type": "array", "items": {"type": "integer"}}),
        (list, {"type": "array", "items": {}}),
        (dict[str, int], {"type": "object", "additionalProperties": {"type": "integer"}}),
        (dict, {"type": "object", "additionalProperties": True}),
        (
            list[dict[str, bool]],
            {
                "type": "array",
                "items": {"type": "object", "additionalProperties": {"type": "boolean"}},
            },
        ),
        (Sequence[str], {"type": "array", "items": {"type": "string"}}),
        (Mapping[str, Any], {"type": "object", "additionalProperties": True}),
        (set[int], {"type": "array", "items": {"type": "integer"}, "uniqueItems": True}),
        (date, {"type": "string", "format": "date"}),
        (datetime | None, {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}),
        (UUID, {"type": "string", "format": "uuid"}),
        (Path, {"type": "string", "format": "path"}),
        (
            Annotated[int, Field(ge=1, description="how many")],
            {"type": "integer", "minimum": 1, "description": "how many"},
        ),
        (Annotated[str, "a note"], {"type": "string", "description": "a note"}),
    ],
)
def test_every_kind_of_type(hint: Any, schema: dict[str, Any]) -> None:
    def use(x): ...  # type: ignore[no-untyped-def]

    use.__annotations__ = {"x": hint}
    assert properties(use) == {"x": schema}
    assert required(use) == ["x"]


def test_types_with_a_name_are_defined_beside_the_arguments() -> None:
    def use(
        color: Color,
        point: Point,
        place: Place,
        city: City | None = None,
        pair: Pair = PAIR,
        trips: list[Trip] | None = None,
    ) -> None:
        """Use."""

    schema = ak.tool(use).parameters
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["required"] == ["color", "point", "place"]
    assert set(schema["$defs"]) == {"Color", "Point", "Place", "City", "Pair", "Trip"}
    assert schema["$defs"]["City"]["properties"]["name"] == {
        "type": "string",
        "minLength": 1,
        "description": "as on the map",
    }
    assert schema["$defs"]["Place"]["required"] == ["city"]
    assert schema["$defs"]["Place"]["description"] == "A place."
    assert "required" not in schema["$defs"]["Trip"]
    assert schema["$defs"]["Color"] == {"type": "string", "enum": ["red", "blue"]}
    assert "title" not in json.dumps(schema)


def test_argument_names_pydantic_keeps_to_itself_are_fine() -> None:
    def use(
        model_config: int,
        schema: str,
        json: dict[str, Any],
        copy: bool = False,
        title: str = "t",
        _hidden: int = 1,
        field_0: int = 3,
    ) -> None:
        """Use."""

    assert list(properties(use)) == [
        "model_config",
        "schema",
        "json",
        "copy",
        "title",
        "_hidden",
        "field_0",
    ]


@pytest.mark.parametrize(
    ("default", "shown"),
    [
        (None, None),
        ([], []),
        ({"title": "Mr"}, {"title": "Mr"}),
        (Color.RED, "red"),
        (date(2026, 1, 2), "2026-01-02"),
        (timedelta(days=1), "P1D"),
    ],
)
def test_defaults_are_shown(default: Any, shown: Any) -> None:
    def use(x=default): ...  # type: ignore[no-untyped-def]

    use.__annotations__ = {"x": type(default) if default is not None else Any}
    (schema,) = properties(use).values()
    assert schema["default"] == shown
    assert required(use) == []


@pytest.mark.parametrize("default", [object(), float("nan"), float("inf"), int, len])
def test_defaults_json_does_not_have_are_left_out(default: Any) -> None:
    def use(x=default): ...  # type: ignore[no-untyped-def]

    assert properties(use) == {"x": {}}
    assert required(use) == []


def test_keyword_only_arguments_and_the_rest() -> None:
    def use(a: int, *args: int, b: str, c: bool = True, **more: Any) -> None:
        """Use."""

    assert list(properties(use)) == ["a", "b", "c"]
    assert required(use) == ["a", "b"]


@pytest.mark.parametrize("header", ["Args:", "Arguments:", "Parameters:"])
def test_docstrings_in_googles_style(header: str) -> None:
    def use(a: int, b: tuple[int, int], c: str = "") -> None: ...

    use.__doc__ = f"""{header}
        a: first

        b (tuple(int, int)): second
            goes on

            and on
        **c : third

    And text: behind the section

    Raises:
        a: not an argument
    """
    assert {name: schema.get("description") for name, schema in properties(use).items()} == {
        "a": "first",
        "b": "second goes on and on",
        "c": "third",
    }
    assert ak.tool(use).description == ""


def test_an_annotation_says_more_than_the_docstring() -> None:
    def use(
        a: Annotated[int, Field(description="from the annotation")], b: Annotated[int, Field(gt=0)]
    ) -> None:
        """Use.

        Args:
            a: from the docstring
            b: from the docstring
        """

    assert [schema["description"] for schema in properties(use).values()] == [
        "from the annotation",
        "from the docstring",
    ]

"""Functions whose arguments are of JSON's own types are described as pydantic describes them."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import product
from typing import Any, Optional

import pytest
from pydantic import Field, create_model

import agentkit as ak
from agentkit.errors import SchemaError

HINTS = (
    *("str", "int", "float", "bool", "Any", "list", "dict", "list[str]", "list[list[float]]"),
    *("Optional[str]", "int | None", "list[int] | None", "None | str", "int | str", "Any | None"),
)
DEFAULTS = ("", "None", "'x'", "'é'", "1", "1.5", "True", "float('inf')", "[]")


def function(hint: str, default: str) -> Callable[..., Any]:
    """Write a function of two arguments."""
    given = f" = {default}" if default else ""
    about = '"""Do it.\n\n    Args:\n        a: what is meant.\n    """'
    found: dict[str, Any] = {"Any": Any, "Optional": Optional}
    exec(f"def f(a: {hint}{given}, *more, b: int = 2, **others):\n    {about}\n", found)
    made: Callable[..., Any] = found["f"]
    return made


@pytest.mark.parametrize(("hint", "default"), product(HINTS, DEFAULTS))
@pytest.mark.filterwarnings("ignore::pydantic.json_schema.PydanticJsonSchemaWarning")
def test_as_pydantic_has_it(hint: str, default: str) -> None:
    space = {"Any": Any, "Optional": Optional}
    value = eval(default) if default else ...
    first = (eval(hint, space), Field(value, description="what is meant."))
    schema = create_model("f", a=first, b=(int, 2)).model_json_schema()
    for one in schema["properties"].values():
        del one["title"]
        if one.get("default") == float("inf"):
            del one["default"]
    rest = {"required": schema["required"]} if "required" in schema else {}
    wanted = {"type": "object", "properties": schema["properties"], **rest}
    assert json.dumps(ak.tool(function(hint, default)).parameters) == json.dumps(wanted)


def test_what_cannot_be_called_by_keyword_is_refused() -> None:
    def by_place(a: int, /) -> None: ...

    class Thing:
        def method(self, a: int) -> None: ...

    with pytest.raises(SchemaError, match="by position only"):
        ak.tool(by_place)
    with pytest.raises(SchemaError, match="a method without its object"):
        ak.tool(Thing.method)
